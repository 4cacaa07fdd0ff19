"""The rules of *Validate store transactions* (domain.md B3), once: name, what they apply to, what they say, their SQL.

Sums are of rows that count: lines and payments that are not voided, taxes and discounts of such lines, every charge.
Amounts are positive for sales and negative for returns.
"""

from dataclasses import dataclass

from commerce.schema.enums import TransactionType

SALES, DEPOSIT, INCOME_EXPENSE = TransactionType.SALES, TransactionType.PAYMENT, TransactionType.INCOME_EXPENSE
ALL = (SALES, DEPOSIT, INCOME_EXPENSE)
_TYPE_NAMES = {SALES: "sales and returns", DEPOSIT: "deposits", INCOME_EXPENSE: "income and expense"}


@dataclass(frozen=True)
class Rule:
    """A rule: `broken` is SQL that is true when the rule is broken, `message` is SQL text that tells the numbers.

    Rules of a transaction read relation h (the header and the sums of its rows, see `sums`); rules of a line read
    relation r (the line with the sums of its tax and discount rows).
    """

    name: str
    types: tuple[TransactionType, ...]
    says: str
    broken: str
    message: str

    @property
    def applies_to(self) -> str:
        return "all" if self.types == ALL else ", ".join(_TYPE_NAMES[kind] for kind in self.types)


def shown(amount: str) -> str:
    """SQL text of the numeric expression `amount`, with two decimals or as many as it has."""
    return f"to_char({amount}, 'FM99999999999999999999999990.009999')"


def _text(*parts: str) -> str:
    """SQL that joins literals and, at odd positions, expressions."""
    return " || ".join(part if position % 2 else f"'{part}'" for position, part in enumerate(parts) if part)


def _equal(name: str, types: tuple[TransactionType, ...], label: str, column: str, what: str, total: str) -> Rule:
    """A rule that a header amount is a sum; the message shows both."""
    return Rule(
        name,
        types,
        f"{label.lower()} = {what}",
        f"{column} <> {total}",
        _text(f"{label} ", shown(column), f" is not {what}, ", shown(total)),
    )


def _multiple(columns: tuple[str, ...], unit: str) -> str:
    return " OR ".join(f"{column} % {unit} <> 0" for column in columns)


TRANSACTION_RULES = (
    Rule(
        "Company",
        ALL,
        "the transaction and all its rows belong to the store's company",
        "h.dataareaid <> h.company OR h.foreign_rows > 0",
        "CASE WHEN h.dataareaid <> h.company THEN "
        + _text("Company ", "h.dataareaid", " is not the company of the store, ", "h.company")
        + " ELSE "
        + _text("", "h.foreign_rows", " of its rows do not belong to the company of the store, ", "h.company")
        + " END",
    ),
    Rule(
        "Currency",
        ALL,
        "transaction, lines, charges and payments are in the store's currency",
        "h.currency <> h.store_currency OR h.other_currency IS NOT NULL",
        "CASE WHEN h.currency <> h.store_currency THEN "
        + _text("Currency ", "h.currency", " is not the currency of the store, ", "h.store_currency")
        + " ELSE "
        + _text("A row is in ", "h.other_currency", ", the currency of the store is ", "h.store_currency")
        + " END",
    ),
    Rule(
        "CustomerAccount",
        ALL,
        "the customer of the transaction exists; an asynchronous customer has its account",
        "(h.custaccount <> '' AND NOT h.account_exists) OR (h.custaccountasync <> '' AND h.custaccount = '')"
        " OR h.unknown_depositor IS NOT NULL",
        "CASE WHEN h.custaccount <> '' AND NOT h.account_exists THEN "
        + _text("Customer account ", "h.custaccount", " does not exist")
        + " WHEN h.custaccountasync <> '' AND h.custaccount = '' THEN "
        + _text("Customer ", "h.custaccountasync", " has no account yet")
        + " WHEN h.unknown_depositor = '' THEN 'The deposit names no customer' ELSE "
        + _text("Customer ", "h.unknown_depositor", " of the deposit has no account")
        + " END",
    ),
    Rule(
        "Depositor",
        (DEPOSIT,),
        "all lines of the deposit name one customer, the transaction's if it names one",
        "h.depositors > 1 OR h.depositor <> h.named",
        "CASE WHEN h.depositors > 1 THEN "
        + _text("The lines of the deposit name ", "h.depositors", " customers")
        + " ELSE "
        + _text("The deposit names customer ", "h.depositor", ", the transaction ", "h.named")
        + " END",
    ),
    Rule(
        "NotEmpty",
        ALL,
        "there is a line (a deposit, an income or expense) that is not voided",
        "h.rows = 0",
        "'The transaction has no line that is not voided'",
    ),
    _equal("NetAmount", (SALES,), "Net amount", "h.netamount", "the sum of the lines and charges", "h.net"),
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
        "UnderOverPayment",
        (SALES,),
        "gross amount and payments differ by no more than the store's maximum rounding amount",
        "abs(h.grossamount - h.paid) > h.maxroundingamount",
        _text(
            "Gross amount ",
            shown("h.grossamount"),
            " and payments ",
            shown("h.paid"),
            " differ by more than ",
            shown("h.maxroundingamount"),
        ),
    ),
    _equal("DiscountAmount", (SALES,), "Discount amount", "h.discamount", "the sum of the lines", "h.discount"),
    _equal("NumberOfItems", (SALES,), "Number of items", "h.numberofitems", "the sum of the quantities", "h.items"),
    Rule(
        "CurrencyRounding",
        ALL,
        "amounts of header, charges and payments are multiples of the store's rounding unit",
        _multiple(("h.netamount", "h.grossamount", "h.paymentamount"), "h.roundingunit")
        + " OR h.odd_amount IS NOT NULL",
        _text(
            "Amount ",
            shown(
                "CASE WHEN h.netamount % h.roundingunit <> 0 THEN h.netamount"
                " WHEN h.grossamount % h.roundingunit <> 0 THEN h.grossamount"
                " WHEN h.paymentamount % h.roundingunit <> 0 THEN h.paymentamount ELSE h.odd_amount END"
            ),
            " is not a multiple of ",
            shown("h.roundingunit"),
        ),
    ),
    Rule(
        "TenderType",
        ALL,
        "every payment's tender is set up in the company",
        "h.unknown_tender IS NOT NULL",
        _text("Tender ", "h.unknown_tender", " is not set up in company ", "h.company"),
    ),
    Rule(
        "GiftCard",
        ALL,
        "no gift card is sold or used: they are not handled yet",
        "h.gift_cards > 0",
        _text("", "h.gift_cards", " rows sell or use a gift card: gift cards are not handled yet"),
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
        "IncomeExpenseAccount",
        (INCOME_EXPENSE,),
        "the income or expense account is set up in the company, with the same type",
        "h.unknown_account IS NOT NULL",
        _text(
            "Income or expense account ", "h.unknown_account", " with this type is not set up in company ", "h.company"
        ),
    ),
)

