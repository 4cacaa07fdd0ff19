"""`make up`: Airflow with its UI on the demo data, until Ctrl-C."""

from __future__ import annotations

import time
from pathlib import Path

from commerce_airflow.local import configuration, together
from commerce_airflow.local.airflow import DAGS
from commerce_airflow.local.screen import console
from commerce_airflow.local.together import DemoOptions


def run(home: Path, options: DemoOptions, port: int | None) -> int:
    """Start everything, tell where and how to sign in, and wait; return the exit code.

    Raises:
        CommerceError: a part of Airflow ended by itself.
    """
    with together.stopped_by_signals(), together.embedded_server(home) as server:
        hq, made = together.build(server, home, options)
        hq.dispose()
        with together.demo_airflow(server, home, made, port or configuration.usual_port()) as airflow:
            for dag in DAGS:
                airflow.api.unpause(dag)
            first, last = made.business_dates[0], made.business_dates[-1]
            console.print(
                f"\n  Airflow    {airflow.address}"
                f"\n  sign in    {configuration.USER} / {configuration.password(airflow.layout)}"
                f"\n  demo days  {first} to {last}: open 'End of day', Trigger, choose a business date"
                f"\n  terminal   AIRFLOW_HOME={airflow.layout.airflow_home} airflow ..."
                "\n  stop       Ctrl-C\n"
            )
            try:
                while True:
                    airflow.check()
                    time.sleep(1)
            except KeyboardInterrupt:
                console.print("Stopping")
    return 0
