"""A small milter of the test's own that refuses what is called bad, at whatever stage it comes."""

import contextlib
import socket
import struct
import threading

from server import HOST

# Nothing of sender and recipients is changed; no step is left out.
WANTED = struct.pack(">III", 6, 0, 0)
CONTINUE = b"c"
SECONDS = 20


def packet(content):
    """With its length before it."""
    return struct.pack(">I", len(content)) + content


class StrictMilter:
    """Says no to greetings, senders, recipients, fields and texts with the word "bad" in them.

    Keeps of each connection the letters of the steps that it was told, without those that carry facts.
    """

    def __init__(self, refuses_all=False):
        self.connections, self.facts, self.refuses_all = [], [], refuses_all
        self.listener = socket.create_server((HOST, 0))
        self.address = f"{HOST}:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        """Takes no further connections."""
        self.listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                connection.settimeout(SECONDS)
                told = []
                self.connections.append(told)
                threading.Thread(target=self._follow, args=(connection, told), daemon=True).start()

    def _follow(self, connection, told):
        with connection, contextlib.suppress(OSError, EOFError):
            while True:
                (length,) = struct.unpack(">I", self._read(connection, 4))
                content = self._read(connection, length)
                kind = content[:1]
                if kind == b"D":
                    self.facts.append(content[1:])
                    continue
                told.append(kind.decode())
                if kind == b"Q":
                    return
                answer = self._answer(kind, content[1:])
                if answer:
                    connection.sendall(packet(answer))

    def _answer(self, kind, data):
        if kind == b"O":
            return b"O" + WANTED
        if kind == b"A":
            return None
        if b"bad" in data or (self.refuses_all and kind == b"C"):
            return b"y550 5.7.1 bad at " + kind + b"\0"
        return CONTINUE

    @staticmethod
    def _read(connection, count):
        content = b""
        while len(content) < count:
            piece = connection.recv(count - len(content))
            if not piece:
                raise EOFError
            content += piece
        return content
