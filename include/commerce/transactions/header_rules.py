"""The rules of a transaction as a whole (domain B3, header rules), each once: name, what it says, its SQL.

Sums are of rows that count: lines and payments that are not voided, taxes and discounts of such lines, every charge.
Amounts are positive for sales and negative for returns.
"""

from commerce.schema.enums import FiscalPeriodStatus, TransactionType
from commerce.scope import amount_text_sql
from commerce.transactions.rule import (
    ALL,
    DEPOSIT,
    INCOME_EXPENSE,
    SALES,
    Master,
    Rule,
    first_odd,
    joined,
    multiple,
)

_POSTED = "documents and vouchers are made of it"
_OWN_AMOUNTS = ("h.netamount", "h.grossamount", "h.paymentamount")


def _equal(name: str, types: tuple[TransactionType, ...], label: str, column: str, what: str, total: str) -> Rule:
    """A rule that a header amount is a sum; the message shows both."""
    return Rule(
        "header",
        name,
        types,
        f"{label.lower()} = {what}",
        f"{column} <> {total}",
        joined(f"{label} ", amount_text_sql(column), f" is not {what}, ", amount_text_sql(total)),
        fixed=_POSTED,
    )


_WHO = (
    Rule(
        "header",
        "Company",
        ALL,
        "the transaction and all its rows belong to the store's company",
        "h.dataareaid <> h.company OR h.foreign_rows > 0",
        "CASE WHEN h.dataareaid <> h.company THEN "
        + joined("Company ", "h.dataareaid", " is not the company of the store, ", "h.company")
        + " ELSE "
        + joined("", "h.foreign_rows", " of its rows do not belong to the company of the store, ", "h.company")
        + " END",
        fixed="every document has one company",
    ),
    Rule(
        "header",
        "BusinessDate",
        ALL,
        "the business date is in an open fiscal period of the company",
        f"h.periodstatus IS DISTINCT FROM {int(FiscalPeriodStatus.OPEN)}",
        "CASE WHEN h.periodstatus IS NULL THEN "
        + joined("Business date ", "h.businessdate", " is in no fiscal period of company ", "h.company")
        + " ELSE "
        + joined(
            "Business date ",
            "h.businessdate",
            " is in the fiscal period ",
            "h.periodstart",
            " to ",
            "h.periodend",
            " of company ",
            "h.company",
            ", which is ",
            f"CASE h.periodstatus WHEN {int(FiscalPeriodStatus.ON_HOLD)} THEN 'on hold' ELSE 'closed' END",
        )
        + " END",
        fixed="nothing is posted into a closed period",
        master=Master.FISCAL_PERIODS,
    ),
    Rule(
        "header",
        "Currency",
        ALL,
        "transaction, lines and charges are in the store's currency",
        "h.currency <> h.store_currency OR h.other_currency IS NOT NULL",
        "CASE WHEN h.currency <> h.store_currency THEN "
        + joined("Currency ", "h.currency", " is not the currency of the store, ", "h.store_currency")
        + " ELSE "
        + joined("A row is in ", "h.other_currency", ", the currency of the store is ", "h.store_currency")
        + " END",
        fixed="amounts of several currencies cannot be summed",
    ),
    Rule(
        "header",
        "CustomerAccount",
        ALL,
        "the customer of the transaction exists; an asynchronous customer has its account",
        "(h.custaccount <> '' AND NOT h.account_exists) OR (h.custaccountasync <> '' AND h.custaccount = '')"
        " OR h.unknown_depositor IS NOT NULL",
        "CASE WHEN h.custaccount <> '' AND NOT h.account_exists THEN "
        + joined("Customer account ", "h.custaccount", " does not exist")
        + " WHEN h.custaccountasync <> '' AND h.custaccount = '' THEN "
        + joined("Customer ", "h.custaccountasync", " has no account yet")
        + " WHEN h.unknown_depositor = '' THEN 'The deposit names no customer' ELSE "
        + joined("Customer ", "h.unknown_depositor", " of the deposit has no account")
        + " END",
        fixed="a foreign key holds what is posted to a customer that exists",
    ),
    Rule(
        "header",
        "Depositor",
        (DEPOSIT,),
        "all lines of the deposit name one customer, the transaction's if it names one",
        "h.depositors > 1 OR h.depositor <> h.named",
        "CASE WHEN h.depositors > 1 THEN "
        + joined("The lines of the deposit name ", "h.depositors", " customers")
        + " ELSE "
        + joined("The deposit names customer ", "h.depositor", ", the transaction ", "h.named")
        + " END",
        fixed="a deposit is one customer's money",
    ),
    Rule(
        "header",
        "FiscalDocumentPostingStatus",
        (SALES,),
        "the fiscal document can be posted",
        "FALSE",
        "''",
        master=Master.FISCAL_DOCUMENTS,
    ),
)

