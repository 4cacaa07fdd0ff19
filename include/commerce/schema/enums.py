"""Enum values as the product stores them; where no source publishes a number, the enum says "inferred"."""

from enum import IntEnum, StrEnum


class CustomerAsyncOperation(IntEnum):
    """`operation` of the asynchronous tables (values inferred from a partner's channel SQL)."""

    CREATE = 1
    UPDATE = 2
    DEACTIVATE = 3


class RelationType(IntEnum):
    """`relationshiptype`: person or organization (business partner)."""

    PERSON = 1
    ORGANIZATION = 2


class SyncStatus(IntEnum):
    """Where an asynchronous row stands (the *Customer synchronization status* page; values inferred)."""

    PENDING = 0
    DONE = 1
    FAILED = 2
    IGNORED = 3


class ErrorClass(StrEnum):
    """Transient: retried by itself. Pending: waits for what has not arrived. Permanent: waits for a person."""

    TRANSIENT = "transient"
    PENDING = "pending"
    PERMANENT = "permanent"


class AuditKind(StrEnum):
    """What a line of the audit of asynchronous operations says was done.

    applied: an operation wrote this field. conflict: it found a value there that was not its old one. edited: a person
    changed the asynchronous row. linked: a GUID was given an account that exists. ignored: a person gave a row up.
    retried: a person let a row be tried again. resolved: a person decided what was held. erased: values were removed.
    """

    APPLIED = "applied"
    CONFLICT = "conflict"
    EDITED = "edited"
    LINKED = "linked"
    IGNORED = "ignored"
    RETRIED = "retried"
    RESOLVED = "resolved"
    ERASED = "erased"


class TransactionType(IntEnum):
    """RetailTransactionType."""

    LOGOFF = 0
    LOGON = 1
    SALES = 2
    PAYMENT = 3
    REMOVE_TENDER = 4
    FLOAT_ENTRY = 5
    CHANGE_TENDER = 6
    TENDER_DECLARATION = 7
    VOIDED = 8
    OPEN_DRAWER = 9
    NEGATIVE_ADJUSTMENT = 10
    PHYSICAL_INVENTORY = 11
    END_OF_DAY = 12
    END_OF_SHIFT = 13
    SALES_ORDER = 14
    SALES_INVOICE = 15
    BANK_DROP = 16
    SAFE_DROP = 17
    INCOME_EXPENSE = 18
    CUSTOMER_ORDER = 19
    STARTING_AMOUNT = 20
    SUSPEND_SHIFT = 21
    BLIND_CLOSE_SHIFT = 22
    CLOSE_SHIFT = 23
    PRINT_X = 24
    PRINT_Z = 25
    MANAGER_AUTHORIZE = 26
    PENDING_SALES_ORDER = 27
    KIT_DISASSEMBLY = 28
    RESET_PASSWORD = 29
    CHANGE_PASSWORD = 30
    ASYNC_CUSTOMER_QUOTE = 31
    ASYNC_CUSTOMER_ORDER = 33
    FORCE_DELETE_SHIFT = 34
    GIFT_CARD_INQUIRY = 35
    SUSPENDED_TRANSACTION = 36


class TransactionOrderType(IntEnum):
    """`transactionordertype` of a customer order: what a register wants with it (number of the runtime's
    CustomerOrderMode; inferred)."""

    CANCELLATION = 5


class EntryStatus(IntEnum):
    """RetailEntryStatus of a transaction and of its lines."""

    NONE = 0
    VOIDED = 1
    POSTED = 2
    CONCLUDED = 3
    CANCELLED = 4
    ON_HOLD = 5
    TRAINING = 6


class ValidationStatus(IntEnum):
    """Result of *Validate store transactions* (numbers inferred)."""

    NONE = 0
    SUCCESSFUL = 1
    ERROR = 2


class FiscalPeriodStatus(IntEnum):
    """FiscalPeriodStatus of a ledger's fiscal period (numbers inferred); only an open one takes vouchers."""

    OPEN = 0
    ON_HOLD = 1
    PERMANENTLY_CLOSED = 2


