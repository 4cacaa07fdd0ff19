"""Fold the pending operations of a chunk of customers into what changes (design rule 5, domain F3, F4).

A row of the log is whole: what it changes is its difference to the row before, by the same register, of the same
thing. Where there is none, it is the difference to what the channel had been sent (docs/decisions). Of several
operations that set one field the latest wins: by counter in one origin, by the time of the operation across origins;
an operation that comes after a later one has been applied changes nothing in that field.

Temporary tables, in order: `thing`s to work on, `entry` (their rows in the log), `present` (headquarters' state),
`operation` (what pends, with old and new fields), `folded` (one line a changed field, and why it is not applied),
`wanted` (one line a thing).
"""

from __future__ import annotations

from commerce.customers.dependents import HELD
from commerce.customers.operations.kinds import ACTIVE, Edits, array
from commerce.schema.enums import AuditKind, SyncStatus
from commerce.schema.enums import CustomerAsyncOperation as Operation
from commerce.schema.personal import personal_columns
from commerce.schema.uploaded import BY_NAME

OVERTAKEN = "a later operation has set this field"
DECIDED = "headquarters decides about this field"
DEAD = "what it edits was deactivated"
_NOT_APPLIED = "not applied: "

_GUID_LEADS = """EXISTS (SELECT FROM ax.custaccountasyncmap AS m WHERE m.dataareaid = s.dataareaid
    AND m.custaccountasync = s.custaccountasync AND m.accountnum IS NOT NULL)"""

_FIRST_QUARANTINED = """SELECT min(q.replicationcounterfromorigin) FROM cdx.quarantine AS q
    WHERE q.datastore = d.recid AND q.incarnation = n.incarnation AND q.tablename = '{table}' AND NOT EXISTS (
        SELECT FROM cdx.quarantine AS b
        WHERE b.datastore = q.datastore AND b.incarnation < q.incarnation AND b.tablename = q.tablename
          AND b.replicationcounterfromorigin = q.replicationcounterfromorigin
          AND (b.rawdata = q.rawdata OR b.rawhash = q.rawhash))"""
"""Counter of the first row that an incarnation (n) of a channel database (d) has brought into quarantine, and that the
one before had not."""

EDITED = """
    CREATE TEMP TABLE edited ON COMMIT DROP AS
    SELECT c.accountnum, c.party, p.instancerelationtype AS relationshiptype,
           coalesce(nullif(r.custaccountasync, ''), c.accountnum) AS own
    FROM unnest(CAST(:keys AS text[])) AS k (accountnum)
    JOIN ax.custtable AS c ON c.dataareaid = :company AND c.accountnum = k.accountnum
    JOIN ax.dirpartytable AS p ON p.recid = c.party
    LEFT JOIN ax.retailcusttable AS r ON r.dataareaid = c.dataareaid AND r.accountnum = c.accountnum
"""
"""The customers of the chunk; `own` is how their own chain of rows is called where a row names just the account."""

LOCK = """
    SELECT count(*) FROM (
        SELECT p.recid FROM ax.dirpartytable AS p
        JOIN ax.custtable AS c ON c.party = p.recid AND c.dataareaid = :company
        WHERE c.accountnum = ANY(:keys) ORDER BY p.recid FOR NO KEY UPDATE OF p) AS locked
"""
"""One transaction at a time edits a customer: what is read after this is what the others have committed."""


def _is_operation(edits: Edits) -> str:
    """Condition on s: a row that is applied by folding. Creations are not, except those that follow other operations
    on what is added and removed under one key."""
    held = f" OR s.lasterror = '{HELD}'" if edits.upserts else ""
    return f"(s.operation <> {Operation.CREATE}{held})"


