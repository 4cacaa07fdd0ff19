"""The statement that a person names, locked until the caller's transaction ends."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from commerce.errors import UsageError
from commerce.schema.enums import StatementStatus, StatementType

FIND = text("""
SELECT dataareaid, statementid, storeid, statementtype, businessdate, postingstatus, run
FROM ax.retailstatementtable
WHERE statementid = :statement AND (CAST(:company AS text) IS NULL OR dataareaid = :company)
ORDER BY dataareaid FOR NO KEY UPDATE""")


@dataclass(frozen=True)
class Named:
    """A statement as it stands. `run`: the last one that worked it."""

    company: str
    statement: str
    store: str
    type: StatementType
    business_date: date
    state: StatementStatus
    run: int | None

    @property
    def key(self) -> dict[str, str]:
        """Bind values of company and statement."""
        return {"company": self.company, "statement": self.statement}


def find(connection: Connection, statement: str, company: str | None) -> Named:
    """The statement of that number, of `company` or of the only company that has one.

    Raises:
        UsageError: there is none, or several companies have one.
    """
    found = connection.execute(FIND, {"statement": statement, "company": company}).all()
    if not found:
        raise UsageError(f"There is no statement {statement}. `commerce statements list` shows them.")
    if len(found) > 1:
        companies = ", ".join(row.dataareaid for row in found)
        raise UsageError(f"{companies} have a statement {statement} each. Say which with --company.")
    (row,) = found
    return Named(
        row.dataareaid,
        row.statementid,
        row.storeid,
        StatementType(row.statementtype),
        row.businessdate,
        StatementStatus(row.postingstatus),
        row.run,
    )
