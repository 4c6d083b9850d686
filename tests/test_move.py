"""A temporary is moved to its receiver, and nobody can tell: `_move`.

A message is noted by its address when it is made. The copy of an object that is there has another
one, so an address that is the same at the receiver's shows a move.
"""

from __future__ import annotations

import functools
import operator
import sys
import types
import weakref
from typing import Any

import pytest
from kinds import both_kinds

import csched
from csched import self, send

# The interpreter calls `send` directly in code that has run a few times.
WARM = 60


@pytest.fixture(autouse=True, params=["private", "interpreter"])
def heaps(request, monkeypatch):
    monkeypatch.setenv("CSCHED_HEAP", request.param)
    return request.param


class Note:
    """Remembers where the last message lay."""

    def __init__(self) -> None:
        self.address = 0

    def __call__(self, message: Any) -> Any:
        self.address = id(message)
        return message


class Plain:
    def __init__(self) -> None:
        self.x = [1]


class Sub(dict):
    pass


def nested(levels: int) -> list[Any]:
    message: list[Any] = []
    for _ in range(levels - 1):
        message = [message]
    return message


def body_of(statement: str) -> Any:
    """Execute a statement and receive what it has sent, again and again; was it moved at last?"""
    lines = "\n        ".join(statement.split("; "))
    source = f"""
async def body(calls):
    me, note, keep = self(), Note(), []
    for _ in range({WARM}):
        {lines}
        received = await calls.receive()
    return id(received) == note.address
"""
    tools = (functools, operator, types, weakref)
    namespace = {**globals(), **{tool.__name__: tool for tool in tools}}
    exec(source, namespace)
    return namespace["body"]


@both_kinds
@pytest.mark.parametrize(
    "message",
    [
        "[1, 'x', None]",
        "{'a': 1, 'b': 2.5}",
        "{1, (2, 3)}",
        "set()",
        "bytearray(b'bytes')",
        "('tag', [1])",
        "{'a': [{'b': ({1}, me)}], (1, 2): bytearray(b'x')}",
        "[(1, _), [((_, 1), 2)]]",
        "nested(20)",
        "[x for x in range(100)]",
        "dict.fromkeys(range(1000))",
        "list(range(5))",
        "[*iter({'k': [1]}.values())]",
        "keep.append([1]) or keep.pop()",
        "keep.append({1}) or keep.pop()",
    ],
)
def test_a_temporary_of_containers_with_one_reference_is_moved(kind, message):
    assert kind.run(body_of(f"send(me, note({message}))")) is True


@both_kinds
@pytest.mark.parametrize(
    "call", ["csched.send(me, {})", "send(csched.self(), {})", "send((me, 1)[0], {})"]
)
def test_it_is_moved_however_send_and_the_pid_are_spelled(kind, call):
    assert kind.run(body_of(call.replace("{}", "note([1])"))) is True


@both_kinds
@pytest.mark.parametrize(
    "statement",
    [
        # The message, or a part of it, is known to somebody.
        "x = note([1]); send(me, x)",
        "send(me, (x := note([1])))",
        "keep.append(note([1])); send(me, keep[-1])",
        "x = [1]; send(me, note([x]))",
        "x = [1]; send(me, note({'a': 1, 'b': x}))",
        "x = [1]; send(me, note((x, 2)))",
        "x = {1}; r = weakref.ref(x); keep = [x]; del x; send(me, note(keep.pop()))",
        "x = {}; i = iter(x); keep = [x]; del x; send(me, note(keep.pop()))",
        "x = {}; v = x.keys(); keep = [x]; del x; send(me, note(keep.pop()))",
        "x = bytearray(b'1'); v = memoryview(x); keep = [x]; del x; send(me, note(keep.pop()))",
        "g = (y for y in [[1]]); x = next(g); keep = [x]; del x; send(me, note(keep.pop()))",
        "x = [1]; f = lambda: x; keep = [f]; send(me, note(f()))",
        "x = []; x.append(x); send(me, note(x)); keep = [x]; x.clear()",
        "p = Plain(); send(me, note(vars(p)))",
        "p = Plain(); send(me, note([p.x]))",
        # Something in it is no container of which all is known.
        "send(me, note([Plain()]))",
        "send(me, note(Plain()))",
        "send(me, note(Sub(a=1)))",
        "send(me, note([frozenset([Plain])]))",
        "send(me, note([1, len]))",
        "send(me, note(vars(Plain())))",
        "send(me, note(nested(21)))",
        # The result is used.
        "_ = send(me, note([1]))",
        "keep.append(send(me, note([1])))",
        "[send(me, note([1])) for _ in range(1)]",
        "(lambda: send(me, note([1])))()",
        "send(me, note([1])) is None",
        "send(me, note([1])).append(2)",
        "assert send(me, note([1])) == [1]",
        "exec(compile('send(me, note([1]))', '', 'single'))",
        # Somebody stands between.
        "send(me, message=note([1]))",
        "send(dest=me, message=note([1]))",
        "send(*(me, note([1])))",
        "send(me, *[note([1])])",
        "send(**{'dest': me, 'message': note([1])})",
        "send.__call__(me, note([1]))",
        "functools.partial(send, me)(note([1]))",
        "functools.partial(send)(me, note([1]))",
        "functools.partial(operator.call, send)(me, note([1]))",
        "operator.call(send, me, note([1]))",
        "types.MethodType(send, me)(note([1]))",
        "types.MethodType(operator.call, send)(me, note([1]))",
        "list(map(send, [me], [note([1])]))",
        "keep[:] = map(send, [me], (note(x) for x in [[1]]))",
    ],
)
def test_a_near_miss_is_copied(kind, statement):
    assert kind.run(body_of(statement)) is False


