"""Transactions and statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Engine

from commerce.cli.queries.reading import Row, fetch, where
from commerce.customers.waiting import sentence_sql
from commerce.editing import audit
from commerce.errors import UsageError
from commerce.schema.enums import (
    ORDER_TYPES,
    EntryStatus,
    OrderStatus,
    StatementStatus,
    StatementType,
    TransactionType,
    ValidationStatus,
)
from commerce.scope import Key, key_sql, real_sql

TRANSACTIONS = f"""
    SELECT t.store, t.terminal, t.transactionid AS transaction, t.type, t.businessdate AS business_date,
           CASE WHEN eod.statementid IS NOT NULL THEN 'in-statement'
                WHEN os.status = {int(OrderStatus.SUCCEEDED)} THEN 'sales-order'
                WHEN NOT {real_sql("t")} THEN 'does-not-post'
                WHEN t.held = 1 THEN 'held'
                WHEN t.validationstatus = {int(ValidationStatus.ERROR)} THEN 'invalid'
                WHEN t.validationstatus = {int(ValidationStatus.SUCCESSFUL)} THEN 'valid'
                ELSE 'not-validated' END AS state,
           t.grossamount AS amount, t.currency, eod.statementid AS statement
    FROM ax.retailtransactiontable AS t
    LEFT JOIN ax.retaileodtransactiontable AS eod ON {key_sql("eod")} = {key_sql("t")}
    LEFT JOIN ax.retailtransactionorderstatus AS os ON {key_sql("os")} = {key_sql("t")}
"""
TRANSACTION = """
    SELECT store, terminal, transactionid AS transaction, dataareaid AS company, type, entrystatus AS entry_status,
           businessdate AS business_date, receiptid AS receipt, currency, netamount AS net, grossamount AS gross,
           paymentamount AS paid, numberofitems AS items, custaccount AS customer, custaccountasync AS guid,
           addressidasync AS address_id, validationstatus AS validation_status, validationdatetime AS validated_at,
           held = 1 AS held
    FROM ax.retailtransactiontable WHERE transactionid = :key ORDER BY store, terminal
"""
TRANSACTION_PARTS = {
    "holds": """
        SELECT helddatetime AS held_at, heldby AS held_by, reason, releaseddatetime AS released_at,
               releasedby AS released_by, releasereason AS release_reason
        FROM ax.retailtransactionhold
        WHERE (store, terminal, transactionid) = (:store, :terminal, :transaction) ORDER BY helddatetime
    """,
    "errors": """
        SELECT trim_scale(linenum)::text AS line, validationtype AS rule, errormessage AS message
        FROM ax.retailtransactionvalidationerror
        WHERE (store, terminal, transactionid) = (:store, :terminal, :transaction) ORDER BY linenum, validationtype
    """,
    "lines": """
        SELECT trim_scale(linenum)::text AS line, itemid AS item, qty AS quantity, price, discamount AS discount,
               netamount AS net, taxamount AS tax
        FROM ax.retailtransactionsalestrans
        WHERE (store, terminalid, transactionid) = (:store, :terminal, :transaction) ORDER BY linenum
    """,
    "payments": """
        SELECT trim_scale(linenum)::text AS line, tendertype AS tender, amountcur AS amount, currency
        FROM ax.retailtransactionpaymenttrans
        WHERE (store, terminal, transactionid) = (:store, :terminal, :transaction) ORDER BY linenum
    """,
}
_POSTING_STATES = " ".join(f"WHEN {int(state)} THEN '{state.name.lower()}'" for state in StatementStatus)
STATEMENTS = f"""
    SELECT s.dataareaid AS company, s.statementid AS statement,
           CASE s.statementtype WHEN {int(StatementType.FINANCIAL)} THEN 'financial' ELSE 'transactional' END AS type,
           s.storeid AS store, s.businessdate AS business_date, nullif(s.stafforterminal, '') AS split_off_for,
           CASE WHEN s.postingstatus < {int(StatementStatus.POSTED)} AND s.postingerrorstatus = 1 THEN 'failed'
                WHEN s.postingstatus < {int(StatementStatus.POSTED)} THEN 'open'
                WHEN s.transactioncount = 0 AND NOT EXISTS (
                    SELECT FROM ax.retailstatementshift AS m
                    WHERE (m.dataareaid, m.statementid) = (s.dataareaid, s.statementid)) THEN 'cleared'
                ELSE 'posted' END AS state,
           CASE s.postingstatus {_POSTING_STATES} END AS posting_status, s.transactioncount AS transactions,
           s.salesamount AS sales, s.taxamount AS tax, s.paymentamount AS paid, s.currency,
           s.posteddatetime AS posted_at, s.postingerrormessage AS error
    FROM ax.retailstatementtable AS s
