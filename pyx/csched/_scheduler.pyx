cimport cython
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint64_t

from csched._await cimport REFUSED, await_other, cancel_awaited, end_waiting, still_waits, take_cancellation
from csched._collect cimport check_heap_size, collect_heap
from csched._context cimport enter_context, forget_snapshot, keep_context, leave_context, take_snapshot
from csched._copy cimport hooks_running
from csched._cpython cimport (
    PYGEN_ERROR, PYGEN_NEXT, Py_CLEAR, PyIter_Send, PySendResult, csched_clear_stop, csched_report_unraisable,
    csched_take_exception, new_reference,
)
from csched._due cimport serve_due
from csched._fiber cimport fiber_current, fiber_switch
from csched._heap cimport LEFT_BEHIND_MAX, heap_is_due, heap_move
from csched._ids cimport Pid
from csched._launch cimport launch, throw_into
from csched._mailbox cimport mailbox_clear
from csched._preempt cimport csched_ticker_t
from csched._process cimport (
    FLAG_CANCELLED, FLAG_DOOMED, FLAG_EXITING, FLAG_HAS_LEADER, FLAG_MAIN, FLAG_NEW, FLAG_NEWS, FLAG_SUSPENDED,
    FLAG_TIMED_OUT, FLAG_WAITS_FOR_MESSAGE, Attributes, attributes_of, attributes_or_none, has, process_fill,
    process_free, process_new, process_t, raise_flag,
)
from csched._running cimport follow_process, is_elsewhere, leave_process
from csched._runq cimport (
    runq_charge, runq_pop, runq_pop_first_blocked, runq_push_blocked, runq_push_fresh, runq_push_preempted,
    runq_push_woken,
)
from csched._signal cimport SLICES_IN_LOOP, SLICES_TIMED, doom, doom_all, make_runnable
from csched._teardown cimport make_exit, report_end, send_output, set_reason, tear_down
from csched._timer cimport monotonic_ns, wheel_free, wheel_next_deadline
from csched._types cimport (
    ASK_BLOCKED, ASK_FILE, ASK_FUTURE, ASK_MESSAGE, ASK_SLICE, ASK_TIMER, ASK_YIELD, CONTEXT_REDS,
    RUNNER_POOL, STATE_DEAD, STATE_EXITING, STATE_RUNNING, STATE_SUSPENDED, STATE_WAITING,
)

from csched._errors import ProcessExit, SystemLimit

current = None
SUSPEND = object()


# --- A slice ------------------------------------------------------------------------------------


cdef inline void begin(Scheduler self, process_t* process) noexcept:
    """From here on all code that runs is the process's."""
    cdef csched_ticker_t* ticker = self.ticker
    self.slices += 1
    self.current = process
    self.gc.entered[0] = self.heaps.own = &process.heap.objects
    process.state = STATE_RUNNING
    self.reductions_left = CONTEXT_REDS
    self.virtual_reductions = 0
    self.slice_ticks = ticker.ticks
    self.held[0] = process.held
    if self.watches_slices:
        if self.watches_slices & SLICES_TIMED:
            self.on_slice_begin(self, process)
        if self.watches_slices & SLICES_IN_LOOP and is_elsewhere(self, process):
            follow_process(self, process)
    if process.backoff:
        self.preemption.probe(self.slices)
    if self.ticked:
        self.ticked = False
        self.preemption.follow(self.slices, process.over_us)
    ticker.slice = self.slices


