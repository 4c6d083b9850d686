"""Bad input: each call raises what it should, and no table has changed."""

from __future__ import annotations

import math
import threading
from types import SimpleNamespace

import pytest

import csched
from csched import (
    CopyError,
    NoProc,
    NotRunning,
    alias,
    cancel_timer,
    demonitor,
    erase,
    get,
    get_label,
    group_leader,
    is_alive,
    link,
    make_ref,
    monitor,
    process_flag,
    process_info,
    processes,
    put,
    read_timer,
    receive,
    register,
    registered,
    resume,
    run,
    self,
    send,
    send_after,
    set_label,
    spawn,
    spawn_link,
    spawn_monitor,
    spawn_opt,
    start_timer,
    suspend,
    system_monitor,
    unalias,
    unlink,
    unregister,
    whereis,
)

LOCK = threading.Lock()
# A pid of another run.
world = SimpleNamespace(stranger=None)
ITEMS = [
    "registered_name", "status", "messages", "links", "monitors", "monitored_by", "dictionary",
    "trap_exit", "priority", "group_leader", "label", "max_heap_size", "message_queue_data",
    "mailbox_limit", "suspending", "parent",
]  # fmt: skip


class Cast:
    """The processes that stand in the arguments of the calls below."""

    def __init__(self):
        self.main = csched.self()
        self.alive = spawn_opt(receive, "never", name="alive", mailbox_limit=3)
        self.doomed = spawn(receive)
        self.dead = spawn(int)
        while self.dead in processes():
            csched.yield_()
        self.ref = make_ref()


def tables(cast):
    """All that a call could have changed, but what moves by itself."""
    timers = [[ref for ref, _ in process_info(pid, "timers")] for pid in processes()]
    everybody = [(pid, process_info(pid, ITEMS)) for pid in processes()]
    # Looking at the setting ends it, so it is made anew.
    former = system_monitor(None)
    system_monitor(former[0], **former[1])
    alive = [is_alive(pid) for pid in (cast.alive, cast.dead)]
    return processes(), registered(), alive, timers, everybody, former


NO_PID = [None, 1, 1.5, b"pid", (), object(), "alive", "#PID<0.0.0>"]
TYPE, VALUE = TypeError, ValueError

