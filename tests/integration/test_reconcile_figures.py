"""Figures of a store and day from the channel's rows to the ledger, and the picture of them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.reconcile import Figure, ReconcileResult, Unposted, draw_picture, reconcile
from support.channels import ChannelFactory
from support.cli import call
from support.reconciled import close_day, execute, two_days

D = Decimal
ONE_CENT_MORE = """
    UPDATE ax.custinvoicejour SET netamount = netamount + 0.01, invoiceamount = invoiceamount + 0.01
    WHERE invoiceid = 'INV00000001'"""


@pytest.fixture
def day(hq: Engine, channel_db: ChannelFactory) -> dict[str, Engine]:
    """Two stores' days: made by registers, uploaded, not posted yet."""
    return two_days(hq, channel_db)


def test_figures_of_a_store_and_day_add_up_from_the_channel_to_the_documents(
    hq: Engine, day: dict[str, Engine], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction is wrong and left out; all else is posted."""
    execute(
        hq,
        "UPDATE ax.retailtransactiontable SET validationstatus = 2 WHERE transactionid = 'S1-T1-000001'",
        "INSERT INTO ax.retailtransactionvalidationerror (store, terminal, transactionid, validationtype, errormessage)"
        " VALUES ('S1', 'T1', 'S1-T1-000001', 'GrossAmount', '...')",
    )
    close_day(hq)
    result = reconcile(hq)
    assert result.ok, result.as_dict()
    found = {(f.figure, f.key): (f.channel, f.posted, f.explained) for f in result.figures if f.store == "S1"}
    assert found["sales, gross", ""][2] == found["tenders", "1 USD"][2] == D("12.5")
    assert found["sales, net", ""][2] == D("10")
    assert found["sales tax", "VAT"][2] == D("2.5")
    assert found["deposits", ""] == (D("50"), D("50"), D(0))
    assert found["income and expense", ""] == (D("13"), D("13"), D(0))
    assert found["of these charges", ""] == (D("5"), D("5"), D(0))
    assert set(found) >= {("sales tax", ""), ("tenders", "2 USD"), ("tenders", "4 USD")}
    for figure in result.figures:
        assert figure.difference == 0
        assert figure.currency == "USD"
    # The channel's column is the channel's own: summed here, in its database.
    with day["S1"].connect() as channel:
        gross = channel.execute(
            sa.text("SELECT grossamount FROM retailtransactiontable WHERE type = 2 AND entrystatus = 0")
        ).scalars()
        assert found["sales, gross", ""][0] == sum(map(D, gross))
    # A cent that moved in a document is a figure's difference, and a difference.
    execute(hq, ONE_CENT_MORE)
    moved = reconcile(hq)
    wrong = {(figure.store, figure.figure): figure.difference for figure in moved.figures if figure.difference}
    assert wrong == {("S1", "sales, net"): D("-0.01"), ("S1", "sales, gross"): D("-0.01")}
    assert not moved.ok
    monkeypatch.setenv("COMMERCE_HQ_URL", hq.url.render_as_string(hide_password=False))
    shown = call(capsys, "reconcile", "--channel", "S1", "--figures", "--json")
    assert shown.exit_code == 1
    assert [row["difference"] for row in shown.json["figures"] if row["difference"] != "0.00"] == ["-0.01", "-0.01"]
    assert "figures" not in call(capsys, "reconcile", "--json").json
    named = {(row["figure"], row["key"]): row["name"] for row in shown.json["figures"]}
    assert (named["tenders", "1 USD"], named["sales tax", "VAT"]) == ("Cash", "")
    assert "sales tax" in call(capsys, "reconcile", "--figures").stdout


def test_tenders_in_another_currency_are_compared_in_their_own(hq: Engine, day: dict[str, Engine]) -> None:
    close_day(hq)
    execute(hq, "UPDATE ax.retailstatementline SET transamount = transamount + 0.01 WHERE tendertypeid = '2'")
    differences = [(d.store, d.check, d.key) for d in reconcile(hq).differences]
    assert differences == [("S1", "statement lines", "2 USD"), ("S2", "statement lines", "2 USD")]


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_picture_of_the_day(
    hq: Engine,
    day: dict[str, Engine],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
) -> None:
    monkeypatch.setenv("COMMERCE_HQ_URL", hq.url.render_as_string(hide_password=False))
    file = tmp_path / f"day{suffix}"
    assert call(capsys, "reconcile", "--picture", file).exit_code == 0
    drawn = file.read_bytes()
    if suffix == ".png":
        assert drawn.startswith(b"\x89PNG")
        return
    said = drawn.decode()
    with hq.connect() as connection:
        taken = "SELECT tendertypeid, name FROM ax.retailtendertypetable WHERE tendertypeid IN ('1', '2', '4')"
        tenders = {row.tendertypeid: row.name for row in connection.execute(sa.text(taken))}
    assert len(tenders) == 3
    for words in (
        "Business date 2026-03-02: channels and ledger agree (2 stores)",
        "Sales incl. tax by store (USD)",
        *(f"{name} ({number}) USD" for number, name in tenders.items()),
        "not in a run yet",
        "24 transactions, 359.74",
    ):
        assert words in said
    wrong = call(capsys, "reconcile", "--picture", tmp_path / "day.pdf")
    assert (wrong.exit_code, ".png or .svg" in wrong.stderr) == (2, True)
    nowhere = call(capsys, "reconcile", "--picture", tmp_path / "nowhere" / "day.png")
    assert (nowhere.exit_code, "there is no folder" in nowhere.stderr) == (2, True)


def test_a_picture_of_many_stores_currencies_and_days_names_those_with_something_open(tmp_path: Path) -> None:
    figures, unposted = [], []
    for number in range(200):
        store, currency = f"S{number:03}", "NOK" if number % 2 else "USD"
        for date_ in ("2026-03-02", "2026-03-03"):
            open_ = D(100) if number < 30 else D(0)
            sold = D(1000 + number)
            figures.append(Figure(store, date_, "sales, gross", "", currency, sold, sold - open_, open_))
            name = {"S000": "Gift & more", "S002": "Cash"}.get(store, "")
            figures.append(Figure(store, date_, "tenders", f"7 {currency}", currency, sold, sold, D(0), name))
            if open_:
                unposted.append(Unposted(store, date_, f"in statement ST{number}, which is not posted", 1, open_))
    result = ReconcileResult(
        tuple(f"S{number:03}" for number in range(200)), (), tuple(unposted), figures=tuple(figures)
    )
    draw_picture(result, tmp_path / "many.svg")
    said = (tmp_path / "many.svg").read_text()
    assert all(f"S{number:03}" in said for number in range(30))
    assert said.count("60 others, on average") == 2
    assert "in a statement which is not posted" in said
    assert said.count("Sales incl. tax by business date") == 2
    assert all(words in said for words in ("Gift &amp; more (7) USD", "Cash (7) USD", "tender 7 USD", "tender 7 NOK"))
    draw_picture(ReconcileResult((), (), ()), tmp_path / "nothing.svg")
    assert "Nothing was sold." in (tmp_path / "nothing.svg").read_text()
