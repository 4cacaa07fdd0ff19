"""What a transition of statement posting is, and the statements that it works on (domain B4, life cycle).

A transition moves all its statements from one state to the next in one transaction: it does its work and sets the
state, or nothing happened. It works on the temp table `batch`, whose rows it holds locked; a transition that has to
isolate a statement works through several batches, each within a savepoint.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, TextClause, text

from commerce.schema.enums import PostingErrorStatus, StatementStatus, TransactionType
from commerce.statements.events import log_sql

Key = tuple[str, str]
"""(company, statement id)."""


@dataclass(frozen=True)
class Refusal:
    """A statement that cannot make a transition, and what to do about it. No personal data in `message`."""

    company: str
    statement: str
    code: str
    message: str


class Refused(Exception):  # noqa: N818 - not an error of the program: some statements must stay behind
    """Raised inside a transition: these statements stay in their state; the others are tried again without them."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__(f"{len(refusals)} statements refused")
        self.refusals = tuple(refusals)


@dataclass(frozen=True)
class Transition:
    """From `source` to `target`; `apply` works on the temp table `batch`, raises Refused for statements that cannot go
    on, and may return how many transactions it took out of them, by store. `before` works on all statements of the call
    for a run (None: for a person), in the same transaction; that stays done for those that are refused."""

    source: StatementStatus
    target: StatementStatus
    apply: Callable[[Connection], Mapping[str, int] | None]
    before: Callable[[Connection, Sequence[Key], int | None], None] | None = None


CREATE_BATCH = text("""
CREATE TEMP TABLE batch (
    dataareaid varchar(4), statementid varchar(20), storeid varchar(10), businessdate date, currency varchar(3),
    transactioncount integer, salesamount numeric(32, 6), taxamount numeric(32, 6), paymentamount numeric(32, 6),
    run bigint, postingdate date
) ON COMMIT DROP""")

CLAIM_BATCH = text("""
INSERT INTO batch
SELECT s.dataareaid, s.statementid, s.storeid, s.businessdate, s.currency,
       s.transactioncount, s.salesamount, s.taxamount, s.paymentamount, :run,
       coalesce(s.postingdate, s.businessdate)
FROM ax.retailstatementtable AS s
JOIN unnest(CAST(:companies AS text[]), CAST(:statements AS text[])) AS wanted (dataareaid, statementid)
     USING (dataareaid, statementid)
WHERE s.postingstatus = :source
ORDER BY s.dataareaid, s.statementid
FOR NO KEY UPDATE OF s""")
"""Compare-and-set: who comes second waits here and then finds the state changed."""

CREATE_MARKED = """
CREATE TEMP TABLE marked ON COMMIT DROP AS
SELECT row_number() OVER ()::integer AS markno, e.store, e.terminal, e.transactionid, e.dataareaid, e.statementid,
       e.custaccount, e.type, e.netamount, e.grossamount, e.paymentamount, b.currency, b.businessdate
FROM batch AS b JOIN ax.retaileodtransactiontable AS e USING (dataareaid, statementid)"""

SET_STATE = text(f"""
UPDATE ax.retailstatementtable AS s
SET postingstatus = :target, run = :run, postingerrorstatus = {int(PostingErrorStatus.NONE)}, postingerrorcode = '',
    postingerrormessage = '',
    posteddatetime = CASE WHEN :target = {int(StatementStatus.POSTED)} THEN now() ELSE s.posteddatetime END
FROM batch AS b
WHERE s.dataareaid = b.dataareaid AND s.statementid = b.statementid""")

LOG_STATE = log_sql("SELECT dataareaid, statementid, CAST(:target AS integer) AS status, '' AS message FROM batch")

_REFUSED = """
unnest(CAST(:companies AS text[]), CAST(:statements AS text[]), CAST(:codes AS text[]), CAST(:messages AS text[]))
    AS refused (dataareaid, statementid, code, message)"""

