"""Configuration of the embedded server: sized for a small machine, local clients only, no personal data in its log."""

from __future__ import annotations

import shutil
from pathlib import Path

from commerce.server.account import Account
from commerce.server.layout import PORT, Layout

_SETTINGS = """\
# Written at every start by `commerce server start`; changes made here are lost.
cluster_name = '{name}'
listen_addresses = ''                   # no TCP; the Unix socket below is the only way in
port = {port}
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0700
max_connections = 100

shared_buffers = 512MB
work_mem = 64MB
maintenance_work_mem = 256MB
effective_cache_size = 2GB
random_page_cost = 1.1
dynamic_shared_memory_type = {shared_memory}
max_parallel_workers_per_gather = 1
jit = off

synchronous_commit = on
wal_compression = off
max_wal_size = 4GB
checkpoint_timeout = 15min

timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = warning
log_error_verbosity = terse             # DETAIL lines quote the values of rows
log_min_error_statement = panic         # statements do, too
"""


def write(layout: Layout, account: Account, socket_folder: Path) -> None:
    """Write settings, client authentication and user map into the data folder.

    Authentication is by operating system user (peer): only who started the server may connect, as `postgres`.
    """
    users = "".join(f'commerce "{name}" postgres\n' for name in account.clients())
    settings = _SETTINGS.format(
        name=layout.name,
        port=PORT,
        socket_folder=str(socket_folder).replace("'", "''"),
        shared_memory=_shared_memory_type(),
    )
    files = {"postgresql.conf": settings, "pg_hba.conf": "local all all peer map=commerce\n", "pg_ident.conf": users}
    for name, text in files.items():
        path = layout.data / name
        path.write_text(text)
        path.chmod(0o600)
        account.own(path)


def _shared_memory_type() -> str:
    """`posix` needs room in /dev/shm for parallel queries; containers often have only 64 MB there."""
    try:
        roomy = shutil.disk_usage("/dev/shm").total >= 1 << 30  # noqa: S108
    except OSError:
        return "posix"  # no such folder: macOS keeps POSIX shared memory elsewhere
    return "posix" if roomy else "mmap"
