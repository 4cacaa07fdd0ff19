"""Only sales are put on a customer's account: validation refuses a deposit, an income or an expense that is."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module

import pytest
from sqlalchemy import Engine, text

from commerce.reconcile import reconcile
from commerce.statements import calculate_statements, post_statements
from commerce.transactions import validate_transactions
from support.channels import ChannelFactory, move_to_channels, upload_all
from support.company import CASH
from support.orders import execute
from support.staging import rows
from support.statements import ANNA, BERT, ON_ACCOUNT, SCOPE, STORES, add_retailer, pass_gate
from support.transactions import add_deposit, add_income_expense, add_sale

D = Decimal
CLAIMS = "SELECT accountnum, transtype, amountcur FROM ax.custtrans ORDER BY 1, 2, 3"
WRONG = """
    SELECT transactionid, validationtype, errormessage FROM ax.retailtransactionvalidationerror ORDER BY 1"""
PAID_WITH = "UPDATE ax.retailtransactionpaymenttrans SET tendertype ="


@pytest.fixture
def shop(hq: Engine, channel_db: ChannelFactory) -> Engine:
    """A sale that is put on account, and a deposit, an income and an expense that are; uploaded from the channel."""
    add_retailer(hq)
    add_sale(hq, "S1", 1, account=BERT, paid={ON_ACCOUNT: D("12.50")})
    add_deposit(hq, "S1", 2, account=ANNA)
    add_income_expense(hq, "S1", 3)
    add_income_expense(hq, "S1", 4, amount=D("-7"), account="EXP1", account_type=1)
    add_deposit(hq, "S1", 5, account=ANNA)
    execute(hq, f"{PAID_WITH} '{ON_ACCOUNT}' WHERE transactionid <> 'S1-T1-000005'")
    move_to_channels(hq, channel_db, *STORES)
    upload_all(hq, *STORES)
    return hq


def close(hq: Engine, key: str = "run") -> None:
    validate_transactions(hq, scope=SCOPE)
    run = pass_gate(hq, key)
    calculate_statements(hq, run=run, scope=SCOPE)
    assert post_statements(hq, run=run, scope=SCOPE).ok


def test_what_is_no_sale_is_refused_and_the_sale_is_owed(shop: Engine) -> None:
    close(shop)

    message = f"Tender {ON_ACCOUNT} puts on a customer account what is no sale"
    assert rows(shop, WRONG) == [(f"S1-T1-00000{n}", "CustomerAccountTender", message) for n in (2, 3, 4)]
    assert rows(shop, CLAIMS) == [(ANNA, "payment", D(-50)), (BERT, "invoice", D("12.5"))]
    result = reconcile(shop, stores=["S1"])
    assert result.ok, result.as_dict()
    assert [(one.reason, one.transactions) for one in result.unposted] == [("not valid: CustomerAccountTender", 3)]


def test_once_it_is_corrected_it_is_posted(shop: Engine) -> None:
    close(shop)
    execute(shop, f"{PAID_WITH} '{CASH}' WHERE transactionid > 'S1-T1-000001'")

    close(shop, "again")

    assert rows(shop, WRONG) == []
    assert rows(shop, CLAIMS) == [(ANNA, "payment", D(-50)), (ANNA, "payment", D(-50)), (BERT, "invoice", D("12.5"))]


@pytest.mark.parametrize("calculated", [False, True])
def test_what_a_version_before_the_rule_has_passed_is_validated_anew(shop: Engine, calculated: bool) -> None:
    """Revision 0050: whether a statement has taken it or not, as long as that is only Calculated."""
    run = pass_gate(shop)  # everything is valid
    if calculated:
        calculate_statements(shop, run=run, scope=SCOPE)
    with shop.begin() as connection:
        migration = import_module("commerce.migrations.headquarters.0050_what_is_no_sale_is_not_put_on_account")
        connection.execute(text(migration.VALIDATE_ANEW))
    again = "SELECT transactionid FROM ax.retailtransactiontable WHERE validationstatus = 0 ORDER BY 1"
    assert rows(shop, again) == [("S1-T1-000002",), ("S1-T1-000003",), ("S1-T1-000004",)]
    if not calculated:
        calculate_statements(shop, run=run, scope=SCOPE)

    assert post_statements(shop, run=run, scope=SCOPE).ok
    close(shop, "next")

    assert rows(shop, CLAIMS) == [(ANNA, "payment", D(-50)), (BERT, "invoice", D("12.5"))]
    assert len(rows(shop, WRONG)) == 3
