"""Threads for what does not yield: blocking calls that cannot be interrupted, and long C code.

Purpose: what dirty schedulers are to OTP. A function is called in a thread of a pool, and the process waits for its
result.

1. The pool is made when it is first needed, and has `run(dirty_schedulers=...)` threads at most; who comes later
   queues.
2. The function is no process: of csched it may call what any thread may. It runs in a copy of the caller's context,
   and nothing is copied else: arguments and result stay where they are, since the process waits.
3. A process that is told to exit meanwhile ends at once. What had not begun never does; what had goes on, and its
   result is dropped. The run does not wait for it; the program does, at its end (`concurrent.futures`).

Source: erl_process.c (dirty schedulers), asyncio.to_thread.
"""