"""
STATEMENT_PARTS = {
    "tenders": """
        SELECT tendertypeid AS tender, currency, transcount AS payments, transamount AS amount
        FROM ax.retailstatementline WHERE dataareaid = :company AND statementid = :statement
        ORDER BY tendertypeid, currency
    """,
    "counted": """
        SELECT l.terminalid || ':' || l.batchid AS shift, l.tendertypeid AS tender, l.currency, l.transamount AS paid,
               l.addedtodrawer AS added, l.removedfromdrawer AS removed, l.changetender AS changed,
               l.bankedamount AS banked, l.safeamount AS safe, l.countedamount - l.differenceamount AS expected,
               CASE l.countedhow WHEN 'required' THEN NULL ELSE l.countedamount END AS counted,
               l.countedhow AS how, l.differenceamount AS difference
        FROM ax.retailstatementshiftline AS l WHERE l.dataareaid = :company AND l.statementid = :statement
        ORDER BY l.terminalid, l.batchid, l.tendertypeid, l.currency
    """,
    "entered": """
        SELECT c.terminalid || ':' || c.batchid AS shift, c.tendertypeid AS tender, c.currency,
               c.countedamount AS amount, c.reason, c.enteredby AS by, c.createddatetime AS entered_at
        FROM ax.retailstatementshift AS m JOIN ax.retailstatementcount AS c USING (storeid, terminalid, batchid)
        WHERE m.dataareaid = :company AND m.statementid = :statement ORDER BY c.recid
    """,
    "documents": """
        SELECT aggregation, custaccount AS customer, salesid AS sales_order, invoiceid AS invoice,
               transactioncount AS transactions, grossamount AS amount
        FROM ax.retaileodstatementaggregation WHERE dataareaid = :company AND statementid = :statement
        ORDER BY aggregation
    """,
    "vouchers": """
        SELECT v.voucher, j.journalcategory AS kind, v.voucherdate AS date, j.debitamount AS amount, j.currency
        FROM ax.retailstatementvoucher AS v
        JOIN ax.generaljournalentry AS j ON j.dataareaid = v.dataareaid AND j.voucher = v.voucher
        WHERE v.dataareaid = :company AND v.statementid = :statement ORDER BY v.voucher
    """,
    "events": f"""
        SELECT s.createdon AS started_at, e.createdon AS ended_at,
               CASE e.postingstatus {_POSTING_STATES} END AS posting_status, e.run, e.postingstatemessage AS message
        FROM ax.retaileodstatementcontrollerlog AS e
        LEFT JOIN ax.retaileodstatementcontrollerlog AS s ON s.recid = e.starteventid
        WHERE e.dataareaid = :company AND e.statementid = :statement AND e.isendevent = 1
        ORDER BY e.createdon, e.recid
    """,
}


WAITING = f"""
    SELECT w.store, w.terminal, w.transactionid AS transaction, t.type, t.businessdate AS business_date, w.kind,
           w.reference, w.reason, w.quarantineid AS quarantine, w.waitingsince AS since_at,
           w.waitingsince < now() - make_interval(hours => coalesce(k.pendingreferencehours, 24)) AS overdue,
           {sentence_sql("w", "q")} AS message
    FROM ax.retailtransactionwaitingreference AS w
    JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("w")} AND {real_sql("t")}
    LEFT JOIN cdx.quarantine AS q ON q.quarantineid = w.quarantineid
    LEFT JOIN ax.retailparameters AS k ON k.dataareaid = w.dataareaid
"""
WAITS_FOR = f"""
    SELECT w.kind, w.reference, w.reason, w.quarantineid AS quarantine, w.waitingsince AS since_at,
           {sentence_sql("w", "q")} AS message
    FROM ax.retailtransactionwaitingreference AS w LEFT JOIN cdx.quarantine AS q ON q.quarantineid = w.quarantineid
    WHERE (w.store, w.terminal, w.transactionid) = (:store, :terminal, :transaction) ORDER BY w.kind, w.reference
