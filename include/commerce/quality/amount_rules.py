"""Amounts and accounts of what is about to be posted: the valid transactions of a run. SQL of its own, which shares
nothing with the validation, which it judges; what is not valid is left out of statements and blocks nobody."""

from commerce.quality.rule import GateRule
from commerce.schema.enums import EntryStatus, TransactionType
from commerce.scope import amount_text_sql

_SALES, _DEPOSIT = int(TransactionType.SALES), int(TransactionType.PAYMENT)
_VOIDED = int(EntryStatus.VOIDED)
_KEY = "r.transactionid = b.transactionid AND r.store = b.store"
_LINE = f"ax.retailtransactionsalestrans AS r ON {_KEY} AND r.terminalid = b.terminal"
_CHARGE = f"ax.retailtransactionmarkuptrans AS r ON {_KEY} AND r.terminalid = b.terminal"
_TAX_KEY = "{r}.transactionid = b.transactionid AND {r}.storeid = b.store AND {r}.terminalid = b.terminal"
_TAX = f"ax.retailtransactiontaxtrans AS r ON {_TAX_KEY.format(r='r')}"
_PAYMENT = f"ax.retailtransactionpaymenttrans AS r ON {_KEY} AND r.terminal = b.terminal"
_INCOME_EXPENSE = f"ax.retailtransactionincomeexpensetrans AS r ON {_KEY} AND r.terminal = b.terminal"
_DEPOSITED = f"ax.retailtransactioncustomeraccountdeposittrans AS r ON {_KEY} AND r.terminal = b.terminal"
_VALID_SALE = f"b.valid AND b.type = {_SALES}"
_PAID = f"r.voidstatus = 0 AND r.transactionstatus <> {_VOIDED}"


def _summed(columns: str, *parts: str) -> str:
    """Sums by transaction of rows that have `columns` and come from `parts`."""
    sums = ", ".join(f"sum({column}) AS {column}" for column in columns.split(", "))
    return (
        f"SELECT store, terminal, transactionid, {sums} FROM ({' UNION ALL '.join(parts)}) AS part"
        " GROUP BY store, terminal, transactionid"
    )


def _part(columns: str, source: str, condition: str) -> str:
    return f"SELECT b.store, b.terminal, b.transactionid, {columns} FROM {{batch}} AS b JOIN {source} WHERE {condition}"


_ON_SUMS = "s.transactionid = b.transactionid AND s.store = b.store AND s.terminal = b.terminal"

_LINES_DIFFER = f"""
    SELECT b.store, b.terminal, b.transactionid, b.amount,
           'net ' || {amount_text_sql("b.netamount")} || ' of ' || {amount_text_sql("coalesce(s.net, 0)")}
               || ', gross ' || {amount_text_sql("b.grossamount")}
               || ' of ' || {amount_text_sql("coalesce(s.gross, 0)")} AS reference
    FROM {{batch}} AS b
    LEFT JOIN ({_summed(
        "net, gross",
        _part("r.netamount AS net, r.netamountincltax AS gross", _LINE,
              f"{_VALID_SALE} AND r.transactionstatus <> {_VOIDED}"),
        _part("r.calculatedamount, r.calculatedamount + r.taxamountexclusive", _CHARGE, _VALID_SALE),
    )}) AS s ON {_ON_SUMS}
    WHERE {_VALID_SALE} AND (b.netamount <> coalesce(s.net, 0) OR b.grossamount <> coalesce(s.gross, 0))
"""  # fmt: skip

_TAXES_DIFFER = f"""
    SELECT b.store, b.terminal, b.transactionid, b.amount,
           'tax ' || {amount_text_sql("b.grossamount - b.netamount")}
               || ' of ' || {amount_text_sql("coalesce(s.tax, 0)")} AS reference
    FROM {{batch}} AS b
    LEFT JOIN ({_summed(
        "tax",
        _part("r.amount AS tax", _TAX, _VALID_SALE),
        _part("r.taxamountexclusive", _CHARGE, _VALID_SALE),
        _part(
            "-x.amount",
            f"{_LINE} AND r.transactionstatus = {_VOIDED} JOIN ax.retailtransactiontaxtrans AS x"
            f" ON {_TAX_KEY.format(r='x')} AND x.salelinenum = r.linenum",
            _VALID_SALE,
        ),
    )}) AS s ON {_ON_SUMS}
    WHERE {_VALID_SALE} AND b.grossamount - b.netamount <> coalesce(s.tax, 0)
"""  # fmt: skip

# In the store's currency: what was paid in another one has its amount in it beside.
_PAYMENTS_DIFFER = f"""
    SELECT b.store, b.terminal, b.transactionid, b.amount,
           'paid ' || {amount_text_sql("b.paymentamount")}
               || ' of ' || {amount_text_sql("coalesce(s.paid, 0)")} AS reference
    FROM {{batch}} AS b
    JOIN ax.retailchanneltable AS c ON c.retailchannelid = b.store
    JOIN ax.retailstoretable AS t ON t.recid = c.recid
    LEFT JOIN ({_summed(
        "paid",
        _part("CASE r.currency WHEN c.currency THEN r.amountcur ELSE r.amountmst END AS paid",
              f"{_PAYMENT} JOIN ax.retailchanneltable AS c ON c.retailchannelid = b.store", f"b.valid AND {_PAID}"),
    )}) AS s ON {_ON_SUMS}
    WHERE b.valid AND (b.paymentamount <> coalesce(s.paid, 0)
        OR b.type = {_SALES} AND abs(b.grossamount - coalesce(s.paid, 0)) > t.maxroundingamount)
"""  # fmt: skip

