"""What keeps orders, written to their status (domain.md B1): error text, class, number of tries.

Three classes, and what becomes of them. Transient: tried again by itself, later and later, so many times; then a person
has to look. Pending: waits for what has yet to arrive, every run looks again. Permanent: waits for a person, who edits
the order or lets it be tried again (`commerce.orders.repair`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from commerce.schema.enums import ErrorClass, OrderStatus
from commerce.scope import Scope, key_sql

DETAIL_WIDTH = 1024
LONGEST_WAIT = 60
"""Minutes between two tries: 1, 2, 4 ... up to this."""


@dataclass(frozen=True)
class Place:
    """Ready orders of a company, by their places in its order: `first` to `last`, both included."""

    company: str
    first: int
    last: int


def record_problems(connection: Connection) -> None:
    """Write what `judge` found. A row that says the same already stays as it is, so that doing it again changes
    nothing."""
    _record(connection, _PROBLEMS)


def record_setup(connection: Connection, company: str, message: str) -> None:
    """The company's ready orders failed because something is not set up: the next run tries them again."""
    _record(
        connection,
        _OF_READY.format(errorclass=ErrorClass.PENDING, condition="r.dataareaid = :company"),
        {"company": company, "message": message},
    )


def record_refused(connection: Connection, place: Place, errorclass: ErrorClass, message: str) -> None:
    """The database refused ready orders."""
    _record(
        connection,
        _OF_READY.format(
            errorclass=errorclass, condition="r.dataareaid = :company AND r.place BETWEEN :first AND :last"
        ),
        {**vars(place), "message": message},
    )


def _record(connection: Connection, failures: str, values: dict[str, object] | None = None) -> None:
    """Write the failures (store, terminal, transactionid, version, dataareaid, status, errorclass, message).

    What was found out about an order that has changed since says nothing: the next run looks again.
    """
    connection.execute(text(f"CREATE TEMP TABLE failure ON COMMIT DROP AS {failures}"), values or {})
    connection.execute(text(_LOCK))
    connection.execute(text(_WRITE))
    connection.execute(text("DROP TABLE failure"))


_PROBLEMS = f"""
    SELECT c.store, c.terminal, c.transactionid, c.version, c.dataareaid,
           CASE WHEN p.permanent THEN {int(OrderStatus.FAILED)} ELSE {int(OrderStatus.NONE)} END AS status,
           CASE WHEN p.permanent THEN '{ErrorClass.PERMANENT}' ELSE '{ErrorClass.PENDING}' END AS errorclass, p.message
    FROM candidate AS c
    JOIN (SELECT store, terminal, transactionid, bool_or(errorclass = '{ErrorClass.PERMANENT}') AS permanent,
                 string_agg(message, ' ' ORDER BY place, message) AS message
          FROM problem GROUP BY store, terminal, transactionid) AS p ON {key_sql("p")} = {key_sql("c")}
"""
_OF_READY = f"""
    SELECT r.store, r.terminal, r.transactionid, r.version, r.dataareaid, {int(OrderStatus.FAILED)} AS status,
           '{{errorclass}}' AS errorclass, CAST(:message AS text) AS message
    FROM ready AS r WHERE {{condition}}
"""
# Who edits an order, and who takes a late row of it, holds its header.
_LOCK = f"""
    SELECT count(*) FROM (
        SELECT t.store FROM ax.retailtransactiontable AS t JOIN failure AS f ON {key_sql("f")} = {key_sql("t")}
        ORDER BY t.store, t.terminal, t.transactionid FOR NO KEY UPDATE OF t) AS locked
"""
_TRIED = "COALESCE(os.retrycount, 0) + 1"
_GIVEN_UP = f"f.errorclass = '{ErrorClass.TRANSIENT}' AND {_TRIED} >= COALESCE(k.ordertrycount, 5)"
_WRITE = f"""
    INSERT INTO ax.retailtransactionorderstatus AS os
        (store, terminal, transactionid, dataareaid, status, errorclass, errordetail, retrycount, nextattempt,
         failingsince, modifieddatetime)
    SELECT f.store, f.terminal, f.transactionid, f.dataareaid, f.status,
           CASE WHEN {_GIVEN_UP} THEN '{ErrorClass.PERMANENT}' ELSE f.errorclass END,
           left(f.message || CASE WHEN {_GIVEN_UP} THEN ' Tried ' || {_TRIED} || ' times.' ELSE '' END, {DETAIL_WIDTH}),
           CASE f.status WHEN {int(OrderStatus.FAILED)} THEN {_TRIED} ELSE COALESCE(os.retrycount, 0) END,
           CASE WHEN f.errorclass = '{ErrorClass.TRANSIENT}' AND NOT ({_GIVEN_UP})
                THEN now() + make_interval(mins => least(
                     {LONGEST_WAIT}, power(2, least({_TRIED}, 10) - 1)::integer)) END,
           now(), now()
    FROM failure AS f
    JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("f")} AND t.xmin = f.version
    LEFT JOIN ax.retailtransactionorderstatus AS os ON {key_sql("os")} = {key_sql("f")}
    LEFT JOIN ax.retailparameters AS k ON k.dataareaid = f.dataareaid
    WHERE COALESCE(os.status, 0) NOT IN ({int(OrderStatus.SUCCEEDED)}, {int(OrderStatus.EDITING)})
      AND (f.errorclass = '{ErrorClass.TRANSIENT}' OR (os.status, os.errorclass, os.errordetail) IS DISTINCT FROM
           (f.status, f.errorclass, left(f.message, {DETAIL_WIDTH})))
    ORDER BY f.store, f.terminal, f.transactionid
    ON CONFLICT (store, terminal, transactionid) DO UPDATE
    SET status = excluded.status, errorclass = excluded.errorclass, errordetail = excluded.errordetail,
        retrycount = excluded.retrycount, nextattempt = excluded.nextattempt,
        failingsince = CASE os.errorclass WHEN excluded.errorclass THEN os.failingsince ELSE excluded.failingsince END,
        modifieddatetime = excluded.modifieddatetime
"""

_STANDING = f"""
    SELECT t.store,
           count(*) FILTER (WHERE os.status = {int(OrderStatus.NONE)}) AS pending,
           count(*) FILTER (WHERE os.status = {int(OrderStatus.FAILED)}
                            AND os.errorclass <> '{ErrorClass.TRANSIENT}') AS failed,
           count(*) FILTER (WHERE os.errorclass = '{ErrorClass.TRANSIENT}') AS retrying,
           count(*) FILTER (WHERE os.status = {int(OrderStatus.EDITING)}) AS editing
    FROM ax.retailtransactionorderstatus AS os
    JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("os")}
    JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
    WHERE os.status <> {int(OrderStatus.SUCCEEDED)} AND {{unposted}}
    GROUP BY t.store
"""
STATES: Sequence[str] = ("pending", "failed", "retrying", "editing")


def standing(connection: Connection, scope: Scope) -> dict[str, dict[str, int]]:
    """How many orders in `scope` are in each of `STATES`, by store."""
    rows = connection.execute(text(_STANDING.format(unposted=scope.unposted_sql())), scope.parameters)
    return {row.store: {state: getattr(row, state) for state in STATES} for row in rows}
