"""`commerce setup apply` against a real headquarters: what it writes and refuses, and that no number comes back."""

from __future__ import annotations

import copy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine, text

from commerce import setup
from commerce.errors import UsageError
from commerce.setup.channel_models import ChannelSetup
from commerce.setup.document import SetupDocument
from commerce.setup.parameters import CompanyParameters, StoreParameters

COMPANY = """
companies:
  - {id: USRT, name: Contoso Retail, currency: USD, country: USA, language: en-us}
number_sequences:
  - {company: USRT, code: Accounts, format: "C#########", lowest: 1, highest: 999999999}
  - {company: USRT, code: Business, format: "B#####", lowest: 1, highest: 99999}
  - {company: USRT, code: Orders, format: "SO-######", lowest: 1, highest: 999999}
references:
  - {company: USRT, reference: CustomerAccount, sequence: Accounts}
  - {company: USRT, reference: SalesOrder, sequence: Orders}
customer_groups:
  - {company: USRT, id: 30, name: Retail, payment_terms: Net30, tax_group: CA, dimension: 7}
  - {company: USRT, id: 40, name: Business, number_sequence: Business}
affiliations:
  - {name: Loyal, id: 11}
  - {name: Staff}
attributes:
  - {name: Shoe size, data_type: decimal, id: 21}
main_accounts:
  - {company: USRT, id: 110110, name: Cash}
  - {company: USRT, id: 130100, name: Receivables}
posting:
  - {company: USRT, type: CustomerBalance, account: 130100}
tenders:
  - {company: USRT, id: 1, name: Cash, account: 110110}
  - {company: USRT, id: 4, name: On account, function: customer_account, account: 130100}
income_expense_accounts:
  - {company: USRT, id: PARK, name: Parking, type: income, account: 110110}
default_customers:
  - {company: USRT, account: "000001", name: Walk-in, group: 30, receipt_option: 1, affiliations: [Staff, Loyal]}
"""


@pytest.fixture
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPANY)
    return loaded


def rows(hq: Engine, sql: str) -> list[tuple[Any, ...]]:
    with hq.connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def test_a_file_sets_up_a_company(hq: Engine, document: dict[str, Any]) -> None:
    result = setup.apply(hq, document)
    assert result.counts == {section: len(document[section]) for section in document}
    assert rows(
        hq,
        """SELECT c.custgroup, c.currency, c.paymtermid, c.defaultdimension, c.taxgroup, p.name, p.languageid,
                  r.receiptoption,
                  (SELECT count(*) FROM ax.retailcustaffiliation WHERE custaccountnum = c.accountnum)
           FROM ax.custtable AS c JOIN ax.dirpartytable AS p ON p.recid = c.party
           JOIN ax.retailcusttable AS r USING (dataareaid, accountnum)""",
    ) == [("30", "USD", "Net30", 7, "CA", "Walk-in", "en-us", 1, 2)]
    assert rows(hq, "SELECT recid, datatype FROM ax.ecoresattribute") == [(21, 3)]
    assert rows(hq, "SELECT nextrec FROM ax.numbersequencetable WHERE numbersequence = 'Accounts'") == [(1,)]


def test_applying_it_twice_changes_nothing(hq: Engine, document: dict[str, Any]) -> None:
    setup.apply(hq, document)
    before = rows(hq, "SELECT xmin::text, ctid::text FROM ax.custtable")
    assert setup.apply(hq, document).changes == ()
    assert rows(hq, "SELECT xmin::text, ctid::text FROM ax.custtable") == before


def test_a_dry_run_plans_what_apply_does_and_writes_nothing(hq: Engine, document: dict[str, Any]) -> None:
    planned = setup.apply(hq, document, dry_run=True)
    assert rows(hq, "SELECT count(*) FROM ax.dataarea") == [(0,)]
    assert setup.apply(hq, document).changes == planned.changes

    document["tenders"][0]["name"] = "Coins"
    document["default_customers"][0]["affiliations"] = ["Staff"]
    planned = setup.apply(hq, document, dry_run=True)
    assert [(c.section, c.key, c.action, dict(c.fields)) for c in planned.changes] == [
        ("tenders", "USRT 1", "change", {"name": ("Cash", "Coins")}),
        ("default_customers", "USRT 000001", "change", {"affiliations": (["Loyal", "Staff"], ["Staff"])}),
    ]
    assert setup.apply(hq, document).changes == planned.changes
    assert rows(hq, "SELECT count(*) FROM ax.retailcustaffiliation") == [(1,)]
    assert planned.as_dict()["changes"][0]["fields"] == {"name": ["Cash", "Coins"]}


