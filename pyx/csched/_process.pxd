"""The process control block, and who owns each field of it.

Purpose: all that the runtime keeps for a process, in one C struct that no Python code can see. What
users hold is its Pid.

1. A process is in the table from the moment that its spawn succeeds until its teardown; `pid.process`
   points at the struct for exactly that time. Nobody else may keep the pointer across anything that
   can run Python, but the stack that runs the process itself.
2. `state` tells which queue holds the process and who may move it on (`_types`).
3. What resumes it, exactly one of: `fiber` (its C stack is parked: it waits in a plain call, or was
   preempted), else `coroutine`; but with FLAG_NEW, which goes when it runs first, `function` and the
   arguments, which are in the place of the coroutine.
4. An idle process costs this struct, its Pid, an entry in the table and its coroutine, and nothing
   else: the mailbox starts inside the struct, a timer exists while one is set; links, monitors and message
   timers are in `relations`, what few processes have is in Attributes, made when they are first needed.
5. A process is alive until FLAG_DOOMED or FLAG_EXITING is raised, and exists until it is out of the table. From
   FLAG_EXITING on nothing may be tied to it any more (`acting`, `_bif`), so its teardown comes to an end.

Rejected: a Python object (16 bytes of header, a reference count touched in every hand-over, a None
check for every field); a Python object that is pid and control block in one (a pid that someone keeps
would keep 200 bytes).

Sources: erl_process.h (struct process), elixir `Process`.
"""

cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from csched._heap cimport heap_t
from csched._ids cimport Pid
from csched._mailbox cimport mailbox_t
from csched._relation cimport relations_t
from csched._timer cimport timer_t


cdef enum:
    # process_t.flags
    # It waits for messages: one that arrives makes it runnable. Else only its timer does.
    FLAG_WAITS_FOR_MESSAGE = 1
    # Its timer has fired since it began to wait. Set by `_scheduler` and by `aio.sleep(0)`, cleared
    # when a wait begins or ends.
    FLAG_TIMED_OUT = 2
    # It was told to exit: `exit` is raised at its next point of suspension, every time.
    FLAG_DOOMED = 4
    # The first process of the run: `run` returns or raises what this one did.
    FLAG_MAIN = 8
    # It has suspended by `aio.yield_`, whose awaitable, one for all, cannot know it.
    FLAG_YIELDED = 16
    # It is new, or yielded, since it last waited: nobody knows for how long it will run. `_runq`.
    FLAG_FRESH = 32
    # Exit signals that it gets become messages.
    FLAG_TRAPS_EXIT = 64
    # Its teardown has begun: it is dead to all others.
    FLAG_EXITING = 128
    # Others have suspended it: it is not to run, unless to end. `_scheduler.pick` puts it aside.
    FLAG_SUSPENDED = 256
    # Its mailbox has a limit.
    FLAG_BOUNDED = 512
    # It has priority messages.
    FLAG_URGENT = 1024
    # A priority message has come since it looked for messages last.
    FLAG_NEWS = 2048
    # Its group leader is not the default one; nor is that of those whom it spawns.
    FLAG_HAS_LEADER = 4096
    # It has been reported for a long message queue, or a large heap. `_watch`.
    FLAG_LONG_QUEUE = 8192
    FLAG_LARGE_HEAP = 16384
    # It has not run yet.
    FLAG_NEW = 32768
    # A plain process that awaits (`csched.wait`): it sees the event loop as an `async def` process does.
    FLAG_AWAITS = 65536
    # Its task was cancelled while it awaited nothing that could be: CancelledError is raised where it waits next.
    FLAG_CANCELLED = 131072
    # It stopped inside an event loop of its own, which is in `Attributes.own_loop`.
    FLAG_OWN_LOOP = 262144


cdef enum:
    # Attributes.on_full: what becomes of a message for a full mailbox.
    ON_FULL_BLOCK = 0           # Its sender waits until there is room.
    ON_FULL_DROP = 1            # It is dropped.
    ON_FULL_DROP_OLDEST = 2     # The oldest ordinary message is dropped for it.
    ON_FULL_EXIT = 3            # The receiver is told to exit.


cdef struct sender_t:
    # A process that waits until there is room in another's mailbox. It is not on the C stack, which moves.
    sender_t* next          # In the ring of the receiver, first come first served.
    sender_t* prev
    process_t* sender
    process_t* receiver
    PyObject* message       # The receiver's own already; owned.
    size_t words            # Its size.
    bint is_urgent          # It goes to the priority messages.
    PyObject* alias         # The Ref that it was sent to, owned; NULL if it was sent to a process.
    sender_t* outer         # What the same process was about to send before: a handler of a signal may send too.


