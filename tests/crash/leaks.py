"""All paths, round after round, in the memory of one program: ``leaks.py ROUNDS [TIMES]``.

Prints, as JSON, the Tokens that are left and by what factor the resident set grew from the first
third of the rounds to the last; to the standard error, a line for each round. Under the sanitizers
too: see the README here.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import statistics
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from kinds import Async, Plain
from leak_bodies import PATHS, Token, repeat
from leak_runs import RUNS


def rss():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def one_round(times):
    for kind in (Plain, Async):
        for name in PATHS:
            kind.run(repeat, kind, name, times)
        for function in RUNS:
            function(kind)
    gc.collect()


if __name__ == "__main__":
    rounds, times = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    warnings.simplefilter("ignore", RuntimeWarning)  # Coroutines that were never awaited.
    logging.disable(logging.CRITICAL)
    memory = []
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        one_round(times)
        for number in range(rounds):
            one_round(times)
            memory.append(rss())
            print(f"round {number}: {memory[-1]:,} bytes, {Token.alive} tokens", file=sys.stderr)
    third = len(memory) // 3
    growth = statistics.median(memory[-third:]) / statistics.median(memory[:third])
    print(json.dumps({"growth": growth, "tokens": Token.alive}))
