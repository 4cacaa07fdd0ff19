"""Run all checks on one snapshot of headquarters."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, text

from commerce.progress import Progress, silent
from commerce.verify import customers, edits, exchange, financial, ledger, numbers, operations, prepayments, statements
from commerce.verify.rules import Check

SAMPLE = 5

CHECKS: tuple[Check, ...] = (
    *customers.CHECKS,
    *operations.CHECKS,
    *numbers.CHECKS,
    *statements.CHECKS,
    *ledger.CHECKS,
    *financial.CHECKS,
    *exchange.CHECKS,
    *edits.CHECKS,
    *prepayments.CHECKS,
)


@dataclass(frozen=True)
class Finding:
    """A rule that is broken: by how many, and the first few of them by their identifiers."""

    check: str
    rule: str
    count: int
    sample: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"check": self.check, "rule": self.rule, "count": self.count, "sample": list(self.sample)}


def verify(hq: Engine, *, progress: Progress = silent) -> list[Finding]:
    """Every rule that headquarters breaks, in the order of `CHECKS`; an empty list: all of them hold.

    Reads one snapshot, so jobs may run meanwhile.
    """
    findings = []
    with hq.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection:
        for done, check in enumerate(CHECKS):
            progress("verify headquarters", done, len(CHECKS))
            row = connection.execute(
                text(
                    f"WITH found AS ({check.sql})"
                    " SELECT count(*) AS number, (array_agg(id ORDER BY id))[1:CAST(:sample AS integer)] AS sample "
                    "FROM found"
                ),
                {"sample": SAMPLE},
            ).one()
            if row.number:
                findings.append(Finding(check.name, check.rule, row.number, tuple(row.sample)))
    progress("verify headquarters", len(CHECKS), len(CHECKS))
    return findings
