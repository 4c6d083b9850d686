# Collecting. All of it is C, for the other compiled modules: see `_collect.pxd`.