def test_a_number_sequence_never_moves_down(hq: Engine, document: dict[str, Any]) -> None:
    setup.apply(hq, document)
    with hq.begin() as connection:
        connection.execute(text("UPDATE ax.numbersequencetable SET nextrec = 501 WHERE numbersequence = 'Orders'"))
    assert setup.apply(hq, document).changes == ()

    orders = document["number_sequences"][2]
    orders["highest"] = 499
    with pytest.raises(UsageError, match=r"number_sequences\[2\]\.highest is 499.*up to 500"):
        setup.apply(hq, document)
    orders["highest"] = 500  # all numbers given: exhausted, but right
    setup.apply(hq, document)
    orders |= {"lowest": 1000, "highest": 2000}
    setup.apply(hq, document)
    assert rows(hq, "SELECT nextrec FROM ax.numbersequencetable WHERE numbersequence = 'Orders'") == [(1000,)]


@pytest.mark.parametrize(
    ("section", "value", "message"),
    [
        ("tenders", {"company": "USRT", "id": "1", "name": "Cash"}, r"tenders\[0\]\.account: Field required"),
        ("tenders", {"company": "USRT", "id": "1", "name": "C", "acount": "1"}, r"tenders\[0\]\.acount: unknown key"),
        ("tendrs", {}, r"tendrs: unknown key"),
        (
            "tenders",
            {"company": "USRT", "id": "9", "name": "Card", "account": "999"},
            r"tenders\[0\] refers to USRT 999.*main_accounts",
        ),
        ("companies", {"id": "TOOLONG"}, r"companies\[0\]\.id: String should have at most 4 characters"),
        ("companies", {"id": "US", "name": "x", "currency": "usd", "country": "USA", "language": "en"}, r"\.currency"),
        (
            "number_sequences",
            {"company": "USRT", "code": "X", "format": "C##", "highest": 100},
            r"number_sequences\[0\]: highest has more digits than the format has places",
        ),
        (
            "number_sequences",
            {"company": "USRT", "code": "X", "format": "#C##", "highest": 9},
            r"number_sequences\[0\]\.format",
        ),
        (
            "default_customers",
            {"company": "USRT", "account": "1", "name": "x", "group": "30", "affiliations": ["Gone"]},
            r"default_customers\[0\]\.affiliations refers to Gone.*affiliations",
        ),
        ("affiliations", {"name": "Loyal", "id": 12}, r"affiliations\[0\] gives Loyal the id 12, but it has id 11"),
        ("affiliations", {"name": "Far", "id": 5637144577}, r"affiliations\[0\]\.id"),
    ],
)
def test_mistakes_are_named_with_their_place(
    hq: Engine, document: dict[str, Any], section: str, value: dict[str, Any], message: str
) -> None:
    setup.apply(hq, document)
    with pytest.raises(UsageError, match=message):
        setup.apply(hq, {section: [value]})


def test_one_mistake_writes_nothing(hq: Engine, document: dict[str, Any]) -> None:
    document["posting"][0]["account"] = "1"
    with pytest.raises(UsageError):
        setup.apply(hq, document)
    assert rows(hq, "SELECT count(*) FROM ax.dataarea") == [(0,)]


def test_the_same_thing_twice_is_refused(hq: Engine, document: dict[str, Any]) -> None:
    document["tenders"].append(copy.copy(document["tenders"][0]))
    with pytest.raises(UsageError, match=r"tenders\[2\] describes USRT 1 again, as tenders\[0\] does"):
        setup.apply(hq, document)


def test_account_numbers_cannot_come_up_twice(hq: Engine, document: dict[str, Any]) -> None:
    overlapping = copy.deepcopy(document)
    overlapping["number_sequences"][1] |= {"format": "C#########"}
    with pytest.raises(UsageError, match="Accounts and Business of company USRT give the same account numbers"):
        setup.apply(hq, overlapping)

    document["default_customers"][0]["account"] = "C000000005"
    with pytest.raises(UsageError, match="Accounts of company USRT would give C000000005"):
        setup.apply(hq, document)
    document["number_sequences"][0]["lowest"] = 6
    setup.apply(hq, document)


def test_an_account_of_a_converted_customer_is_no_default_customer(hq: Engine, document: dict[str, Any]) -> None:
    setup.apply(hq, document)
    with hq.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ax.custaccountasyncmap"
                " (dataareaid, custaccountasync, accountnum, origin, mappedhow, mappedby)"
                " VALUES ('USRT', '0b0f5c68-0f5c-4c68-8f5c-0b0f5c680f5c', '000001', 1, 'linked', 'test')"
            )
        )
    with pytest.raises(UsageError, match="belongs to a customer of a channel"):
        setup.apply(hq, document)


def test_a_changed_default_customer_goes_to_the_channels(hq: Engine, document: dict[str, Any]) -> None:
    setup.apply(hq, document)
    with hq.begin() as connection:
        connection.execute(text("INSERT INTO cdx.retailcdxdatagroup (name, dataareaid) VALUES ('USRT', 'USRT')"))
    document["default_customers"][0]["name"] = "Nobody"
    setup.apply(hq, document)
    assert rows(hq, "SELECT accountnum FROM cdx.outbox") == [("000001",)]