# What to call with the cast, what it raises, and in words what is bad about it.
CASES = [
    *((f"{call.__name__}({value!r:.12})", TYPE, lambda c, call=call, value=value: call(value))
      for call in (link, unlink, suspend, resume, get_label, process_info, is_alive)
      for value in NO_PID),
    *((f"monitor({value!r:.12})", TYPE, lambda c, value=value: monitor(value))
      for value in NO_PID[:-2]),
    *((f"exit({value!r:.12}, 1)", TYPE, lambda c, value=value: csched.exit(value, "kill"))
      for value in NO_PID),
    *((f"{call.__name__}({value!r:.12})", TYPE, lambda c, call=call, value=value: call(value))
      for call in (demonitor, unalias, cancel_timer, read_timer) for value in NO_PID),
    *((f"{call.__name__}(pid)", TYPE, lambda c, call=call: call(c.alive))
      for call in (demonitor, unalias, cancel_timer, read_timer)),
    *((f"{call.__name__}(ref)", TYPE, lambda c, call=call: call(c.ref))
      for call in (link, unlink, monitor, suspend, resume, process_info)),
    *((f"{call.__name__}(stranger)", VALUE, lambda c, call=call: call(world.stranger))
      for call in (link, unlink, monitor)),
    ("exit(stranger)", VALUE, lambda c: csched.exit(world.stranger, "kill")),
    ("link(dead)", NoProc, lambda c: link(c.dead)),
    ("exit(pid, uncopyable)", CopyError, lambda c: csched.exit(c.alive, LOCK)),
    ("exit(uncopyable)", CopyError, lambda c: csched.exit([LOCK])),
    ("exit()", TYPE, lambda c: csched.exit()),
    ("monitor alias=1", VALUE, lambda c: monitor(c.alive, alias="sometimes")),
    ("monitor alias=True", (TYPE, VALUE), lambda c: monitor(c.alive, alias=True)),
    ("monitor tag uncopyable", CopyError, lambda c: monitor(c.alive, tag=LOCK)),
    ("monitor option", TYPE, lambda c: monitor(c.alive, nonsense=1)),
    ("alias option", TYPE, lambda c: alias(nonsense=True)),
    ("register taken", VALUE, lambda c: register("alive", c.main)),
    ("register second", VALUE, lambda c: register("other", c.alive)),
    ("register dead", VALUE, lambda c: register("other", c.dead)),
    ("register empty", VALUE, lambda c: register("", c.main)),
    ("register bytes", TYPE, lambda c: register(b"name", c.main)),
    ("register ref", TYPE, lambda c: register("name", c.ref)),
    ("register name", TYPE, lambda c: register("name", "alive")),
    ("register stranger", VALUE, lambda c: register("name", world.stranger)),
    ("unregister unknown", VALUE, lambda c: unregister("nobody")),
    ("unregister pid", TYPE, lambda c: unregister(c.alive)),
    ("whereis pid", TYPE, lambda c: whereis(c.alive)),
    ("whereis None", TYPE, lambda c: whereis(None)),
    ("send unknown", VALUE, lambda c: send("nobody", 1)),
    ("send nobody", TYPE, lambda c: send(None, 1)),
    ("send stranger", VALUE, lambda c: send(world.stranger, 1)),
    ("send uncopyable", CopyError, lambda c: send(c.alive, {"a": [LOCK]})),
    ("send uncopyable by name", CopyError, lambda c: send("alive", LOCK)),
    *((f"{call.__name__} {what}", error, lambda c, call=call, args=args: call(*args(c)))
      for call in (send_after, start_timer)
      for what, error, args in [
          ("negative", VALUE, lambda c: (c.alive, 1, -1)),
          ("nan", VALUE, lambda c: (c.alive, 1, math.nan)),
          ("text", TYPE, lambda c: (c.alive, 1, "1")),
          ("None", TYPE, lambda c: (c.alive, 1, None)),
          ("no dest", TYPE, lambda c: (1, 1, 1)),
          ("uncopyable", CopyError, lambda c: (c.alive, LOCK, 1)),
          ("two arguments", TYPE, lambda c: (c.alive, 1)),
          ("wrong order", TYPE, lambda c: (1, c.alive, "message")),
      ]),
    ("process_info unknown", VALUE, lambda c: process_info(c.alive, "nonsense")),
    ("process_info unknown of many", VALUE, lambda c: process_info(c.alive, ["links", "x"])),
    ("process_info no item", (TYPE, VALUE), lambda c: process_info(c.alive, 1)),
    ("process_info no items", (TYPE, VALUE), lambda c: process_info(c.alive, [1])),
    ("process_flag unknown", VALUE, lambda c: process_flag("nonsense", 1)),
    ("process_flag trap", TYPE, lambda c: process_flag("trap_exit", 1)),
    ("process_flag priority", VALUE, lambda c: process_flag("priority", "urgent")),
    ("process_flag heap", VALUE, lambda c: process_flag("max_heap_size", -1)),
    ("process_flag queue", VALUE, lambda c: process_flag("message_queue_data", "off")),
    ("process_flag limit", VALUE, lambda c: process_flag("mailbox_limit", 0)),
    ("process_flag limit type", TYPE, lambda c: process_flag("mailbox_limit", "1")),
    ("put unhashable", TYPE, lambda c: put([], 1)),
    ("get unhashable", TYPE, lambda c: get([])),
    ("erase unhashable", TYPE, lambda c: erase([])),
    ("set_label uncopyable", CopyError, lambda c: set_label(LOCK)),
    ("group_leader no pid", TYPE, lambda c: group_leader("alive", c.alive)),
    ("group_leader of no pid", TYPE, lambda c: group_leader(c.alive, "alive")),
    ("group_leader of the dead", VALUE, lambda c: group_leader(c.alive, c.dead)),
    ("suspend self", VALUE, lambda c: suspend(c.main)),
    ("suspend dead", VALUE, lambda c: suspend(c.dead)),
    ("resume other", VALUE, lambda c: resume(c.alive)),
    ("resume dead", VALUE, lambda c: resume(c.dead)),
    ("system_monitor no pid", TYPE, lambda c: system_monitor("alive", long_gc=1.0)),
    ("system_monitor option", TYPE, lambda c: system_monitor(c.alive, nonsense=1)),
    ("system_monitor marks", VALUE, lambda c: system_monitor(c.alive, long_message_queue=(9, 1))),
    ("spawn_opt name", VALUE, lambda c: spawn_opt(receive, name="alive", link=True, monitor=True)),
    ("spawn_opt on_full", VALUE, lambda c: spawn_opt(receive, name="new", on_full="wait")),
    ("spawn_opt option", TYPE, lambda c: spawn_opt(receive, name="new", nonsense=1)),
    ("spawn_link nothing", TYPE, lambda c: spawn_link(1)),
    ("spawn_monitor nothing", TYPE, lambda c: spawn_monitor("f")),
    ("spawn_link uncopyable", CopyError, lambda c: spawn_link(receive, LOCK)),
    ("spawn_monitor uncopyable", CopyError, lambda c: spawn_monitor(receive, LOCK)),
]  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def stranger():
    world.stranger = run(self)


