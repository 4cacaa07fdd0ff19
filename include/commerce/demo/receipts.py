"""From documents to the rows of a channel's transaction tables: numbers, taxes, discounts, charges, payments, totals.

All money is computed here from quantity and price in exact decimals: net = price * quantity - discount, tax = net *
rate rounded to the cent for each code, and every total is the sum of its parts.
"""

from __future__ import annotations

import duckdb

from commerce.demo.plan import DEFAULT_CUSTOMER

NUMBERED = """
CREATE TABLE numbered AS
WITH placed AS (
    SELECT * REPLACE (coalesce(register, 1 + share('register', doc, 2)) AS register),
           utc(day, second, offset_seconds) AS moment, business_date(day) AS date,
           lpad(CAST(shop + 1 AS VARCHAR), 4, '0') || '-' || coalesce(register, 1 + share('register', doc, 2))
               AS terminal
    FROM document JOIN shop USING (shop))
SELECT placed.*, CASE WHEN buyer IS NOT NULL THEN guid('customer', buyer) END AS guid,
       strftime(date, '%Y-%m-%d') AS businessdate,
       row_number() OVER (ORDER BY shop, moment, doc) AS pos,
       row_number() OVER (PARTITION BY shop, register ORDER BY moment, doc) AS sequence,
       store || '-' || terminal || '-' || lpad(CAST(sequence AS VARCHAR), 6, '0') AS transactionid,
       money(round(charge * (state_rate + coalesce(city_rate, 0)), 2)) AS charge_tax,
       share('guid in account', doc, 2) = 0 AS guid_in_account
FROM placed ORDER BY pos
"""

# A voided line keeps what the register had typed; it has no discount and no tax, and no total counts it.
LINE = """
CREATE TABLE line AS
SELECT doc, pos, shop, linenum, item, qty, list_price, cost, voided, returned_line,
       money(CASE WHEN voided THEN 0 ELSE (list_price - sales_price) * qty END) AS discount,
       money(list_price * qty) - discount AS net,
       money(CASE WHEN voided THEN 0 ELSE round(net * state_rate, 2) END) AS state_tax,
       money(CASE WHEN voided OR city_rate IS NULL THEN 0 ELSE round(net * city_rate, 2) END) AS city_tax
FROM base_line JOIN numbered USING (origin)
ORDER BY pos, linenum
"""

# Only a sale or return that was concluded (or rehearsed in training) was paid; an order is paid on delivery.
HEADER = """
CREATE TABLE header AS
WITH total AS (
    SELECT doc, money(sum(net)) AS net, money(sum(state_tax + city_tax)) AS tax, money(sum(discount)) AS discount,
           CAST(sum(qty) AS BIGINT) AS items, count(*) AS lines
    FROM line WHERE NOT voided GROUP BY doc),
summed AS (
    SELECT numbered.* EXCLUDE (charge_tax), coalesce(charge_tax, money(0)) AS charge_tax,
           coalesce(tax, money(0)) AS tax,
           coalesce(discount, money(0)) AS discount, coalesce(items, 0) AS items, coalesce(lines, 0) AS lines,
           money(coalesce(net, money(0)) + coalesce(charge, money(0))) AS net
    FROM numbered LEFT JOIN total USING (doc))
SELECT *, money(net + tax + charge_tax) AS gross,
       CASE WHEN type IN (3, 18, 20) THEN amount
            WHEN source IN (1, 2) AND type = 2 AND entrystatus IN (0, 6) THEN money(net + tax + charge_tax)
            ELSE money(0) END AS paid,
       'R' || lpad(CAST(sequence AS VARCHAR), 8, '0') AS receiptid,
       lpad(CAST(100 + share('staff', shop || '-' || register, 20) AS VARCHAR), 6, '0') AS staff,
       '1' AS shift, 100 + day AS batchid,
       CASE WHEN source = 5 THEN 8 ELSE share('payment', number, 10) END AS method
FROM summed ORDER BY pos
"""

# Methods 0-4 card; 5-7 the next twenty dollars in cash with change; 8 exact cash; 9 half cash, half card. Refunds go
# back the way the sale was paid. One card in sixty is declined first and its payment line voided.
PAYMENT = """
CREATE TABLE payment AS
WITH paying AS (
    SELECT doc, pos, shop, number, source, paid,
           CASE WHEN method IN (5, 6, 7) AND paid < 0 OR method = 9 AND abs(paid) < 1 THEN 8 ELSE method END AS method,
           money(((CAST(paid * 100 AS BIGINT) + 1999) // 2000) * 20) AS tendered, money(round(paid * 0.5, 2)) AS half
    FROM header WHERE paid <> 0),
lines AS (
    SELECT doc, pos, shop, 1 AS linenum, CASE WHEN method < 5 THEN '2' ELSE '1' END AS tendertype,
           CASE WHEN method IN (5, 6, 7) THEN tendered WHEN method = 9 THEN half ELSE paid END AS amount,
           FALSE AS change, FALSE AS voided
    FROM paying
    UNION ALL SELECT doc, pos, shop, 2, '1', paid - tendered, TRUE, FALSE FROM paying
        WHERE method IN (5, 6, 7) AND tendered > paid
    UNION ALL SELECT doc, pos, shop, 2, '2', paid - half, FALSE, FALSE FROM paying WHERE method = 9
    UNION ALL SELECT doc, pos, shop, 3, '2', paid, FALSE, TRUE FROM paying
        WHERE source = 1 AND share('declined', number, 60) = 0)
SELECT doc, pos, shop, linenum, tendertype, money(amount) AS amount, change, voided FROM lines ORDER BY pos, linenum
"""

