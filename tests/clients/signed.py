"""A name server whose answers are signed: one zone, the root, with a key that a test makes.

ECDSA with P-256 (algorithm 13) by the `openssl` program. What is not there is denied for each name by itself: the
name exists and has only these types (RFC 9824), which needs no order of names.
"""

import base64
import struct
import subprocess
import time

from names import TYPES, Names, record, written

TYPES |= {"SOA": 6, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "TLSA": 52}
ALGORITHM = 13
TTL = 1
SECONDS = 20
DAY = 86_400
# An answer with authority, whose signatures this server vouches for: for those who check none (RFC 4035 §3.2.3).
AUTHENTIC = 0x85A0


class SignedNames(Names):
    """Answers like `Names`, with signatures for who wants them. Names in `forged` have wrong ones."""

    def __init__(self, folder, host="127.0.0.1", port=0):
        self.key = folder + "/zone.key"
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key)
        public = openssl("ec", "-in", self.key, "-pubout", "-outform", "DER")[-64:]
        self.dnskey = struct.pack(">HBB", 257, 3, ALGORITHM) + public
        self.forged = set()
        self.anchor = folder + "/anchor.key"
        with open(self.anchor, "w", encoding="ascii") as file:
            file.write(f". 3600 IN DNSKEY 257 3 {ALGORITHM} {base64.b64encode(public).decode()}\n")
        self.signed = {}
        super().__init__(host, port)

    def configuration(self):
        """The table of facteur's configuration that names this server and its key."""
        return super().configuration().replace('"off"', '"on"') + f'trust_anchor = "{self.anchor}"\n'

    def _answer(self, question, name, kind, end):
        zone = {"": {"DNSKEY": [self.dnskey], "SOA": [soa()]}} | self.zone
        wanted = next((text for text, number in TYPES.items() if number == kind), None)
        values = zone.get(name, {}).get(wanted, [])
        records = self._set(name, wanted, values) if values else []
        denial = [] if values else self._denial(name, zone)
        header = question[:2] + struct.pack(">HHHHH", AUTHENTIC, 1, len(records), len(denial), 1)
        options = b"\0" + struct.pack(">HHIH", 41, 1232, 0x8000, 0)  # EDNS with DO.
        return header + question[12:end] + b"".join(records + denial) + options

    def _set(self, name, kind, values):
        """The records of a set with their signature."""
        records = [record(name, kind, value) for value in values]
        return records + [self._signature(name, kind, records)]

    def _denial(self, name, zone):
        """What proves that there is nothing more of this name."""
        numbers = {TYPES[kind] for kind in zone.get(name, {})} | {TYPES["RRSIG"], TYPES["NSEC"]}
        bits = bytearray(max(numbers) // 8 + 1)
        for number in numbers:
            bits[number // 8] |= 0x80 >> number % 8
        following = b"\1\0" + written(name)
        nsec = following + bytes([0, len(bits)]) + bytes(bits)
        return self._set("", "SOA", [soa()]) + self._set(name, "NSEC", [nsec])

    def _signature(self, name, kind, records):
        """The RRSIG of a set (RFC 4034 §3.1)."""
        known = (name, kind, name in self.forged, *records)
        if known not in self.signed:
            self.signed[known] = self._sign_set(name, kind, records)
        return self.signed[known]

    def _sign_set(self, name, kind, records):
        now = int(time.time())
        labels = len([label for label in name.split(".") if label])
        rdata = struct.pack(">HBBIIIH", TYPES[kind], ALGORITHM, labels, TTL, now + DAY, now - DAY,
                            self._key_tag()) + b"\0"
        signature = self._sign(rdata + b"".join(sorted(records)))
        if name in self.forged:
            signature = signature[:-1] + bytes([signature[-1] ^ 1])
        data = rdata + signature
        return written(name) + struct.pack(">HHIH", TYPES["RRSIG"], 1, TTL, len(data)) + data

    def _key_tag(self):
        """RFC 4034 appendix B."""
        total = sum(byte << 8 if at % 2 == 0 else byte for at, byte in enumerate(self.dnskey))
        return (total + (total >> 16)) & 0xFFFF

    def _sign(self, data):
        """r and s, 32 bytes each, out of the DER that openssl writes."""
        der = openssl("dgst", "-sha256", "-sign", self.key, stdin=data)
        at, numbers = 2, []
        for _ in range(2):
            length = der[at + 1]
            number = der[at + 2:at + 2 + length].lstrip(b"\0")
            numbers.append(number.rjust(32, b"\0"))
            at += 2 + length
        return b"".join(numbers)


def soa():
    """The root's SOA."""
    return written("ns.root") + written("hostmaster.root") + struct.pack(">IIIII", 1, 60, 60, 60, 60)


def tlsa_of(certificate):
    """A TLSA record that names the key of a certificate: usage 3, selector 1, SHA-256."""
    public = openssl("x509", "-in", certificate, "-noout", "-pubkey")
    der = openssl("pkey", "-pubin", "-outform", "DER", stdin=public)
    return bytes([3, 1, 1]) + openssl("dgst", "-sha256", "-binary", stdin=der)


def openssl(*arguments, stdin=b""):
    """What the program writes."""
    done = subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=True, timeout=SECONDS)
    return done.stdout
