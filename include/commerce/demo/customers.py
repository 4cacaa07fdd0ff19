"""TPC-DS customers as asynchronous customers: each is created in one store, minutes before it first buys anywhere."""

from __future__ import annotations

import duckdb

UNKNOWN_BUYER = 2_999_999_999
"""The customer of whom the unknown-customer store's transactions know the GUID and nobody has the row."""

# Customers who never bought came in on some day all the same. Buyers from a thousand million on belong to an extra
# store: they borrow name and address of a TPC-DS customer some places further.
BUYERS = """
CREATE TABLE buyer AS
WITH bought AS (
    SELECT buyer AS sk, min(utc(day, second, offset_seconds)) AS first_moment, any_value(shop) AS shop,
           bool_or(source = 4) AS web
    FROM document JOIN shop USING (shop) WHERE buyer IS NOT NULL GROUP BY buyer),
wanted AS (
    SELECT coalesce(bought.sk, c_customer_sk) AS sk,
           CASE WHEN bought.sk > 1000000000 THEN bought.shop
                ELSE share('home', coalesce(bought.sk, c_customer_sk), store_count()) END AS shop,
           first_moment, coalesce(web, FALSE) AS web
    FROM customer FULL JOIN bought ON bought.sk = c_customer_sk),
named AS (
    SELECT sk, shop, web, first_moment, sk % 40 = 0 AS organization,
           coalesce(trim(c_first_name), '') AS given, coalesce(trim(c_last_name), '') AS family,
           CASE WHEN c_email_address IS NULL THEN ''
                ELSE CASE WHEN sk < 1000000000 THEN '' ELSE 'new.' END || c_email_address END AS email,
           CASE WHEN sk % 8 = 0 THEN chr(65 + share('middle name', sk, 26)) ELSE '' END AS initial,
           (coalesce(c_current_addr_sk, sk) - 1) % address_count() AS place
    FROM wanted JOIN customer
        ON c_customer_sk = (sk % 1000000000 - 1 + 13 * (sk // 1000000000)) % customer_count() + 1)
SELECT sk, shop, web, organization, place, email, guid('customer', sk) AS guid,
       coalesce(first_moment - to_seconds(120),
                utc(share('day', sk, day_count()), 32400 + share('time', sk, 36000), offset_seconds)) AS created,
       CASE WHEN organization THEN '' ELSE given END AS firstname,
       CASE WHEN organization THEN '' ELSE initial END AS middlename,
       CASE WHEN organization THEN '' WHEN given = '' AND family = '' THEN 'Customer ' || sk ELSE family END
           AS lastname,
       CASE WHEN organization THEN
                concat_ws(' ', CASE WHEN family = '' THEN 'Company ' || sk ELSE family END,
                          ['Trading', 'Supply', 'Catering', 'Builders', 'Studio'][1 + share('trade', sk, 5)], 'LLC')
            ELSE concat_ws(' ', nullif(firstname, ''), nullif(middlename, ''), nullif(lastname, '')) END AS custname,
       '+1' || [713, 206, 617, 303, 404, 312, 602, 305, 214, 775][1 + share('area', sk, 10)]
            || (220 + share('exchange', sk, 80))
            || lpad(CAST(share('subscriber', sk, 10000) AS VARCHAR), 4, '0') AS phone,
       sk % 5 = 2 AS second_address
FROM named JOIN shop USING (shop)
ORDER BY shop, created, sk
"""

ADDRESSES = """
CREATE TABLE address AS
SELECT sk, buyer.shop, ordinal, guid('address', sk || '-' || ordinal) AS addressid, buyer.guid, custname, phone, email,
       created + to_seconds(CAST(ordinal AS INTEGER)) AS created,
       coalesce(trim(ca_street_name) || ' ' || trim(ca_street_type), trim(ca_street_name), '') AS street,
       coalesce(ca_street_number, '') AS streetnumber, coalesce(ca_suite_number, '') AS buildingcompliment,
       coalesce(ca_city, '') AS city,
       upper(left(replace(replace(coalesce(ca_county, ''), ' County', ''), ' ', ''), 10)) AS county,
       coalesce(ca_state, '') AS state, coalesce(ca_zip, '') AS zip
FROM (SELECT *, unnest(CASE WHEN second_address THEN [1, 2] ELSE [1] END) AS ordinal FROM buyer) AS buyer
JOIN customer_address ON ca_address_sk = (place + (ordinal - 1) * 17) % address_count() + 1
ORDER BY shop, created, sk, ordinal
"""

