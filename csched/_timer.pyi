# The timer wheel. All of it is C, for the other compiled modules: see `_timer.pxd`.
