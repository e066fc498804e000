"""Messages as a MAPI client reads and writes them: whole, with recipients, files and messages within.

`Mailbox.read` and `Mailbox.write` are each other's counterpart. Like `outlook`, written from the specifications
and byte by byte; it knows nothing of the server's code.
"""

import dataclasses
import struct

from outlook import DISPLAY_NAME, FID, MID, NO_HANDLE, Failed, Reader, head, row, value

TO, CC, BCC = 1, 2, 3
BODY_TEXT, HTML, RTF = 0x1000001F, 0x10130102, 0x10090102
DATA, METHOD, NUMBER = 0x37010102, 0x37050003, 0x0E210003
BY_VALUE, EMBEDDED = 1, 5
FIRST_NAMED = 0x8000
# PS_INTERNET_HEADERS, PS_PUBLIC_STRINGS, PSETID_Common.
INTERNET_HEADERS = bytes.fromhex("8603020000000000c000000000000046")
PUBLIC_STRINGS = bytes.fromhex("2903020000000000c000000000000046")
COMMON = bytes.fromhex("0820060000000000c000000000000046")
# Bytes of values that go with others in one request, and of a piece of a stream.
TOGETHER, PIECE = 8_000, 30_000
TOO_LONG = 0x8007000E
NAMES_AT_ONCE = 100


@dataclasses.dataclass
class Message:
    """All of a message."""

    values: dict
    # Kind, name and address of each.
    recipients: list
    attachments: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Attachment:
    """A file, or a message in `embedded`."""

    values: dict
    embedded: Message | None = None


