"""Commerce Data Exchange: databases, sessions, quarantine, outbox, packages; and the runs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "run",
        sa.Column("run", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("businessdate", sa.Date(), nullable=True),
        sa.Column("opened", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed", sa.DateTime(timezone=True), nullable=True),
        sa.Column("summary", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint("(kind = 'customer_sync') = (businessdate IS NULL)", name=op.f("ck_run_businessdate")),
        sa.CheckConstraint("kind IN ('end_of_day', 'customer_sync', 'historical')", name=op.f("ck_run_kind")),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_run")),
        sa.UniqueConstraint("key", name=op.f("uq_run_key")),
        schema="cdx",
    )
    op.create_table(
        "gateverdict",
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("store", sa.String(length=10), nullable=False),
        sa.Column("rule", sa.String(length=60), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("sample", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("severity IN ('critical', 'warning', 'info')", name=op.f("ck_gateverdict_severity")),
        sa.ForeignKeyConstraint(["run"], ["cdx.run.run"], name=op.f("fk_gateverdict_run")),
        sa.PrimaryKeyConstraint("run", "store", "rule", name=op.f("pk_gateverdict")),
        schema="cdx",
        comment="what the quality gate found; count 0 never stands here: a store without a critical row has passed",
    )
    op.create_table(
        "retailcdxdatagroup",
        sa.Column(
            "recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), autoincrement=False, nullable=False
        ),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid"], ["ax.dataarea.dataareaid"], name=op.f("fk_retailcdxdatagroup_dataareaid")
        ),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_retailcdxdatagroup")),
        sa.UniqueConstraint("name", name=op.f("uq_retailcdxdatagroup_name")),
        schema="cdx",
        comment="channel database group: every database in it receives the customers of the group's company",
    )
    op.create_table(
        "runstep",
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.String(length=30), nullable=False),
        sa.Column("store", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("message", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("amounts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("finished", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('done', 'failed', 'skipped', 'blocked')", name=op.f("ck_runstep_state")),
        sa.ForeignKeyConstraint(["run"], ["cdx.run.run"], name=op.f("fk_runstep_run")),
        sa.PrimaryKeyConstraint("run", "step", "store", name=op.f("pk_runstep")),
        schema="cdx",
        comment="a store without a row for a step did not get through it, whatever happened to the worker",
    )
    op.create_table(
        "runstore",
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("store", sa.String(length=10), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("closed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["cdx.run.run"], name=op.f("fk_runstore_run")),
        sa.PrimaryKeyConstraint("run", "store", name=op.f("pk_runstore")),
        schema="cdx",
        comment="closed: 1 when the store's business day had ended when the run was opened; 0: not yet closed, not posted",
    )
    op.create_table(
        "retailcdxdownloadsession",
        sa.Column("session", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("datagroup", sa.BigInteger(), nullable=False),
        sa.Column("jobid", sa.String(length=10), server_default=sa.text("'1010'"), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("rowsaffected", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("filesize", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("checksum", sa.String(length=64), server_default=sa.text("''"), nullable=False),
        sa.Column("message", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("datecreated", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status BETWEEN 0 AND 10", name=op.f("ck_retailcdxdownloadsession_status")),
        sa.ForeignKeyConstraint(
            ["datagroup"], ["cdx.retailcdxdatagroup.recid"], name=op.f("fk_retailcdxdownloadsession_datagroup")
        ),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_retailcdxdownloadsession")),
        schema="cdx",
    )
    op.create_index(
        "ix_retailcdxdownloadsession_datagroup",
        "retailcdxdownloadsession",
        ["datagroup", "session"],
        unique=False,
        schema="cdx",
    )
    op.create_table(
        "retailconndatabaseprofile",
        sa.Column(
            "recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), autoincrement=False, nullable=False
        ),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("connectionstring", sa.Text(), nullable=False),
        sa.Column("datagroup", sa.BigInteger(), nullable=False),
        sa.Column("incarnation", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("pausedatasync", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("stopreason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("lastupload", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lastdownload", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "connectionstring !~ '://[^/@]*:[^/@]*@'", name=op.f("ck_retailconndatabaseprofile_no_password")
        ),
        sa.ForeignKeyConstraint(
            ["datagroup"], ["cdx.retailcdxdatagroup.recid"], name=op.f("fk_retailconndatabaseprofile_datagroup")
        ),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_retailconndatabaseprofile")),
        sa.UniqueConstraint("name", name=op.f("uq_retailconndatabaseprofile_name")),
        schema="cdx",
        comment="a channel database; stopreason is set when it was restored from a backup and waits for a new incarnation",
    )
    op.create_table(
        "packagepart",
        sa.Column("session", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("tablename", sa.String(length=60), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("checksum", sa.String(length=64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("octet_length(data) <= 16777216", name=op.f("ck_packagepart_size")),
        sa.ForeignKeyConstraint(
            ["session"], ["cdx.retailcdxdownloadsession.session"], name=op.f("fk_packagepart_session")
        ),
        sa.PrimaryKeyConstraint("session", "part", name=op.f("pk_packagepart")),
        schema="cdx",
        comment="Arrow IPC with zstd; deleted when every channel of the group has applied the session",
    )
    op.create_table(
        "quarantine",
        sa.Column("quarantineid", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("datastore", sa.BigInteger(), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("tablename", sa.String(length=60), nullable=False),
        sa.Column("replicationcounterfromorigin", sa.BigInteger(), nullable=False),
        sa.Column("rawdata", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("errorclass", sa.String(length=10), nullable=False),
        sa.Column("status", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("uploadsession", sa.BigInteger(), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("resolveddatetime", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "errorclass IN ('transient', 'pending', 'permanent')", name=op.f("ck_quarantine_errorclass")
        ),
        sa.CheckConstraint("status BETWEEN 0 AND 2", name=op.f("ck_quarantine_status")),
        sa.ForeignKeyConstraint(
            ["datastore"], ["cdx.retailconndatabaseprofile.recid"], name=op.f("fk_quarantine_datastore")
        ),
        sa.PrimaryKeyConstraint("quarantineid", name=op.f("pk_quarantine")),
        sa.UniqueConstraint(
            "datastore",
            "incarnation",
            "tablename",
            "replicationcounterfromorigin",
            name=op.f("uq_quarantine_datastore_incarnation_tablename_replicationcounterfromorigin"),
        ),
        schema="cdx",
        comment='rawdata: the row as read, text by column; bytes that are no text stand as {"hex": ...}',
    )
    op.create_index(
        "ix_quarantine_custaccountasync",
        "quarantine",
        [sa.literal_column("(rawdata ->> 'custaccountasync')")],
        unique=False,
        schema="cdx",
        postgresql_where=sa.text("status = 0"),
    )
    op.create_table(
        "retailcdxdownloadsessiondatastore",
        sa.Column("session", sa.BigInteger(), nullable=False),
        sa.Column("datastore", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("trycount", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rowsaffected", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("message", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("daterequested", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dateapplied", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status BETWEEN 0 AND 10", name=op.f("ck_retailcdxdownloadsessiondatastore_status")),
        sa.ForeignKeyConstraint(
            ["datastore"],
            ["cdx.retailconndatabaseprofile.recid"],
            name=op.f("fk_retailcdxdownloadsessiondatastore_datastore"),
        ),
        sa.ForeignKeyConstraint(
            ["session"],
            ["cdx.retailcdxdownloadsession.session"],
            name=op.f("fk_retailcdxdownloadsessiondatastore_session"),
        ),
        sa.PrimaryKeyConstraint("session", "datastore", name=op.f("pk_retailcdxdownloadsessiondatastore")),
        schema="cdx",
    )
    op.create_index(
        "ix_retailcdxdownloadsessiondatastore_datastore",
        "retailcdxdownloadsessiondatastore",
        ["datastore", "session"],
        unique=False,
        schema="cdx",
    )
    op.create_table(
        "retailcdxuploadsession",
        sa.Column("uploadsessionid", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("datastore", sa.BigInteger(), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("jobid", sa.String(length=10), server_default=sa.text("'P-0001'"), nullable=False),
        sa.Column("stream", sa.String(length=10), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("rowsaffected", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("filesize", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("trycount", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("message", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("datecreated", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("dateuploaded", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dateapplied", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "stream IN ('customers', 'current', 'history')", name=op.f("ck_retailcdxuploadsession_stream")
        ),
        sa.CheckConstraint("status BETWEEN 0 AND 6", name=op.f("ck_retailcdxuploadsession_status")),
        sa.ForeignKeyConstraint(
            ["datastore"], ["cdx.retailconndatabaseprofile.recid"], name=op.f("fk_retailcdxuploadsession_datastore")
        ),
        sa.PrimaryKeyConstraint("uploadsessionid", name=op.f("pk_retailcdxuploadsession")),
        schema="cdx",
        comment="one slice of a P-job: what it took and the watermark commit together",
    )
    op.create_index(
        "ix_retailcdxuploadsession_datastore",
        "retailcdxuploadsession",
        ["datastore", "uploadsessionid"],
        unique=False,
        schema="cdx",
    )
    op.create_table(
        "uploadwatermark",
        sa.Column("datastore", sa.BigInteger(), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("stream", sa.String(length=10), nullable=False),
        sa.Column("tablename", sa.String(length=60), nullable=False),
        sa.Column("replicationcounter", sa.BigInteger(), nullable=False),
        sa.Column("contenthash", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["datastore"], ["cdx.retailconndatabaseprofile.recid"], name=op.f("fk_uploadwatermark_datastore")
        ),
        sa.PrimaryKeyConstraint("datastore", "incarnation", "stream", "tablename", name=op.f("pk_uploadwatermark")),
        schema="cdx",
        comment="contenthash: of the row at the counter, read again by the next upload to notice a restored backup",
    )
    op.create_table(
        "outbox",
        sa.Column("outboxid", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("datagroup", sa.BigInteger(), nullable=False),
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("accountnum", sa.String(length=20), nullable=False),
        sa.Column("session", sa.BigInteger(), nullable=True),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "accountnum"],
            ["ax.custtable.dataareaid", "ax.custtable.accountnum"],
            name=op.f("fk_outbox_dataareaid_accountnum"),
        ),
        sa.ForeignKeyConstraint(["datagroup"], ["cdx.retailcdxdatagroup.recid"], name=op.f("fk_outbox_datagroup")),
        sa.ForeignKeyConstraint(["session"], ["cdx.retailcdxdownloadsession.session"], name=op.f("fk_outbox_session")),
        sa.PrimaryKeyConstraint("outboxid", name=op.f("pk_outbox")),
        schema="cdx",
        comment="change tracking for job 1010: written in the transaction that changes a customer, claimed by a package",
    )
    op.create_index("ix_outbox_session", "outbox", ["session"], unique=False, schema="cdx")
    op.create_index(
        "uq_outbox_waiting",
        "outbox",
        ["datagroup", "dataareaid", "accountnum"],
        unique=True,
        schema="cdx",
        postgresql_where=sa.text("session IS NULL"),
    )
    op.create_table(
        "retailcdxdatastorechannel",
        sa.Column("channel", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("databaseprofile", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel"], ["ax.retailchanneltable.recid"], name=op.f("fk_retailcdxdatastorechannel_channel")
        ),
        sa.ForeignKeyConstraint(
            ["databaseprofile"],
            ["cdx.retailconndatabaseprofile.recid"],
            name=op.f("fk_retailcdxdatastorechannel_databaseprofile"),
        ),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_retailcdxdatastorechannel")),
        schema="cdx",
    )
    op.create_index(
        op.f("ix_retailcdxdatastorechannel_databaseprofile"),
        "retailcdxdatastorechannel",
        ["databaseprofile"],
        unique=False,
        schema="cdx",
    )
