"""`python -m commerce_airflow.local demo|up`: the product on one machine, on demo data, with Airflow."""

from __future__ import annotations

import argparse
import logging
import os
import sys

from commerce.errors import CommerceError
from commerce.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Run a command; errors are told in a sentence, not in a traceback."""
    parser = argparse.ArgumentParser(prog="python -m commerce_airflow.local", description=__doc__)
    parser.add_argument(
        "command", choices=("demo", "up"), help="demo: run every demo day, then stop; up: the UI, until Ctrl-C"
    )
    parser.add_argument("--stores", type=int, default=12, help="number of demo stores (default 12)")
    parser.add_argument("--scale", type=float, default=0.05, help="TPC-DS scale factor (default 0.05)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same data (default 1)")
    parser.add_argument("--unknown-customer", action="store_true", help="add the store that must be blocked")
    parser.add_argument("--port", type=int, help="of the UI (default: 8080 for up, any free one for demo)")
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started this one ends")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

    from commerce_airflow.local import demo, guard, together, up

    if options.with_parent:
        guard.end_with_parent()
    wanted = together.DemoOptions(options.stores, options.scale, options.seed, options.unknown_customer)
    run = demo.run if options.command == "demo" else up.run
    try:
        return run(Settings.from_environment().home, wanted, options.port)
    except CommerceError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted; everything is stopped.", file=sys.stderr)  # noqa: T201
        return 130


if __name__ == "__main__":
    sys.exit(main())
