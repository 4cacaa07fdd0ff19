"""Financial statements say what their shifts say, and post just that (domain B4: counting, cash management)."""

from commerce.schema.enums import (
    CASH_MANAGEMENT_TYPES,
    REAL_ENTRY_STATUSES,
    ClosingMethod,
    CountCalculation,
    EntryStatus,
    ShiftStatus,
    StatementStatus,
    StatementType,
    TransactionType,
)
from commerce.verify.rules import Check

_FINANCIAL = int(StatementType.FINANCIAL)
_POSTED = int(StatementStatus.POSTED)
_REAL = ", ".join(str(int(status)) for status in REAL_ENTRY_STATUSES)
_CASH_MANAGEMENT = ", ".join(str(int(type_)) for type_ in CASH_MANAGEMENT_TYPES)
_VOIDED = int(EntryStatus.VOIDED)
_LIVE_PAYMENT = f"p.voidstatus = 0 AND p.transactionstatus <> {_VOIDED}"
T = TransactionType
_SHIFT = "l.dataareaid || ' ' || l.statementid || ' ' || l.terminalid || ':' || l.batchid || ' ' || l.tendertypeid"


def _posted_by(category: str, expected: str, expected_mst: str) -> str:
    """Statement and tender where the vouchers of a category do not have what the shift lines say."""
    return f"""
        SELECT dataareaid || ' ' || statementid || ' ' || tendertypeid || ' ' || currency AS id
        FROM (SELECT l.dataareaid, l.statementid, l.tendertypeid, l.currency,
                     sum(CASE l.currency WHEN s.currency THEN 0 ELSE {expected} END) AS amount,
                     sum({expected_mst}) AS amountmst
              FROM ax.retailstatementshiftline AS l JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
              WHERE s.postingstatus = {_POSTED} GROUP BY 1, 2, 3, 4) AS said
        FULL JOIN (
              SELECT v.dataareaid, v.statementid, l.tendertypeid,
                     coalesce(l.transactioncurrency, s.currency) AS currency,
                     sum(coalesce(l.transactioncurrencyamount, 0)) AS amount,
                     sum(l.debitamount - l.creditamount) AS amountmst
              FROM ax.retailstatementvoucher AS v
              JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
              JOIN ax.generaljournalentry AS j USING (dataareaid, voucher)
              JOIN ax.generaljournalaccountentry AS l USING (dataareaid, voucher)
              WHERE j.journalcategory = '{category}' AND l.tendertypeid <> '' AND s.postingstatus = {_POSTED}
              GROUP BY 1, 2, 3, 4) AS posted USING (dataareaid, statementid, tendertypeid, currency)
        WHERE coalesce(said.amountmst, 0) <> coalesce(posted.amountmst, 0)
           OR (coalesce(said.amount, 0) <> coalesce(posted.amount, 0) AND said.amountmst <> 0)"""