class Mailbox:
    """An open mailbox of an `Outlook` with a session."""

    def __init__(self, outlook):
        self.outlook = outlook
        self.logon, self.folders = outlook.log_on()

    def one(self, rop, handle):
        """One operation on what a handle names: its answer, and the handle of what it opened."""
        answers, handles = self.outlook.execute(rop, [handle, NO_HANDLE])
        head(answers, rop[0])
        return answers, handles[1]

    def release(self, *handles):
        """Closes what is open; there is no answer to that."""
        rops = b"".join(struct.pack("<BBB", 0x01, 0, index) for index in range(len(handles)))
        self.outlook.execute(rops, list(handles))

    # Names.

    def identifiers(self, names, space):
        """The identifiers of names or numbers in a set, given if they have none."""
        found = []
        for start in range(0, len(names), NAMES_AT_ONCE):
            some = names[start:start + NAMES_AT_ONCE]
            rop = struct.pack("<BBBBH", 0x56, 0, 0, 2, len(some))
            for name in some:
                rop += name_of(name, space)
            answers, _ = self.one(rop, self.logon)
            found += [answers.number("H") for _ in range(answers.number("H"))]
        return dict(zip(names, found, strict=True))

    # Reading.

    def numbers(self, folder):
        """The numbers of all messages in a folder, the oldest first."""
        rops = b"\x02\0\0\x01" + folder + b"\0" + struct.pack("<BBBBB", 0x05, 0, 1, 2, 0)
        rops += struct.pack("<BBBBHI", 0x12, 0, 2, 0, 1, MID)
        answers, handles = self.outlook.execute(rops, [self.logon, NO_HANDLE, NO_HANDLE])
        head(answers, 0x02)
        answers.take(2)
        head(answers, 0x05)
        count = answers.number("I")
        found = []
        while len(found) < count:
            answers, _ = self.one(struct.pack("<BBBBBH", 0x15, 0, 0, 0, 1, 500), handles[2])
            answers.number("B")
            rows = answers.number("H")
            if not rows:
                raise Failed(f"{len(found)} rows of {count}")
            found += [row(answers, [MID])[MID] for _ in range(rows)]
        self.release(handles[1], handles[2])
        # They are given out one after the other.
        return sorted(found)

    def below(self, folder):
        """The folders in a folder: their numbers by their names."""
        found = self.outlook.rows(self.logon, folder, [DISPLAY_NAME, FID], contents=False)
        return {one[DISPLAY_NAME]: one[FID] for one in found}

    def read(self, folder, message):
        """All of a message, by its folder and its number."""
        handle = self.open(folder, message)
        found = self.read_open(handle)
        self.release(handle)
        return found

    def open(self, folder, message):
        """Opens a message to be changed too; its handle."""
        rop = b"\x03\0\0\x01" + struct.pack("<H", 0x0FFF) + folder + b"\x03" + message
        return self.one(rop, self.logon)[1]

    def read_open(self, handle):
        """All of a message that is open."""
        attachments = [self._attachment(handle, number) for number in self._numbers(handle)]
        return Message(self.values(handle), self._recipients(handle), attachments)

    def values(self, handle, streams=(BODY_TEXT, HTML, RTF)):
        """All properties of what is open; those of `streams` whole, however long they are."""
        answers, _ = self.one(struct.pack("<BBBHH", 0x08, 0, 0, 0, 1), handle)
        found, long = {}, []
        for _ in range(answers.number("H")):
            tag = answers.number("I")
            if tag & 0xFFFF == 0x000A:
                if answers.number("I") == TOO_LONG:
                    long += [stream for stream in streams if stream >> 16 == tag >> 16]
            else:
                found[tag] = value(answers, tag & 0xFFFF)
        for tag in long:
            data = self.stream(handle, tag)
            found[tag] = data.decode("utf-16-le") if tag & 0xFFFF == 0x1F else data
        return found

    def stream(self, handle, tag):
        """A value, read piece by piece."""
        answers, stream = self.one(struct.pack("<BBBBIB", 0x2B, 0, 0, 1, tag, 0), handle)
        size, data = answers.number("I"), b""
        while len(data) < size:
            answers, _ = self.one(struct.pack("<BBBH", 0x2C, 0, 0, PIECE), stream)
            piece = answers.take(answers.number("H"))
            if not piece:
                raise Failed(f"a stream of {size} bytes ended after {len(data)}")
            data += piece
        self.release(stream)
        return data

    def _recipients(self, handle):
        found, row = [], 0
        while True:
            rop = struct.pack("<BBBIH", 0x0F, 0, 0, row, 0)
            try:
                answers, _ = self.one(rop, handle)
            except Failed as refused:
                if "0x8004010f" in str(refused):  # There are no more.
                    return found
                raise
            for _ in range(answers.number("B")):
                row = answers.number("I") + 1
                kind, _page, _reserved = (answers.number(form) for form in "BHH")
                found.append((kind, *person(Reader(answers.take(answers.number("H"))))))

    def _numbers(self, handle):
        """The numbers of all attachments."""
        rops = struct.pack("<BBBBB", 0x21, 0, 0, 1, 0x40)
        rops += struct.pack("<BBBBHI", 0x12, 0, 1, 0, 1, NUMBER)
        rops += struct.pack("<BBBBBH", 0x15, 0, 1, 0, 1, 500)
        answers, handles = self.outlook.execute(rops, [handle, NO_HANDLE])
        head(answers, 0x21)
        head(answers, 0x12)
        answers.number("B")
        head(answers, 0x15)
        answers.number("B")
        found = []
        for _ in range(answers.number("H")):
            if answers.number("B") != 0:
                raise Failed("an attachment without a number")
            found.append(answers.number("I"))
        self.release(handles[1])
        return found

    def _attachment(self, message, number):
        rop = struct.pack("<BBBBBI", 0x22, 0, 0, 1, 0, number)
        _, handle = self.one(rop, message)
        found = Attachment(self.values(handle, streams=(DATA,)))
        if found.values.get(METHOD) == EMBEDDED:
            rop = struct.pack("<BBBBHB", 0x46, 0, 0, 1, 0x0FFF, 0)
            _, inner = self.one(rop, handle)
            found.embedded = self.read_open(inner)
            self.release(inner)
        self.release(handle)
        return found

    # Folders, and what is done to the messages in them.

    def open_folder(self, folder):
        """Opens a folder; its handle."""
        return self.one(b"\x02\0\0\x01" + folder + b"\0", self.logon)[1]

    def create_folder(self, parent, name, kind=1):
        """Makes a folder for messages (1) or for what a search finds (2); its number and its handle."""
        above = self.open_folder(parent)
        rop = struct.pack("<BBBBBBBB", 0x1C, 0, 0, 1, kind, 1, 0, 0) + wide(name) + wide("")
        answers, handle = self.one(rop, above)
        return answers.take(8), handle

    def delete_folder(self, parent, folder, flags=5):
        """Deletes a folder with all that is in it; with 0x10 for good."""
        answers, _ = self.one(struct.pack("<BBBB", 0x1D, 0, 0, flags) + folder, self.open_folder(parent))
        if answers.number("B"):
            raise Failed("some of it was not deleted")

    def move_folder(self, source, folder, target, name):
        """Moves a folder to another, under this name; a deleted one comes back."""
        handles = [self.open_folder(source), self.open_folder(target)]
        rop = struct.pack("<BBBBBB", 0x35, 0, 0, 1, 0, 1) + folder + wide(name)
        answers, _ = self.outlook.execute(rop, handles)
        self._whole(answers, 0x35)

    def deleted_below(self, folder):
        """The deleted folders below a folder, on all levels: their numbers by their names."""
        found = self.outlook.rows(self.logon, folder, [DISPLAY_NAME, FID], contents=False, depth=0x24)
        return {one[DISPLAY_NAME]: one[FID] for one in found}

    def search(self, handle, restriction, folders):
        """Says what a folder is to show: what fulfils a restriction in these folders."""
        rop = struct.pack("<BBBH", 0x30, 0, 0, len(restriction)) + restriction
        rop += struct.pack("<H", len(folders)) + b"".join(folders) + struct.pack("<I", 0x20002)
        self.one(rop, handle)

    def transfer(self, source, target, messages, copy=False):
        """Moves or copies messages from one folder to another."""
        handles = [self.open_folder(source), self.open_folder(target)]
        rop = struct.pack("<BBBBH", 0x33, 0, 0, 1, len(messages)) + b"".join(messages)
        rop += struct.pack("<BB", 0, copy)
        answers, _ = self.outlook.execute(rop, handles)
        self._whole(answers, 0x33)

    def mark(self, folder, messages, is_read):
        """Marks messages as read or unread, without telling their senders."""
        rop = struct.pack("<BBBBBH", 0x66, 0, 0, 0, 0x01 if is_read else 0x04, len(messages))
        answers, _ = self.one(rop + b"".join(messages), self.open_folder(folder))
        if answers.number("B"):
            raise Failed("some were not marked")

    def remove(self, folder, messages):
        """Deletes messages; they can be brought back."""
        rop = struct.pack("<BBBBBH", 0x1E, 0, 0, 0, 0, len(messages)) + b"".join(messages)
        answers, _ = self.one(rop, self.open_folder(folder))
        if answers.number("B"):
            raise Failed("some were not deleted")

    @staticmethod
    def _whole(answers, number):
        head(answers, number)
        if answers.number("B"):
            raise Failed(f"operation {number:#04x} was done in part")

    # Writing.

    def submit(self, handle):
        """Sends a message that was saved."""
        self.one(struct.pack("<BBBB", 0x32, 0, 0, 0), handle)

    def take_back(self, folder, message):
        """Takes back a message that waits to be sent."""
        self.one(struct.pack("<BBB", 0x34, 0, 0) + folder + message, self.logon)

    def create(self, folder):
        """A new message in a folder; its handle."""
        rop = b"\x06\0\0\x01" + struct.pack("<H", 0x0FFF) + folder + b"\0"
        return self.one(rop, self.logon)[1]

    def write(self, folder, message):
        """Keeps a new message with all that this one has; its number."""
        handle = self.create(folder)
        self.fill(handle, message)
        number = self.save(handle)
        self.release(handle)
        return number

    def fill(self, handle, message):
        """Puts all that a message has into one that is open."""
        self.set(handle, message.values)
        if message.recipients:
            self.address(handle, message.recipients)
        for attachment in message.attachments:
            self.attach(handle, attachment)

    def save(self, handle):
        """Keeps what is open; its number."""
        answers, _ = self.one(struct.pack("<BBBBB", 0x0C, 0, 0, 0, 0x0A), handle)
        answers.number("B")
        return answers.take(8)

    def set(self, handle, values):
        """Sets properties; the problems that the server tells by their tags. Long ones are written as streams."""
        short, problems = {}, {}
        for tag, one in values.items():
            packed = pack(tag & 0xFFFF, one)
            if len(packed) < TOGETHER:
                short[tag] = packed
            else:
                self.write_stream(handle, tag, one)
        some, size = [], 0
        for tag, packed in short.items():
            some.append(struct.pack("<I", tag) + packed)
            size += len(packed)
            if size > TOGETHER:
                problems |= self._set(handle, some)
                some, size = [], 0
        return problems | self._set(handle, some)

    def _set(self, handle, packed):
        body = struct.pack("<H", len(packed)) + b"".join(packed)
        rop = struct.pack("<BBBH", 0x0A, 0, 0, len(body)) + body
        answers, _ = self.one(rop, handle)
        problems = {}
        for _ in range(answers.number("H")):
            answers.number("H")
            tag = answers.number("I")
            problems[tag] = answers.number("I")
        return problems

    def delete(self, handle, *tags):
        """Takes properties away."""
        rop = struct.pack("<BBBH", 0x0B, 0, 0, len(tags)) + struct.pack(f"<{len(tags)}I", *tags)
        self.one(rop, handle)

    def write_stream(self, handle, tag, one):
        """Writes a value piece by piece."""
        data = one.encode("utf-16-le") if tag & 0xFFFF == 0x1F else one
        _, stream = self.one(struct.pack("<BBBBIB", 0x2B, 0, 0, 1, tag, 2), handle)
        for start in range(0, len(data), PIECE):
            piece = data[start:start + PIECE]
            self.one(struct.pack("<BBBH", 0x2D, 0, 0, len(piece)) + piece, stream)
        self.one(struct.pack("<BBB", 0x5D, 0, 0), stream)
        self.release(stream)

    def address(self, handle, recipients):
        """Sets who a message is to."""
        for start in range(0, len(recipients), NAMES_AT_ONCE):
            some = list(enumerate(recipients))[start:start + NAMES_AT_ONCE]
            rop = struct.pack("<BBBHH", 0x0E, 0, 0, 0, len(some))
            for row, (kind, name, address) in some:
                told = struct.pack("<H", 0x025B) + wide(address) + wide(name) + b"\0\0\0"
                rop += struct.pack("<IBH", row, kind, len(told)) + told
            self.one(rop, handle)

    def attach(self, message, attachment):
        """Attaches a file or a message."""
        _, handle = self.one(struct.pack("<BBBB", 0x23, 0, 0, 1), message)
        self.set(handle, attachment.values)
        if attachment.embedded is not None:
            _, inner = self.one(struct.pack("<BBBBHB", 0x46, 0, 0, 1, 0x0FFF, 2), handle)
            self.fill(inner, attachment.embedded)
            self.save(inner)
            self.release(inner)
        self.one(struct.pack("<BBBBB", 0x25, 0, 0, 0, 0x0A), handle)
        self.release(handle)


