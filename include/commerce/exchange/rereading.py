"""What a change of the channel registry means for rows that were read before: read them again, or refuse the change.

Both hold the P-job's lock of the database until the change is committed: an upload between question and answer would
read by the old registry.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from commerce.errors import CommerceError
from commerce.exchange.channels import FOREIGN_STORE
from commerce.schema.enums import QuarantineStatus

LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 0))")
HAS_TAKEN = text("""
SELECT EXISTS (
    SELECT FROM cdx.uploadwatermark AS w
    JOIN cdx.retailconndatabaseprofile AS p ON p.recid = w.datastore AND p.incarnation = w.incarnation
    WHERE p.recid = :datastore AND w.stream IN ('current', 'history') AND w.replicationcounter > 0)
""")
BEGIN_AGAIN = text("""
UPDATE cdx.uploadwatermark AS w SET replicationcounter = 0, contenthash = NULL, roundcounter = 0, openshifts = '{}'
FROM cdx.retailconndatabaseprofile AS p
WHERE p.recid = :datastore AND w.datastore = p.recid AND w.incarnation = p.incarnation
""")
FORGET_ROUNDS = text("""
DELETE FROM cdx.uploadround AS w USING cdx.retailconndatabaseprofile AS p
WHERE p.recid = :datastore AND w.datastore = p.recid AND w.incarnation = p.incarnation
""")
RELEASE = text("""
DELETE FROM cdx.quarantine WHERE datastore = :datastore AND status = :open AND position(:reason IN reason) > 0
""")


def has_taken_transactions(connection: Connection, datastore: int) -> bool:
    """Whether an upload has passed transactions of the database, by the cut-over dates of its stores.

    Raises:
        CommerceError: an upload of the database is running.
    """
    _lock(connection, datastore)
    return bool(connection.execute(HAS_TAKEN, {"datastore": datastore}).scalar_one())


def read_again(connection: Connection, datastore: int) -> None:
    """A store has joined the database: let the next upload read everything again, and take what was refused because
    the store was not known. What is in headquarters already is skipped by its counter and content.

    Raises:
        CommerceError: an upload of the database is running.
    """
    _lock(connection, datastore)
    key = {"datastore": datastore}
    connection.execute(BEGIN_AGAIN, key)
    connection.execute(FORGET_ROUNDS, key)
    # Gone, not resolved: a row that is still wrong, for another reason or store, comes back with its reason.
    connection.execute(RELEASE, {**key, "open": QuarantineStatus.OPEN, "reason": FOREIGN_STORE})


def _lock(connection: Connection, datastore: int) -> None:
    if not connection.execute(LOCK, {"key": f"P-0001 {datastore}"}).scalar_one():
        raise CommerceError("An upload of this channel database is running. Try again when it has ended.")
