# The mailbox. All of it is C, for the other compiled modules: see `_mailbox.pxd`.
