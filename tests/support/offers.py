"""Gift cards and periodic discounts, with the accounts that they are posted to."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import Engine

from commerce.schema.headquarters.organization import LEDGER_POSTING, TENDER_TYPE
from support.transactions import Key, Line, change

GIFT_CARD = "5"
"""The tender."""
GIFT_CARD_LINE = Line(
    price=Decimal("50.00"), rate=Decimal(0), item="GIFTCARD", columns={"giftcard": 1, "giftcardnumber": "G1"}
)


def add_posting(hq: Engine, posting_type: str, account: str = "401100", company: str = "USMF") -> None:
    """The main account of a posting type."""
    with hq.begin() as connection:
        row = {"dataareaid": company, "postingtype": posting_type, "mainaccount": account}
        connection.execute(LEDGER_POSTING.insert(), row)


def add_gift_card_tender(hq: Engine, company: str = "USMF") -> None:
    """The tender `GIFT_CARD`."""
    row = {"tendertypeid": GIFT_CARD, "name": "Gift card", "function": 5, "mainaccount": "110120"}
    with hq.begin() as connection:
        connection.execute(TENDER_TYPE.insert(), {"dataareaid": company, **row})


def offer(hq: Engine, key: Key, line: int = 1) -> None:
    """The discount of a line is one of an offer."""
    change(hq, "retailtransactiondiscounttrans", key, line=line, periodicdiscountofferid="OFFER")
