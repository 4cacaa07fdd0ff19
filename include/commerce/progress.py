"""How a job tells how far it is: a callable, so that the library knows nothing of terminals."""

from typing import Protocol


class Progress(Protocol):
    def __call__(self, step: str, done: int, total: int | None = None) -> None:
        """`step` is what is being done, `done` of `total` units are finished (`total` None when unknown)."""


def silent(step: str, done: int, total: int | None = None) -> None:
    """Say nothing: the default of every job."""
