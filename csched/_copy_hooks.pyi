from typing import Any, final

@final
class HookMemo(dict[int, Any]):
    def get(self, key: int, default: Any = None) -> Any: ...
