# What one copy carries with it. All of it is C, for the other compiled modules: see `_copy_state.pxd`.
