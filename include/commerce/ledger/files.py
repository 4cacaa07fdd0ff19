"""A file that appears at its place when it is complete, and never in place of another."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from commerce.errors import UsageError


class Part:
    """A file that is being written beside its place."""

    def __init__(self, target: Path, name: str, handle: BinaryIO) -> None:
        self._target = target
        self._name = name
        self._handle = handle
        self._hash = hashlib.sha256()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._handle.write(data)
        self._hash.update(data)

    @property
    def checksum(self) -> str:
        return self._hash.hexdigest()

    def place(self) -> None:
        """Move the complete file to its place; whoever finds it there finds all of it."""
        try:
            self._handle.flush()
            os.fsync(self._handle.fileno())
            _move(self._name, self._target)
        except OSError as error:
            raise _cannot_write(self._target, error) from None


@contextmanager
def writing(target: Path) -> Iterator[Part]:
    """A file beside `target` that is gone after the block, wherever that ends.

    Raises:
        UsageError: `target` exists or its folder cannot be written.
    """
    if target.exists():
        raise _cannot_write(target, FileExistsError())
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.absolute().parent)
    except OSError as error:
        raise _cannot_write(target, error) from None
    try:
        with os.fdopen(descriptor, "wb") as handle:
            yield Part(target, name, handle)
    finally:
        Path(name).unlink(missing_ok=True)


def _move(name: str, target: Path) -> None:
    """A link never replaces a file that came meanwhile; where the file system has none (network shares), rename."""
    try:
        os.link(name, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        os.rename(name, target)


def _cannot_write(target: Path, error: OSError) -> UsageError:
    if isinstance(error, FileExistsError):
        return UsageError(f"{target} exists already. Take another name, or remove it.")
    return UsageError(f"{target} cannot be written: {error.strerror}.")
