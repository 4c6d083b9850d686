"""Links against a dict, and the rings of monitors and timers against lists."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

# Few, so that they meet again; in a row, as pids are; and of all sizes up to the largest.
ids = st.one_of(
    st.integers(0, 12), st.integers(1000, 1200), st.integers(0, 63).map(lambda bit: 1 << bit),
    st.integers(0, 2**64 - 1), st.integers(2**64 - 4, 2**64 - 1),
)  # fmt: skip


class LinksMachine(RuleBasedStateMachine):
    def __init__(self, relation):
        super().__init__()
        self.links = relation.Links()
        self.model = {}
        self.inserted = 0

    def insert(self, id):
        if id not in self.model:
            self.inserted += 1
            self.model[id] = self.inserted
            self.links.insert(id, self.inserted)

    def first_of(self, ids):
        return min(((id, self.model[id]) for id in ids), default=None)

    @rule(id=ids)
    def insert_one(self, id):
        self.insert(id)

    @rule(first=ids, count=st.integers(1, 40), step=st.integers(-3, 3))
    def insert_a_row(self, first, count, step):
        for number in range(count):
            self.insert((first + number * step) % 2**64)

    @rule(id=ids)
    def remove(self, id):
        process = self.model.pop(id, None)
        assert self.links.remove(id) == (None if process is None else (id, process))

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove_one_that_is_there(self, data):
        self.remove(data.draw(st.sampled_from(sorted(self.model))))

    @rule(times=st.integers(1, 20))
    def pop(self, times):
        for _ in range(times):
            least = self.first_of(self.model)
            assert self.links.pop() == least
            if least is not None:
                del self.model[least[0]]

    @rule(id=ids)
    def find(self, id):
        found = (id, self.model[id]) if id in self.model else None
        assert self.links.find(id) == found

    @rule(id=ids)
    def after(self, id):
        assert self.links.after(id) == self.first_of(other for other in self.model if other > id)

    @rule()
    def walk_and_remove_every_other_on_the_way(self):
        met, at = [], self.links.find(0) or self.links.after(0)
        while at is not None:
            met.append(at)
            if len(met) % 2:
                assert self.links.remove(at[0]) == at
            at = self.links.after(at[0])
        assert met == sorted(self.model.items())
        for id, _ in met[::2]:
            del self.model[id]

    @invariant()
    def nothing_is_there_that_should_not_be(self):
        assert all(self.links.find(id) == (id, process) for id, process in self.model.items())
        assert self.links.depth() <= len(self.model)
        assert (self.links.depth() == 0) == (not self.model)


class RingsMachine(RuleBasedStateMachine):
    """Each monitor is in a ring of its owner and in one of its target; each timer in one."""

    def __init__(self, relation):
        super().__init__()
        self.relation = relation
        self.monitors = [relation.MonitorRing() for _ in range(2)]
        self.watchers = [relation.WatcherRing() for _ in range(2)]
        self.timers = [relation.TimerRing() for _ in range(2)]
        self.model = {ring: [] for ring in [*self.monitors, *self.watchers, *self.timers]}
        self.pairs = {}

    @rule(owner=st.integers(0, 1), watched=st.integers(0, 1))
    def append_a_monitor(self, owner, watched):
        item = self.relation.Monitor(self.relation.make_ref())
        self.pairs[item] = [self.monitors[owner], self.watchers[watched]]
        for ring in self.pairs[item]:
            ring.append(item)
            self.model[ring].append(item)

    @rule(owner=st.integers(0, 1))
    def append_a_timer(self, owner):
        item = self.relation.Timer(self.relation.make_ref())
        self.pairs[item] = [self.timers[owner]]
        self.timers[owner].append(item)
        self.model[self.timers[owner]].append(item)

    def remove(self, item):
        for ring in self.pairs.pop(item):
            ring.remove(item)
            self.model[ring].remove(item)
        item.free()

    @precondition(lambda self: self.pairs)
    @rule(data=st.data())
    def remove_any(self, data):
        self.remove(list(self.pairs)[data.draw(st.integers(0, len(self.pairs) - 1))])

    @precondition(lambda self: self.pairs)
    @rule(data=st.data())
    def remove_the_first_of_a_ring(self, data):
        rings = [ring for ring, items in self.model.items() if items]
        self.remove(self.model[rings[data.draw(st.integers(0, len(rings) - 1))]][0])

    @precondition(lambda self: self.pairs)
    @rule(data=st.data())
    def stop_watching_only(self, data):
        """As one does that stays an alias."""
        watched = [item for item, rings in self.pairs.items() if len(rings) == 2]
        if watched:
            item = watched[data.draw(st.integers(0, len(watched) - 1))]
            ring = self.pairs[item].pop()
            ring.remove(item)
            self.model[ring].remove(item)

    @invariant()
    def each_ring_has_its_items_in_order_both_ways(self):
        for ring, items in self.model.items():
            assert ring.walk() == (items, items[::-1])

    def teardown(self):
        for item in list(self.pairs):
            self.remove(item)


def test_links_behave_as_a_dict_by_id(probe):
    relation = probe("relation_probe")
    run_state_machine_as_test(
        lambda: LinksMachine(relation),
        settings=settings(max_examples=150, stateful_step_count=60, deadline=None),
    )


def test_rings_behave_as_lists(probe):
    relation = probe("relation_probe")
    run_state_machine_as_test(
        lambda: RingsMachine(relation),
        settings=settings(max_examples=100, stateful_step_count=50, deadline=None),
    )
