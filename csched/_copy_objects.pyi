# Instances, exceptions, functions. All of it is C: see `_copy_objects.pxd`.