@pytest.mark.parametrize(("error", "call"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_bad_input_raises_and_changes_no_table(error, call):
    """erlang: badarg has no side effect."""

    def main():
        cast = Cast()
        link(cast.alive)
        monitor(cast.alive)
        send(cast.alive, "queued")
        send_after(cast.alive, "later", 3600)
        put("key", "value")
        set_label("label")
        system_monitor(self(), long_gc=5.0, long_message_queue=(10, 20))
        before = tables(cast)
        with pytest.raises(error):
            call(cast)
        return before == tables(cast)

    assert run(main, preempt=False)


# --- What is well formed and concerns nobody ------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "result"),
    [
        (lambda c: csched.exit(c.dead, "kill"), True),
        (lambda c: csched.exit(c.alive, "normal"), True),
        (lambda c: unlink(c.dead), True),
        (lambda c: unlink(c.doomed), True),
        (lambda c: unlink(c.main), True),
        (lambda c: link(c.main), True),
        (lambda c: demonitor(c.ref), True),
        (lambda c: demonitor(c.ref, info=True), False),
        (lambda c: unalias(c.ref), False),
        (lambda c: send(c.dead, "lost"), "lost"),
        (lambda c: send(c.ref, "lost"), "lost"),
        (lambda c: cancel_timer(c.ref), None),
        (lambda c: read_timer(c.ref), None),
        (lambda c: get_label(c.dead), None),
        (lambda c: whereis("nobody"), None),
        (lambda c: process_info(c.dead), None),
        (lambda c: get("nothing"), None),
        (lambda c: erase("nothing"), None),
        (lambda c: is_alive(c.dead), False),
    ],
)
def test_what_concerns_nobody_is_no_error_and_changes_no_table(call, result):
    """erlang:exit/2, unlink/1, demonitor/1, unalias/1, cancel_timer/1...: no error for the dead."""

    def main():
        cast = Cast()
        system_monitor(self(), long_gc=5.0)
        before = tables(cast)
        answer = call(cast)
        return answer is result or answer == result, before == tables(cast)

    assert run(main, preempt=False) == (True, True)


@pytest.mark.parametrize(
    "call",
    [
        lambda pid, ref: link(pid), lambda pid, ref: unlink(pid), lambda pid, ref: monitor(pid),
        lambda pid, ref: demonitor(ref), lambda pid, ref: alias(), lambda pid, ref: unalias(ref),
        lambda pid, ref: suspend(pid), lambda pid, ref: resume(pid),
        lambda pid, ref: spawn_link(int), lambda pid, ref: spawn_monitor(int),
        lambda pid, ref: spawn_opt(int), lambda pid, ref: register("name", pid),
        lambda pid, ref: unregister("name"), lambda pid, ref: whereis("name"),
        lambda pid, ref: registered(), lambda pid, ref: process_info(pid),
        lambda pid, ref: system_monitor(pid, long_gc=1.0), lambda pid, ref: get_label(pid),
        lambda pid, ref: csched.exit(pid, "kill"), lambda pid, ref: csched.exit("kill"),
    ],
)  # fmt: skip
def test_outside_a_running_scheduler_nothing_can_be_asked(call):
    """Every public call outside a running scheduler raises NotRunning."""
    pid, ref = run(lambda: (self(), make_ref()))
    with pytest.raises(NotRunning):
        call(pid, ref)
