"""Number sequences: the issued numbers are exactly lowest .. next - 1 (design rule 8).

Only customers that were created from a GUID took an account number: customers from setup (a store's default customer)
have free-form accounts. A customer group may have account numbers of its own.
"""

from commerce.verify.rules import Check

_ISSUED = """
    SELECT dataareaid, 'CustomerAccount' AS reference, accountnum AS number
    FROM ax.custaccountasyncmap WHERE mappedhow = 'created' AND accountnum IS NOT NULL
    UNION ALL SELECT dataareaid, CASE documenttype WHEN 'quotation' THEN 'SalesQuotation' ELSE 'SalesOrder' END, salesid
    FROM ax.salestable
    UNION ALL SELECT dataareaid, 'CustomerInvoice', invoiceid FROM ax.custinvoicejour
    UNION ALL SELECT dataareaid, 'LedgerVoucher', voucher FROM ax.generaljournalentry
    UNION ALL SELECT dataareaid, 'PaymentJournal', journalnum FROM ax.ledgerjournaltable
    UNION ALL SELECT dataareaid, 'Statement', statementid FROM ax.retailstatementtable"""

_SEQUENCES = """
    SELECT s.dataareaid, s.numbersequence, s.lowest, s.highest, s.nextrec, u.reference,
           split_part(s.format, '#', 1) AS prefix, substring(s.format FROM '[^#]*$') AS suffix
    FROM ax.numbersequencetable AS s
    JOIN (SELECT dataareaid, numbersequence, reference FROM ax.numbersequencereference
          UNION SELECT dataareaid, custaccountnumseq, 'CustomerAccount' FROM ax.custgroup
          WHERE custaccountnumseq IS NOT NULL) AS u USING (dataareaid, numbersequence)"""

_PLACED = f"""
    SELECT DISTINCT i.dataareaid, i.reference, i.number, s.numbersequence, s.nextrec, d.digits::bigint AS position
    FROM ({_ISSUED}) AS i
    LEFT JOIN ({_SEQUENCES}) AS s
         ON (s.dataareaid, s.reference) = (i.dataareaid, i.reference)
        AND left(i.number, length(s.prefix)) = s.prefix AND right(i.number, length(s.suffix)) = s.suffix
    LEFT JOIN LATERAL (
        SELECT substring(i.number FROM length(s.prefix) + 1
                         FOR length(i.number) - length(s.prefix) - length(s.suffix)) AS digits) AS d
         ON d.digits ~ '^[0-9]{{1,18}}$' AND d.digits::bigint BETWEEN s.lowest AND s.highest
    WHERE s.numbersequence IS NULL OR d.digits IS NOT NULL"""

# EXCEPT and not NOT EXISTS: nobody can estimate how many numbers a text turns into, and a plan that compares each
# document with each number takes hours at a day's size.
CHECKS = (
    Check(
        "number_sequence_gap",
        "every number of a sequence that was issued stands on a document",
        f"""
        SELECT dataareaid || ' ' || numbersequence || ' ' || position AS id FROM (
            SELECT s.dataareaid, s.numbersequence, g.position FROM ax.numbersequencetable AS s
            CROSS JOIN LATERAL generate_series(s.lowest, s.nextrec - 1) AS g (position)
            EXCEPT SELECT dataareaid, numbersequence, position FROM ({_PLACED}) AS placed) AS missing""",
    ),
    Check(
        "number_not_issued",
        "a document's number was issued by its sequence",
        f"""
        SELECT dataareaid || ' ' || reference || ' ' || number AS id FROM (
            SELECT dataareaid, reference, number FROM ({_ISSUED}) AS issued
            EXCEPT SELECT dataareaid, reference, number FROM ({_PLACED}) AS placed WHERE position < nextrec) AS odd""",
    ),
    Check(
        "account_number_taken_by_hand",
        "an account that looks like one of the sequence's was created from a GUID, or is a store's default customer",
        f"""
        SELECT c.dataareaid || ' ' || c.accountnum AS id FROM ax.custtable AS c
        JOIN ({_SEQUENCES}) AS s
             ON s.dataareaid = c.dataareaid AND s.reference = 'CustomerAccount'
            AND left(c.accountnum, length(s.prefix)) = s.prefix AND right(c.accountnum, length(s.suffix)) = s.suffix
            AND substring(c.accountnum FROM length(s.prefix) + 1
                          FOR length(c.accountnum) - length(s.prefix) - length(s.suffix)) ~ '^[0-9]+$'
        WHERE NOT EXISTS (
            SELECT FROM ax.custaccountasyncmap AS m
            WHERE (m.dataareaid, m.accountnum) = (c.dataareaid, c.accountnum) AND m.mappedhow = 'created')
          AND NOT EXISTS (
            SELECT FROM ax.retailchanneltable AS ch
            WHERE (ch.defaultcustdataareaid, ch.defaultcustaccount) = (c.dataareaid, c.accountnum))
          AND NOT (c.accountnum ~ '^[0-9]+$' AND s.prefix = '')""",
    ),
)
