"""`hq verify`: clean after a posted day, and every plant is found by the name of its check."""

from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.statements import calculate_statements, post_statements
from commerce.verify import CHECKS, verify
from support.shifts import add_counted_shift, set_store
from support.statements import ANNA, ANNA_GUID, SCOPE, STORES, add_day, add_retailer, pass_gate, settle_exchange

PLANTS: dict[str, tuple[str, ...]] = {
    "edit_lost": (
        "INSERT INTO ax.retailtransactionauditlogtable (store, terminal, transactionid, dataareaid, reftable, refkey,"
        " action, fieldname, oldvalue, newvalue, changedby) SELECT store, terminalid, transactionid, dataareaid,"
        " 'retailtransactionsalestrans', 'linenum=1', 'edited', 'qty', '1.000000', '77.000000', 'kari'"
        " FROM ax.retailtransactionsalestrans WHERE linenum = 1 LIMIT 1",
    ),
    "rule_switched_by_nobody": (
        "INSERT INTO ax.retailtransactiondisabledvalidationrule (dataareaid, classid, methodname)"
        " VALUES ('USMF', 'line', 'NegativePrice')",
    ),
    "cancellation_not_done": (
        "INSERT INTO ax.retaildocumentoperation"
        " (store, terminal, transactionid, dataareaid, operation, salesid, status)"
        " SELECT t.store, t.terminal, t.transactionid, t.dataareaid, 'cancel', o.salesid, 2"
        " FROM ax.retailtransactiontable AS t, ax.salestable AS o LIMIT 1",
    ),
    **dict.fromkeys(
        ("prepayment_differs", "prepayment_voucher_differs"),
        (
            "INSERT INTO ax.mcrcustpaymtable (store, terminal, transactionid, linenum, dataareaid, salesid,"
            " tendertypeid, currency, amount, voucher) SELECT p.store, p.terminal, p.transactionid, p.linenum,"
            " o.dataareaid, o.salesid, p.tendertype, p.currency, p.amountcur, v.voucher"
            " FROM ax.retailtransactionpaymenttrans AS p, ax.salestable AS o, ax.generaljournalentry AS v LIMIT 1",
        ),
    ),
    "prepayment_of_other_customer": (
        "UPDATE ax.custtrans SET salesid = (SELECT min(salesid) FROM ax.salestable)"
        " WHERE recid = (SELECT min(recid) FROM ax.custtrans)",
    ),
    "order_hold_differs": (
        "UPDATE ax.salestable SET mcrorderstopped = 1 WHERE salesid = (SELECT min(salesid) FROM ax.salestable)",
    ),
    "guid_without_account": (f"UPDATE ax.custaccountasyncmap SET accountnum = NULL WHERE accountnum = '{ANNA}'",),
    "account_of_guid_missing": (
        "ALTER TABLE ax.custaccountasyncmap DROP CONSTRAINT fk_custaccountasyncmap_dataareaid_accountnum",
        f"UPDATE ax.custaccountasyncmap SET accountnum = 'GONE' WHERE accountnum = '{ANNA}'",
    ),
    "two_accounts_for_a_guid": (
        "DROP INDEX ax.uq_retailcusttable_custaccountasync",
        "INSERT INTO ax.custtable (dataareaid, accountnum, party, custgroup, currency)"
        f" SELECT dataareaid, 'SECOND', party, custgroup, currency FROM ax.custtable WHERE accountnum = '{ANNA}'",
        f"INSERT INTO ax.retailcusttable (dataareaid, accountnum, custaccountasync) VALUES ('USMF', 'SECOND', "
        f"'{ANNA_GUID}')",
    ),
    "two_guids_created_an_account": (
        "INSERT INTO ax.custaccountasyncmap (dataareaid, custaccountasync, accountnum, origin, mappedhow, mappedby)"
        f" VALUES ('USMF', '33333333-3333-4333-8333-333333333333', '{ANNA}', 1, 'created', 'test')",
    ),
    "creating_guid_not_in_map": (f"DELETE FROM ax.custaccountasyncmap WHERE accountnum = '{ANNA}'",),
    "creating_guid_lost": (f"UPDATE ax.retailcusttable SET custaccountasync = '' WHERE accountnum = '{ANNA}'",),
    "party_shared": (
        "INSERT INTO ax.custtable (dataareaid, accountnum, party, custgroup, currency)"
        f" SELECT dataareaid, 'SECOND', party, custgroup, currency FROM ax.custtable WHERE accountnum = '{ANNA}'",
    ),
    "synchronized_without_account": (
        "INSERT INTO ax.retailasynccustomerv2 (custaccountasync, relationshiptype, operation, createddatetime, "
        "dataareaid,"
        " origin, incarnation, replicationcounterfromorigin, contenthash, uploadsession, onlineoperationcompleted, "
        "syncstatus)"
        " VALUES ('44444444-4444-4444-8444-444444444444', 1, 1, now(), 'USMF', 1, 1, 1, gen_random_uuid(), 1, 1, 1)",
    ),
    "operation_without_account": (
        "INSERT INTO ax.retailasynccustomerv2 (custaccountasync, custaccount, relationshiptype, operation,"
        " createddatetime, dataareaid, origin, incarnation, replicationcounterfromorigin, contenthash, uploadsession,"
        " onlineoperationcompleted, syncstatus)"
        " VALUES ('', 'GONE', 1, 2, now(), 'USMF', 1, 1, 1, gen_random_uuid(), 1, 1, 1)",
    ),
    "address_versions_overlap": (
        "INSERT INTO ax.logisticslocation (locationid, ispostaladdress) VALUES ('planted', 1)",
        "INSERT INTO ax.logisticspostaladdress (location, countryregionid, address, validfrom, validto)"
        " SELECT recid, 'USA', '', now(), v.validto FROM ax.logisticslocation"
        " CROSS JOIN (VALUES (now() + interval '1 day'), (NULL)) AS v (validto) WHERE locationid = 'planted'",
    ),
    "primary_address_ended": (
        "INSERT INTO ax.logisticslocation (locationid, ispostaladdress) VALUES ('planted', 1)",
        "INSERT INTO ax.logisticspostaladdress (location, countryregionid, address, validfrom, validto)"
        " SELECT recid, 'USA', '', now(), now() + interval '1 day' FROM ax.logisticslocation"
        " WHERE locationid = 'planted'",
        "INSERT INTO ax.dirpartylocation (party, location, ispostaladdress, isprimary)"
        " SELECT c.party, l.recid, 1, 1 FROM ax.logisticslocation AS l, ax.custtable AS c"
        f" WHERE l.locationid = 'planted' AND c.accountnum = '{ANNA}'",
    ),
    "tombstone_of_living_row": (
        "INSERT INTO ax.logisticslocation (locationid) VALUES ('planted')",
        f"INSERT INTO cdx.tombstone (dataareaid, accountnum, tablename, recid) SELECT 'USMF', '{ANNA}',"
        " 'logisticslocation', recid FROM ax.logisticslocation WHERE locationid = 'planted'",
    ),
    "number_sequence_gap": (
        "UPDATE ax.numbersequencetable SET nextrec = nextrec + 1 WHERE numbersequence = 'LedgerVoucher'",
    ),
    "number_not_issued": (
        "UPDATE ax.numbersequencetable SET nextrec = nextrec - 1 WHERE numbersequence = 'CustomerInvoice'",
    ),
    "account_number_taken_by_hand": (
        "INSERT INTO ax.dirpartytable (instancerelationtype, partynumber, name) VALUES (1, 'by hand', 'by hand')",
        "INSERT INTO ax.custtable (dataareaid, accountnum, party, custgroup, currency)"
        " SELECT 'USMF', 'C000000009', recid, 'RETAIL', 'USD' FROM ax.dirpartytable WHERE partynumber = 'by hand'",
    ),
    "transaction_in_two_statements": (
        "ALTER TABLE ax.retaileodtransactiontable DROP CONSTRAINT pk_retaileodtransactiontable",
        "INSERT INTO ax.retaileodtransactiontable SELECT store, terminal, transactionid, dataareaid, 'ST00000002', "
        "type,"
        " businessdate, custaccount, netamount, grossamount, paymentamount FROM ax.retaileodtransactiontable"
        " WHERE transactionid = 'S1-T1-000003'",
    ),
    "transaction_in_statement_and_order": (
        "INSERT INTO ax.retailsalestable VALUES ('USMF', 'SO00000001', 'S1', 'T1', 'S1-T1-000003')",
    ),
    "statement_spans_dates": (
        "UPDATE ax.retaileodtransactiontable SET businessdate = businessdate + 1 WHERE transactionid = 'S1-T1-000003'",
    ),
    "unreal_transaction_posted": (
        "UPDATE ax.retailtransactiontable SET entrystatus = 6 WHERE transactionid = 'S1-T1-000003'",
    ),
    "invalid_transaction_posted": (
        "UPDATE ax.retailtransactiontable SET validationstatus = 0 WHERE transactionid = 'S1-T1-000003'",
    ),
    "held_transaction_posted": (
        "UPDATE ax.retailtransactiontable SET held = 1 WHERE transactionid = 'S1-T1-000003'",
        "INSERT INTO ax.retailtransactionhold (store, terminal, transactionid, reason, heldby)"
        " VALUES ('S1', 'T1', 'S1-T1-000003', 'x', 'x')",
    ),
    "hold_differs": (
        "INSERT INTO ax.retailtransactionhold (store, terminal, transactionid, reason, heldby)"
        " VALUES ('S1', 'T1', 'S1-T1-000003', 'x', 'x')",
    ),
    "posted_amount_differs": (
        "UPDATE ax.retaileodtransactiontable SET grossamount = grossamount + 0.01 WHERE transactionid = 'S1-T1-000003'",
    ),
    "posted_customer_differs": (
        "UPDATE ax.retaileodtransactiontable SET custaccount = 'DEFAULT' WHERE transactionid = 'S1-T1-000003'",
    ),
    "statement_totals_differ": (
        "UPDATE ax.retailstatementtable SET taxamount = taxamount + 0.01 WHERE storeid = 'S1'",
    ),
    "aggregation_differs": (
        "UPDATE ax.retaileodstatementaggregation SET transactioncount = 9 WHERE custaccount = 'DEFAULT'",
    ),
    "document_of_posted_statement_missing": (
        f"UPDATE ax.retaileodstatementaggregation SET invoiceid = NULL WHERE custaccount = '{ANNA}'",
    ),
    "order_lines_differ": ("DELETE FROM ax.salesline WHERE salesid = 'SO00000001' AND linenum = 2",),
    "order_differs_from_transaction": (
        "INSERT INTO ax.salestable (dataareaid, salesid, custaccount, salesorigin, store, businessdate, currency, "
        "netamount,"
        " taxamount, chargeamount, grossamount)"
        f" VALUES ('USMF', 'SO00000007', '{ANNA}', 'channel', 'S1', '2026-03-02', 'USD', 1, 0, 0, 1)",
    ),
    "discount_voucher_differs": (
        "UPDATE ax.retailtransactiondiscounttrans SET periodicdiscountofferid = 'OFFER'",
        "UPDATE ax.generaljournalentry SET journalcategory = 'discount' WHERE journalcategory = 'rounding'",
    ),
    "gift_card_liability_differs": (
        "UPDATE ax.retailtransactionsalestrans SET giftcard = 1 WHERE transactionid = 'S1-T1-000001'",
    ),
    "voucher_unbalanced": (
        "UPDATE ax.generaljournalaccountentry SET creditamount = creditamount + 0.01"
        " WHERE voucher = 'V000000001' AND postingtype = 'Revenue'",
    ),
    "voucher_not_linked": ("DELETE FROM ax.retailstatementvoucher WHERE voucher = 'V000000001'",),
    "invoice_differs_from_order": (
        "UPDATE ax.custinvoicejour SET netamount = netamount + 0.01, taxamount = taxamount - 0.01"
        " WHERE invoiceid = 'INV00000001'",
    ),
    "invoice_differs_from_voucher": (
        "UPDATE ax.generaljournalaccountentry SET creditamount = creditamount + 0.01"
        " WHERE voucher = 'V000000001' AND postingtype = 'Revenue'",
        "UPDATE ax.generaljournalaccountentry SET creditamount = creditamount - 0.01"
        " WHERE voucher = 'V000000001' AND postingtype = 'SalesTax'",
    ),
    "invoice_tax_differs": ("UPDATE ax.taxtrans SET taxamount = taxamount + 0.01 WHERE invoiceid = 'INV00000001'",),
    "tax_differs_from_transactions": ("UPDATE ax.taxtrans SET taxcode = 'OTHER' WHERE invoiceid = 'INV00000001'",),
    "payment_journal_differs": ("UPDATE ax.ledgerjournaltrans SET amount = amount + 0.01 WHERE linenum = 1",),
    "payment_voucher_differs": (
        f"UPDATE ax.generaljournalaccountentry SET tendertypeid = '2' WHERE postingtype = 'Tender' AND tendertypeid = "
        f"'1'"
        f" AND voucher IN (SELECT voucher FROM ax.ledgerjournaltrans WHERE custaccount = '{ANNA}')",
    ),
    "tender_differs_from_statement": (
        "UPDATE ax.retailstatementline SET transamount = transamount + 0.01 WHERE tendertypeid = '2'",
    ),
    "customer_balance_differs": (f"UPDATE ax.custtrans SET amountcur = amountcur + 0.01 WHERE accountnum = '{ANNA}'",),
    "watermark_behind": ("UPDATE cdx.uploadwatermark SET replicationcounter = replicationcounter - 1",),
    "row_without_session": ("UPDATE cdx.retailcdxuploadsession SET status = 5",),
    "outbox_claimed_by_other_group": (
        "INSERT INTO cdx.retailcdxdatagroup (name, dataareaid) VALUES ('OTHER', 'USMF')",
        "INSERT INTO cdx.retailcdxdownloadsession (datagroup, status) SELECT recid, 1 FROM cdx.retailcdxdatagroup"
        " WHERE name = 'OTHER'",
        "INSERT INTO cdx.outbox (datagroup, dataareaid, accountnum, session)"
        f" SELECT g.recid, 'USMF', a, (SELECT max(session) FROM cdx.retailcdxdownloadsession)"
        f" FROM cdx.retailcdxdatagroup AS g, unnest(ARRAY['{ANNA}', 'C000000002']) AS a WHERE g.name = 'USMF'",
    ),
    "package_missing": (
        "INSERT INTO cdx.retailcdxdownloadsession (datagroup, status, rowsaffected) SELECT recid, 1, 5"
        " FROM cdx.retailcdxdatagroup",
        "INSERT INTO cdx.retailcdxdownloadsessiondatastore (session, datastore, status)"
        " SELECT s.session, p.recid, 1 FROM cdx.retailcdxdownloadsession AS s, cdx.retailconndatabaseprofile AS p",
    ),
    "change_not_packaged": (
        "INSERT INTO cdx.outbox (datagroup, dataareaid, accountnum)"
        f" SELECT recid, 'USMF', '{ANNA}' FROM cdx.retailcdxdatagroup",
    ),
    "posting_date_is_nobodys": (
        "UPDATE ax.retailstatementtable SET postingdate = businessdate + 1 WHERE statementid = 'ST00000001'",
    ),
    "ledger_export_differs": (
        "INSERT INTO cdx.ledgerexport (format, vouchers, rows) VALUES (2, 1, 2)",
        "INSERT INTO cdx.ledgerexportvoucher (dataareaid, voucher, export)"
        " SELECT 'USMF', 'V000000001', export FROM cdx.ledgerexport",
    ),
    "canceled_order_in_use": ("UPDATE ax.salestable SET salesstatus = 4 WHERE salesid = 'SO00000001'",),
    "event_without_start": (
        "UPDATE ax.retaileodstatementcontrollerlog SET statementid = 'ST00000002'"
        " WHERE statementid = 'ST00000001' AND isendevent = 0",
    ),
    "shift_not_closed": ("UPDATE ax.retailposbatchtable SET status = 1",),
    "shift_counted_in_two_ways": (
        "INSERT INTO ax.retailstatementshift SELECT dataareaid, 'ST00000001', storeid, terminalid, batchid,"
        " 1 - tenderdeclarationcalculation, startamountcalculation, bankdropcalculation FROM ax.retailstatementshift",
    ),
    "cash_management_without_shift": ("UPDATE ax.retailtransactiontable SET batchid = 99 WHERE type = 16",),
    "shift_difference_wrong": (
        "UPDATE ax.retailstatementshiftline SET differenceamountmst = differenceamountmst + 0.01",
    ),
    "financial_lines_differ": (
        "UPDATE ax.retailstatementline SET countedamount = countedamount + 1, differenceamount = differenceamount + 1"
        " WHERE differenceamount <> 0",
    ),
    "shift_not_stated_fully": (
        "UPDATE ax.retailtransactionpaymenttrans SET amountcur = amountcur + 1 WHERE transactionid = 'S1-T1-000100'",
    ),
    "shift_never_stated": (
        "DELETE FROM ax.retailstatementshiftline",
        "DELETE FROM ax.retailstatementshift",
        "UPDATE ax.retailstatementtable SET businessdate = businessdate + 1 WHERE statementtype = 2",
    ),
    "cash_management_stated_differs": (
        "UPDATE ax.retailtransactionsafetendertrans SET amounttendered = amounttendered + 1",
    ),
    "cash_management_posted_differs": (
        "UPDATE ax.retailstatementshiftline SET bankedamountmst = bankedamountmst + 0.01",
    ),
    "counting_difference_posted_differs": (
        "UPDATE ax.generaljournalaccountentry SET tendertypeid = '2' WHERE tendertypeid = '1' AND voucher IN"
        " (SELECT voucher FROM ax.generaljournalentry WHERE journalcategory = 'difference')",
    ),
}


