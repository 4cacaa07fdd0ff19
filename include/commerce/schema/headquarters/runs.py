"""Runs: what was asked for, how far each store came in each step, and the verdicts of the quality gate."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from commerce.schema.fields import MONEY
from commerce.schema.headquarters.base import created, metadata, moment

RUN = Table(
    "run",
    metadata,
    Column("run", BigInteger, Identity(), primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("kind", String(20), nullable=False),
    Column("businessdate", Date, nullable=True),
    created("opened"),
    moment("closed"),
    Column("summary", JSONB, nullable=True),
    Column("businessdatefrom", Date, nullable=True),
    CheckConstraint(
        "kind IN ('end_of_day', 'customer_sync', 'historical', 'history_upload', 'trickle_feed')", name="kind"
    ),
    CheckConstraint("(kind IN ('customer_sync', 'history_upload')) = (businessdate IS NULL)", name="businessdate"),
    CheckConstraint(
        "businessdatefrom IS NULL OR (kind = 'historical' AND businessdatefrom <= businessdate)",
        name="businessdatefrom",
    ),
    schema="cdx",
    comment="businessdatefrom: the first business date of a historical run that works several, to businessdate",
)

RUN_STORE = Table(
    "runstore",
    metadata,
    Column("run", BigInteger, ForeignKey("cdx.run.run"), nullable=False),
    Column("store", String(10), nullable=False),
    Column("shard", Integer, nullable=False),
    Column("closed", Integer, nullable=False),
    PrimaryKeyConstraint("run", "store"),
    schema="cdx",
    comment="closed: 1 when the store's business day had ended when the run was opened, or the run does not ask"
    " (trickle feed); 0: not yet closed, not posted",
)

RUN_STEP = Table(
    "runstep",
    metadata,
    Column("run", BigInteger, ForeignKey("cdx.run.run"), nullable=False),
    Column("step", String(30), nullable=False),
    Column("store", String(10), nullable=False),
    Column("state", String(10), nullable=False),
    Column("message", Text, nullable=False, server_default=text("''")),
    Column("counts", JSONB, nullable=False, server_default=text("'{}'")),
    Column("amounts", JSONB, nullable=False, server_default=text("'{}'")),
    Column("finished", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("run", "step", "store"),
    CheckConstraint("state IN ('done', 'failed', 'skipped', 'blocked')", name="state"),
    schema="cdx",
    comment="a store without a row for a step did not get through it, whatever happened to the worker",
)

GATE_VERDICT = Table(
    "gateverdict",
    metadata,
    Column("run", BigInteger, ForeignKey("cdx.run.run"), nullable=False),
    Column("store", String(10), nullable=False),
    Column("rule", String(60), nullable=False),
    Column("severity", String(10), nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("amount", MONEY, nullable=False),
    Column("sample", JSONB, nullable=False, server_default=text("'[]'")),
    created(),
    PrimaryKeyConstraint("run", "store", "rule"),
    CheckConstraint("severity IN ('critical', 'warning', 'info')", name="severity"),
    schema="cdx",
    comment="what the quality gate found; count 0 never stands here: a store without a critical row has passed",
)
