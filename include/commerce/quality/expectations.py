"""Great Expectations runs the gate's rules inside headquarters. It is imported here and only when a gate runs (it takes
seconds), and it connects through a function: no URL, so no password, reaches its configuration or its messages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.pool import NullPool

from commerce.errors import CommerceError
from commerce.quality.rule import GateRule, batch_sql, per_store

PAGE = 150
"""Stores an expectation looks at: Great Expectations hands back at most 200 failing rows, and each is a store."""

SETTINGS = "SET work_mem = '128MB'"
"""A day's lines are hashed instead of spilled."""


@dataclass(frozen=True)
class Finding:
    """A store that breaks a rule: how many transactions, and their amount."""

    rule: GateRule
    store: str
    count: int
    amount: Decimal


class Evaluation:
    """The rules over some channels and their stamped transactions, in an ephemeral context of Great Expectations."""

    def __init__(self, hq: Engine, run: int, day: date, channels: Collection[int], rules: Sequence[GateRule]) -> None:
        os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
        import great_expectations as gx

        from commerce.quality.failing_stores import ExpectNoFailingStores

        self._gx, self._expectation = gx, ExpectNoFailingStores
        self._day = day
        self._rules = {rule.name: rule for rule in rules}
        self._context = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        self._source = self._context.data_sources.add_postgres(
            "headquarters",
            # a placeholder that its check accepts: `creator` connects
            connection_string="postgresql+psycopg://creator@below/hq",
            kwargs={"creator": _connector(hq), "poolclass": NullPool, "hide_parameters": True},
        )
        definitions = [
            self._definition(f"run {run}" if page == 1 else f"run {run}, page {page}", run, ids)
            for page, ids in enumerate(_pages(sorted(channels)), 1)
        ]
        self._checkpoint = self._context.checkpoints.add(
            gx.Checkpoint(
                name=f"quality gate of run {run}",
                validation_definitions=definitions,
                result_format={"result_format": "COMPLETE"},
            )
        )

    def run(self) -> list[Finding]:
        """Evaluate every rule.

        Raises CommerceError when a rule could not be evaluated, or when fewer stores came back than were counted.
        """
        findings: list[Finding] = []
        outcome = self._checkpoint.run()
        results = list(outcome.run_results.values())
        if len(results) != len(self._checkpoint.validation_definitions):
            raise CommerceError("Great Expectations did not answer for all stores.")
        for result in results:
            answered = {one.expectation_config.meta["rule"]: one.result for one in result.results}
            if set(answered) != set(self._rules):
                raise CommerceError("Great Expectations did not answer for all rules.")
            for name, answer in answered.items():
                findings += self._findings(self._rules[name], answer)
        return sorted(findings, key=lambda finding: (finding.store, finding.rule.name))

    def write_docs(self, folder: Path) -> None:
        """Write Data Docs of the last run as a static site into `folder`, in place of what it holds."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)}
        site = {
            "class_name": "SiteBuilder",
            "store_backend": store,
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        }
        self._context.add_data_docs_site("gate", site)
        self._context.build_data_docs(site_names=["gate"])

    def _definition(self, name: str, run: int, channels: Sequence[int]) -> Any:
        gx, query = self._gx, batch_sql(run, channels)
        suite = gx.ExpectationSuite(name=name)
        for rule in self._rules.values():
            suite.add_expectation(
                self._expectation(
                    description=rule.says,
                    unexpected_rows_query=per_store(rule.filled(channels, self._day)),
                    severity=rule.severity,
                    meta={"rule": rule.name},
                )
            )
        batch = self._source.add_query_asset(name, query=query).add_batch_definition_whole_table("stamped")
        return self._context.validation_definitions.add(
            gx.ValidationDefinition(name=name, data=batch, suite=self._context.suites.add(suite))
        )

    @staticmethod
    def _findings(rule: GateRule, answer: dict[str, Any]) -> list[Finding]:
        counted = answer.get("observed_value")
        if counted is None:
            raise CommerceError(f"Great Expectations could not evaluate {rule.name}.")
        rows = answer["details"]["unexpected_rows"]
        if len(rows) != counted:
            raise CommerceError(
                f"Great Expectations counted {counted} stores that break {rule.name}, but returned {len(rows)}."
            )
        return [Finding(rule, row["store"], int(row["count"]), Decimal(row["amount"])) for row in rows]


def _pages(channels: Sequence[int]) -> list[tuple[int, ...]]:
    return [tuple(channels[start : start + PAGE]) for start in range(0, len(channels), PAGE)]


def _connector(hq: Engine) -> Any:
    arguments, keywords = hq.dialect.create_connect_args(hq.url)

    def connect() -> Any:
        connection = hq.dialect.connect(*arguments, **keywords)
        connection.execute(SETTINGS)
        connection.commit()
        return connection

    return connect
