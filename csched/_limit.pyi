# Mailbox limits. All of it is C, for the other compiled modules: see `_limit.pxd`.
