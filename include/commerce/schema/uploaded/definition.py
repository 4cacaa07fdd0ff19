"""What an uploaded table is, and the widths of temporary identifiers."""

from dataclasses import dataclass
from typing import Literal

from commerce.schema.fields import Field

Group = Literal["customer", "header", "line", "shift"]


@dataclass(frozen=True)
class UploadedTable:
    """One uploaded table.

    `natural_key`: unique on the channel and, for transactions, the primary key in headquarters; empty for logs.
    `transaction_key`: this table's names for (store, terminal, transactionid), where its rows belong to a transaction.
    """

    name: str
    group: Group
    fields: tuple[Field, ...]
    natural_key: tuple[str, ...] = ()
    transaction_key: tuple[str, str, str] | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)


GUID_WIDTH = 38
ADDRESS_ID_WIDTH = 44
