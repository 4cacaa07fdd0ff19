"""Lay parts of packages over the tables of a channel, or over their shadows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from commerce.exchange.dialects import ChannelConnection
from commerce.exchange.fetching import Part


def lay(channel: ChannelConnection, session: int, parts: Sequence[Part], *, shadow: bool = False) -> None:
    """Apply `parts`, with their rows, in their order. Small parts share a short write transaction: what a transaction
    costs, a channel would pay for each of a dozen tables else."""
    for some in together(parts, channel.rows_at_once):
        channel.apply_parts(session, some, shadow=shadow)


def together(parts: Sequence[Part], rows: int) -> Iterator[list[Part]]:
    """Cut `parts` into groups of at most `rows` rows, at least a part each."""
    group: list[Part] = []
    for part in parts:
        if group and sum(one.rows for one in group) + part.rows > rows:
            yield group
            group = []
        group.append(part)
    if group:
        yield group
