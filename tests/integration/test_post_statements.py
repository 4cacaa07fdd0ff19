"""Posting: what stands in the ledger, what is refused and why, and that a statement that fails holds nobody up."""

from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.outcomes import JobResult
from commerce.scope import Scope
from commerce.statements import calculate_statements, post_statements, posting
from support.company import CARD, CASH, add_company, add_store
from support.statements import ANNA, BERT, SCOPE, STORES, add_day, add_retailer, pass_gate
from support.transactions import DAY, Line, add_deposit, add_sale, change

D = Decimal
Rows = list[tuple[object, ...]]


def _rows(hq: Engine, query: str) -> Rows:
    with hq.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def _do(hq: Engine, statement: str) -> None:
    with hq.begin() as connection:
        connection.execute(sa.text(statement))


def _post(hq: Engine, scope: Scope = SCOPE) -> JobResult:
    run = pass_gate(hq, f"run {_rows(hq, 'SELECT count(*) FROM cdx.run')}")
    calculate_statements(hq, run=run, scope=scope)
    return post_statements(hq, run=run, scope=scope)


def _voucher(hq: Engine, category: str, account: str = "") -> Rows:
    """Lines of the vouchers of a category (of one customer): posting type, tender, tax code, debit - credit."""
    customer = f"AND v.voucher IN (SELECT voucher FROM ax.custtrans WHERE accountnum = '{account}')" if account else ""
    return _rows(
        hq,
        "SELECT l.postingtype, l.tendertypeid, l.taxcode, l.debitamount - l.creditamount"
        " FROM ax.generaljournalentry AS v JOIN ax.generaljournalaccountentry AS l USING (dataareaid, voucher)"
        f" WHERE v.journalcategory = '{category}' {customer} ORDER BY v.voucher, l.linenum",
    )


def test_a_whole_day(hq: Engine) -> None:
    add_retailer(hq)
    add_day(hq, "S1")

    result = _post(hq)

    assert result.ok, result.as_dict()
    assert dict(result.stores["S1"].counts) == {
        "statements": 1,
        "financial": 0,
        "transactions": 11,
        "invoices": 3,
        "vouchers": 9,
        "taken_out": 0,
    }
    assert result.amounts["posted"] == D("104.37")
    assert _rows(
        hq, "SELECT postingstatus, postingerrorcode, posteddatetime IS NOT NULL FROM ax.retailstatementtable"
    ) == [(20, "", True)]
    states = [3 - 2, 2, 3, *range(11, 21)]
    assert _rows(
        hq, "SELECT postingstatus FROM ax.retaileodstatementcontrollerlog WHERE isendevent = 1 ORDER BY recid"
    ) == [(s,) for s in states]
    assert _rows(
        hq, "SELECT custaccount, transactioncount, linecount FROM ax.retaileodstatementaggregation ORDER BY 1"
    ) == [
        (ANNA, 3, 2),
        (BERT, 2, 1),
        ("DEFAULT", 3, 2),
    ]


def test_orders_aggregate_lines_by_item_and_invoices_follow(hq: Engine) -> None:
    add_retailer(hq)
    add_day(hq, "S1")
    _post(hq)

    assert _rows(
        hq,
        "SELECT salesid, o.custaccount, linenum, itemid, qty, l.netamount, l.taxamount, discamount"
        " FROM ax.salesline AS l JOIN ax.salestable AS o USING (dataareaid, salesid) WHERE l.custaccount IS NULL"
        " ORDER BY 1, 3",
    ) == [
        ("SO00000001", ANNA, 1, "ITEM1", 1, D("20.00"), D("5.00"), 0),
        ("SO00000001", ANNA, 2, "ITEM3", 1, D("10.00"), D("2.50"), 0),
        ("SO00000002", BERT, 1, "ITEM1", 2, D("20.00"), D("5.00"), 0),
        ("SO00000003", "DEFAULT", 1, "ITEM1", 2, D("18.50"), D("4.62"), D("1.50")),
        ("SO00000003", "DEFAULT", 2, "ITEM2", 1, D("10.00"), D("2.50"), 0),
    ]
    assert _rows(
        hq,
        "SELECT invoiceid, salesid, invoiceaccount, netamount, taxamount, chargeamount, invoiceamount, ledgervoucher"
        " FROM ax.custinvoicejour ORDER BY 1",
    ) == [
        ("INV00000001", "SO00000001", ANNA, D("30.00"), D("7.50"), 0, D("37.50"), "V000000001"),
        ("INV00000002", "SO00000002", BERT, D("25.00"), D("6.25"), D("5.00"), D("31.25"), "V000000002"),
        ("INV00000003", "SO00000003", "DEFAULT", D("28.50"), D("7.12"), 0, D("35.62"), "V000000003"),
    ]
    assert _rows(hq, "SELECT invoiceid, taxcode, taxbaseamount, taxamount FROM ax.taxtrans ORDER BY 1, 2") == [
        ("INV00000001", "VAT", D("30.00"), D("7.50")),
        ("INV00000002", "", D("5.00"), D("1.25")),
        ("INV00000002", "VAT", D("20.00"), D("5.00")),
        ("INV00000003", "VAT", D("28.50"), D("7.12")),
    ]


