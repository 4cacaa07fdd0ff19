"""Sessions with all their states, parameters of the exchange, heartbeat, full resynchronization."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "retailconnparameters",
        sa.Column("key", sa.Integer(), server_default=sa.text("0"), autoincrement=False, nullable=False),
        sa.Column("trycount", sa.Integer(), server_default=sa.text("3"), nullable=False),
        sa.Column("packageretentiondays", sa.Integer(), server_default=sa.text("30"), nullable=False),
        sa.Column("sessionspercall", sa.Integer(), server_default=sa.text("100"), nullable=False),
        sa.Column("secondspercall", sa.Integer(), server_default=sa.text("60"), nullable=False),
        sa.Column("behindminutes", sa.Integer(), server_default=sa.text("60"), nullable=False),
        sa.Column("awayhours", sa.Integer(), server_default=sa.text("24"), nullable=False),
        sa.CheckConstraint("key = 0", name=op.f("ck_retailconnparameters_key")),
        sa.CheckConstraint(
            "least(trycount, packageretentiondays, sessionspercall, secondspercall, behindminutes, awayhours) > 0",
            name=op.f("ck_retailconnparameters_positive"),
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_retailconnparameters")),
        schema="cdx",
        comment="parameters of Commerce Data Exchange, in one row; without it the defaults hold",
    )
    op.create_table(
        "retailcdxdatastoreheartbeatlog",
        sa.Column("datastore", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("datelastheartbeatrecorded", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["datastore"],
            ["cdx.retailconndatabaseprofile.recid"],
            name=op.f("fk_retailcdxdatastoreheartbeatlog_datastore"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("datastore", name=op.f("pk_retailcdxdatastoreheartbeatlog")),
        schema="cdx",
        comment="when the channel database was reached last, for an upload or a download",
    )
    op.create_table(
        "uploadsessiontable",
        sa.Column("uploadsessionid", sa.BigInteger(), nullable=False),
        sa.Column("tablename", sa.String(length=60), nullable=False),
        sa.Column("lowcounter", sa.BigInteger(), nullable=False),
        sa.Column("highcounter", sa.BigInteger(), nullable=False),
        sa.Column("rowsread", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rowsaffected", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("quarantined", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["uploadsessionid"],
            ["cdx.retailcdxuploadsession.uploadsessionid"],
            name=op.f("fk_uploadsessiontable_uploadsessionid"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("uploadsessionid", "tablename", name=op.f("pk_uploadsessiontable")),
        schema="cdx",
        comment="the extent of an upload session: rows with lowcounter < replication counter <= highcounter",
    )
    op.add_column(
        "retailcdxdownloadsession",
        sa.Column("kind", sa.String(length=11), server_default=sa.text("'incremental'"), nullable=False),
        schema="cdx",
    )
    op.add_column(
        "retailcdxdownloadsession",
        sa.Column("customers", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        schema="cdx",
    )
    op.add_column(
        "retailcdxdownloadsession",
        sa.Column("trycount", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="cdx",
    )
    op.add_column(
        "retailcdxdownloadsession", sa.Column("lastaccount", sa.String(length=20), nullable=True), schema="cdx"
    )
    op.add_column(
        "retailcdxdownloadsession", sa.Column("dateavailable", sa.DateTime(timezone=True), nullable=True), schema="cdx"
    )
    op.create_index(
        "ix_retailcdxdownloadsession_full",
        "retailcdxdownloadsession",
        ["datagroup", "session"],
        unique=False,
        schema="cdx",
        postgresql_where=sa.text("kind = 'full'"),
    )
    op.create_index(
        "ix_retailcdxdownloadsession_open",
        "retailcdxdownloadsession",
        ["datagroup", "session"],
        unique=False,
        schema="cdx",
        postgresql_where=sa.text("status NOT IN (4, 5, 9)"),
    )
    op.create_table_comment(
        "retailcdxdownloadsession",
        "full: all customers of the group, made in bounded batches; lastaccount: how far it has come",
        existing_comment=None,
        schema="cdx",
    )
    op.add_column(
        "retailcdxdownloadsessiondatastore",
        sa.Column("datedownloaded", sa.DateTime(timezone=True), nullable=True),
        schema="cdx",
    )
    op.create_index(
        "ix_retailcdxdownloadsessiondatastore_open",
        "retailcdxdownloadsessiondatastore",
        ["datastore", "session"],
        unique=False,
        schema="cdx",
        postgresql_where=sa.text("status NOT IN (4, 5, 9)"),
    )
    op.create_index(
        "ix_retailcdxdownloadsessiondatastore_session_open",
        "retailcdxdownloadsessiondatastore",
        ["session"],
        unique=False,
        schema="cdx",
        postgresql_where=sa.text("status NOT IN (4, 5, 9)"),
    )
    op.add_column(
        "retailcdxuploadsession",
        sa.Column("checksum", sa.String(length=64), server_default=sa.text("''"), nullable=False),
        schema="cdx",
    )
    op.add_column("retailcdxuploadsession", sa.Column("rerunfor", sa.BigInteger(), nullable=True), schema="cdx")
    op.add_column(
        "retailcdxuploadsession", sa.Column("dateavailable", sa.DateTime(timezone=True), nullable=True), schema="cdx"
    )
    op.create_index(
        "ix_retailcdxuploadsession_open",
        "retailcdxuploadsession",
        ["datastore"],
        unique=False,
        schema="cdx",
        postgresql_where=sa.text("status NOT IN (3, 4)"),
    )
    op.create_foreign_key(
        op.f("fk_retailcdxuploadsession_rerunfor"),
        "retailcdxuploadsession",
        "retailcdxuploadsession",
        ["rerunfor"],
        ["uploadsessionid"],
        source_schema="cdx",
        referent_schema="cdx",
    )
    op.create_table_comment(
        "retailcdxuploadsession",
        "one slice of a P-job: what it took and the watermark commit together; rerunfor: it reads that one's rows",
        existing_comment="one slice of a P-job: what it took and the watermark commit together",
        schema="cdx",
    )
    op.add_column(
        "retailconndatabaseprofile",
        sa.Column("fullsyncreason", sa.Text(), server_default=sa.text("''"), nullable=False),
        schema="cdx",
    )
    op.add_column(
        "retailconndatabaseprofile",
        sa.Column("comparedownloads", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="cdx",
    )
    op.add_column(
        "retailconndatabaseprofile", sa.Column("statesince", sa.DateTime(timezone=True), nullable=True), schema="cdx"
    )
    op.create_table_comment(
        "retailconndatabaseprofile",
        "a channel database; stopreason is set when it was restored from a backup and waits for a new incarnation, fullsyncreason when it needs a full resynchronization; comparedownloads: it may have lost download sessions",
        existing_comment="a channel database; stopreason is set when it was restored from a backup and waits for a new incarnation",
        schema="cdx",
    )
    op.create_check_constraint(
        op.f("ck_retailcdxdownloadsession_kind"),
        "retailcdxdownloadsession",
        "kind IN ('incremental', 'full')",
        schema="cdx",
    )
    op.execute(
        """
        UPDATE cdx.retailcdxdownloadsession AS s SET dateavailable = s.datecreated, customers = (
            SELECT count(*) FROM cdx.outbox AS o WHERE o.session = s.session)
        """
    )