def name_of(name, space):
    """A property's name, by a text or a number."""
    if isinstance(name, int):
        return b"\0" + space + struct.pack("<I", name)
    return b"\x01" + space + struct.pack("<B", len(wide(name))) + wide(name)


def wide(text):
    """A text in UTF-16 with its end."""
    return text.encode("utf-16-le", "surrogatepass") + b"\0\0"


def person(row):
    """Name and address in a recipient's row."""
    flags = row.number("H")
    kind, text = flags & 7, row.wide if flags & 0x0200 else row.narrow
    address = None
    if kind == 1:
        row.take(2)
        address = row.narrow()
    elif kind == 0 and flags & 0x8000:
        row.narrow()
    elif kind not in (0, 3):
        raise Failed(f"a recipient of kind {kind}")
    if flags & 0x0008:
        address = text()
    name = text() if flags & 0x0010 else None
    return name, address


def pack(kind, one):
    """A value by its type, as it is written."""
    if kind == 0x001F:
        return wide(one)
    if kind == 0x101F:
        return struct.pack("<I", len(one)) + b"".join(map(wide, one))
    if kind in (0x0102, 0x00FB):
        return struct.pack("<H", len(one)) + one if len(one) < 0x10000 else one
    if kind in (0x0014, 0x0048):
        return one
    if kind == 0x000B:
        return struct.pack("<B", one)
    forms = {0x0002: "<h", 0x0003: "<i", 0x0005: "<d", 0x0040: "<Q"}
    if kind not in forms:
        raise Failed(f"type {kind:#06x}")
    return struct.pack(forms[kind], one)