def entries(edits: Edits) -> str:
    """All rows of the things that have a pending operation, in their order.

    `at`: never before an earlier row of the same origin, whatever the register's clock did. `lost`: a backup was
    restored below this row, so no row of a later incarnation follows it. `whole_before`: the row before by the same
    register that has all fields; `operation_before`: what the row before was. Of what is added and removed under one
    key, a row that is refused added nothing: no row follows it. `purged`: its personal data is gone.
    """
    pending = f"s.syncstatus = {SyncStatus.PENDING} AND {_is_operation(edits)}"
    only = "(CAST(:only AS bigint[]) IS NULL OR s.recid = ANY(:only))"
    values = ", ".join(f"'{name}', {value}" for name, value in edits.fields.items())
    blank = [f"s.{column} = ''" for column in personal_columns(BY_NAME[edits.table].column_names)]
    purged = " AND ".join([f"s.syncstatus IN ({SyncStatus.DONE}, {SyncStatus.IGNORED})", *blank]) if blank else "FALSE"
    refused = (
        f"CASE WHEN e.pending THEN e.reason <> '' ELSE e.syncstatus IN ({SyncStatus.FAILED}, {SyncStatus.IGNORED}) END"
    )
    unheard = refused if edits.upserts else "FALSE"
    return f"""
    CREATE TEMP TABLE entry ON COMMIT DROP AS
    WITH restored AS (
        SELECT d.recid AS origin, n.incarnation,
               least((SELECT min(s.replicationcounterfromorigin) FROM ax.{edits.table} AS s
                      WHERE s.origin = d.recid AND s.incarnation = n.incarnation),
                     ({_FIRST_QUARANTINED.format(table=edits.table)})) AS first
        FROM cdx.retailconndatabaseprofile AS d CROSS JOIN LATERAL generate_series(2, d.incarnation) AS n (incarnation)
    ), named AS (
        SELECT s.recid, e.accountnum FROM edited AS e
        JOIN ax.custaccountasyncmap AS m ON m.dataareaid = :company AND m.accountnum = e.accountnum
        JOIN ax.{edits.table} AS s ON s.dataareaid = :company AND s.custaccountasync = m.custaccountasync
        UNION
        SELECT s.recid, e.accountnum FROM edited AS e
        JOIN ax.{edits.table} AS s ON s.dataareaid = :company AND s.custaccount = e.accountnum AND s.custaccount <> ''
        WHERE NOT {_GUID_LEADS}
    ), found AS (
        SELECT s.recid AS staged, e.accountnum, e.party, e.relationshiptype, ({edits.entity})::text AS entity,
               coalesce(nullif(s.custaccountasync, ''), e.own) AS who, s.custaccountasync, s.origin, s.incarnation,
               s.replicationcounterfromorigin AS counter, s.createddatetime, s.operation, s.syncstatus,
               {pending} AS pending, {pending} AND {only} AS chosen,
               {purged} AS purged,
               CASE WHEN s.operation = {Operation.DEACTIVATE} THEN '' ELSE {edits.kind.reason} END AS reason,
               CASE WHEN s.operation = {Operation.DEACTIVATE} THEN '{{}}'::jsonb
                    ELSE jsonb_build_object({values}) END
               || jsonb_build_object('{ACTIVE}', CASE s.operation WHEN {Operation.DEACTIVATE} THEN '0' ELSE '1' END)
                  AS given
        FROM named AS n
        JOIN edited AS e ON e.accountnum = n.accountnum
        JOIN ax.{edits.table} AS s ON s.recid = n.recid
        JOIN ax.custtable AS c ON c.dataareaid = s.dataareaid AND c.accountnum = e.accountnum
        JOIN ax.dirpartytable AS p ON p.recid = c.party
        {edits.kind.joins}
    ), timed AS (
        SELECT f.*, bool_or(f.chosen) OVER (PARTITION BY f.accountnum, f.entity) AS wanted,
               max(f.createddatetime) OVER (PARTITION BY f.accountnum, f.entity, f.origin, f.incarnation
                                            ORDER BY f.counter) AS at,
               EXISTS (SELECT FROM restored AS r WHERE r.origin = f.origin AND r.incarnation > f.incarnation
                       AND r.first <= f.counter) AS lost
        FROM found AS f
    ), counted AS (
        SELECT e.*, CASE WHEN NOT ({unheard}) THEN ARRAY[e.incarnation, e.counter, e.staged, e.operation] END AS link,
               e.operation <> {Operation.DEACTIVATE} AS whole
        FROM timed AS e WHERE e.wanted
    ), linked AS (
        SELECT e.*, coalesce(max(e.link) OVER own, max(e.link) FILTER (WHERE NOT e.lost) OVER before) AS last,
               coalesce(max(e.link) FILTER (WHERE e.whole) OVER own,
                        max(e.link) FILTER (WHERE e.whole AND NOT e.lost) OVER before) AS last_whole
        FROM counted AS e
        WINDOW before AS (PARTITION BY e.accountnum, e.entity, e.origin, e.who ORDER BY e.incarnation, e.counter
                          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
               own AS (PARTITION BY e.accountnum, e.entity, e.origin, e.who, e.incarnation ORDER BY e.counter
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
    SELECT e.*, row_number() OVER (PARTITION BY e.accountnum, e.entity
                                   ORDER BY e.at, e.origin, e.incarnation, e.counter) AS ordinal,
           e.last_whole[3] AS whole_before, e.last[4] AS operation_before
    FROM linked AS e
    """


