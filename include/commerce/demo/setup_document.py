"""The setup of the demo company, as a file that `commerce setup apply` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from commerce.demo.plan import COMPANY, CURRENCY, DEFAULT_CUSTOMER, DemoStore

VIP, STAFF = 101, 102
SHOE_SIZE = 201
INCOME_ACCOUNT, EXPENSE_ACCOUNT = "PARKING", "CLEANING"

_SEQUENCES = (
    ("CUSTACC", "CustomerAccount", "C########", 1, 99_999_999),
    ("SALESORD", "SalesOrder", "SO########", 1, 99_999_999),
    ("QUOTATION", "SalesQuotation", "QU########", 1, 99_999_999),
    ("INVOICE", "CustomerInvoice", "CIV########", 1, 99_999_999),
    ("VOUCHER", "LedgerVoucher", "GL#########", 1, 999_999_999),
    ("PAYJOUR", "PaymentJournal", "PJ########", 1, 99_999_999),
    ("STATEMENT", "Statement", "ST########", 1, 99_999_999),
)
_ACCOUNTS = {
    "110110": "Cash on hand",
    "110130": "Cash in the safe",
    "110140": "Cash on its way to the bank",
    "110180": "Card clearing",
    "130100": "Accounts receivable",
    "222200": "Sales tax payable",
    "401100": "Sales revenue",
    "403300": "Delivery revenue",
    "403500": "Parking income",
    "618200": "Cleaning expense",
    "618500": "Counting differences",
    "618900": "Rounding differences",
}
_POSTING = {
    "CustomerBalance": "130100",
    "Revenue": "401100",
    "SalesTax": "222200",
    "ChargeRevenue": "403300",
    "RoundingDifference": "618900",
    "CountingDifference": "618500",
    "Safe": "110130",
    "Bank": "110140",
}


def document() -> dict[str, Any]:
    """Company, number sequences, ledger accounts, tenders, customer groups and default customer of the demo."""
    own = {"company": COMPANY}
    return {
        "companies": [
            {"id": COMPANY, "name": "Contoso Retail USA", "currency": CURRENCY, "country": "USA", "language": "en-US"}
        ],
        "number_sequences": [
            *(
                {**own, "code": code, "format": format_, "lowest": lowest, "highest": highest}
                for code, _, format_, lowest, highest in _SEQUENCES
            ),
            {**own, "code": "PARTNERACC", "format": "B########", "lowest": 1, "highest": 99_999_999},
        ],
        "references": [{**own, "reference": reference, "sequence": code} for code, reference, *_ in _SEQUENCES],
        "customer_groups": [
            {**own, "id": "30", "name": "Retail customers"},
            {**own, "id": "40", "name": "Business partners", "payment_terms": "Net30", "number_sequence": "PARTNERACC"},
        ],
        "affiliations": [{"id": VIP, "name": "VIP"}, {"id": STAFF, "name": "Staff"}],
        "attributes": [{"id": SHOE_SIZE, "name": "Shoe size", "data_type": "text"}],
        "main_accounts": [{**own, "id": account, "name": name} for account, name in _ACCOUNTS.items()],
        "posting": [{**own, "type": type_, "account": account} for type_, account in _POSTING.items()],
        "tenders": [
            {**own, "id": "1", "name": "Cash", "function": "normal", "account": "110110"},
            {**own, "id": "2", "name": "Cards", "function": "card", "account": "110180"},
        ],
        "income_expense_accounts": [
            {**own, "id": INCOME_ACCOUNT, "name": "Parking", "type": "income", "account": "403500"},
            {**own, "id": EXPENSE_ACCOUNT, "name": "Window cleaning", "type": "expense", "account": "618200"},
        ],
        "default_customers": [
            {
                **own,
                "account": DEFAULT_CUSTOMER,
                "name": "Walk-in customer",
                "group": "30",
                "currency": CURRENCY,
                "language": "en-US",
            }
        ],
    }


def write(path: Path) -> None:
    """Write the setup file."""
    path.write_text(yaml.safe_dump(document(), sort_keys=False, allow_unicode=True), encoding="utf-8")


def channels(stores: tuple[DemoStore, ...], folder: Path) -> dict[str, Any]:
    """The stores as a document for the channel registry; their databases are in `folder`."""
    return {
        "channels": [
            {
                "name": store.name,
                "url": f"sqlite:///{folder / store.name}.db",
                "company": COMPANY,
                "default_customer": DEFAULT_CUSTOMER,
                "title": f"Contoso {store.name.title()}",
                "cut_over": store.cut_over,
                "time_zone": store.place.time_zone,
                "closing_time": "00:00",
                "currency": CURRENCY,
                "tax_group": store.place.state,
            }
            for store in stores
        ]
    }