_BOOKED_DIFFERS = f"""
    SELECT b.store, b.terminal, b.transactionid, b.amount,
           'paid ' || {amount_text_sql("b.paymentamount")}
               || ' for ' || {amount_text_sql("coalesce(s.booked, 0)")} AS reference
    FROM {{batch}} AS b
    LEFT JOIN ({_summed(
        "booked",
        _part("r.amount AS booked", _INCOME_EXPENSE, f"b.valid AND r.transactionstatus <> {_VOIDED}"),
        _part("r.amount", _DEPOSITED, f"b.valid AND r.transactionstatus <> {_VOIDED}"),
    )}) AS s ON {_ON_SUMS}
    WHERE b.valid AND b.type IN ({_DEPOSIT}, {int(TransactionType.INCOME_EXPENSE)})
      AND b.paymentamount <> coalesce(s.booked, 0)
"""  # fmt: skip

# Companies that lack a posting type are few: no transaction is looked at where none does.
_LACKING = """(
    SELECT d.dataareaid, n.postingtype
    FROM ax.dataarea AS d
    CROSS JOIN (VALUES ('CustomerBalance'), ('Revenue'), ('SalesTax'), ('ChargeRevenue'), ('RoundingDifference'),
                       ('GiftCard')) AS n (postingtype)
    LEFT JOIN ax.ledgerposting AS p ON p.dataareaid = d.dataareaid AND p.postingtype = n.postingtype
    WHERE p.mainaccount IS NULL)"""
_FOUND = "SELECT b.store, b.terminal, b.transactionid, b.amount"

_ACCOUNT_MAPPING = f"""
    {_FOUND}, 'posting type ' || k.postingtype AS reference
    FROM {{batch}} AS b
    JOIN {_LACKING} AS k ON k.dataareaid = b.dataareaid AND CASE k.postingtype
        WHEN 'CustomerBalance' THEN b.type IN ({_SALES}, {_DEPOSIT})
        WHEN 'Revenue' THEN b.type = {_SALES}
        WHEN 'SalesTax' THEN b.type = {_SALES} AND b.grossamount <> b.netamount
        WHEN 'RoundingDifference' THEN b.type = {_SALES} AND b.grossamount <> b.paymentamount ELSE FALSE END
    WHERE b.valid
    UNION ALL
    {_FOUND}, 'posting type ChargeRevenue' FROM {{batch}} AS b
    JOIN {_LACKING} AS k ON k.dataareaid = b.dataareaid AND k.postingtype = 'ChargeRevenue'
    JOIN {_CHARGE} WHERE {_VALID_SALE} AND r.calculatedamount <> 0
    UNION ALL
    {_FOUND}, 'posting type GiftCard' FROM {{batch}} AS b
    JOIN {_LACKING} AS k ON k.dataareaid = b.dataareaid AND k.postingtype = 'GiftCard'
    JOIN {_LINE} WHERE {_VALID_SALE} AND r.giftcard <> 0 AND r.transactionstatus <> {_VOIDED}
    UNION ALL
    {_FOUND}, 'tender ' || r.tendertype FROM {{batch}} AS b JOIN {_PAYMENT}
    LEFT JOIN ax.retailtendertypetable AS e ON e.dataareaid = b.dataareaid AND e.tendertypeid = r.tendertype
    WHERE b.valid AND {_PAID} AND e.mainaccount IS NULL
    UNION ALL
    {_FOUND}, 'income or expense account ' || r.incomeexepenseaccount FROM {{batch}} AS b JOIN {_INCOME_EXPENSE}
    LEFT JOIN ax.retailincomeexpenseaccounttable AS e
        ON e.dataareaid = b.dataareaid AND e.accountnum = r.incomeexepenseaccount
    WHERE b.valid AND r.transactionstatus <> {_VOIDED} AND e.mainaccount IS NULL
"""

AMOUNT_RULES = tuple(
    GateRule(name, says, rows, names_people=False)
    for name, says, rows in (
        (
            "account_mapping_missing",
            "whatever a transaction posts to has a main account: posting types, tenders, income and expense accounts",
            _ACCOUNT_MAPPING,
        ),
        (
            "header_differs_from_lines",
            "net and gross amount of a valid sale are those of its lines and charges",
            _LINES_DIFFER,
        ),
        ("taxes_differ", "the tax of a valid sale is the sum of its tax rows", _TAXES_DIFFER),
        (
            "payments_differ",
            "a valid transaction has the payments that it says, and a sale is paid within the store's maximum rounding",
            _PAYMENTS_DIFFER,
        ),
        (
            "booked_amount_differs",
            "a valid deposit, income or expense is worth what was paid",
            _BOOKED_DIFFERS,
        ),
    )
)
