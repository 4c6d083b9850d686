"""The running loop of each process; its theory of operation is in `_running.pxd`."""

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF

from csched._cpython cimport csched_report_unraisable, csched_shortcut, csched_thread_state, shortcut_t
from csched._process cimport (
    FLAG_AWAITS, FLAG_NEW, FLAG_OWN_LOOP, Attributes, attributes_of, coroutine_of, has, lower_flag, process_t,
    raise_flag,
)
from csched._signal cimport SLICES_IN_LOOP, Signals, wake_hub
from csched._types cimport CONTEXT_REDS, STATE_RUNNING

import sys


cdef extern from "Python.h":
    bint PyCFunction_CheckExact(object obj) noexcept

serving = None
# Where the process that runs is found.
cdef process_t** running = NULL
# The thread's hook when no process has set one; compared only. What it was before the loop was born.
cdef PyObject* base_hook = NULL
cdef PyObject* first_hook = NULL
cdef object base_hooks = None
cdef object first_hooks = None
# asyncio's own.
cdef object current_task_function = None
cdef shortcut_t current_task_parsed = NULL
cdef object tasks_module = None
cdef object current_tasks = None


cdef int appear(Signals signals, process_t** current, object services, object loop) except -1:
    global serving, running, current_task_function, current_task_parsed, tasks_module, current_tasks
    function = services.tasks.current_task
    signals.loop_services = services
    signals.event_loop = loop
    serving = signals
    running = current
    if PyCFunction_CheckExact(function):
        current_task_parsed = csched_shortcut(function, current_task)
        current_task_function = function
    else:
        current_tasks = services.tasks._current_tasks
        tasks_module = services.tasks
        tasks_module._current_tasks = services.CurrentTasks(current_tasks, task_in_loop)
    note_hooks(signals)
    signals.watches_slices |= SLICES_IN_LOOP
    return 0


cdef int disappear(Signals signals) except -1:
    global serving, running, current_task_function, tasks_module, current_tasks, base_hooks, first_hooks
    if serving is None:
        return 0
    if first_hooks is not None:
        sys.set_asyncgen_hooks(*first_hooks)
        first_hooks = None
    signals.watches_slices &= ~SLICES_IN_LOOP
    serving = None
    running = NULL
    base_hooks = None
    if current_task_function is not None:
        csched_shortcut(current_task_function, current_task_parsed)
        current_task_function = None
    else:
        tasks_module._current_tasks = current_tasks
        tasks_module = current_tasks = None
    return 0


cdef int set_running_loop(Signals signals, object loop) except -1:
    signals.loop_services.set_running_loop(loop)
    return 0


cdef void show_loop(Signals signals, bint is_seen) noexcept:
    if signals.loop_is_seen == is_seen:
        return
    signals.loop_is_seen = is_seen
    try:
        set_running_loop(signals, signals.event_loop if is_seen else None)
    except BaseException as error:
        csched_report_unraisable(error, signals.event_loop)


cdef void follow_process(Signals signals, process_t* process) noexcept:
    if has(process, FLAG_NEW):
        return  # `launch` knows what it is.
    show_loop(signals, coroutine_of(process) != NULL or has(process, FLAG_AWAITS))
    if has(process, FLAG_OWN_LOOP):
        resume_own_loop(signals, process)


cdef void leave_process(Signals signals, process_t* process) noexcept:
    if not in_own_loop(signals):
        return
    try:
        attributes = attributes_of(process)
        attributes.own_loop = (signals.loop_services.get_running_loop(), sys.get_asyncgen_hooks())
        raise_flag(process, FLAG_OWN_LOOP)
        signals.loop_is_seen = False
        set_running_loop(signals, None)
        sys.set_asyncgen_hooks(*base_hooks)
    except BaseException as error:
        csched_report_unraisable(error, <object>process.pid)


cdef void resume_own_loop(Signals signals, process_t* process) noexcept:
    cdef Attributes attributes
    lower_flag(process, FLAG_OWN_LOOP)
    try:
        attributes = attributes_of(process)
        loop, hooks = attributes.own_loop
        attributes.own_loop = None
        set_running_loop(signals, loop)
        sys.set_asyncgen_hooks(*hooks)
    except BaseException as error:
        csched_report_unraisable(error, <object>process.pid)


cdef void note_hooks(Signals signals) noexcept:
    global base_hook, base_hooks
    if base_hooks is None or base_hook != signals.thread.async_gen_firstiter:
        base_hook = signals.thread.async_gen_firstiter
        # A thread that imports asyncio can only tell whether there are any.
        base_hooks = sys.get_asyncgen_hooks() if signals.thread == csched_thread_state() else (None, None)


cdef bint in_own_loop(Signals signals) noexcept:
    if signals.watches_slices & SLICES_IN_LOOP == 0 or signals.thread.async_gen_firstiter == base_hook:
        return False
    if first_hooks is not None and signals.thread.async_gen_firstiter == first_hook:
        # The process has left a loop that it had entered before the scheduler's was born.
        sys.set_asyncgen_hooks(*base_hooks)
        return False
    return True


cdef int start_polling(Signals signals, object hooks) except -1:
    global base_hook, base_hooks, first_hook, first_hooks
    if signals.event_loop is not None and signals.thread == csched_thread_state():
        is_own = in_own_loop(signals)
        first_hook, first_hooks = base_hook, base_hooks
        base_hook, base_hooks = <PyObject*>hooks[0], hooks
        if not is_own:
            sys.set_asyncgen_hooks(*hooks)
    signals.polls = True
    signals.batch_end_ns = 0
    signals.work = 2 * CONTEXT_REDS
    if signals.sleeping:
        wake_hub(signals)  # A thread uses the loop first.
    return 0


cdef object task_of(process_t* process):
    """What asyncio takes for the task of the process that runs."""
    cdef Attributes attributes = attributes_of(process)
    if attributes.task is None:
        task = serving.loop_services.ProcessTask(<object>process.pid, serving.event_loop)
        # To make it may have had the loop born, which runs much code; but the process is the one that runs it.
        if attributes.task is None:
            attributes.task = task
    return attributes.task


def task_in_loop(loop):
    """The task of the process that runs, if that sees this loop; else None."""
    cdef process_t* process
    if serving is None or serving.thread != csched_thread_state():
        return None
    process = running[0]
    if (
        process == NULL or process.state != STATE_RUNNING or loop is not serving.event_loop or not serving.loop_is_seen
        or in_own_loop(serving)
    ):
        return None
    return task_of(process)


cdef PyObject* current_task(PyObject* module, PyObject** args, Py_ssize_t args_len, PyObject* names) except NULL:
    """`asyncio.current_task(loop=None)`."""
    cdef PyObject* task = current_task_parsed(module, args, args_len, names)
    if task != <PyObject*>None or serving is None:
        return task
    Py_DECREF(<object>task)
    # It has taken the one argument that there is, by position or by name.
    loop = <object>args[0] if args_len or names != NULL else None
    result = task_in_loop(serving.event_loop if loop is None else loop)
    Py_INCREF(result)
    return <PyObject*>result
