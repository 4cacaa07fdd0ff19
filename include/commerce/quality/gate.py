"""The quality gate (design section 6; system 7 of the chain): no order and no cash-and-carry transaction that refers to
an unsynchronized customer or address gets further. It fails closed: from the stamp to the verdict every store that has
something to post is held back, so a gate that dies lets nothing through."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Engine, text

from commerce.database import analyze, describe_error, retry_transient
from commerce.errors import CommerceError
from commerce.outcomes import JobResult, StoreOutcome
from commerce.progress import Progress, silent
from commerce.quality.expectations import Evaluation, Finding
from commerce.quality.rule import GATE_TYPES, relations, samples
from commerce.quality.rules import rules
from commerce.scope import Scope, amount_sql

JOB = "check"
UNFINISHED = "gate_did_not_finish"
"""The verdict that stands between stamp and verdict, and stays when the gate dies."""

SAMPLES = 5

MANY = 1_000
"""Stamped transactions from which on PostgreSQL has to know how many there are before it plans the rules."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """What a rule found in a store: `count` transactions worth `amount`, up to five of them with a masked reference."""

    store: str
    rule: str
    severity: str
    count: int
    amount: Decimal
    sample: tuple[str, ...] = ()


@dataclass(frozen=True)
class GateResult(JobResult):
    """The gate's outcome: a store with a critical verdict is `blocked`; all are `failed` when the gate failed."""

    verdicts: tuple[Verdict, ...] = field(default=())


def check(
    hq: Engine, *, run: int, scope: Scope, docs_dir: Path | None = None, progress: Progress = silent
) -> GateResult:
    """Stamp every unposted real transaction in `scope` with `run` and judge the stamped ones, store by store.

    Statements take only what is stamped, of stores without a critical verdict in `cdx.gateverdict`; warnings and notes
    stand there, too, of stores without a transaction as well. With `docs_dir`,
    Data Docs are written to its folder `run-<run>`. Counts by store: `transactions` stamped, `findings`.
    """
    stamped = _stamp(hq, run, scope)
    if sum(stamped.values()) >= MANY:
        # without it the stamp of this run seems to be nobody's, and rules are planned as loops over a row or two
        analyze(hq, "ax.retailtransactiontable", ["gaterun"])
    progress("stamp transactions", sum(stamped.values()), sum(stamped.values()))
    channels = _channels(hq, scope.stores)
    try:
        sizes = {channel: stamped.get(store, 0) for store, channel in sorted(channels.items())}
        findings = _evaluate(hq, run, scope.business_date, sizes, docs_dir, progress) if channels else []
    except Exception as error:  # whatever it was: nothing was proven, so nothing may be posted
        return _failed(scope, stamped, error)
    verdicts = retry_transient(lambda: _record(hq, run, scope, channels, findings))
    stores = {store: _outcome(store, stamped.get(store, 0), verdicts) for store in scope.stores}
    blocked = {v.store for v in verdicts if v.severity == "critical"}
    counts = {"transactions": sum(stamped.values()), "findings": len(verdicts), "blocked": len(blocked)}
    return GateResult(JOB, stores, counts, verdicts=verdicts)


def _stamp(hq: Engine, run: int, scope: Scope) -> dict[str, int]:
    """Stamp, and hold the stamped stores back until the verdict is there; returns transactions by store.

    Half of the stores each, side by side: what counts is that a store is held back in the transaction that stamps it.
    """
    halves = [scope.stores[::2], scope.stores[1::2]] if not scope.only else [scope.stores]

    def work(stores: tuple[str, ...]) -> dict[str, int]:
        return retry_transient(lambda: _stamp_stores(hq, run, replace(scope, stores=stores)))

    with ThreadPoolExecutor(len(halves)) as pool:
        return {store: count for counts in pool.map(work, filter(None, halves)) for store, count in counts.items()}


def _stamp_stores(hq: Engine, run: int, scope: Scope) -> dict[str, int]:
    with hq.begin() as connection:
        for statement in (_UNSTAMP, _STAMP):
            connection.execute(text(statement.format(unposted=scope.unposted_sql())), {**scope.parameters, "run": run})
        keys = {"run": run, "stores": list(scope.stores)}
        connection.execute(text(_FORGET), keys)
        rows = connection.execute(text(_HOLD_BACK), {**keys, "rule": UNFINISHED})
        return {row.store: row.transactions for row in rows}


def _channels(hq: Engine, stores: Collection[str]) -> dict[str, int]:
    with hq.connect() as connection:
        rows = connection.execute(
            text("SELECT retailchannelid, recid FROM ax.retailchanneltable WHERE retailchannelid = ANY(:stores)"),
            {"stores": list(stores)},
        )
        return {row.retailchannelid: row.recid for row in rows}