def alternate(call: Any, me: Any, note: Any) -> None:
    call(me, note([1]))


@both_kinds
def test_a_call_that_was_made_for_send_and_calls_another_is_no_proof(kind):
    async def body(calls):
        me, note = self(), Note()
        # Its own code: an instruction that was once made for another call stays so.
        call = types.FunctionType(alternate.__code__.replace(), globals())
        for _ in range(WARM):
            call(send, me, note)
            moved = id(await calls.receive()) == note.address
        outcomes = [moved]
        for _ in range(WARM):
            call(functools.partial(operator.call, send), me, note)
            outcomes.append(id(await calls.receive()) == note.address)
        return outcomes

    # The one before was moved: the instruction was made for that.
    assert kind.run(body) == [True] + [False] * WARM


@both_kinds
@pytest.mark.parametrize("dest", ["name", "alias"])
def test_what_goes_to_a_name_or_an_alias_is_copied(kind, dest):
    async def body(calls):
        note = Note()
        csched.register("me", self())
        target = "me" if dest == "name" else csched.alias()
        for _ in range(WARM):
            send(target, note([1]))
            received = await calls.receive()
        return received == [1] and id(received) == note.address

    assert kind.run(body) is False


def tracer(*_: Any) -> Any:
    return tracer


@both_kinds
@pytest.mark.parametrize(
    "watch",
    [
        pytest.param(
            sys.settrace,
            marks=pytest.mark.skipif(sys.version_info >= (3, 12), reason="it sees no calls there"),
        ),
        sys.setprofile,
    ],
)
def test_nothing_is_moved_where_code_is_traced(kind, watch):
    async def body(calls):
        note, outcomes = Note(), []
        for turn in range(3 * WARM):
            if turn == WARM:
                watch(tracer)
            elif turn == 2 * WARM:
                watch(None)
            send(self(), note([1]))
            outcomes.append(id(await calls.receive()) == note.address)
        return outcomes

    outcomes = kind.run(body)
    assert outcomes[WARM - 1]
    assert True not in outcomes[WARM : 2 * WARM]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in 3.12")
@both_kinds
@pytest.mark.parametrize("event", ["CALL", "INSTRUCTION"])
def test_nothing_is_moved_where_code_is_monitored(kind, event):
    async def body(calls):
        note, outcomes = Note(), []
        monitoring = sys.monitoring
        monitoring.use_tool_id(3, "test")
        try:
            for turn in range(2 * WARM):
                if turn == WARM:
                    monitoring.set_events(3, getattr(monitoring.events, event))
                send(self(), note([1]))
                outcomes.append(id(await calls.receive()) == note.address)
        finally:
            monitoring.set_events(3, 0)
            monitoring.free_tool_id(3)
        return outcomes

    outcomes = kind.run(body)
    assert outcomes[WARM - 1]
    assert True not in outcomes[WARM:]
