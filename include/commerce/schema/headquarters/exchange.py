"""Commerce Data Exchange bookkeeping: channel databases, sessions, watermarks, quarantine, outbox, packages, runs."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from commerce.schema.headquarters.base import created, metadata, moment, recid

DATA_GROUP = Table(
    "retailcdxdatagroup",
    metadata,
    recid(),
    Column("name", String(60), nullable=False, unique=True),
    Column("dataareaid", String(4), ForeignKey("ax.dataarea.dataareaid"), nullable=False),
    moment("forgottenuntil"),
    schema="cdx",
    comment="channel database group: every database in it receives the customers of the group's company;"
    " forgottenuntil: of its sessions up to here it is not known any more which customers travelled in them",
)

DATABASE_PROFILE = Table(
    "retailconndatabaseprofile",
    metadata,
    recid(),
    Column("name", String(60), nullable=False, unique=True),
    Column("connectionstring", Text, nullable=False),
    Column("datagroup", BigInteger, ForeignKey("cdx.retailcdxdatagroup.recid"), nullable=False),
    Column("incarnation", Integer, nullable=False, server_default=text("1")),
    Column("pausedatasync", Integer, nullable=False, server_default=text("0")),
    Column("stopreason", Text, nullable=False, server_default=text("''")),
    Column("fullsyncreason", Text, nullable=False, server_default=text("''")),
    Column("comparedownloads", Integer, nullable=False, server_default=text("0")),
    Column("incomplete", Integer, nullable=False, server_default=text("0")),
    moment("statesince"),
    created(),
    moment("lastupload"),
    moment("lastdownload"),
    Column("forgottensession", BigInteger, nullable=False, server_default=text("0")),
    Column("forgottenrows", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("connectionstring !~ '://[^/@]*:[^/@]*@'", name="no_password"),
    schema="cdx",
    comment="a channel database; stopreason is set when it was restored from a backup and waits for a new incarnation,"
    " fullsyncreason when it needs a full resynchronization; comparedownloads: it may have lost download sessions;"
    " incomplete: a person has canceled its full resynchronization; forgottensession: the highest of the applied"
    " download sessions that are not kept any more; forgottenrows: the rows of that one",
)

HEARTBEAT = Table(
    "retailcdxdatastoreheartbeatlog",
    metadata,
    Column(
        "datastore",
        BigInteger,
        ForeignKey("cdx.retailconndatabaseprofile.recid", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("datelastheartbeatrecorded", DateTime(timezone=True), nullable=False),
    schema="cdx",
    comment="when the channel database was reached last, for an upload or a download",
)

PARAMETERS = Table(
    "retailconnparameters",
    metadata,
    Column("key", Integer, primary_key=True, autoincrement=False, server_default=text("0")),
    Column("trycount", Integer, nullable=False, server_default=text("3")),
    Column("packageretentiondays", Integer, nullable=False, server_default=text("30")),
    Column("sessionspercall", Integer, nullable=False, server_default=text("100")),
    Column("secondspercall", Integer, nullable=False, server_default=text("60")),
    Column("behindminutes", Integer, nullable=False, server_default=text("60")),
    Column("awayhours", Integer, nullable=False, server_default=text("24")),
    Column("sessionretentiondays", Integer, nullable=False, server_default=text("400")),
    CheckConstraint("key = 0", name="key"),
    CheckConstraint(
        "least(trycount, packageretentiondays, sessionspercall, secondspercall, behindminutes, awayhours,"
        " sessionretentiondays) > 0",
        name="positive",
    ),
    schema="cdx",
    comment="parameters of Commerce Data Exchange, in one row; without it the defaults hold",
)

DATA_STORE_CHANNEL = Table(
    "retailcdxdatastorechannel",
    metadata,
    Column("channel", BigInteger, ForeignKey("ax.retailchanneltable.recid"), primary_key=True, autoincrement=False),
    Column(
        "databaseprofile", BigInteger, ForeignKey("cdx.retailconndatabaseprofile.recid"), nullable=False, index=True
    ),
    schema="cdx",
)

UPLOAD_SESSION = Table(
    "retailcdxuploadsession",
    metadata,
    Column("uploadsessionid", BigInteger, Identity(), primary_key=True),
    Column("datastore", BigInteger, ForeignKey("cdx.retailconndatabaseprofile.recid"), nullable=False),
    Column("incarnation", Integer, nullable=False),
    Column("jobid", String(10), nullable=False, server_default=text("'P-0001'")),
    Column("stream", String(10), nullable=False),
    Column("status", Integer, nullable=False),
    Column("rowsaffected", BigInteger, nullable=False, server_default=text("0")),
    Column("filesize", BigInteger, nullable=False, server_default=text("0")),
    Column("checksum", String(64), nullable=False, server_default=text("''")),
    Column("trycount", Integer, nullable=False, server_default=text("0")),
    Column("message", Text, nullable=False, server_default=text("''")),
    Column("rerunfor", BigInteger, ForeignKey("cdx.retailcdxuploadsession.uploadsessionid"), nullable=True),
    created("datecreated"),
    moment("dateavailable"),
    moment("dateuploaded"),
    moment("dateapplied"),
    CheckConstraint("status BETWEEN 0 AND 6", name="status"),
    CheckConstraint("stream IN ('customers', 'current', 'history')", name="stream"),
    Index("ix_retailcdxuploadsession_datastore", "datastore", "uploadsessionid"),
    Index("ix_retailcdxuploadsession_open", "datastore", postgresql_where=text("status NOT IN (3, 4)")),
    schema="cdx",
    comment="one slice of a P-job: what it took and the watermark commit together; rerunfor: it reads that one's rows",
)

UPLOAD_SESSION_TABLE = Table(
    "uploadsessiontable",
    metadata,
    Column(
        "uploadsessionid",
        BigInteger,
        ForeignKey("cdx.retailcdxuploadsession.uploadsessionid", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("tablename", String(60), nullable=False),
    Column("lowcounter", BigInteger, nullable=False),
    Column("highcounter", BigInteger, nullable=False),
    Column("rowsread", BigInteger, nullable=False, server_default=text("0")),
    Column("rowsaffected", BigInteger, nullable=False, server_default=text("0")),
    Column("quarantined", BigInteger, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("uploadsessionid", "tablename"),
    schema="cdx",
    comment="the extent of an upload session: rows with lowcounter < replication counter <= highcounter",
)

UPLOAD_WATERMARK = Table(
    "uploadwatermark",
    metadata,
    Column("datastore", BigInteger, ForeignKey("cdx.retailconndatabaseprofile.recid"), nullable=False),
    Column("incarnation", Integer, nullable=False),
    Column("stream", String(10), nullable=False),
    Column("tablename", String(60), nullable=False),
    Column("replicationcounter", BigInteger, nullable=False),
    Column("contenthash", Uuid, nullable=True),
    Column("roundcounter", BigInteger, nullable=False, server_default=text("0")),
    Column("openshifts", ARRAY(BigInteger), nullable=False, server_default=text("'{}'")),
    PrimaryKeyConstraint("datastore", "incarnation", "stream", "tablename"),
    schema="cdx",
    comment="contenthash: of the row at the counter, read again by the next upload to notice a restored backup; "
    "roundcounter: how far the round under way is taken (uploadround); openshifts: counters of shifts that were passed "
    "while they were open",
)

UPLOAD_ROUND = Table(
    "uploadround",
    metadata,
    Column("datastore", BigInteger, ForeignKey("cdx.retailconndatabaseprofile.recid"), nullable=False),
    Column("incarnation", Integer, nullable=False),
    Column("stream", String(10), nullable=False),
    Column("server", Text, nullable=False),
    Column("taken", Text, nullable=False, server_default=text("''")),
    Column("underway", Text, nullable=False, server_default=text("''")),
    PrimaryKeyConstraint("datastore", "incarnation", "stream"),
    schema="cdx",
    comment="channels on PostgreSQL, snapshots (pg_snapshot) of the channel: all rows visible in taken are taken; "
    "those visible in underway are being taken, slice by slice; server: whose transaction ids they are",
)

QUARANTINE = Table(
    "quarantine",
    metadata,
    Column("quarantineid", BigInteger, Identity(), primary_key=True),
    Column("datastore", BigInteger, ForeignKey("cdx.retailconndatabaseprofile.recid"), nullable=False),
    Column("incarnation", Integer, nullable=False),
    Column("tablename", String(60), nullable=False),
    Column("replicationcounterfromorigin", BigInteger, nullable=False),
    Column("rawdata", JSONB, nullable=False),
    Column("rawhash", Uuid, nullable=True),
    Column("reason", Text, nullable=False),
    Column("errorclass", String(10), nullable=False),
    Column("status", Integer, nullable=False, server_default=text("0")),
    Column("uploadsession", BigInteger, nullable=False),
    created(),
    moment("resolveddatetime"),
    UniqueConstraint("datastore", "incarnation", "tablename", "replicationcounterfromorigin"),
    CheckConstraint("errorclass IN ('transient', 'pending', 'permanent')", name="errorclass"),
    CheckConstraint("status BETWEEN 0 AND 2", name="status"),
    Index(
        "ix_quarantine_custaccountasync", text("(rawdata ->> 'custaccountasync')"), postgresql_where=text("status = 0")
    ),
    Index(
        "ix_quarantine_unpurged",
        text("(rawdata ->> 'dataareaid')"),
        "tablename",
        text("coalesce(resolveddatetime, createddatetime)"),
        postgresql_where=text("status <> 0 AND rawhash IS NULL"),
    ),
    schema="cdx",
    comment='rawdata: the row as read, text by column; bytes that are no text stand as {"hex": ...}; '
    "rawhash: of the rawdata that was here before its personal data was removed",
)

QUARANTINE_AUDIT = Table(
    "quarantineaudit",
    metadata,
    Column("auditid", BigInteger, Identity(), primary_key=True),
    Column(
        "quarantineid",
        BigInteger,
        ForeignKey("cdx.quarantine.quarantineid", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("kind", String(10), nullable=False),
    Column("field", String(60), nullable=False, server_default=text("''")),
    Column("oldvalue", Text, nullable=True),
    Column("newvalue", Text, nullable=True),
    Column("changedby", String(60), nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),
    created(),
    CheckConstraint("kind IN ('fixed', 'retried', 'ignored')", name="kind"),
    schema="cdx",
    comment="who settled a quarantined row, and what was changed; goes with the row",
)

OUTBOX = Table(
    "outbox",
    metadata,
    Column("outboxid", BigInteger, Identity(), primary_key=True),
    Column("datagroup", BigInteger, ForeignKey("cdx.retailcdxdatagroup.recid"), nullable=False),
    Column("dataareaid", String(4), nullable=False),
    Column("accountnum", String(20), nullable=False),
    Column("session", BigInteger, ForeignKey("cdx.retailcdxdownloadsession.session"), nullable=True),
    created(),
    ForeignKeyConstraint(["dataareaid", "accountnum"], ["ax.custtable.dataareaid", "ax.custtable.accountnum"]),
    Index(
        "uq_outbox_waiting",
        "datagroup",
        "dataareaid",
        "accountnum",
        unique=True,
        postgresql_where=text("session IS NULL"),
    ),
    Index("ix_outbox_session", "session"),
    schema="cdx",
    comment="change tracking for job 1010: written in the transaction that changes a customer, claimed by a package",
)

TOMBSTONE = Table(
    "tombstone",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("accountnum", String(20), nullable=False),
    Column("tablename", String(60), nullable=False),
    Column("recid", BigInteger, nullable=False),
    created(),
    PrimaryKeyConstraint("dataareaid", "accountnum", "tablename", "recid"),
    schema="cdx",
    comment="a row of a customer that was deleted here: every package with the customer deletes it on the channels",
)
"""`recid`: the row's record id, or the affiliation or attribute where that is the key. No personal data."""

