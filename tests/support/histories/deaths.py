"""A job that dies at a commit of headquarters: just before it, or when it is done and nobody has heard of it yet."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine

from commerce.exchange.arrow import ArrowConnection


class Died(BaseException):
    """No handler of the system catches it, as none would see a kill -9."""


@dataclass(frozen=True)
class Death:
    """At the `commit`-th commit: just before it, or `after` it."""

    commit: int
    after: bool


@contextmanager
def dying(hq: Engine, death: Death) -> Iterator[None]:
    """Die inside the block; whatever would commit afterwards is dead, too."""
    left, after = death.commit, death.after
    lock = threading.Lock()

    def arrive() -> bool:
        """Whether this commit is to be the last thing that happens."""
        nonlocal left
        with lock:
            left -= 1
            if left < 0 or (left == 0 and not after):
                raise Died
            return left == 0

    commit_of_dialect = hq.dialect.do_commit
    execute_of_arrow = ArrowConnection.execute

    def do_commit(connection: Any) -> None:
        last = arrive()
        commit_of_dialect(connection)
        if last:
            raise Died

    def execute(self: ArrowConnection, statement: str) -> int:
        last = statement == "COMMIT" and arrive()
        changed = execute_of_arrow(self, statement)
        if last:
            raise Died
        return changed

    commits = patch.object(hq.dialect, "do_commit", do_commit)
    with suppress(Died), commits, patch.object(ArrowConnection, "execute", execute):
        yield
    hq.dispose()  # the connections of the dead are gone, and their locks with them