cdef struct process_t:
    process_t* next         # In a queue of `_runq`, which alone changes it.
    PyObject* pid           # Pid, owned. Set at birth.
    PyObject* function      # What was spawned, owned until the end: a callable, or the tuple (module, name) of an MFA.
    PyObject* coroutine     # Owned; NULL for a plain process. FLAG_NEW: its arguments instead, a tuple.
    PyObject* fiber         # The greenlet whose stack it is, while that is parked; owned. `_scheduler` changes it.
    # contextvars.Context, or a Snapshot of one (`_context`), owned; NULL: empty. While the process is on a stack,
    # running or parked: the one of whoever is outside.
    PyObject* context
    PyObject* exit          # Why it ends, owned: from FLAG_DOOMED or FLAG_EXITING on. NULL then: "normal".
    timer_t* timer          # What wakes it from a wait with a timeout; NULL if none is set.
    mailbox_t mailbox       # Anyone appends, only the process itself removes.
    int64_t reductions      # Used since birth, without the virtual ones. Changed when a slice ends.
    int64_t key             # What its queue is sorted by: number of arrival, or the moment it is due. `_runq`.
    heap_t heap             # The objects that it has made (`_heap`).
    relations_t* relations  # Links, monitors and the like; NULL if it has none.
    uint64_t parent         # Pid.id of who spawned it; its own if no process did.
    uint8_t state           # STATE_...
    uint8_t priority        # PRIORITY_...
    uint32_t flags          # FLAG_...
    uint8_t backoff         # How often in a row it was found blocked in a system call: it is asked ever more rarely.
    uint8_t unwindings      # How often ProcessExit was raised in it.
    uint16_t arity          # Number of arguments that it was spawned with, for the listing.
    uint16_t grace          # Slices that it has run for since ProcessExit was raised in it last.
    uint16_t held           # RLocks that it holds, while it does not run (`guards.h`).
    int32_t over_us         # What it has used above the mean in slices that ticks ended, in us (`ticker.h`).


@cython.final
@cython.no_gc
cdef class Attributes:
    # What few processes have. Only the runtime sees it, and takes it apart when the process ends.
    cdef object name                # The name that it is registered by, a str; None if it has none.
    cdef object label               # Shown in place of a name; None if it has none.
    cdef dict dictionary            # The process dictionary; None if it is empty.
    cdef dict suspending            # Pid -> times that the process suspends it; None if empty.
    cdef Pid group_leader           # None: the default one.
    cdef object waiter              # `_await.Waiter`, by which a future wakes it; None if it never waited for one.
    cdef object task                # What asyncio takes for its task (`_loop.ProcessTask`); None if nobody asked.
    cdef object awaiting            # The coroutine that `csched.wait` drives; None if there is none.
    cdef tuple own_loop             # FLAG_OWN_LOOP: that loop, and its hooks for asynchronous generators.
    cdef object output              # Text for that one, of a line that is not complete; None if there is none.
    cdef object unwinding           # The ProcessExit that was raised in it; None if none was.
    cdef int64_t raised_ns          # When it was raised last.
    cdef mailbox_t* urgent          # Priority messages; NULL if there never was one.
    cdef sender_t* senders          # The first who waits for room in its mailbox.
    cdef sender_t* sending          # What it waits to send itself, NULL if it does not. Owned.
    cdef int64_t max_heap_size      # In words; 0: no limit.
    cdef uint32_t mailbox_limit     # In messages; 0: no limit.
    cdef uint32_t suspending_max    # When `suspending` holds so many, those who have died are taken out.
    cdef uint32_t suspends          # Times that others suspend it, summed.
    cdef uint8_t on_full            # ON_FULL_...
    cdef bint off_heap              # message_queue_data is "off_heap".


cdef process_t* process_new() except NULL
cdef void process_free(process_t* process) noexcept
# What it is born with; `context` may be None. It has no parent yet.
cdef void process_fill(
    process_t* process, Pid pid, object function, object args, object context, int flags, int priority) noexcept
# The relations of a process, made if it has none.
cdef relations_t* relations_of(process_t* process) except NULL
# The attributes of a process, made if it has none.
cdef Attributes attributes_of(process_t* process)


cdef inline PyObject* coroutine_of(process_t* process) noexcept:
    """Its coroutine, borrowed; NULL if it has none, or has not begun."""
    return NULL if has(process, FLAG_NEW) else process.coroutine


cdef inline Attributes attributes_or_none(process_t* process):
    """The attributes of a process, None if it has none."""
    if process.relations == NULL or process.relations.attributes == NULL:
        return None
    return <Attributes>process.relations.attributes


cdef inline uint64_t messages_of(process_t* process) noexcept:
    """How many messages are in its queue, priority messages included."""
    cdef uint64_t result = process.mailbox.messages_len
    if has(process, FLAG_URGENT):
        result += (<Attributes>process.relations.attributes).urgent.messages_len
    return result


cdef inline bint has(process_t* process, int flag) noexcept:
    return process.flags & flag != 0


cdef inline void raise_flag(process_t* process, int flag) noexcept:
    process.flags |= <uint32_t>flag


cdef inline void lower_flag(process_t* process, int flag) noexcept:
    process.flags &= <uint32_t>~flag