_AMOUNTS = (
    Rule(
        "header",
        "TransactionNotEmpty",
        ALL,
        "there is a line (a deposit, an income or expense) that is not voided",
        "h.rows = 0",
        "'The transaction has no line that is not voided'",
        fixed="there would be money without what it was paid for",
    ),
    _equal("Net", (SALES,), "Net amount", "h.netamount", "the sum of the lines and charges", "h.net"),
    _equal(
        "GrossAmount",
        (SALES,),
        "Gross amount",
        "h.grossamount",
        "the sum of the lines and charges with tax",
        "h.gross",
    ),
    _equal(
        "NetPlusTax",
        (SALES,),
        "Gross amount",
        "h.grossamount",
        "net amount plus all taxes",
        "(h.netamount + h.tax)",
    ),
    _equal("PaymentAmount", ALL, "Payment amount", "h.paymentamount", "the sum of the payments", "h.paid"),
    Rule(
        "header",
        "UnderOverPayment",
        (SALES,),
        "gross amount and payments differ by no more than the store's maximum rounding amount",
        "abs(h.grossamount - h.paid) > h.maxroundingamount",
        joined(
            "Gross amount ",
            amount_text_sql("h.grossamount"),
            " and payments ",
            amount_text_sql("h.paid"),
            " differ by more than ",
            amount_text_sql("h.maxroundingamount"),
        ),
        fixed="what is missing would be posted as a rounding difference",
    ),
    Rule(
        "header",
        "DiscountAmount",
        (SALES,),
        "discount amount = the sum of the lines",
        "h.discamount <> h.discount",
        joined(
            "Discount amount ",
            amount_text_sql("h.discamount"),
            " is not the sum of the lines, ",
            amount_text_sql("h.discount"),
        ),
    ),
    Rule(
        "header",
        "NumberOfItems",
        (SALES,),
        "number of items = the sum of the quantities",
        "h.numberofitems <> h.items",
        joined(
            "Number of items ",
            amount_text_sql("h.numberofitems"),
            " is not the sum of the quantities, ",
            amount_text_sql("h.items"),
        ),
    ),
    Rule(
        "header",
        "CurrencyRounding",
        ALL,
        "amounts of header, charges and payments are multiples of the store's rounding unit",
        multiple(("h.netamount", "h.grossamount", "h.paymentamount"), "h.roundingunit")
        + " OR h.odd_amount IS NOT NULL",
        joined(
            "Amount ",
            first_odd(("h.netamount", "h.grossamount", "h.paymentamount"), "h.roundingunit", "h.odd_amount"),
            " is not a multiple of ",
            amount_text_sql("h.roundingunit"),
        ),
    ),
    Rule(
        "header",
        "TaxIncludedPricing",
        (SALES,),
        "header and tax rows say the same about whether prices include tax",
        "h.other_pricing > 0",
        joined(
            "Prices of the transaction ",
            "CASE h.istaxincludedinprice WHEN 0 THEN 'exclude' ELSE 'include' END",
            " tax, but ",
            "h.other_pricing",
            " of its tax rows say the opposite",
        ),
    ),
    Rule(
        "header",
        "TaxExemptCalculation",
        (SALES,),
        "of each charge of the transaction: amount + exempt tax = original amount",
        "h.odd_exemption IS NOT NULL",
        "h.odd_exemption",
    ),
)

_MONEY = (
    Rule(
        "header",
        "TenderType",
        ALL,
        "every payment's tender is set up in the company",
        "h.unknown_tender IS NOT NULL",
        joined("Tender ", "h.unknown_tender", " is not set up in company ", "h.company"),
        fixed="its ledger account is the tender's",
    ),
    Rule(
        "header",
        "CustomerAccountTender",
        (DEPOSIT, INCOME_EXPENSE),
        "nothing is paid with a customer account tender: only sales are put on a customer's account",
        "h.on_account IS NOT NULL",
        joined("Tender ", "h.on_account", " puts on a customer account what is no sale"),
        fixed="no customer's balance would say who owes it",
    ),
    Rule(
        "header",
        "GiftCardTender",
        ALL,
        "what is paid with a gift card is paid with a gift card tender",
        "h.no_gift_card_tender IS NOT NULL",
        joined("A gift card pays with tender ", "h.no_gift_card_tender", ", which is no gift card tender"),
        fixed="the tender says what lowers the liability",
    ),
    Rule(
        "header",
        "ExchangeRate",
        ALL,
        "a payment in another currency: amount in the store's currency = amount * exchange rate",
        "h.converted IS NOT NULL",
        joined(
            "Payment of ",
            amount_text_sql("(h.converted ->> 1)::numeric"),
            " ",
            "(h.converted ->> 0)",
            " at ",
            amount_text_sql("(h.converted ->> 2)::numeric"),
            " is not ",
            amount_text_sql("(h.converted ->> 3)::numeric"),
            " ",
            "h.currency",
        ),
    ),
    _equal("DepositAmount", (DEPOSIT,), "Deposit amount", "h.deposited", "the sum of the payments", "h.paid"),
    _equal(
        "IncomeExpenseAmount",
        (INCOME_EXPENSE,),
        "Income and expense amount",
        "h.income_expense",
        "the sum of the payments",
        "h.paid",
    ),
    Rule(
        "header",
        "IncomeExpenseAccount",
        (INCOME_EXPENSE,),
        "the income or expense account is set up in the company, with the same type",
        "h.unknown_account IS NOT NULL",
        joined(
            "Income or expense account ", "h.unknown_account", " with this type is not set up in company ", "h.company"
        ),
        fixed="its ledger account is the account's",
    ),
)

HEADER_RULES = (*_WHO, *_AMOUNTS, *_MONEY)
