"""From the setup file's sections to rows of headquarters tables, in the order in which they depend on one another."""

from __future__ import annotations

from commerce.schema.headquarters import organization as hq
from commerce.schema.headquarters.duplicates import CUSTOMER_PARAMETERS
from commerce.setup import document as doc
from commerce.setup.masters import MASTER_SECTIONS
from commerce.setup.writing import Reference, Row, Section

_COMPANY = Reference(("dataareaid",), hq.COMPANY, ("dataareaid",), "companies")


def _sequence(column: str) -> Reference:
    return Reference(("dataareaid", column), hq.NUMBER_SEQUENCE, ("dataareaid", "numbersequence"), "number_sequences")


_ACCOUNT = Reference(("dataareaid", "mainaccount"), hq.MAIN_ACCOUNT, ("dataareaid", "mainaccountid"), "main_accounts")


def _company(row: doc.CompanySetup) -> Row:
    return {
        "dataareaid": row.id,
        "name": row.name,
        "currency": row.currency,
        "countryregionid": row.country,
        "languageid": row.language,
    }


def _customer_parameters(row: doc.CustomerParameters) -> Row:
    return {
        "dataareaid": row.company,
        "duplicatepolicy": row.duplicates,
        "personaldatadays": row.personal_data_days,
    }


def _number_sequence(row: doc.NumberSequence) -> Row:
    """Without `nextrec`: where a sequence stands is never the file's to say."""
    return {
        "dataareaid": row.company,
        "numbersequence": row.code,
        "format": row.format,
        "lowest": row.lowest,
        "highest": row.highest,
        "manual": int(row.manual),
        "blocked": int(row.blocked),
    }


def _reference(row: doc.SequenceReference) -> Row:
    return {"dataareaid": row.company, "reference": row.reference, "numbersequence": row.sequence}


def _customer_group(row: doc.CustomerGroup) -> Row:
    return {
        "dataareaid": row.company,
        "custgroup": row.id,
        "name": row.name,
        "paymtermid": row.payment_terms,
        "taxgroupid": row.tax_group,
        "defaultdimension": row.dimension,
        "custaccountnumseq": row.number_sequence,
    }


def _main_account(row: doc.MainAccount) -> Row:
    return {"dataareaid": row.company, "mainaccountid": row.id, "name": row.name}


def _posting(row: doc.LedgerPosting) -> Row:
    return {"dataareaid": row.company, "postingtype": row.type, "mainaccount": row.account}


def _tender(row: doc.Tender) -> Row:
    return {
        "dataareaid": row.company,
        "tendertypeid": row.id,
        "name": row.name,
        "function": int(doc.TENDER_FUNCTIONS[row.function]),
        "mainaccount": row.account,
        "countingrequired": int(row.function == "normal" if row.counting_required is None else row.counting_required),
    }


def _income_expense_account(row: doc.IncomeExpenseAccount) -> Row:
    return {
        "dataareaid": row.company,
        "accountnum": row.id,
        "name": row.name,
        "accounttype": int(doc.INCOME_EXPENSE_TYPES[row.type]),
        "mainaccount": row.account,
    }


SECTIONS = (
    Section("companies", hq.COMPANY, ("dataareaid",), _company),
    Section("customer_parameters", CUSTOMER_PARAMETERS, ("dataareaid",), _customer_parameters, (_COMPANY,)),
    Section("number_sequences", hq.NUMBER_SEQUENCE, ("dataareaid", "numbersequence"), _number_sequence, (_COMPANY,)),
    Section(
        "references",
        hq.NUMBER_SEQUENCE_REFERENCE,
        ("dataareaid", "reference"),
        _reference,
        (_COMPANY, _sequence("numbersequence")),
    ),
    Section(
        "customer_groups",
        hq.CUSTOMER_GROUP,
        ("dataareaid", "custgroup"),
        _customer_group,
        (_COMPANY, _sequence("custaccountnumseq")),
    ),
    Section("main_accounts", hq.MAIN_ACCOUNT, ("dataareaid", "mainaccountid"), _main_account, (_COMPANY,)),
    Section("posting", hq.LEDGER_POSTING, ("dataareaid", "postingtype"), _posting, (_COMPANY, _ACCOUNT)),
    Section("tenders", hq.TENDER_TYPE, ("dataareaid", "tendertypeid"), _tender, (_COMPANY, _ACCOUNT)),
    Section(
        "income_expense_accounts",
        hq.INCOME_EXPENSE_ACCOUNT,
        ("dataareaid", "accountnum"),
        _income_expense_account,
        (_COMPANY, _ACCOUNT),
    ),
    *MASTER_SECTIONS,
)
"""Sections that are plain upserts. Affiliations, attributes, titles and default customers follow (module `master`)."""
