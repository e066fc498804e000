"""What Outlook writes with properties alone is a letter that every other program reads.

Python's parser and neomutt read what came to the recipient, OpenSSL checks a signature.
"""

import email
import email.policy
import os
import re
import subprocess

from outlook import SUBJECT
from outlook_messages import (
    BY_VALUE, CC, COMMON, DATA, HTML, INTERNET_HEADERS, METHOD, PUBLIC_STRINGS, TO, Attachment, Message)
from test_mapi import served
from test_mapi_scenarios import CLASS, CODE_PAGE, FILE_NAME, IMPORTANCE, MIME_TYPE, OUTBOX, SENT, Person, a_letter
from test_neomutt import Neomutt

CONTENT_ID, FLAGS_OF_PART, IS_HIDDEN = 0x3712001F, 0x37140003, 0x7FFE000B
SENSITIVITY, READ_RECEIPT, DELIVERY_RECEIPT = 0x00360003, 0x0029000B, 0x0023000B
EXPIRY, REPLY_BY = 0x00150040, 0x00300040
IN_REPLY_TO, REFERENCES = 0x1042001F, 0x1039001F
CONVERSATION_TOPIC, CONVERSATION_INDEX, SUPPRESSED = 0x0070001F, 0x00710102, 0x3FDF0003
# What is to be done with a flagged letter, and the buttons to vote with.
FLAG_REQUEST, VERBS = 0x8530, 0x8520
NOON = 133_000_000_000_000_000
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
NAMES = ["Übersicht – 2026.pdf", "報告書.txt", 'a "quoted"; name.bin', "long " * 30 + "name.dat"]
TITLE = "Käse & Grüße — 日本語の件名, und noch viel mehr als auf eine Zeile geht, mit Umlauten: äöüß"


def send(person, message):
    """Sends a message as Outlook does."""
    handle = person.mailbox.create(person.folders[OUTBOX])
    person.mailbox.fill(handle, message)
    person.mailbox.save(handle)
    person.mailbox.submit(handle)
    person.mailbox.release(handle)


def raw(person, folder="INBOX"):
    """The only letter in a folder, byte for byte."""
    person.letters(folder, 1)
    with person.imap() as imap:
        imap.select(folder, readonly=True)
        return imap.fetch("1", "(BODY.PEEK[])")[1][0][1]


def names(mailbox):
    """The identifiers of the named properties that are set here."""
    found = mailbox.identifiers(["Keywords"], PUBLIC_STRINGS)
    found |= mailbox.identifiers([FLAG_REQUEST, VERBS], COMMON)
    return found | mailbox.identifiers(["X-Project"], INTERNET_HEADERS)


def a_rich_letter(ida, otto):
    """All that a header can say, a picture in the text, and files with awkward names."""
    ids = names(ida.mailbox)
    written = a_letter(TITLE, [(TO, "Otto Äffle, Jr.", otto.address), (CC, "C", ida.address)])
    written.values |= {
        HTML: f'<html><body><p>Grüße <img src="cid:bild@x">{TITLE}</p></body></html>'.encode(),
        IMPORTANCE: 2, SENSITIVITY: 3, READ_RECEIPT: True, DELIVERY_RECEIPT: True,
        EXPIRY: NOON, REPLY_BY: NOON, SUPPRESSED: 0x11,
        IN_REPLY_TO: "<2@b.test>", REFERENCES: "<1@b.test> <2@b.test>",
        CONVERSATION_TOPIC: "Käse", CONVERSATION_INDEX: b"\1" * 27,
        ids["Keywords"] << 16 | 0x101F: ["Rot", "Größe"], ids["X-Project"] << 16 | 0x1F: "Projekt Ü",
        ids[FLAG_REQUEST] << 16 | 0x1F: "Zur Nachverfolgung", ids[VERBS] << 16 | 0x102: b"\2\1voting"}
    picture = {METHOD: BY_VALUE, FILE_NAME: "bild.png", MIME_TYPE: "image/png", DATA: PICTURE,
               CONTENT_ID: "bild@x", FLAGS_OF_PART: 4, IS_HIDDEN: True}
    files = [{METHOD: BY_VALUE, FILE_NAME: name, DATA: name.encode()} for name in NAMES]
    written.attachments = [Attachment(picture)] + [Attachment(file) for file in files]
    return written


def shape(part):
    """The types of a letter's parts, as they lie in one another."""
    if not part.is_multipart():
        return part.get_content_type()
    return part.get_content_type(), [shape(one) for one in part.iter_parts()]


