"""Which transactions a person may edit (domain B5): validation status Error or None, in no statement and no sales
order. One place for every way of editing."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from commerce.transactions.named import Named, lock, refuse


def lock_editable(connection: Connection, transactions: Sequence[str], store: str | None = None) -> list[Named]:
    """Lock the headers of `transactions` (ids) until the caller commits; all of them may be edited.

    Whoever edits one sets its validation status to None and takes its `gaterun` away in the same transaction, so that
    it is judged again before anything takes it.

    Raises:
        UsageError: one does not exist or may not be edited; the message says each with its reason.
    """
    found = lock(connection, transactions, store)
    refuse(found, why_not_editable, "edit")
    return found


def why_not_editable(transaction: Named) -> str:
    """The reason, to follow the transaction's id in a sentence; empty: it may be edited."""
    if transaction.taken:
        return f"{transaction.taken}, and what is posted or about to be is never changed"
    return "is valid; only transactions with validation status Error or None are edited" if transaction.valid else ""