_OF_BUYER = "guid AS custaccountasync, 1 AS operation, 'USMF' AS dataareaid"

CHANNEL_ROWS = {
    "retailasynccustomerv2": f"""
        SELECT {_OF_BUYER}, iso(created) AS createddatetime, custname, firstname, middlename, lastname,
               CASE WHEN organization THEN 2 ELSE 1 END AS relationshiptype,
               CASE WHEN organization THEN '40' ELSE '' END AS custgroup,
               CASE WHEN sk % 10 = 1 THEN '' ELSE 'USD' END AS currency,
               CASE WHEN sk % 10 = 1 THEN '' ELSE 'en-US' END AS languageid,
               phone, CASE WHEN sk % 3 = 0 THEN phone ELSE '' END AS cellularphone, email,
               CASE WHEN sk % 2 = 0 THEN email ELSE '' END AS receiptemail,
               CASE WHEN sk % 2 = 0 AND email <> '' THEN 1 ELSE 0 END AS receiptoption,
               CASE WHEN organization THEN 'ORG-' || sk ELSE '' END AS organizationid
        FROM buyer WHERE shop = ? AND sk <> {UNKNOWN_BUYER} ORDER BY created, sk""",
    "retailasyncaddressv2": f"""
        SELECT {_OF_BUYER}, iso(created) AS createddatetime, addressid, custname, street, streetnumber,
               buildingcompliment, city, county, state, zip, 'USA' AS country, phone, email,
               CASE WHEN ordinal = 1 THEN 1 ELSE 0 END AS makepostaladdressprimary
        FROM address WHERE shop = ? AND sk <> {UNKNOWN_BUYER} ORDER BY created, sk, ordinal""",
    "retailasynccustomercontact": f"""
        SELECT {_OF_BUYER}, iso(created + to_seconds(3)) AS createddatetime, guid('contact', sk) AS contactid,
               CASE WHEN sk % 7 = 0 THEN 2 ELSE 1 END AS contacttype,
               CASE WHEN sk % 7 = 0 THEN 'home' || sk || '@example.com' ELSE left(phone, 8) || '0199' END AS locator,
               CASE WHEN sk % 7 = 0 THEN 'Private e-mail' ELSE 'Office phone' END AS description, 0 AS isprimary,
               CASE WHEN sk % 14 = 0 THEN 1 ELSE 0 END AS retailmarketingoptin
        FROM buyer WHERE shop = ? AND sk <> {UNKNOWN_BUYER} AND (sk % 7 = 0 OR sk % 11 = 0) ORDER BY created, sk""",
    "retailasynccustomeraffiliation": f"""
        SELECT {_OF_BUYER}, iso(created + to_seconds(4)) AS createddatetime,
               CASE WHEN sk % 12 = 0 THEN {{vip}} ELSE {{staff}} END AS retailaffiliationid
        FROM buyer WHERE shop = ? AND sk <> {UNKNOWN_BUYER} AND sk % 6 = 0 ORDER BY created, sk""",
    "retailasynccustomerattributev2": f"""
        SELECT {_OF_BUYER}, iso(created + to_seconds(5)) AS createddatetime, {{shoe_size}} AS attributerecid,
               {{text_type}} AS attributedatatype,
               CAST(36 + share('shoe size', sk, 12) AS VARCHAR) AS attributevaluestring
        FROM buyer WHERE shop = ? AND sk <> {UNKNOWN_BUYER} AND sk % 9 = 0 ORDER BY created, sk""",
    "retailexternalidtoasynccustomermap": f"""
        SELECT guid('identity', sk) AS externalidentityid, 1 AS providerid, guid AS asynccustomeraccountnumber,
               'USMF' AS dataareaid
        FROM buyer WHERE shop = ? AND sk <> {UNKNOWN_BUYER} AND web ORDER BY created, sk""",
}
"""Channel table to the query of its rows for one store; names of columns are the table's. Record ids of affiliations
and the attribute are filled in by `channel_rows`."""


def add_customers(connection: duckdb.DuckDBPyConnection) -> None:
    """Create tables `buyer` and `address` for everybody in TPC-DS and whoever else bought something."""
    connection.execute(BUYERS)
    connection.execute(ADDRESSES)


def channel_rows(*, vip: int, staff: int, shoe_size: int, text_type: int) -> dict[str, str]:
    """The queries of `CHANNEL_ROWS`, complete."""
    return {
        table: query.format(vip=vip, staff=staff, shoe_size=shoe_size, text_type=text_type)
        for table, query in CHANNEL_ROWS.items()
    }