def test_vouchers_and_customer_balances(hq: Engine) -> None:
    add_retailer(hq)
    add_day(hq, "S1")
    _post(hq)

    assert _voucher(hq, "invoice", BERT) == [
        ("CustomerBalance", "", "", D("31.25")),
        ("Revenue", "", "", D("-20.00")),
        ("ChargeRevenue", "", "", D("-5.00")),
        ("SalesTax", "", "", D("-1.25")),
        ("SalesTax", "", "VAT", D("-5.00")),
    ]
    assert _voucher(hq, "payment", ANNA) == [
        ("Tender", CASH, "", D("30.02")),
        ("Tender", CARD, "", D("7.50")),
        ("CustomerBalance", "", "", D("-37.52")),
    ]
    assert _voucher(hq, "rounding", ANNA) == [
        ("RoundingDifference", "", "", D("-0.02")),
        ("CustomerBalance", "", "", D("0.02")),
    ]
    assert _voucher(hq, "deposit") == [("Tender", CASH, "", D("50.00")), ("CustomerBalance", "", "", D("-50.00"))]
    assert _voucher(hq, "incomeexpense") == [
        ("Tender", CASH, "", D("13.00")),
        ("Expense", "", "", D("7.00")),
        ("Income", "", "", D("-20.00")),
    ]
    # Paid sales leave nothing open, the sale on account does, and Anna's deposit is hers.
    assert _rows(hq, "SELECT accountnum, sum(amountcur) FROM ax.custtrans GROUP BY 1 ORDER BY 1") == [
        (ANNA, D("-50.00")),
        (BERT, D("12.50")),
        ("DEFAULT", D("0.00")),
    ]
    assert _rows(
        hq,
        "SELECT journalnum, linenum, custaccount, tendertypeid, amount, invoiceid FROM ax.ledgerjournaltrans ORDER BY "
        "2",
    ) == [
        ("PJ0000001", 1, ANNA, CASH, D("30.02"), "INV00000001"),
        ("PJ0000001", 2, ANNA, CARD, D("7.50"), "INV00000001"),
        ("PJ0000001", 3, BERT, CASH, D("18.75"), "INV00000002"),
        ("PJ0000001", 4, "DEFAULT", CASH, D("35.62"), "INV00000003"),
    ]
    assert _rows(hq, "SELECT count(*) FROM ax.generaljournalentry") == _rows(
        hq, "SELECT count(*) FROM ax.retailstatementvoucher"
    )


def test_more_returned_than_sold_swaps_the_sides(hq: Engine) -> None:
    add_retailer(hq)
    add_sale(hq, "S1", 1, account=ANNA, lines=[Line(qty=D(-2), discount=D("-1.00"))])
    _post(hq)

    assert _rows(
        hq, "SELECT postingtype, debitamount, creditamount FROM ax.generaljournalaccountentry ORDER BY voucher, linenum"
    ) == [
        ("CustomerBalance", 0, D("23.75")),
        ("Revenue", D("19.00"), 0),
        ("SalesTax", D("4.75"), 0),
        ("Tender", 0, D("23.75")),
        ("CustomerBalance", D("23.75"), 0),
    ]


def test_a_sale_and_its_return_post_an_invoice_of_nothing(hq: Engine) -> None:
    add_retailer(hq)
    add_sale(hq, "S1", 1, account=ANNA)
    add_sale(hq, "S1", 2, account=ANNA, lines=[Line(qty=D(-1))])
    result = _post(hq)

    assert result.ok
    assert _rows(hq, "SELECT invoiceamount FROM ax.custinvoicejour") == [(0,)]
    assert _rows(hq, "SELECT count(*) FROM ax.generaljournalaccountentry") == [(0,)]
    assert _rows(hq, "SELECT count(*) FROM ax.ledgerjournaltable") == [(0,)]


