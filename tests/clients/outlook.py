"""A small client of MAPI over HTTP, written from the specifications and byte by byte: it knows nothing of the server's code.

`Outlook` is one client: it signs in with each request, keeps its cookies, and shows what came back.
"""

import base64
import http.client
import re
import ssl
import struct
import uuid
import xml.etree.ElementTree

SECONDS = 30
REQUESTS = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
SETTINGS = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
NO_HANDLE = 0xFFFFFFFF
MAX_OUT = 0x10008

# Properties.
DISPLAY_NAME, SUBJECT, BODY, MID, FID, SENDER = (
    0x3001001F, 0x0037001F, 0x1000001F, 0x674A0014, 0x67480014, 0x0C1A001F)
READ, ROW_TYPE = 0x0E69000B, 0x0FF50003


class Failed(Exception):
    """The server said no; the text says how."""


class Reader:
    """Values from bytes, one after the other."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        """So many bytes."""
        taken = self.data[self.at:self.at + count]
        if len(taken) != count:
            raise Failed(f"{count} bytes wanted at {self.at} of {len(self.data)}")
        self.at += count
        return taken

    def number(self, form):
        """A number, as `struct` calls it."""
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def wide(self):
        """A text in UTF-16 with its end."""
        units = []
        while (unit := self.take(2)) != b"\0\0":
            units.append(unit)
        return b"".join(units).decode("utf-16-le")

    def narrow(self):
        """A text in bytes with its end."""
        end = self.data.index(b"\0", self.at)
        return self.take(end + 1 - self.at)[:-1].decode("latin-1")

    def rest(self):
        """All that is left."""
        return self.take(len(self.data) - self.at)


class Answer:
    """A response: `headers`, `cookies` set by it, the `tags` of its inner stream, and its `body`."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.raw = response.read()
        code = response.headers.get("X-ResponseCode")
        self.code = None if code is None else int(code)
        self.cookies = dict(
            re.match(r"([^=]+)=([^;]*)", field).groups()
            for field in response.headers.get_all("Set-Cookie", []))
        self.tags, self.body, self.late = [], self.raw, {}
        if response.headers.get("Content-Type") == "application/mapi-http":
            self._unpack()

    def _unpack(self):
        rest = self.raw
        while True:
            tag, _, rest = rest.partition(b"\r\n")
            self.tags.append(tag.decode())
            if tag == b"DONE":
                break
            if tag not in (b"PROCESSING", b"PENDING"):
                raise Failed(f"no such tag: {tag!r}")
        head, _, self.body = rest.partition(b"\r\n\r\n")
        self.late = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))


