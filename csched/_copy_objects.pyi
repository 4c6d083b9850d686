# Objects as parts. All of it is C, for the other compiled modules: see `_copy_objects.pxd`.