def test_voided_lines_and_payments_do_not_count(hq: Engine) -> None:
    add_retailer(hq)
    key = add_sale(hq, "S1", 1, lines=[Line(), Line(item="VOIDED", columns={"transactionstatus": 1})])
    with hq.begin() as connection:
        for column in ("netamount = 10", "grossamount = 12.5", "paymentamount = 12.5"):
            connection.execute(sa.text(f"UPDATE ax.retailtransactiontable SET {column}"))
        connection.execute(sa.text("UPDATE ax.retailtransactionpaymenttrans SET amountcur = 12.5"))
        connection.execute(
            sa.text(
                "INSERT INTO ax.retailtransactionpaymenttrans (transactionid, store, terminal, linenum, tendertype, "
                "currency,"
                " amountcur, voidstatus, dataareaid, origin, incarnation, replicationcounterfromorigin, contenthash,"
                " uploadsession) SELECT transactionid, store, terminal, 9, tendertype, currency, 25, 1, dataareaid, "
                "origin,"
                " incarnation, -1, contenthash, uploadsession FROM ax.retailtransactionpaymenttrans"
            )
        )
    assert _post(hq).ok, key
    assert _rows(hq, "SELECT itemid, netamount FROM ax.salesline") == [("ITEM1", D("10.00"))]
    assert _rows(hq, "SELECT taxamount FROM ax.taxtrans") == [(D("2.50"),)]
    assert _rows(hq, "SELECT amount FROM ax.ledgerjournaltrans") == [(D("12.50"),)]


def test_posting_again_changes_nothing(hq: Engine) -> None:
    from support.digest import table_digests

    add_retailer(hq)
    add_day(hq, "S1")
    assert _post(hq).ok
    before = table_digests(hq)
    again = _post(hq)
    assert again.ok
    assert dict(again.stores["S1"].counts) == dict.fromkeys(
        ("statements", "financial", "transactions", "invoices", "vouchers", "taken_out"), 0
    )
    assert table_digests(hq) == before


@pytest.mark.parametrize(
    ("breakage", "code", "message", "state"),
    [
        (
            "DELETE FROM ax.ledgerposting WHERE postingtype = 'Revenue' AND dataareaid = 'DEMF'",
            "NoMainAccount",
            "Company DEMF has no main account for posting type Revenue",
            13,
        ),
        (
            "DELETE FROM ax.retailtendertypetable WHERE dataareaid = 'DEMF'",
            "NoMainAccount",
            "Company DEMF has no main account for tender 1",
            17,
        ),
        (
            "DELETE FROM ax.numbersequencereference WHERE dataareaid = 'DEMF' AND reference = 'CustomerInvoice'",
            "ConfigurationError",
            "Company DEMF has no number sequence for CustomerInvoice",
            13,
        ),
        (
            "UPDATE ax.numbersequencetable SET highest = nextrec - 1 WHERE dataareaid = 'DEMF' AND numbersequence = "
            "'SalesOrder'",
            "ConfigurationError",
            "SalesOrder of company DEMF has 0 numbers left",
            12,
        ),
    ],
)
def test_missing_configuration_stops_one_company_and_posting_goes_on_when_it_is_there(
    hq: Engine, breakage: str, code: str, message: str, state: int
) -> None:
    add_retailer(hq)
    add_day(hq, "S1")
    add_company(hq, "DEMF", currency="EUR")
    add_store(hq, "S3", "DEMF")
    add_sale(hq, "S3", 1, company="DEMF", currency="EUR")
    table = breakage.split("ax.")[1].split()[0]
    kept = f"CREATE TABLE kept AS SELECT * FROM ax.{table} WHERE dataareaid = 'DEMF'"
    _do(hq, kept)
    _do(hq, breakage)

    result = _post(hq, Scope(("S1", "S3"), DAY))

    assert result.failed_stores == ("S3",)
    assert message in result.stores["S3"].message
    assert _rows(
        hq,
        "SELECT postingstatus, postingerrorstatus, postingerrorcode FROM ax.retailstatementtable WHERE storeid = 'S3'",
    ) == [(state, 1, code)]

    keys = {"ax.numbersequencetable": "numbersequence"}.get(f"ax.{table}")
    if keys:
        _do(
            hq,
            "UPDATE ax.numbersequencetable AS s SET highest = k.highest FROM kept AS k"
            " WHERE (s.dataareaid, s.numbersequence) = (k.dataareaid, k.numbersequence)",
        )
    else:
        _do(hq, f"INSERT INTO ax.{table} SELECT * FROM kept ON CONFLICT DO NOTHING")
    assert _post(hq, Scope(("S1", "S3"), DAY)).ok
    assert _rows(
        hq, "SELECT DISTINCT postingstatus, postingerrorstatus, postingerrormessage FROM ax.retailstatementtable"
    ) == [(20, 0, "")]