def _post_a_day(hq: Engine) -> None:
    add_retailer(hq)
    for store in STORES:
        add_day(hq, store)
    set_store(hq, "S1", maximumpostingdifference=1, maxshiftdifferenceamount=1, maxtransactiondifferenceamount=1)
    add_counted_shift(hq, "S1", 1, first=100, difference=Decimal(1))
    settle_exchange(hq)
    run = pass_gate(hq)
    calculate_statements(hq, run=run, scope=SCOPE)
    assert post_statements(hq, run=run, scope=SCOPE).ok


def test_clean_before_and_after_a_posted_day(hq: Engine) -> None:
    assert verify(hq) == []
    _post_a_day(hq)
    assert verify(hq) == []


def test_every_check_has_a_plant() -> None:
    assert sorted(PLANTS) == sorted(check.name for check in CHECKS)


def test_every_plant_is_found_by_name(hq: Engine) -> None:
    """Each in a transaction that is rolled back: one database serves them all."""
    _post_a_day(hq)
    missed = {}
    for name, plant in PLANTS.items():
        with hq.connect() as connection:
            for statement in plant:
                connection.execute(sa.text(statement))
            check = next(check for check in CHECKS if check.name == name)
            rows = connection.execute(sa.text(check.sql)).scalars().all()
            if not rows or any(not isinstance(row, str) for row in rows):
                missed[name] = rows
            connection.rollback()
    assert missed == {}