class Outlook:
    """One client with one account; `port` is that of HTTPS."""

    def __init__(self, host, port, account, user=None):
        self.host, self.port, self.account = host, port, account
        word = f"{user or account.address}:{account.password}"
        self.authorization = "Basic " + base64.b64encode(word.encode()).decode()
        self.cookies = {}
        self.client, self.counter = uuid.uuid4(), 0
        self.connection = None
        self.path = "/mapi/emsmdb/?MailboxId=x@" + account.address.split("@")[1]

    def fresh(self):
        """A new connection; the session is not bound to one."""
        context = ssl._create_unverified_context()  # noqa: SLF001 — the certificate is self-signed.
        self.connection = http.client.HTTPSConnection(
            self.host, self.port, timeout=SECONDS, context=context)
        return self.connection

    def send(self, method, path, body=b"", headers=()):
        """Any request, with credentials unless `headers` say otherwise; None takes a header away."""
        all_headers = {"Authorization": self.authorization} | dict(headers)
        all_headers = {name: value for name, value in all_headers.items() if value is not None}
        connection = self.connection or self.fresh()
        try:
            connection.request(method, path, body, all_headers)
            return Answer(connection.getresponse())
        except (http.client.HTTPException, OSError):
            self.connection = None
            raise

    def ask(self, kind, body=b"", path=None, **changed):
        """One request of the protocol, as Outlook sends it; `changed` are headers with `_` for `-`."""
        self.counter += 1
        headers = {
            "Content-Type": "application/mapi-http",
            "X-RequestType": kind,
            "X-RequestId": f"{{{self.client}}}:{self.counter}",
            "X-ClientInfo": f"{{{self.client}}}:{self.counter}",
            "X-ClientApplication": "Outlook/16.0.15928.20006",
            "User-Agent": "Microsoft Office/16.0 (Windows NT 10.0; MAPI 16.0.15928; Pro)",
        }
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers |= {name.replace("_", "-"): value for name, value in changed.items()}
        answer = self.send("POST", path or self.path, body, headers)
        self.cookies |= answer.cookies
        return answer

    def discover(self, address=None, path="/autodiscover/autodiscover.xml"):
        """The settings of an address: the answer's XML as a tree."""
        body = (
            f'<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="{REQUESTS}"><Request>'
            f"<EMailAddress>{address or self.account.address}</EMailAddress>"
            f"<AcceptableResponseSchema>{SETTINGS}</AcceptableResponseSchema>"
            "</Request></Autodiscover>")
        headers = {"Content-Type": "text/xml", "X-MapiHttpCapability": "1"}
        answer = self.send("POST", path, body.encode(), headers)
        if answer.status != 200:
            raise Failed(f"autodiscover: {answer.status}")
        return xml.etree.ElementTree.fromstring(answer.body)

    def profile(self):
        """What Outlook makes a profile of: its name here, and the places of mailbox and address book."""
        found = self.discover()
        of = {"o": SETTINGS}
        self.name = found.findtext(".//o:LegacyDN", namespaces=of)
        mailbox = found.findtext(".//o:MailStore/o:ExternalUrl", namespaces=of)
        book = found.findtext(".//o:AddressBook/o:ExternalUrl", namespaces=of)
        self.path = "/" + mailbox.split("/", 3)[3]
        self.book = "/" + book.split("/", 3)[3]
        return found

    def connect(self, name=None, flags=0):
        """Begins a session; the error code and the display name."""
        name = (name or self.name).encode() + b"\0"
        body = name + struct.pack("<IIIII", flags, 1252, 0x409, 0x409, 0)
        answer = self.ask("Connect", body)
        if answer.code != 0:
            raise Failed(f"Connect: X-ResponseCode {answer.code}")
        reader = Reader(answer.body)
        status, code, _polls, _count, _delay = (reader.number("I") for _ in range(5))
        if status:
            raise Failed(f"Connect: status {status:#x}")
        reader.narrow()
        display = reader.wide()
        reader.take(reader.number("I"))
        if reader.rest():
            raise Failed("Connect: more than was to come")
        return code, display

    def execute(self, rops, handles, limit=MAX_OUT, flags=3):
        """Sends a list of operations; the answers as bytes, and the handles."""
        payload = struct.pack("<H", len(rops) + 2) + rops
        payload += b"".join(struct.pack("<I", handle) for handle in handles)
        buffer = struct.pack("<HHHH", 0, 4, len(payload), len(payload)) + payload
        body = struct.pack("<II", flags, len(buffer)) + buffer + struct.pack("<II", limit, 0)
        answer = self.ask("Execute", body)
        if answer.code != 0:
            raise Failed(f"Execute: X-ResponseCode {answer.code}")
        reader = Reader(answer.body)
        status = reader.number("I")
        if status:
            raise Failed(f"Execute: status {status:#x}")
        code, _flags = reader.number("I"), reader.number("I")
        buffers = Reader(reader.take(reader.number("I")))
        if code:
            raise Failed(f"Execute: {code:#x}")
        answers = b""
        while True:
            _version, kind, size, actual = (buffers.number("H") for _ in range(4))
            if kind & 3 or size != actual:
                raise Failed("asked for neither compressed nor hidden")
            payload = Reader(buffers.take(size))
            answers += payload.take(payload.number("H") - 2)
            handles = list(struct.unpack(f"<{len(payload.data[payload.at:]) // 4}I", payload.rest()))
            if kind & 4:
                break
        return Reader(answers), handles

    def log_on(self):
        """Opens one's own mailbox: its handle, and the ids of its thirteen special folders."""
        name = self.name.encode() + b"\0"
        rop = struct.pack("<BBBBIIH", 0xFE, 0, 0, 1, 0x0100040C, 0, len(name)) + name
        answers, handles = self.execute(rop, [NO_HANDLE])
        head(answers, 0xFE)
        answers.number("B")
        return handles[0], [answers.take(8) for _ in range(13)]

    def rows(self, logon, folder, columns, contents=True, depth=0):
        """All rows of a folder's table, in one request: open, ask for the table, choose columns, read."""
        number = 0x05 if contents else 0x04
        rops = b"\x02\0\0\x01" + folder + b"\0"
        rops += struct.pack("<BBBBB", number, 0, 1, 2, depth)
        rops += set_columns(columns)
        rops += struct.pack("<BBBBBH", 0x15, 0, 2, 0, 1, 50)
        answers, _ = self.execute(rops, [logon, NO_HANDLE, NO_HANDLE])
        head(answers, 0x02)
        answers.take(2)
        head(answers, number)
        count = answers.number("I")
        head(answers, 0x12)
        answers.number("B")
        head(answers, 0x15)
        answers.number("B")
        rows = [row(answers, columns) for _ in range(answers.number("H"))]
        if len(rows) != min(count, 50):
            raise Failed(f"{len(rows)} rows of {count}")
        return rows

    def sorted_table(self, logon, folder, columns, order, levels=0):
        """Opens a folder's table, sorted by a column, under so many levels of headings; its handles
        and the first rows."""
        rops = b"\x02\0\0\x01" + folder + b"\0"
        rops += struct.pack("<BBBBB", 0x05, 0, 1, 2, 0x40)
        rops += set_columns(columns)
        rops += struct.pack("<BBBBHHHIB", 0x13, 0, 2, 0, 1, levels, levels, order, 0)
        rops += struct.pack("<BBBBBH", 0x15, 0, 2, 0, 1, 50)
        answers, handles = self.execute(rops, [logon, NO_HANDLE, NO_HANDLE])
        head(answers, 0x02)
        answers.take(2)
        head(answers, 0x05)
        answers.number("I")
        for number in (0x12, 0x13):
            head(answers, number)
            answers.number("B")
        head(answers, 0x15)
        answers.number("B")
        return handles, [row(answers, columns) for _ in range(answers.number("H"))]

    def reread(self, handles, columns):
        """The rows of a table that is open, from its beginning."""
        rops = struct.pack("<BBBBiB", 0x18, 0, 2, 0, 0, 0)
        rops += struct.pack("<BBBBBH", 0x15, 0, 2, 0, 1, 50)
        answers, _ = self.execute(rops, handles)
        head(answers, 0x18)
        answers.take(5)
        head(answers, 0x15)
        answers.number("B")
        return [row(answers, columns) for _ in range(answers.number("H"))]

    def news_of_table(self, handles, columns):
        """What became of the rows of an open table: events as numbers, each with its row or None."""
        answers, _ = self.execute(b"", handles)
        told = []
        while answers.at < len(answers.data):
            notify, handle, _logon, kind = (answers.number(form) for form in "BIBH")
            event = answers.number("H")
            if (notify, handle, kind & 0x0FFF) != (0x2A, handles[2], 0x0100):
                raise Failed(f"operation {notify:#x} of {handle:#x}: {kind:#x}")
            if event in (3, 4, 5):
                answers.take(20)  # Folder, message and instance of the row.
            found = None
            if event in (3, 5):
                answers.take(20)  # Those of the row before.
                found = row(Reader(answers.take(answers.number("H"))), columns)
            told.append((event, found))
        return told

    def message(self, logon, folder, message, columns):
        """Properties of a message."""
        rops = b"\x03\0\0\x01" + struct.pack("<H", 1252) + folder + b"\0" + message
        rops += struct.pack("<BBBHHH", 0x07, 0, 1, 0, 1, len(columns))
        rops += b"".join(struct.pack("<I", column) for column in columns)
        answers, _ = self.execute(rops, [logon, NO_HANDLE])
        head(answers, 0x03)
        answers.number("B")
        for _ in range(2):  # The subject's prefix, and what follows it.
            kind = answers.number("B")
            _ = answers.wide() if kind == 4 else answers.narrow() if kind in (2, 3) else ""
        answers.number("H")
        for _ in range(answers.number("H")):  # The columns that recipients have besides.
            answers.number("I")
        for _ in range(answers.number("B")):
            answers.take(5)
            answers.take(answers.number("H"))
        head(answers, 0x07)
        return row(answers, columns)