"""


def list_transactions(
    hq: Engine, *, state: str | None, store: str | None, business_date: date | None, limit: int
) -> list[Row]:
    """Uploaded transactions; types by their names."""
    wanted = {
        "listed.state = :state": state,
        "listed.store = :store": store,
        "listed.business_date = :date": business_date,
    }
    condition, values = where(wanted)
    query = f"SELECT * FROM ({TRANSACTIONS}) AS listed{condition} ORDER BY store, terminal, transaction LIMIT :limit"
    return [{**row, "type": _type_name(row["type"])} for row in fetch(hq, query, {**values, "limit": limit})]


def list_waiting(hq: Engine, *, store: str | None, limit: int) -> list[Row]:
    """References of unposted transactions to customers and addresses that lead nowhere yet, the oldest first."""
    condition, values = where({"listed.store = :store": store})
    query = (
        f"SELECT * FROM ({WAITING}) AS listed{condition} ORDER BY since_at, store, terminal, transaction, kind,"
        " reference LIMIT :limit"
    )
    return [{**row, "type": _type_name(row["type"])} for row in fetch(hq, query, {**values, "limit": limit})]


def keys(hq: Engine, *, state: str, store: str | None, business_date: date | None) -> list[Key]:
    """Transactions that no order is, chosen as in `list_transactions`."""
    wanted = {
        "listed.state = :state": state,
        "listed.store = :store": store,
        "listed.business_date = :date": business_date,
    }
    condition, values = where(wanted)
    no_order = f"{' AND' if condition else ' WHERE'} listed.type NOT IN ({', '.join(map(str, map(int, ORDER_TYPES)))})"
    query = f"SELECT * FROM ({TRANSACTIONS}) AS listed{condition}{no_order} ORDER BY store, terminal, transaction"
    return [(row["store"], row["terminal"], row["transaction"]) for row in fetch(hq, query, values)]


def find_transactions(hq: Engine, transactions: Sequence[str], store: str | None = None) -> list[Key]:
    """The transactions that their ids name.

    Raises:
        UsageError: one names none, or several.
    """
    query = (
        "SELECT store, terminal, transactionid AS key FROM ax.retailtransactiontable"
        " WHERE transactionid = ANY(:keys) AND (CAST(:store AS text) IS NULL OR store = :store) ORDER BY 3, 1, 2"
    )
    found: dict[str, list[Key]] = {}
    for row in fetch(hq, query, {"keys": list(transactions), "store": store}):
        found.setdefault(row["key"], []).append((row["store"], row["terminal"], row["key"]))
    for key in transactions:
        if key not in found:
            raise UsageError(f"There is no transaction {key}. `commerce transactions list` shows them.")
        if len(found[key]) > 1:
            places = ", ".join(f"{place} {terminal}" for place, terminal, _ in found[key][:5])
            raise UsageError(f"{key} names several transactions ({places}). Name the store with --channel.")
    return sorted({one for keys in found.values() for one in keys})


def whereabouts(hq: Engine, transaction: Row, *, personal: bool) -> Row:
    """What a transaction waits for, and what people did to it (`store`, `terminal` and `transaction` name it)."""
    place = (transaction["store"], transaction["terminal"], transaction["transaction"])
    return {
        "waits_for": fetch(hq, WAITS_FOR, transaction),
        "history": audit.history(hq, *place, personal=personal),
    }


def show_transaction(hq: Engine, key: str, *, personal: bool = False) -> list[Row]:
    """A transaction with validation errors, lines and payments, what it waits for, and what people did to it.

    Raises:
        UsageError: there is none.
    """
    found = found_or_refuse(fetch(hq, TRANSACTION, {"key": key}), "transaction")
    for transaction in found:
        for part, query in TRANSACTION_PARTS.items():
            transaction[part] = fetch(hq, query, transaction)
        transaction |= whereabouts(hq, transaction, personal=personal)
        transaction["type"] = _type_name(transaction["type"])
        transaction["entry_status"] = EntryStatus(transaction["entry_status"]).name.lower()
        transaction["validation_status"] = ValidationStatus(transaction["validation_status"]).name.lower()
    return found


def list_statements(
    hq: Engine, *, state: str | None, store: str | None, business_date: date | None, limit: int
) -> list[Row]:
    """Statements, the newest first."""
    wanted = {
        "listed.state = :state": state,
        "listed.store = :store": store,
        "listed.business_date = :date": business_date,
    }
    condition, values = where(wanted)
    query = (
        f"SELECT * FROM ({STATEMENTS}) AS listed{condition} ORDER BY business_date DESC, store, statement LIMIT :limit"
    )
    return fetch(hq, query, {**values, "limit": limit})


def show_statement(hq: Engine, key: str) -> list[Row]:
    """A statement with its tenders, what was counted, documents, vouchers and event log.

    Raises:
        UsageError: there is none.
    """
    found = fetch(hq, f"SELECT * FROM ({STATEMENTS}) AS s WHERE statement = :key ORDER BY company", {"key": key})
    for statement in found_or_refuse(found, "statement"):
        for part, query in STATEMENT_PARTS.items():
            statement[part] = fetch(hq, query, statement)
    return found


def statement_events(hq: Engine, key: str) -> list[Row]:
    """The event log of a statement, the oldest first.

    Raises:
        UsageError: there is no such statement.
    """
    return [
        {"company": statement["company"], **event}
        for statement in show_statement(hq, key)
        for event in statement["events"]
    ]


def found_or_refuse(rows: list[Row], what: str) -> list[Row]:
    """Raises UsageError where there is none."""
    if not rows:
        raise UsageError(f"There is no such {what}. `commerce {what}s list` shows them.")
    return rows


def _type_name(number: int) -> str:
    try:
        return TransactionType(number).name.lower()
    except ValueError:
        return str(number)
