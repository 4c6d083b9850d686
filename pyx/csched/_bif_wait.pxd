"""Waiting, in a plain process, for anything that can be awaited.

1. `wait` drives a coroutine in the middle of the process's stack, as the scheduler drives that of an `async def`
   process: what it yields tells what the process waits for, and what is to be raised in the process is raised in it
   first.
2. While it goes on the process sees the event loop, and is a task to asyncio (FLAG_AWAITS).
"""
