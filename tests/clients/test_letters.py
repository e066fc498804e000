"""The real letters go in through SMTP and come out byte for byte, on every way out.

One mailbox holds the whole corpus; each letter is known by its envelope's sender, which stands in Return-Path.
"""

import os
import re
import threading

import clients
import letters
from server import Account, DOMAIN

CONNECTIONS = 8
HEADER_NAMES = {name.decode() for name in letters.TRACE}

READER = Account(f"reader@{DOMAIN}", "correct horse battery staple")


def sender_of(number):
    """The envelope's sender that marks a letter."""
    return f"letter-{number}@corpus.test"


def number_of(stored):
    """Which letter of the corpus a stored one is, or None."""
    sender = letters.return_path(stored[:1000]) or ""
    found = re.fullmatch(r"letter-(\d+)@corpus\.test", sender)
    return int(found[1]) if found else None


def compare(world, found, way):
    """Every acceptable letter came out once, whole, behind nothing but trace lines."""
    wanted = {n for n, each in enumerate(world.corpus) if not letters.must_be_refused(each)}
    seen = set()
    for stored in found:
        number = number_of(stored)
        assert number in wanted, f"{way}: an unknown letter: {stored[:200]!r}"
        assert number not in seen, f"{way}: letter {number} came twice"
        seen.add(number)
        letter = world.corpus[number]
        assert stored.endswith(letter), f"{way}: letter {number} is changed"
        added = stored[: len(stored) - len(letter)].decode()
        names = {name.lower() for name in re.findall(r"(?m)^([!-9;-~]+):", added)}
        assert names <= HEADER_NAMES, f"{way}: unexpected lines before letter {number}: {added}"
    missing = wanted - seen
    assert not missing, f"{way}: {len(missing)} letters missing, for example {sorted(missing)[:5]}"
    return f"{len(seen)} letters"


def test_the_corpus_is_taken_over_smtp_by_data_and_by_bdat(world, server):
    made = server.command(
        "account", "add", READER.address, "--password-stdin", stdin=READER.password + "\n"
    )
    assert made.returncode == 0
    faults = []
    lanes = [
        threading.Thread(target=deliver_lane, args=(world, server, lane, faults))
        for lane in range(CONNECTIONS)
    ]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    assert not faults, faults[:5]
    refused = sum(map(letters.must_be_refused, world.corpus))
    return f"{len(world.corpus) - refused} taken, {refused} with bare CR refused"


def deliver_lane(world, server, lane, faults):
    """Every fourth letter over one connection; odd ones by BDAT."""
    try:
        smtp = clients.Smtp(server.ports["smtp"])
        for number in range(lane, len(world.corpus), CONNECTIONS):
            fault, smtp = deliver_one(world, server, smtp, number)
            if fault:
                faults.append(fault)
        smtp.close()
    except Exception as error:  # A thread's failure is handed to the test.
        faults.append(f"lane {lane}: {error!r}")


def deliver_one(world, server, smtp, number):
    """Delivers one letter; answers what was wrong, and the connection to go on with."""
    letter = world.corpus[number]
    smtp.envelope(sender_of(number), [READER.address])
    refused = None
    try:
        if number // CONNECTIONS % 2:
            smtp.chunk(letter)
        else:
            smtp.data(letter)
    except (clients.Refused, EOFError) as error:
        refused = str(error)
        smtp.close()
        smtp = clients.Smtp(server.ports["smtp"])
    if letters.must_be_refused(letter):
        return (None if refused else f"letter {number} with bare CR was taken"), smtp
    return (f"letter {number}: {refused}" if refused else None), smtp


def test_imap_fetch_gives_every_letter_back(world, server):
    with clients.Imap(server.ports["imaps"], READER) as imap:
        return compare(world, [body for _, body in imap.bodies()], "IMAP")


def test_imap_tells_sizes_envelopes_and_structures_of_every_letter(world, server):
    with clients.Imap(server.ports["imaps"], READER) as imap:
        sizes = [len(body) for _, body in imap.bodies()]
        told = imap.command("FETCH 1:* (RFC822.SIZE ENVELOPE BODYSTRUCTURE)")
        responses = [each for each in told if b" FETCH (" in each]
        assert len(responses) == len(sizes), (len(responses), len(sizes))
        assert sizes == [int(re.search(rb"RFC822\.SIZE (\d+)", each)[1]) for each in responses]
        for each in responses:
            assert b"ENVELOPE (" in each and b"BODYSTRUCTURE (" in each, each[:300]
            assert balanced(each), each[:300]


