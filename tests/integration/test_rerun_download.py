"""A suspended download session comes back when a person says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from commerce import exchange
from commerce.errors import UsageError
from commerce.exchange.outbox import enqueue
from commerce.schema.enums import DownloadSessionStatus as Status
from support.company import add_company, add_customer
from support.registers import add_register, rows

STATES = """
SELECT p.name, d.status, d.trycount FROM cdx.retailcdxdownloadsessiondatastore AS d
JOIN cdx.retailconndatabaseprofile AS p ON p.recid = d.datastore ORDER BY d.session, p.name
"""


def test_a_suspended_session_is_applied_after_a_rerun(hq: Engine, channel_db: Callable[[str], Engine]) -> None:
    add_company(hq)
    registers = [add_register(hq, channel_db, store) for store in ("S1", "S2")]
    add_customer(hq, "C1")
    with hq.begin() as connection:
        enqueue(connection, "SELECT dataareaid, accountnum FROM ax.custtable WHERE accountnum = 'C1'")
    for register in registers:
        register.execute("ALTER TABLE custtable RENAME TO away")
    for _ in range(3):
        exchange.distribute(hq, stores=["S1", "S2"])
    suspended = [("S1", Status.SUSPENDED, 3), ("S2", Status.SUSPENDED, 3)]
    assert rows(hq, STATES) == suspended
    ((session,),) = rows(hq, "SELECT session FROM cdx.retailcdxdownloadsession")
    for wrong in ((session + 1, None), (session, "NOPE")):
        with pytest.raises(UsageError, match="neither suspended nor failed"):
            exchange.rerun_download(hq, *wrong)
    assert rows(hq, STATES) == suspended

    for register in registers:
        register.execute("ALTER TABLE away RENAME TO custtable")
    assert "commerce sessions rerun D" in exchange.distribute(hq, stores=["S1"]).stores["S1"].message
    assert exchange.rerun_download(hq, session, "S1") == ("S1",)
    assert rows(hq, STATES) == [("S1", Status.AVAILABLE, 0), ("S2", Status.SUSPENDED, 3)]
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert registers[0].execute("SELECT accountnum FROM custtable") == [("C1",)]
    assert exchange.rerun_download(hq, session) == ("S2",)
    assert exchange.distribute(hq, stores=["S2"]).ok
    assert [status for _, status, _ in rows(hq, STATES)] == [Status.APPLIED, Status.APPLIED]
    with pytest.raises(UsageError):
        exchange.rerun_download(hq, session)
