# Relations. All of it is C, for the other compiled modules: see `_relation.pxd`.