MARK_REFUSED = text(f"""
UPDATE ax.retailstatementtable AS s
SET run = :run, postingerrorstatus = {int(PostingErrorStatus.ERROR)}, postingerrorcode = code,
    postingerrormessage = message
FROM {_REFUSED}
WHERE (s.dataareaid, s.statementid) = (refused.dataareaid, refused.statementid) AND s.postingstatus = :source""")

LOG_REFUSED = log_sql(f"""
SELECT dataareaid, statementid, s.postingstatus AS status, message
FROM {_REFUSED} JOIN ax.retailstatementtable AS s USING (dataareaid, statementid) WHERE s.postingstatus = :source""")
"""Another call may have brought it on meanwhile: then it is refused no more."""

TEMPORARY_TABLES = text("SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r'")


def claim(connection: Connection, keys: Sequence[Key], source: StatementStatus, run: int | None) -> int:
    """Lock those of `keys` that are still in `source` into the temp table `batch`; returns how many. `run` is the one
    that works them, None where a person does."""
    connection.execute(CREATE_BATCH)
    claimed = connection.execute(
        CLAIM_BATCH,
        {
            "companies": [company for company, _ in keys],
            "statements": [statement for _, statement in keys],
            "source": int(source),
            "run": run,
        },
    ).rowcount
    connection.execute(text("ANALYZE batch"))
    return claimed


def finish(connection: Connection, target: StatementStatus, run: int | None) -> None:
    """Set the state of the statements in `batch`, and note it in the event log."""
    connection.execute(SET_STATE, {"target": int(target), "run": run})
    connection.execute(LOG_STATE, {"target": int(target), "run": run})


def refuse(connection: Connection, refusals: Sequence[Refusal], source: StatementStatus, run: int | None) -> None:
    """Write down why statements stay in `source`."""
    if not refusals:
        return
    parameters = {
        "companies": [refusal.company for refusal in refusals],
        "statements": [refusal.statement for refusal in refusals],
        "codes": [refusal.code for refusal in refusals],
        "messages": [refusal.message for refusal in refusals],
        "source": int(source),
        "run": run,
    }
    connection.execute(MARK_REFUSED, parameters)
    connection.execute(LOG_REFUSED, parameters)


def forget(connection: Connection) -> None:
    """Drop the temp tables of a part that is through, so that the next part of the same transaction can begin."""
    for table in connection.scalars(TEMPORARY_TABLES).all():
        connection.execute(text(f'DROP TABLE pg_temp."{table}"'))


def gather_marked(connection: Connection, types: Sequence[TransactionType] = ()) -> None:
    """Temp table `marked`: the transactions of the batch's statements, or those of them that are of `types`, with the
    currency and business date of the statement. Rows are summed by `markno`, which costs less than their names."""
    only = f" WHERE e.type IN ({', '.join(str(int(type_)) for type_ in types)})" if types else ""
    connection.execute(text(CREATE_MARKED + only))
    connection.execute(text("ANALYZE marked"))


def execute_hashed(connection: Connection, statement: TextClause) -> int:
    """Execute a statement that sums rows of many transactions, without sorting them; returns how many rows it made.

    The planner takes the three names of a transaction for independent and expects a thousandth of the rows: so few, it
    thinks, are sorted as cheaply as hashed. A day's are not.
    """
    connection.execute(text("SET LOCAL enable_sort = off"))
    made = connection.execute(statement).rowcount
    connection.execute(text("SET LOCAL enable_sort TO DEFAULT"))
    return made


def raise_refusals(connection: Connection, query: str, code: str, message: str) -> None:
    """Raise Refused for the rows (dataareaid, statementid, ...) of `query`; `message` is filled from the row's
    columns."""
    rows = connection.execute(text(query)).mappings().all()
    if rows:
        raise Refused([Refusal(row["dataareaid"], row["statementid"], code, message.format_map(row)) for row in rows])


def passed_through(connection: Connection) -> None:
    """A state in which there is nothing to post: it is passed in order, so that the event log reads like the
    product's."""
