"""Masters that validation looks transactions up in: fiscal periods, items, barcodes, units and tax groups."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Engine, Table

from commerce.schema.headquarters import masters as m


def add_masters(hq: Engine, company: str = "USMF") -> None:
    """ITEM1 (piece) with variant RED and barcode 4711; SERIAL is serial number controlled; a box is twelve pieces; tax
    groups US and ALL share VAT; the year 2026 is open, 2025 closed."""
    put(hq, m.FISCAL_PERIOD, company, startdate=date(2025, 1, 1), enddate=date(2025, 12, 31), status=2)
    put(hq, m.FISCAL_PERIOD, company, startdate=date(2026, 1, 1), enddate=date(2026, 12, 31))
    with hq.begin() as connection:
        for name, active, controlled in (("NONE", 0, 0), ("SERIAL", 1, 1), ("ACTIVE", 1, 0)):
            row = {"name": name, "isserialnumberactive": active, "isserialnumbercontrolled": controlled}
            connection.execute(m.TRACKING_DIMENSION_GROUP.insert(), row)
    for item, group in (("ITEM1", "NONE"), ("SERIAL", "SERIAL"), ("ACTIVE", "ACTIVE"), ("NOGROUP", None)):
        put(hq, m.ITEM, company, itemid=item, unitid="ea", trackingdimensiongroup=group)
    put(hq, m.VARIANT, company, itemid="ITEM1", retailvariantid="RED")
    put(hq, m.BARCODE, company, itembarcode="4711", itemid="ITEM1")
    put(hq, m.UNIT_CONVERSION, company, fromunitofmeasure="box", tounitofmeasure="ea", factor=12)
    put(hq, m.UNIT_CONVERSION, company, fromunitofmeasure="ea", tounitofmeasure="pallet", itemid="SERIAL", factor=0.01)
    for code in ("VAT", "CITY"):
        put(hq, m.TAX_GROUP, company, taxgroup="US", taxcode=code)
    put(hq, m.TAX_GROUP, company, taxgroup="EXPORT", taxcode="ZERO")
    put(hq, m.ITEM_TAX_GROUP, company, taxitemgroup="ALL", taxcode="VAT")


def put(hq: Engine, table: Table, company: str, **values: Any) -> None:
    """One row of a master table."""
    with hq.begin() as connection:
        connection.execute(table.insert(), {"dataareaid": company, **values})
