"""`commerce reconcile`: the channels' own tables against what headquarters holds and posted, by code of its own."""

from commerce.reconcile.comparing import reconcile
from commerce.reconcile.result import Difference, ReconcileResult, Unposted

__all__ = ["Difference", "ReconcileResult", "Unposted", "reconcile"]