CHECKS = (
    Check(
        "event_without_start",
        "an event in the log of a statement ends what has begun: its start is of the same statement, and is not later",
        """
        SELECT e.dataareaid || ' ' || e.statementid || ' ' || e.recid AS id
        FROM ax.retaileodstatementcontrollerlog AS e
        LEFT JOIN ax.retaileodstatementcontrollerlog AS s ON s.recid = e.starteventid
        WHERE e.starteventid IS NOT NULL
          AND ((s.dataareaid, s.statementid, s.postingstatus, s.isendevent)
               IS DISTINCT FROM (e.dataareaid, e.statementid, e.postingstatus, 0) OR s.createdon > e.createdon)""",
    ),
    Check(
        "shift_not_closed",
        "a financial statement has closed shifts of its own store only",
        f"""
        SELECT m.dataareaid || ' ' || m.statementid || ' ' || m.terminalid || ':' || m.batchid AS id
        FROM ax.retailstatementshift AS m
        JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
        LEFT JOIN ax.retailposbatchtable AS b
             ON (b.storeid, b.terminalid, b.batchid) = (m.storeid, m.terminalid, m.batchid)
        WHERE b.status IS DISTINCT FROM 2 OR s.storeid <> m.storeid OR s.statementtype <> {_FINANCIAL}""",
    ),
    Check(
        "shift_counted_in_two_ways",
        "all financial statements of a shift count the sum, or all the last, of its declarations, starting amounts and"
        " bank drops",
        """
        SELECT storeid || ' ' || terminalid || ':' || batchid AS id
        FROM ax.retailstatementshift GROUP BY storeid, terminalid, batchid
        HAVING count(DISTINCT (tenderdeclarationcalculation, startamountcalculation, bankdropcalculation)) > 1""",
    ),
    Check(
        "cash_management_without_shift",
        "a transaction of cash management stands in a financial statement that has its shift",
        f"""
        SELECT e.store || ' ' || e.terminal || ' ' || e.transactionid AS id
        FROM ax.retaileodtransactiontable AS e
        JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
        LEFT JOIN ax.retailtransactiontable AS t
             ON (t.store, t.terminal, t.transactionid) = (e.store, e.terminal, e.transactionid)
        LEFT JOIN ax.retailstatementshift AS m
             ON (m.dataareaid, m.statementid, m.storeid, m.batchid) = (e.dataareaid, e.statementid, t.store, t.batchid)
            AND m.terminalid = coalesce(nullif(t.batchterminalid, ''), t.terminal)
        WHERE (e.custaccount IS NULL) <> (s.statementtype = {_FINANCIAL})
           OR (e.custaccount IS NULL AND (m.batchid IS NULL OR t.entrystatus NOT IN ({_REAL})))""",
    ),
    Check(
        "shift_difference_wrong",
        "counted less expected is the difference, and nothing that must still be counted is posted",
        f"""
        SELECT {_SHIFT} AS id
        FROM ax.retailstatementshiftline AS l JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
        WHERE l.differenceamount <> l.countedamount + l.bankedamount + l.safeamount + l.removedfromdrawer
                                    - l.transamount - l.addedtodrawer - l.changetender
           OR (l.currency = s.currency AND l.differenceamountmst <> l.differenceamount)
           OR (l.countedhow = 'required' AND s.postingstatus > {int(StatementStatus.CALCULATED)})""",
    ),
    Check(
        "financial_lines_differ",
        "the lines of a financial statement are the sums of its shifts by tender",
        f"""
        SELECT dataareaid || ' ' || statementid || ' ' || tendertypeid || ' ' || currency AS id
        FROM (SELECT l.dataareaid, l.statementid, l.tendertypeid, l.currency, sum(l.transamount) AS paid,
                     sum(l.countedamount) AS counted, sum(l.differenceamount) AS difference,
                     sum(l.bankedamount + l.safeamount) AS dropped
              FROM ax.retailstatementline AS l JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
              WHERE s.statementtype = {_FINANCIAL} GROUP BY 1, 2, 3, 4) AS line
        FULL JOIN (
              SELECT dataareaid, statementid, tendertypeid, currency, sum(transamount) AS paid,
                     sum(countedamount) AS counted, sum(differenceamount) AS difference,
                     sum(bankedamount + safeamount) AS dropped
              FROM ax.retailstatementshiftline GROUP BY 1, 2, 3, 4) AS shift
              USING (dataareaid, statementid, tendertypeid, currency)
        WHERE (line.paid, line.counted, line.difference, line.dropped)
              IS DISTINCT FROM (shift.paid, shift.counted, shift.difference, shift.dropped)""",
    ),
    Check(
        "shift_not_stated_fully",
        "the financial statements of a shift say all that was paid in it, once all of that is posted",
        f"""
        WITH stated AS NOT MATERIALIZED (  -- the planner knows the shifts, and nothing of what it would materialize
            SELECT b.storeid, b.terminalid, b.batchid, b.startdate, b.closedate, m.last
            FROM ax.retailposbatchtable AS b
            CROSS JOIN LATERAL (
                SELECT max(s.createddatetime) AS last
                FROM ax.retailstatementshift AS m JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
                WHERE (m.storeid, m.terminalid, m.batchid) = (b.storeid, b.terminalid, b.batchid)
                HAVING min(s.postingstatus) > {int(StatementStatus.CALCULATED)}) AS m
            WHERE NOT EXISTS (
                SELECT FROM ax.retailstatementlateshift AS l
                WHERE (l.storeid, l.terminalid, l.batchid) = (b.storeid, b.terminalid, b.batchid))
        ), header AS (
            SELECT m.storeid, m.terminalid, m.batchid, m.last, t.store, t.terminal, t.transactionid, t.type,
                   t.businessdate, t.businessdate BETWEEN coalesce(m.startdate, date '-infinity') - 1
                                                      AND coalesce(m.closedate, date 'infinity') + 1 AS within
            FROM stated AS m
            JOIN ax.retailtransactiontable AS t
                 ON (t.store, coalesce(nullif(t.batchterminalid, ''), t.terminal), t.batchid)
                  = (m.storeid, m.terminalid, m.batchid)
            WHERE t.entrystatus IN ({_REAL})
        ), cash AS (
            SELECT h.storeid, h.terminalid, h.batchid, min(businessdate) - 1 AS first, max(businessdate) + 1 AS last
            FROM header AS h WHERE h.type IN ({_CASH_MANAGEMENT}) AND NOT h.within AND EXISTS (
                SELECT FROM ax.retaileodtransactiontable AS e
                WHERE (e.store, e.terminal, e.transactionid) = (h.store, h.terminal, h.transactionid))
            GROUP BY 1, 2, 3
        ), payment AS (
            SELECT m.storeid, m.terminalid, m.batchid, p.tendertype AS tendertypeid, p.currency, p.amountcur,
                   EXISTS (SELECT FROM ax.retaileodtransactiontable AS e
                           JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
                           WHERE (e.store, e.terminal, e.transactionid) = (m.store, m.terminal, m.transactionid)
                             AND s.postingstatus = {_POSTED})
                   OR EXISTS (SELECT FROM ax.mcrcustpaymtable AS o
                              JOIN ax.generaljournalentry AS v USING (dataareaid, voucher)
                              WHERE (o.store, o.terminal, o.transactionid) = (m.store, m.terminal, m.transactionid)
                                AND v.createddatetime <= m.last) AS posted
            FROM header AS m
            LEFT JOIN cash AS c USING (storeid, terminalid, batchid)
            JOIN ax.retailtransactionpaymenttrans AS p
                 ON (p.store, p.terminal, p.transactionid) = (m.store, m.terminal, m.transactionid)
            WHERE m.type NOT IN ({_CASH_MANAGEMENT}) AND {_LIVE_PAYMENT}
              AND (m.within OR m.businessdate BETWEEN c.first AND c.last)
        ), waiting AS (
            SELECT DISTINCT storeid, terminalid, batchid FROM payment WHERE NOT posted
        )
        SELECT DISTINCT storeid || ' ' || terminalid || ':' || batchid || ' ' || tendertypeid AS id
        FROM (SELECT storeid, terminalid, batchid, tendertypeid, currency, sum(amountcur) AS amount FROM payment
              GROUP BY 1, 2, 3, 4, 5) AS paid
        FULL JOIN (SELECT storeid, terminalid, batchid, tendertypeid, currency, sum(transamount) AS amount
                   FROM ax.retailstatementshiftline JOIN stated USING (storeid, terminalid, batchid)
                   GROUP BY 1, 2, 3, 4, 5) AS said USING (storeid, terminalid, batchid, tendertypeid, currency)
        WHERE coalesce(paid.amount, 0) <> coalesce(said.amount, 0)
          AND (storeid, terminalid, batchid) NOT IN (SELECT storeid, terminalid, batchid FROM waiting)""",
    ),
    Check(
        "shift_never_stated",
        "a closed shift whose sales are posted and paid is in a financial statement, once its store has one of a later"
        " date; those of before the store's financial_statements_from need none",
        f"""
        SELECT b.storeid || ' ' || b.terminalid || ':' || b.batchid AS id
        FROM ax.retailposbatchtable AS b
        JOIN ax.retailstoretable AS st ON st.storenumber = b.storeid
        JOIN (SELECT storeid, max(businessdate) AS businessdate FROM ax.retailstatementtable
              WHERE statementtype = {_FINANCIAL} GROUP BY storeid) AS latest ON latest.storeid = b.storeid
        JOIN ax.retailtransactiontable AS t
             ON (t.store, coalesce(nullif(t.batchterminalid, ''), t.terminal), t.batchid)
              = (b.storeid, b.terminalid, b.batchid)
        LEFT JOIN (SELECT e.store, e.terminal, e.transactionid
                   FROM ax.retaileodtransactiontable AS e
                   JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
                   WHERE s.postingstatus = {_POSTED}) AS posted
             ON (posted.store, posted.terminal, posted.transactionid) = (t.store, t.terminal, t.transactionid)
        WHERE b.status = {int(ShiftStatus.CLOSED)} AND st.closingmethod = {int(ClosingMethod.SHIFT)}
          AND t.entrystatus IN ({_REAL})
          AND NOT EXISTS (SELECT FROM ax.retailstatementshift AS m
                          WHERE (m.storeid, m.terminalid, m.batchid) = (b.storeid, b.terminalid, b.batchid))
        GROUP BY b.storeid, b.terminalid, b.batchid, latest.businessdate, st.financialstatementsfrom
        HAVING max(t.businessdate) < latest.businessdate AND count(posted.transactionid) > 0
           AND max(t.businessdate) >= coalesce(st.financialstatementsfrom, date '-infinity')
           AND bool_or(t.type IN ({_CASH_MANAGEMENT}) OR EXISTS (
               SELECT FROM ax.retailtransactionpaymenttrans AS p
               WHERE (p.store, p.terminal, p.transactionid) = (t.store, t.terminal, t.transactionid)
                 AND {_LIVE_PAYMENT}))""",
    ),
    Check(
        "cash_management_stated_differs",
        "the financial statements of a shift say what its drops, float entries, removed and changed tenders moved",
        f"""
        WITH stated AS (
            SELECT m.storeid, m.terminalid, m.batchid, ch.currency, min(m.bankdropcalculation) AS bankdropcalculation
            FROM ax.retailstatementshift AS m JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
            JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = m.storeid
            GROUP BY 1, 2, 3, 4 HAVING min(s.postingstatus) > {int(StatementStatus.CALCULATED)}
        ), said AS (
            SELECT storeid, terminalid, batchid, tendertypeid, l.currency, part.type, sum(part.amount) AS amount
            FROM ax.retailstatementshiftline AS l JOIN stated USING (storeid, terminalid, batchid)
            CROSS JOIN LATERAL (VALUES ({int(T.FLOAT_ENTRY)}, floatamount), ({int(T.REMOVE_TENDER)}, removedfromdrawer),
                ({int(T.CHANGE_TENDER)}, changetender), ({int(T.BANK_DROP)}, bankedamount),
                ({int(T.SAFE_DROP)}, safeamount)) AS part (type, amount)
            WHERE part.type <> {int(T.BANK_DROP)} OR bankdropcalculation = {int(CountCalculation.SUM)}
            GROUP BY 1, 2, 3, 4, 5, 6
        ), moving AS MATERIALIZED (
            SELECT e.store AS storeid, coalesce(nullif(t.batchterminalid, ''), t.terminal) AS terminalid, t.batchid,
                   e.terminal, e.transactionid, e.type
            FROM ax.retaileodtransactiontable AS e
            JOIN ax.retailtransactiontable AS t
                 ON (t.store, t.terminal, t.transactionid) = (e.store, e.terminal, e.transactionid)
            WHERE e.type IN ({int(T.FLOAT_ENTRY)}, {int(T.REMOVE_TENDER)}, {int(T.CHANGE_TENDER)}, {int(T.SAFE_DROP)},
                             {int(T.BANK_DROP)})
        ), moved AS (
            SELECT m.storeid, m.terminalid, m.batchid, r.tendertype AS tendertypeid, r.currency, e.type,
                   sum(CASE r.currency WHEN m.currency THEN r.tendered ELSE r.amountcur END)
                       * CASE WHEN e.type = {int(T.REMOVE_TENDER)} AND sum(r.amountcur) < 0 THEN -1 ELSE 1 END AS amount
            FROM moving AS e
            JOIN stated AS m USING (storeid, terminalid, batchid)
            JOIN (SELECT store, terminal, transactionid, tendertype, currency, amountcur, amountcur AS tendered
                  FROM ax.retailtransactionpaymenttrans AS p WHERE {_LIVE_PAYMENT}
                  UNION ALL SELECT store, terminal, transactionid, tendertype, currency, amountcur, amounttendered
                  FROM ax.retailtransactionbankedtendertrans WHERE transactionstatus <> {_VOIDED}
                  UNION ALL SELECT store, terminal, transactionid, tendertype, currency, amountcur, amounttendered
                  FROM ax.retailtransactionsafetendertrans WHERE transactionstatus <> {_VOIDED}) AS r
                 ON (r.store, r.terminal, r.transactionid) = (e.storeid, e.terminal, e.transactionid)
            WHERE e.type <> {int(T.BANK_DROP)} OR m.bankdropcalculation = {int(CountCalculation.SUM)}
            GROUP BY 1, 2, 3, 4, 5, 6
        )
        SELECT DISTINCT storeid || ' ' || terminalid || ':' || batchid || ' ' || tendertypeid AS id
        FROM said FULL JOIN moved USING (storeid, terminalid, batchid, tendertypeid, currency, type)
        WHERE coalesce(said.amount, 0) <> coalesce(moved.amount, 0)""",
    ),
    Check(
        "cash_management_posted_differs",
        "a posted financial statement moves each tender by its drops, float entries, removed and changed tenders",
        _posted_by(
            "cashmanagement",
            "l.floatamount + l.changetender - l.removedfromdrawer - l.bankedamount - l.safeamount",
            "l.floatamountmst + l.changetendermst - l.removedfromdrawermst - l.bankedamountmst - l.safeamountmst",
        ),
    ),
    Check(
        "counting_difference_posted_differs",
        "a posted financial statement corrects each tender by its difference",
        _posted_by("difference", "l.differenceamount", "l.differenceamountmst"),
    ),
)
