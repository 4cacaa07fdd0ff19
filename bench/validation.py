"""`validate_transactions` beside the same joins with one status update, written by hand, and beside pandas store by
store. All receipts are checked, with items, tax groups, units and fiscal periods loaded; all of them are right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import psycopg

from bench import day, frames
from bench.comparing import Contestant, Entry, compare
from bench.installation import Installation, conninfo, engine
from commerce.schema.enums import ValidationStatus
from commerce.scope import Scope
from commerce.transactions import validate_transactions

WITH_MASTERS = "template_masters"
MASTERS = f"""
    INSERT INTO ax.ledgerfiscalcalendarperiod (dataareaid, startdate, enddate)
        SELECT 'USMF', make_date(y, m, 1), CAST(make_date(y, m, 1) + interval '1 month' AS date) - 1
        FROM generate_series(2015, 2045) AS y, generate_series(1, 12) AS m;
    INSERT INTO ax.inventtable (dataareaid, itemid, unitid)
        SELECT DISTINCT dataareaid, itemid, 'ea' FROM ax.{day.TABLES[1]};
    INSERT INTO ax.unitofmeasureconversion (dataareaid, fromunitofmeasure, tounitofmeasure, factor)
        VALUES ('USMF', 'box', 'ea', 12);
    INSERT INTO ax.taxgroupdata (dataareaid, taxgroup, taxcode)
        SELECT DISTINCT l.dataareaid, l.taxgroup, l.taxgroup || 'ST' FROM ax.{day.TABLES[1]} AS l;
    INSERT INTO ax.taxonitem (dataareaid, taxitemgroup, taxcode)
        SELECT DISTINCT g.dataareaid, 'ALL', g.taxcode FROM ax.taxgroupdata AS g;
"""
BY_HAND = f"""
WITH tax AS (
    SELECT store, terminal, transactionid, line, sum(amount) AS amount, bool_or(odd) AS odd
    FROM (SELECT storeid AS store, terminalid AS terminal, transactionid, salelinenum AS line, amount,
                 dataareaid <> 'USMF' OR isincludedinprice <> 0 AS odd
          FROM ax.retailtransactiontaxtrans) AS x GROUP BY store, terminal, transactionid, line
), discount AS (
    SELECT storeid AS store, terminalid AS terminal, transactionid, salelinenum AS line, sum(amount) AS amount
    FROM ax.retailtransactiondiscounttrans GROUP BY storeid, terminalid, transactionid, salelinenum
), line AS (
    SELECT l.store, l.terminalid AS terminal, l.transactionid, count(*) AS lines, sum(l.netamount) AS net,
           sum(l.netamountincltax) AS gross, sum(l.discamount) AS discount, sum(l.qty) AS items,
           sum(x.amount) AS tax,
           bool_or((l.custaccount <> '' AND a.accountnum IS NULL) OR (l.custaccountasync <> '' AND l.custaccount = '')
               OR (l.netamount <> 0 AND sign(l.qty) <> sign(l.netamount)) OR l.price < 0
               OR l.taxamount <> coalesce(x.amount, 0) OR l.discamount <> coalesce(d.amount, 0)
               OR l.netamountincltax <> l.netamount + l.taxamount
               OR l.netamount % 0.01 <> 0 OR l.taxamount % 0.01 <> 0 OR l.netamountincltax % 0.01 <> 0
               OR l.discamount % 0.01 <> 0 OR l.giftcard <> 0 OR l.dataareaid <> 'USMF' OR l.currency <> 'USD'
               OR x.odd OR i.itemid IS NULL OR l.unit NOT IN ('', i.unitid) OR l.inventserialid <> ''
               OR (l.taxgroup <> '' AND l.taxitemgroup <> '' AND g.taxgroup IS NULL)) AS wrong
    FROM ax.retailtransactionsalestrans AS l
    LEFT JOIN tax AS x ON (x.store, x.terminal, x.transactionid, x.line)
        = (l.store, l.terminalid, l.transactionid, l.linenum)
    LEFT JOIN discount AS d ON (d.store, d.terminal, d.transactionid, d.line)
        = (l.store, l.terminalid, l.transactionid, l.linenum)
    LEFT JOIN ax.custtable AS a ON a.dataareaid = l.dataareaid AND a.accountnum = l.custaccount
    LEFT JOIN ax.inventtable AS i ON i.dataareaid = l.dataareaid AND i.itemid = l.itemid
    LEFT JOIN (SELECT DISTINCT t.dataareaid, t.taxgroup, o.taxitemgroup FROM ax.taxgroupdata AS t
               JOIN ax.taxonitem AS o USING (dataareaid, taxcode)) AS g
        ON (g.dataareaid, g.taxgroup, g.taxitemgroup) = (l.dataareaid, l.taxgroup, l.taxitemgroup)
    WHERE l.transactionstatus <> 1
    GROUP BY l.store, l.terminalid, l.transactionid
), charge AS (
    SELECT store, terminalid AS terminal, transactionid, sum(calculatedamount) AS net, sum(taxamountexclusive) AS tax
    FROM ax.retailtransactionmarkuptrans GROUP BY store, terminalid, transactionid
), paid AS (
    SELECT p.store, p.terminal, p.transactionid, sum(p.amountcur) AS amount,
           bool_or(e.tendertypeid IS NULL OR p.currency <> 'USD' OR p.amountcur % 0.01 <> 0) AS wrong
    FROM ax.retailtransactionpaymenttrans AS p
    LEFT JOIN ax.retailtendertypetable AS e ON e.dataareaid = p.dataareaid AND e.tendertypeid = p.tendertype
    WHERE p.voidstatus = 0 AND p.transactionstatus <> 1
    GROUP BY p.store, p.terminal, p.transactionid
)
UPDATE ax.retailtransactiontable AS h
SET validationstatus = CASE WHEN found.wrong THEN {int(ValidationStatus.ERROR)}
                            ELSE {int(ValidationStatus.SUCCESSFUL)} END,
    validationdatetime = now()
