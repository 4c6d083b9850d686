"""Built-in functions that make processes, name them and ask about them; none suspends.

Purpose: `spawn` in its two forms, and what may be asked of any pid.

1. A spawn checks its target and copies arguments and closure before there is a process: an error in the
   caller leaves nothing behind. What can only be known in the new process (does the function of the MFA
   exist?) is found out there, and ends that process alone.
2. Whether a first argument is a namespace, hence the call an MFA, is decided by its type and the number
   of arguments, never by looking into it.

Sources: bif.c (spawn_3), erl_bif_info.c (is_process_alive), iex helpers (pid/1).
"""