def _evaluate(
    hq: Engine, run: int, day: date, channels: Mapping[int, int], docs_dir: Path | None, progress: Progress
) -> list[Finding]:
    progress("load Great Expectations", 0)
    evaluation = Evaluation(hq, run, day, channels, rules())
    progress("evaluate rules", 0, len(rules()))
    findings = evaluation.run()
    progress("evaluate rules", len(rules()), len(rules()))
    if docs_dir is not None:
        try:
            evaluation.write_docs(docs_dir / f"run-{run}")
        except Exception as error:  # the verdict is complete; a full disk must not hold money back
            _log.warning("Data Docs of run %s could not be written: %s", run, type(error).__name__)
    return findings


def _record(
    hq: Engine, run: int, scope: Scope, channels: dict[str, int], findings: Iterable[Finding]
) -> tuple[Verdict, ...]:
    """Replace what holds the stores back by the verdicts, with samples, in one transaction."""
    found = list(findings)
    with hq.begin() as connection:
        taken: dict[tuple[str, str], list[str]] = {}
        for rule in {finding.rule.name: finding.rule for finding in found}.values():
            failing = [channels[finding.store] for finding in found if finding.rule == rule]
            wrong = samples(rule.filled(failing, scope.business_date), relations(run, failing), SAMPLES)
            for row in connection.execute(text(wrong)):
                sample = taken.setdefault((rule.name, row.store), [])
                reference = masked(row.reference) if rule.names_people else row.reference
                same = row.reference == row.transactionid  # what is wrong with a store and not with a transaction
                sample.append(reference if same else f"{row.transactionid} ({reference})")
        verdicts = tuple(_verdict(finding, taken.get((finding.rule.name, finding.store), ())) for finding in found)
        connection.execute(text(_FORGET), {"run": run, "stores": list(scope.stores)})
        if verdicts:
            connection.execute(
                text(_VERDICT),
                [{**vars(verdict), "run": run, "sample": json.dumps(verdict.sample)} for verdict in verdicts],
            )
    return verdicts


def _verdict(finding: Finding, sample: Iterable[str]) -> Verdict:
    rule = finding.rule
    return Verdict(finding.store, rule.name, rule.severity, finding.count, finding.amount, tuple(sample))


def masked(reference: str) -> str:
    """A GUID or address id shortened: enough to find it, nothing to use it with."""
    return reference if len(reference) <= 20 else f"{reference[:8]}…"


def _outcome(store: str, transactions: int, verdicts: Iterable[Verdict]) -> StoreOutcome:
    mine = [verdict for verdict in verdicts if verdict.store == store]
    critical = [verdict for verdict in mine if verdict.severity == "critical"]
    message = "; ".join(f"{verdict.rule}: {verdict.count} ({verdict.amount:.2f})" for verdict in critical)
    counts = {"transactions": transactions, "findings": len(mine)}
    return StoreOutcome(store, "blocked" if critical else "done", message, counts)


def _failed(scope: Scope, stamped: dict[str, int], error: Exception) -> GateResult:
    _log.error("The quality gate did not finish: %s", type(error).__name__)
    why = str(error) if isinstance(error, CommerceError) else f"({describe_error(error)})"
    message = f"The quality gate did not finish, so nothing of this store is posted. {why} Run the step again."
    stores = {
        store: StoreOutcome(store, "failed", message, {"transactions": stamped.get(store, 0), "findings": 0})
        for store in scope.stores
    }
    return GateResult(JOB, stores, {"transactions": sum(stamped.values()), "findings": 0, "blocked": len(stores)})


_TYPES = ", ".join(str(int(kind)) for kind in GATE_TYPES)
# A run that is taken up again does not judge what has been posted or made a sales order since, by it or by another.
_UNSTAMP = """
    UPDATE ax.retailtransactiontable AS t SET gaterun = NULL FROM ax.retailchanneltable AS ch
    WHERE ch.retailchannelid = t.store AND t.gaterun = :run AND t.store = ANY(:stores) AND NOT {unposted}
"""
_STAMP = f"""
    UPDATE ax.retailtransactiontable AS t SET gaterun = :run FROM ax.retailchanneltable AS ch
    WHERE ch.retailchannelid = t.store AND t.type IN ({_TYPES}) AND t.gaterun IS DISTINCT FROM :run AND {{unposted}}
"""
_FORGET = "DELETE FROM cdx.gateverdict WHERE run = :run AND store = ANY(:stores)"
_HOLD_BACK = f"""
    INSERT INTO cdx.gateverdict (run, store, rule, severity, count, amount)
    SELECT :run, t.store, :rule, 'critical', count(*),
           sum({amount_sql("t")})
    FROM ax.retailtransactiontable AS t WHERE t.gaterun = :run AND t.store = ANY(:stores)
    GROUP BY t.store
    RETURNING store, count AS transactions
"""
_VERDICT = """
    INSERT INTO cdx.gateverdict (run, store, rule, severity, count, amount, sample)
    VALUES (:run, :store, :rule, :severity, :count, :amount, CAST(:sample AS jsonb))
"""
