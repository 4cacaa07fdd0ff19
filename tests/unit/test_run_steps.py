"""Shards, and which steps a run may leave out."""

import pytest

from commerce.errors import UsageError
from commerce.run import steps
from commerce.run.opening import cut


def test_up_to_the_ceiling_each_store_has_a_shard_of_its_name() -> None:
    shards = cut(["BERGEN", "HOUSTON", "OSLO"], 3)
    assert [(shard.name, shard.index, shard.stores) for shard in shards] == [
        ("BERGEN", 0, ("BERGEN",)),
        ("HOUSTON", 1, ("HOUSTON",)),
        ("OSLO", 2, ("OSLO",)),
    ]


@pytest.mark.parametrize(("stores", "ceiling"), [(5, 2), (100, 32), (1000, 40), (33, 32), (7, 1)])
def test_above_it_shards_are_of_about_one_size_and_miss_nobody(stores: int, ceiling: int) -> None:
    names = [f"S{number:04}" for number in range(stores)]
    shards = cut(names, ceiling)
    assert len(shards) == ceiling
    assert [store for shard in shards for store in shard.stores] == names
    sizes = {len(shard.stores) for shard in shards}
    assert max(sizes) - min(sizes) <= 1
    assert len({shard.name for shard in shards}) == ceiling


def test_steps_are_left_out_by_either_spelling() -> None:
    assert steps.to_skip("end_of_day", ["synchronize-customers", "distribute_late"]) == {
        "synchronize_customers",
        "distribute_late",
    }


@pytest.mark.parametrize("step", ["quality_gate", "post-statements", "uplaod"])
def test_what_decides_about_money_is_never_left_out(step: str) -> None:
    with pytest.raises(UsageError, match=step.replace("-", "_")):
        steps.to_skip("end_of_day", [step])


def test_the_dags_know_the_same_steps() -> None:
    airflow_side = pytest.importorskip("commerce_airflow.steps")
    assert steps.names("end_of_day") == airflow_side.END_OF_DAY
    assert steps.names("customer_sync") == airflow_side.CUSTOMER_SYNC
    skippable = tuple(step.name for step in steps.END_OF_DAY if step.skippable)
    assert skippable == airflow_side.SKIPPABLE