THINGS = (
    "CREATE UNIQUE INDEX ON entry (staged)",
    "ANALYZE entry",
    """
    CREATE TEMP TABLE thing ON COMMIT DROP AS
    SELECT DISTINCT accountnum, party, relationshiptype, entity FROM entry
    """,
    "ANALYZE thing (accountnum, party, entity)",
)


def present(edits: Edits) -> str:
    return f"CREATE TEMP TABLE present ON COMMIT DROP AS {edits.present}"


def operations(edits: Edits) -> str:
    """What pends, with its fields and the old ones: of the row before; of the first row of a register, what its channel
    had been sent when it was written: headquarters' state without what has been applied since then. That also stands
    in for the personal data of a row that was purged. Who adds something finds it missing, and who removes
    it finds it there, whatever the register wrote before: another may have removed or added it."""
    personal = array(personal_columns(BY_NAME[edits.table].column_names))
    return f"""
    CREATE TEMP TABLE operation ON COMMIT DROP AS
    SELECT e.staged, e.accountnum, e.entity, e.relationshiptype, e.origin, e.custaccountasync, e.ordinal, e.at,
           e.reason, e.operation, t.accountnum IS NULL AS missing, t.fields AS present, w.staged IS NULL AS first,
           CASE WHEN e.operation = {Operation.DEACTIVATE} THEN jsonb_build_object('{ACTIVE}', '0') ELSE e.given END
               AS given,
           coalesce(CASE WHEN w.purged THEN w.given || coalesce((
                        SELECT jsonb_object_agg(n.key, n.value)
                        FROM jsonb_each(t.fields || coalesce(b.sent, '{{}}'::jsonb)) AS n WHERE n.key = ANY({personal})
                    ), '{{}}'::jsonb) ELSE w.given END, t.fields || coalesce(b.sent, '{{}}'::jsonb))
               || jsonb_build_object('{ACTIVE}',
                     CASE WHEN e.operation = {Operation.DEACTIVATE} THEN '1'
                          WHEN e.operation = {Operation.CREATE} THEN '0'
                          WHEN e.operation_before = {Operation.DEACTIVATE} THEN '0'
                          WHEN e.operation_before IS NOT NULL THEN '1'
                          ELSE coalesce(b.sent ->> '{ACTIVE}', t.fields ->> '{ACTIVE}') END)
               AS old
    FROM entry AS e
    LEFT JOIN present AS t ON t.accountnum = e.accountnum AND t.entity = e.entity
    LEFT JOIN entry AS w ON w.staged = e.whole_before
    LEFT JOIN LATERAL (
        SELECT jsonb_object_agg(a.field, a.oldvalue) AS sent FROM (
            SELECT DISTINCT ON (a.field) a.field, a.oldvalue
            FROM ax.asyncoperationaudit AS a JOIN entry AS q ON q.staged = a.staged
            WHERE a.dataareaid = :company AND a.accountnum = e.accountnum AND a.tablename = '{edits.table}'
              AND a.kind = '{AuditKind.APPLIED}' AND q.accountnum = e.accountnum AND q.entity = e.entity
              AND a.createddatetime > coalesce((
                  SELECT max(x.datecreated) FROM cdx.retailcdxdownloadsessiondatastore AS d
                  JOIN cdx.retailcdxdownloadsession AS x ON x.session = d.session
                  WHERE d.datastore = e.origin AND d.dateapplied <= e.createddatetime), e.createddatetime)
            ORDER BY a.field, a.auditid) AS a
    ) AS b ON w.staged IS NULL OR w.purged
    WHERE e.chosen
    """


