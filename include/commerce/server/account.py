"""The operating system account that runs the embedded server.

PostgreSQL refuses to run as root. Started by an ordinary user it runs as that user. Started by root it runs as the
owner of ``COMMERCE_HOME`` if that is an ordinary user, otherwise as ``nobody``. No account is created and no permission
outside ``COMMERCE_HOME`` changes; folders on the way that this account may not enter (``/root``) are entered with one
Linux capability which the server process keeps: to search and read, not to write.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from commerce.errors import CommerceError

_PR_SET_KEEPCAPS = 8
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 4
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2


@dataclass(frozen=True)
class Account:
    """Who runs the server: `switch` is None when that is simply the current user."""

    name: str
    uid: int
    gid: int
    switch: Callable[[], None] | None

    def own(self, path: Path) -> None:
        """Hand a path below ``COMMERCE_HOME`` to the account; nothing to do for the current user."""
        if self.switch is not None:
            os.chown(path, self.uid, self.gid)

    def clients(self) -> list[str]:
        """Names of the operating system users that may connect to the server (peer authentication)."""
        return [self.name] if self.switch is None else sorted({"root", self.name} - {"nobody"})


def choose(home: Path) -> Account:
    """The account for the server of `home` (an existing folder).

    Raises:
        CommerceError: no suitable account exists.
    """
    uid = os.geteuid()
    if uid != 0:
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            raise CommerceError(
                f"User id {uid} has no name on this machine and PostgreSQL needs one. Run as a user listed in "
                "/etc/passwd, or set COMMERCE_HQ_URL to a PostgreSQL server of your own."
            ) from None
        return Account(entry.pw_name, uid, entry.pw_gid, None)
    if not sys.platform.startswith("linux"):
        raise CommerceError("The embedded PostgreSQL cannot run as root here. Run the command as an ordinary user.")
    owner = home.stat().st_uid
    try:
        entry = pwd.getpwuid(owner) if owner != 0 else pwd.getpwnam("nobody")
    except KeyError:
        raise CommerceError(
            f"PostgreSQL cannot run as root, and no account is there to run it instead (owner of {home}, or 'nobody'). "
            "Run the command as an ordinary user."
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, _switch_to(entry.pw_uid, entry.pw_gid))


def _switch_to(uid: int, gid: int) -> Callable[[], None]:
    """A function for the child process that becomes uid:gid and keeps one capability to enter folders.

    ``CAP_DAC_READ_SEARCH`` where root has it, otherwise ``CAP_DAC_OVERRIDE`` (a container's root often has only that).
    Where the kernel refuses, the server still starts if the account can reach its files by itself; so refusals are not
    checked here.
    """
    held = _effective_capabilities()
    kept = next((bit for bit in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE) if held >> bit & 1), None)
    libc = ctypes.CDLL(None)  # loaded here: the child must not do more than the calls below

    def switch() -> None:
        if kept is not None:
            libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
            # Otherwise access(2), which PostgreSQL asks about its programs, answers as if there were no capability.
            libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        if kept is not None:
            header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
            bits = 1 << kept  # effective, permitted, inheritable; the second triple is for capabilities above 31
            libc.capset(header, (ctypes.c_uint32 * 6)(bits, bits, bits, 0, 0, 0))
            libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, kept, 0, 0)

    return switch


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0