@pytest.mark.parametrize(
    ("states", "breakage", "code"),
    [
        (0, "DELETE FROM ax.retaileodtransactiontable WHERE transactionid = 'S1-T1-000001'", "TotalsDiffer"),
        (
            0,
            f"UPDATE ax.retailtransactionpaymenttrans SET tendertype = '{CARD}' WHERE transactionid = 'S1-T1-000001'",
            "TendersDiffer",
        ),
        (2, "DELETE FROM ax.retailtransactionsalestrans WHERE transactionid = 'S1-T1-000001'", "LinesDiffer"),
        (
            3,
            "UPDATE ax.retailtransactiontaxtrans SET amount = 1 WHERE transactionid = 'S1-T1-000001'",
            "VoucherNotBalanced",
        ),
    ],
)
def test_a_statement_that_contradicts_itself_is_refused_and_the_other_store_posts(
    hq: Engine, monkeypatch: pytest.MonkeyPatch, states: int, breakage: str, code: str
) -> None:
    """`states`: how many of posting's states were passed when the rows changed."""
    add_retailer(hq)
    add_day(hq, "S1")
    add_day(hq, "S2")
    run = pass_gate(hq)
    calculate_statements(hq, run=run, scope=SCOPE)
    with monkeypatch.context() as patch:
        patch.setattr(posting, "TRANSITIONS", posting.TRANSITIONS[:states])
        post_statements(hq, run=run, scope=SCOPE)
    _do(hq, breakage)

    result = post_statements(hq, run=run, scope=SCOPE)

    assert result.failed_stores == ("S1",)
    assert _rows(
        hq, "SELECT storeid, postingstatus = 20, postingerrorcode FROM ax.retailstatementtable ORDER BY 1"
    ) == [
        ("S1", False, code),
        ("S2", True, ""),
    ]
    assert ("commerce statements clear ST00000001" in result.stores["S1"].message) == (states < 3)
    assert _rows(hq, "SELECT min(voucher), count(*), max(voucher) FROM ax.generaljournalentry") == [
        ("V000000001", 9, "V000000009")
    ]


def test_an_unforeseen_database_error_is_isolated_by_halving(hq: Engine) -> None:
    add_retailer(hq)
    stores = tuple(f"X{number:02d}" for number in range(9))
    for store in stores:
        add_store(hq, store)
        add_sale(hq, store, 1)
    _do(hq, "ALTER TABLE ax.custinvoicejour ADD CONSTRAINT planted CHECK (store NOT IN ('X04', 'X07'))")

    result = _post(hq, Scope(stores, DAY))

    assert result.failed_stores == ("X04", "X07")
    assert "CheckViolation, SQLSTATE 23514, table custinvoicejour, constraint planted" in result.stores["X04"].message
    assert _rows(hq, "SELECT min(invoiceid), count(*), max(invoiceid) FROM ax.custinvoicejour") == [
        ("INV00000001", 7, "INV00000007")
    ]
    _do(hq, "ALTER TABLE ax.custinvoicejour DROP CONSTRAINT planted")
    assert _post(hq, Scope(stores, DAY)).ok


def test_a_deposit_whose_header_names_nobody_is_its_lines_customers(hq: Engine) -> None:
    add_retailer(hq)
    key = add_deposit(hq, "S1", 1, account=BERT)
    change(hq, "retailtransactiontable", key, custaccount="")
    assert _post(hq).ok
    assert _rows(hq, "SELECT accountnum, transtype, amountcur, invoiceid FROM ax.custtrans") == [
        (BERT, "payment", D("-50.00"), None)
    ]


def test_only_the_scopes_stores_and_dates_are_posted(hq: Engine) -> None:
    add_retailer(hq)
    for store in STORES:
        add_sale(hq, store, 1)
    run = pass_gate(hq)
    calculate_statements(hq, run=run, scope=SCOPE)
    post_statements(hq, run=run, scope=Scope(("S2",), DAY))
    post_statements(hq, run=run, scope=Scope(("S1",), DAY, historical=True))
    assert _rows(hq, "SELECT storeid, postingstatus FROM ax.retailstatementtable ORDER BY 1") == [("S1", 3), ("S2", 20)]
