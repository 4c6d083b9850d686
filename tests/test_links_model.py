"""Links, monitors and exits of a few processes against the rules of SEMANTICS.md, sections 3 and 4.

The machine notes batches of calls and what the rules make of them. At the end of an example one run
makes the same calls: each batch in one process and in one go, then all who are to die have died.
"""

from __future__ import annotations

import logging

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from kinds import both_kinds

import csched
from csched import Crash, Down, Exit, NoProc, Pid, is_alive, process_info, processes, send

ALIVE_LEN = 8
MAIN = None  # Who starts processes: the first process of the run.
ITEMS = ["trap_exit", "links", "monitors", "monitored_by", "messages"]

# --- The rules ----------------------------------------------------------------------------------


class Process:
    def __init__(self):
        self.state = "alive"
        self.reason = None
        self.traps = False
        self.links = []
        # (True, sender, reason) is an exit message, (False, number of monitor, target, reason) a
        # down message.
        self.mailbox = []


class Monitor:
    def __init__(self, owner, target, is_noproc):
        self.owner = owner
        self.target = target
        self.is_noproc = is_noproc
        self.is_active = True


class Rules:
    """Processes and monitors are their numbers. A call returns its value, or None if it kills."""

    def __init__(self):
        self.processes = []
        self.monitors = []
        self.doomed = []

    def alive(self):
        return [n for n, process in enumerate(self.processes) if process.state == "alive"]

    def doom(self, number, reason):
        process = self.processes[number]
        if process.state == "alive":
            process.state = "doomed"
            process.reason = reason
            self.doomed.append(number)

    def settle(self):
        """All who are doomed die, and whom they take with them."""
        for number in self.doomed:
            self.tear_down(number)
        self.doomed.clear()

    def tear_down(self, number):
        process = self.processes[number]
        process.state = "dead"
        for other_number in process.links:
            other = self.processes[other_number]
            other.links.remove(number)
            if other.traps:
                other.mailbox.append((True, number, process.reason))
            elif process.reason != "normal":
                self.doom(other_number, process.reason)
        for index, monitor in enumerate(self.monitors):
            if monitor.owner == number:
                monitor.is_active = False
            elif monitor.target == number and monitor.is_active:
                self.fire(index, "noproc" if monitor.is_noproc else process.reason)

    def fire(self, index, reason):
        monitor = self.monitors[index]
        monitor.is_active = False
        message = (False, index, monitor.target, reason)
        self.processes[monitor.owner].mailbox.append(message)

    def link(self, actor, target):
        process, other = self.processes[actor], self.processes[target]
        if target in process.links:
            return True
        if other.state != "alive":
            if not process.traps:
                return "NoProc"
            process.mailbox.append((True, target, "noproc"))
        elif actor != target:
            process.links.append(target)
            other.links.append(actor)
        return True

    def unlink(self, actor, target):
        if target in self.processes[actor].links:
            self.processes[actor].links.remove(target)
            self.processes[target].links.remove(actor)
        return True

    def monitor(self, actor, target):
        state = self.processes[target].state
        self.monitors.append(Monitor(actor, target, state == "doomed"))
        if state == "dead":
            self.fire(len(self.monitors) - 1, "noproc")
        return ("monitor", len(self.monitors) - 1)

    def demonitor(self, actor, index, flush, info):
        monitor, mailbox = self.monitors[index], self.processes[actor].mailbox
        is_found = monitor.owner == actor and monitor.is_active
        if is_found:
            monitor.is_active = False
        queued = [m for m in mailbox if not m[0] and m[1] == index]
        if flush:
            self.processes[actor].mailbox = [m for m in mailbox if m not in queued]
        if flush and info:
            return not queued
        return is_found if info else True

    def exit(self, actor, target, reason):
        process = self.processes[target]
        if process.state != "alive":
            return True
        if reason == "kill":
            self.doom(target, "killed")
        elif process.traps:
            process.mailbox.append((True, actor, reason))
        elif reason != "normal" or actor == target:
            self.doom(target, reason)
        return None if self.processes[actor].state == "doomed" else True

    def end(self, actor, how, reason):
        self.doom(actor, {"returns": "normal", "raises": "crash", "exits": reason}[how])

    def trap(self, actor, flag):
        process = self.processes[actor]
        old, process.traps = process.traps, flag
        return old

    def start(self):
        self.processes.append(Process())

    def spawn(self, actor, link, monitor):
        self.start()
        child = len(self.processes) - 1
        if link:
            self.link(actor, child)
        index = self.monitor(actor, child)[1] if monitor else None
        return ("child", child, index)

    def watched(self, by, of):
        """The other ends of the active monitors that a process has, or that are on it."""
        active = [m for m in self.monitors if m.is_active and m.owner != m.target]
        return sorted(getattr(m, of) for m in active if getattr(m, by[0]) == by[1])

    def shown(self):
        return [
            None
            if process.state == "dead"
            else (
                process.traps,
                sorted(process.links),
                self.watched(("owner", n), "target"),
                self.watched(("target", n), "owner"),
                by_sender(process.mailbox),
            )
            for n, process in enumerate(self.processes)
        ]


