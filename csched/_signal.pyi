# Signals. Nearly all of it is C, for the other compiled modules: see `_signal.pxd`.
from typing_extensions import disjoint_base

@disjoint_base
class Signals: ...
