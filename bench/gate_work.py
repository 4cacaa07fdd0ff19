"""What the contestants of `gate` do. This module loads Great Expectations, so that nobody is charged for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any
from unittest import mock

import great_expectations as gx
import pandas as pd
from sqlalchemy import Connection, Engine, text

from bench.frames import CHARGES, KEY, PAYMENTS, TAXES, read
from bench.installation import engine
from commerce import quality
from commerce.quality import failing_stores, gate
from commerce.quality.expectations import Finding
from commerce.quality.rule import GateRule, per_store
from commerce.quality.snapshot import CONNECTIONS, Snapshot, pages
from commerce.scope import Scope

LOADED = failing_stores.ExpectNoFailingStores


def check(url: str, run: int, stores: list[str], last_date: date, lines: int) -> int:
    """The product."""
    with engine(url) as hq:
        result = quality.check(hq, run=run, scope=Scope(tuple(stores), last_date))
    if not result.ok:
        raise RuntimeError(str(result.as_dict())[:2000])
    return lines


def check_straight(url: str, run: int, stores: list[str], last_date: date, lines: int) -> int:
    """The floor: the same job, whose rules are queries and nothing else."""
    with mock.patch.object(gate, "Evaluation", Straight):
        return check(url, run, stores, last_date, lines)


class Straight:
    """In the place of `expectations.Evaluation`: the same SQL on as many connections."""

    def __init__(self, hq: Engine, run: int, day: date, channels: Mapping[int, int], rules: Sequence[GateRule]) -> None:
        self._hq, self._run, self._day, self._pages, self._rules = hq, run, day, pages(channels), rules

    def run(self) -> list[Finding]:
        """Every rule, one query each and page."""
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            return [finding for found in pool.map(self._judge, self._pages) for finding in found]

    def _judge(self, channels: Sequence[int]) -> list[Finding]:
        findings = []
        with Snapshot.of(self._hq) as snapshot:
            snapshot.make(self._run, channels)
            for rule in self._rules:
                query: Any = per_store(rule.filled(channels, self._day))
                findings += [
                    Finding(rule, store, count, Decimal(amount))
                    for store, count, amount, _ in snapshot.execute(query)
                    if store
                ]
        return findings


HEADERS = """
    SELECT terminal, transactionid, custaccount, custaccountasync, addressidasync, netamount, grossamount,
           paymentamount
    FROM ax.retailtransactiontable WHERE store = :store AND type = 2 AND entrystatus IN (0, 2, 3)"""
LINES = """
    SELECT terminalid AS terminal, transactionid, linenum, netamount, netamountincltax, custaccount, custaccountasync,
           addressidasync FROM ax.retailtransactionsalestrans WHERE store = :store AND transactionstatus <> 1"""


def check_frames(url: str, stores: list[str]) -> int:
    """The peer: what the rules read, merged by pandas, and expectations about its columns; returns the sales lines."""
    done = 0
    with engine(url) as hq, hq.connect() as connection:
        known = _known(connection)
        for store in stores:
            headers, lines = _store(connection, store, known)
            if failing := _failing(headers) + _failing(lines):
                raise RuntimeError(f"{store} fails: {', '.join(failing)}")
            done += len(lines)
    return done


def _known(connection: Connection) -> dict[str, set[str]]:
    queries = {
        "account": "SELECT accountnum FROM ax.custtable",
        "guid": "SELECT custaccountasync FROM ax.custaccountasyncmap",
        "tender": "SELECT tendertypeid FROM ax.retailtendertypetable",
    }
    return {name: {"", *connection.execute(text(query)).scalars()} for name, query in queries.items()}


def _store(connection: Connection, store: str, known: dict[str, set[str]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The receipts and the lines of a store, each with a column a rule that says whether it is right."""

    headers, lines, payments = (read(connection, query, store) for query in (HEADERS, LINES, PAYMENTS))
    for frame in (headers, lines):
        frame["account_known"] = frame.custaccount.isin(known["account"])
        frame["guid_known"] = frame.custaccountasync.isin(known["guid"])
        frame["guid_has_account"] = frame.custaccountasync.eq("") | frame.custaccount.ne("")
    payments["tender_known"] = payments.tendertype.isin(known["tender"])
    paid = payments.groupby(KEY, as_index=False).agg(paid=("paid", "sum"), tenders=("tender_known", "all"))
    taxes = read(connection, TAXES, store).merge(lines[[*KEY, "linenum"]], "inner", [*KEY, "linenum"])
    sums = lines.groupby(KEY, as_index=False).agg(net=("netamount", "sum"), gross=("netamountincltax", "sum"))
    found = (
        headers.merge(sums, "left", KEY)
        .merge(taxes.groupby(KEY, as_index=False)["tax"].sum(), "left", KEY)
        .merge(
            read(connection, CHARGES, store).groupby(KEY, as_index=False)[["charge", "charge_tax"]].sum(), "left", KEY
        )
        .merge(paid, "left", KEY)
    )
    for column in ("net", "gross", "tax", "charge", "charge_tax", "paid"):
        found[column] = found[column].fillna(0)
    found["lines_agree"] = (found.netamount == found.net + found.charge) & (
        found.grossamount == found.gross + found.charge + found.charge_tax
    )
    found["taxes_agree"] = found.grossamount - found.netamount == found.tax + found.charge_tax
    found["payments_agree"] = found.paymentamount == found.paid
    found["tenders_known"] = found.tenders.fillna(value=True).astype(bool)
    return found, lines


def _failing(frame: pd.DataFrame) -> list[str]:
    """The columns that say whether something is right and do not say so everywhere: an expectation for each."""
    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    source = context.data_sources.add_pandas("frames").add_dataframe_asset("receipts")
    batch = source.add_batch_definition_whole_dataframe("all")
    suite = gx.ExpectationSuite(name="gate")
    for column in frame.select_dtypes("bool").columns:
        suite.add_expectation(gx.expectations.ExpectColumnValuesToBeInSet(column=column, value_set=[True]))
    definition = gx.ValidationDefinition(name="gate", data=batch, suite=context.suites.add(suite))
    results = definition.run(batch_parameters={"dataframe": frame}).results
    return [one.expectation_config.kwargs["column"] for one in results if not one.success]
