"""The reading side of the ledger: trial balances, and exports for the general ledger. It changes no voucher."""

from commerce.ledger.exporting import Exported, LedgerExport, export_ledger, list_exports, repeat_export
from commerce.ledger.trial_balance import AccountDay, TrialBalance, trial_balance

__all__ = [
    "AccountDay",
    "Exported",
    "LedgerExport",
    "TrialBalance",
    "export_ledger",
    "list_exports",
    "repeat_export",
    "trial_balance",
]
