"""Editing by file: a workbook or CSV files go out, come back, and are taken as a whole or not at all."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine

from commerce import sheets
from commerce.editing import files
from commerce.editing.editing import edit
from commerce.errors import UsageError
from commerce.schema.uploaded import BY_NAME
from commerce.verify import verify
from support import staging
from support.company import add_address
from support.editing import HEADER, LINE, WHO, edited, edited_shop, reasons, values
from support.orders import execute, statuses
from support.transactions import add_delivery_address, add_deposit, add_order, add_sale, change


@pytest.fixture
def shop(hq: Engine) -> Engine:
    return edited_shop(hq)


class TestFiles:
    def test_a_workbook_comes_back_as_it_was_and_takes_changes_of_all_parts(self, shop: Engine, tmp_path: Path) -> None:
        add_address(shop, "A1", "C1")
        sale = add_sale(shop, "S1", 1, charge=Decimal(1), header={"receiptid": "0001"})
        add_delivery_address(shop, sale, "A1")
        deposit = add_deposit(shop, "S1", 2, account="C1")
        path = tmp_path / "day.xlsx"
        written = files.export(shop, path, [sale, deposit])
        assert written == {
            "header": 2,
            "lines": 1,
            "payments": 2,
            "taxes": 1,
            "charges": 1,
            "addresses": 1,
            "deposits": 1,
        }
        assert files.changed(shop, path) == []
        book = sheets.read_workbook(path)
        assert book["header"]["receiptid"].tolist() == ["0001", ""]
        book["header"].loc[0, "receiptid"] = "=1+1"
        book["lines"].loc[0, "qty"] = "2.00"
        book["payments"].loc[1, "businessdate"] = "2026-03-03 00:00:00"
        path.unlink()
        sheets.write_workbook(path, book)
        done = edit(shop, files.changed(shop, path), "transactions", **WHO)
        assert (done.written, done.counts) == (True, {"changed": 3, "unchanged": 0, "refused": 0})
        assert values(shop, HEADER, sale, "receiptid") == [("=1+1",)]
        assert values(shop, "retailtransactionpaymenttrans", deposit, "businessdate::text") == [("2026-03-03",)]
        assert files.changed(shop, path) == [], "what is as the file says is no change"
        assert "edit_lost" not in {finding.check for finding in verify(shop)}
        change(shop, LINE, sale, qty=3)
        (lost,) = (finding for finding in verify(shop) if finding.check == "edit_lost")
        assert lost.sample == (f"S1 T1 {sale[2]} qty",)

    def test_one_bad_cell_writes_nothing(self, shop: Engine, tmp_path: Path) -> None:
        orders = [add_order(shop, "S1", number) for number in range(1, 30)]
        path = tmp_path / "orders.csv"
        assert files.export(shop, path, orders, "header") == {"header": 29}
        frame = sheets.read(path)
        frame["dlvmode"] = "STD"
        frame.loc[17, "businessdate"] = "tomorrow"
        path.unlink()
        sheets.write(path, frame)
        done = edit(shop, files.changed(shop, path), "orders", **WHO)
        assert (done.written, done.counts["refused"]) == (False, 1)
        assert staging.rows(shop, f"SELECT DISTINCT dlvmode FROM ax.{HEADER}") == [("",)]
        assert statuses(shop) == {}

    def test_a_file_of_many_rows_is_compared_as_a_whole(self, shop: Engine, tmp_path: Path) -> None:
        order = add_order(shop, "S1", 1)
        columns = ", ".join(name for name in BY_NAME[HEADER].column_names if name != "transactionid")
        exchange = "origin, incarnation, contenthash, uploadsession"
        execute(
            shop,
            f"INSERT INTO ax.{HEADER} (transactionid, {columns}, {exchange}, replicationcounterfromorigin)"
            f" SELECT 'MANY-' || n, {columns}, {exchange}, 1000000 + n FROM ax.{HEADER}, generate_series(1, 5000) AS n",
        )
        path = tmp_path / "many.csv"
        files.export(shop, path, [order, *((*order[:2], f"MANY-{number}") for number in range(1, 5001))], "header")
        frame = sheets.read(path).assign(dlvmode="STD", netamount="11")
        path.unlink()
        sheets.write(path, frame)
        started = time.process_time()
        edits = files.changed(shop, path)
        assert time.process_time() - started < 5, "not cell by cell"
        assert len(edits) == 5001
        assert edits[0].changes == {"dlvmode": "STD", "netamount": "11"}

    def test_what_somebody_else_changed_since_the_export_is_refused(self, shop: Engine, tmp_path: Path) -> None:
        order = add_order(shop, "S1", 1)
        path = tmp_path / "orders.csv"
        files.export(shop, path, [order], "lines")
        frame = sheets.read(path)
        frame.loc[0, "price"] = "11"
        path.unlink()
        sheets.write(path, frame)
        edited(shop, "orders", order, "lines", {"linenum": "1"}, qty="3")
        assert reasons(edit(shop, files.changed(shop, path), "orders", **WHO)) == ["has changed since the export"]

    def test_files_that_no_export_made(self, shop: Engine, tmp_path: Path) -> None:
        order = add_order(shop, "S1", 1)
        good = tmp_path / "good.csv"
        files.export(shop, good, [order], "lines")
        frame = sheets.read(good)

        def written(name: str, changed: pd.DataFrame) -> Path:
            path = tmp_path / name
            sheets.write(path, changed)
            return path

        for name, changed, words in (
            ("unknown.csv", frame.assign(colour="red"), "unknown column colour"),
            ("lacks.csv", frame.drop(columns=["version"]), "lacks column version"),
            ("key.csv", frame.drop(columns=["linenum"]), "lacks column linenum"),
            ("part.csv", frame.assign(part="strange"), "one part"),
            ("twice.csv", pd.concat([frame, frame]), "line 3: this row is there twice"),
        ):
            with pytest.raises(UsageError, match=words):
                files.changed(shop, written(name, changed))
        broken = tmp_path / "broken.xlsx"
        broken.write_text("no workbook")
        with pytest.raises(UsageError, match="no workbook"):
            files.changed(shop, broken)
        with pytest.raises(UsageError, match="--part"):
            files.export(shop, tmp_path / "all.csv", [order])
        moved = files.changed(shop, written("moved.csv", frame.assign(linenum="8")))
        assert reasons(edit(shop, moved, "orders", **WHO)) == ["there is no such row"]
