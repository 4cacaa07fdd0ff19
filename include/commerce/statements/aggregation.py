"""Aggregated: the sales of a statement go into numbered aggregated transactions (domain B2, B4 aggregation).

The store's default customer gathers the sales that name nobody, each named customer gets its own. Staff, terminal and
shift are no aggregation keys; store, business date and currency are the statement's, financial dimensions the
customer's. One with more lines than the company allows goes on in a next one; the lines of a transaction are never
split. A transaction to be left out of aggregation (`skipaggregation`; a return, where the company does not aggregate
returns) has one of its own, behind those of its customer.
"""

from sqlalchemy import Connection, text

from commerce.schema.enums import TransactionType
from commerce.scope import key_sql
from commerce.statements.transitions import execute_hashed
from commerce.statements.voided import gather_voided_lines

_LINE_KEY = ("store", "terminalid", "transactionid")

CREATE_UNIT = text(f"""
CREATE TEMP TABLE unit ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY statementno, custaccount COLLATE "C", alone, terminal COLLATE "C",
                                   transactionid COLLATE "C")::integer AS unitno,
       dense_rank() OVER (ORDER BY statementno, custaccount COLLATE "C")::integer AS customerno, marked.*
FROM (SELECT b.statementno, e.store, e.terminal, e.transactionid, e.dataareaid, e.statementid,
             e.custaccount, e.netamount, e.grossamount, p.maxlinesperaggregation AS maxlines,
             t.skipaggregation <> 0
             OR (p.donotaggregatereturns <> 0 AND (t.saleisreturnsale <> 0 OR e.grossamount < 0)) AS alone
      FROM (SELECT row_number() OVER (ORDER BY dataareaid, statementid COLLATE "C")::integer AS statementno,
                   dataareaid, statementid
            FROM batch) AS b
      JOIN ax.retaileodtransactiontable AS e USING (dataareaid, statementid)
      JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("e")}
      JOIN ax.retailparameters AS p ON p.dataareaid = e.dataareaid
      WHERE e.type = {int(TransactionType.SALES)}) AS marked""")
"""The sales in the order of their aggregated transactions."""

CREATE_COUNTED = text(f"""
CREATE TEMP TABLE counted ON COMMIT DROP AS
SELECT u.unitno, u.customerno, u.maxlines, l.lines - coalesce(v.lines, 0) AS lines
FROM (SELECT customerno FROM unit WHERE NOT alone GROUP BY customerno HAVING count(*) > 1) AS several
JOIN unit AS u USING (customerno)
JOIN (SELECT s.unitno, count(*) AS lines FROM unit AS s
      JOIN ax.retailtransactionsalestrans AS l ON {key_sql("l", _LINE_KEY)} = {key_sql("s")}
      GROUP BY s.unitno) AS l USING (unitno)
LEFT JOIN (SELECT unitno, count(*) AS lines FROM voided_line GROUP BY unitno) AS v USING (unitno)
WHERE NOT u.alone AND l.lines > coalesce(v.lines, 0)""")
"""Lines of the sales of a customer that has several: one by itself is not split, however many lines it has. To look
whether a line is voided takes longer than to count it, and voided ones are few."""

CREATE_LONG = text("""
CREATE TEMP TABLE long_customer ON COMMIT DROP AS
SELECT c.customerno, c.unitno, c.maxlines, sum(c.lines) OVER (PARTITION BY customerno ORDER BY c.unitno) AS upto
FROM (SELECT customerno FROM counted GROUP BY customerno HAVING sum(lines) > min(maxlines)) AS full_one
JOIN counted AS c USING (customerno)""")
"""Customers with more lines than one aggregated transaction may have; `upto`: lines up to and with the sale."""

INDEX_LONG = text("CREATE UNIQUE INDEX ON long_customer (customerno, upto)")

CREATE_SPLIT = text("""
CREATE TEMP TABLE split ON COMMIT DROP AS
WITH RECURSIVE filled AS (
    SELECT customerno, min(maxlines) AS maxlines, 0::numeric AS taken FROM long_customer GROUP BY customerno
    UNION ALL
    SELECT f.customerno, f.maxlines, coalesce(
        (SELECT max(l.upto) FROM long_customer AS l
         WHERE l.customerno = f.customerno AND l.upto > f.taken AND l.upto <= f.taken + f.maxlines),
        (SELECT min(l.upto) FROM long_customer AS l WHERE l.customerno = f.customerno AND l.upto > f.taken))
    FROM filled AS f WHERE f.taken IS NOT NULL)
SELECT l.unitno, count(f.taken) OVER (PARTITION BY l.customerno ORDER BY l.upto
                                      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS part
FROM long_customer AS l LEFT JOIN filled AS f ON (f.customerno, f.taken) = (l.customerno, l.upto)""")
"""As many sales as fit into the first aggregated transaction, then into the next: a step for each, not for each sale.
A sale that is too long by itself has one alone."""

CREATE_AGGREGATED = text("""
CREATE TEMP TABLE aggregated ON COMMIT DROP AS
SELECT unitno, dense_rank() OVER (PARTITION BY statementno ORDER BY customerno, alone, coalesce(part, 0),
                                  CASE WHEN alone THEN unitno END) AS aggregation
FROM unit LEFT JOIN split USING (unitno)""")

MARK = text(f"""
UPDATE ax.retaileodtransactiontable AS e SET aggregation = a.aggregation
FROM unit AS u JOIN aggregated AS a USING (unitno) WHERE {key_sql("e")} = {key_sql("u")}""")

INSERT = text(f"""
INSERT INTO ax.retaileodstatementaggregation (dataareaid, statementid, aggregation, custaccount, defaultdimension,
    transactioncount, linecount, netamount, taxamount, chargeamount, grossamount)
SELECT total.dataareaid, statementid, aggregation, custaccount, customer.defaultdimension, transactioncount, 0,
       netamount, grossamount - netamount, chargeamount, grossamount
FROM (SELECT u.dataareaid, u.statementid, a.aggregation, min(u.custaccount) AS custaccount,
             count(*) AS transactioncount, sum(u.netamount) AS netamount,
             coalesce(sum(c.chargeamount), 0) AS chargeamount, sum(u.grossamount) AS grossamount
      FROM unit AS u
      JOIN aggregated AS a USING (unitno)
      LEFT JOIN (SELECT u.unitno, sum(c.calculatedamount) AS chargeamount
                 FROM unit AS u
                 JOIN ax.retailtransactionmarkuptrans AS c
                      ON {key_sql("c", _LINE_KEY)} = {key_sql("u")}
                 GROUP BY u.unitno) AS c USING (unitno)
      GROUP BY u.dataareaid, u.statementid, a.aggregation) AS total
JOIN ax.custtable AS customer ON (customer.dataareaid, customer.accountnum) = (total.dataareaid, total.custaccount)""")
"""`linecount` is the number of aggregated lines, which the sales order tells."""


def aggregate(connection: Connection) -> None:
    """Checked -> Aggregated."""
    connection.execute(CREATE_UNIT)
    connection.execute(text("ANALYZE unit"))
    gather_voided_lines(connection, "unit", "unitno")
    execute_hashed(connection, CREATE_COUNTED)
    for statement in (CREATE_LONG, INDEX_LONG, CREATE_SPLIT, CREATE_AGGREGATED):
        connection.execute(statement)
    connection.execute(text("ANALYZE aggregated (unitno)"))
    connection.execute(MARK)
    connection.execute(INSERT)
