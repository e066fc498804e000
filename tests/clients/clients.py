"""Thin clients for tests: they show every byte and hide nothing.

Real programs (swaks, curl, mbsync …) have modules of their own; these clients are for what real programs
never send, and for reading a mailbox back exactly.
"""

import base64
import hashlib
import hmac
import re
import secrets
import socket
import ssl

from server import HOST

TIMEOUT_SECONDS = 60

TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE


class Refused(Exception):
    """The server said no; the text is its reply."""


class Connection:
    """Bytes to and from one port, line by line."""

    def __init__(self, port, tls=False, timeout=TIMEOUT_SECONDS, host=HOST):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = TLS.wrap_socket(self.socket)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        """Sends bytes as they are."""
        self.socket.sendall(data)

    def receive(self):
        """Adds what has come to the buffer; EOFError at the end."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise EOFError(f"the server closed; unread: {self.buffer[-200:]!r}")
        self.buffer += data

    def line(self):
        """The next line without its CRLF."""
        start = 0
        while (end := self.buffer.find(b"\r\n", start)) < 0:
            start = max(0, len(self.buffer) - 1)
            self.receive()
        line, self.buffer = self.buffer[:end], self.buffer[end + 2:]
        return line

    def exactly(self, count):
        """The next `count` bytes."""
        while len(self.buffer) < count:
            self.receive()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def rest(self, seconds=5):
        """All that comes until the server closes or is silent for `seconds`."""
        self.socket.settimeout(seconds)
        try:
            while True:
                self.receive()
        except (EOFError, OSError):
            data, self.buffer = self.buffer, b""
            return data

    def start_tls(self):
        """The handshake; what came before it is dropped, as a client must."""
        self.buffer = b""
        self.socket = TLS.wrap_socket(self.socket)

    def close(self):
        """Closes without a word."""
        self.socket.close()


class Smtp(Connection):
    """SMTP or LMTP; `code` answers name the reply, Refused carries it."""

    def __init__(self, port, tls=False, hello="EHLO", **options):
        super().__init__(port, tls, **options)
        self.greeting = self.reply()
        self.features = self.command(f"{hello} client.example")[1] if hello else []

    def reply(self):
        """The next reply: its code and its lines."""
        lines = []
        while True:
            line = self.line().decode("utf-8", "replace")
            lines.append(line[4:])
            if line[3:4] != "-":
                return int(line[:3]), lines

    def command(self, line):
        """Sends one line; answers code and lines, raises Refused from 400 on."""
        self.send((line if isinstance(line, bytes) else line.encode()) + b"\r\n")
        return self.accepted()

    def accepted(self):
        """The next reply, which must not be a refusal."""
        code, lines = self.reply()
        if code >= 400:
            raise Refused(f"{code} {' '.join(lines)}")
        return code, lines

    def secure(self):
        """STARTTLS and a second EHLO."""
        self.command("STARTTLS")
        self.start_tls()
        self.features = self.command("EHLO client.example")[1]

    def login(self, account):
        """AUTH PLAIN."""
        self.command("AUTH PLAIN " + plain(account))

    def envelope(self, sender, recipients):
        """MAIL and RCPT, pipelined."""
        lines = [f"MAIL FROM:<{sender}>"] + [f"RCPT TO:<{to}>" for to in recipients]
        self.send("".join(line + "\r\n" for line in lines).encode())
        for _ in lines:
            self.accepted()

    def data(self, content):
        """DATA with dot-stuffing; `content` must end in CRLF."""
        self.command("DATA")
        stuffed = re.sub(rb"(?m)^\.", b"..", content)
        self.send(stuffed + b".\r\n")
        return self.accepted()

    def chunk(self, content):
        """BDAT in two chunks."""
        half = len(content) // 2
        first, last = content[:half], content[half:]
        self.send(b"BDAT %d\r\n" % len(first) + first)
        self.send(b"BDAT %d LAST\r\n" % len(last) + last)
        self.accepted()
        return self.accepted()

    def deliver(self, sender, recipients, content):
        """One letter by DATA."""
        self.envelope(sender, recipients)
        return self.data(content)


class Pop3(Connection):
    """POP3, over TLS unless told otherwise."""

    def __init__(self, port, account=None, tls=True):
        super().__init__(port, tls)
        self.greeting = self.positive()
        if account:
            self.command(f"USER {account.address}")
            self.command(f"PASS {account.password}")

    def positive(self):
        """The next line, which must be +OK (or a continuation)."""
        line = self.line().decode("utf-8", "replace")
        if not line.startswith("+"):
            raise Refused(line)
        return line

    def command(self, line):
        """One line there, one line back."""
        self.send(line.encode() + b"\r\n")
        return self.positive()

    def lines(self, line):
        """A command with a list as its answer."""
        self.command(line)
        listed = []
        while (entry := self.line()) != b".":
            listed.append(entry[1:] if entry.startswith(b".") else entry)
        return listed

    def retrieve(self, number):
        """A whole letter."""
        return b"".join(line + b"\r\n" for line in self.lines(f"RETR {number}"))

    def count(self):
        """How many letters STAT tells of."""
        return int(self.command("STAT").split()[1])


class Imap(Connection):
    """IMAP: `command` answers the untagged responses, each with its literals in place."""

    def __init__(self, port, account=None, tls=True, **options):
        super().__init__(port, tls, **options)
        self.greeting = self.response()
        self.tags = 0
        self.completion = b""
        if account:
            self.command(f'LOGIN "{account.address}" "{account.password}"')

    def response(self):
        """One response: a line, and what its literals hold."""
        whole = line = self.line()
        while (literal := re.search(rb"~?\{(\d+)\}$", line)):
            content = self.exactly(int(literal[1]))
            line = self.line()
            whole += b"\r\n" + content + line
        return whole

    def start(self, line, *literals):
        """Sends a command without waiting; literals fill the places marked `{}`. Answers its tag."""
        self.tags += 1
        tag = b"t%d" % self.tags
        parts = (line if isinstance(line, bytes) else line.encode()).split(b"{}")
        out = tag + b" " + parts[0]
        for literal, part in zip(literals, parts[1:], strict=True):
            out += b"{%d+}\r\n" % len(literal) + literal + part
        self.send(out + b"\r\n")
        return tag

    def finish(self, tag):
        """Untagged responses up to the tagged one, which must be OK."""
        untagged = []
        while True:
            response = self.response()
            if response.startswith(tag + b" "):
                self.completion = response[len(tag) + 1:]
                if not self.completion.startswith(b"OK"):
                    raise Refused(self.completion.decode("utf-8", "replace"))
                return untagged
            untagged.append(response)

    def command(self, line, *literals):
        """One command to its end."""
        return self.finish(self.start(line, *literals))

    def idle(self):
        """Begins IDLE and waits for the continuation."""
        tag = self.start("IDLE")
        while not self.response().startswith(b"+"):
            pass
        return tag

    def done(self, tag):
        """Ends IDLE."""
        self.send(b"DONE\r\n")
        return self.finish(tag)

    def bodies(self, folder="INBOX"):
        """UID and bytes of every letter of a folder, in order."""
        self.command(f'EXAMINE "{folder}"')
        found = []
        for response in self.command("UID FETCH 1:* (BODY.PEEK[])"):
            uid = re.search(rb"UID (\d+)", response)
            literal = re.search(rb"BODY\[\] \{(\d+)\}\r\n", response)
            if uid and literal:
                size = int(literal[1])
                found.append((int(uid[1]), response[literal.end():literal.end() + size]))
        return found

    def append(self, folder, content, flags="", date=None):
        """APPEND with a literal that does not wait."""
        dated = f' "{date}"' if date else ""
        return self.command(f'APPEND "{folder}" ({flags}){dated} {{}}', content)


def plain(account):
    """The initial response of SASL PLAIN (RFC 4616)."""
    return base64.b64encode(f"\0{account.address}\0{account.password}".encode()).decode()


class Scram:
    """The client's side of SCRAM-SHA-256, without and with channel binding (RFC 5802, RFC 7677)."""

    def __init__(self, account, end_point=None):
        self.password = account.password.encode()
        self.header = "n,," if end_point is None else "p=tls-server-end-point,,"
        self.binding = base64.b64encode(self.header.encode() + (end_point or b"")).decode()
        self.bare = f"n={account.address},r={secrets.token_hex(12)}"
        self.signature = b""

    def first(self):
        """The client's first message in base64."""
        return base64.b64encode((self.header + self.bare).encode()).decode()

    def final(self, challenge):
        """The proof for the server's first message, both in base64."""
        server_first = base64.b64decode(challenge).decode()
        fields = dict(part.split("=", 1) for part in server_first.split(","))
        salted = hashlib.pbkdf2_hmac(
            "sha256", self.password, base64.b64decode(fields["s"]), int(fields["i"])
        )
        without_proof = f"c={self.binding},r={fields['r']}"
        said = ",".join([self.bare, server_first, without_proof]).encode()
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        stored_key = hashlib.sha256(client_key).digest()
        mask = hmac.digest(stored_key, said, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, mask, strict=True))
        self.signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), said, "sha256")
        final = f"{without_proof},p={base64.b64encode(proof).decode()}"
        return base64.b64encode(final.encode()).decode()

    def server_is_known(self, verdict):
        """True when the server's last message proves that it knows the password too."""
        told = base64.b64decode(verdict).decode()
        return told == "v=" + base64.b64encode(self.signature).decode()