def test_a_letter_of_properties_says_all_that_outlook_said(world, place):
    with served(world, place) as site:
        ida, otto = Person(site), Person(site)
        send(ida, a_rich_letter(ida, otto))
        bytes_that_came = raw(otto)
        bytes_that_came.decode("ascii")
        head, _ = bytes_that_came.split(b"\r\n\r\n", 1)
        own = head[head.index(b"\r\nDate:"):]
        assert max(map(len, own.split(b"\r\n"))) <= 78, own
        assert not re.search(rb"[^\r]\n|\r[^\n]", bytes_that_came)
        assert b"winmail" not in bytes_that_came and b"ms-tnef" not in bytes_that_came
        letter = email.message_from_bytes(bytes_that_came, policy=email.policy.default)
        assert not letter.defects
        beside = ["application/octet-stream"] * len(NAMES)
        texts = ("multipart/alternative", ["text/plain", "text/html"])
        assert shape(letter) == ("multipart/mixed", [("multipart/related", [texts, "image/png"])] + beside)
        assert letter["Subject"] == TITLE and letter["Thread-Topic"] == "Käse"
        assert [str(one) for one in letter["To"].addresses] == [f'"Otto Äffle, Jr." <{otto.address}>']
        assert letter["From"].addresses[0].addr_spec == ida.address and letter["Sender"] is None
        for name, said in {
                "Importance": "high", "Sensitivity": "Company-Confidential", "Keywords": "Rot, Größe",
                "X-Project": "Projekt Ü", "X-Message-Flag": "Zur Nachverfolgung", "In-Reply-To": "<2@b.test>",
                "References": "<1@b.test> <2@b.test>", "X-Auto-Response-Suppress": "DR, OOF"}.items():
            assert letter[name] == said, (name, letter[name])
        for name in ("Expiry-Date", "Reply-By"):
            assert email.utils.parsedate_to_datetime(letter[name]).timestamp() == NOON // 10**7 - 11_644_473_600
        for name in ("Disposition-Notification-To", "Return-Receipt-To"):
            assert ida.address in letter[name], name
        assert TITLE in letter.get_body(("plain",)).get_content()
        assert TITLE in letter.get_body(("related", "html")).get_body(("html",)).get_content()
        found = {part["Content-ID"]: part for part in letter.walk() if part["Content-ID"]}
        assert found["<bild@x>"].get_content() == PICTURE
        assert found["<bild@x>"].get_content_disposition() == "inline"
        files = [part for part in letter.iter_attachments() if part.get_content_disposition() == "attachment"]
        assert [part.get_filename() for part in files] == NAMES
        assert [part.get_content() for part in files] == [name.encode() for name in NAMES]
        # What a letter can't say stays with the sender's copy.
        [number] = ida.mailbox.numbers(ida.folders[SENT])
        kept = ida.mailbox.read(ida.folders[SENT], number).values
        verbs = names(ida.mailbox)[VERBS] << 16 | 0x102
        assert kept[verbs] == b"\2\1voting"


def test_neomutt_shows_what_outlook_wrote(world, place):
    with served(world, place) as site:
        ida, otto = Person(site), Person(site)
        send(ida, a_rich_letter(ida, otto))
        folder = os.path.join(place, "mutt")
        os.makedirs(folder)
        mutt = Neomutt(site.server, otto.account, folder, "set pipe_decode=yes\nset attribution=''\n")
        mutt.keys("<display-message><pipe-message>cat > shown<enter><exit><exit>")
        with open(os.path.join(folder, "shown"), encoding="utf-8") as file:
            shown = file.read()
        assert "日本語の件名" in shown and "Otto Äffle, Jr." in shown, shown


def a_key(place):
    """A key and a certificate of its own."""
    paths = [os.path.join(place, name) for name in ("smime.key", "smime.crt")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", paths[0], "-out", paths[1],
                    "-subj", "/CN=Ida", "-days", "2"], check=True, capture_output=True)
    return paths


def test_what_outlook_signed_is_still_signed_when_it_comes(world, place):
    key, certificate = a_key(place)
    text = b"Content-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe  \r\nmit Leerzeichen \r\n"
    signed = subprocess.run(
        ["openssl", "cms", "-sign", "-signer", certificate, "-inkey", key, "-md", "sha256", "-crlfeol"],
        input=text, check=True, capture_output=True).stdout
    entity = re.sub(rb"\r?\n", b"\r\n", signed)
    with served(world, place) as site:
        ida, otto = Person(site), Person(site)
        attachment = {METHOD: BY_VALUE, FILE_NAME: "smime.p7m", MIME_TYPE: "multipart/signed", DATA: entity}
        fixed = {CLASS: "IPM.Note.SMIME.MultipartSigned", SUBJECT: "Unterschrieben", CODE_PAGE: 65001}
        send(ida, Message(fixed, [(TO, "Otto", otto.address)], [Attachment(attachment)]))
        came = raw(otto)
        done = subprocess.run(
            ["openssl", "cms", "-verify", "-CAfile", certificate, "-crlfeol", "-purpose", "any"], input=came,
            capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        # Outlook of the recipient gets the same entity, whose signature it checks itself.
        [number] = otto.mailbox.numbers(otto.folders[4])
        read = otto.mailbox.read(otto.folders[4], number)
        assert read.values[CLASS] == "IPM.Note.SMIME.MultipartSigned"
        [part] = read.attachments
        assert part.values[DATA].split(b"\r\n\r\n", 1)[1] == came.split(b"\r\n\r\n", 1)[1]
