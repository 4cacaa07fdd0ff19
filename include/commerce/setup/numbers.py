"""Number sequences in setup: where one may stand, and that no account number can come up twice."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from sqlalchemy import Connection, Row, text

from commerce.errors import UsageError
from commerce.setup.writing import Row as SetupRow

_STANDS_AT = text(
    # Locked: a job that takes numbers between this and the update would see its numbers handed out again.
    "SELECT nextrec FROM ax.numbersequencetable"
    " WHERE dataareaid = :dataareaid AND numbersequence = :numbersequence FOR UPDATE"
)
_ACCOUNT_SEQUENCES = text(
    """
    SELECT s.dataareaid, s.numbersequence, s.format, s.lowest, s.nextrec, s.highest
    FROM ax.numbersequencetable AS s
    WHERE EXISTS (SELECT FROM ax.numbersequencereference AS r WHERE r.reference = 'CustomerAccount'
                  AND (r.dataareaid, r.numbersequence) = (s.dataareaid, s.numbersequence))
       OR EXISTS (SELECT FROM ax.custgroup AS g
                  WHERE (g.dataareaid, g.custaccountnumseq) = (s.dataareaid, s.numbersequence))
    ORDER BY s.dataareaid, s.numbersequence
    """
)
_ACCOUNT_AHEAD = text(
    """
    SELECT accountnum FROM ax.custtable
    WHERE dataareaid = :company AND accountnum COLLATE "C" BETWEEN :first AND :last AND length(accountnum) = :length
      AND substr(accountnum, :start, :digits) ~ '^[0-9]+$' AND right(accountnum, :tail) = :suffix
    ORDER BY accountnum LIMIT 1
    """
)


def next_number(connection: Connection, place: str, row: SetupRow) -> int:
    """The number that a sequence gives next: where it stands, or the file's lowest if that is higher.

    Raises:
        UsageError: the file's highest number lies below what the sequence has given already.
    """
    stands_at = connection.execute(_STANDS_AT, row).scalar_one_or_none()
    nextrec: int = row["lowest"] if stands_at is None else max(stands_at, row["lowest"])
    if nextrec > row["highest"] + 1:
        raise UsageError(
            f"{place}.highest is {row['highest']}, but the sequence has given numbers up to {nextrec - 1}. "
            "Set it to that number or a higher one."
        )
    return nextrec


def check_account_numbers(connection: Connection) -> None:
    """Refuse sequences of customer accounts that can give one number twice, or a number that an account has already.

    Raises:
        UsageError: names the sequences, or the sequence and the account in its way.
    """
    sequences = connection.execute(_ACCOUNT_SEQUENCES).all()
    for one, other in combinations(sequences, 2):
        same = (one.dataareaid, one.format) == (other.dataareaid, other.format)
        if same and one.lowest <= other.highest and other.lowest <= one.highest:
            raise UsageError(
                f"Number sequences {one.numbersequence} and {other.numbersequence} of company {one.dataareaid} give "
                "the same account numbers. Give them different formats or ranges that do not overlap."
            )
    for sequence in sequences:
        _check_ahead(connection, sequence)


def _check_ahead(connection: Connection, sequence: Row[Any]) -> None:
    if sequence.nextrec > sequence.highest:
        return
    digits = sequence.format.count("#")
    prefix, _, suffix = sequence.format.partition("#" * digits)
    taken = connection.execute(
        _ACCOUNT_AHEAD,
        {
            "company": sequence.dataareaid,
            "first": f"{prefix}{sequence.nextrec:0{digits}d}{suffix}",
            "last": f"{prefix}{sequence.highest:0{digits}d}{suffix}",
            "length": len(sequence.format),
            "start": len(prefix) + 1,
            "digits": digits,
            "tail": len(suffix),
            "suffix": suffix,
        },
    ).scalar_one_or_none()
    if taken is not None:
        raise UsageError(
            f"Number sequence {sequence.numbersequence} of company {sequence.dataareaid} would give {taken}, but a "
            "customer has that account already. Start the sequence above it (lowest) or change its format."
        )
