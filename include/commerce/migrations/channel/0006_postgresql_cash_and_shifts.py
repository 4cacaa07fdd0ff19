"""Channel databases on PostgreSQL: deposits, cash and shifts."""

import sqlalchemy as sa
from alembic import op

from commerce.schema.channel import TransactionId

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    op.create_table(
        "retailposbatchtable",
        sa.Column("replicationcounterfromorigin", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("storeid", sa.Text(), nullable=False),
        sa.Column("terminalid", sa.Text(), nullable=False),
        sa.Column("batchid", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("staffid", sa.Text(), nullable=True),
        sa.Column("startdate", sa.Date(), nullable=True),
        sa.Column("starttime", sa.Integer(), nullable=True),
        sa.Column("startdatetimeutc", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closedate", sa.Date(), nullable=True),
        sa.Column("closetime", sa.Integer(), nullable=True),
        sa.Column("closedatetimeutc", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closedatterminal", sa.Text(), nullable=True),
        sa.Column("transactionscount", sa.Integer(), nullable=True),
        sa.Column("salescount", sa.Integer(), nullable=True),
        sa.Column("returnscount", sa.Integer(), nullable=True),
        sa.Column("voidscount", sa.Integer(), nullable=True),
        sa.Column("customerscount", sa.Integer(), nullable=True),
        sa.Column("salestotal", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("returnstotal", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("taxtotal", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("discounttotal", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("paidtoaccounttotal", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("roundedamounttotal", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column(
            "replicationtransactionid", TransactionId(), server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("replicationcounterfromorigin", name=op.f("pk_retailposbatchtable")),
        sa.UniqueConstraint(
            "storeid", "terminalid", "batchid", name=op.f("uq_retailposbatchtable_storeid_terminalid_batchid")
        ),
        schema="ax",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_retailposbatchtable_stamp", "retailposbatchtable", ["replicationtransactionid"], unique=False, schema="ax"
    )
    op.create_table(
        "retailtransactionaddresstrans",
        sa.Column("replicationcounterfromorigin", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("transactionid", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("terminal", sa.Text(), nullable=False),
        sa.Column("channel", sa.BigInteger(), nullable=True),
        sa.Column("salelinenum", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("addressidasync", sa.Text(), nullable=True),
        sa.Column("logisticspostaladdress", sa.BigInteger(), nullable=True),
        sa.Column("deliveryname", sa.Text(), nullable=True),
        sa.Column("salesname", sa.Text(), nullable=True),
        sa.Column("attentiontoaddressline", sa.Text(), nullable=True),
        sa.Column("street", sa.Text(), nullable=True),
        sa.Column("streetnumber", sa.Text(), nullable=True),
        sa.Column("districtname", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("county", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("zipcode", sa.Text(), nullable=True),
        sa.Column("countryregionid", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column(
            "replicationtransactionid", TransactionId(), server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("replicationcounterfromorigin", name=op.f("pk_retailtransactionaddresstrans")),
        sa.UniqueConstraint(
            "store",
            "terminal",
            "transactionid",
            "salelinenum",
            name=op.f("uq_retailtransactionaddresstrans_store_terminal_transactionid_salelinenum"),
        ),
        schema="ax",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_retailtransactionaddresstrans_stamp",
        "retailtransactionaddresstrans",
        ["replicationtransactionid"],
        unique=False,
        schema="ax",
    )
    op.create_table(
        "retailtransactionbankedtendertrans",
        sa.Column("replicationcounterfromorigin", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("transactionid", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("terminal", sa.Text(), nullable=False),
        sa.Column("channel", sa.BigInteger(), nullable=True),
        sa.Column("linenum", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("tendertype", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("exchrate", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("amountcur", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("amountmst", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("amounttendered", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("qty", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("cardtypeid", sa.Text(), nullable=True),
        sa.Column("cardoraccount", sa.Text(), nullable=True),
        sa.Column("statustype", sa.Integer(), nullable=True),
        sa.Column("bankbagno", sa.Text(), nullable=True),
        sa.Column("receiptid", sa.Text(), nullable=True),
        sa.Column("staff", sa.Text(), nullable=True),
        sa.Column("shift", sa.Text(), nullable=True),
        sa.Column("transdate", sa.Date(), nullable=True),
        sa.Column("transtime", sa.Integer(), nullable=True),
        sa.Column("businessdate", sa.Date(), nullable=True),
        sa.Column("transactionstatus", sa.Integer(), nullable=True),
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column(
            "replicationtransactionid", TransactionId(), server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("replicationcounterfromorigin", name=op.f("pk_retailtransactionbankedtendertrans")),
        sa.UniqueConstraint(
            "store",
            "terminal",
            "transactionid",
            "linenum",
            name=op.f("uq_retailtransactionbankedtendertrans_store_terminal_transactionid_linenum"),
        ),
        schema="ax",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_retailtransactionbankedtendertrans_stamp",
        "retailtransactionbankedtendertrans",
        ["replicationtransactionid"],
        unique=False,
        schema="ax",
    )
    op.create_table(
        "retailtransactioncustomeraccountdeposittrans",
        sa.Column("replicationcounterfromorigin", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("transactionid", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("terminal", sa.Text(), nullable=False),
        sa.Column("channel", sa.BigInteger(), nullable=True),
        sa.Column("linenum", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("custaccount", sa.Text(), nullable=True),
        sa.Column("custaccountasync", sa.Text(), nullable=True),
        sa.Column("amount", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("receiptid", sa.Text(), nullable=True),
        sa.Column("staff", sa.Text(), nullable=True),
        sa.Column("shift", sa.Text(), nullable=True),
        sa.Column("transdate", sa.Date(), nullable=True),
        sa.Column("transtime", sa.Integer(), nullable=True),
        sa.Column("businessdate", sa.Date(), nullable=True),
        sa.Column("transactionstatus", sa.Integer(), nullable=True),
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column(
            "replicationtransactionid", TransactionId(), server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
        sa.PrimaryKeyConstraint(
            "replicationcounterfromorigin", name=op.f("pk_retailtransactioncustomeraccountdeposittrans")
        ),
        sa.UniqueConstraint(
            "store",
            "terminal",
            "transactionid",
            "linenum",
            name=op.f("uq_retailtransactioncustomeraccountdeposittrans_store_terminal_transactionid_linenum"),
        ),
        schema="ax",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_retailtransactioncustomeraccountdeposittrans_stamp",
        "retailtransactioncustomeraccountdeposittrans",
        ["replicationtransactionid"],
        unique=False,
        schema="ax",
    )
    op.create_table(
        "retailtransactionincomeexpensetrans",
        sa.Column("replicationcounterfromorigin", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("transactionid", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("terminal", sa.Text(), nullable=False),
        sa.Column("channel", sa.BigInteger(), nullable=True),
        sa.Column("linenum", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("accounttype", sa.Integer(), nullable=False),
        sa.Column("incomeexepenseaccount", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("receiptid", sa.Text(), nullable=True),
        sa.Column("staff", sa.Text(), nullable=True),
        sa.Column("shift", sa.Text(), nullable=True),
        sa.Column("transdate", sa.Date(), nullable=True),
        sa.Column("transtime", sa.Integer(), nullable=True),
        sa.Column("businessdate", sa.Date(), nullable=True),
        sa.Column("transactionstatus", sa.Integer(), nullable=True),
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column(
            "replicationtransactionid", TransactionId(), server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("replicationcounterfromorigin", name=op.f("pk_retailtransactionincomeexpensetrans")),
        sa.UniqueConstraint(
            "store",
            "terminal",
            "transactionid",
            "linenum",
            name=op.f("uq_retailtransactionincomeexpensetrans_store_terminal_transactionid_linenum"),
        ),
        schema="ax",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_retailtransactionincomeexpensetrans_stamp",
        "retailtransactionincomeexpensetrans",
        ["replicationtransactionid"],
        unique=False,
        schema="ax",
    )
    op.create_table(
        "retailtransactionsafetendertrans",
        sa.Column("replicationcounterfromorigin", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("transactionid", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("terminal", sa.Text(), nullable=False),
        sa.Column("channel", sa.BigInteger(), nullable=True),
        sa.Column("linenum", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("tendertype", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("exchrate", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("amountcur", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("amountmst", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("amounttendered", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("qty", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("cardtypeid", sa.Text(), nullable=True),
        sa.Column("cardoraccount", sa.Text(), nullable=True),
        sa.Column("statustype", sa.Integer(), nullable=True),
        sa.Column("receiptid", sa.Text(), nullable=True),
        sa.Column("staff", sa.Text(), nullable=True),
        sa.Column("shift", sa.Text(), nullable=True),
        sa.Column("transdate", sa.Date(), nullable=True),
        sa.Column("transtime", sa.Integer(), nullable=True),
        sa.Column("businessdate", sa.Date(), nullable=True),
        sa.Column("transactionstatus", sa.Integer(), nullable=True),
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column(
            "replicationtransactionid", TransactionId(), server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("replicationcounterfromorigin", name=op.f("pk_retailtransactionsafetendertrans")),
        sa.UniqueConstraint(
            "store",
            "terminal",
            "transactionid",
            "linenum",
            name=op.f("uq_retailtransactionsafetendertrans_store_terminal_transactionid_linenum"),
        ),
        schema="ax",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_retailtransactionsafetendertrans_stamp",
        "retailtransactionsafetendertrans",
        ["replicationtransactionid"],
        unique=False,
        schema="ax",
    )
    op.create_table(
        "retailtransactiontenderdeclarationtrans",
        sa.Column("replicationcounterfromorigin", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("transactionid", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("terminal", sa.Text(), nullable=False),
        sa.Column("channel", sa.BigInteger(), nullable=True),
        sa.Column("linenum", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("tendertype", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("exchrate", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("amountcur", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("amountmst", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("amounttendered", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("qty", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("cardid", sa.Text(), nullable=True),
        sa.Column("receiptid", sa.Text(), nullable=True),
        sa.Column("staff", sa.Text(), nullable=True),
        sa.Column("shift", sa.Text(), nullable=True),
        sa.Column("transdate", sa.Date(), nullable=True),
        sa.Column("transtime", sa.Integer(), nullable=True),
        sa.Column("businessdate", sa.Date(), nullable=True),
        sa.Column("transactionstatus", sa.Integer(), nullable=True),
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column(
            "replicationtransactionid", TransactionId(), server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
        sa.PrimaryKeyConstraint(
            "replicationcounterfromorigin", name=op.f("pk_retailtransactiontenderdeclarationtrans")
        ),
        sa.UniqueConstraint(
            "store",
            "terminal",
            "transactionid",
            "linenum",
            name=op.f("uq_retailtransactiontenderdeclarationtrans_store_terminal_transactionid_linenum"),
        ),
        schema="ax",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_retailtransactiontenderdeclarationtrans_stamp",
        "retailtransactiontenderdeclarationtrans",
        ["replicationtransactionid"],
        unique=False,
        schema="ax",
    )