DOWNLOAD_SESSION = Table(
    "retailcdxdownloadsession",
    metadata,
    Column("session", BigInteger, Identity(), primary_key=True),
    Column("datagroup", BigInteger, ForeignKey("cdx.retailcdxdatagroup.recid"), nullable=False),
    Column("jobid", String(10), nullable=False, server_default=text("'1010'")),
    Column("kind", String(11), nullable=False, server_default=text("'incremental'")),
    Column("status", Integer, nullable=False),
    Column("customers", BigInteger, nullable=False, server_default=text("0")),
    Column("rowsaffected", BigInteger, nullable=False, server_default=text("0")),
    Column("filesize", BigInteger, nullable=False, server_default=text("0")),
    Column("checksum", String(64), nullable=False, server_default=text("''")),
    Column("trycount", Integer, nullable=False, server_default=text("0")),
    Column("message", Text, nullable=False, server_default=text("''")),
    Column("lastaccount", String(20), nullable=True),
    created("datecreated"),
    moment("dateavailable"),
    CheckConstraint("status BETWEEN 0 AND 10", name="status"),
    CheckConstraint("kind IN ('incremental', 'full')", name="kind"),
    Index("ix_retailcdxdownloadsession_datagroup", "datagroup", "session"),
    Index("ix_retailcdxdownloadsession_full", "datagroup", "session", postgresql_where=text("kind = 'full'")),
    Index("ix_retailcdxdownloadsession_open", "datagroup", "session", postgresql_where=text("status NOT IN (4, 5, 9)")),
    schema="cdx",
    comment="full: all customers of the group, made in bounded batches; lastaccount: how far it has come",
)

