"""The configuration of a run: what passes, and that each mistake is named."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import BaseModel

from commerce.errors import UsageError
from commerce_airflow.conf import CustomerSyncConf, EndOfDayConf, HistoricalConf, parse_conf
from commerce_airflow.opening import Request, max_shards, requested

FORM = {"business_date": None, "stores": None, "dry_run": False, "skip": None}


def test_the_empty_form_is_every_store() -> None:
    conf = parse_conf(EndOfDayConf, FORM)
    assert (conf.stores, conf.business_date, conf.dry_run, conf.skip) == (None, None, False, None)


def test_a_filled_form() -> None:
    conf = parse_conf(
        EndOfDayConf,
        {"business_date": "2026-03-01", "stores": ["HOUSTON", " OSLO "], "dry_run": True, "skip": ["upload"]},
    )
    assert conf.stores == ("HOUSTON", "OSLO")
    assert conf.business_date == date(2026, 3, 1)
    assert conf.dry_run
    assert conf.skip == ("upload",)


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        (EndOfDayConf, {"store": ["HOUSTON"]}, "'store' is not known, did you mean 'stores'?"),
        (EndOfDayConf, {"zzz": 1}, "'zzz' is not known \\(known: business_date, stores, dry_run, skip\\)"),
        (EndOfDayConf, {"business_date": "2026-02-30"}, "'business_date' must be a date written as YYYY-MM-DD"),
        (EndOfDayConf, {"business_date": "01.03.2026"}, "'business_date' must be a date"),
        (EndOfDayConf, {"business_date": 20260301}, "'business_date' must be a date"),
        (EndOfDayConf, {"business_date": "2026-03-01T00:00:00"}, "'business_date' must be a date"),
        (EndOfDayConf, {"stores": "HOUSTON"}, "'stores'"),
        (EndOfDayConf, {"stores": []}, "'stores'"),
        (EndOfDayConf, {"stores": ["ELEVENCHARS"]}, "'stores'"),
        (EndOfDayConf, {"stores": [""]}, "'stores'"),
        (EndOfDayConf, {"skip": ["quality_gate"]}, "'skip' can hold only these steps: upload, "),
        (EndOfDayConf, {"skip": ["post_statements"]}, "'skip' can hold only these steps"),
        (CustomerSyncConf, {"business_date": "2026-03-01"}, "'business_date' is not known"),
        (HistoricalConf, {}, "'stores' is missing"),
        (HistoricalConf, {"stores": None}, "'stores'"),
        (HistoricalConf, {"stores": ["OSLO"], "business_date": "2026-03-01"}, "'business_date' is not known"),
    ],
)
def test_each_mistake_is_named(model: type[BaseModel], values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_conf(model, values)


def test_all_mistakes_are_named_at_once_without_their_values() -> None:
    with pytest.raises(UsageError) as raised:
        parse_conf(EndOfDayConf, {"store": ["SECRET1"], "business_date": "SECRET2", "stores": "SECRET3"})
    text = str(raised.value)
    assert all(key in text for key in ("'store'", "'business_date'", "'stores'"))
    assert "SECRET" not in text


def test_the_business_date_comes_from_the_conf_else_from_the_interval() -> None:
    interval = datetime(2026, 2, 28, 23, tzinfo=UTC)
    asked = requested("end_of_day", "Europe/Oslo", {**FORM, "business_date": "2026-02-01"}, interval)
    assert asked == Request(date(2026, 2, 1), None, (), False)
    assert requested("end_of_day", "Europe/Oslo", FORM, interval).business_date == date(2026, 3, 1)
    assert requested("historical", "UTC", {"stores": ["OSLO"]}, interval).business_date == date(2026, 2, 28)


def test_a_run_of_history_works_the_days_of_its_interval() -> None:
    first, conf = datetime(2026, 2, 1, tzinfo=UTC), {"stores": ["OSLO"]}
    month = requested("historical", "UTC", conf, first, datetime(2026, 3, 1, tzinfo=UTC))
    assert (month.first_date, month.business_date) == (date(2026, 2, 1), date(2026, 2, 28))
    day = requested("historical", "UTC", conf, first, datetime(2026, 2, 2, tzinfo=UTC))
    assert (day.first_date, day.business_date) == (None, date(2026, 2, 1))
    daily = requested("end_of_day", "UTC", FORM, first, datetime(2026, 2, 3, tzinfo=UTC))
    assert (daily.first_date, daily.business_date) == (None, date(2026, 2, 1))


def test_a_customer_synchronization_has_no_business_date() -> None:
    assert requested("customer_sync", "UTC", {"stores": None}, None).business_date is None


@pytest.mark.parametrize("text", ["0", "-1", "many", "1001"])
def test_a_wrong_ceiling_of_shards_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("COMMERCE_MAX_SHARDS", text)
    with pytest.raises(UsageError, match="COMMERCE_MAX_SHARDS"):
        max_shards()
