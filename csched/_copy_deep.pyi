# Nesting without limit. All of it is C, for the other compiled modules: see `_copy_deep.pxd`.
