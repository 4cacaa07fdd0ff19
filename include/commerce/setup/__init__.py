"""Setup: what a retailer tells headquarters before anything runs (companies, number sequences, ledger, tenders, default
customers), and the registry of channels."""

from commerce.setup import channels
from commerce.setup.changes import Change, SetupResult
from commerce.setup.document import read
from commerce.setup.upsert import apply

__all__ = ["Change", "SetupResult", "apply", "channels", "read"]