cdef inline void end(Scheduler self, process_t* process) noexcept:
    """The slice is over: charge it."""
    cdef int64_t used
    cdef uint64_t ticks
    cdef uint8_t state = process.state
    process.state = STATE_EXITING  # A finalizer of what was handed over last may send, not wait.
    csched_clear_stop(<PyObject*>self.stop)
    if self.watches_slices & SLICES_TIMED:
        self.on_slice_end(self, process)
    process.state = state
    used = CONTEXT_REDS - self.reductions_left
    ticks = self.ticker.ticks - self.slice_ticks
    self.ticker.slice = 0
    if self.ticker.insist and not self.stopping:
        self.ticker.insist = False
    self.current = NULL
    process.heap.allocated += self.gc.allocated[0]
    self.gc.allocated[0] = 0
    self.gc.entered[0] = self.heaps.own = self.gc.shared
    process.held = <uint16_t>self.held[0]
    self.held[0] = 0
    if ticks > 1:
        # Whole ticks in Python; the first may have begun before the slice did.
        used += <int64_t>(ticks - 1) * CONTEXT_REDS
    process.reductions += used - self.virtual_reductions
    self.reductions += used - self.virtual_reductions
    runq_charge(&self.runq, process, used, self.ticker.ticks)
    self.work += used


cdef inline void settle(Scheduler self, process_t* process, int ask) noexcept:
    """The process has stopped: put it where what it asked for says."""
    if ask == ASK_MESSAGE and process.mailbox.tail == self.scanned and not has(
        process, FLAG_DOOMED | FLAG_TIMED_OUT | FLAG_CANCELLED | FLAG_NEWS
    ):
        process.backoff = 0
        process.state = STATE_WAITING
        raise_flag(process, FLAG_WAITS_FOR_MESSAGE)
    else:
        settle_else(self, process, ask)


cdef void settle_else(Scheduler self, process_t* process, int ask) noexcept:
    """It has asked for something else, or there is a message."""
    if ask == ASK_BLOCKED:
        runq_push_blocked(&self.runq, process, monotonic_ns(), self.slice_ns)
        process.backoff += 1
        return
    process.backoff = 0
    if ask == ASK_YIELD:
        runq_push_fresh(&self.runq, process)
    elif ask == ASK_SLICE:
        runq_push_preempted(&self.runq, process, self.ticker.ticks)
    elif ask == ASK_MESSAGE or is_there(self, process, ask):
        runq_push_woken(&self.runq, process)
    else:
        process.state = STATE_WAITING


cdef bint is_there(Scheduler self, process_t* process, int ask) noexcept:
    """Whether what the process has asked for is there, or it is not to wait for it."""
    if ask == ASK_FILE:
        return (has(process, FLAG_DOOMED) and process.unwindings == 0) or not self.preemption.waits_for_file(process)
    if ask == ASK_FUTURE:
        return not still_waits(process)
    if has(process, FLAG_DOOMED | FLAG_CANCELLED):
        return True
    if ask == ASK_TIMER:
        return has(process, FLAG_TIMED_OUT)
    return (<Attributes>process.relations.attributes).sending.receiver == NULL  # ASK_ROOM


