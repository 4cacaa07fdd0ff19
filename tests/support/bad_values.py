"""Values of a transaction header that must be refused, with the reason, and unusual ones that must arrive."""

from __future__ import annotations

from typing import Any

from support.registers import cast

BAD_HEADERS: list[tuple[str, Any, str]] = [
    ("comment", cast(b"caf\xe9"), "no text (a blob, a NUL character or invalid UTF-8): comment"),
    ("comment", "a\0b", "no text (a blob, a NUL character or invalid UTF-8): comment"),
    ("receiptid", b"abc", "no text (a blob, a NUL character or invalid UTF-8): receiptid"),
    ("type", b"\x02", "no text (a blob, a NUL character or invalid UTF-8): type"),
    ("createdoffline", "yes", "createdoffline: no integer"),
    ("createdoffline", 1.5, "createdoffline: no integer"),
    ("createdoffline", 2**31, "createdoffline: no integer"),
    ("batchid", "9223372036854775808", "batchid: no integer"),
    ("createdoffline", "", "createdoffline: no integer"),
    ("receiptid", "x" * 19, "receiptid: longer than 18"),
    ("receiptid", "x" * 18 + "   ", "receiptid: longer than 18"),
    ("businessdate", "2026-02-31", "businessdate: missing or no date"),
    ("businessdate", "today", "businessdate: missing or no date"),
    ("businessdate", "2026-03-02T00:00:00", "businessdate: missing or no date"),
    ("transdate", "0000-01-01", "transdate: no date"),
    ("begindatetime", "2026-03-02 25:00", "begindatetime: no date and time"),
    ("begindatetime", "2026-02-30T10:00:00Z", "begindatetime: no date and time"),
    ("begindatetime", "now", "begindatetime: no date and time"),
    ("discamount", "1.2345678", "discamount: no decimal number of at most six decimals"),
    ("discamount", "NaN", "discamount: no decimal number of at most six decimals"),
    ("discamount", "1e3", "discamount: no decimal number of at most six decimals"),
    ("discamount", "1" * 27, "discamount: no decimal number of at most six decimals"),
    ("discamount", " 1", "discamount: no decimal number of at most six decimals"),
    ("dataareaid", "XXXX", "dataareaid: not the company of the store"),
    ("store", "S9", "store: not a store of this channel database"),
]
UNUSUAL_HEADERS: list[tuple[str, Any, str]] = [
    ("discamount", "1.2300000000000000", "1.230000"),
    ("discamount", "-.5", "-0.500000"),
    ("discamount", 3, "3.000000"),
    ("transdate", "2024-02-29", "2024-02-29"),
    ("begindatetime", "2026-03-02 10:00:00.123456+0100", "2026-03-02 09:00:00.123456+00"),
    ("begindatetime", "2026-03-02", "2026-03-02 00:00:00+00"),
    ("createdoffline", "7", "7"),
    ("comment", "x" * 60, "x" * 60),
    ("comment", "\x01\x1f\u2028 'quoted' \\", "\x01\x1f\u2028 'quoted' \\"),
]
