"""`i()` beside many processes: its first page, and all of it.

Unit: of the first page, the page (48 processes), which must not depend on how many others there
are; of the whole listing, one process (two lines). Printed into memory: a terminal is not measured.
"""

from __future__ import annotations

import io
import sys
import time

import pytest

from csched import aio, i, receive, spawn, yield_

PAGE = 48
PAGES = 20
# A plain process that waits keeps a C stack: 100,000 of them, 0.7 GB.
MOST = {"async": 100_000, "plain": 10_000}


async def async_wait() -> None:
    await aio.receive()


def plain_wait() -> None:
    receive()


BODIES = {"async": async_wait, "plain": plain_wait}


def page(kind: str, processes: int, pages: int) -> float:
    for _ in range(processes):
        spawn(BODIES[kind])
    yield_()
    start = time.process_time()
    for _ in range(pages):
        i(file=io.StringIO(), limit=PAGE)
    return time.process_time() - start


def all_pages(kind: str, processes: int) -> float:
    for _ in range(processes):
        spawn(BODIES[kind])
    yield_()
    start = time.process_time()
    i(file=io.StringIO())
    return time.process_time() - start


@pytest.mark.parametrize("processes", [100, 100_000])
def test_first_page(measure, size, kind, processes):
    processes, pages = min(size(processes), MOST[kind]), size(PAGES)
    measure(page, kind, processes, pages, operations=pages, rounds=3, warmup_rounds=0)


def test_whole_listing(measure, size, kind, monkeypatch):
    # Nobody is there to be asked whether to go on.
    monkeypatch.setattr(sys, "stdin", None)
    measure(all_pages, kind, size(1_000), operations=size(1_000))
