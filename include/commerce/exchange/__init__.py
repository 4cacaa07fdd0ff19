"""Commerce Data Exchange: P-job (upload), job 1010 (distribute), sessions, packages and quarantine.

Names are loaded when they are used: Arrow and the database drivers cost seconds that a list of channels need not wait
for.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from commerce.exchange import outbox, quarantined, repairing
    from commerce.exchange.distribute import distribute
    from commerce.exchange.full import resynchronize
    from commerce.exchange.incarnations import open_incarnation
    from commerce.exchange.rerunning import cancel_download, cancel_upload, rerun_download, rerun_upload
    from commerce.exchange.upload import upload
    from commerce.exchange.waiting import Waiting, waiting

_HOMES = {
    "Waiting": "waiting",
    "distribute": "distribute",
    "open_incarnation": "incarnations",
    "cancel_download": "rerunning",
    "cancel_upload": "rerunning",
    "rerun_download": "rerunning",
    "rerun_upload": "rerunning",
    "resynchronize": "full",
    "upload": "upload",
    "waiting": "waiting",
}
"""Name -> the module of this package that defines it."""

__all__ = [
    "Waiting",
    "cancel_download",
    "cancel_upload",
    "distribute",
    "open_incarnation",
    "outbox",
    "quarantined",
    "repairing",
    "rerun_download",
    "rerun_upload",
    "resynchronize",
    "upload",
    "waiting",
]


def __getattr__(name: str) -> Any:
    if name in ("outbox", "quarantined", "repairing"):
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


class _Package(ModuleType):
    """A job has the name of its module. The import system would put the module where the function belongs."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
