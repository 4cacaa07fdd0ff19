"""Commerce Data Exchange: P-job (upload), job 1010 (distribute), sessions, packages and quarantine."""

from commerce.exchange import outbox, quarantine
from commerce.exchange.distribute import distribute
from commerce.exchange.incarnations import open_incarnation
from commerce.exchange.rerunning import rerun_download
from commerce.exchange.upload import upload
from commerce.exchange.waiting import Waiting, waiting

__all__ = ["Waiting", "distribute", "open_incarnation", "outbox", "quarantine", "rerun_download", "upload", "waiting"]
