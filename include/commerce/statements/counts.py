"""Checked, of financial statements: everything that must be counted is, and counted and expected amounts differ by no
more than the store allows (domain B4: a statement posts only if the difference is within the store's maximum).

What is lost or won by changing tenders is part of what a shift and a statement differ by. A company that has switched
*counting required* off takes what is counted as it is. Where a shift is in several statements, because something came
late, all of them count together.
"""

from sqlalchemy import Connection, text

from commerce.schema.enums import CountedHow
from commerce.statements.transitions import Refusal, Refused

_AMOUNT = "FM99999999999999999990.00"


def _shown(amount: str) -> str:
    return f"to_char({amount}, '{_AMOUNT}')"


CREATE_SAID = text("""
CREATE TEMP TABLE said ON COMMIT DROP AS
SELECT own.dataareaid, own.statementid, b.storeid, b.currency AS storecurrency,
       l.terminalid || ':' || l.batchid AS shift, l.tendertypeid, l.currency, sum(l.countedamount) AS counted,
       sum(l.countedamount - l.differenceamount) AS expected, sum(l.differenceamount) AS difference,
       sum(l.differenceamountmst) AS differencemst, sum(l.changetendermst) AS changedmst,
       max(l.countedhow) FILTER (WHERE l.statementid = own.statementid) AS countedhow,
       st.maximumpostingdifference, st.maxshiftdifferenceamount, st.maxtransactiondifferenceamount
FROM batch AS b
JOIN ax.retailparameters AS p USING (dataareaid)
JOIN ax.retailstoretable AS st ON st.storenumber = b.storeid
JOIN ax.retailstatementshift AS own USING (dataareaid, statementid)
JOIN ax.retailstatementshiftline AS l
     ON (l.storeid, l.terminalid, l.batchid) = (own.storeid, own.terminalid, own.batchid)
WHERE p.disablecountingrequired = 0
GROUP BY own.dataareaid, own.statementid, b.storeid, b.currency, l.terminalid, l.batchid, l.tendertypeid, l.currency,
         st.maximumpostingdifference, st.maxshiftdifferenceamount, st.maxtransactiondifferenceamount""")

NOT_COUNTED = f"""
SELECT dataareaid, statementid, 1 AS rank, 'NotCounted' AS code,
       string_agg('Shift ' || shift || ', tender ' || tendertypeid || ': nobody counted it, ' || {_shown("expected")}
                  || ' ' || currency || ' are expected.', ' ' ORDER BY shift, tendertypeid, currency) AS message
FROM said WHERE countedhow = '{CountedHow.REQUIRED}' GROUP BY dataareaid, statementid"""

LINE_DIFFERS = f"""
SELECT dataareaid, statementid, 2, 'CountingDifference',
       string_agg('Shift ' || shift || ', tender ' || tendertypeid || ': counted ' || {_shown("counted")}
                  || ', expected ' || {_shown("expected")} || ' ' || currency || ', a difference of '
                  || {_shown("difference")} || '; a line may differ by ' || {_shown("maxtransactiondifferenceamount")}
                  || ' ' || storecurrency || '.', ' ' ORDER BY shift, tendertypeid, currency)
FROM said WHERE abs(differencemst) > maxtransactiondifferenceamount GROUP BY dataareaid, statementid"""

SHIFT_DIFFERS = f"""
SELECT dataareaid, statementid, 3, 'ShiftDifference',
       string_agg('Shift ' || shift || ': its tenders (' || tenders || ') differ by ' || {_shown("difference")}
                  || ' in sum, a shift may by ' || {_shown("maximum")} || ' ' || storecurrency || '.', ' '
                  ORDER BY shift)
FROM (SELECT dataareaid, statementid, shift, storecurrency, sum(differencemst + changedmst) AS difference,
             max(maxshiftdifferenceamount) AS maximum,
             concat_ws(', ', string_agg(tendertypeid || ' ' || {_shown("differencemst")}, ', '
                 ORDER BY tendertypeid, currency) FILTER (WHERE differencemst <> 0),
                 CASE WHEN sum(changedmst) <> 0 THEN 'changed ' || {_shown("sum(changedmst)")} END) AS tenders
      FROM said GROUP BY dataareaid, statementid, shift, storecurrency) AS of_shift
WHERE abs(difference) > maximum GROUP BY dataareaid, statementid"""

STATEMENT_DIFFERS = f"""
SELECT dataareaid, statementid, 4, 'PostingDifference',
       'The statement differs by ' || {_shown("sum(differencemst + changedmst)")} || ' in sum (shifts '
       || string_agg(DISTINCT shift, ', ') FILTER (WHERE differencemst <> 0 OR changedmst <> 0) || '), it may by '
       || {_shown("max(maximumpostingdifference)")} || ' ' || max(storecurrency) || '.'
FROM said GROUP BY dataareaid, statementid
HAVING abs(sum(differencemst + changedmst)) > max(maximumpostingdifference)"""

REFUSED = text(f"""
SELECT DISTINCT ON (dataareaid, statementid) dataareaid, statementid, code,
       string_agg(message, ' ') OVER (PARTITION BY dataareaid, statementid ORDER BY rank
                                      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS message
FROM ({" UNION ALL ".join((NOT_COUNTED, LINE_DIFFERS, SHIFT_DIFFERS, STATEMENT_DIFFERS))}) AS wrong
ORDER BY dataareaid, statementid, rank""")


def check_counts(connection: Connection) -> None:
    """Calculated -> Checked, of financial statements. Refuses those that are not counted or differ by too much."""
    connection.execute(CREATE_SAID)
    refusals = [
        Refusal(row.dataareaid, row.statementid, row.code, f"{row.message} {_way_out(row.statementid)}")
        for row in connection.execute(REFUSED)
    ]
    if refusals:
        raise Refused(refusals)


def _way_out(statement: str) -> str:
    return (
        "Count again and declare the tender at the register, or enter what was counted: `commerce statements count"
        f" {statement} --shift SHIFT --tender TENDER --amount AMOUNT --reason REASON`; or raise the store's maximum in"
        " the setup file (`commerce setup apply`). Then post again."
    )
