"""What `commerce setup apply` changes, or would change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Action = Literal["create", "change", "remove"]


@dataclass(frozen=True)
class Change:
    """A row created or changed. `fields`: the changed columns, each with old and new value (empty for a new row)."""

    section: str
    key: str
    action: Action
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "section": self.section,
            "key": self.key,
            "action": self.action,
            "fields": {name: [_plain(old), _plain(new)] for name, (old, new) in self.fields.items()},
        }


@dataclass(frozen=True)
class SetupResult:
    """All changes in the order in which they were made; `dry_run`: nothing was written; `refused`: what a real run
    would refuse, with place and reason (it would write nothing then)."""

    changes: tuple[Change, ...]
    dry_run: bool = False
    warnings: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Rows created and changed by section, such as {"tenders": 4}."""
        return dict(Counter(change.section for change in self.changes))

    def as_dict(self) -> dict[str, Any]:
        return {
            "dry_run": self.dry_run,
            "counts": self.counts,
            "changes": [change.as_dict() for change in self.changes],
            "warnings": list(self.warnings),
            "refused": list(self.refused),
        }


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (str, int, bool, list)) else str(value)