LINE_RULES = (
    Rule(
        "CustomerAccount",
        ALL,
        "the customer of the line exists; an asynchronous customer has its account",
        "(r.custaccount <> '' AND NOT r.account_exists) OR (r.custaccountasync <> '' AND r.custaccount = '')",
        "CASE WHEN r.custaccount <> '' THEN "
        + _text("Customer account ", "r.custaccount", " does not exist")
        + " ELSE "
        + _text("Customer ", "r.custaccountasync", " has no account yet")
        + " END",
    ),
    Rule(
        "SignContradiction",
        ALL,
        "quantity and net amount have the same sign",
        "r.netamount <> 0 AND sign(r.qty) <> sign(r.netamount)",
        _text("Quantity ", shown("r.qty"), " and net amount ", shown("r.netamount"), " contradict each other"),
    ),
    Rule(
        "LineTax",
        ALL,
        "tax amount = the sum of the line's tax rows",
        "r.taxamount <> r.tax_rows",
        _text("Tax amount ", shown("r.taxamount"), " is not the sum of the tax rows, ", shown("r.tax_rows")),
    ),
    Rule(
        "LineDiscount",
        ALL,
        "discount amount = the sum of the line's discount rows",
        "r.discamount <> r.discount_rows",
        _text(
            "Discount amount ",
            shown("r.discamount"),
            " is not the sum of the discount rows, ",
            shown("r.discount_rows"),
        ),
    ),
    Rule(
        "NetPlusTax",
        ALL,
        "amount with tax = net amount + tax amount",
        "r.netamountincltax <> r.netamount + r.taxamount",
        _text(
            "Amount with tax ",
            shown("r.netamountincltax"),
            " is not net amount plus tax, ",
            shown("r.netamount + r.taxamount"),
        ),
    ),
    Rule(
        "CurrencyRounding",
        ALL,
        "net, tax, discount and amount with tax are multiples of the store's rounding unit",
        _multiple(("r.netamount", "r.taxamount", "r.netamountincltax", "r.discamount"), "r.roundingunit"),
        _text(
            "Amount ",
            shown(
                "CASE WHEN r.netamount % r.roundingunit <> 0 THEN r.netamount"
                " WHEN r.taxamount % r.roundingunit <> 0 THEN r.taxamount"
                " WHEN r.netamountincltax % r.roundingunit <> 0 THEN r.netamountincltax ELSE r.discamount END"
            ),
            " is not a multiple of ",
            shown("r.roundingunit"),
        ),
    ),
)


def table() -> str:
    """The rules as a Markdown table, for the documentation."""
    rows = ["| rule | of the | applies to | what it says |", "|---|---|---|---|"]
    for part, rules in (("transaction", TRANSACTION_RULES), ("line", LINE_RULES)):
        rows += [f"| {rule.name} | {part} | {rule.applies_to} | {rule.says} |" for rule in rules]
    return "\n".join(rows) + "\n"
