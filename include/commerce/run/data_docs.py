"""Data Docs of the quality gate: a folder a run under the data folder, kept for some days."""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from pathlib import Path

from commerce.settings import Settings

KEPT_DAYS = 30
VARIABLE = "COMMERCE_DATA_DOCS_DAYS"
_FOLDER = re.compile(r"run-\d+")

log = logging.getLogger(__name__)


def folder() -> Path:
    """Where the gate writes the folder `run-<run>` of each run; it may not exist yet."""
    return Settings.from_environment().home / "data-docs"


def remove_old() -> None:
    """Remove the Data Docs of runs that were judged more than ``COMMERCE_DATA_DOCS_DAYS`` days ago (30 where it is
    unset). What goes wrong is a warning: the verdicts are in headquarters, and a run must close."""
    days = _days()
    if days is None:
        return
    oldest = time.time() - days * 86_400
    try:
        found = [entry for entry in folder().iterdir() if _FOLDER.fullmatch(entry.name)]
    except FileNotFoundError:
        return  # no gate has written any yet
    except OSError as error:
        log.warning("Old Data Docs cannot be looked for in %s: %s", folder(), error.strerror)
        return
    for entry in found:
        try:
            if entry.stat().st_mtime < oldest:
                shutil.rmtree(entry)
        except FileNotFoundError:
            pass  # another run removes them, too
        except OSError as error:
            log.warning("Old Data Docs %s cannot be removed: %s", entry, error.strerror)


def _days() -> float | None:
    text = os.environ.get(VARIABLE) or str(KEPT_DAYS)
    if text.isdecimal():
        return int(text)
    log.warning("%s is '%s', no number of days: no Data Docs are removed.", VARIABLE, text)
    return None
