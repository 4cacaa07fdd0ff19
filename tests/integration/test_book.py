"""The session of headquarters that the threads of a distribution share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from commerce.errors import StoreError
from commerce.exchange.book import Book, Page

PID = text("SELECT pg_backend_pid()")


@pytest.fixture
def book(hq: Engine) -> Iterator[Book]:
    with contextlib.closing(Book(hq)) as opened:
        yield opened


def end_session(hq: Engine, page: Page) -> None:
    ((pid,),) = page.execute(PID, {})
    with hq.begin() as connection:
        assert connection.scalar(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


def test_a_lock_is_held_by_one(hq: Engine, book: Book) -> None:
    with (
        contextlib.closing(Book(hq)) as other,
        book.locked("one", 0) as mine,
        other.locked("one", 0) as theirs,
        other.locked("two", 0) as free,
    ):
        assert mine is not None
        assert theirs is None
        assert free is not None
    with contextlib.closing(Book(hq)) as other, other.locked("one", 0) as page:
        assert page is not None


def test_a_page_ends_with_its_session(hq: Engine, book: Book) -> None:
    """Its lock is gone by then: nothing may be written under it by another session."""
    with book.locked("one", 0) as page, book.locked("two", 0) as beside:
        assert page is not None
        assert beside is not None
        end_session(hq, page)
        with pytest.raises(DBAPIError):
            page.execute(PID, {})
        with pytest.raises(StoreError, match="Distribute again"):
            beside.execute(PID, {})
    with contextlib.closing(Book(hq)) as other, other.locked("one", 0) as taken:
        assert taken is not None
    with book.locked("one", 0) as again:
        assert again is not None
        assert again.execute(PID, {})
