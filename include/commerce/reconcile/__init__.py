"""`commerce reconcile`: the channels' own tables against what headquarters holds and posted, by code of its own."""

from commerce.reconcile.comparing import reconcile
from commerce.reconcile.picture import check_format as check_picture
from commerce.reconcile.picture import draw as draw_picture
from commerce.reconcile.result import Difference, Edited, Figure, ReconcileResult, Unposted

__all__ = [
    "Difference",
    "Edited",
    "Figure",
    "ReconcileResult",
    "Unposted",
    "check_picture",
    "draw_picture",
    "reconcile",
]
