"""The peer of the upload: dlt reads the same tables with its pyarrow backend and merges them by replication counter.

Tuned as its documentation says: Parquet files, which go from Arrow to Arrow and which its PostgreSQL destination loads
by ADBC (they take half the time of CSV files), and no telemetry.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from bench.installation import conninfo

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt
from dlt.sources.sql_database import sql_database


def run(url: str, channel: Path, tables: Sequence[str], work: Path) -> int:
    """Merge `tables` of the SQLite file into schema `dlt_channel` of headquarters; returns the rows loaded.

    Args:
        work: folder for dlt's own files, emptied first.
    """
    shutil.rmtree(work, ignore_errors=True)
    source = sql_database(f"sqlite:///{channel}", table_names=list(tables), backend="pyarrow")
    for resource in source.resources.values():
        resource.apply_hints(write_disposition="merge", primary_key="replicationcounterfromorigin")
    # dlt insists on a host and a password; the server takes the socket in the query and asks for none.
    destination = dlt.destinations.postgres(conninfo(url).replace("postgres@", "postgres:none@localhost", 1))
    pipeline = dlt.pipeline("channel", pipelines_dir=str(work), destination=destination, dataset_name="dlt")
    pipeline.run(source, loader_file_format="parquet")
    counts = pipeline.last_trace.last_normalize_info.row_counts
    return sum(counts[table] for table in tables)
