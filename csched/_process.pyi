# The process control block. All of it is C, for the other compiled modules: see `_process.pxd`.
