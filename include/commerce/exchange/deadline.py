"""How long a call goes on."""

from __future__ import annotations

import time


class Deadline:
    """Some seconds from now. Who works to a deadline looks at it between two steps, so it does at least one."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def passed(self) -> bool:
        return time.monotonic() >= self._end
