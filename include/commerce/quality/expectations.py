"""Great Expectations runs the gate's rules inside headquarters. It is imported here and only when a gate runs (it takes
seconds), and it connects through a function: no URL, so no password, reaches its configuration or its messages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.pool import StaticPool

from commerce.errors import CommerceError
from commerce.quality.rule import GateRule, batch_sql, per_store
from commerce.quality.snapshot import CONNECTIONS, Snapshot, pages


@dataclass(frozen=True)
class Finding:
    """A store that breaks a rule: how many transactions, and their amount."""

    rule: GateRule
    store: str
    count: int
    amount: Decimal


class Evaluation:
    """The rules over some channels and their stamped transactions, in an ephemeral context of Great Expectations."""

    def __init__(self, hq: Engine, run: int, day: date, channels: Mapping[int, int], rules: Sequence[GateRule]) -> None:
        """`channels`: record ids with their numbers of stamped transactions."""
        os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
        import great_expectations as gx

        from commerce.quality.failing_stores import ExpectNoFailingStores

        self._gx, self._expectation = gx, ExpectNoFailingStores
        self._hq, self._run, self._day = hq, run, day
        self._pages = pages(channels)
        self._rules = {rule.name: rule for rule in rules}
        self._context = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = {"globally": False, "metric_calculations": False}

    def run(self) -> list[Finding]:
        """Evaluate every rule, page by page, two pages side by side.

        Raises CommerceError when a rule could not be evaluated, or when fewer stores came back than were counted.
        """
        findings: list[Finding] = []
        for result in self._results():
            answered = {one.expectation_config.meta["rule"]: one.result for one in result.results}
            if set(answered) != set(self._rules):
                raise CommerceError("Great Expectations did not answer for all rules.")
            for name, answer in answered.items():
                findings += self._findings(self._rules[name], answer)
        return sorted(findings, key=lambda finding: (finding.store, finding.rule.name))

    def _results(self) -> list[Any]:
        """The validation result of each page. A connection works on one page after the other."""
        name = self._gx.RunIdentifier(run_name=f"quality gate of run {self._run}")
        numbered = list(enumerate(self._pages, 1))
        with ExitStack() as stack:
            work = []
            for connection in range(min(CONNECTIONS, len(numbered))):
                snapshot = stack.enter_context(Snapshot.of(self._hq))
                source = self._source(f"headquarters, connection {connection + 1}", snapshot)
                definitions = [self._definition(source, *page) for page in numbered[connection::CONNECTIONS]]
                work.append((snapshot, definitions))

            def validate(snapshot: Snapshot, definitions: Sequence[tuple[Sequence[int], Any]]) -> list[Any]:
                results = []
                for channels, definition in definitions:
                    snapshot.make(self._run, channels)
                    results.append(definition.run(result_format={"result_format": "COMPLETE"}, run_id=name))
                return results

            with ThreadPoolExecutor(len(work)) as pool:
                return [result for results in pool.map(validate, *zip(*work, strict=True)) for result in results]

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

    def _source(self, name: str, snapshot: Snapshot) -> Any:
        return self._context.data_sources.add_postgres(
            name,
            # a placeholder that its check accepts: `creator` connects
            connection_string="postgresql+psycopg://creator@below/hq",
            kwargs={"creator": lambda: snapshot, "poolclass": StaticPool, "hide_parameters": True},
        )

    def _definition(self, source: Any, page: int, channels: Sequence[int]) -> tuple[Sequence[int], Any]:
        """A page's channels, and the rules over them."""
        gx, name = self._gx, f"run {self._run}" if page == 1 else f"run {self._run}, page {page}"
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
        asset = source.add_query_asset(name, query=batch_sql(self._run, channels))
        batch = asset.add_batch_definition_whole_table("stamped")
        definition = gx.ValidationDefinition(name=name, data=batch, suite=self._context.suites.add(suite))
        return channels, self._context.validation_definitions.add(definition)

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
