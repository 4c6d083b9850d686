"""Crashes by the thousand end only those who crash, and leave nothing behind."""

from __future__ import annotations

import gc
import logging

import pytest

import csched
from csched import aio, receive, run, self, send, spawn

pytestmark = pytest.mark.stress

CRASHES = 10_000


@pytest.fixture
def reports():
    """What the logger `csched` was given, without the tracebacks."""
    logged = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append((record.levelno, record.args[0]))
    logger = logging.getLogger("csched")
    logger.addHandler(handler)
    logger.propagate = False
    yield logged
    logger.propagate = True
    logger.removeHandler(handler)


def crash(n):
    local = [n] * 10  # noqa: F841
    raise ValueError(n)


async def acrash(n):
    await aio.yield_()
    crash(n)


def echo():
    while True:
        send(receive(), "alive")


def crash_all(count):
    others = [spawn(echo) for _ in range(100)]
    pids = []
    for n in range(count):
        pids.append(spawn(acrash if n % 2 else crash, n))
        if n % 100 == 0:
            csched.yield_()
    while len(csched.processes()) > 1 + len(others):
        csched.yield_()
    for other in others:
        send(other, self())
        assert receive(timeout=60) == "alive"
    return pids


@pytest.mark.timeout(600)
def test_ten_thousand_crashes_end_nobody_else_and_are_logged_once_each(reports):
    pids = run(crash_all, CRASHES)
    assert sorted(pid for _, pid in reports) == pids
    assert {level for level, _ in reports} == {logging.ERROR}


@pytest.mark.timeout(600)
def test_crashes_leave_no_objects_behind(request):
    def objects():
        gc.collect()
        return len(gc.get_objects())

    # pytest keeps what is logged.
    logging.disable(logging.CRITICAL)
    request.addfinalizer(lambda: logging.disable(logging.NOTSET))
    run(crash_all, 1_000)
    before = objects()
    for _ in range(5):
        run(crash_all, 1_000)
    assert objects() - before < 100
