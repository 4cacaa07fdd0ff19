"""What a change of the channel registry means for rows that were read before: read them again, or refuse the change.

Both hold the P-job's lock of the database until the change is committed: an upload between question and answer would
read by the old registry.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from commerce.errors import CommerceError
from commerce.exchange.channels import FOREIGN_STORE
from commerce.schema.enums import QuarantineStatus

LOCK = text("""
SELECT p.name FROM unnest(CAST(:datastores AS bigint[])) AS k (recid)
JOIN cdx.retailconndatabaseprofile AS p ON p.recid = k.recid
WHERE NOT pg_try_advisory_xact_lock(hashtextextended('P-0001 ' || k.recid, 0)) ORDER BY p.name
""")
TAKEN = text("""
SELECT DISTINCT p.recid FROM cdx.uploadwatermark AS w
JOIN cdx.retailconndatabaseprofile AS p ON p.recid = w.datastore AND p.incarnation = w.incarnation
WHERE p.recid = ANY(:datastores) AND w.stream IN ('current', 'history') AND w.replicationcounter > 0
""")
BEGIN_AGAIN = text("""
UPDATE cdx.uploadwatermark AS w SET replicationcounter = 0, contenthash = NULL, roundcounter = 0, openshifts = '{}'
FROM cdx.retailconndatabaseprofile AS p
WHERE p.recid = ANY(:datastores) AND w.datastore = p.recid AND w.incarnation = p.incarnation
""")
FORGET_ROUNDS = text("""
DELETE FROM cdx.uploadround AS w USING cdx.retailconndatabaseprofile AS p
WHERE p.recid = ANY(:datastores) AND w.datastore = p.recid AND w.incarnation = p.incarnation
""")
RELEASE = text("""
DELETE FROM cdx.quarantine WHERE datastore = ANY(:datastores) AND status = :open AND position(:reason IN reason) > 0
""")


def taken_transactions(connection: Connection, datastores: Sequence[int]) -> set[int]:
    """Those of the databases whose transactions an upload has passed, by the cut-over dates of their stores.

    Raises:
        CommerceError: an upload of one of them is running.
    """
    lock(connection, datastores)
    return set(connection.scalars(TAKEN, {"datastores": list(datastores)}))


def read_again(connection: Connection, datastores: Sequence[int]) -> None:
    """A store has joined each of the databases: let the next upload read everything again, and take what was refused
    because the store was not known. What is in headquarters already is skipped by its counter and content.

    Raises:
        CommerceError: an upload of one of them is running.
    """
    lock(connection, datastores)
    key = {"datastores": list(datastores)}
    connection.execute(BEGIN_AGAIN, key)
    connection.execute(FORGET_ROUNDS, key)
    # Gone, not resolved: a row that is still wrong, for another reason or store, comes back with its reason.
    connection.execute(RELEASE, {**key, "open": QuarantineStatus.OPEN, "reason": FOREIGN_STORE})


def lock(connection: Connection, datastores: Sequence[int]) -> None:
    """Keep uploads of the databases out until the caller's transaction ends.

    Raises:
        CommerceError: one is running.
    """
    busy = list(connection.scalars(LOCK, {"datastores": list(datastores)}))
    if busy:
        raise CommerceError(
            f"An upload of this channel database is running: {', '.join(busy)}. Try again when it has ended."
        )
