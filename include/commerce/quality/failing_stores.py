"""The expectation of a gate's rule. This module loads Great Expectations, which takes seconds."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.compatibility import pydantic
from great_expectations.expectations.core.unexpected_rows_expectation import UnexpectedRowsExpectation


class ExpectNoFailingStores(UnexpectedRowsExpectation):  # type: ignore[misc]
    """A query with a row for each failing store, behind one that counts them (`rule.per_store`).

    Great Expectations' own expectation counts the rows by a query of its own, so that everything runs twice; here the
    count comes with the rows. It hands back 200 rows at most: the count tells whether they are all.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.table",)

    @pydantic.validator("unexpected_rows_query", allow_reuse=True)  # type: ignore[untyped-decorator]
    def _validate_query(cls, query: str) -> str:  # noqa: N805
        """In place of the parent's, which prints that a query about stores names no batch."""
        return query

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        """Answer in the shape of the parent class."""
        rows = metrics["unexpected_rows_query.table"]
        counted = int(rows[0]["count"]) if rows and rows[0]["store"] == "" else None
        return {
            "success": counted == 0,
            "result": {"observed_value": counted, "details": {"unexpected_rows": rows[1:]}},
        }
