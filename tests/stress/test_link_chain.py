"""A chain of a million links: it dies from end to end, in constant C stack."""

from __future__ import annotations

import pytest

import csched
from csched import ANY, Down, aio, link, monitor, processes, receive, run, self, send, spawn

pytestmark = pytest.mark.stress

LENGTH = 1_000_000


async def wait(before, user=None):
    if before is not None:
        link(before)
    if user is not None:
        send(user, "linked")
    await aio.receive()


def test_a_chain_of_a_million_dies_to_both_sides():
    """An exit signal goes along any number of links, both ways, without recursion."""

    def main():
        chain = [spawn(wait, None)]
        for _ in range(LENGTH - 2):
            chain.append(spawn(wait, chain[-1]))
        # They begin in order of creation: all others are linked when the last one is.
        chain.append(spawn(wait, chain[-1], self()))
        receive("linked")
        ends = {monitor(chain[0]), monitor(chain[-1])}
        victim = chain[LENGTH // 2]
        chain.clear()
        csched.exit(victim, "why")
        downs = [receive(Down(ref, ANY, ANY, ANY), timeout=120) for ref in ends]
        return [down.reason for down in downs], len(processes())

    assert run(main) == (["why", "why"], 1)
