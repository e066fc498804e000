"""SMTP smuggling: only CRLF.CRLF ends a letter, and a letter never holds bare CR, bare LF or NUL.

Each case puts a false end of data into a letter, followed by a second letter with a forged sender. Cases:
every prefix with every dot and every suffix, 256 in all, sent by DATA whole, by DATA byte by byte, and by BDAT.
Background: CVE-2023-51764, -51765, -51766; VU#302671.
"""

import itertools
import re

import clients
import letters

PREFIXES = (b"\n", b"\r", b"\r\n", b"\r\r\n", b"\r\n\0", b"\n\0", b"\r\n ", b"\n\r")
DOTS = (b".", b"..", b". ", b".\0")
SUFFIXES = (b"\n", b"\r", b"\r\n", b"\r\r\n", b"\0\r\n", b"\n\r", b" \r\n", b"\x0b\n")
CASES = tuple(itertools.product(PREFIXES, DOTS, SUFFIXES))
END = b"\r\n.\r\n"
# Byte by byte costs a segment for each byte: a spread of the cases is enough to hit every split.
SLOW_STEP = 16


class Post:
    """The account that is written to honestly and the one that smuggling aims at."""

    def __init__(self, server):
        self.server = server
        self.honest = server.account()
        self.victim = server.account()

    def content(self, number, prefix, dot, suffix):
        """A letter that hides a second one behind a false end, and the true end."""
        second = (
            f"MAIL FROM:<forged-{number}@elsewhere.test>\r\nRCPT TO:<{self.victim.address}>\r\n"
            f"DATA\r\nSubject: smuggled {number}\r\n\r\nevil"
        ).encode()
        first = f"Subject: first {number}\r\n\r\nhello".encode()
        return first + prefix + dot + suffix + second

    def subjects(self, account):
        """The subjects in an account's INBOX."""
        with clients.Imap(self.server.ports["imaps"], account) as imap:
            return [letters.subject(body) for _, body in imap.bodies()]

    def stored(self, account):
        """The letters in an account's INBOX, without what was added on delivery."""
        with clients.Imap(self.server.ports["imaps"], account) as imap:
            return [letters.behind_trace(body)[1] for _, body in imap.bodies()]

    def check(self, allowed_first, allowed_second):
        """Nothing came but what the model of a strict server allows, each once, and all of it clean."""
        got_first, got_second = self.subjects(self.honest), self.subjects(self.victim)
        assert len(got_first) == len(set(got_first)), "a letter was stored twice"
        wrong = set(got_first) - {f"first {n}" for n in allowed_first}
        wrong |= set(got_second) - {f"smuggled {n}" for n in allowed_second}
        assert not wrong, sorted(wrong)
        for letter in self.stored(self.honest) + self.stored(self.victim):
            assert not letters.must_be_refused(letter), letter
        missing = {f"first {n}" for n in allowed_first} - set(got_first)
        assert not missing, f"honest letters were refused: {sorted(missing)}"


def truly_ends(content):
    """Where a strict server sees the end of data inside `content`, or None."""
    at = content.find(END)
    return at if at >= 0 else None


def allowed(post):
    """Which first and second letters a strict server stores when all is sent by DATA."""
    first, second = set(), set()
    for number, case in enumerate(CASES):
        content = post.content(number, *case)
        end = truly_ends(content + END)
        letter = content[:end] + b"\r\n"
        if not letters.must_be_refused(letter):
            first.add(number)
        if end < len(content):
            second.add(number)  # The sender itself ended its letter: what follows are its own commands.
    return first, second


def by_data(post, number, case, piece=None):
    """Sends one case with DATA; `piece` is how many bytes go into a segment."""
    with clients.Smtp(post.server.ports["smtp"]) as smtp:
        smtp.envelope(f"honest-{number}@elsewhere.test", [post.honest.address])
        smtp.command("DATA")
        out = post.content(number, *case) + END + b"QUIT\r\n"
        try:
            for at in range(0, len(out), piece or len(out)):
                smtp.send(out[at:at + (piece or len(out))])
        except OSError:
            pass  # The server has closed on what it saw.
        return smtp.rest()


def test_no_false_end_of_data_ends_a_letter(server):
    post = Post(server)
    for number, case in enumerate(CASES):
        by_data(post, number, case)
    first, second = allowed(post)
    # A server may also close after a refused letter; what was allowed to follow need not have come.
    post.check(first, second)
    return f"{len(CASES)} cases, {len(first)} honest letters"


def test_no_split_over_segments_makes_a_false_end(server):
    post = Post(server)
    first, second = allowed(post)
    numbers = range(0, len(CASES), SLOW_STEP)
    for number in numbers:
        by_data(post, number, CASES[number], piece=1)
    post.check(first & set(numbers), second & set(numbers))


def test_bdat_content_is_never_commands(server):
    post = Post(server)
    clean = set()
    for number, case in enumerate(CASES):
        content = post.content(number, *case) + b"\r\n"
        if not letters.must_be_refused(content):
            clean.add(number)
        with clients.Smtp(server.ports["smtp"]) as smtp:
            smtp.envelope(f"honest-{number}@elsewhere.test", [post.honest.address])
            try:
                smtp.chunk(content)
            except (clients.Refused, EOFError, OSError):
                assert number not in clean, f"a clean letter was refused: {case}"
    post.check(clean, set())


def test_commands_before_the_greeting_are_refused(server):
    account = server.account()
    with clients.Connection(server.ports["smtp"]) as connection:
        connection.send(
            b"EHLO early\r\nMAIL FROM:<a@elsewhere.test>\r\n"
            + f"RCPT TO:<{account.address}>\r\nDATA\r\nSubject: early\r\n\r\n.\r\nQUIT\r\n".encode()
        )
        told = connection.rest()
    post = Post(server)
    # Whether the greeting was faster than the client is up to the network, so both are right; a letter that
    # was told to be stored must be there, and one that was refused must not.
    codes = re.findall(rb"(?m)^(\d{3}) ", told)
    stored = len(post.subjects(account))
    assert stored == (1 if codes.count(b"250") >= 4 else 0), (told, stored)
