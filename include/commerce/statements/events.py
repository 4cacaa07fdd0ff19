"""The event log of statements (RetailEodStatementControllerLog): what was done to one, by which run, from when to when.

Every event is two rows, its start and its end, which names the start. Both are written in the transaction that does the
work, so a killed one leaves none; the start has the time at which that transaction began.
"""

from sqlalchemy import TextClause, text


def log_sql(events: str) -> TextClause:
    """Statement that logs the rows of the query `events` (dataareaid, statementid, status, message); parameter `run`,
    None where no run did it."""
    return text(f"""
WITH event AS MATERIALIZED ({events}),
started AS (
    INSERT INTO ax.retaileodstatementcontrollerlog (dataareaid, statementid, postingstatus, isendevent, run)
    SELECT dataareaid, statementid, status, 0, :run FROM event ORDER BY dataareaid, statementid, status
    RETURNING recid, dataareaid, statementid, postingstatus AS status)
INSERT INTO ax.retaileodstatementcontrollerlog (dataareaid, statementid, postingstatus, isendevent, starteventid, run,
    postingstatemessage, createdon)
SELECT dataareaid, statementid, status, 1, started.recid, :run, event.message, clock_timestamp()
FROM event JOIN started USING (dataareaid, statementid, status)
ORDER BY dataareaid, statementid, status""")
