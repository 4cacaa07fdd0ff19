"""New customers that headquarters knows already, recognised before they are created (policies `link` and `hold`).

Known is who has the name of a customer of the same kind and one of its e-mail addresses, phone numbers or tax ids. A
shared number alone is a household, a similar name alone is nobody: such pairs are only listed. Who is known as two
accounts is ambiguous: linked to neither, held all the same.

Works inside the transaction of the conversion, on its temporary table `candidate`; who is linked or held leaves it, so
that no account number is taken. Conversions of one company with such a policy go one after the other (`_LOCK`): two
that run together would not see each other's new customers. The map's primary key stays the lock of rule 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, text
from sqlalchemy.exc import DBAPIError

from commerce.customers.audit import record
from commerce.customers.candidates import CHOSEN, PENDING_CREATE
from commerce.customers.counts import Tally
from commerce.customers.duplicates import changes
from commerce.customers.duplicates.sql import (
    KIND_OF_TYPE,
    common_sql,
    name_sql,
    parse_into_form,
    taxid_sql,
    value_sql,
)
from commerce.database import describe_error
from commerce.errors import CommerceError
from commerce.exchange.outbox import enqueue
from commerce.progress import Progress, silent
from commerce.schema.enums import AuditKind, ContactType, CustomerAsyncOperation, ErrorClass, SyncStatus

_POLICY = text(
    """
    SELECT coalesce((SELECT duplicatepolicy FROM ax.custparameters WHERE dataareaid = :company), 'flag') AS policy,
           EXISTS (SELECT FROM ax.heldcustomer WHERE dataareaid = :company AND status = 'link'
                   AND custaccountasync = ANY(:guids)) AS decided
    """
)
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('customers known ' || :company, 0))")

_NEWCOMERS = text(
    f"""
    CREATE TEMP TABLE newcomer ON COMMIT DROP AS
    WITH chosen AS ({CHOSEN})
    SELECT c.custaccountasync AS guid, c.custaccountasync AS leader, c.staged, c.origin, c.relationshiptype,
           {name_sql("c.name")} AS name, c.vatnum, c.phone, c.cellularphone, c.email,
           coalesce((SELECT a.country FROM ax.retailasyncaddressv2 AS a
                     WHERE a.dataareaid = :company AND a.custaccountasync = c.custaccountasync AND a.country <> ''
                     ORDER BY a.makepostaladdressprimary DESC, a.createddatetime LIMIT 1),
                    company.countryregionid) AS country,
           nullif(h.status, 'open') AS decided,
           CAST(CASE h.status WHEN 'link' THEN h.accountnum END AS text) AS accountnum,
           CAST('{{}}' AS jsonb) AS evidence
    FROM chosen AS c JOIN ax.dataarea AS company ON company.dataareaid = c.company
    LEFT JOIN ax.heldcustomer AS h ON h.dataareaid = :company AND h.custaccountasync = c.custaccountasync
    WHERE NOT EXISTS (SELECT FROM ax.custaccountasyncmap AS m
                      WHERE m.dataareaid = :company AND m.custaccountasync = c.custaccountasync)
    """
)
_ENTERED = text(
    f"""
    CREATE TEMP TABLE entered ON COMMIT DROP AS
    SELECT n.guid, e.type, e.country, e.locator, e.extension, e.mobile FROM newcomer AS n CROSS JOIN LATERAL (VALUES
        ({ContactType.PHONE}, n.country, n.phone, '', 0), ({ContactType.PHONE}, n.country, n.cellularphone, '', 1),
        ({ContactType.EMAIL}, '', n.email, '', 0)) AS e (type, country, locator, extension, mobile)
    WHERE e.locator <> ''
    """
)
_KEYS = text(
    f"""
    CREATE TEMP TABLE newkey ON COMMIT DROP AS
    SELECT CAST(:company AS text) AS dataareaid, n.guid, n.relationshiptype, n.name, k.kind, k.value
    FROM newcomer AS n JOIN (
        SELECT e.guid, {KIND_OF_TYPE.format(type="e.type")} AS kind, {value_sql("f.normalized")} AS value
        FROM entered AS e JOIN form AS f USING (type, country, locator) WHERE f.normalized <> ''
        UNION
        SELECT guid, 'taxid', {value_sql(taxid_sql("vatnum"))} FROM newcomer WHERE {taxid_sql("vatnum")} <> ''
    ) AS k USING (guid)
    """
)
_MATCHES = text(
    f"""
    CREATE TEMP TABLE matched ON COMMIT DROP AS
    SELECT n.guid, m.accountnum, jsonb_object_agg(n.kind, 1) || '{{"name": 1}}' AS evidence
    FROM newkey AS n
    JOIN LATERAL (SELECT {common_sql("n")} AS common) AS c ON NOT c.common
    JOIN ax.customermatchkey AS m ON (m.dataareaid, m.kind, m.value) = (n.dataareaid, n.kind, n.value)
    JOIN ax.custtable AS t ON (t.dataareaid, t.accountnum) = (m.dataareaid, m.accountnum)
    JOIN ax.dirpartytable AS p ON p.recid = t.party AND p.instancerelationtype = n.relationshiptype
    WHERE n.name <> '' AND {name_sql("p.name")} = n.name
    GROUP BY n.guid, m.accountnum
    """
)
_FOLLOW = text(
    """
    WITH same AS (
        SELECT k.guid, min(n.leader) OVER (PARTITION BY k.relationshiptype, k.name, k.kind, k.value) AS leader
        FROM newkey AS k JOIN newcomer AS n USING (guid) WHERE k.name <> '' AND n.decided IS NULL
    ), least AS (SELECT guid, min(leader) AS leader FROM same GROUP BY guid)
    UPDATE newcomer AS n SET leader = l.leader FROM least AS l WHERE l.guid = n.guid AND l.leader < n.leader
    """
)
"""Of newcomers that are one person, the least GUID leads. Again until nothing moves: A and B may share the e-mail, B
and C the phone. A newcomer about whom a person has decided leads nobody and follows nobody."""

_RECOGNISE = text(
    """
    WITH found AS (
        SELECT n.leader, min(m.accountnum) AS accountnum, count(DISTINCT m.accountnum) AS accounts,
               min(m.evidence::text)::jsonb AS evidence
        FROM newcomer AS n JOIN matched AS m USING (guid) WHERE n.decided IS NULL GROUP BY n.leader)
    UPDATE newcomer AS n SET accountnum = f.accountnum, evidence = f.evidence FROM found AS f
    WHERE f.leader = n.leader AND n.decided IS NULL AND (f.accounts = 1 OR :policy = 'hold')
    """
)
_AMBIGUOUS = text(
    """
    UPDATE newcomer AS n SET leader = n.guid WHERE n.decided IS NULL AND n.accountnum IS NULL
      AND n.leader IN (SELECT o.leader FROM newcomer AS o JOIN matched AS m USING (guid))
    """
)
_KNOWN = text(
    """
    CREATE TEMP TABLE known ON COMMIT DROP AS
    SELECT n.guid, n.leader, n.staged, n.origin, n.accountnum,
           CASE WHEN n.decided = 'link' OR :policy = 'link' THEN 'link' ELSE 'hold' END AS what, n.decided,
           CASE WHEN n.evidence <> '{}' THEN n.evidence ELSE (
               SELECT coalesce(jsonb_object_agg(k.kind, 1), '{}') || '{"name": 1}' FROM newkey AS k
               WHERE k.guid = n.guid AND EXISTS (
                   SELECT FROM newkey AS o JOIN newcomer AS x USING (guid)
                   WHERE (o.kind, o.value) = (k.kind, k.value) AND x.leader = n.leader AND x.guid <> n.guid))
           END AS evidence
    FROM newcomer AS n
    WHERE n.decided = 'link' OR (n.decided IS DISTINCT FROM 'create' AND (
        (:policy = 'link' AND (n.accountnum IS NOT NULL OR n.leader <> n.guid))
        OR (:policy = 'hold' AND NOT :needed AND (n.accountnum IS NOT NULL OR n.leader <> n.guid))))
    """
)
_LEAVE = text("DELETE FROM candidate AS c USING known AS k WHERE c.custaccountasync = k.guid")
_OF_LEADER = text(
    """
    UPDATE known AS k SET accountnum = m.accountnum FROM ax.custaccountasyncmap AS m
    WHERE k.accountnum IS NULL AND m.dataareaid = :company AND m.custaccountasync = k.leader
    """
)
_LINK = text(
    """
    WITH linked AS (
        INSERT INTO ax.custaccountasyncmap (dataareaid, custaccountasync, accountnum, origin, mappedhow, mappedby)
        SELECT :company, guid, accountnum, origin, 'linked', :job FROM known
        WHERE what = 'link' AND accountnum IS NOT NULL ORDER BY guid
        ON CONFLICT (dataareaid, custaccountasync) DO NOTHING
        RETURNING custaccountasync)
    DELETE FROM known WHERE what = 'link' AND guid NOT IN (SELECT custaccountasync FROM linked)
    """
)
_NEW_KEYS = text(
    """
    INSERT INTO ax.customermatchkey (dataareaid, kind, value, accountnum)
    SELECT DISTINCT m.dataareaid, k.kind, k.value, m.accountnum FROM newkey AS k
    JOIN ax.custaccountasyncmap AS m ON m.dataareaid = :company AND m.custaccountasync = k.guid
    ORDER BY 1, 2, 3, 4 ON CONFLICT DO NOTHING
    """
)
_CONTACTS = text(
    f"""
    WITH further AS (
        SELECT DISTINCT ON (k.accountnum, e.type, f.normalized, CASE WHEN f.normalized = '' THEN e.locator END)
               nextval('ax.recid') AS recid, t.party, e.type, e.locator, e.mobile
        FROM known AS k JOIN entered AS e ON e.guid = k.guid AND k.what = 'link'
        JOIN form AS f USING (type, country, locator)
        JOIN ax.custtable AS t ON t.dataareaid = :company AND t.accountnum = k.accountnum
        WHERE NOT EXISTS (
            SELECT FROM ax.customermatchkey AS m
            WHERE f.normalized <> '' AND (m.dataareaid, m.kind, m.value, m.accountnum)
                = (:company, {KIND_OF_TYPE.format(type="e.type")}, {value_sql("f.normalized")}, k.accountnum))
          AND NOT EXISTS (
            SELECT FROM ax.dirpartylocation AS l JOIN ax.logisticselectronicaddress AS o ON o.location = l.location
            WHERE l.party = t.party AND o.type = e.type AND o.locator = e.locator)
        ORDER BY k.accountnum, e.type, f.normalized, CASE WHEN f.normalized = '' THEN e.locator END, k.guid
    ), location AS (
        INSERT INTO ax.logisticslocation (recid, locationid) SELECT recid, recid::text FROM further
    ), electronic AS (
        INSERT INTO ax.logisticselectronicaddress (recid, location, type, locator, ismobilephone)
        SELECT recid, recid, type, locator, mobile FROM further)
    INSERT INTO ax.dirpartylocation (recid, party, location) SELECT recid, party, recid FROM further
    """
)
"""What the account does not have yet of the linked customer's contact data: beside its own, never primary."""

