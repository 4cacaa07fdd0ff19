"""Call `commerce` in this process, as its entry point does."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from commerce.cli import main


@dataclass(frozen=True)
class Called:
    """How a command ended, and what it printed."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


Commerce = Callable[..., Called]


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> Called:
    """Run `commerce` with `arguments`."""
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["commerce", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
    printed = capsys.readouterr()
    return Called(code, printed.out, printed.err)