def changes(edits: Edits) -> str:
    """Fields in which an operation differs from what its register had. The first row of a register says nothing by a
    blank: it may just lack the field."""
    return f"""
    CREATE TEMP TABLE change ON COMMIT DROP AS
    SELECT o.staged, o.accountnum, o.entity, o.relationshiptype, o.custaccountasync, o.ordinal, o.at, n.key AS field,
           o.old ->> n.key AS oldvalue, n.value AS newvalue, o.present ->> n.key AS present
    FROM operation AS o CROSS JOIN LATERAL jsonb_each_text(o.given) AS n
    WHERE o.reason = '' AND NOT o.missing AND n.value IS DISTINCT FROM o.old ->> n.key
      AND NOT (o.first AND n.key <> '{ACTIVE}' AND n.value ~ '^(0(\\.0+)?)?$')
      AND NOT (n.key = ANY({array(edits.requests)}) AND n.value = '0')
    """


def refusals(edits: Edits) -> str:
    """Operations with a change that cannot be: the whole row fails, as a whole row is mended."""
    cases = " ".join(f"WHEN {condition} THEN {reason}" for condition, reason in edits.checks)
    return f"""
    UPDATE operation AS o SET reason = f.reason FROM (
        SELECT c.staged, min(c.reason) AS reason
        FROM (SELECT c.staged, CASE {cases} ELSE '' END AS reason FROM change AS c) AS c
        WHERE c.reason <> '' GROUP BY c.staged) AS f
    WHERE o.staged = f.staged
    """


def fold(edits: Edits) -> str:
    """One line a changed field. `found`: what it finds there, headquarters' value or that of the operation before it.
    `why`: empty, or why it is not applied. `again`: an edit that once found its thing deactivated, and counts, once,
    when the thing comes back: in which pass which operation came makes no difference."""
    explicit = (Operation.DEACTIVATE, Operation.CREATE) if edits.upserts else (Operation.DEACTIVATE,)
    dead = "FALSE" if edits.outlives else f"f.alive = '0' AND NOT f.revived AND f.field <> '{ACTIVE}'"
    return f"""
    CREATE TEMP TABLE folded ON COMMIT DROP AS
    WITH latest AS (
        SELECT d.accountnum, d.entity, d.field, max(d.ordinal) AS ordinal FROM (
            SELECT q.accountnum, q.entity, a.field, q.ordinal
            FROM entry AS q JOIN ax.asyncoperationaudit AS a ON a.tablename = '{edits.table}' AND a.staged = q.staged
            WHERE a.kind = '{AuditKind.APPLIED}'
            UNION ALL
            SELECT q.accountnum, q.entity, '{ACTIVE}', q.ordinal FROM entry AS q
            WHERE q.syncstatus = {SyncStatus.DONE} AND q.operation IN ({", ".join(str(int(o)) for o in explicit)})
        ) AS d GROUP BY d.accountnum, d.entity, d.field
    ), asked AS (
        SELECT c.accountnum, c.entity, c.staged, c.custaccountasync, c.ordinal, c.at, c.field, c.oldvalue, c.newvalue,
               c.present, o.present ->> '{ACTIVE}' AS alive, FALSE AS again
        FROM change AS c JOIN operation AS o ON o.staged = c.staged AND o.reason = ''
        UNION ALL
        SELECT q.accountnum, q.entity, q.staged, q.custaccountasync, q.ordinal, q.at, a.field, a.oldvalue,
               q.given ->> a.field, t.fields ->> a.field, t.fields ->> '{ACTIVE}', TRUE
        FROM (SELECT DISTINCT accountnum, entity FROM change WHERE field = '{ACTIVE}' AND newvalue = '1') AS r
        JOIN entry AS q ON q.accountnum = r.accountnum AND q.entity = r.entity AND NOT q.chosen AND NOT q.purged
        JOIN ax.asyncoperationaudit AS a ON a.tablename = '{edits.table}' AND a.staged = q.staged
         AND a.kind = '{AuditKind.CONFLICT}' AND a.reason = '{_NOT_APPLIED}{DEAD}'
         AND NOT EXISTS (SELECT FROM ax.asyncoperationaudit AS b WHERE b.tablename = a.tablename
                         AND b.staged = a.staged AND b.field = a.field AND b.kind = '{AuditKind.APPLIED}')
        JOIN present AS t ON t.accountnum = r.accountnum AND t.entity = r.entity
    ), judged AS (
        SELECT c.*, CASE WHEN c.field = ANY({array(edits.decided)}) THEN '{DECIDED}'
                         WHEN l.ordinal > c.ordinal THEN '{OVERTAKEN}' ELSE '' END AS why
        FROM asked AS c
        LEFT JOIN latest AS l ON l.accountnum = c.accountnum AND l.entity = c.entity AND l.field = c.field
    ), reviving AS (
        SELECT j.*, bool_or(j.field = '{ACTIVE}' AND j.newvalue = '1' AND j.why = '')
                        OVER (PARTITION BY j.accountnum, j.entity) AS revived
        FROM judged AS j
    ), living AS (
        SELECT f.accountnum, f.entity, f.staged, f.custaccountasync, f.ordinal, f.at, f.field, f.oldvalue, f.newvalue,
               f.present, f.again, CASE WHEN f.why = '' AND {dead} THEN '{DEAD}' ELSE f.why END AS why
        FROM reviving AS f
    )
    SELECT l.*, CASE WHEN l.why <> '' OR row_number() OVER earlier = 1 THEN l.present ELSE lag(l.newvalue) OVER earlier
                END AS found
    FROM living AS l
    WINDOW earlier AS (PARTITION BY l.accountnum, l.entity, l.field, l.why ORDER BY l.ordinal)
    """


