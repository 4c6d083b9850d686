"""Pids and references: values that may be kept, compared, sent and printed for ever."""

from __future__ import annotations

import copy
import pickle
import re

import pytest

import csched
from csched import is_alive, make_ref, pid, processes, receive, run, self, send, spawn, yield_


def make_pids():
    return [self(), spawn(int), spawn(int)]


def make_refs():
    return [make_ref() for _ in range(3)]


both_values = pytest.mark.parametrize("make", [make_pids, make_refs], ids=["pid", "reference"])


@both_values
def test_an_identity_equals_itself_and_no_other(make):
    def main():
        values = make()
        for one, first in enumerate(values):
            for two, second in enumerate(values):
                assert (first == second) == (one == two) != (first != second)
                assert (first < second) == (one < two) == (second > first)
                assert (first <= second) == (one <= two) == (second >= first)
        assert len(set(values)) == 3
        assert sorted({*values}) == values
        assert all(value != other for value in values for other in (None, 0, "", repr(value)))

    run(main)


@both_values
@pytest.mark.parametrize("other", [0, None, "x", object()])
def test_an_identity_has_no_order_with_anything_else(make, other):
    def main():
        with pytest.raises(TypeError):
            assert make()[0] < other

    run(main)


def test_a_pid_has_no_order_with_a_reference():
    def main():
        assert self() != make_ref()
        with pytest.raises(TypeError):
            assert self() < make_ref()

    run(main)


@both_values
def test_an_identity_is_immutable(make):
    def main():
        for value in make():
            for name in ("id", "node", "number", "serial", "process", "run", "anything"):
                with pytest.raises(AttributeError):
                    setattr(value, name, 1)
                with pytest.raises(AttributeError):
                    delattr(value, name)

    run(main)


@pytest.mark.parametrize("kind", [csched.Pid, csched.Ref])
def test_an_identity_cannot_be_made_by_its_class(kind):
    for args in ((), (1,), (0, 0, 0)):
        with pytest.raises(TypeError):
            kind(*args)
    with pytest.raises(TypeError):
        type("Subclass", (kind,), {})


@both_values
def test_a_copy_of_an_identity_is_itself(make):
    def main():
        for value in make():
            assert copy.copy(value) is value
            assert copy.deepcopy([value])[0] is value
            send(self(), {value: [value]})
            assert receive(timeout=0) == {value: [value]}

    run(main)


@both_values
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_identity_can_be_pickled_within_a_run(make, protocol):
    def main():
        values = make()
        restored = pickle.loads(pickle.dumps(values, protocol))
        assert restored == values
        assert [hash(value) for value in restored] == [hash(value) for value in values]

    run(main)


def test_a_live_process_has_one_pid_however_it_was_come_by():
    def main():
        mine = self()
        assert pickle.loads(pickle.dumps(mine)) is mine
        assert pid(0, mine.number, mine.serial) is mine
        assert processes()[0] is mine

    run(main)


def test_the_pid_of_a_dead_process_can_be_pickled():
    def main():
        child = spawn(int)
        while child in processes():
            yield_()
        restored = pickle.loads(pickle.dumps(child))
        assert restored == child and not is_alive(restored)
        assert send(restored, "swallowed") == "swallowed"

    run(main)


def test_a_pickled_reference_still_finds_its_answer():
    def main():
        send(self(), "older")
        ref = pickle.loads(pickle.dumps(make_ref()))
        send(self(), (ref, "answer"))
        return receive((ref, str), timeout=0)[1], receive(timeout=0)

    assert run(main) == ("answer", "older")


def test_the_repr_of_a_pid_shows_node_number_and_serial():
    def main():
        child = spawn(int)
        assert repr(self()) == "#PID<0.0.0>"
        assert repr(child) == str(child) == f"#PID<{child.node}.{child.number}.{child.serial}>"
        assert repr(pid(0, 5, 7)) == "#PID<0.5.7>"
        assert (child.node, child.number, child.serial) == (0, 1, 0)

    run(main)


