"""Alembic migrations of headquarters and of channel databases, run from code.

A revision is explicit `op` code and is never changed once released; a test proves that all of them together give
exactly the tables of `commerce.schema`.
"""

from commerce.migrations.runner import channel_head, upgrade_channel, upgrade_headquarters

__all__ = ["channel_head", "upgrade_channel", "upgrade_headquarters"]
