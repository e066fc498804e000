#!/usr/bin/python3
"""Judges every DKIM signature of a letter with dkimpy: `dkimpy_says.py ZONE.json < LETTER`.

The zone maps names to texts. One line for each signature: its algorithm, and `True` or `False`.
Runs with the system's Python, for which Debian's python3-dkim is made.
"""

import json
import sys

import dkim


def main():
    """Prints the verdicts."""
    with open(sys.argv[1], encoding="utf-8") as file:
        zone = json.load(file)
    letter = sys.stdin.buffer.read()

    def text(name, timeout=0):
        return zone.get(name.decode().rstrip("."), "").encode() or None

    judge = dkim.DKIM(letter)
    fields = [value for name, value in judge.headers if name.lower() == b"dkim-signature"]
    for at, field in enumerate(fields):
        algorithm = field.split(b"a=")[1].split(b";")[0].decode()
        try:
            holds = judge.verify(at, dnsfunc=text)
        except dkim.DKIMException as fault:
            holds = fault
        print(algorithm, holds)


main()