_AUDITED = """
    SELECT 'retailasynccustomerv2' AS tablename, k.staged, CAST(:company AS text) AS dataareaid,
           k.guid AS custaccountasync, k.accountnum, 'custaccountasync' AS field, CAST(NULL AS text) AS oldvalue,
           k.guid AS newvalue, CASE WHEN k.decided = 'link' THEN 'a person decided that it is the same customer'
                                    ELSE 'the same name and contact data as the account' END AS reason
    FROM known AS k WHERE k.what = 'link'
"""
_HOLD = text(
    """
    INSERT INTO ax.heldcustomer (dataareaid, custaccountasync, accountnum, evidence)
    SELECT :company, guid, accountnum, evidence FROM known
    WHERE what = 'hold' AND accountnum IS NOT NULL ORDER BY guid
    ON CONFLICT (dataareaid, custaccountasync) DO NOTHING
    """
)
_SAY_HELD = text(
    f"""
    UPDATE ax.retailasynccustomerv2 AS s SET errorclass = 'pending', lasterror =
        'held: may be customer ' || k.accountnum || '. Decide with `commerce customers duplicates decide '
        || k.guid || ' ' || k.accountnum || ' --as same` (or different)'
    FROM known AS k
    WHERE k.what = 'hold' AND s.dataareaid = :company AND s.custaccountasync = k.guid
      AND s.operation = {CustomerAsyncOperation.CREATE} AND s.syncstatus = {SyncStatus.PENDING}
      AND s.lasterror NOT LIKE 'held: %'
    """
)
_NEEDED = text(
    """
    UPDATE ax.heldcustomer AS h SET status = 'create', decidedby = :job, decideddatetime = now(),
           reason = 'a transaction refers to the customer, and money does not wait'
    FROM newcomer AS n
    WHERE h.dataareaid = :company AND h.custaccountasync = n.guid AND h.status = 'open'
    """
)
_SAY_NOT_TOLD = text(
    f"""
    UPDATE ax.retailasynccustomerv2 AS s SET errorclass = '{ErrorClass.PENDING}', lasterror = :reason
    WHERE s.dataareaid = :company AND {PENDING_CREATE} AND s.lasterror <> :reason AND s.lasterror NOT LIKE 'held: %'
    """
)
_BY_ORIGIN = "SELECT origin, count(*) AS rows FROM known WHERE what = '{what}' GROUP BY origin"