class SwitchableRule(StrEnum):
    """Validation rules that a company may switch off: where it is checked, and its name (what each says, and why the
    others stay: `commerce.transactions.rules`)."""

    FISCAL_DOCUMENT_POSTING_STATUS = "header FiscalDocumentPostingStatus"
    DISCOUNT_AMOUNT = "header DiscountAmount"
    NUMBER_OF_ITEMS = "header NumberOfItems"
    EXCHANGE_RATE = "header ExchangeRate"
    CURRENCY_ROUNDING = "header CurrencyRounding"
    TAX_INCLUDED_PRICING = "header TaxIncludedPricing"
    TAX_EXEMPT_CALCULATION = "header TaxExemptCalculation"
    SIGN_CONTRADICTION = "line SignContradiction"
    NEGATIVE_PRICE = "line NegativePrice"
    LINE_CURRENCY_ROUNDING = "line CurrencyRounding"
    TAX_EXEMPT = "line TaxExempt"
    CHARGE_LINES = "line ChargeLines"
    ITEM_VARIANT = "line ItemVariant"
    BARCODE = "line Barcode"
    SERIAL_NUMBER_CONTROLLED = "line SerialNumberControlled"
    SERIAL_NUMBER_DIMENSION = "line SerialNumberDimension"
    UNIT_OF_MEASURE_CONVERSIONS = "line UnitOfMeasureConversions"
    TAX_GROUP_ASSIGNMENT = "line TaxGroupAssignment"


class OrderStatus(IntEnum):
    """RetailTransactionOrderStatusType, with Editing (number inferred)."""

    NONE = 0
    FAILED = 1
    SUCCEEDED = 2
    EDITING = 3


class SalesStatus(IntEnum):
    """SalesTable.SalesStatus: an open order is a backorder."""

    BACKORDER = 1
    DELIVERED = 2
    INVOICED = 3
    CANCELED = 4


class DocumentOperationStatus(IntEnum):
    """Where an operation that a channel asks for stands (inferred); ignored: a person gave it up."""

    PENDING = 0
    FAILED = 1
    SUCCEEDED = 2
    IGNORED = 3


class RepairAction(StrEnum):
    """What a line of the audit of transactions says a person did.

    edited: changed a value. editing, returned: put an order into the Editing state, or back. retried: let an order be
    tried again. released: removed the hold of a sales order. ignored: gave something up.
    """

    EDITED = "edited"
    EDITING = "editing"
    RETURNED = "returned"
    RETRIED = "retried"
    RELEASED = "released"
    IGNORED = "ignored"


class WaitingReason(StrEnum):
    """Why a reference of a transaction to an asynchronous customer or address leads nowhere yet.

    missing: its row has not arrived. quarantined: its row stands in quarantine. failed: it could not be converted.
    ignored: a person gave it up. unconverted: its row waits for conversion.
    """

    MISSING = "missing"
    QUARANTINED = "quarantined"
    FAILED = "failed"
    IGNORED = "ignored"
    UNCONVERTED = "unconverted"


class ContactType(IntEnum):
    """ContactInformationType; `logisticselectronicaddress.type` uses the same values."""

    NONE = 0
    PHONE = 1
    EMAIL = 2
    URL = 3
    TELEX = 4
    FAX = 5
    CELLULAR_PHONE = 6


class AddressType(IntEnum):
    """`role` of an address (LogisticsLocationRoleType; numbers inferred). None: home for a person, business for an
    organization."""

    NONE = 0
    INVOICE = 1
    DELIVERY = 2
    ALTERNATIVE_DELIVERY = 3
    SWIFT = 4
    PAYMENT = 5
    SERVICE = 6
    HOME = 7
    OTHER = 8
    BUSINESS = 9
    REMIT_TO = 10


class AttributeDataType(IntEnum):
    """Type of a customer attribute's value (numbers inferred)."""

    CURRENCY = 1
    DATE_TIME = 2
    DECIMAL = 3
    INTEGER = 4
    TEXT = 5
    TRUE_FALSE = 6


class UploadSessionStatus(IntEnum):
    STARTED = 0
    AVAILABLE = 1
    UPLOADED = 2
    APPLIED = 3
    CANCELED = 4
    UPLOAD_FAILED = 5
    APPLY_FAILED = 6


