"""Prepayments of orders: what channels were paid for orders is posted once, to the order's customer (domain B1)."""

from commerce.schema.enums import DocumentOperationStatus, EntryStatus
from commerce.verify.rules import Check

_LIVE = f"p.voidstatus = 0 AND p.transactionstatus <> {int(EntryStatus.VOIDED)}"
_WORTH = "CASE WHEN p.currency = t.currency THEN p.amountcur ELSE p.amountmst END"

CHECKS = (
    Check(
        "prepayment_differs",
        "the payments of a sales order are those of the transactions that it was created and canceled by",
        f"""
        SELECT store || ' ' || terminal || ' ' || transactionid || ' ' || linenum AS id
        FROM (SELECT t.store, t.terminal, t.transactionid, p.linenum, o.dataareaid, o.salesid, p.tendertype, p.currency,
                     {_WORTH} AS amount
              FROM (SELECT dataareaid, salesid, store, terminal, transactionid FROM ax.retailsalestable
                    UNION ALL
                    SELECT dataareaid, salesid, store, terminal, transactionid FROM ax.retaildocumentoperation
                    WHERE status = {int(DocumentOperationStatus.SUCCEEDED)}) AS o
              JOIN ax.retailtransactiontable AS t USING (store, terminal, transactionid)
              JOIN ax.retailtransactionpaymenttrans AS p USING (store, terminal, transactionid)
              WHERE {_LIVE} AND (p.amountcur <> 0 OR p.amountmst <> 0)) AS paid
        FULL JOIN ax.mcrcustpaymtable AS m USING (store, terminal, transactionid, linenum)
        WHERE (paid.dataareaid, paid.salesid, paid.tendertype, paid.currency, paid.amount)
              IS DISTINCT FROM (m.dataareaid, m.salesid, m.tendertypeid, m.currency, m.amount)""",
    ),
    Check(
        "prepayment_voucher_differs",
        "a prepayment's voucher has its payments by tender, on the date and in the store of its transaction",
        """
        SELECT dataareaid || ' ' || voucher || ' ' || tendertypeid AS id
        FROM (SELECT v.dataareaid, v.voucher, l.tendertypeid, v.accountingdate, v.store,
                     sum(l.debitamount - l.creditamount) AS amount
              FROM ax.generaljournalentry AS v JOIN ax.generaljournalaccountentry AS l USING (dataareaid, voucher)
              WHERE v.journalcategory = 'prepayment' AND l.tendertypeid <> ''
              GROUP BY v.dataareaid, v.voucher, l.tendertypeid, v.accountingdate, v.store) AS posted
        FULL JOIN (SELECT m.dataareaid, m.voucher, m.tendertypeid, t.businessdate, t.store, sum(m.amount) AS amount
                   FROM ax.mcrcustpaymtable AS m JOIN ax.retailtransactiontable AS t
                        USING (store, terminal, transactionid)
                   GROUP BY m.dataareaid, m.voucher, m.tendertypeid, t.businessdate, t.store
                   HAVING sum(m.amount) <> 0) AS paid USING (dataareaid, voucher, tendertypeid)
        WHERE (posted.amount, posted.accountingdate, posted.store)
              IS DISTINCT FROM (paid.amount, paid.businessdate, paid.store)""",
    ),
    Check(
        "prepayment_of_other_customer",
        "a prepayment lowers the balance of its order's customer, by what was paid",
        """
        SELECT dataareaid || ' ' || voucher AS id
        FROM (SELECT m.dataareaid, m.voucher, o.salesid, o.custaccount AS accountnum, -sum(m.amount) AS amount
              FROM ax.mcrcustpaymtable AS m JOIN ax.salestable AS o USING (dataareaid, salesid)
              GROUP BY m.dataareaid, m.voucher, o.salesid, o.custaccount HAVING sum(m.amount) <> 0) AS paid
        FULL JOIN (SELECT dataareaid, voucher, salesid, accountnum, amountcur AS amount FROM ax.custtrans
                   WHERE salesid IS NOT NULL) AS balance USING (dataareaid, voucher)
        WHERE (paid.salesid, paid.accountnum, paid.amount)
              IS DISTINCT FROM (balance.salesid, balance.accountnum, balance.amount)""",
    ),
)