def wanted(edits: Edits) -> str:
    """One line a thing, with its changed fields. `whole`: all fields of the latest row, with what later rows have set
    already: something that was deleted comes back with it."""
    return f"""
    CREATE TEMP TABLE wanted ON COMMIT DROP AS
    SELECT t.*, n.changes, n.at, coalesce(o.given, '{{}}'::jsonb) || coalesce(l.fields, '{{}}'::jsonb) AS whole
    FROM present AS t
    JOIN (SELECT f.accountnum, f.entity, jsonb_object_agg(f.field, f.newvalue) AS changes, max(f.at) AS at
          FROM (SELECT DISTINCT ON (accountnum, entity, field) * FROM folded WHERE why = ''
                ORDER BY accountnum, entity, field, ordinal DESC) AS f
          WHERE f.newvalue IS DISTINCT FROM f.present GROUP BY f.accountnum, f.entity) AS n
      ON n.accountnum = t.accountnum AND n.entity = t.entity
    LEFT JOIN (SELECT DISTINCT ON (accountnum, entity) accountnum, entity, ordinal, given FROM operation
               WHERE operation <> {Operation.DEACTIVATE} AND reason = ''
               ORDER BY accountnum, entity, ordinal DESC) AS o
      ON o.accountnum = t.accountnum AND o.entity = t.entity
    LEFT JOIN LATERAL (
        SELECT jsonb_object_agg(s.field, s.newvalue) AS fields FROM (
            SELECT DISTINCT ON (a.field) a.field, a.newvalue
            FROM entry AS q JOIN ax.asyncoperationaudit AS a ON a.tablename = '{edits.table}' AND a.staged = q.staged
            WHERE q.accountnum = t.accountnum AND q.entity = t.entity AND q.ordinal > o.ordinal
              AND a.kind = '{AuditKind.APPLIED}'
            ORDER BY a.field, q.ordinal DESC) AS s
    ) AS l ON n.changes ->> '{ACTIVE}' = '1'
    """


def applied(edits: Edits) -> str:
    """Audit entries: fields that operations have set, each with what it found."""
    return f"""
    SELECT '{edits.table}' AS tablename, staged, :company AS dataareaid, custaccountasync, accountnum, field,
           found AS oldvalue, newvalue, '' AS reason
    FROM folded WHERE why = '' AND newvalue IS DISTINCT FROM found ORDER BY ordinal
    """


def conflicts(edits: Edits) -> str:
    """Audit entries: what the register had against what was found, where they differ."""
    return f"""
    SELECT '{edits.table}' AS tablename, staged, :company AS dataareaid, custaccountasync, accountnum, field, oldvalue,
           found AS newvalue,
           CASE WHEN why = '' THEN 'headquarters had another value; the operation was applied'
                ELSE '{_NOT_APPLIED}' || why END AS reason
    FROM folded
    WHERE NOT again AND newvalue IS DISTINCT FROM found AND (why <> '' OR oldvalue IS DISTINCT FROM found)
    ORDER BY ordinal
    """
