"""The steps of a run: their order, and what a failure in one of them means for a store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from commerce.errors import UsageError

Kind = Literal["end_of_day", "customer_sync", "historical", "history_upload", "trickle_feed"]

EVERY_STORE = "*"
"""Stands for the store in the record of a step that works the whole run at once, and of one that is left out."""


@dataclass(frozen=True)
class Step:
    """One step.

    `gates`: a store that fails here is out of the rest of the run; otherwise its failure is only a note (distribution
    behind never holds money back). `whole`: works companies, not stores. `day_must_have_ended`: left out for stores
    whose business day has not ended yet. `skippable`: what decides about money cannot be left out, a run without it
    would be another kind of run. `shared`: brings what one store uploaded to others, so it is due again
    when a store that was out of reach has uploaded after all.
    """

    name: str
    gates: bool = True
    whole: bool = False
    day_must_have_ended: bool = False
    skippable: bool = True
    shared: bool = False


END_OF_DAY = (
    Step("upload"),
    Step("synchronize_customers", whole=True, shared=True),
    Step("distribute", gates=False, shared=True),
    Step("synchronize_orders"),
    Step("bind_cash_and_carry"),
    Step("distribute_late", gates=False, shared=True),
    Step("validate_transactions", day_must_have_ended=True),
    Step("quality_gate", day_must_have_ended=True, skippable=False),
    Step("calculate_statements", day_must_have_ended=True, skippable=False),
    Step("post_statements", day_must_have_ended=True, skippable=False),
)
CUSTOMER_SYNC = (
    *END_OF_DAY[:3],
    Step("find_duplicates", gates=False, whole=True),
    Step("purge_personal_data", gates=False, whole=True),
)
"""The last two wait until the registers have their accounts: nobody's customer is delayed by them."""

OF_KIND: dict[str, tuple[Step, ...]] = {
    "end_of_day": END_OF_DAY,
    "historical": END_OF_DAY,
    "customer_sync": CUSTOMER_SYNC,
    "history_upload": END_OF_DAY[:3],
    "trickle_feed": END_OF_DAY,
}
WITHOUT_DATE: tuple[Kind, ...] = ("customer_sync", "history_upload")
"""Runs that post nothing and so have no business date."""
THROUGH_THE_DAY: tuple[Kind, ...] = ("trickle_feed",)
"""Runs that do not ask whether a store's business day has ended: they post what is there so far."""
OF_HISTORY: tuple[Kind, ...] = ("historical", "history_upload")


def find(kind: str, name: str) -> Step:
    """The step `name` of a run of `kind`.

    Raises:
        UsageError: it has none of that name.
    """
    for step in OF_KIND[kind]:
        if step.name == name:
            return step
    raise UsageError(f"A run of kind {kind} has no step '{name}'. Its steps: {', '.join(names(kind))}.")


def names(kind: str) -> tuple[str, ...]:
    return tuple(step.name for step in OF_KIND[kind])


def to_skip(kind: str, skip: Iterable[str]) -> frozenset[str]:
    """The names of the steps to leave out, written with hyphens or underscores.

    Raises:
        UsageError: one is no step of this kind of run, or may not be left out.
    """
    chosen = frozenset(name.strip().replace("-", "_") for name in skip)
    allowed = [step.name for step in OF_KIND[kind] if step.skippable]
    if wrong := sorted(chosen.difference(allowed)):
        raise UsageError(f"{', '.join(wrong)} cannot be left out of a run. What can: {', '.join(allowed)}.")
    return chosen
