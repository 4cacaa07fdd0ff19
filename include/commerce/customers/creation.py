"""What a conversion writes (domain C2), in the order of the statements: first the GUID map as the lock, then the party
and its contact data, last the account number and everything that bears it."""

from __future__ import annotations

from sqlalchemy import text

from commerce.customers.candidates import CHOSEN
from commerce.schema.enums import ContactType, RelationType

CLAIM = (
    text(
        """
        CREATE TEMP TABLE customer (LIKE candidate, party bigint, phoneid bigint, cellularid bigint, emailid bigint,
                                    urlid bigint, numbersequence text, ordinal bigint, accountnum text) ON COMMIT DROP
        """
    ),
    text(
        f"""
        WITH chosen AS ({CHOSEN}), claimed AS (
            INSERT INTO ax.custaccountasyncmap (dataareaid, custaccountasync, origin, mappedhow, mappedby)
            SELECT :company, custaccountasync, origin, 'created', :job FROM chosen ORDER BY custaccountasync
            ON CONFLICT (dataareaid, custaccountasync) DO NOTHING
            RETURNING custaccountasync)
        INSERT INTO customer
        SELECT c.*, nextval('ax.recid'),
               CASE WHEN c.phone <> '' THEN nextval('ax.recid') END,
               CASE WHEN c.cellularphone <> '' THEN nextval('ax.recid') END,
               CASE WHEN c.email <> '' THEN nextval('ax.recid') END,
               CASE WHEN c.url <> '' THEN nextval('ax.recid') END,
               coalesce(c.custaccountnumseq, r.numbersequence),
               row_number() OVER (PARTITION BY coalesce(c.custaccountnumseq, r.numbersequence)
                                  ORDER BY custaccountasync)
        FROM chosen AS c JOIN claimed USING (custaccountasync)
        LEFT JOIN ax.numbersequencereference AS r ON r.dataareaid = c.company AND r.reference = 'CustomerAccount'
        """
    ),
    text("ANALYZE customer (custaccountasync, party)"),
)
"""The map's primary key is the lock (rule 1): of the earliest good rows of the GUIDs, only those that nobody has
claimed become customers. Who comes second waits here for who came first, and creates nothing. Numbers will go out in
GUID order (`ordinal`), so that a run that was interrupted and goes on gives what an undisturbed one gives."""

PARTIES = (
    text(
        """
        INSERT INTO ax.dirpartytable (recid, partynumber, instancerelationtype, name, languageid,
                                      primarycontactphone, primarycontactemail, primarycontacturl)
        SELECT party, party::text, relationshiptype, name, languageid, coalesce(phoneid, cellularid), emailid, urlid
        FROM customer
        """
    ),
    text(
        f"""
        INSERT INTO ax.dirperson (recid, personaltitle)
        SELECT party, titlerecordid FROM customer WHERE relationshiptype = {RelationType.PERSON}
        """
    ),
    text(
        f"""
        INSERT INTO ax.dirpersonname (recid, person, firstname, middlename, lastname, validfrom)
        SELECT party, party, firstname, middlename, lastname, createddatetime
        FROM customer WHERE relationshiptype = {RelationType.PERSON}
        """
    ),
    text(
        f"""
        INSERT INTO ax.dirorganization (recid, orgnumber)
        SELECT party, organizationid FROM customer WHERE relationshiptype = {RelationType.ORGANIZATION}
        """
    ),
    text(
        f"""
        CREATE TEMP TABLE electronic ON COMMIT DROP AS
        SELECT e.recid, c.party, e.type, e.locator, e.extension, e.mobile, e.isprimary FROM customer AS c
        CROSS JOIN LATERAL (VALUES
            (c.phoneid, {ContactType.PHONE}, c.phone, c.phoneextension, 0, 1),
            (c.cellularid, {ContactType.PHONE}, c.cellularphone, '', 1, CASE WHEN c.phoneid IS NULL THEN 1 ELSE 0 END),
            (c.emailid, {ContactType.EMAIL}, c.email, '', 0, 1),
            (c.urlid, {ContactType.URL}, c.url, '', 0, 1)
        ) AS e (recid, type, locator, extension, mobile, isprimary)
        WHERE e.recid IS NOT NULL
        """
    ),
    text("INSERT INTO ax.logisticslocation (recid, locationid) SELECT recid, recid::text FROM electronic"),
    text(
        """
        INSERT INTO ax.logisticselectronicaddress (recid, location, type, locator, locatorextension,
                                                   isprimary, ismobilephone)
        SELECT recid, recid, type, locator, extension, isprimary, mobile FROM electronic
        """
    ),
    text("INSERT INTO ax.dirpartylocation (recid, party, location) SELECT recid, party, recid FROM electronic"),
)
"""Party, location and contact rows get their ids from one value each: a record id is unique within its table only."""

NUMBERS_NEEDED = text(
    "SELECT numbersequence, count(*) AS customers FROM customer GROUP BY numbersequence ORDER BY numbersequence"
)
SET_ACCOUNTS = "UPDATE customer SET accountnum = {number} WHERE numbersequence = :sequence"

ACCOUNTS = (
    text(
        """
        INSERT INTO ax.custtable (dataareaid, accountnum, party, custgroup, currency, taxgroup, vatnum, pricegroup,
                                  linedisc, multilinedisc, enddisc, creditmax, mandatorycreditlimit, blocked,
                                  invoiceaccount, identificationnumber, orgid, usepurchrequest, contactpersonid,
                                  paymtermid, defaultdimension)
        SELECT company, accountnum, party, custgroup, currency, coalesce(nullif(taxgroup, ''), grouptax), vatnum,
               pricegroup, linedisc, multilinedisc, enddisc, creditmax, mandatorycreditlimit, blocked, invoiceaccount,
               identificationnumber, organizationid, usepurchrequest, contactpersonid, paymtermid, defaultdimension
        FROM customer ORDER BY accountnum
        """
    ),
    text(
        """
        INSERT INTO ax.retailcusttable (dataareaid, accountnum, custaccountasync, receiptemail, receiptoption,
                                        isb2badmin)
        SELECT company, accountnum, custaccountasync, receiptemail, receiptoption, isb2badmin FROM customer
        """
    ),
    text(
        """
        INSERT INTO ax.retailcustaffiliation (dataareaid, custaccountnum, retailaffiliationid)
        SELECT c.company, c.accountnum, a.retailaffiliationid
        FROM customer AS c
        JOIN ax.retailchanneltable AS ch ON ch.recid = c.channel
        JOIN ax.retailcustaffiliation AS a
          ON (a.dataareaid, a.custaccountnum) = (ch.defaultcustdataareaid, ch.defaultcustaccount)
        """
    ),
    text(
        """
        UPDATE ax.custaccountasyncmap AS m SET accountnum = c.accountnum FROM customer AS c
        WHERE m.dataareaid = c.company AND m.custaccountasync = c.custaccountasync
        """
    ),
)

CREATED_BY_ORIGIN = text("SELECT origin, count(*) AS rows FROM customer GROUP BY origin")
CREATED_ACCOUNTS = "SELECT company AS dataareaid, accountnum FROM customer"
