"""Statistics: what the running system is, and what it has done.

Purpose: `system_info` and `statistics`, each item of which is O(1) but for a walk over nothing: all counts are
kept where they change (`_scheduler`, `_runq`, `_ids`).

1. An item that tells what has happened "since the last call" remembers for it the total told last, one for the whole
   run as in OTP, in `Scheduler.told`.
2. Times are float seconds. CPU time is the whole program's, for its processes are one thread of it.

Left out of OTP's items: what has no meaning here (atoms, ports, allocators, distribution buffers).

Sources: erl_bif_info.c; erlang:system_info/1, erlang:statistics/1.
"""
