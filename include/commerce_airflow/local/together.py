"""What the demo and the UI need: embedded server, headquarters, demo stores, Airflow; stopped however it ends."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import NoReturn

from sqlalchemy import Engine

from commerce import demo, server
from commerce.database import hq_engine
from commerce.migrations import upgrade_headquarters
from commerce.server import Server
from commerce_airflow.local import airflow, configuration, guard
from commerce_airflow.local.airflow import LocalAirflow
from commerce_airflow.local.configuration import Layout
from commerce_airflow.local.screen import step

SHARDS = 4
PARALLELISM = 4


@dataclass(frozen=True)
class DemoOptions:
    """What the demo is made from; the same options find the same demo again."""

    stores: int
    scale: float
    seed: int
    unknown_customer: bool


@contextlib.contextmanager
def embedded_server(home: Path) -> Iterator[Server]:
    """The embedded server, stopped at the end unless it ran before; nobody else runs the demo or the UI meanwhile.

    Raises:
        CommerceError: somebody does.
    """
    layout = Layout(home.absolute())
    with guard.alone(layout):
        ran_before = server.find(home) is not None
        with guard.guarded(layout, stop_server=not ran_before):
            with step("Starting PostgreSQL"):
                running = server.start(home)
            try:
                yield running
            finally:
                if not ran_before:
                    with step("Stopping PostgreSQL"):
                        server.stop(home)


def build(running: Server, home: Path, options: DemoOptions) -> tuple[Engine, demo.DemoResult]:
    """Bring headquarters and Airflow's metadata up to date and make the demo stores; quick when all is there."""
    with ThreadPoolExecutor(max_workers=1) as background:
        prepared = background.submit(airflow.prepare, running, configuration.Layout(home))
        hq = hq_engine(running.url("hq"))
        with step("Preparing headquarters"):
            upgrade_headquarters(hq)
        with step(f"Making {options.stores} demo stores from TPC-DS data, scale {options.scale:g}") as progress:
            made = demo.build(
                home,
                hq,
                stores=options.stores,
                scale=options.scale,
                seed=options.seed,
                unknown_customer=options.unknown_customer,
                progress=progress,
            )
        with step("Preparing Airflow's metadata"):
            prepared.result()
    return hq, made


@contextlib.contextmanager
def demo_airflow(running: Server, home: Path, made: demo.DemoResult, port: int | None) -> Iterator[LocalAirflow]:
    """Airflow on the demo; its daily schedule begins tomorrow, so that nobody's run meets one that starts by itself."""
    environment = {
        "AIRFLOW_CONN_COMMERCE_HQ": airflow_connection(running),
        "COMMERCE_STORES": ",".join(made.stores),
        "COMMERCE_MAX_SHARDS": str(SHARDS),
        "COMMERCE_DAILY_FROM": (datetime.now(UTC).date() + timedelta(days=1)).isoformat(),
    }
    with contextlib.ExitStack() as stack:
        with step("Starting Airflow"):
            started = stack.enter_context(
                airflow.running(running, home, environment=environment, port=port, parallelism=PARALLELISM)
            )
        yield started
        with step("Stopping Airflow"):
            stack.close()


def airflow_connection(running: Server, database: str = "hq") -> str:
    """A database of the embedded server as Airflow writes connections."""
    return f"postgres://postgres@/{database}?host={running.socket_folder}"


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the block as Ctrl-C does, so that everything is stopped on the way out.

    The way out takes some seconds; a second signal does not cut it short.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
