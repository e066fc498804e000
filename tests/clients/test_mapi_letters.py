"""Real letters through MAPI and back: a letter made of a message's properties alone says what the letter said.

Each letter comes by IMAP, a MAPI client reads all its properties, writes a new message that has nothing but
these, and IMAP fetches the letter that the server made of it. Python's own parser judges.
"""

import collections
import email
import email.header
import email.policy
import email.utils
import imaplib
import re

import clients
from outlook import Outlook
from outlook_messages import COMMON, INTERNET_HEADERS, PUBLIC_STRINGS, Mailbox
from server import HOST
from test_mapi import served

MAIL_ROOT, INBOX, DRAFTS = 3, 4, "Drafts"
LETTERS = 240
# What is to be done with a flagged letter: PidLidFlagRequest.
FLAG_REQUEST = 0x8530
# Made of others, or a letter's own that a new one has anew.
NOT_WRITTEN = {0x007D, 0x1009, 0x1016, 0x3FD9, 0x3007, 0x3008, 0x0E06}

# Fields that tell of the way that a letter took or of how it is built (ARCHITECTURE.md lists what else a
# property can't hold).
OF_THE_WAY = {
    "received", "return-path", "delivered-to", "mime-version", "authentication-results", "received-spf",
    "dkim-signature", "domainkey-signature", "lines", "resent-bcc"}
OF_IMPORTANCE = {"importance", "x-priority", "x-msmail-priority", "priority", "sensitivity"}
OF_PEOPLE = {
    "from", "sender", "reply-to", "to", "cc", "bcc", "disposition-notification-to", "return-receipt-to"}
OF_IDS = {"message-id", "in-reply-to", "references"}
LISTS = {"to", "cc", "bcc", "reply-to"}
# Bytes that no letter of Windows-1252 has.
NONE_OF_1252 = {0x81, 0x8D, 0x8F, 0x90, 0x9D}


def words(text):
    """A text by its words: folding and the ends of lines are no part of it."""
    return " ".join(text.split())


def text_of(data, charset):
    """Bytes as everyone reads them: what is said to be ISO 8859-1, or says nothing, is Windows-1252."""
    if charset is None:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            charset = "ascii"
    if charset in ("ascii", "us-ascii", "iso-8859-1", "latin-1"):
        return "".join(bytes([one]).decode("latin-1" if one in NONE_OF_1252 else "cp1252") for one in data)
    return data.decode(charset)


def decoded(raw):
    """A field as people read it; None where no charset tells what it says."""
    try:
        raw = text_of(re.sub(r"\r?\n", "", raw).encode("ascii", "surrogateescape"), None)
        parts = email.header.decode_header(raw)
        texts = [one if isinstance(one, str) else
                 one.decode("raw-unicode-escape") if charset is None else text_of(one, charset)
                 for one, charset in parts]
        return words("".join(texts))
    except (LookupError, UnicodeError, email.errors.HeaderParseError, ValueError):
        return None


def first_fields(letter):
    """The first field of each name, with what it says."""
    found = {}
    for name, raw in letter.raw_items():
        name = name.lower()
        if name not in OF_THE_WAY and not name.startswith("content-"):
            found.setdefault(name, raw)
    return found


def people(letter, name):
    """The addresses in all fields of a name."""
    raw = [str(value) for value in letter.get_all(name, [])]
    return [address.lower() for _, address in email.utils.getaddresses(raw) if address]


def leaves(letter):
    """What a letter holds: texts by their words, all else by its bytes; and whether it is damaged."""
    for part in letter.walk():
        if part.is_multipart():
            continue
        try:
            data = part.get_payload(decode=True) or b""
        except (AssertionError, ValueError):
            continue
        if part.get_content_maintype() == "text":
            try:
                yield "text", words(text_of(data, part.get_content_charset())), is_damaged(part)
            except (LookupError, UnicodeError):
                yield "text in no known charset", re.sub(rb"[^!-~]", b"", data), is_damaged(part)
        else:
            yield part.get_content_type(), data.strip(b"\r\n"), is_damaged(part)


def is_damaged(part):
    """Whether a part is not encoded as it says, which each program mends in its own way."""
    raw, encoding = part.get_payload(), str(part["Content-Transfer-Encoding"]).strip().lower()
    if part.get_content_maintype() == "multipart":
        return bool(part.defects)
    if encoding == "quoted-printable":
        return re.search(r"=(?![0-9A-Fa-f]{2}|[ \t]*(\r?\n|$))", raw) is not None
    return encoding == "base64" and len(re.sub(r"[^A-Za-z0-9+/=]", "", raw)) % 4 != 0


