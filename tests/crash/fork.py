"""A process forks: parent and child go on, each with its own scheduler, to the end of `run`."""

import os

import csched
from csched import aio, receive, send, spawn


async def echo(parent):
    while True:
        send(parent, await aio.receive())


def main():
    server = spawn(echo, csched.self())
    spawn(receive)
    csched.sleep(0.01)
    child = os.fork()
    for n in range(100):
        send(server, n)
        assert receive() == n
    csched.sleep(0.01)
    if child:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return child


child = csched.run(main)
print("parent" if child else "child", "done", flush=True)
