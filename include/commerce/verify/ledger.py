"""Vouchers balance to the cent, and say what invoices, taxes, payment journals and transactions say (design rule
12)."""

from commerce.schema.enums import (
    STATEMENT_TYPES,
    EntryStatus,
    StatementStatus,
    StatementType,
    TenderFunction,
    TransactionType,
)
from commerce.verify.rules import Check

_SALES = int(TransactionType.SALES)
_STATEMENT_TYPES = ", ".join(str(int(type_)) for type_ in STATEMENT_TYPES)
_TRANSACTIONAL = int(StatementType.TRANSACTIONAL)
_VOIDED = int(EntryStatus.VOIDED)
_LIVE_PAYMENT = f"p.voidstatus = 0 AND p.transactionstatus <> {_VOIDED}"
_PAYMENT_OF = "(p.store, p.terminal, p.transactionid) = (e.store, e.terminal, e.transactionid)"

CHECKS = (
    Check(
        "voucher_unbalanced",
        "a voucher's lines balance, and sum up to the voucher's amounts",
        """
        SELECT v.dataareaid || ' ' || v.voucher AS id FROM ax.generaljournalentry AS v
        LEFT JOIN (SELECT dataareaid, voucher, sum(debitamount) AS debit, sum(creditamount) AS credit
                   FROM ax.generaljournalaccountentry GROUP BY dataareaid, voucher) AS l USING (dataareaid, voucher)
        WHERE v.debitamount <> v.creditamount
           OR (v.debitamount, v.creditamount) IS DISTINCT FROM (coalesce(l.debit, 0), coalesce(l.credit, 0))""",
    ),
    Check(
        "voucher_not_linked",
        "every voucher is linked to the statement that posted it, with its date (a prepayment: see there)",
        """
        SELECT v.dataareaid || ' ' || v.voucher AS id FROM ax.generaljournalentry AS v
        LEFT JOIN ax.retailstatementvoucher AS l USING (dataareaid, voucher)
        LEFT JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
        WHERE v.journalcategory <> 'prepayment' AND (coalesce(s.postingdate, s.businessdate), s.storeid, l.voucherdate)
              IS DISTINCT FROM (v.accountingdate, v.store, v.accountingdate)""",
    ),
    Check(
        "invoice_differs_from_order",
        "an invoice has the amounts of its sales order",
        """
        SELECT j.dataareaid || ' ' || j.invoiceid AS id FROM ax.custinvoicejour AS j
        LEFT JOIN ax.salestable AS o USING (dataareaid, salesid)
        WHERE (o.netamount, o.taxamount, o.chargeamount, o.grossamount, o.custaccount)
              IS DISTINCT FROM (j.netamount, j.taxamount, j.chargeamount, j.invoiceamount, j.invoiceaccount)""",
    ),
    Check(
        "invoice_differs_from_voucher",
        "an invoice's voucher has its gross, net and charges on their accounts",
        """
        SELECT j.dataareaid || ' ' || j.invoiceid AS id FROM ax.custinvoicejour AS j
        LEFT JOIN (
            SELECT dataareaid, voucher,
                   sum(debitamount - creditamount) FILTER (WHERE postingtype = 'CustomerBalance') AS gross,
                   sum(creditamount - debitamount) FILTER (WHERE postingtype = 'Revenue') AS revenue,
                   sum(creditamount - debitamount) FILTER (WHERE postingtype = 'ChargeRevenue') AS charges,
                   sum(creditamount - debitamount) FILTER (WHERE postingtype = 'SalesTax') AS tax
            FROM ax.generaljournalaccountentry GROUP BY dataareaid, voucher) AS l
            ON (l.dataareaid, l.voucher) = (j.dataareaid, j.ledgervoucher)
        WHERE (coalesce(l.gross, 0), coalesce(l.revenue, 0), coalesce(l.charges, 0), coalesce(l.tax, 0))
              <> (j.invoiceamount, j.netamount - j.chargeamount, j.chargeamount, j.taxamount)""",
    ),
    Check(
        "invoice_tax_differs",
        "an invoice's taxes by code sum up to its tax amount and stand in its voucher",
        """
        SELECT DISTINCT j.dataareaid || ' ' || j.invoiceid AS id
        FROM ax.custinvoicejour AS j
        JOIN (SELECT dataareaid, voucher, taxcode, sum(creditamount - debitamount) AS amount
              FROM ax.generaljournalaccountentry WHERE postingtype = 'SalesTax'
              GROUP BY dataareaid, voucher, taxcode) AS l ON (l.dataareaid, l.voucher) = (j.dataareaid, j.ledgervoucher)
        FULL JOIN ax.taxtrans AS t
             ON (t.dataareaid, t.invoiceid, t.taxcode) = (j.dataareaid, j.invoiceid, l.taxcode)
        WHERE j.invoiceid IS NOT NULL AND coalesce(t.taxamount, 0) <> l.amount
        UNION
        SELECT j.dataareaid || ' ' || j.invoiceid FROM ax.custinvoicejour AS j
        LEFT JOIN (SELECT dataareaid, invoiceid, sum(taxamount) AS amount FROM ax.taxtrans
                   GROUP BY dataareaid, invoiceid) AS t USING (dataareaid, invoiceid)
        WHERE coalesce(t.amount, 0) <> j.taxamount""",
    ),
    Check(
        "tax_differs_from_transactions",
        "the taxes of a statement's invoices are those of its transactions, by tax code",
        f"""
        SELECT dataareaid || ' ' || statementid || ' ' || taxcode AS id
        FROM (SELECT e.dataareaid, e.statementid, x.taxcode, sum(x.amount) AS amount
              FROM ax.retaileodtransactiontable AS e
              JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
              JOIN ax.retailtransactiontaxtrans AS x
                   ON (x.storeid, x.terminalid, x.transactionid) = (e.store, e.terminal, e.transactionid)
              LEFT JOIN ax.retailtransactionsalestrans AS l
                   ON (l.store, l.terminalid, l.transactionid, l.linenum)
                    = (x.storeid, x.terminalid, x.transactionid, x.salelinenum)
              WHERE e.type = {_SALES} AND coalesce(l.transactionstatus, 0) <> {_VOIDED}
                AND s.postingstatus >= {int(StatementStatus.CUSTOMER_ORDER_INVOICED)}
              GROUP BY e.dataareaid, e.statementid, x.taxcode) AS sold
        FULL JOIN (
              SELECT j.dataareaid, j.statementid, t.taxcode, sum(t.taxamount) AS amount
              FROM ax.taxtrans AS t JOIN ax.custinvoicejour AS j USING (dataareaid, invoiceid)
              WHERE t.taxcode <> '' GROUP BY j.dataareaid, j.statementid, t.taxcode) AS billed
              USING (dataareaid, statementid, taxcode)
        WHERE coalesce(sold.amount, 0) <> coalesce(billed.amount, 0)""",
    ),
    Check(
        "payment_journal_differs",
        "a posted statement's payment journal has what its sales were paid with, by tender (sales on account are open)",
        f"""
        SELECT dataareaid || ' ' || statementid || ' ' || tendertypeid AS id
        FROM (SELECT e.dataareaid, e.statementid, p.tendertype AS tendertypeid, p.currency, sum(p.amountcur) AS amount
              FROM ax.retaileodtransactiontable AS e
              JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
              JOIN ax.retailtransactionpaymenttrans AS p ON {_PAYMENT_OF} AND {_LIVE_PAYMENT}
              LEFT JOIN ax.retailtendertypetable AS k
                   ON (k.dataareaid, k.tendertypeid) = (e.dataareaid, p.tendertype)
              WHERE e.type = {_SALES} AND coalesce(k.function, 0) <> {int(TenderFunction.CUSTOMER_ACCOUNT)}
                AND s.postingstatus >= {int(StatementStatus.PAYMENTS_POSTED)}
              GROUP BY e.dataareaid, e.statementid, p.tendertype, p.currency) AS paid
        FULL JOIN (
              SELECT j.dataareaid, j.statementid, l.tendertypeid, l.currency, sum(l.amount) AS amount
              FROM ax.ledgerjournaltrans AS l JOIN ax.ledgerjournaltable AS j USING (dataareaid, journalnum)
              GROUP BY j.dataareaid, j.statementid, l.tendertypeid, l.currency) AS journal
              USING (dataareaid, statementid, tendertypeid, currency)
        WHERE coalesce(paid.amount, 0) <> coalesce(journal.amount, 0)""",
    ),
    Check(
        "payment_voucher_differs",
        "a payment voucher has the tenders of its journal lines",
        """
        SELECT dataareaid || ' ' || voucher || ' ' || tendertypeid AS id
        FROM (SELECT l.dataareaid, l.voucher, l.tendertypeid, sum(l.debitamount - l.creditamount) AS amount
              FROM ax.generaljournalaccountentry AS l JOIN ax.generaljournalentry AS v USING (dataareaid, voucher)
              WHERE v.journalcategory = 'payment' AND l.tendertypeid <> ''
              GROUP BY l.dataareaid, l.voucher, l.tendertypeid) AS voucher
        FULL JOIN (SELECT dataareaid, voucher, tendertypeid, sum(amountmst) AS amount FROM ax.ledgerjournaltrans
                   GROUP BY dataareaid, voucher, tendertypeid) AS journal USING (dataareaid, voucher, tendertypeid)
        WHERE coalesce(voucher.amount, 0) <> coalesce(journal.amount, 0)""",
    ),
    Check(
        "tender_differs_from_statement",
        "the tenders in a posted transactional statement's vouchers are those of its lines (sales on account are no"
        " payment)",
        f"""
        SELECT dataareaid || ' ' || statementid || ' ' || tendertypeid AS id
        FROM (SELECT l.dataareaid, l.statementid, l.tendertypeid,
                     sum(CASE l.currency WHEN s.currency THEN l.transamount ELSE l.transamountmst END) AS amount
              FROM ax.retailstatementline AS l JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
              JOIN ax.retailtendertypetable AS k USING (dataareaid, tendertypeid)
              WHERE s.postingstatus = {int(StatementStatus.POSTED)} AND s.statementtype = {_TRANSACTIONAL}
                AND k.function <> {int(TenderFunction.CUSTOMER_ACCOUNT)}
              GROUP BY l.dataareaid, l.statementid, l.tendertypeid) AS line
        FULL JOIN (
              SELECT s.dataareaid, s.statementid, l.tendertypeid, sum(l.debitamount - l.creditamount) AS amount
              FROM ax.retailstatementvoucher AS v
              JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
              JOIN ax.generaljournalaccountentry AS l USING (dataareaid, voucher)
              JOIN ax.generaljournalentry AS e USING (dataareaid, voucher)
              WHERE l.postingtype = 'Tender' AND e.journalcategory <> 'giftcard'
                AND s.postingstatus = {int(StatementStatus.POSTED)} AND s.statementtype = {_TRANSACTIONAL}
              GROUP BY s.dataareaid, s.statementid, l.tendertypeid) AS voucher
              USING (dataareaid, statementid, tendertypeid)
        WHERE coalesce(line.amount, 0) <> coalesce(voucher.amount, 0)""",
    ),
    Check(
        "discount_voucher_differs",
        "a discount voucher has what periodic discounts took off the statement's sales",
        f"""
        SELECT dataareaid || ' ' || statementid AS id
        FROM (SELECT v.dataareaid, v.statementid,
                     sum(l.debitamount - l.creditamount) FILTER (WHERE l.postingtype = 'PeriodicDiscount') AS amount
              FROM ax.retailstatementvoucher AS v
              JOIN ax.generaljournalentry AS e USING (dataareaid, voucher)
              JOIN ax.generaljournalaccountentry AS l USING (dataareaid, voucher)
              WHERE e.journalcategory = 'discount' GROUP BY v.dataareaid, v.statementid) AS voucher
        JOIN (SELECT e.dataareaid, e.statementid, sum(x.amount) AS amount
              FROM ax.retaileodtransactiontable AS e
              JOIN ax.retailtransactiondiscounttrans AS x
                   ON (x.storeid, x.terminalid, x.transactionid) = (e.store, e.terminal, e.transactionid)
              JOIN ax.retailtransactionsalestrans AS l
                   ON (l.store, l.terminalid, l.transactionid, l.linenum)
                    = (x.storeid, x.terminalid, x.transactionid, x.salelinenum)
              WHERE e.type = {_SALES} AND x.periodicdiscountofferid <> '' AND l.transactionstatus <> {_VOIDED}
              GROUP BY e.dataareaid, e.statementid) AS given USING (dataareaid, statementid)
        WHERE voucher.amount IS DISTINCT FROM given.amount""",
    ),
    Check(
        "gift_card_liability_differs",
        "a statement's vouchers owe what its gift cards were sold for, less what was paid with gift cards",
        f"""
        SELECT dataareaid || ' ' || statementid AS id
        FROM (SELECT dataareaid, statementid, sum(amount) AS amount FROM (
                  SELECT e.dataareaid, e.statementid, l.netamount AS amount
                  FROM ax.retaileodtransactiontable AS e
                  JOIN ax.retailtransactionsalestrans AS l
                       ON (l.store, l.terminalid, l.transactionid) = (e.store, e.terminal, e.transactionid)
                  WHERE e.type = {_SALES} AND l.giftcard <> 0 AND l.transactionstatus <> {_VOIDED}
                  UNION ALL
                  SELECT e.dataareaid, e.statementid,
                         -CASE p.currency WHEN t.currency THEN p.amountcur ELSE p.amountmst END
                  FROM ax.retaileodtransactiontable AS e
                  JOIN ax.retailtransactiontable AS t
                       ON (t.store, t.terminal, t.transactionid) = (e.store, e.terminal, e.transactionid)
                  JOIN ax.retailtransactionpaymenttrans AS p ON {_PAYMENT_OF} AND {_LIVE_PAYMENT}
                  JOIN ax.retailtendertypetable AS k
                       ON (k.dataareaid, k.tendertypeid) = (e.dataareaid, p.tendertype)
                      AND k.function = {int(TenderFunction.GIFT_CARD)}
                  WHERE e.type IN ({_STATEMENT_TYPES})) AS row
              GROUP BY dataareaid, statementid) AS owed
        JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
        LEFT JOIN (
              SELECT v.dataareaid, v.statementid, sum(l.creditamount - l.debitamount) AS amount
              FROM ax.retailstatementvoucher AS v JOIN ax.generaljournalaccountentry AS l USING (dataareaid, voucher)
              WHERE l.postingtype = 'GiftCard' GROUP BY v.dataareaid, v.statementid) AS liability
             USING (dataareaid, statementid)
        WHERE s.postingstatus >= {int(StatementStatus.GIFT_CARDS_POSTED)}
          AND owed.amount <> coalesce(liability.amount, 0)""",
    ),
    Check(
        "customer_balance_differs",
        "the customer transactions of a voucher are its postings to the customer balance",
        """
        SELECT dataareaid || ' ' || voucher AS id
        FROM (SELECT dataareaid, voucher, sum(amountcur) AS amount FROM ax.custtrans GROUP BY dataareaid, voucher) AS c
        FULL JOIN (SELECT dataareaid, voucher, sum(debitamount - creditamount) AS amount
                   FROM ax.generaljournalaccountentry WHERE postingtype = 'CustomerBalance'
                   GROUP BY dataareaid, voucher) AS l USING (dataareaid, voucher)
        WHERE coalesce(c.amount, 0) <> coalesce(l.amount, 0)""",
    ),
    Check(
        "ledger_export_differs",
        "an export to the general ledger holds as many vouchers and rows as its file had",
        """
        SELECT x.export::text AS id FROM cdx.ledgerexport AS x
        LEFT JOIN (SELECT export, count(*) AS vouchers, sum(l.rows) AS rows
                   FROM cdx.ledgerexportvoucher
                   LEFT JOIN (SELECT dataareaid, voucher, count(*) AS rows FROM ax.generaljournalaccountentry
                              GROUP BY dataareaid, voucher) AS l USING (dataareaid, voucher)
                   GROUP BY export) AS held USING (export)
        WHERE (x.vouchers, x.rows) IS DISTINCT FROM (held.vouchers, held.rows)""",
    ),
)
