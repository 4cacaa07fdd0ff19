"""The graphs that several DAGs share (design: "The DAGs")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Label, chain, task_group

from commerce_airflow import assets
from commerce_airflow.tasks import close_run, shard_step, whole_step

if TYPE_CHECKING:
    from airflow.sdk import XComArg


def bring_customers(shards: XComArg) -> XComArg:
    """`upload[shard] -> synchronize_customers`; returns the latter."""
    uploaded = shard_step("upload", outlets=[assets.UPLOADED], first=True).expand(shard=shards)
    converted = whole_step("synchronize_customers", outlets=[assets.CUSTOMERS])()
    chain(uploaded, converted)
    return converted


def end_of_day_chain(shards: XComArg) -> None:
    """The whole day, from `upload` to `close_run`, for what `open_run` returned."""
    converted = bring_customers(shards)
    gate = whole_step("quality_gate")()
    closed = close_run()

    @task_group(group_id="prepare", prefix_group_id=False)
    def prepare(shard: dict[str, Any]) -> None:
        """Accounts to the channels, orders, late binding, checks: each shard at its own pace."""
        distributed = shard_step("distribute")(shard)
        ordered = shard_step("synchronize_orders")(shard)
        bound = shard_step("bind_cash_and_carry")(shard)
        late = shard_step("distribute_late")(shard)
        validated = shard_step("validate_transactions")(shard)
        chain(distributed, ordered, bound)
        chain(bound, Label("accounts bound late"), late, closed)
        chain(bound, validated, gate)

    @task_group(group_id="post", prefix_group_id=False)
    def post(shard: dict[str, Any]) -> None:
        """The statements of what the gate let through."""
        calculated = shard_step("calculate_statements")(shard)
        posted = shard_step("post_statements", outlets=[assets.STATEMENTS])(shard)
        chain(calculated, posted, closed)

    chain(converted, prepare.expand(shard=shards))
    chain(gate, post.expand(shard=shards))
