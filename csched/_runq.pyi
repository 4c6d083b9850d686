# Run queues. All of it is C, for the other compiled modules: see `_runq.pxd`.