def test_a_file_that_is_no_yaml_is_refused_with_the_place(tmp_path: Path) -> None:
    file = tmp_path / "setup.yaml"
    file.write_text("companies:\n  - {id: USRT\nx: ]")
    with pytest.raises(UsageError, match=r"line 3, column"):
        setup.read(file)
    file.write_text("- a")
    with pytest.raises(UsageError, match="mapping of sections"):
        setup.read(file)
    with pytest.raises(UsageError, match="cannot be read"):
        setup.read(tmp_path / "missing.yaml")
    file.write_text(COMPANY)
    assert setup.read(file)["companies"][0]["id"] == "USRT"


def test_the_files_in_the_documentation_are_right(hq: Engine) -> None:
    page = (Path(__file__).parents[2] / "docs" / "setup.md").read_text(encoding="utf-8")
    company, parameters, channels = (yaml.safe_load(block.split("```")[0]) for block in page.split("```yaml\n")[1:])
    assert set(company) | set(parameters) == set(SetupDocument.model_fields)
    setup.apply(hq, company)
    assert [change.key for change in setup.channels.apply(hq, channels).changes] == ["OSLO1"]
    assert set(channels["channels"][0]) == set(ChannelSetup.model_fields)
    assert setup.apply(hq, parameters).changes == (), "the page shows the defaults"
    assert set(parameters["parameters"][0]) == set(CompanyParameters.model_fields)
    assert set(parameters["stores"][0]) == set(StoreParameters.model_fields)


def test_parameters_change_just_what_the_file_names(hq: Engine, document: dict[str, Any]) -> None:
    setup.apply(hq, document)
    _add_store(hq)
    assert rows(hq, "SELECT dataareaid, maxlinesperaggregation FROM ax.retailparameters") == [("USRT", 1000)]
    setup.apply(hq, {"parameters": [{"company": "USRT", "counting_required": False, "max_lines_per_aggregation": 7}]})
    file = {
        "parameters": [{"company": "USRT", "aggregate_returns": False}],
        "stores": [{"store": "OSLO1", "statement_method": "shift", "max_shift_difference": "12.50"}],
    }
    planned = setup.apply(hq, file, dry_run=True)
    assert [(c.section, c.key, c.action, dict(c.fields)) for c in planned.changes] == [
        ("parameters", "USRT", "change", {"donotaggregatereturns": (0, 1)}),
        (
            "stores",
            "OSLO1",
            "change",
            {"statementmethod": (2, 3), "maxshiftdifferenceamount": (Decimal(0), Decimal("12.50"))},
        ),
    ]
    assert setup.apply(hq, file).changes == planned.changes
    assert setup.apply(hq, file).changes == ()
    setup.apply(hq, {"stores": [{"store": "OSLO1", "one_statement_per_day": True}]})
    assert rows(
        hq,
        """SELECT disablecountingrequired, maxlinesperaggregation, donotaggregatereturns, statementmethod,
                  maxshiftdifferenceamount, onestatementperday, tenderdeclarationcalculation
           FROM ax.retailparameters, ax.retailstoretable""",
    ) == [(1, 7, 1, 3, Decimal("12.50"), 1, 1)]


@pytest.mark.parametrize(
    ("section", "value", "message"),
    [
        ("parameters", {"company": "NONE"}, r"parameters\[0\] refers to NONE.*companies"),
        ("parameters", {"company": "USRT", "max_lines_per_aggregation": 0}, r"parameters\[0\]\.max_lines_per_aggreg"),
        ("stores", {"store": "GONE"}, r"stores\[0\] names GONE, which is no store"),
        ("stores", {"store": "OSLO1", "max_shift_difference": -1}, r"stores\[0\]\.max_shift_difference"),
        ("stores", {"store": "OSLO1", "tender_declaration": "mean"}, r"stores\[0\]\.tender_declaration"),
    ],
)
def test_wrong_parameters_are_named_with_their_place(
    hq: Engine, document: dict[str, Any], section: str, value: dict[str, Any], message: str
) -> None:
    setup.apply(hq, document)
    _add_store(hq)
    with pytest.raises(UsageError, match=message):
        setup.apply(hq, {section: [value]})


def _add_store(hq: Engine) -> None:
    store = {"name": "OSLO1", "url": "sqlite:///nowhere/oslo1.db", "company": "USRT", "default_customer": "000001"}
    setup.channels.apply(hq, {"channels": [store]})


@pytest.mark.parametrize(
    ("function", "said", "required"),
    [("normal", None, 1), ("card", None, 0), ("customer_account", None, 0), ("normal", False, 0), ("card", True, 1)],
)
def test_what_must_be_counted_follows_from_the_function_unless_the_file_says_it(
    hq: Engine, document: dict[str, Any], function: str, said: bool | None, required: int
) -> None:
    tender = {"company": "USRT", "id": "9", "name": "Ninth", "function": function, "account": "110110"}
    document["tenders"].append(tender if said is None else {**tender, "counting_required": said})
    setup.apply(hq, document)
    assert rows(hq, "SELECT countingrequired FROM ax.retailtendertypetable WHERE tendertypeid = '9'") == [(required,)]
