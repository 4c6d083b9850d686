"""The process table against a dict: who is in it, in which order, after whom."""

from __future__ import annotations

import bisect
import sys

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)


class TableMachine(RuleBasedStateMachine):
    def __init__(self, module):
        super().__init__()
        self.module = module
        self.table = module.Table()
        self.alive = []
        self.next_id = 0
        # So that a few steps make many leaves, whatever the size of one.
        self.leaf = module.LEAF_SIZE

    @rule(quarters=st.integers(1, 20))
    def insert(self, quarters):
        count = max(1, quarters * self.leaf // 4)
        assert self.table.insert_many(count) == self.next_id
        self.alive.extend(range(self.next_id, self.next_id + count))
        self.next_id += count

    def expect_removal(self, index):
        pid = self.table.remove(self.alive.pop(index))
        assert not self.module.is_local(pid)

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), quarters=st.integers(0, 20))
    def remove_neighbours(self, data, quarters):
        index = data.draw(st.integers(0, len(self.alive) - 1))
        for _ in range(min(max(1, quarters * self.leaf // 4), len(self.alive) - index)):
            self.expect_removal(index)

    @precondition(lambda self: self.alive)
    @rule(seed=st.randoms(use_true_random=False), quarters=st.integers(1, 8))
    def remove_here_and_there(self, seed, quarters):
        for _ in range(min(quarters * self.leaf // 4, len(self.alive))):
            self.expect_removal(seed.randrange(len(self.alive)))

    @precondition(lambda self: self.alive)
    @rule(keep=st.integers(2, 9))
    def remove_all_but_each_nth(self, keep):
        for index in reversed(range(len(self.alive))):
            if index % keep:
                self.expect_removal(index)

    @precondition(lambda self: self.alive)
    @rule(newest_first=st.booleans())
    def remove_all(self, newest_first):
        while self.alive:
            self.expect_removal(-1 if newest_first else 0)

    @rule(data=st.data())
    def search(self, data):
        near = st.sampled_from(self.alive) if self.alive else st.nothing()
        for id_ in data.draw(st.lists(near | st.integers(0, self.next_id + 3), max_size=20)):
            index = bisect.bisect_left(self.alive, id_)
            following = self.alive[index] if index < len(self.alive) else None
            assert self.table.at_or_after(id_) == following
            assert self.table.find(id_) == (id_ if following == id_ else None)

    @invariant()
    def it_is_the_dict(self):
        assert self.table.pids() == self.alive
        assert len(self.table) == len(self.alive)

    @invariant()
    def leaves_are_not_wasted(self):
        leaves = self.table.leaves
        assert all(0 < entries <= self.leaf for entries in leaves[:-1])
        assert leaves[-1:] == [0] or 0 not in leaves
        # Of two neighbours, at most one may be nearly empty: else they would have been merged.
        assert len(leaves) <= 8 * len(self.alive) / self.leaf + 3


def test_the_process_table_behaves_as_a_dict(probe):
    module = probe("ids_probe")
    run_state_machine_as_test(
        lambda: TableMachine(module),
        settings=settings(max_examples=100, stateful_step_count=40, deadline=None),
    )


def test_a_cursor_survives_the_death_of_whom_it_stands_on(probe):
    table = probe("ids_probe").Table()
    table.insert_many(5000)
    seen = []
    cursor = table.at_or_after(0)
    while cursor is not None:
        seen.append(cursor)
        for id_ in (cursor, cursor + 1):
            table.remove(id_)
        cursor = table.at_or_after(cursor + 1)
    assert seen == list(range(0, 5000, 2))
    assert len(table) == 0


def test_the_largest_id_is_no_process_of_a_table(probe):
    table = probe("ids_probe").Table()
    assert table.at_or_after(2**64 - 1) is table.find(2**64 - 1) is None
    table.insert()
    assert table.at_or_after(2**64 - 1) is table.find(2**64 - 1) is None


def test_the_table_borrows_its_pids(probe):
    module = probe("ids_probe")
    table = module.Table()
    id_ = table.insert()
    for _ in range(10):
        table.find(id_)
        table.pids()
        table.at_or_after(0)
    pid = table.remove(id_)
    assert sys.getrefcount(pid) == 2
    with pytest.raises(KeyError):
        table.remove(id_)
