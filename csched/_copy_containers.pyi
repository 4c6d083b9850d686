# Lists, tuples, dicts, sets, bytearrays. All of it is C: see `_copy_containers.pxd`.
