"""Links, monitors and timers as data, without processes; `_relation.pxd` has the rules."""

from __future__ import annotations

import math
import random
import sys

import pytest


@pytest.fixture(scope="module")
def relation(probe):
    return probe("relation_probe")


COUNT = 100_000

# In which order ids may come.
ORDERS = {
    "sequential": lambda: range(1, COUNT + 1),
    "backwards": lambda: range(COUNT, 0, -1),
    "far apart": lambda: range(7, COUNT << 28, 1 << 28),
    "huge": lambda: range(2**64 - COUNT, 2**64),
    "random": lambda: random.Random(1).sample(range(2**62), COUNT),
    "from both ends": lambda: [x for n in range(COUNT // 2) for x in (n, 2**64 - 1 - n)],
}


def make_links(relation, ids):
    links = relation.Links()
    for id in ids:
        links.insert(id, id & 0xFFFF)
    return links


@pytest.mark.parametrize("order", ORDERS)
def test_the_tree_stays_flat_whatever_the_order_of_ids(relation, order):
    links = make_links(relation, ORDERS[order]())
    # 4.3 log2(n) is what a random tree of this size never comes near: 2.1 log2(n) is the mean.
    assert links.depth() < 4.3 * math.log2(COUNT)


@pytest.mark.parametrize("order", ORDERS)
def test_links_are_popped_in_order_of_id(relation, order):
    ids = ORDERS[order]()
    links = make_links(relation, ids)
    assert [links.pop()[0] for _ in range(COUNT)] == sorted(ids)
    assert links.pop() is None


def test_the_tree_stays_flat_while_links_come_and_go(relation):
    rng = random.Random(2)
    links = make_links(relation, range(1000))
    there = list(range(1000))
    for id in range(1000, COUNT):
        links.insert(id, 0)
        there.append(id)
        at = rng.randrange(len(there))
        there[at], there[-1] = there[-1], there[at]
        assert links.remove(there.pop()) is not None
    assert links.depth() < 4.3 * math.log2(1000)


def test_a_tree_that_is_popped_stays_flat_for_those_who_leave_it_meanwhile(relation):
    # As when a hub ends while those whom it is linked with end, too.
    links = make_links(relation, range(COUNT))
    leaving = random.Random(3).sample(range(COUNT), COUNT)
    gone = set()
    deepest = 0
    for number, id in enumerate(leaving):
        popped = links.pop()
        if popped is None:
            break
        gone.add(popped[0])
        assert (links.remove(id) is not None) == (id not in gone)
        gone.add(id)
        if number % 1000 == 0:
            deepest = max(deepest, links.depth())
    assert len(gone) == COUNT
    assert deepest < 6 * math.log2(COUNT)


def test_a_cursor_survives_that_what_it_stands_on_is_removed(relation):
    links = make_links(relation, range(0, 1000, 10))
    met, at = [], links.find(0)
    while at is not None:
        met.append(at[0])
        links.remove(at[0])
        links.remove(at[0] + 10)
        at = links.after(at[0])
    assert met == list(range(0, 1000, 20))


def test_the_sizes_are_those_that_are_documented(relation):
    # As the allocator takes them, in steps of 16.
    sizes = (relation.LINK_SIZE, relation.MONITOR_SIZE, relation.RELATIONS_SIZE)
    assert [-(-size // 16) * 16 for size in sizes] == [32, 64, 48]


class Tracked:
    def __init__(self, seen):
        self.seen = seen

    def __del__(self):
        self.seen.append("gone")


@pytest.mark.parametrize("kind", ["Monitor", "Timer"])
def test_a_reference_knows_its_record_for_as_long_as_there_is_one(relation, kind):
    ref = relation.make_ref()
    count = sys.getrefcount(ref)
    record = getattr(relation, kind)(ref)
    assert sys.getrefcount(ref) == count + 1
    assert relation.kind_of(ref) == (getattr(relation, kind.upper()), True)
    record.free()
    assert relation.kind_of(ref) == (relation.PLAIN, False)
    assert sys.getrefcount(ref) == count


def test_what_a_record_owns_goes_with_it(relation):
    seen = []
    monitor = relation.Monitor(relation.make_ref(), ("name", Tracked(seen)))
    timer = relation.Timer(relation.make_ref(), "dest", Tracked(seen))
    assert seen == []
    monitor.free()
    assert seen == ["gone"]
    timer.free()
    assert seen == ["gone", "gone"]


def test_a_record_is_out_of_reach_before_what_it_owns_is_let_go_of(relation):
    ref = relation.make_ref()
    seen = []

    class Curious:
        def __del__(self):
            seen.append(relation.kind_of(ref))

    monitor = relation.Monitor(ref, (None, Curious()))
    monitor.free()
    timer = relation.Timer(ref, None, Curious())
    timer.free()
    assert seen == [(relation.PLAIN, False)] * 2
