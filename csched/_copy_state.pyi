# What one copy carries with it. All of it is C: see `_copy_state.pxd`.
