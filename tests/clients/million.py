"""A folder of a million letters, and how long it takes to work with it: told, not judged.

`make million` runs it; `--letters` says how many. Everything is in a folder of its own, which is removed at the end.
"""

import argparse
import os
import random
import re
import statistics
import sys
import tempfile
import threading
import time

import clients
from server import Server

LETTERS_AT_ONCE = 200
WORDS, WORDS_IN_LETTER = 20_000, 150
# In so many letters of all, evenly spread, stands a word of their own.
RARE, RARE_LETTERS = "quetzalcoatlus", 5
NEWEST, CHANGED = 50, 100
# What can wait is begun after five quiet seconds; the collector then takes its time.
CALM_SECONDS, CALM_SECONDS_MAX, CALM_SHARE = 10, 1800, 0.1
TICKS = os.sysconf("SC_CLK_TCK")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--facteur", required=True, help="the program")
    arguments.add_argument("--letters", type=int, default=1_000_000)
    arguments = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="facteur-million-") as folder:
        server = Server(os.path.abspath(arguments.facteur), folder).prepare()
        account = server.account()
        server.start()
        try:
            with Memory(server.process.pid) as memory:
                measure(server, account, arguments.letters, memory)
        finally:
            server.stop()


def measure(server, account, letters, memory):
    began = time.monotonic()
    fill(server, account, letters)
    seconds = time.monotonic() - began
    told("filled by APPEND", f"{letters / seconds:,.0f} letters/s, at most {memory.peak()} MiB")
    told("until little is left to do", f"{calm(server.process.pid):.0f} s more, at most {memory.peak()} MiB")
    with signed_in(server, account) as imap:
        first = once(imap, "SELECT INBOX")
        told("SELECT, first and again", f"{first}, {milliseconds(imap, 'SELECT INBOX')}", "50 ms")
        newest = f"FETCH {letters - NEWEST + 1}:* (UID FLAGS ENVELOPE)"
        told(f"FETCH of the newest {NEWEST} envelopes", milliseconds(imap, newest), "50 ms")
        told("APPEND", milliseconds(imap, "APPEND INBOX {}", letter(letters, letters)), "10 ms over its fsync")
    resynchronize(server, account, letters)
    with signed_in(server, account) as imap:
        imap.command("SELECT INBOX")
        for question in (f"TEXT {RARE}", "TEXT pterodactylus", "FROM ann7@", "SUBJECT nosuchsubject", "UNSEEN"):
            first, again = once(imap, f"SEARCH {question}"), milliseconds(imap, f"SEARCH {question}")
            goal = "200 ms" if question.startswith("TEXT") else ""
            told(f"SEARCH {question}, first and again", f"{first}, {again}", goal)
        found = imap.command(f"SEARCH TEXT {RARE}")[0].split()[2:]
        assert len(found) == RARE_LETTERS, found
        for command in ("SORT (SUBJECT) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL"):
            told(f"{command.split(' UTF')[0]}, first and again", f"{once(imap, command)}, {once(imap, command)}")
    told("memory of the process at most", f"{memory.peak()} MiB", "500 MiB")


def fill(server, account, letters):
    with signed_in(server, account) as imap:
        for start in range(0, letters, LETTERS_AT_ONCE):
            batch = [letter(number, letters) for number in range(start, min(start + LETTERS_AT_ONCE, letters))]
            imap.command("APPEND INBOX" + " (\\Seen) {}" * len(batch), *batch)


def resynchronize(server, account, letters):
    """QRESYNC after some letters were changed by another session."""
    with signed_in(server, account) as imap:
        imap.command("ENABLE QRESYNC")
        state = b"".join(imap.command("SELECT INBOX"))
        validity = int(re.search(rb"UIDVALIDITY (\d+)", state)[1])
        known = int(re.search(rb"HIGHESTMODSEQ (\d+)", state)[1])
        step = max(letters // CHANGED, 1)
        spread = ",".join(str(1 + number * step) for number in range(min(CHANGED, letters)))
        imap.command(f"STORE {spread} +FLAGS.SILENT (\\Flagged)")
    with signed_in(server, account) as imap:
        imap.command("ENABLE QRESYNC")
        question = f"SELECT INBOX (QRESYNC ({validity} {known}))"
        told(f"QRESYNC after {CHANGED} changes", milliseconds(imap, question), "50 ms")


def letter(number, letters):
    """Some 1,500 bytes, always the same ones for a number."""
    dice = random.Random(number)
    words = [f"word{int(WORDS * dice.random() ** 3)}" for _ in range(WORDS_IN_LETTER)]
    if number % max(letters // RARE_LETTERS, 1) == 0 and number < letters:
        words.append(RARE)
    lines = "\r\n".join(" ".join(words[at:at + 10]) for at in range(0, len(words), 10))
    parent = f"In-Reply-To: <{number - 1 - number % 7}@example.test>\r\n" if number % 4 else ""
    return (
        f"From: Ann {number % 1000} <ann{number % 1000}@example.test>\r\nTo: Bob <bob@example.test>\r\n"
        f"Subject: {words[0]} {words[1]} {number % 5000}\r\nMessage-ID: <{number}@example.test>\r\n{parent}"
        f"Date: {number % 28 + 1} Mar {2000 + number % 25} 10:{number % 60:02}:00 +0000\r\n\r\n{lines}\r\n"
    ).encode()


def signed_in(server, account):
    return clients.Imap(server.ports["imaps"], account, timeout=600)


def milliseconds(imap, command, *literals):
    """The median of some."""
    return f"{statistics.median(took(imap, command, *literals) for _ in range(9)):.1f} ms"


def once(imap, command):
    return f"{took(imap, command):.1f} ms"


def took(imap, command, *literals):
    began = time.perf_counter()
    imap.command(command, *literals)
    return (time.perf_counter() - began) * 1000


def told(what, measured, goal=""):
    print(f"{what:<45} {measured:<40} {'goal ' + goal if goal else ''}", flush=True)


def calm(process):
    """Waits until the server has little left to do, and answers how many seconds that took."""
    began, before = time.monotonic(), cpu_seconds(process)
    while time.monotonic() - began < CALM_SECONDS_MAX:
        time.sleep(CALM_SECONDS)
        before, used = cpu_seconds(process), cpu_seconds(process) - before
        if used < CALM_SECONDS * CALM_SHARE:
            break
    return time.monotonic() - began


def cpu_seconds(process):
    with open(f"/proc/{process}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Memory:
    """Looks at the process again and again until the end of the block."""

    def __init__(self, process):
        self.process, self.most, self.over = process, 0, threading.Event()
        self.looking = threading.Thread(target=self.look)

    def look(self):
        while not self.over.wait(0.5):
            with open(f"/proc/{self.process}/smaps_rollup", encoding="ascii") as file:
                self.most = max(self.most, int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M)[1]))

    def peak(self):
        """The most that belonged to it so far, in MiB (proportional set size)."""
        return self.most // 1024

    def __enter__(self):
        self.looking.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.looking.join()


if __name__ == "__main__":
    sys.exit(main())
