from csched._listing import Row

PREFIXES: dict[type, str]

def next_rows(after: int, count: int) -> list[tuple[int, Row]]: ...