def test_the_repr_of_a_reference_shows_three_numbers():
    def main():
        texts = {repr(make_ref()) for _ in range(100)}
        assert len(texts) == 100
        assert all(re.fullmatch(r"#Reference<0\.\d+\.\d+>", text) for text in texts)

    run(main)


def test_a_pid_is_made_from_numbers_or_text():
    def main():
        child = spawn(receive)
        number, serial = child.number, child.serial
        made = [
            pid(0, number, serial),
            pid(f"0.{number}.{serial}"),
            pid(f"#PID<0.{number}.{serial}>"),
            pid(f"<0.{number}.{serial}>"),
            pid(repr(child)),
        ]
        return all(one is child for one in made) and all(map(is_alive, made))

    assert run(main)


def test_a_pid_of_nobody_is_dead_and_swallows_messages():
    def main():
        for nobody in (pid(0, 107, 0), pid("0.0.1"), pid(0, (1 << 28) - 1, (1 << 36) - 1)):
            assert not is_alive(nobody)
            assert send(nobody, "swallowed") == "swallowed"
            assert nobody not in processes()
            assert nobody > self()

    run(main)


def test_the_largest_number_of_a_pid_is_before_the_next_serial():
    def main():
        assert pid(0, (1 << 28) - 1, 0) < pid(0, 0, 1)

    run(main)


@pytest.mark.parametrize(
    "text",
    ["", "0", "0.1", "0.1.2.3", "a.b.c", "0.-1.0", "0.1.", "0. 1.0", "0.\u0661.0", "1.0.0",
     "#PID<0.1.0", "#PID0.1.0", "0.1.0>", "0.268435456.0", "0.0.68719476736", "#Reference<0.0.1>"],
)  # fmt: skip
def test_text_that_is_no_pid_is_a_value_error(text):
    def main():
        with pytest.raises(ValueError):
            pid(text)

    run(main)


@pytest.mark.parametrize(
    "numbers", [(1, 0, 0), (0, -1, 0), (0, 0, -1), (0, 1 << 28, 0), (0, 0, 1 << 36)]
)
def test_numbers_out_of_range_are_a_value_error(numbers):
    def main():
        with pytest.raises(ValueError):
            pid(*numbers)

    run(main)


@pytest.mark.parametrize(
    "args",
    [
        (),
        (0,),
        (0, 1),
        (0, 1, "0"),
        (0.0, 1, 0),
        (None,),
        (b"0.1.0",),
        ("0.1.0", 1, 2),
        (0, 1, True),
    ],
)
def test_what_is_neither_three_ints_nor_text_is_a_type_error(args):
    def main():
        with pytest.raises(TypeError):
            pid(*args)

    run(main)


def earlier(make):
    values, pickled = run(lambda: (lambda values: (values, pickle.dumps(values)))(make()))
    return values[0], pickle.loads(pickled)[0]


@pytest.mark.parametrize("restored", [False, True], ids=["kept", "pickled"])
@pytest.mark.parametrize("use", [is_alive, lambda pid: send(pid, "message")], ids=["alive", "send"])
def test_a_pid_of_another_run_is_refused(use, restored):
    old = earlier(make_pids)[restored]

    def main():
        with pytest.raises(ValueError, match="another run"):
            use(old)
        assert old != self() and repr(old) == repr(self())
        assert old < self() and old not in processes()
        return receive(timeout=0, default="nothing arrived")

    assert run(main) == "nothing arrived"


def test_a_reference_of_another_run_equals_none_of_this():
    old, restored = earlier(make_refs)

    def main():
        refs = make_refs()
        assert old not in refs and restored not in refs
        send(self(), ("older", refs[0]))
        send(self(), old)
        return receive(old, timeout=0) == old == restored

    assert run(main)


def test_a_pid_may_be_a_message_from_another_run():
    old, _ = earlier(make_pids)

    def main():
        send(self(), old)
        return receive(old, timeout=0)

    assert run(main) is old


def test_references_made_outside_a_process_are_refused():
    with pytest.raises(csched.NotRunning):
        make_ref()
