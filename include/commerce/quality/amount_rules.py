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
_PAYMENT = f"ax.retailtransactionpaymenttrans AS r ON {_KEY} AND r.terminal = b.terminal"
_INCOME_EXPENSE = f"ax.retailtransactionincomeexpensetrans AS r ON {_KEY} AND r.terminal = b.terminal"
_DEPOSITED = f"ax.retailtransactioncustomeraccountdeposittrans AS r ON {_KEY} AND r.terminal = b.terminal"
_VALID_SALE = f"b.valid AND b.type = {_SALES}"
_PAID = f"r.voidstatus = 0 AND r.transactionstatus <> {_VOIDED}"


def _summed(alias: str, source: str, condition: str, **columns: str) -> str:
    """A join of transaction b with its sums of `columns`, each null where it has no row."""
    sums = ", ".join(f"sum({column}) AS {name}" for name, column in columns.items())
    return (
        f"LEFT JOIN (SELECT b.id, {sums} FROM stamped AS b JOIN {source} WHERE {condition} GROUP BY b.id) AS {alias}"
        f" ON {alias}.id = b.id"
    )


_CHARGES = _summed("c", _CHARGE, _VALID_SALE, net="r.calculatedamount", tax="r.taxamountexclusive")
_NET = "coalesce(l.net, 0) + coalesce(c.net, 0)"
_GROSS = "coalesce(l.gross, 0) + coalesce(c.net, 0) + coalesce(c.tax, 0)"
_LINES_DIFFER = f"""
    SELECT b.store, b.terminal, b.transactionid, b.amount,
           'net ' || {amount_text_sql("b.netamount")} || ' of ' || {amount_text_sql(_NET)}
               || ', gross ' || {amount_text_sql("b.grossamount")} || ' of ' || {amount_text_sql(_GROSS)} AS reference
    FROM stamped AS b
    LEFT JOIN stamped_line AS l ON l.id = b.id
    {_CHARGES}
    WHERE {_VALID_SALE} AND (b.netamount <> {_NET} OR b.grossamount <> {_GROSS})
"""

_VOIDED_TAX = (
    f"{_LINE} AND r.transactionstatus = {_VOIDED} JOIN ax.retailtransactiontaxtrans AS x"
    " ON x.transactionid = b.transactionid AND x.storeid = b.store AND x.terminalid = b.terminal"
    " AND x.salelinenum = r.linenum"
)
_TAXES = "coalesce(t.tax, 0) - coalesce(v.tax, 0) + coalesce(c.tax, 0)"
_TAXES_DIFFER = f"""
    SELECT b.store, b.terminal, b.transactionid, b.amount,
           'tax ' || {amount_text_sql("b.grossamount - b.netamount")}
               || ' of ' || {amount_text_sql(_TAXES)} AS reference
    FROM stamped AS b
    LEFT JOIN stamped_tax AS t ON t.id = b.id
    {_summed("v", _VOIDED_TAX, _VALID_SALE, tax="x.amount")}
    {_CHARGES}
    WHERE {_VALID_SALE} AND b.grossamount - b.netamount <> {_TAXES}
"""

# In the store's currency: what was paid in another one has its amount in it beside.
_IN_CURRENCY = "CASE r.currency WHEN c.currency THEN r.amountcur ELSE r.amountmst END"
_PAYMENT_OF_STORE = f"{_PAYMENT} JOIN ax.retailchanneltable AS c ON c.retailchannelid = b.store"
_PAYMENTS_DIFFER = f"""
    SELECT b.store, b.terminal, b.transactionid, b.amount,
           'paid ' || {amount_text_sql("b.paymentamount")}
               || ' of ' || {amount_text_sql("coalesce(p.paid, 0)")} AS reference
    FROM stamped AS b
    JOIN ax.retailchanneltable AS c ON c.retailchannelid = b.store
    JOIN ax.retailstoretable AS t ON t.recid = c.recid
    {_summed("p", _PAYMENT_OF_STORE, f"b.valid AND {_PAID}", paid=_IN_CURRENCY)}
    WHERE b.valid AND (b.paymentamount <> coalesce(p.paid, 0)
        OR b.type = {_SALES} AND abs(b.grossamount - coalesce(p.paid, 0)) > t.maxroundingamount)
"""

_BOOKED = "coalesce(i.booked, 0) + coalesce(d.booked, 0)"
_LIVE = f"b.valid AND r.transactionstatus <> {_VOIDED}"
_BOOKED_DIFFERS = f"""
    SELECT b.store, b.terminal, b.transactionid, b.amount,
           'paid ' || {amount_text_sql("b.paymentamount")} || ' for ' || {amount_text_sql(_BOOKED)} AS reference
    FROM stamped AS b
    {_summed("i", _INCOME_EXPENSE, _LIVE, booked="r.amount")}
    {_summed("d", _DEPOSITED, _LIVE, booked="r.amount")}
    WHERE b.valid AND b.type IN ({_DEPOSIT}, {int(TransactionType.INCOME_EXPENSE)})
      AND b.paymentamount <> {_BOOKED}
"""

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
    FROM stamped AS b
    JOIN {_LACKING} AS k ON k.dataareaid = b.dataareaid AND CASE k.postingtype
        WHEN 'CustomerBalance' THEN b.type IN ({_SALES}, {_DEPOSIT})
        WHEN 'Revenue' THEN b.type = {_SALES}
        WHEN 'SalesTax' THEN b.type = {_SALES} AND b.grossamount <> b.netamount
        WHEN 'RoundingDifference' THEN b.type = {_SALES} AND b.grossamount <> b.paymentamount ELSE FALSE END
    WHERE b.valid
    UNION ALL
    {_FOUND}, 'posting type ChargeRevenue' FROM stamped AS b
    JOIN {_LACKING} AS k ON k.dataareaid = b.dataareaid AND k.postingtype = 'ChargeRevenue'
    JOIN {_CHARGE} WHERE {_VALID_SALE} AND r.calculatedamount <> 0
    UNION ALL
    {_FOUND}, 'posting type GiftCard' FROM stamped AS b
    JOIN {_LACKING} AS k ON k.dataareaid = b.dataareaid AND k.postingtype = 'GiftCard'
    JOIN {_LINE} WHERE {_VALID_SALE} AND r.giftcard <> 0 AND r.transactionstatus <> {_VOIDED}
    UNION ALL
    {_FOUND}, 'tender ' || r.tendertype FROM stamped AS b JOIN {_PAYMENT}
    LEFT JOIN ax.retailtendertypetable AS e ON e.dataareaid = b.dataareaid AND e.tendertypeid = r.tendertype
    WHERE b.valid AND {_PAID} AND e.mainaccount IS NULL
    UNION ALL
    {_FOUND}, 'income or expense account ' || r.incomeexepenseaccount FROM stamped AS b JOIN {_INCOME_EXPENSE}
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
