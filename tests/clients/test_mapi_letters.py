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


def words(text):
    """A text by its words: folding and the ends of lines are no part of it."""
    return " ".join(text.split())


def decoded(raw):
    """A field as people read it; None where no charset tells what it says."""
    try:
        if isinstance(raw, email.header.Header) or re.search("[\udc80-\udcff]", raw):
            return None
        parts = email.header.decode_header(re.sub(r"\r?\n", "", raw))
        return words(str(email.header.make_header(parts)))
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
    """What a letter holds: texts by their words, all else by its bytes."""
    for part in letter.walk():
        if part.is_multipart():
            continue
        try:
            data = part.get_payload(decode=True) or b""
        except (AssertionError, ValueError):
            continue
        if part.get_content_maintype() == "text":
            charset = part.get_content_charset() or "ascii"
            # What everyone means by it.
            charset = "cp1252" if charset in ("ascii", "us-ascii", "iso-8859-1") else charset
            try:
                yield "text", words(data.decode(charset))
            except (LookupError, UnicodeError):
                yield "text in no known charset", re.sub(rb"[^!-~]", b"", data)
        else:
            yield part.get_content_type(), data.strip(b"\r\n")


def field_loss(name, old, new, letters):
    """Why a field does not come back, if it does not."""
    if name in OF_IMPORTANCE:
        return None if new else "how importance or sensitivity was written"
    if name in OF_PEOPLE:
        before, after = (people(letter, name) for letter in letters)
        if name not in ("to", "cc", "bcc", "reply-to"):
            before, after = before[:1], after[:1]
        if before == after:
            return None
        if name == "sender" and not after:
            return "a sender who is the author"
        strange = any(not re.fullmatch(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+", one) for one in before)
        return "addresses that are none" if strange or not before else f"{name}: {before} became {after}"
    said, says = decoded(old), decoded(new or "")
    if said is None:
        return "a field in no known charset"
    if not said:
        return None if not says else f"{name}: nothing became {says!r}"
    if name in OF_IDS:
        before, after = (re.findall(r"<[^<>]+>", text or "") for text in (said, says))
        before, after = (["".join(one.split()) for one in ids] for ids in (before, after))
        return None if before == after else f"{name}: {before} became {after}"
    if name in ("date", "reply-by", "expiry-date"):
        before, after = (email.utils.parsedate_tz(text or "") for text in (said, says))
        if before is None or not re.search(r"([+-]\d{4}|[A-Z]{3,4})( \(|$)", said):
            return "a date that is none, or without its zone"
        if before[0] < 1601:
            return "a date before 1601"
        before, after = (one and email.utils.mktime_tz(one) for one in (before, after))
        return None if before == after else f"{name}: {said!r} became {says!r}"
    if len(name) > 76:
        return "the name of a field that fits no line"
    return None if said == says else f"{name}: {said!r} became {says!r}"


def losses(original, rebuilt):
    """What of a letter is not in the other, by its kind."""
    old, new = (email.message_from_bytes(one, policy=email.policy.compat32) for one in (original, rebuilt))
    fields = first_fields(new)
    for name, raw in first_fields(old).items():
        loss = field_loss(name, raw, fields.get(name), (old, new))
        if loss:
            yield loss
    kept = collections.defaultdict(set)
    for kind, held in leaves(new):
        kept["text" if kind.startswith("text") else "file"].add(held)
    texts = {re.sub(rb"[^!-~]", b"", text.encode("utf-8", "replace"))
             for text in kept["text"] if isinstance(text, str)}
    for kind, held in leaves(old):
        found = kept["text" if kind.startswith("text") else "file"] | texts
        if held and held not in found:
            yield f"a part of kind {kind}: {held[:60]!r}"


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
