"""A mail server for tests that does what it is told: refuse, dawdle, break off at any stage."""

import socket
import threading
import time

OFFERS = ("PIPELINING", "SIZE 50000000", "8BITMIME", "ENHANCEDSTATUSCODES")


class Scripted:
    """Takes mail on an address of loopback.

    `replies` gives what is said at a stage ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "end") in place of
    the usual; a function gets the line. The reply `None` closes the connection there. `pause` waits so many
    seconds before each reply of a stage. `letters` holds what was accepted: sender, recipients, bytes; `taken_at`
    when each was, by the monotonic clock.
    """

    def __init__(self, host, port=0, offers=OFFERS, lmtp=False):
        self.offers = offers
        self.lmtp = lmtp
        self.replies = {}
        self.pause = {}
        self.letters = []
        self.taken_at = []
        self.lines = []
        self.connections = 0
        self.open = 0
        self.open_most = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server((host, port), backlog=200)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        """Takes no more connections."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def wait_for(self, count, seconds=30):
        """Waits until so many letters were accepted; answers them."""
        deadline = time.monotonic() + seconds
        while len(self.letters) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(self.letters)} of {count} letters came: {self.lines[-20:]}")
            time.sleep(0.02)
        return self.letters

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer):
        with self.lock:
            self.open += 1
            self.open_most = max(self.open, self.open_most)
        try:
            Talk(self, peer).run()
        except (OSError, EOFError, ValueError):
            pass
        finally:
            peer.close()
            with self.lock:
                self.open -= 1


class Talk:
    """One connection."""

    def __init__(self, server, peer):
        self.server = server
        self.peer = peer
        self.file = peer.makefile("rb")
        self.sender, self.recipients = None, []

    def say(self, stage, usual, line=""):
        """Replies; answers whether that was a success. EOFError where it is told to break off."""
        time.sleep(self.server.pause.get(stage, 0))
        reply = self.server.replies.get(stage, usual)
        if callable(reply):
            reply = reply(line) or usual
        if reply is None:
            raise EOFError(stage)
        self.peer.sendall(reply.encode() + b"\r\n")
        return reply[0] in "23"

    def run(self):
        """Serves until the peer ends or the script does."""
        if not self.say("greeting", "220 scripted.test ESMTP"):
            return
        while line := self.file.readline().decode("utf-8").rstrip("\r\n"):
            self.server.lines.append(line)
            verb = line.split(" ")[0].split(":")[0].upper()
            if verb in ("EHLO", "LHLO"):
                offers = ("scripted.test",) + tuple(self.server.offers)
                lines = [f"250-{offer}" for offer in offers[:-1]] + [f"250 {offers[-1]}"]
                self.say("EHLO", "\r\n".join(lines), line)
            elif verb == "AUTH":
                self.say("AUTH", "235 2.7.0 in", line)
            elif verb == "MAIL":
                if self.say("MAIL", "250 2.1.0 ok", line):
                    self.sender, self.recipients = path(line), []
            elif verb == "RCPT":
                if self.say("RCPT", "250 2.1.5 ok", line):
                    self.recipients.append(path(line))
            elif verb == "DATA":
                self.data(line)
            elif verb == "QUIT":
                self.say("QUIT", "221 2.0.0 bye", line)
                return
            else:
                self.say(verb, "250 2.0.0 ok", line)

    def data(self, line):
        """The letter and what is said of it."""
        if not self.recipients:
            self.peer.sendall(b"503 5.5.1 nobody\r\n")
            return
        if not self.say("DATA", "354 go on", line):
            return
        content = bytearray()
        while (piece := self.file.readline()) != b".\r\n":
            if not piece:
                raise EOFError("in the letter")
            content += piece[1:] if piece.startswith(b".") else piece
        recipients = self.recipients if self.server.lmtp else self.recipients[:1]
        for recipient in recipients:
            if self.say("end", "250 2.0.0 kept", recipient):
                taken = [recipient] if self.server.lmtp else self.recipients
                with self.server.lock:
                    self.server.taken_at.append(time.monotonic())
                    self.server.letters.append((self.sender, list(taken), bytes(content)))


def path(line):
    """The address between the angles."""
    return line[line.index("<") + 1:line.index(">")]

