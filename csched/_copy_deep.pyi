# Nesting without limit. All of it is C: see `_copy_deep.pxd`.
