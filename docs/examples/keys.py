"""A key-value server that speaks enough of Redis's protocol (RESP) for `redis-benchmark`.

It shows state without locks: one process, named "store", owns the keys, and whoever wants to see or
change them asks it. A client that sends nonsense crashes the process of its connection, no more.

    python docs/examples/keys.py --port 6380
    redis-benchmark -p 6380 -t ping,set,get,incr,mset -n 20000 -q

On two cores: 30,000 to 37,000 requests a second, 14,000 of MSET (10 keys); 45,000 SET with -P 16.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable

import csched
from csched import aio, make_ref, send, share, spawn, spawn_opt

Reply = str | int | bytes | list["Reply"] | None


class Refused(Exception):
    """A command that cannot be carried out; the text is what the client gets."""


def encode(reply: Reply | Refused) -> bytes:
    match reply:
        case Refused():
            return f"-ERR {reply}\r\n".encode()
        case str():
            return f"+{reply}\r\n".encode()
        case int():
            return f":{reply}\r\n".encode()
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(reply), reply)
        case None:
            return b"$-1\r\n"
        case list():
            return b"*%d\r\n" % len(reply) + b"".join(map(encode, reply))


async def read_command(reader: StreamReader) -> list[bytes]:
    """The next command and its arguments, or [] at the end."""
    line = await reader.readline()
    if not line.startswith(b"*"):
        return line.split()  # As people type it.
    words = []
    for _ in range(int(line[1:])):
        length = int((await reader.readline())[1:])
        words.append((await reader.readexactly(length + 2))[:-2])
    return words


# --- The store ------------------------------------------------------------------------------------

Keys = dict[bytes, bytes]


def ping(keys: Keys, text: bytes | None = None) -> Reply:
    return "PONG" if text is None else text


def get(keys: Keys, key: bytes) -> Reply:
    return keys.get(key)


def set_(keys: Keys, key: bytes, value: bytes) -> Reply:
    keys[key] = value
    return "OK"


def mset(keys: Keys, *pairs: bytes) -> Reply:
    keys.update(zip(pairs[::2], pairs[1::2], strict=True))
    return "OK"


def incr(keys: Keys, key: bytes) -> Reply:
    number = int(keys.get(key, b"0")) + 1
    keys[key] = b"%d" % number
    return number


def delete(keys: Keys, *names: bytes) -> Reply:
    return sum(keys.pop(name, None) is not None for name in names)


def config(keys: Keys, what: bytes, name: bytes) -> Reply:
    """`redis-benchmark` asks how often the keys are written to disk."""
    return [name, b""]


COMMANDS: dict[bytes, Callable[..., Reply]] = {
    b"PING": ping,
    b"GET": get,
    b"SET": set_,
    b"MSET": mset,
    b"INCR": incr,
    b"DEL": delete,
    b"CONFIG": config,
}


def execute(keys: Keys, name: bytes, *args: bytes) -> Reply | Refused:
    try:
        return COMMANDS[name.upper()](keys, *args)
    except KeyError:
        return Refused("unknown command")
    except (TypeError, ValueError) as error:
        return Refused(str(error))


async def store() -> None:
    """Owns all keys; carries out one command after the other."""
    keys: Keys = {}
    while True:
        sender, ref, command = await aio.receive()
        send(sender, (ref, execute(keys, *command)))


# --- The connections ------------------------------------------------------------------------------


async def serve(reader: StreamReader, writer: StreamWriter) -> None:
    """The process of a connection."""
    try:
        while command := await read_command(reader):
            ref = make_ref()
            send("store", (csched.self(), ref, command))
            _, reply = await aio.receive((ref, csched.ANY))
            writer.write(encode(reply))
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def accept(reader: StreamReader, writer: StreamWriter) -> None:
    spawn(serve, share(reader), share(writer))


async def main(host: str, port: int) -> None:
    spawn_opt(store, name="store", link=True)  # A server without its keys is to end, too.
    with contextlib.closing(await asyncio.start_server(accept, host, port)) as server:
        print("listening on port", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A key-value server for Redis's clients.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=6380, help="0: any that is free")
    options = parser.parse_args()
    csched.run(main, options.host, options.port)