def set_columns(columns):
    """Chooses the columns of the table whose handle is the third."""
    chosen = b"".join(struct.pack("<I", column) for column in columns)
    return struct.pack("<BBBBH", 0x12, 0, 2, 0, len(columns)) + chosen


def head(reader, number):
    """The beginning of an operation's answer, which must be a success."""
    found, _, code = reader.number("B"), reader.number("B"), reader.number("I")
    if found != number or code:
        raise Failed(f"operation {number:#04x}: {found:#04x} said {code:#010x}")


def row(reader, columns):
    """A row: values by their columns; what is missing is None."""
    is_flagged = reader.number("B")
    found = {}
    for column in columns:
        outcome = reader.number("B") if is_flagged else 0
        if outcome == 0:
            found[column] = value(reader, column & 0xFFFF)
        else:
            found[column] = None
            _ = reader.number("I") if outcome == 0x0A else None
    return found


def value(reader, kind):
    """A value by its type."""
    if kind == 0x001F:
        return reader.wide()
    if kind == 0x0014:
        return reader.take(8)
    if kind == 0x0003:
        return reader.number("i")
    if kind == 0x000B:
        return bool(reader.number("B"))
    if kind in (0x0102, 0x00FB):
        return reader.take(reader.number("H"))
    if kind == 0x0048:
        return reader.take(16)
    if kind == 0x101F:
        return [reader.wide() for _ in range(reader.number("I"))]
    forms = {0x0002: "h", 0x0005: "d", 0x0040: "Q"}
    if kind in forms:
        return reader.number(forms[kind])
    raise Failed(f"type {kind:#06x}")
