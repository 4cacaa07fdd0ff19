"""The few calls of Airflow's REST API that a script needs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from commerce.errors import CommerceError


class AirflowApi:
    """A signed-in client."""

    def __init__(self, base_url: str, user: str, password: str) -> None:
        self._client = httpx.Client(base_url=base_url, timeout=60, trust_env=False)
        self._sign_in = {"username": user, "password": password}

    def request(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Call `/api/v2/<path>` and return its JSON.

        Raises:
            CommerceError: Airflow refused; the message is Airflow's.
        """
        if "Authorization" not in self._client.headers:
            token = self._client.post("/auth/token", json=self._sign_in).raise_for_status().json()["access_token"]
            self._client.headers["Authorization"] = f"Bearer {token}"
        answer = self._client.request(method, f"/api/v2/{path}", json=body, params=query)
        if answer.is_error:
            raise CommerceError(f"Airflow answered {answer.status_code} to {method} {path}: {answer.text[:2000]}")
        return answer.json() if answer.content else None

    def ready(self, dags: tuple[str, ...], since: datetime) -> bool:
        """Whether the scheduler runs and the DAGs are read, both since `since`: an earlier start left its own times."""
        try:
            health = self._client.get("/api/v2/monitor/health").raise_for_status().json()
            heartbeat = health["scheduler"]["latest_scheduler_heartbeat"]
            parsed = {dag["dag_id"]: dag["last_parsed_time"] for dag in self.request("GET", "dags", limit=100)["dags"]}
        except httpx.HTTPError:
            return False
        times = [heartbeat, *(parsed.get(dag) for dag in dags)]
        return all(time is not None and datetime.fromisoformat(time) >= since for time in times)

    def import_errors(self, since: datetime) -> list[str]:
        """What has kept DAG files from being read since `since`: file and error."""
        try:
            errors = self.request("GET", "importErrors")["import_errors"]
        except httpx.HTTPError:
            return []
        recent = [error for error in errors if datetime.fromisoformat(error["timestamp"]) >= since]
        return [f"{error['filename']}: {error['stack_trace'].strip()}" for error in recent]

    def unpause(self, dag: str, paused: bool = False) -> None:
        self.request("PATCH", f"dags/{dag}", {"is_paused": paused}, update_mask="is_paused")

    def set_pool(self, name: str, slots: int, description: str) -> None:
        """Create the pool, or set its size."""
        existing = {pool["name"] for pool in self.request("GET", "pools", limit=100)["pools"]}
        pool = {"name": name, "slots": slots, "description": description, "include_deferred": False}
        if name in existing:
            self.request(
                "PATCH", f"pools/{name}", {("pool" if key == "name" else key): value for key, value in pool.items()}
            )
        else:
            self.request("POST", "pools", pool)

    def trigger(self, dag: str, conf: dict[str, Any]) -> str:
        """Start a run by hand, as the form in the UI does; return its id."""
        return str(self.request("POST", f"dags/{dag}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"])

    def wait(self, dag: str, run_id: str, *, seconds: float = 600, tick: Callable[[], None] = lambda: None) -> str:
        """Wait until the run has ended; return its state, `success` or `failed`. Calls `tick` about every second.

        Raises:
            CommerceError: it still runs after `seconds`.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            path = f"/api/v2/dags/{dag}/dagRuns/{quote(run_id, safe='')}/wait"
            try:
                with self._client.stream("GET", path, params={"interval": 1, "result": []}, timeout=30) as lines:
                    for line in lines.raise_for_status().iter_lines():
                        if line and (state := json.loads(line)["state"]) in ("success", "failed"):
                            return str(state)
                        tick()
                        if time.monotonic() > deadline:
                            break
            except httpx.TransportError:
                tick()
                time.sleep(1)  # the connection ended before the run did
        raise CommerceError(f"{dag}, run {run_id}, has not ended after {seconds:.0f} seconds.")

    def task_states(self, dag: str, run_id: str) -> list[tuple[str, int, str | None]]:
        """Task, map index (-1: not mapped) and state of each task instance of a run."""
        path = f"dags/{dag}/dagRuns/{quote(run_id, safe='')}/taskInstances"
        found: list[tuple[str, int, str | None]] = []
        while True:
            page = self.request("GET", path, limit=100, offset=len(found))
            found += [(ti["task_id"], ti["map_index"], ti["state"]) for ti in page["task_instances"]]
            if len(found) >= page["total_entries"] or not page["task_instances"]:
                return found

    def close(self) -> None:
        self._client.close()
