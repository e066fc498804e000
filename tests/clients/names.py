"""A small name server for tests: UDP, one zone, no recursion, nothing but what it was given."""

import socket
import struct
import threading

TYPES = {"A": 1, "CNAME": 5, "MX": 15, "TXT": 16, "AAAA": 28}
NXDOMAIN = 3


class Names:
    """Answers on an address of loopback until closed.

    `zone` maps a name to `{"MX": [(10, "mx.b.test")], "A": ["127.0.0.2"]}`; it may be changed at any time.
    With `silent` set it hears every question and answers none.
    """

    def __init__(self, host="127.0.0.1", port=0):
        self.zone = {}
        self.silent = False
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.address = "%s:%d" % self.socket.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()

    def configuration(self):
        """The table of facteur's configuration that names this server."""
        return f'[dns]\nservers = ["{self.address}"]\ndnssec = "off"\n'

    def close(self):
        """Stops answering."""
        self.socket.close()

    def _serve(self):
        while True:
            try:
                question, client = self.socket.recvfrom(4096)
                name, kind, end = read_question(question)
                self.asked.append((name, kind))
                if not self.silent:
                    self.socket.sendto(self._answer(question, name, kind, end), client)
            except OSError:  # Closed.
                return

    def _answer(self, question, name, kind, end):
        records, code = [], 0
        wanted = next((text for text, number in TYPES.items() if number == kind), None)
        known = self.zone.get(name)
        if known is None:
            code = 0 if any(other.endswith("." + name) for other in self.zone) else NXDOMAIN
        elif "CNAME" in known and wanted != "CNAME":
            target = known["CNAME"][0]
            records.append(record(name, "CNAME", target))
            values = self.zone.get(target, {}).get(wanted, [])
            records += [record(target, wanted, value) for value in values]
        else:
            records = [record(name, wanted, value) for value in known.get(wanted, [])]
        header = question[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, len(records), 0, 0)
        return header + question[12:end] + b"".join(records)


def read_question(message):
    """Name and type of the first question, and where it ends."""
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode("ascii").lower())
        at += 1 + message[at]
    return ".".join(labels), struct.unpack(">H", message[at + 1:at + 3])[0], at + 5


def written(name):
    """A name in wire form; the root is empty."""
    labels = [label for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def record(name, kind, value):
    """One resource record that may be kept for a second."""
    if kind == "A":
        data = socket.inet_pton(socket.AF_INET, value)
    elif kind == "AAAA":
        data = socket.inet_pton(socket.AF_INET6, value)
    elif kind == "MX":
        data = struct.pack(">H", value[0]) + written(value[1])
    elif kind == "TXT":
        text = value.encode()
        pieces = [text[at:at + 255] for at in range(0, len(text), 255)]
        data = b"".join(bytes([len(piece)]) + piece for piece in pieces)
    elif isinstance(value, bytes):
        data = value
    else:
        data = written(value)
    return written(name) + struct.pack(">HHIH", TYPES[kind], 1, 1, len(data)) + data