class KeysNotMadeError(CommerceError):
    """The match keys of a company cannot be made: none of its new customers can be told from those that are known."""


class Recognition:
    """The known among the candidates of one chunk. `active` is False where the policy is `flag`: nothing is looked at
    then, and the pairs are found behind the conversion."""

    def __init__(self, connection: Connection, company: str, guids: Sequence[str], job: str, *, needed: bool) -> None:
        self._connection = connection
        self._values: dict[str, Any] = {"company": company, "guids": list(guids), "job": job[:40], "needed": needed}
        row = connection.execute(_POLICY, self._values).one()
        self._values["policy"] = row.policy
        self.active = bool(row.policy != "flag" or row.decided)

    def take_out(self) -> None:
        """Find who is known among the good rows of `candidate`, and take them out of it."""
        self._run(_LOCK, _NEWCOMERS, text("ANALYZE newcomer"), _ENTERED)
        parse_into_form(self._connection, "entered")
        self._run(_KEYS, text("CREATE INDEX ON newkey (kind, value)"), text("ANALYZE newkey"), _MATCHES)
        if self._values["policy"] != "flag":
            while self._connection.execute(_FOLLOW).rowcount:
                pass
            self._run(_RECOGNISE, _AMBIGUOUS)
        self._run(_KNOWN, _LEAVE)
        if self._values["needed"]:
            self._run(_NEEDED)

    def settle(self, tally: Tally) -> bool:
        """When the others have their accounts: link the known or hold them. Returns whether somebody was linked."""
        self._run(_OF_LEADER, _LINK)
        linked = tally.add("linked", self._connection.execute(text(_BY_ORIGIN.format(what="link"))))
        if linked:
            self._run(_CONTACTS)
            record(self._connection, AuditKind.LINKED, _AUDITED, self._values["job"], self._values)
            enqueue(
                self._connection,
                "SELECT CAST(:company AS text) AS dataareaid, accountnum FROM known WHERE what = 'link'",
                self._values,
            )
        self._run(_NEW_KEYS, _HOLD, _SAY_HELD)
        tally.add("held", self._connection.execute(text(_BY_ORIGIN.format(what="hold"))))
        return bool(linked)

    def _run(self, *statements: TextClause) -> None:
        for statement in statements:
            self._connection.execute(statement, self._values)


def prepare(hq: Engine, company: str, progress: Progress = silent, *, needed: bool = False) -> None:
    """Bring the match keys of a company's customers up to date, where its policy asks for them before a conversion.

    Args:
        needed: sales wait for the customers. With `hold` they are created all the same, so nothing is asked.

    Raises:
        KeysNotMadeError: the database does not let them be made. Who is known cannot be told, so nobody of the company
            may be created; its pending creations say so.
    """
    with hq.connect() as connection:
        policy = connection.execute(_POLICY, {"company": company, "guids": []}).one().policy
    if policy == "flag" or (needed and policy == "hold"):
        return
    try:
        changes.make_keys(hq, [company], progress=progress)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise  # headquarters is gone, for every company
        reason = (
            f"who is known already cannot be told: making match keys has failed ({describe_error(error)}). The next "
            f"run tries again; `commerce customers duplicates find --company {company}` does it at once"
        )
        with hq.begin() as connection:
            connection.execute(_SAY_NOT_TOLD, {"company": company, "reason": reason})
        raise KeysNotMadeError(f"Company {company}: {reason}.") from None
