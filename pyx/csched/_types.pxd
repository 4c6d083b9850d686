"""States, priorities and constants; C types only.

Every number that more than one module must agree on stands here, with its unit and its source.
A debug build (``CSCHED_DEBUG``) shrinks the ones marked *debug*, so that tests reach the edges.
"""

cdef extern from *:
    """
    #ifdef CSCHED_DEBUG
    #define CSCHED_CONTEXT_REDS 64
    #define CSCHED_LEAF_SIZE 4
    #define CSCHED_RUNNER_POOL 2
    #define CSCHED_COPY_DEPTH 8
    #else
    #define CSCHED_CONTEXT_REDS 4000
    #define CSCHED_LEAF_SIZE 256
    #define CSCHED_RUNNER_POOL 256
    #define CSCHED_COPY_DEPTH 200
    #endif
    """
    enum:
        # Reductions in a slice (`CONTEXT_REDS`, erl_vm.h). debug: 64.
        CONTEXT_REDS "CSCHED_CONTEXT_REDS"
        # Entries in a leaf of the process table: a removal moves at most this many. debug: 4.
        LEAF_SIZE "CSCHED_LEAF_SIZE"
        # Idle runners that are kept; each holds a frame chunk of 16 KB. debug: 2.
        RUNNER_POOL "CSCHED_RUNNER_POOL"
        # Levels of a message that are copied on the C stack, before an explicit one is used. debug: 8.
        COPY_DEPTH "CSCHED_COPY_DEPTH"


cdef enum:
    # Virtual reductions of a send: they count to the slice, `process_info` does not show them.
    SEND_REDS = 4
    # Words of a copied message to a reduction (`ERTS_MSG_COPY_WORDS_PER_REDUCTION`, erl_message.h).
    COPY_WORDS_PER_REDUCTION = 64
    # Bytes in a word, the unit of all sizes that a user sees.
    WORD_SIZE = 8


cdef enum:
    # Priorities: indexes of run queues, most urgent first. PRIORITY_MAX is for the runtime.
    PRIORITY_MAX = 0
    PRIORITY_HIGH = 1
    PRIORITY_NORMAL = 2
    PRIORITY_LOW = 3
    PRIORITIES = 4


cdef enum:
    # States: which queue holds the process, and who may move it on.
    # In no queue; its spawner is still filling it in.
    STATE_NEW = 0
    # In a run queue or among the blocked (`_runq`); `_scheduler.pick` moves it on.
    STATE_RUNNABLE = 1
    # In no queue: `Scheduler.current`. Moves itself on, or the ticker makes it.
    STATE_RUNNING = 2
    # In no queue; a message, if it waits for messages, its timer, a file that is free, room in a mailbox, or
    # being told to exit makes it runnable.
    STATE_WAITING = 3
    # Is being torn down (`_teardown`), in slices like any other. May send, may not wait.
    STATE_EXITING = 4
    # Out of the table; only its struct is left, on its way to the free list.
    STATE_DEAD = 5
    # In no queue: it was due to run, and others have suspended it. `_signal.release` moves it on, or being
    # told to exit.
    STATE_SUSPENDED = 6


cdef enum:
    # What a process asks for when it stops.
    ASK_MESSAGE = 0     # Wait for a message past `scanned`, or for its timer if one is set.
    ASK_TIMER = 1       # Wait for its timer alone.
    ASK_YIELD = 2       # Run again after its equals.
    ASK_SLICE = 3       # It has used up its slice.
    ASK_BLOCKED = 4     # It was found blocked in a system call.
    ASK_FILE = 5        # Wait until it may enter a file that others are in (`buffered.h`).
    ASK_ROOM = 6        # Wait until there is room for what it sends (`_limit`).
    ASK_FUTURE = 7      # Wait until the future is done that its waiter watches (`_await`).