def field_loss(name, old, new, letters):
    """Why a field does not come back, if it does not."""
    said, says = decoded(old), decoded(new or "")
    if said is None:
        return "a field in no known charset"
    if said == says:
        return None
    told = f"{name}: {said!r} became {says!r}"
    if not said:
        return "an empty field"
    if name in OF_PEOPLE:
        return people_lost(name, told, letters)
    if name in OF_IMPORTANCE:
        return "fields of importance that contradict one another"
    if name in OF_IDS:
        before, after = (re.findall(r"<[^<>]+>", text or "") for text in (said, says))
        before, after = (["".join(one.split()) for one in ids] for ids in (before, after))
        return None if before == after else told
    if len(name) > 76:
        return "the name of a field that fits no line"
    return told


def people_lost(name, told, letters):
    """Why not all of the people in a field come back, if they do not."""
    before, after = (people(letter, name) for letter in letters)
    if before == after:
        return None
    if any(not re.fullmatch(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+", one) for one in before):
        return "addresses that are none, in a field that is longer or not in ASCII"
    if name not in LISTS and before[:1] == after[:1]:
        return "all but the first author"
    if len(letters[0].get_all(name)) > 1 and after == before[:len(after)]:
        return "all but the first field of a name"
    return told


def losses(original, rebuilt):
    """What of a letter is not in the other, by its kind."""
    old, new = (email.message_from_bytes(one, policy=email.policy.compat32) for one in (original, rebuilt))
    fields = first_fields(new)
    for name, raw in first_fields(old).items():
        loss = field_loss(name, raw, fields.get(name), (old, new))
        if loss:
            yield loss
    kept = collections.defaultdict(set)
    for kind, held, _ in leaves(new):
        kept["text" if kind.startswith("text") else "file"].add(held)
    texts = {re.sub(rb"[^!-~]", b"", text.encode("utf-8", "replace"))
             for text in kept["text"] if isinstance(text, str)}
    for kind, held, damaged in leaves(old):
        found = kept["text" if kind.startswith("text") else "file"] | texts
        if held and held not in found:
            yield ("a winmail.dat, which is told as its message" if kind == "application/ms-tnef" else
                   "a part that is not encoded as it says" if damaged else
                   f"a part of kind {kind}: {held[:60]!r}")


def written(message):
    """What a client writes of what it read; nothing of it is the letter itself."""
    def is_written(tag):
        number = tag >> 16
        return number not in NOT_WRITTEN and not (
            0x0E00 <= number <= 0x0FFF or 0x6500 <= number <= 0x67FF)
    message.values = {tag: one for tag, one in message.values.items() if is_written(tag)}
    for attachment in message.attachments:
        attachment.values = {
            tag: one for tag, one in attachment.values.items() if is_written(tag)}
        if attachment.embedded:
            written(attachment.embedded)
    return message


def names_of_fields(some):
    """The names of all fields, of letters within letters too."""
    names = set()
    for letter in some:
        for part in email.message_from_bytes(letter).walk():
            names |= {name.lower() for name in part.keys() if name.isascii() and len(name) < 120}
    return sorted(names)


def test_real_letters_come_back_from_their_properties(world, place):
    corpus = world.corpus
    some = corpus[::max(1, len(corpus) // LETTERS)][:LETTERS]
    with served(world, place) as site:
        account = site.server.account()
        with imaplib.IMAP4_SSL(HOST, site.server.ports["imaps"], ssl_context=clients.TLS) as imap:
            imap.login(account.address, account.password)
            for letter in some:
                assert imap.append("INBOX", None, None, letter)[0] == "OK"
            outlook = Outlook(HOST, site.port, account)
            outlook.profile()
            outlook.connect()
            mailbox = Mailbox(outlook)
            mailbox.identifiers(names_of_fields(some), INTERNET_HEADERS)
            mailbox.identifiers(["Keywords"], PUBLIC_STRINGS)
            mailbox.identifiers([FLAG_REQUEST], COMMON)
            inbox = mailbox.folders[INBOX]
            drafts = mailbox.below(mailbox.folders[MAIL_ROOT])[DRAFTS]
            for message in mailbox.numbers(inbox):
                mailbox.write(drafts, written(mailbox.read(inbox, message)))
            assert imap.select(DRAFTS)[1] == [str(len(some)).encode()]
            counted, others = collections.Counter(), []
            for number, letter in enumerate(some, 1):
                rebuilt = imap.fetch(str(number), "(BODY.PEEK[])")[1][0][1]
                found = list(losses(letter, rebuilt))
                counted["letters without any loss"] += not found
                for loss in found:
                    counted[loss.partition(":")[0]] += 1
                    if ":" in loss:
                        others.append((number, loss))
        assert not others, f"{len(others)} losses: {others[:40]}"
        return f"{len(some)} letters; " + "; ".join(f"{n} {loss}" for loss, n in counted.items())
