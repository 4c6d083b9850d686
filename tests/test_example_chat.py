"""docs/examples/chat.py: what one says all others read, and who does not read harms nobody."""

from __future__ import annotations

import asyncio
import socket

from example_programs import SECONDS, command, complaints, serving

MEMBERS = 100
SAID = 1_300  # More lines than may wait for a client.


class Member:
    """A client with a name."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    @classmethod
    async def join(cls, server, name):
        member = cls(*await server.open())
        await member.say(name)
        return member, await member.hear()

    async def say(self, text):
        self.writer.write(text.encode() + b"\n")
        await self.writer.drain()

    async def hear(self):
        line = await asyncio.wait_for(self.reader.readline(), SECONDS)
        return line.decode().rstrip("\n")

    async def leave(self):
        """Leave, and see the server close the connection."""
        self.writer.write_eof()
        assert await self.reader.read() == b""
        self.writer.close()


def chat(scene):
    """Play a scene on a server of its own; what the server complained of."""
    with serving(command("chat.py", "--port", 0)) as server:
        asyncio.run(scene(server))
        return complaints(server.stop())


def test_members_read_what_the_others_say_and_are_counted():
    async def scene(server):
        ann, greeting = await Member.join(server, "ann")
        assert greeting == "* you are one of 1"
        bob, greeting = await Member.join(server, "bob")
        assert greeting == "* you are one of 2"
        await bob.say("hello")
        await bob.say("Ann")
        assert [await ann.hear(), await ann.hear()] == ["bob: hello", "bob: Ann"]
        await ann.say("hello, Bob")
        assert await bob.hear() == "ann: hello, Bob"  # And not what he has said himself.
        await bob.leave()
        carl, greeting = await Member.join(server, "carl")
        assert greeting == "* you are one of 2"
        await carl.leave()
        await ann.leave()

    assert chat(scene) == []


def test_what_one_says_comes_to_all_in_the_order_in_which_it_was_said():
    async def scene(server):
        members = []
        for number in range(MEMBERS):
            member, _ = await Member.join(server, str(number))
            members.append(member)
        speaker, *others = members
        for number in range(10):
            await speaker.say(str(number))
        for member in others:
            assert [await member.hear() for _ in range(10)] == [f"0: {n}" for n in range(10)]
        for member in members:
            await member.leave()

    assert chat(scene) == []


def test_who_does_not_read_is_thrown_out_and_holds_up_nobody():
    async def scene(server):
        ann, _ = await Member.join(server, "ann")
        bob, _ = await Member.join(server, "bob")
        slow = server.connect()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(b"slow\n")
        with slow, slow.makefile("rb") as lines:
            assert lines.readline() == b"* you are one of 3\n"
            # More than fits into the buffers of the sockets and the mailbox of the process.
            text = "x" * 60_000
            for _ in range(SAID):
                await ann.say(text)
                assert await bob.hear() == f"ann: {text}"
            carl, greeting = await Member.join(server, "carl")
            assert greeting == "* you are one of 3"  # The fourth is gone.
        for member in (ann, bob, carl):
            await member.leave()

    assert chat(scene) == []
