"""Heartbeat of channel databases: whoever reaches one, for an upload or a download, says so."""

from __future__ import annotations

from sqlalchemy import Engine, text

from commerce.database import autocommit
from commerce.exchange.channels import ChannelDatabase

RECORD = """
INSERT INTO cdx.retailcdxdatastoreheartbeatlog (datastore, datelastheartbeatrecorded) VALUES (:datastore, now())
ON CONFLICT (datastore) DO UPDATE SET datelastheartbeatrecorded = excluded.datelastheartbeatrecorded
"""
CONTACT = text(RECORD)


def contact(hq: Engine, database: ChannelDatabase) -> None:
    """Record that `database` was reached just now."""
    with autocommit(hq) as connection:
        connection.execute(CONTACT, {"datastore": database.recid})
