"""The pages of `docs`: each can be found from their index."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_every_page_is_linked_from_the_index_and_every_link_leads_to_a_page() -> None:
    linked = set(re.findall(r"\]\(([\w./-]+\.md)\)", (DOCS / "README.md").read_text()))
    pages = {path.name for path in DOCS.glob("*.md")} - {"README.md"}
    assert pages <= linked
    assert all((DOCS / link).is_file() for link in linked)
