"""The quality gate: each defect, planted in one store of many, blocks it alone; a gate that fails blocks all."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import quality
from commerce.quality import expectations, gate, rules, snapshot
from commerce.quality.reference_rules import REFERENCE_RULES
from commerce.quality.rule import GateRule
from commerce.schema.headquarters import metadata
from commerce.schema.headquarters.customers import ADDRESS_MAP
from commerce.scope import Scope
from support.company import add_address, add_company, add_customer, add_store, map_guid
from support.transactions import (
    DAY,
    Key,
    add_delivery_address,
    add_deposit,
    add_income_expense,
    add_order,
    add_sale,
    change,
)

HEADER, LINE = "retailtransactiontable", "retailtransactionsalestrans"
DEPOSIT, DELIVERY = "retailtransactioncustomeraccountdeposittrans", "retailtransactionaddresstrans"
GUID, NOBODY = "0f8fad5b-d9cb-469f-a165-70867728950e", "7c9e6679-7425-40de-944b-e07fc1f90ae7"
STORES = ("S1", "S2", "S3")
SCOPE = Scope(STORES, DAY)


@pytest.fixture
def shop(hq: Engine) -> Engine:
    """Three stores with a right sale, deposit and order each, all of a converted customer."""
    add_company(hq)
    add_customer(hq, "C1", guid=GUID)
    add_customer(hq, "C2")
    add_address(hq, "A1", "C1")
    for store in STORES:
        stock(hq, store)
    return hq


def stock(hq: Engine, store: str) -> None:
    named = {"account": "C1", "guid": GUID}
    postal = sa.select(ADDRESS_MAP.c.logisticspostaladdress).scalar_subquery()
    add_store(hq, store)
    keys = [add_sale(hq, store, 1, **named, address="A1"), add_order(hq, store, 2, **named, address="A1")]
    for key in keys:
        add_delivery_address(hq, key, "A1")
        for table in (HEADER, LINE, DELIVERY):
            change(hq, table, key, logisticspostaladdress=postal)
    add_deposit(hq, store, 3, **named)
    add_income_expense(hq, store, 4)


def open_run(hq: Engine) -> int:
    with hq.begin() as connection:
        statement = sa.text(
            "INSERT INTO cdx.run (key, kind, businessdate)"
            " VALUES ('r' || (SELECT count(*) FROM cdx.run), 'end_of_day', :day) RETURNING run"
        )
        return int(connection.execute(statement, {"day": DAY}).scalar_one())


def check(hq: Engine, run: int | None = None, scope: Scope = SCOPE, docs_dir: Path | None = None) -> quality.GateResult:
    return quality.check(hq, run=run or open_run(hq), scope=scope, docs_dir=docs_dir)


def verdicts(hq: Engine) -> list[tuple[int, str, str, int, Decimal]]:
    with hq.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT run, store, rule, count, amount FROM cdx.gateverdict ORDER BY run, store, rule")
        )
        return [tuple(row) for row in rows]  # type: ignore[misc]


def key_of(number: int, store: str = "S2") -> Key:
    return store, "T1", f"{store}-T1-{number:06d}"


def run_sql(hq: Engine, *statements: str) -> None:
    with hq.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def test_right_transactions_pass_and_are_stamped(shop: Engine, tmp_path: Path) -> None:
    voided = add_sale(shop, "S1", 5, guid=NOBODY, header={"entrystatus": 1})
    run = open_run(shop)
    result = check(shop, run, docs_dir=tmp_path)
    assert (result.ok, result.verdicts, verdicts(shop)) == (True, (), [])
    assert result.counts == {"transactions": 12, "findings": 0, "blocked": 0}
    with shop.connect() as connection:
        stamped = connection.execute(
            sa.text("SELECT transactionid FROM ax.retailtransactiontable WHERE gaterun = :run"), {"run": run}
        ).scalars()
        assert voided[2] not in set(stamped)
    assert (tmp_path / f"run-{run}" / "index.html").exists()


Plant = Callable[[Engine, str], None]


def unknown(table: str, number: int) -> Plant:
    return lambda hq, store: change(hq, table, key_of(number, store), custaccountasync=NOBODY, custaccount="")


def no_address(table: str, number: int) -> Plant:
    return lambda hq, store: change(hq, table, key_of(number, store), addressidasync="A9", logisticspostaladdress=0)


def second_account(hq: Engine, store: str) -> None:
    """The GUID leads to C2, but another account says that it was created for it."""
    guid = SECOND
    add_customer(hq, "C3", guid=guid)
    run_sql(hq, f"UPDATE ax.custaccountasyncmap SET accountnum = 'C2' WHERE custaccountasync = '{guid}'")
    change(hq, HEADER, key_of(1, store), custaccountasync=guid, custaccount="C2")


def other_account(hq: Engine, store: str) -> None:
    change(hq, HEADER, key_of(1, store), custaccount="C2")
    change(hq, LINE, key_of(1, store), custaccount="C1", custaccountasync="")


def other_account_of_line(hq: Engine, store: str) -> None:
    change(hq, LINE, key_of(1, store), custaccount="C2")


def nonexistent_account_of_line(hq: Engine, store: str) -> None:
    change(hq, LINE, key_of(2, store), custaccount="C9", custaccountasync="")


def lost_account(hq: Engine, store: str) -> None:
    """The GUID of a deposit leads to an account that is gone (the foreign key would refuse it)."""
    map_guid(hq, LOST, "C2")
    run_sql(
        hq,
        "SET LOCAL session_replication_role = replica",
        f"UPDATE ax.custaccountasyncmap SET accountnum = 'C8' WHERE custaccountasync = '{LOST}'",
    )
    change(hq, DEPOSIT, key_of(3, store), custaccountasync=LOST, custaccount="")


def nonexistent_account(hq: Engine, store: str) -> None:
    change(hq, HEADER, key_of(4, store), custaccount="C9")


def other_account_of_deposit(hq: Engine, store: str) -> None:
    change(hq, DEPOSIT, key_of(3, store), custaccount="C2")


def nonexistent_account_of_deposit(hq: Engine, store: str) -> None:
    change(hq, DEPOSIT, key_of(3, store), custaccount="C9", custaccountasync="")


def two_statements(hq: Engine, store: str) -> None:
    sale = add_sale(hq, store, 5)
    run_sql(hq, "ALTER TABLE ax.retaileodtransactiontable DROP CONSTRAINT pk_retaileodtransactiontable")
    for statement in ("ST1", "ST2"):
        run_sql(
            hq,
            "INSERT INTO ax.retailstatementtable (dataareaid, statementid, storeid, statementtype, businessdate,"
            f" currency, postingstatus) VALUES ('USMF', '{statement}', '{store}', 1, '{DAY}', 'USD', 20)",
            "INSERT INTO ax.retaileodtransactiontable (store, terminal, transactionid, dataareaid, statementid, type,"
            f" businessdate, custaccount, grossamount) VALUES ('{store}', 'T1', '{sale[2]}', 'USMF', '{statement}', 2,"
            f" '{DAY}', 'DEFAULT', 12.5)",
        )


CUSTOMER, ADDRESS = "unsynchronized_customer_of_", "unsynchronized_address_of_"
ONE_ACCOUNT = "guid_without_its_one_account"
SECOND, LOST = "9b2e1c64-0d7b-4a53-8a3f-3f0c5d1f6a11", "c56a4180-65aa-42ec-a945-5fd21dec0538"
SALE, ORDER = Decimal("12.5"), Decimal("12.5")
DEFECTS: list[tuple[Plant, str, Decimal, str]] = [
    (unknown(HEADER, 2), f"{CUSTOMER}order", ORDER, "000002 (7c9e6679…)"),
    (unknown(LINE, 2), f"{CUSTOMER}order_line", ORDER, "000002 (7c9e6679…)"),
    (unknown(HEADER, 1), f"{CUSTOMER}sale", SALE, "000001 (7c9e6679…)"),
    (unknown(LINE, 1), f"{CUSTOMER}sale_line", SALE, "000001 (7c9e6679…)"),
    (unknown(DEPOSIT, 3), f"{CUSTOMER}deposit", Decimal(50), "000003 (7c9e6679…)"),
    (no_address(HEADER, 2), f"{ADDRESS}order", ORDER, "000002 (A9)"),
    (no_address(LINE, 2), f"{ADDRESS}order_line", ORDER, "000002 (A9)"),
    (no_address(DELIVERY, 2), f"{ADDRESS}order_delivery", ORDER, "000002 (A9)"),
    (no_address(HEADER, 1), f"{ADDRESS}sale", SALE, "000001 (A9)"),
    (no_address(LINE, 1), f"{ADDRESS}sale_line", SALE, "000001 (A9)"),
    (no_address(DELIVERY, 1), f"{ADDRESS}sale_delivery", SALE, "000001 (A9)"),
    (second_account, ONE_ACCOUNT, SALE, "000001 (9b2e1c64…)"),
    (other_account, ONE_ACCOUNT, SALE, "000001 (0f8fad5b…)"),
    (other_account_of_deposit, ONE_ACCOUNT, Decimal(50), "000003 (0f8fad5b…)"),
    (other_account_of_line, f"{CUSTOMER}sale_line", SALE, "000001 (0f8fad5b…)"),
    (nonexistent_account_of_line, f"{CUSTOMER}order_line", ORDER, "000002 (C9)"),
    (nonexistent_account, "nonexistent_customer_account", Decimal(20), "000004 (C9)"),
    (nonexistent_account_of_deposit, "nonexistent_customer_account", Decimal(50), "000003 (C9)"),
    (two_statements, "transaction_in_two_statements", SALE, "000005 (ST1, ST2)"),
]


def test_each_defect_blocks_its_store_alone(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "MANY", 50)  # two connections
    bad = tuple(f"B{number:02d}" for number, _ in enumerate(DEFECTS))
    for store, (plant, *_) in zip(bad, DEFECTS, strict=True):
        stock(shop, store)
        plant(shop, store)
    run = open_run(shop)
    result = check(shop, run, Scope((*bad, *STORES), DAY))
    expected = {store: (rule, amount) for store, (_, rule, amount, _) in zip(bad, DEFECTS, strict=True)}
    assert verdicts(shop) == [(run, store, rule, 1, amount) for store, (rule, amount) in sorted(expected.items())]
    assert result.blocked_stores == bad
    for store, (_, rule, amount, sample) in zip(bad, DEFECTS, strict=True):
        assert result.stores[store].message == f"{rule}: 1 ({amount:.2f})"
        assert [v.sample for v in result.verdicts if v.store == store] == [(f"{store}-T1-{sample}",)]
    assert {result.stores[store].state for store in STORES} == {"done"}
    assert {rule.name for rule in REFERENCE_RULES} == {defect[1] for defect in DEFECTS}


def test_account_that_is_gone_is_found(shop: Engine) -> None:
    lost_account(shop, "S2")
    assert {(v.store, v.rule) for v in check(shop).verdicts} == {
        ("S2", ONE_ACCOUNT),
        ("S2", f"{CUSTOMER}deposit"),
    }


def test_guid_in_the_account_column(shop: Engine) -> None:
    change(shop, HEADER, key_of(1), custaccount=NOBODY, custaccountasync="")
    result = check(shop)
    assert [(v.store, v.rule, v.sample) for v in result.verdicts] == [
        ("S2", f"{CUSTOMER}sale", ("S2-T1-000001 (7c9e6679…)",))
    ]


def test_more_rows_in_a_store_than_great_expectations_returns(shop: Engine) -> None:
    for number in range(5, 235):
        add_sale(shop, "S2", number, guid=NOBODY)
    result = check(shop)
    assert {(v.store, v.rule, v.count, v.amount, len(v.sample)) for v in result.verdicts} == {
        ("S2", f"{CUSTOMER}sale", 230, Decimal("2875"), 5)
    }
    assert result.stores["S3"].state == "done"


COPIED = {
    "retailchanneltable": {"retailchannelid": "STORE", "recid": "recid + n"},
    HEADER: {"store": "STORE", "replicationcounterfromorigin": "-n"},
}


def multiply(hq: Engine, table: str, changed: dict[str, str], copies: int) -> None:
    """Copy the only row of `table`, for stores S001, S002, ..."""
    store = "'S' || lpad(CAST(n AS text), 3, '0')"
    names = [column.name for column in metadata.tables[f"ax.{table}"].columns]
    values = [changed.get(name, name).replace("STORE", store) for name in names]
    run_sql(
        hq,
        f"INSERT INTO ax.{table} ({', '.join(names)})"
        f" SELECT {', '.join(values)} FROM ax.{table}, generate_series(1, {copies}) AS n",
    )


def test_more_failing_stores_than_great_expectations_returns(hq: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    add_company(hq)
    scope = Scope(tuple(f"S{number:03d}" for number in range(260)), DAY)
    add_store(hq, "S000")
    add_sale(hq, "S000", 1)
    for table, columns in COPIED.items():
        multiply(hq, table, columns, 259)
    run_sql(hq, f"UPDATE ax.{HEADER} SET custaccountasync = '{NOBODY}' WHERE store >= 'S010'")
    run = open_run(hq)
    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "PAGE", 1000)
        result = check(hq, run, scope)
    assert result.failed_stores == scope.stores
    assert "counted 250 stores" in result.stores["S000"].message
    assert [(store, rule) for _, store, rule, *_ in verdicts(hq)] == [(s, gate.UNFINISHED) for s in scope.stores]
    result = check(hq, run, scope)
    assert result.blocked_stores == scope.stores[10:]
    assert result.counts == {"transactions": 260, "findings": 250, "blocked": 250}


@pytest.mark.parametrize("how", ["query fails", "great expectations raises"])
def test_gate_fails_closed(shop: Engine, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    run = open_run(shop)
    with monkeypatch.context() as patch:
        if how == "query fails":
            broken = GateRule("broken", "nothing", "SELECT 1 / 0 AS store FROM stamped AS b JOIN ax.dataarea ON TRUE")
            patch.setattr(gate, "rules", lambda: (*rules.rules(), broken))
        else:
            patch.setattr(expectations.Evaluation, "run", lambda _: 1 / 0)
        result = check(shop, run)
        assert result.failed_stores == STORES
        assert "did not finish" in result.stores["S1"].message
        assert [(store, rule, count) for _, store, rule, count, _ in verdicts(shop)] == [
            (store, gate.UNFINISHED, 4) for store in STORES
        ]
    assert check(shop, run).ok
    assert verdicts(shop) == []


def test_killed_between_stamp_and_verdict_holds_everything_back(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(gate, "_evaluate", killed)
    with pytest.raises(KeyboardInterrupt):
        check(shop)
    assert [store for _, store, *_ in verdicts(shop)] == list(STORES)


def test_password_and_personal_data_reach_nothing_that_is_kept(
    shop: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "correct-horse-battery"
    with_password = sa.create_engine(shop.url.set(password=secret))
    change(shop, HEADER, key_of(1), custaccountasync=NOBODY, custaccount="")
    result = check(with_password, docs_dir=tmp_path)
    with_password.dispose()
    assert result.blocked_stores == ("S2",)
    pages = [path.read_text() for path in tmp_path.rglob("*.html")]
    assert any("unsynchronized" in page or "has its account" in page for page in pages)
    assert not any(secret in text or NOBODY in text for text in [*pages, caplog.text, json.dumps(result.as_dict())])


def test_second_check_of_a_run_gives_the_same_verdicts(shop: Engine) -> None:
    change(shop, HEADER, key_of(1), custaccountasync=NOBODY, custaccount="")
    run = open_run(shop)
    check(shop, run)
    before = verdicts(shop)
    check(shop, run)
    assert verdicts(shop) == before != []
    change(shop, HEADER, key_of(1), custaccountasync=GUID, custaccount="C1")
    assert check(shop, run).ok


def test_documentation_has_the_rules() -> None:
    page = Path(__file__).parents[2] / "docs" / "quality-gate.md"
    assert rules.table() in page.read_text(), "the table is the output of commerce.quality.rules.table()"