def test_two_items_that_changed_places_are_found(hq: Engine) -> None:
    """The sums of the order stay the same."""
    _post_a_day(hq)
    with hq.begin() as connection:
        connection.execute(
            sa.text("UPDATE ax.salesline SET itemid = 'OTHER' WHERE salesid = 'SO00000001' AND linenum = 2")
        )
    assert [finding.check for finding in verify(hq)] == ["order_lines_differ"]


@pytest.mark.parametrize(
    "name", ["two_accounts_for_a_guid", "voucher_unbalanced", "order_lines_differ", "transaction_in_two_statements"]
)
def test_verify_reports_a_plant_with_count_and_sample(hq: Engine, name: str) -> None:
    _post_a_day(hq)
    with hq.begin() as connection:
        for statement in PLANTS[name]:
            connection.execute(sa.text(statement))
    finding = next(finding for finding in verify(hq) if finding.check == name)
    assert finding.count == 1
    assert (
        finding.sample
        == {
            "two_accounts_for_a_guid": (f"USMF {ANNA_GUID}",),
            "discount_voucher_differs": (
                "UPDATE ax.retailtransactiondiscounttrans SET periodicdiscountofferid = 'OFFER'",
                "UPDATE ax.generaljournalentry SET journalcategory = 'discount' WHERE journalcategory = 'rounding'",
            ),
            "gift_card_liability_differs": (
                "UPDATE ax.retailtransactionsalestrans SET giftcard = 1 WHERE transactionid = 'S1-T1-000001'",
            ),
            "voucher_unbalanced": ("USMF V000000001",),
            "order_lines_differ": ("USMF SO00000001",),
            "transaction_in_two_statements": ("S1 T1 S1-T1-000003",),
        }[name]
    )
    assert finding.as_dict()["check"] == name
