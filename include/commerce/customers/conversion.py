"""The one conversion: GUIDs in, accounts out. The batch job and both late bindings come through here (rule 1).

A chunk is one transaction: check the rows, claim the GUIDs in the map, write the customers, take their numbers last,
mark the rows and put the accounts into the outbox. What fails rolls all of it back, numbers too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from commerce import sequences
from commerce.customers import candidates, creation
from commerce.customers.chunks import CHUNK, account_exists, convert, share_operations
from commerce.customers.counts import Tally
from commerce.customers.duplicates.known import Recognition
from commerce.errors import ConfigurationError
from commerce.exchange.outbox import enqueue


def convert_customers(hq: Engine, company: str, guids: Sequence[str], job: str, *, needed: bool = False) -> Tally:
    """Create the customers of `guids` in `company` that have a pending create operation and no account yet.

    Args:
        guids: in ascending order, at most a chunk.
        job: who asks; kept in the map as `mappedby`.
        needed: a transaction waits for them: the policy `hold` does not apply.

    Raises:
        ConfigurationError: the account numbers are exhausted or not set up; nothing of the chunk is done then.
    """

    def work(part: Sequence[str]) -> Tally:
        with hq.begin() as connection:
            return _convert(connection, company, part, job, needed)

    def refuse(guid: str, reason: str) -> Tally:
        tally = Tally()
        values = {"company": company, "guids": [guid]}
        with hq.begin() as connection:
            connection.execute(candidates.CANDIDATES, values)
            failed = tally.add("failed", connection.execute(candidates.FAIL_CHOSEN, {"reason": reason}))
        if failed:  # another register may have sent this customer too, and better
            tally.merge(convert_customers(hq, company, [guid], job, needed=needed))
        return tally

    try:
        return convert(guids, work, refuse)
    except IntegrityError as error:
        if not account_exists(error):
            raise
        raise ConfigurationError(
            f"A number sequence for customer accounts of company {company} gives numbers that customers have already. "
            "Raise its lowest number above them and run `commerce setup apply`."
        ) from None


def pending_guids(hq: Engine, company: str) -> Iterator[list[str]]:
    """The GUIDs of `company` with pending create operations, chunk by chunk as they arrived, each chunk in GUID order;
    each is given once."""
    after = 0
    while True:
        with hq.connect() as connection:
            values = {"company": company, "after": after, "size": CHUNK}
            rows = connection.execute(candidates.NEXT_GUIDS, values).all()
        if not rows:
            return
        if guids := sorted({row.custaccountasync for row in rows if not row.again}):
            yield guids
        after = rows[-1].recid


def _convert(connection: Connection, company: str, guids: Sequence[str], job: str, needed: bool) -> Tally:
    values = {"company": company, "guids": list(guids), "job": job}
    share_operations(connection, company)
    connection.execute(candidates.CANDIDATES, values)
    connection.execute(text("ANALYZE candidate (staged, custaccountasync)"))
    recognition = Recognition(connection, company, guids, job, needed=needed)
    if recognition.active:
        recognition.take_out()
    for statement in creation.CLAIM:
        connection.execute(statement, values)
    tally = Tally()
    tally.add("failed", connection.execute(candidates.MARK_FAILED, values))
    if tally.add("converted", connection.execute(creation.CREATED_BY_ORIGIN)):
        for statement in creation.PARTIES:
            connection.execute(statement)
        connection.execute(candidates.MARK_DONE, values)
        _number(connection, company)
        for statement in creation.ACCOUNTS:
            connection.execute(statement)
        enqueue(connection, creation.CREATED_ACCOUNTS)
    else:
        connection.execute(candidates.MARK_DONE, values)
    if recognition.active and recognition.settle(tally):
        connection.execute(candidates.MARK_DONE, values)
    return tally


def _number(connection: Connection, company: str) -> None:
    """Give each new customer its account number, from its group's own sequence or the company's (domain F11)."""
    needs: dict[tuple[str, str], int] = {}
    for row in connection.execute(creation.NUMBERS_NEEDED):
        if row.numbersequence is None:
            raise ConfigurationError(
                f"Company {company} has no number sequence for customer accounts. "
                "Name one under references (CustomerAccount) and run `commerce setup apply`."
            )
        needs[company, row.numbersequence] = row.customers
    for (_, sequence), numbers in sequences.take(connection, needs).items():
        set_accounts = creation.SET_ACCOUNTS.format(number=numbers.sql("ordinal"))
        connection.execute(text(set_accounts), {"sequence": sequence})
