"""The setup file: what a retailer's companies look like, checked before anything is written.

A file has any of the sections of `SetupDocument`; unknown keys are refused. Each model's names are the operator's;
module `rows` says which row of headquarters it stands for.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, Field, StringConstraints, ValidationError, model_validator

from commerce.errors import UsageError
from commerce.schema.enums import AttributeDataType, IncomeExpenseType, TenderFunction
from commerce.setup.fields import Code10, Code20, Company, Currency, Language, Model, Name, Optional10, RecordId
from commerce.setup.masters import FiscalPeriod, TaxGroup, TrackingDimensionGroup, UnitConversion, ValidationRule
from commerce.setup.parameters import CompanyParameters, StoreParameters

TENDER_FUNCTIONS = {
    "normal": TenderFunction.NORMAL,
    "card": TenderFunction.CARD,
    "customer_account": TenderFunction.CUSTOMER_ACCOUNT,
    "gift_card": TenderFunction.GIFT_CARD,
}
DATA_TYPES = {member.name.lower().replace("_", ""): member for member in AttributeDataType}
INCOME_EXPENSE_TYPES = {"income": IncomeExpenseType.INCOME, "expense": IncomeExpenseType.EXPENSE}


class CompanySetup(Model):
    id: Company
    name: Name
    currency: Currency
    country: Code10
    language: Language


class CustomerParameters(Model):
    """`duplicates`: what happens to a new customer that is known already (flag: it is created, and the pair is listed).
    `personal_data_days`: after so many days staging rows and audited edits of transactions lose their personal data;
    None: they keep it."""

    company: Company
    duplicates: Literal["flag", "link", "hold"] = "flag"
    personal_data_days: Annotated[int, Field(ge=0, le=36_500)] | None = None


class NumberSequence(Model):
    """`format`: a prefix, one block of `#` that becomes the number with leading zeros, a suffix: "C#########"."""

    company: Company
    code: Code20
    format: Annotated[str, StringConstraints(pattern=r"^[^#]*#+[^#]*$", max_length=20)]
    lowest: Annotated[int, Field(ge=0)] = 1
    highest: Annotated[int, Field(ge=0)]
    manual: bool = False
    blocked: bool = False

    @model_validator(mode="after")
    def _fits(self) -> NumberSequence:
        if self.highest < self.lowest:
            raise ValueError("highest is below lowest")
        digits = self.format.count("#")
        if len(str(self.highest)) > digits:
            raise ValueError(f"highest has more digits than the format has places ({digits} '#')")
        return self


class SequenceReference(Model):
    company: Company
    reference: Literal[
        "CustomerAccount",
        "SalesOrder",
        "SalesQuotation",
        "CustomerInvoice",
        "LedgerVoucher",
        "PaymentJournal",
        "Statement",
    ]
    sequence: Code20


class CustomerGroup(Model):
    """`number_sequence`: the group's own account numbers; without it the company's CustomerAccount gives them."""

    company: Company
    id: Code10
    name: Name
    payment_terms: Optional10 = ""
    tax_group: Optional10 = ""
    dimension: Annotated[int, Field(ge=0)] = 0
    number_sequence: Code20 | None = None


class Affiliation(Model):
    """`id`: the record id that channels store in their affiliation rows."""

    name: Name
    id: RecordId | None = None


class Title(Model):
    """A personal title. `id`: the record id that registers store with a customer (titlerecordid)."""

    name: Name
    id: RecordId | None = None


class Attribute(Model):
    """`id`: the record id that channels store in their attribute rows."""

    name: Name
    data_type: Literal["currency", "datetime", "decimal", "integer", "text", "truefalse"] = "text"
    id: RecordId | None = None


class MainAccount(Model):
    company: Company
    id: Code20
    name: Name


class LedgerPosting(Model):
    company: Company
    type: Literal[
        "CustomerBalance",
        "Revenue",
        "SalesTax",
        "ChargeRevenue",
        "RoundingDifference",
        "PeriodicDiscount",
        "GiftCard",
        "CountingDifference",
        "Safe",
        "Bank",
    ]
    account: Code20


class Tender(Model):
    """`counting_required`: a shift must declare how much of it there is; None: of normal tenders (cash) only."""

    company: Company
    id: Code10
    name: Name
    function: Literal["normal", "card", "customer_account", "gift_card"] = "normal"
    account: Code20
    counting_required: bool | None = None


class IncomeExpenseAccount(Model):
    company: Company
    id: Code10
    name: Name
    type: Literal["income", "expense"]
    account: Code20


class DefaultCustomer(Model):
    """A store's default customer (domain A2): nameless sales post to it, and new customers take its group, currency,
    language, receipt option and affiliations where the register gave none."""

    company: Company
    account: Code20
    name: Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
    group: Code10
    currency: Currency | None = None
    language: Language | None = None
    receipt_option: Annotated[int, Field(ge=0)] = 0
    affiliations: tuple[Name, ...] = ()


class SetupDocument(Model):
    companies: tuple[CompanySetup, ...] = ()
    customer_parameters: tuple[CustomerParameters, ...] = ()
    number_sequences: tuple[NumberSequence, ...] = ()
    references: tuple[SequenceReference, ...] = ()
    customer_groups: tuple[CustomerGroup, ...] = ()
    affiliations: tuple[Affiliation, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    titles: tuple[Title, ...] = ()
    main_accounts: tuple[MainAccount, ...] = ()
    posting: tuple[LedgerPosting, ...] = ()
    tenders: tuple[Tender, ...] = ()
    income_expense_accounts: tuple[IncomeExpenseAccount, ...] = ()
    default_customers: tuple[DefaultCustomer, ...] = ()
    fiscal_periods: tuple[FiscalPeriod, ...] = ()
    tracking_dimension_groups: tuple[TrackingDimensionGroup, ...] = ()
    unit_conversions: tuple[UnitConversion, ...] = ()
    tax_groups: tuple[TaxGroup, ...] = ()
    item_tax_groups: tuple[TaxGroup, ...] = ()
    validation_rules: tuple[ValidationRule, ...] = ()
    parameters: tuple[CompanyParameters, ...] = ()
    stores: tuple[StoreParameters, ...] = ()


T = TypeVar("T", bound=BaseModel)


def read(path: Path) -> dict[str, Any]:
    """Read a YAML file into a document for `apply`.

    Raises:
        UsageError: there is no such file, or it is no YAML mapping; the message names line and column.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UsageError(f"{path} is not valid YAML{where}. Mend the file and run the command again.") from None
    if not isinstance(document, dict):
        raise UsageError(f"{path} must hold a mapping of sections, such as `companies:`.")
    return document


def parse(model: type[T], document: object) -> T:
    """Check `document` against `model`.

    Raises:
        UsageError: every mistake with its place, such as "tenders[2].account: Field required".
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        lines = [f"  {mistake}" for mistake in mistakes(error)]
        raise UsageError("The setup is not valid:\n" + "\n".join(lines)) from None


def mistakes(error: ValidationError) -> list[str]:
    """Each mistake with its place, without the values."""
    return [f"{place(mistake['loc'])}: {_message(mistake)}" for mistake in error.errors(include_url=False)]


def place(location: tuple[int | str, ...]) -> str:
    """("tenders", 2, "account") as "tenders[2].account"."""
    return (
        re.sub(r"\.\[", "[", ".".join(f"[{part}]" if isinstance(part, int) else part for part in location))
        or "document"
    )


def _message(mistake: Any) -> str:
    if mistake["type"] == "extra_forbidden":
        return "unknown key; remove it or correct its spelling"
    message: str = mistake["msg"]
    return message.removeprefix("Value error, ")
