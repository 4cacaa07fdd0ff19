"""Demo stores with the command line on them. Their files are made once, and so is the day to compare others with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commerce import server
from support.digest import table_digests
from support.shops import Open, open_shops


@pytest.fixture(scope="session")
def demo_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files") / "demo"


@pytest.fixture
def open_shop(
    hq_server: server.Server,
    clone_headquarters: Callable[[str], str],
    demo_files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Open]:
    """Factory of shops: see `open_shops`."""
    yield from open_shops(hq_server, clone_headquarters, demo_files, tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="session")
def kept_digests() -> dict[str, str]:
    """Filled by the first test that posts an undisturbed day."""
    return {}


@pytest.fixture
def undisturbed(open_shop: Open, kept_digests: dict[str, str]) -> dict[str, str]:
    """Digests of a headquarters whose day was posted without any trouble."""
    if not kept_digests:
        twin = open_shop()
        assert twin.end_of_day().exit_code == 0
        kept_digests.update(table_digests(twin.hq))
    return kept_digests