_KEY = "header.transactionid, header.store, header.terminal, 'USMF' AS dataareaid"
_LINE_KEY = "header.transactionid, header.store, header.terminal AS terminalid, 'USMF' AS dataareaid"
_STOREID_KEY = "header.transactionid, header.store AS storeid, header.terminal AS terminalid, 'USMF' AS dataareaid"
_ORDER = "header.source IN (3, 4)"
# Orders, and sales that are delivered for a charge, name the customer's address.
_DELIVERED = f"(({_ORDER} OR header.charge IS NOT NULL) AND header.buyer IS NOT NULL)"
# Every third line of an order goes to the customer's second address, if there is one.
_ELSEWHERE = f"({_ORDER} AND line.linenum % 3 = 0 AND header.buyer % 5 = 2)"
_LINES = "FROM line JOIN header USING (doc) WHERE line.shop = ? AND header.shop = ?"


def _address_id(ordinal: int) -> str:
    return f"guid('address', header.buyer || '-{ordinal}')"


CHANNEL_ROWS = {
    "retailtransactiontable": f"""
        SELECT {_KEY}, type, entrystatus, businessdate, businessdate AS transdate, second AS transtime,
               iso(moment - to_seconds(60)) AS begindatetime, iso(moment) AS createddatetime, receiptid, staff,
               shift, batchid, terminal AS batchterminalid, 'USD' AS currency, guid AS custaccountasync,
               CASE WHEN guid IS NOT NULL THEN CASE WHEN guid_in_account THEN guid ELSE '' END
                    WHEN source IN (1, 2) AND share('default account', number, 2) = 0 THEN '{DEFAULT_CUSTOMER}'
                    ELSE '' END AS custaccount,
               CASE WHEN {_DELIVERED} THEN {_address_id(1)} END AS addressidasync,
               CASE WHEN {_ORDER} THEN upper(left(digest('confirmation', doc), 10)) END AS channelreferenceid,
               CASE WHEN {_ORDER} THEN 'GROUND' END AS dlvmode, store AS inventlocationid,
               CASE WHEN {_ORDER} THEN strftime(date + 2, '%Y-%m-%d') END AS shippingdaterequested,
               CAST(gross AS VARCHAR) AS grossamount, CAST(net AS VARCHAR) AS netamount,
               CAST(paid AS VARCHAR) AS paymentamount, CAST(discount AS VARCHAR) AS discamount,
               CAST(CASE WHEN type = 18 THEN amount ELSE 0 END AS VARCHAR) AS incomeexpenseamount,
               CAST(items AS VARCHAR) AS numberofitems, CAST(lines AS VARCHAR) AS numberofitemlines,
               coalesce(payment_lines, 0) AS numberofpaymentlines,
               CASE WHEN source = 2 THEN 1 ELSE 0 END AS saleisreturnsale
        FROM header
        LEFT JOIN (SELECT doc, count(*) AS payment_lines FROM payment WHERE NOT voided AND shop = ? GROUP BY doc)
            USING (doc)
        WHERE shop = ? ORDER BY pos""",
    "retailtransactionsalestrans": f"""
        SELECT {_LINE_KEY}, CAST(line.linenum AS VARCHAR) AS linenum, i_item_id AS itemid, 'ea' AS unit,
               CAST(line.qty AS VARCHAR) AS qty, CAST(list_price AS VARCHAR) AS price,
               CAST(list_price AS VARCHAR) AS originalprice, CAST(line.net AS VARCHAR) AS netamount,
               CAST(state_tax + city_tax AS VARCHAR) AS taxamount,
               CAST(line.net + state_tax + city_tax AS VARCHAR) AS netamountincltax,
               CAST(line.discount AS VARCHAR) AS discamount, CAST(line.discount AS VARCHAR) AS periodicdiscamount,
               CAST(line.cost * line.qty AS VARCHAR) AS costamount, header.state AS taxgroup, 'ALL' AS taxitemgroup,
               'USD' AS currency, CASE WHEN line.voided THEN 1 ELSE 0 END AS transactionstatus,
               CASE WHEN {_ORDER} OR header.number % 5 = 0 THEN header.guid END AS custaccountasync,
               CASE WHEN {_ELSEWHERE} THEN {_address_id(2)} WHEN {_ORDER} THEN {_address_id(1)} END AS addressidasync,
               CASE WHEN {_ORDER} THEN 'GROUND' END AS dlvmode, header.store AS inventlocationid,
               i_category_id AS categoryid,
               sale.transactionid AS returntransactionid, CAST(line.returned_line AS VARCHAR) AS returnlinenum,
               sale.store AS returnstore, sale.terminal AS returnterminalid
        FROM line JOIN header USING (doc) JOIN item ON i_item_sk = line.item
        LEFT JOIN header AS sale ON sale.doc = header.return_of AND sale.shop = header.shop
        WHERE line.shop = ? AND header.shop = ? ORDER BY line.pos, line.linenum""",
    "retailtransactionpaymenttrans": f"""
        SELECT {_KEY}, CAST(linenum AS VARCHAR) AS linenum, tendertype, 'USD' AS currency,
               CAST(payment.amount AS VARCHAR) AS amountcur, CAST(payment.amount AS VARCHAR) AS amountmst,
               CAST(payment.amount AS VARCHAR) AS amounttendered,
               CASE tendertype WHEN '2' THEN 'VISA' END AS cardtypeid,
               CASE WHEN change THEN 1 ELSE 0 END AS changeline, CASE WHEN voided THEN 1 ELSE 0 END AS voidstatus,
               CASE WHEN voided THEN 1 ELSE 0 END AS transactionstatus, receiptid, staff, shift,
               businessdate AS transdate, second AS transtime, businessdate
        FROM payment JOIN header USING (doc)
        WHERE payment.shop = ? AND header.shop = ? ORDER BY payment.pos, linenum""",
    "retailtransactiontaxtrans": f"""
        SELECT {_STOREID_KEY}, CAST(linenum AS VARCHAR) AS salelinenum, taxcode, CAST(taxed AS VARCHAR) AS amount,
               CAST(line.net AS VARCHAR) AS taxbaseamount, CAST(rate * 100 AS VARCHAR) AS taxpercentage,
               0 AS isincludedinprice, 0 AS isexempt
        FROM (SELECT *, unnest([state_code, city_code]) AS taxcode, unnest([state_tax, city_tax]) AS taxed,
                     unnest([state_rate, city_rate]) AS rate
              FROM line JOIN shop USING (shop) WHERE line.shop = ? AND NOT voided) AS line
        JOIN header USING (doc) WHERE header.shop = ? AND taxcode IS NOT NULL ORDER BY line.pos, linenum, taxcode""",
    "retailtransactiondiscounttrans": f"""
        SELECT {_STOREID_KEY}, CAST(linenum AS VARCHAR) AS salelinenum, '1' AS linenum,
               CAST(line.discount AS VARCHAR) AS amount,
               CAST(line.discount AS VARCHAR) AS discountamount, 1 AS discountorigintype,
               'DEMO-' || item % 10 AS periodicdiscountofferid
        {_LINES} AND line.discount <> 0 ORDER BY line.pos, line.linenum""",
    "retailtransactionmarkuptrans": f"""
        SELECT {_LINE_KEY}, '0' AS salelinenum, '1' AS markuplinenum, 'DELIVERY' AS markupcode, 'USD' AS currencycode,
               0 AS method, CAST(charge AS VARCHAR) AS value, CAST(charge AS VARCHAR) AS calculatedamount,
               CAST(charge_tax AS VARCHAR) AS taxamount, CAST(charge_tax AS VARCHAR) AS taxamountexclusive,
               '0.00' AS taxamountinclusive, state AS taxgroup, 'ALL' AS taxitemgroup, 'Delivery' AS description
        FROM header WHERE shop = ? AND charge IS NOT NULL ORDER BY pos""",
    "retailtransactionaddresstrans": f"""
        WITH delivery AS (
            SELECT doc, 0 AS linenum, 1 AS ordinal FROM header WHERE shop = ? AND {_DELIVERED}
            UNION ALL SELECT doc, linenum, 2 {_LINES} AND {_ELSEWHERE})
        SELECT {_KEY}, CAST(linenum AS VARCHAR) AS salelinenum, addressid AS addressidasync, custname AS deliveryname,
               custname AS salesname, street, streetnumber, city, county, address.state, zip AS zipcode,
               'USA' AS countryregionid, phone, email
        FROM delivery JOIN header USING (doc)
        JOIN address ON address.sk = header.buyer AND address.ordinal = delivery.ordinal
        ORDER BY pos, linenum""",
}
"""Channel table to the query of its rows for one store; names of columns are the table's, every `?` is the store's
number."""


def add_receipts(connection: duckdb.DuckDBPyConnection) -> None:
    """Create tables `numbered`, `line`, `header` and `payment` from the documents of all stores."""
    for statement in (NUMBERED, LINE, HEADER, PAYMENT):
        connection.execute(statement)