class DownloadSessionStatus(IntEnum):
    """The product's states; Suspended has no published number (inferred)."""

    STARTED = 0
    AVAILABLE = 1
    REQUESTED = 2
    DOWNLOADED = 3
    APPLIED = 4
    CANCELED = 5
    CREATE_FAILED = 6
    DOWNLOAD_FAILED = 7
    APPLY_FAILED = 8
    NO_DATA = 9
    SUSPENDED = 10


class ShiftStatus(IntEnum):
    """RetailPosBatchTable.Status (RetailPosBatchStatus; the states that this system tells apart)."""

    NONE = 0
    OPEN = 1
    CLOSED = 2


class QuarantineStatus(IntEnum):
    """Where a quarantined row stands: waiting, taken in after a fix or retry, or given up by a person (inferred)."""

    OPEN = 0
    RESOLVED = 1
    IGNORED = 2


class StatementType(IntEnum):
    """RetailStatementTable.StatementType (numbers inferred)."""

    TRANSACTIONAL = 1
    FINANCIAL = 2


class StatementStatus(IntEnum):
    """Calculation and posting states, in the product's order (numbers inferred: the product publishes names only)."""

    STARTED = 1
    MARKED = 2
    CALCULATED = 3
    CHECKED = 11
    AGGREGATED = 12
    CUSTOMER_ORDER_CREATED = 13
    CUSTOMER_ORDER_INVOICED = 14
    DISCOUNTS_POSTED = 15
    INCOME_EXPENSE_POSTED = 16
    VOUCHERS_LINKED = 17
    PAYMENTS_POSTED = 18
    GIFT_CARDS_POSTED = 19
    POSTED = 20


class PostingErrorStatus(IntEnum):
    NONE = 0
    ERROR = 1


class StatementMethod(IntEnum):
    """How the lines of a statement are grouped (RetailStoreTable.statementMethod; the number of Shift is inferred)."""

    STAFF = 0
    TERMINAL = 1
    TOTAL = 2
    SHIFT = 3


class ClosingMethod(IntEnum):
    """RetailClosingMethodType."""

    DATE_TIME = 0
    SHIFT = 1


class CountCalculation(IntEnum):
    """Which of several declarations, start amounts or bank drops of a shift count (numbers inferred)."""

    SUM = 0
    LAST = 1


class CountedHow(StrEnum):
    """Where the counted amount of a tender in a shift comes from.

    declared: the shift's tender declarations. entered: a person in headquarters. assumed: nobody counted it and nobody
    has to, so it is what the transactions say. required: the same, but it must still be counted.
    """

    DECLARED = "declared"
    ENTERED = "entered"
    REQUIRED = "required"
    ASSUMED = "assumed"


class TenderFunction(IntEnum):
    """What a tender does (RetailTenderTypeTable.function; those that this system tells apart; the number of gift
    cards is inferred)."""

    NORMAL = 0
    CARD = 1
    CUSTOMER_ACCOUNT = 3
    GIFT_CARD = 5


class IncomeExpenseType(IntEnum):
    INCOME = 0
    EXPENSE = 1


REAL_ENTRY_STATUSES = (EntryStatus.NONE, EntryStatus.POSTED, EntryStatus.CONCLUDED)
"""Only transactions with one of these may ever post; the others are voided, cancelled, on hold or training."""

ORDER_TYPES = (
    TransactionType.PENDING_SALES_ORDER,
    TransactionType.ASYNC_CUSTOMER_QUOTE,
    TransactionType.ASYNC_CUSTOMER_ORDER,
)
"""Transactions that *Synchronize orders* turns into sales orders."""

STATEMENT_TYPES = (TransactionType.SALES, TransactionType.PAYMENT, TransactionType.INCOME_EXPENSE)
"""What a transactional statement takes: sales and returns, customer account deposits, income and expense."""

CASH_MANAGEMENT_TYPES = (
    TransactionType.REMOVE_TENDER,
    TransactionType.FLOAT_ENTRY,
    TransactionType.CHANGE_TENDER,
    TransactionType.TENDER_DECLARATION,
    TransactionType.BANK_DROP,
    TransactionType.SAFE_DROP,
    TransactionType.STARTING_AMOUNT,
)
"""What a financial statement takes, with its shift: what goes into the drawer and out of it, and how it was counted."""