def by_sender(mailbox):
    """Messages by the process that they are about. Down messages of one death have no order."""
    messages = {}
    for message in mailbox:
        sender = message[1] if message[0] else message[2]
        messages.setdefault(sender, []).append(message)
    for those in messages.values():
        begin = 0
        for index in range(len(those) + 1):
            if index == len(those) or those[index][0]:
                those[begin:index] = sorted(those[begin:index], key=lambda m: m[1])
                begin = index + 1
    return messages


# --- The real thing -----------------------------------------------------------------------------


async def servant(io, main, kind):
    """Makes the calls that it is sent, and tells main what each returned."""
    while True:
        _, calls, pids, refs = await io.receive(("do", list, list, list))
        # Nobody else runs before all calls are made, even if they take more than a slice.
        csched.process_flag("priority", "high")
        for name, *args in calls:
            if name == "end" and args[0] == "returns":
                return
            send(main, ("value", perform(kind, main, pids, refs, name, *args)))
        csched.process_flag("priority", "normal")
        send(main, "done")


def perform(kind, main, pids, refs, name, *args):
    match name, *args:
        case "link", target:
            try:
                return csched.link(pids[target])
            except NoProc:
                return "NoProc"
        case "unlink", target:
            return csched.unlink(pids[target])
        case "monitor", target:
            refs.append(csched.monitor(pids[target]))
            return refs[-1]
        case "demonitor", index, flush, info:
            return csched.demonitor(refs[index], flush=flush, info=info)
        case "exit", target, reason:
            return csched.exit(pids[target], reason)
        case "end", "exits", reason:
            csched.exit(reason)
        case "end", "raises", _:
            raise ZeroDivisionError("an end of its own")
        case "trap", flag:
            return csched.process_flag("trap_exit", flag)
        case "spawn", link, monitor:
            function = kind.function(servant)
            child = csched.spawn_opt(function, main, kind, link=link, monitor=monitor)
            pid, *ref = child if monitor else (child,)
            pids.append(pid)
            refs.extend(ref)
            return ("child", pid, *ref)
        case _:
            raise AssertionError(name)


class Run:
    """What happens, in numbers, when processes of one run get these batches."""

    def __init__(self, kind):
        self.kind = kind
        self.pids = []
        self.refs = []

    async def main(self, io, batches):
        return [await self.step(io, actor, calls) for actor, calls in batches]

    async def step(self, io, actor, calls):
        values = []
        if actor is MAIN:
            self.pids.append(self.kind.spawn(servant, csched.self(), self.kind))
        else:
            send(self.pids[actor], ("do", calls, self.pids, self.refs))
        while actor is not MAIN:
            has_ended = self.pids[actor] not in processes()
            message = await io.receive(timeout=0, default=None)
            if message == "done" or (message is None and has_ended):
                break
            if message is None:
                await io.yield_()
            else:
                values.append(self.value(message[1]))
        while any(not is_alive(pid) for pid in processes()):
            await io.yield_()
        return values, [self.shown(pid) for pid in self.pids]

    def value(self, value):
        match value:
            case csched.Ref():
                self.refs.append(value)
                return ("monitor", len(self.refs) - 1)
            case "child", pid, *ref:
                self.pids.append(pid)
                self.refs.extend(ref)
                return ("child", len(self.pids) - 1, len(self.refs) - 1 if ref else None)
        return value

    def shown(self, pid):
        info = process_info(pid, ITEMS)
        if info is None:
            return None
        traps, links, monitors, monitored_by, messages = [value for _, value in info]
        number = self.pids.index
        assert {name for name, _ in monitors} <= {"process"}
        return (
            traps,
            sorted(number(other) for other in links),
            sorted(number(other) for _, other in monitors if other != pid),
            sorted(number(other) for other in monitored_by if other != pid),
            by_sender([self.message(message) for message in messages]),
        )

    def message(self, message):
        reason = "crash" if isinstance(message.reason, Crash) else message.reason
        match message:
            case Exit(pid=sender):
                return (True, self.pids.index(sender), reason)
            case Down(ref=ref, type="process", object=Pid() as target):
                return (False, self.refs.index(ref), self.pids.index(target), reason)
        raise AssertionError(message)


# --- The machine --------------------------------------------------------------------------------

REASONS = st.sampled_from(["normal", "kill", "killed", "shutdown", ("shutdown", 1)])
CALLS = st.sampled_from(["link", "unlink", "monitor", "exit"])
goes_on = st.sampled_from([True, True, False])
can_act = precondition(lambda self: self.rules.alive())


