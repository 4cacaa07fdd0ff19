"""Full resynchronization of a channel, in the channel database: through shadow tables and a short switch (design rule
13; docs/decisions/full-resynchronization.md).

The package of the full session fills shadow tables, a part in a short transaction of its own. Incremental sessions go
on being applied to the tables that the register reads; those made since the full session began are laid over the
shadow tables too, in order, when the package is in. Then one short transaction exchanges the tables. Each step is
recorded in the channel, so that a killed resynchronization goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Engine, text

from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.deadline import Deadline
from commerce.exchange.dialects import ChannelConnection
from commerce.exchange.fetching import Packages, Part
from commerce.exchange.laying import lay, together
from commerce.schema.channel import SQLITE
from commerce.schema.enums import DownloadSessionStatus as Status

APPLIED_SINCE = text("""
SELECT d.session FROM cdx.retailcdxdownloadsession AS f
JOIN cdx.retailcdxdownloadsession AS s
     ON s.datagroup = f.datagroup AND s.kind = 'incremental' AND s.dateavailable >= f.datecreated
JOIN cdx.retailcdxdownloadsessiondatastore AS d ON d.session = s.session AND d.datastore = :datastore
WHERE f.session = :full AND d.status = :applied ORDER BY d.session
""")

BEGUN = text("""
SELECT session FROM cdx.retailcdxdownloadsessiondatastore
WHERE datastore = :datastore AND session <> :full AND status NOT IN (4, 5, 9) ORDER BY session
""")
"""Sessions that wait. Some parts of one may be applied, but to the tables that are replaced."""

SESSIONS_AT_LEAST = 2
"""So many later sessions a call lays over the shadow tables whatever the time: more than come new between two calls."""


@dataclass
class Resynchronization:
    """One call for one database: goes on until `deadline`, but does at least one part."""

    hq: Engine
    database: ChannelDatabase
    channel: ChannelConnection
    packages: Packages
    deadline: Deadline
    session: int

    def switched(self) -> bool:
        """Whether the channel has the new tables already: somebody was killed before headquarters knew."""
        return bool(self.channel.applied_parts(self.session))

    def load(self) -> bool:
        """Fill the shadow tables; False if time is up before they are complete.

        Raises:
            PackageGoneError: a package is not kept any more.
        """
        while self.channel.drop_replaced(self.session):  # what an earlier resynchronization has left
            if self.deadline.passed():
                return False
        self.channel.begin_shadow(self.session, tuple(SQLITE.downloads))
        missing = self._missing(self.session, self.packages.listed(self.session))
        for number, some in enumerate(together(missing, self.channel.rows_at_once)):
            if number and self.deadline.passed():
                return False
            parts = [replace(part, content=self.packages.content(self.session, part)) for part in some]
            self.channel.apply_parts(self.session, parts, shadow=True)
        with self.hq.connect() as connection:
            values = {"full": self.session, "datastore": self.database.recid, "applied": Status.APPLIED}
            later = [int(session) for session in connection.scalars(APPLIED_SINCE, values)]
        laid = 0
        for session in later:
            missing = self._missing(session, self.packages.whole(session))
            if missing and laid >= SESSIONS_AT_LEAST and self.deadline.passed():
                return False
            lay(self.channel, session, missing, shadow=True)
            laid += bool(missing)
        return True

    def switch(self) -> None:
        """Let the register read the new tables. A session that is half applied begins anew there."""
        with self.hq.connect() as connection:
            values = {"full": self.session, "datastore": self.database.recid}
            begun = [int(session) for session in connection.scalars(BEGUN, values)]
        self.channel.switch_shadow(self.session, tuple(SQLITE.downloads), begun)

    def _missing(self, session: int, parts: list[Part]) -> list[Part]:
        done = self.channel.applied_parts(session, shadow=True)
        return [part for part in parts if part.part not in done]
