"""Where this installation keeps its data and which headquarters database it works on.

Two environment variables, both optional (design: "Interface that stays stable"):

* ``COMMERCE_HOME``: the data folder of the embedded default (PostgreSQL, demo channels). In a source checkout it
  defaults to ``.commerce`` beside ``pyproject.toml``, otherwise to the user's data folder.
* ``COMMERCE_HQ_URL``: the headquarters database. Unset means the embedded server of ``COMMERCE_HOME``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """The installation as its environment describes it."""

    home: Path
    """Absolute path of the data folder; it may not exist yet."""
    hq_url: str | None
    """SQLAlchemy URL of headquarters; None: the embedded server of `home`."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from `environment` (default: this process's environment)."""
        values = os.environ if environment is None else environment
        home = values.get("COMMERCE_HOME")
        return cls(
            home=Path(home).expanduser().absolute() if home else default_home(values),
            hq_url=values.get("COMMERCE_HQ_URL") or None,
        )


def default_home(environment: Mapping[str, str]) -> Path:
    """The data folder where ``COMMERCE_HOME`` is unset."""
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file():
        return checkout / ".commerce"
    data = environment.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser().absolute() / "commerce"
