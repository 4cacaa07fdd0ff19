"""Commerce Data Exchange: P-job (upload), job 1010 (distribute), sessions, packages and quarantine."""

from commerce.exchange import outbox, quarantine
from commerce.exchange.incarnations import open_incarnation
from commerce.exchange.upload import upload

__all__ = ["open_incarnation", "outbox", "quarantine", "upload"]
