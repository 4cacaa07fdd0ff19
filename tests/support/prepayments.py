"""Two stores and a known customer, for orders that are paid in advance; what is in the customers' balances."""

from __future__ import annotations

from sqlalchemy import Engine

from commerce.scope import Scope
from commerce.verify import verify
from support import staging
from support.company import add_company, add_customer, add_store, map_guid
from support.statements import settle_exchange
from support.transactions import DAY

KNOWN = staging.guid(1)
"""The GUID of the customer KARI."""
SCOPE = Scope(("S1", "S2"), DAY)
BALANCES = "SELECT accountnum, salesid, transtype, amountcur FROM ax.custtrans ORDER BY voucher"


def add_stores(hq: Engine) -> None:
    """The stores of `SCOPE`, in a company whose customer KARI came from `KNOWN`."""
    add_company(hq)
    for store in SCOPE.stores:
        add_store(hq, store)
    add_customer(hq, "KARI")
    map_guid(hq, KNOWN, "KARI")


def broken(hq: Engine) -> set[str]:
    """Rules that headquarters breaks."""
    settle_exchange(hq)
    return {finding.check for finding in verify(hq)}
