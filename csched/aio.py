"""The awaitable twin of each function that can suspend, for ``async def`` processes."""

from __future__ import annotations

from csched._aio import hibernate, receive, sleep, yield_

__all__ = ["hibernate", "receive", "sleep", "yield_"]
