"""Callbacks in `gc.callbacks` that are not csched's run as part of the collection."""

from __future__ import annotations

import gc
import time
from typing import Any

import pytest

import csched
from csched import ANY, Down, receive, run, self, send, spawn_monitor

NOTES: dict[str, Any] = {}


class Callback:
    """Runs for longer than a slice, in both phases."""

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        if NOTES.get("pid") == csched.self():
            NOTES["calls"] += 1
            end = time.monotonic() + 0.005
            while time.monotonic() < end:
                pass
            NOTES["through"] += 1


@pytest.fixture(params=["before", "during"])
def callback(request):
    """Added before the run has begun, or during it."""
    NOTES.clear()
    NOTES.update(calls=0, through=0)
    callback = Callback()
    if request.param == "before":
        gc.callbacks.append(callback)
    yield lambda: None if callback in gc.callbacks else gc.callbacks.append(callback)
    gc.callbacks.remove(callback)


def test_a_callback_is_neither_preempted_nor_told_to_exit(callback):
    def child(parent):
        NOTES["pid"] = self()
        send(parent, "collects")
        while True:
            gc.collect()

    def main():
        callback()
        pid, ref = spawn_monitor(child, self())
        receive("collects", timeout=60)
        switched = NOTES["calls"] != NOTES["through"]
        csched.sleep(0.02)
        switched = switched or NOTES["calls"] != NOTES["through"]
        csched.exit(pid, "stop")
        reason = receive(Down(ref, ANY, ANY, ANY), timeout=60).reason
        return reason, switched, NOTES["calls"] - NOTES["through"]

    # What was raised in a callback would be swallowed by the collector, and reported by pytest.
    assert run(main) == ("stop", False, 0)


def test_the_list_of_callbacks_is_as_it_was_after_the_run():
    before = list(gc.callbacks)
    run(gc.collect)
    assert gc.callbacks == before