@cython.final
cdef class Scheduler:
    # --- Birth ---------------------------------------------------------------------------------

    def __cinit__(self):
        self.started_ns = monotonic_ns()
        self.told = {}

    cdef process_t* spawn(self, object function, object args, int flags, int priority) except NULL:
        """A new process, runnable; `function` and `args` are its own already (copied)."""
        cdef process_t* process
        cdef object context = None
        cdef Pid pid
        if self.table.processes_len >= self.process_limit:
            raise SystemLimit(f"there are {self.table.processes_len} processes already: see run(process_limit=...)")
        process = process_new()
        try:
            if self.current != NULL and has(self.current, FLAG_HAS_LEADER):
                attributes_of(process).group_leader = attributes_of(self.current).group_leader
                flags |= FLAG_HAS_LEADER
            if self.thread.context != NULL:
                context = take_snapshot(self.thread, &self.snapshot)
            pid = self.table.insert(process)
        except BaseException:
            process_free(process)
            raise
        process_fill(process, pid, function, args, context, flags, priority)
        if self.current != NULL:
            process.parent = (<Pid>self.current.pid).id
        heap_move(&process.heap, &self.nursery)
        make_runnable(self, process)
        if self.stopping:
            doom(self, process, "shutdown")
        return process

    # --- The loop ------------------------------------------------------------------------------

    def loop(self):
        """The body of a runner: run processes until this stack is not needed any more."""
        cdef object mine = new_reference(fiber_current())  # A runner keeps itself alive until it returns.
        cdef process_t* process
        while True:
            process = self.handed
            self.handed = NULL
            if process == NULL:
                process = self.pick()
            if process != NULL and process.fiber == NULL:
                self.execute(process)
                continue
            # It has a stack of its own, or nothing is runnable.
            if self.pool_len == RUNNER_POOL or (process == NULL and self.table.processes_len == 0):
                self.handed = process
                return
            self.pool[self.pool_len] = <PyObject*>mine
            self.pool_len += 1
            self.leave(process)

    cdef process_t* pick(self) noexcept:
        """Take the process that runs next, or NULL. One that blocks in a system call is better than none."""
        cdef process_t* process
        if self.ticker.ticks != self.look_ticks or self.work >= 2 * CONTEXT_REDS or self.ticker.lost:
            self.look()
            if self.batch_over:
                return NULL
        while True:
            process = runq_pop(&self.runq, self.ticker.ticks)
            if process == NULL:
                process = runq_pop_first_blocked(&self.runq)
            if process == NULL or process.flags & (FLAG_SUSPENDED | FLAG_DOOMED | FLAG_EXITING) != FLAG_SUSPENDED:
                return process
            process.state = STATE_SUSPENDED

    cdef void look(self) noexcept:
        """See which timers have expired, and which blocked processes are to be asked again."""
        self.look_ticks = self.ticker.ticks
        self.work = 0
        if self.polls and monotonic_ns() >= self.batch_end_ns:
            self.batch_over = True
        if self.wheel.timers_len == 0 and self.runq.blocked_len == 0:
            self.ticker.next_deadline_ns = INT64_MAX  # Those that were set have been cancelled.
            return
        serve_due(self, monotonic_ns())
        self.ticker.next_deadline_ns = wheel_next_deadline(self.wheel)

    # --- A slice -------------------------------------------------------------------------------

    cdef void collect(self, process_t* process) noexcept:
        """Collect the heap of the process that runs, which is about to stop."""
        cdef uint64_t scanned = self.scanned
        cdef int asked = self.asked
        if self.heaps.private and self.may_wait():
            collect_heap(self, process)
            check_heap_size(self, process)
            self.scanned = scanned
            self.asked = asked
            charge(self, <int>min(process.heap.survivors // OBJECTS_PER_REDUCTION, <unsigned int>CONTEXT_REDS))

    cdef int execute(self, process_t* process) except -1:
        """Give a process without a stack of its own a slice on this one."""
        cdef PyObject* result = NULL
        cdef PySendResult status
        begin(self, process)
        if has(process, FLAG_EXITING):
            process.state = STATE_EXITING
            return self.bury(process)
        if process.flags & (FLAG_NEW | FLAG_DOOMED) == FLAG_NEW | FLAG_DOOMED:
            return self.reap(process)  # It was told to exit before it began.
        enter_context(self.thread, process, &self.lender)
        if has(process, FLAG_NEW):
            status = launch(self, process, &result)
        elif has(process, FLAG_DOOMED | FLAG_CANCELLED):
            error = self.interruption(process)
            if error is not None:
                status = throw_into(process, error, &result)
            else:
                Py_INCREF(SUSPEND)
                result = <PyObject*>SUSPEND
                status = PYGEN_NEXT
                self.asked = ASK_FUTURE
        else:
            status = PyIter_Send(process.coroutine, <PyObject*>None, &result)
        while status == PYGEN_NEXT:
            if result == <PyObject*>SUSPEND:
                Py_DECREF(SUSPEND)
            else:
                self.asked = await_other(self, process, &result, &status)
                if self.asked == REFUSED:
                    continue
            if heap_is_due(&process.heap, self.gc.allocated[0]):
                self.collect(process)
            leave_context(self.thread, process, &self.lender)
            ask = self.asked
            end(self, process)
            settle(self, process, ask)
            return 0
        return self.finish(process, status, result)

    # --- Death ---------------------------------------------------------------------------------

    cdef int finish(self, process_t* process, PySendResult status, PyObject* result) except -1:
        """It has returned or raised: report that, still in its own context, and find out what others are told."""
        cdef object value = None, error = None
        if status == PYGEN_ERROR:
            error = new_reference(csched_take_exception())
        else:
            value = new_reference(result)
        if process.flags & (FLAG_MAIN | FLAG_DOOMED) == FLAG_MAIN:
            self.result = value
            self.error = error
        else:
            try:
                report_end(self, process, error)
            except BaseException as failure:
                csched_report_unraisable(failure, <object>process.pid)
        value = None
        process.state = STATE_EXITING
        raise_flag(process, FLAG_EXITING)
        try:
            set_reason(self, process, error)
        except BaseException as failure:
            csched_report_unraisable(failure, <object>process.pid)
        leave_context(self.thread, process, &self.lender)
        return self.reap(process)

    cdef int reap(self, process_t* process) except -1:
        """It has ended: let go of all that it had. Finalizers run, which may send but not wait."""
        cdef Attributes attributes = attributes_or_none(process)
        process.state = STATE_EXITING
        raise_flag(process, FLAG_EXITING)
        if has(process, FLAG_MAIN):
            if has(process, FLAG_DOOMED):
                self.error = ProcessExit(<object>process.exit)
            self.shut_down()
        self.clear_timer(process)
        mailbox_clear(&process.mailbox)
        Py_CLEAR(process.coroutine)
        if attributes is not None:
            if attributes.urgent != NULL:
                mailbox_clear(attributes.urgent)
            end_waiting(self, attributes)
            attributes.unwinding = attributes.dictionary = attributes.label = None
            if attributes.output is not None:
                send_output(self, process, attributes)
        return self.bury(process)

    cdef int bury(self, process_t* process) except -1:
        """Tell those who are tied to it, in as many slices as that takes; then it is gone."""
        cdef PyObject* pid = process.pid
        cdef Attributes attributes
        cdef int budget
        cdef bint is_done
        while True:
            # A few at a time: what it costs to copy the reason is in the ticks.
            budget = min(self.reductions_left, <int>TEARDOWN_STEPS)
            self.reductions_left -= budget
            is_done = tear_down(self, process, &budget)
            self.reductions_left += budget
            if is_done:
                break
            if self.reductions_left <= 0 or self.ticker.ticks - self.slice_ticks > 1:
                end(self, process)
                settle(self, process, ASK_SLICE)
                return 0
        mailbox_clear(&process.mailbox)  # What has arrived since.
        attributes = attributes_or_none(process)
        if attributes is not None and attributes.urgent != NULL:
            mailbox_clear(attributes.urgent)
        Py_CLEAR(process.function)
        Py_CLEAR(process.context)
        Py_CLEAR(process.exit)
        if self.heaps.left_behind >= LEFT_BEHIND_MAX and not self.preemption.is_collecting():
            self.heaps.collect_left_behind()
        end(self, process)
        self.heaps.hand_over(&process.heap)
        process.state = STATE_DEAD
        process_free(process)
        Py_DECREF(<object>pid)
        return 0

    cdef int abandon(self, process_t* process) except -1:
        """It will not go: take it out of the table and never come back to its stack."""
        process.state = STATE_EXITING  # The report must not wait.
        keep_context(&self.lender)
        try:
            self.services.report_abandoned(
                <object>process.pid, <object>process.function, process.arity, attributes_of(process).unwinding)
        except BaseException as error:
            csched_report_unraisable(error, <object>process.pid)
        # Its runner, which keeps itself alive, and its coroutine are leaked: to let go of them would raise
        # in them once more.
        process.coroutine = NULL
        self.preemption.forget(process)
        self.reap(process)
        self.leave(self.pick())
        raise SystemError("an abandoned process was resumed")

    cdef object exit_exception(self, process_t* process):
        """What is raised in a process that was told to exit."""
        cdef Attributes attributes
        if process.unwindings < UNWINDINGS:
            process.unwindings += 1
        elif self.may_wait():  # A collection, or a copy, that never ends would be everybody's.
            self.abandon(process)
        attributes = attributes_of(process)
        attributes.raised_ns = monotonic_ns()
        process.grace = 0
        if attributes.unwinding is None:
            attributes.unwinding = make_exit(process)
        attributes.unwinding.__traceback__ = None
        return attributes.unwinding

    cdef int shut_down(self) except -1:
        """Tell everybody to exit."""
        self.stopping = True
        if self.ticker != NULL:  # SIGINT may come before the run has begun, and after its end.
            self.ticker.insist = True
        doom_all(self, "shutdown")
        return 0

    cdef int fail(self, object error) except -1:
        """It was raised where no process runs: `run` raises it, when all have gone."""
        if self.failure is None:
            self.failure = error
        return self.shut_down()

    # --- Stacks --------------------------------------------------------------------------------

    cdef int park(self, int ask) except -1:
        """Stop the process that runs until it is resumed; ProcessExit if it was told to exit before or meanwhile."""
        cdef process_t* process = self.current
        if process.state != STATE_RUNNING:
            raise ProcessExit("normal")  # A finalizer of a process that is dead.
        if has(process, FLAG_DOOMED | FLAG_CANCELLED):
            self.obey(process, ask)
        if hooks_running() or self.preemption.is_collecting():
            raise RuntimeError("a process cannot wait inside a copying hook or a collection")
        self.give_way(process, ask)
        if has(process, FLAG_DOOMED | FLAG_CANCELLED):
            self.obey(process, ask)
        return 0

    cdef int obey(self, process_t* process, int ask) except -1:
        """Raise in the process that runs what `interruption` says, unless it only lets others run."""
        while has(process, FLAG_DOOMED) or ask != ASK_SLICE:
            error = self.interruption(process)
            if error is not None:
                raise error
            self.give_way(process, ASK_FUTURE)
        return 0

    cdef object interruption(self, process_t* process):
        """What is raised in a process that is to be interrupted; None: not before what it awaits is unwound."""
        if cancel_awaited(process):
            return None
        if has(process, FLAG_DOOMED):
            self.ticker.insist = True
            return self.exit_exception(process)
        self.clear_timer(process)
        return take_cancellation(self, process)

    cdef bint may_wait(self) noexcept:
        """Whether the process that runs may stop here of its own accord."""
        return self.current.state == STATE_RUNNING and not (hooks_running() or self.preemption.is_collecting())

    cdef int give_way(self, process_t* process, int ask) except -1:
        """Stop the process that runs; return when it is resumed."""
        cdef process_t* next
        # A coroutine may be on its way out to `execute`, having asked for something.
        cdef uint64_t scanned = self.scanned
        cdef int asked = self.asked
        if heap_is_due(&process.heap, self.gc.allocated[0]):
            self.collect(process)
        if self.watches_slices & SLICES_IN_LOOP:
            leave_process(self, process)
        end(self, process)
        settle(self, process, ask)
        next = self.pick()
        if next == process:
            begin(self, process)
            return 0
        keep_context(&self.lender)
        # Not always a runner: the process may use greenlets of its own.
        process.fiber = fiber_current()
        self.leave(next)
        self.scanned = scanned
        self.asked = asked
        return 0

    cdef int leave(self, process_t* next) except -1:
        """Give this stack up for that process, or for the hub if it is NULL; return when switched back to."""
        if next != NULL and next.fiber != NULL:
            return self.enter(next)
        self.handed = next
        if next != NULL and self.pool_len:
            self.pool_len -= 1
            return fiber_switch(self.pool[self.pool_len])
        return fiber_switch(self.hub)

    cdef int enter(self, process_t* process) except -1:
        """Begin a slice of a process on the stack that it has parked."""
        cdef PyObject* fiber = process.fiber
        begin(self, process)
        process.fiber = NULL
        Py_DECREF(<object>fiber)  # It stays alive: its own stack refers to it.
        if has(process, FLAG_DOOMED):
            self.ticker.insist = True  # It is to be looked after even if nobody else is runnable.
        return fiber_switch(fiber)

    def __dealloc__(self):
        forget_snapshot(&self.snapshot)
        wheel_free(self.wheel)