FROM (
    SELECT t.store, t.terminal, t.transactionid,
           l.lines IS NULL OR l.wrong OR coalesce(p.wrong, FALSE) OR fp.startdate IS NULL
           OR (t.custaccount <> '' AND a.accountnum IS NULL) OR (t.custaccountasync <> '' AND t.custaccount = '')
           OR t.netamount <> l.net + coalesce(c.net, 0)
           OR t.grossamount <> l.gross + coalesce(c.net, 0) + coalesce(c.tax, 0)
           OR t.grossamount <> t.netamount + coalesce(l.tax, 0) + coalesce(c.tax, 0)
           OR t.paymentamount <> coalesce(p.amount, 0)
           OR abs(t.grossamount - coalesce(p.amount, 0)) > s.maxroundingamount
           OR t.discamount <> l.discount OR t.numberofitems <> l.items OR t.dataareaid <> ch.dataareaid
           OR t.currency <> ch.currency OR t.netamount % 0.01 <> 0 OR t.grossamount % 0.01 <> 0 AS wrong
    FROM ax.retailtransactiontable AS t
    JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
    JOIN ax.retailstoretable AS s ON s.recid = ch.recid
    LEFT JOIN line AS l ON (l.store, l.terminal, l.transactionid) = (t.store, t.terminal, t.transactionid)
    LEFT JOIN charge AS c ON (c.store, c.terminal, c.transactionid) = (t.store, t.terminal, t.transactionid)
    LEFT JOIN paid AS p ON (p.store, p.terminal, p.transactionid) = (t.store, t.terminal, t.transactionid)
    LEFT JOIN ax.custtable AS a ON a.dataareaid = t.dataareaid AND a.accountnum = t.custaccount
    LEFT JOIN ax.ledgerfiscalcalendarperiod AS fp
        ON fp.dataareaid = t.dataareaid AND t.businessdate BETWEEN fp.startdate AND fp.enddate AND fp.status = 0
    WHERE t.type IN (2, 3, 18) AND t.entrystatus IN (0, 2, 3) AND t.validationstatus <> 1 AND t.held = 0
      AND t.businessdate <= LAST_DATE AND NOT EXISTS (
          SELECT FROM ax.retaileodtransactiontable AS e
          WHERE (e.store, e.terminal, e.transactionid) = (t.store, t.terminal, t.transactionid))
) AS found
WHERE (found.store, found.terminal, found.transactionid) = (h.store, h.terminal, h.transactionid)
"""


def measure(name: str, installation: Installation, world: day.World, repeats: int, say: Callable[[str], None]) -> Entry:
    """Compare on the receipts of `world`; the peer works on the first store."""
    stores = list(installation.stores)
    url = installation.clone(world.template)
    with psycopg.connect(conninfo(url), autocommit=True) as hq:
        hq.execute(MASTERS)
        hq.execute("VACUUM ANALYZE")
    installation.keep_as_template(url, WITH_MASTERS)

    def prepare(*arguments: Any) -> Callable[[], tuple[Any, ...]]:
        return lambda: (installation.clone(WITH_MASTERS), *arguments)

    def clean(arguments: tuple[Any, ...]) -> None:
        installation.drop(arguments[0])

    contestants = [
        Contestant("product", validate, prepare(stores, world.last_date, world.lines), clean),
        Contestant("floor", by_hand, prepare(world.last_date, world.lines), clean),
        Contestant("peer", frames.validate, prepare(stores[:1]), clean),
    ]
    try:
        return compare(name, "sales lines", installation.postmaster, contestants, repeats, say)
    finally:
        installation.drop(installation.server.url(WITH_MASTERS))


def validate(url: str, stores: list[str], last_date: date, lines: int) -> int:
    """The product."""
    with engine(url) as hq:
        result = validate_transactions(hq, scope=Scope(tuple(stores), last_date))
    if result.counts["invalid"]:
        raise RuntimeError(f"{result.counts['invalid']} receipts are not valid")
    return lines


def by_hand(url: str, last_date: date, lines: int) -> int:
    """The floor: who is wrong, not why."""
    with psycopg.connect(conninfo(url)) as hq:
        hq.execute("SET LOCAL work_mem = '128MB'")
        hq.execute(BY_HAND.replace("LAST_DATE", f"DATE '{last_date}'"))
        wrong = hq.execute("SELECT count(*) FROM ax.retailtransactiontable WHERE validationstatus = 2").fetchall()
        if wrong != [(0,)]:
            raise RuntimeError(f"{wrong} receipts are not valid")
    return lines