class LinksMachine(RuleBasedStateMachine):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.rules = Rules()
        self.batches = []
        self.values = []
        self.seen = []

    def settle(self):
        """The batch is over."""
        self.rules.settle()
        if len(self.seen) < len(self.batches):
            self.seen.append((self.values, self.rules.shown()))
            self.values = []

    def call(self, data, goes_on, name, *args):
        """Let a process make a call: the last one in the same batch, or any in a new one."""
        alive = self.rules.alive()
        # Of two who die at once of different reasons, which one a third one dies of is open.
        may_kill = name in ("exit", "end")
        if goes_on and self.batches and self.batches[-1][0] in alive:
            if self.rules.doomed and may_kill:
                target = args[0] if name == "exit" else None
                goes_on = target in self.rules.doomed
        else:
            goes_on = False
        if not goes_on:
            self.settle()
            alive = self.rules.alive()
            if not alive:
                return
            self.batches.append((data.draw(st.sampled_from(alive), label="by"), []))
        actor, calls = self.batches[-1]
        calls.append((name, *args))
        value = getattr(self.rules, name)(actor, *args)
        if value is not None:
            self.values.append(value)

    def target(self, data):
        return data.draw(st.integers(0, len(self.rules.processes) - 1), label="target")

    @initialize(flags=st.lists(st.booleans(), min_size=2, max_size=4))
    def some_trap(self, flags):
        for number, flag in enumerate(flags):
            self.start()
            self.settle()
            self.batches.append((number, [("trap", flag)]))
            self.values.append(self.rules.trap(number, flag))

    @precondition(lambda self: len(self.rules.alive()) < ALIVE_LEN)
    @rule()
    def start(self):
        self.settle()
        self.batches.append((MAIN, []))
        self.rules.start()

    @can_act
    @rule(data=st.data(), goes_on=goes_on, name=st.sampled_from(["link", "unlink"]))
    def link_or_unlink(self, data, goes_on, name):
        self.call(data, goes_on, name, self.target(data))

    @can_act
    @rule(data=st.data(), goes_on=goes_on)
    def link(self, data, goes_on):
        self.call(data, goes_on, "link", self.target(data))

    @can_act
    @rule(data=st.data(), goes_on=goes_on)
    def monitor(self, data, goes_on):
        self.call(data, goes_on, "monitor", self.target(data))

    @precondition(lambda self: self.rules.monitors and self.rules.alive())
    @rule(data=st.data(), goes_on=goes_on, flush=st.booleans(), info=st.booleans())
    def demonitor(self, data, goes_on, flush, info):
        index = data.draw(st.integers(0, len(self.rules.monitors) - 1), label="monitor")
        monitor = self.rules.monitors[index]
        # Nothing is said of what is found of a monitor of oneself.
        info = info and monitor.owner != monitor.target
        self.call(data, goes_on, "demonitor", index, flush, info)

    @can_act
    @rule(data=st.data(), goes_on=goes_on, reason=REASONS, then=st.lists(CALLS, max_size=4))
    def exit(self, data, goes_on, reason, then):
        target = self.target(data)
        self.call(data, goes_on, "exit", target, reason)
        # What is done to who has been told to exit and may not know it yet.
        for name in then:
            self.call(data, True, name, target, *([reason] if name == "exit" else []))

    @can_act
    @rule(
        data=st.data(),
        goes_on=goes_on,
        how=st.sampled_from(["returns", "raises", "exits"]),
        reason=REASONS,
    )
    def end(self, data, goes_on, how, reason):
        self.call(data, goes_on, "end", how, reason)

    @can_act
    @rule(data=st.data(), goes_on=goes_on, flag=st.booleans())
    def trap(self, data, goes_on, flag):
        self.call(data, goes_on, "trap", flag)

    @precondition(lambda self: 0 < len(self.rules.alive()) < ALIVE_LEN)
    @rule(data=st.data(), goes_on=goes_on, link=st.booleans(), monitor=st.booleans())
    def spawn(self, data, goes_on, link, monitor):
        self.call(data, goes_on, "spawn", link, monitor)

    def teardown(self):
        self.settle()
        run = Run(self.kind)
        seen = self.kind.run(run.main, self.batches, preempt=False)
        for batch, real, expected in zip(self.batches, seen, self.seen, strict=True):
            assert real == expected, batch


@both_kinds
def test_links_monitors_and_exits_keep_the_rules(kind, caplog):
    """link/1, unlink/1, monitor/2, demonitor/2, exit/1,2, spawn_opt/2, process_flag/2 together."""
    caplog.set_level(logging.CRITICAL, "csched")
    run_state_machine_as_test(
        lambda: LinksMachine(kind),
        settings=settings(
            max_examples=120,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