def balanced(response):
    """True when parentheses outside quoted strings and literals close."""
    plain = re.sub(rb"\{(\d+)\}\r\n.*", b"", response, flags=re.DOTALL) if b"}\r\n" in response else None
    if plain is not None:
        return True  # A literal holds free text; the client's reading of it has checked its length.
    bare = re.sub(rb'"(?:[^"\\]|\\.)*"', b"", response)
    return bare.count(b"(") == bare.count(b")")


def test_imap_partial_fetches_join_to_the_whole(world, server):
    with clients.Imap(server.ports["imaps"], READER) as imap:
        uid, whole = max(imap.bodies(), key=lambda pair: len(pair[1]))
        step, joined = 50_000, b""
        while True:
            told = imap.command(f"UID FETCH {uid} (BODY.PEEK[]<{len(joined)}.{step}>)")
            literal = re.search(rb"\{(\d+)\}\r\n", told[0])
            if literal is None or int(literal[1]) == 0:
                break
            joined += told[0][literal.end():literal.end() + int(literal[1])]
        assert joined == whole


def test_pop3_retr_gives_every_letter_back(world, server):
    with clients.Pop3(server.ports["pop3s"], READER) as pop:
        count = pop.count()
        sizes = [int(line.split()[1]) for line in pop.lines("LIST")]
        found = [pop.retrieve(number) for number in range(1, count + 1)]
        assert sizes == [len(content) for content in found]
        uidls = {line.split()[1] for line in pop.lines("UIDL")}
        assert len(uidls) == count
        return compare(world, found, "POP3")


def test_export_to_maildir_gives_every_letter_back(world, server, place):
    target = os.path.join(place, "maildir")
    server.export("maildir", target, READER)
    return compare(world, list(maildir_contents(target)), "Maildir")


def maildir_contents(folder):
    """Every letter of a Maildir++ tree in wire form."""
    for path, _, names in os.walk(folder):
        if os.path.basename(path) in ("cur", "new"):
            for name in names:
                with open(os.path.join(path, name), "rb") as file:
                    yield re.sub(rb"\r?\n", b"\r\n", file.read())


def test_export_to_mbox_gives_every_letter_back(world, server, place):
    target = os.path.join(place, "mbox")
    server.export("mbox", target, READER)
    found = []
    for path, _, names in os.walk(target):
        for name in names:
            found += mbox_contents(os.path.join(path, name))
    return compare(world, found, "mbox")


# What the export writes at a letter's head: mbox has no other place for it.
STATUS_LINES = re.compile(
    rb"\AX-Facteur-Letter: [^\n]*\nStatus: [^\n]*\nX-Status: [^\n]*\nX-Keywords: [^\n]*\n"
)


def mbox_contents(path):
    """Every letter of an mbox file (mboxrd quoting) in wire form, without status lines."""
    with open(path, "rb") as file:
        text = re.sub(rb"\n\n\Z", b"\n", file.read().replace(b"\r\n", b"\n"))
    for part in re.split(rb"(?m)(?:\A|(?<=\n)\n)^From [^\n]*\n", text)[1:]:
        part = re.sub(rb"(?m)^>(>*From )", rb"\1", part)
        part = STATUS_LINES.sub(b"", part, count=1)
        yield re.sub(rb"\r?\n", b"\r\n", part)


def test_search_finds_in_headers_and_bodies(world, server):
    needle = b"spamassassin"
    with clients.Imap(server.ports["imaps"], READER) as imap:
        stored = imap.bodies()
        told = imap.command('UID SEARCH HEADER List-Id ""')
        answered = {int(uid) for uid in re.findall(rb"\d+", b" ".join(told))}
        wanted = {uid for uid, body in stored if has_header(body, b"list-id")}
        assert answered == wanted, (len(answered), len(wanted))
        told = imap.command(f'UID SEARCH TEXT "{needle.decode()}"')
        answered = {int(uid) for uid in re.findall(rb"\d+", b" ".join(told))}
        plain = {uid for uid, body in stored if needle in body.lower() and is_plain(body)}
        # What is encoded, or not text, may be found too; what stands in clear must be.
        assert plain - answered == set(), sorted(plain - answered)[:10]
        return f"{len(wanted)} lists, {len(answered)} texts"


def is_plain(content):
    """True for a letter of one part, text in clear."""
    header = content.split(b"\r\n\r\n", 1)[0].lower()
    kind = re.search(rb"\r\ncontent-type:\s*([^;\s]+)", header)
    encoded = re.search(rb"\r\ncontent-transfer-encoding:\s*(base64|quoted-printable)", header)
    return encoded is None and (kind is None or kind[1] == b"text/plain")


def has_header(content, name):
    """True when the header of a letter has a field of this name."""
    header = content.split(b"\r\n\r\n", 1)[0].lower()
    return (b"\r\n" + header).find(b"\r\n" + name + b":") >= 0