DOWNLOAD_SESSION_STORE = Table(
    "retailcdxdownloadsessiondatastore",
    metadata,
    Column("session", BigInteger, ForeignKey("cdx.retailcdxdownloadsession.session"), nullable=False),
    Column("datastore", BigInteger, ForeignKey("cdx.retailconndatabaseprofile.recid"), nullable=False),
    Column("status", Integer, nullable=False),
    Column("trycount", Integer, nullable=False, server_default=text("0")),
    Column("rowsaffected", BigInteger, nullable=False, server_default=text("0")),
    Column("message", Text, nullable=False, server_default=text("''")),
    moment("daterequested"),
    moment("datedownloaded"),
    moment("dateapplied"),
    PrimaryKeyConstraint("session", "datastore"),
    CheckConstraint("status BETWEEN 0 AND 10", name="status"),
    Index("ix_retailcdxdownloadsessiondatastore_datastore", "datastore", "session"),
    Index(
        "ix_retailcdxdownloadsessiondatastore_open",
        "datastore",
        "session",
        postgresql_where=text("status NOT IN (4, 5, 9)"),
    ),
    Index(
        "ix_retailcdxdownloadsessiondatastore_session_open",
        "session",
        postgresql_where=text("status NOT IN (4, 5, 9)"),
    ),
    schema="cdx",
)

PACKAGE_PART = Table(
    "packagepart",
    metadata,
    Column("session", BigInteger, ForeignKey("cdx.retailcdxdownloadsession.session"), nullable=False),
    Column("part", Integer, nullable=False),
    Column("tablename", String(60), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("checksum", String(64), nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("session", "part"),
    CheckConstraint("octet_length(data) <= 16777216", name="size"),
    schema="cdx",
    comment="Arrow IPC with zstd; deleted when every channel of the group has applied the session",
)
