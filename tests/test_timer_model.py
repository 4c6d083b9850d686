"""The timer wheel against a sorted list."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

FOREVER = 2**63 - 1

# From a nanosecond to many years, near the borders of slots and levels as often as between them.
spans = st.one_of(
    st.integers(0, 2**17),
    st.builds(
        lambda bits, off: max(0, 2**bits + off), st.integers(0, 61), st.integers(-70000, 70000)
    ),
    st.integers(0, 62).flatmap(lambda bits: st.integers(0, 2**bits)),
)


class WheelMachine(RuleBasedStateMachine):
    def __init__(self, timer):
        super().__init__()
        self.timer = timer
        self.now = 0
        self.settings_done = 0
        # Those that are set: (deadline, order of setting, timer).
        self.model = []
        self.spare = []

    @initialize(now=st.integers(0, 2**61))
    def start(self, now):
        self.now = now
        self.wheel = self.timer.Wheel(now)

    def put(self, timer, deadline):
        deadline = min(deadline, FOREVER)
        self.wheel.set(timer, deadline)
        self.settings_done += 1
        self.model.append((deadline, self.settings_done, timer))
        self.model.sort(key=lambda entry: entry[:2])

    @rule(span=spans, past=st.booleans(), times=st.integers(1, 4))
    def set(self, span, past, times):
        for _ in range(times):
            timer = self.spare.pop() if self.spare else self.timer.Timer()
            self.put(timer, self.now - span if past and span < 2**40 else self.now + span)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), off=st.integers(-2, 2))
    def set_beside_another(self, data, off):
        deadline = data.draw(st.sampled_from(self.model))[0]
        self.put(self.timer.Timer(), deadline + off)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), span=spans)
    def move(self, data, span):
        timer = self.model.pop(data.draw(st.integers(0, len(self.model) - 1)))[2]
        self.put(timer, self.now + span)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def cancel(self, data):
        timer = self.model.pop(data.draw(st.integers(0, len(self.model) - 1)))[2]
        self.wheel.cancel(timer)
        assert not timer.is_set
        self.spare.append(timer)

    def expect_pop(self, now=None):
        now = self.now if now is None else now
        popped = self.wheel.pop(now)
        if self.model and self.model[0][0] <= now:
            assert popped is self.model.pop(0)[2]
            assert not popped.is_set
            self.spare.append(popped)
        else:
            assert popped is None
        return popped is not None

    @rule()
    def pop_one(self):
        self.expect_pop()

    @rule(span=spans)
    def pop_one_by_a_clock_that_is_behind(self, span):
        self.expect_pop(max(0, self.now - span))

    @rule(span=spans)
    def advance_and_pop_all(self, span):
        self.now = min(self.now + span, FOREVER)
        while self.expect_pop():
            pass

    @rule(span=spans)
    def advance(self, span):
        self.now = min(self.now + span, FOREVER)

    @precondition(lambda self: self.model)
    @rule(off=st.integers(-1, 1))
    def advance_to_the_next(self, off):
        self.now = max(self.now, min(self.model[0][0] + off, FOREVER))
        while self.expect_pop():
            pass

    @precondition(lambda self: self.model)
    @rule()
    def sleep_until_the_next(self):
        for _ in range(self.timer.LEVELS + 2):
            self.now = max(self.now, self.wheel.next_deadline())
            if self.expect_pop():
                return
        raise AssertionError("a sleeper wakes again and again")

    @invariant()
    def the_next_deadline_is_never_later_than_the_earliest(self):
        if not hasattr(self, "wheel"):
            return
        assert len(self.wheel) == len(self.model)
        if not self.model:
            assert self.wheel.is_clean()
            assert self.wheel.next_deadline() == FOREVER
        else:
            assert self.wheel.next_deadline() <= self.model[0][0]
            assert all(timer.is_set for _, _, timer in self.model)


def test_the_wheel_behaves_as_a_sorted_list(probe):
    timer = probe("timer_probe")
    run_state_machine_as_test(
        lambda: WheelMachine(timer),
        settings=settings(max_examples=150, stateful_step_count=60, deadline=None),
    )
