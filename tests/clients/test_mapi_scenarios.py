"""A day with Outlook beside other programs: what one writes, files and sends, the others see."""

import email
import email.policy
import imaplib
import poplib
import struct
import time

import clients
from outlook import SUBJECT, Failed, Outlook
from outlook_messages import (
    BODY_TEXT, BY_VALUE, CC, DATA, EMBEDDED, HTML, METHOD, PUBLIC_STRINGS, TO, Attachment, Mailbox, Message,
    wide)
from server import HOST
from test_mapi import served
from test_swaks import swaks

MAIL_ROOT, INBOX, OUTBOX, SENT, DELETED, SEARCHES = 3, 4, 5, 6, 7, 10
CLASS, FILE_NAME, MIME_TYPE = 0x001A001F, 0x3707001F, 0x370E001F
CODE_PAGE, IMPORTANCE, LAST_VERB, FLAG_STATUS = 0x3FDE0003, 0x00170003, 0x10810003, 0x10900003
MESSAGE_ID, IN_REPLY_TO, REFERENCES = 0x1035001F, 0x1042001F, 0x1039001F
REPLIED, FLAGGED = 102, 2
DEFERRED, MESSAGE_FLAGS, SUBMITTED, UNSENT = 0x3FEF0040, 0x0E070003, 4, 8
OBJECT_MODIFIED, NOT_IN_QUEUE = 0x80040109, 0x80040601
SECONDS_TO_1970 = 11_644_473_600
SECONDS = 10


class Person:
    """Someone with Outlook and a phone."""

    def __init__(self, site):
        self.site, self.account = site, site.server.account()
        self.address = self.account.address
        outlook = Outlook(HOST, site.port, self.account)
        outlook.profile()
        outlook.connect()
        self.mailbox = Mailbox(outlook)
        self.folders = self.mailbox.folders

    def imap(self):
        """The phone."""
        port = self.site.server.ports["imaps"]
        imap = imaplib.IMAP4_SSL(HOST, port, ssl_context=clients.TLS)
        imap.login(self.address, self.account.password)
        return imap

    def letters(self, folder, count=None):
        """What the phone shows in a folder: flags and letter of each, once there are so many."""
        deadline = time.monotonic() + SECONDS
        with self.imap() as imap:
            while True:
                status, [exist] = imap.select(folder, readonly=True)
                assert status == "OK"
                found = imap.fetch("1:*", "(FLAGS BODY.PEEK[])")[1] if int(exist) else []
                found = [one for one in found if isinstance(one, tuple)]
                if count is None or len(found) == count:
                    break
                assert time.monotonic() < deadline, f"{len(found)} letters in {folder}, not {count}"
                time.sleep(0.1)
        policy = email.policy.default
        return [(imaplib.ParseFlags(head), email.message_from_bytes(letter, policy=policy))
                for head, letter in found]

    def receive(self, subject, text="Good day."):
        """A letter comes from elsewhere."""
        swaks(self.site.server, "smtp", "--from", "bo@elsewhere.test", "--to", self.address,
              "--h-Subject", subject, "--body", text, "--header", f"Message-ID: <{len(subject)}@elsewhere.test>")


def a_letter(subject, recipients, **values):
    """What Outlook has of a new message with HTML."""
    html = f"<html><body><p>Dear all, <b>{subject}</b> — Grüße</p></body></html>"
    fixed = {CLASS: "IPM.Note", SUBJECT: subject, HTML: html.encode(), CODE_PAGE: 65001}
    return Message(fixed | values, recipients)


def test_what_outlook_composes_is_read_by_imap_and_comes_back_whole(world, place):
    with served(world, place) as site:
        ida = Person(site)
        mailbox, keywords = ida.mailbox, 0
        keywords = mailbox.identifiers(["Keywords"], PUBLIC_STRINGS)["Keywords"] << 16 | 0x101F
        data = bytes(range(256)) * 400
        written = a_letter("Käse", [(TO, "Bo Beck", "bo@elsewhere.test"), (CC, "C", "c@elsewhere.test")])
        written.values |= {IMPORTANCE: 2, keywords: ["Red", "Blau"]}
        inner = a_letter("inside", [(TO, "D", "d@elsewhere.test")])
        written.attachments = [
            Attachment({METHOD: BY_VALUE, FILE_NAME: "Größe.bin", MIME_TYPE: "application/x-test", DATA: data}),
            Attachment({METHOD: EMBEDDED, FILE_NAME: "inside"}, inner)]
        drafts = mailbox.below(ida.folders[MAIL_ROOT])["Drafts"]
        number = mailbox.write(drafts, written)

        [(flags, letter)] = ida.letters("Drafts")
        assert b"\\Draft" in flags and b"\\Seen" in flags
        assert letter["Subject"] == "Käse" and letter["Importance"].lower() == "high"
        assert letter["To"] == "Bo Beck <bo@elsewhere.test>" and letter["Keywords"] == "Red, Blau"
        html = letter.get_body(("html",)).get_content()
        assert "<b>Käse</b> — Grüße" in html
        assert "Käse — Grüße" in letter.get_body(("plain",)).get_content()
        file, message = letter.iter_attachments()
        assert file.get_filename() == "Größe.bin" and file.get_content() == data
        assert file.get_content_type() == "application/x-test"
        assert message.get_content()["Subject"] == "inside"

        back = mailbox.read(drafts, number)
        for tag, value in written.values.items():
            assert back.values[tag] == value, hex(tag)
        assert back.recipients == written.recipients
        for before, after in zip(written.attachments, back.attachments, strict=True):
            assert before.values.items() <= after.values.items()
        assert back.attachments[1].embedded.values[SUBJECT] == "inside"
        assert back.attachments[1].embedded.recipients == inner.recipients


def test_outlook_sends_and_another_answers(world, place):
    with served(world, place) as site:
        ida, otto = Person(site), Person(site)
        mailbox = ida.mailbox
        handle = mailbox.create(ida.folders[OUTBOX])
        mailbox.fill(handle, a_letter("Lunch", [(TO, "Otto", otto.address)]))
        mailbox.save(handle)
        mailbox.submit(handle)
        [(flags, letter)] = otto.letters("INBOX", 1)
        assert b"\\Seen" not in flags and letter["Subject"] == "Lunch"
        [(_, copy)] = ida.letters("Sent", 1)
        assert copy["Message-ID"] == letter["Message-ID"]
        assert mailbox.numbers(ida.folders[OUTBOX]) == []

        inbox = otto.folders[INBOX]
        [number] = otto.mailbox.numbers(inbox)
        original = otto.mailbox.open(inbox, number)
        seen = otto.mailbox.values(original)
        assert seen[SUBJECT] == "Lunch"
        answer = a_letter("RE: Lunch", [(TO, "Ida", ida.address)])
        answer.values |= {IN_REPLY_TO: seen[MESSAGE_ID], REFERENCES: seen[MESSAGE_ID]}
        handle = otto.mailbox.create(otto.folders[OUTBOX])
        otto.mailbox.fill(handle, answer)
        otto.mailbox.save(handle)
        otto.mailbox.submit(handle)
        otto.mailbox.set(original, {LAST_VERB: REPLIED, FLAG_STATUS: FLAGGED})
        otto.mailbox.save(original)
        otto.mailbox.mark(inbox, [number], is_read=True)
        [(flags, _)] = otto.letters("INBOX")
        assert {b"\\Answered", b"\\Flagged", b"\\Seen"} <= set(flags)
        [(_, letter)] = ida.letters("INBOX", 1)
        assert letter["In-Reply-To"] == letter["References"] == copy["Message-ID"]
        # The phone's flags are Outlook's.
        with otto.imap() as imap:
            imap.select("INBOX")
            imap.store("1", "-FLAGS", "(\\Flagged \\Seen)")
        seen = otto.mailbox.read(inbox, number).values
        assert FLAG_STATUS not in seen and seen[0x0E070003] & 1 == 0


def test_outlook_files_and_deletes_and_others_see_it(world, place):
    with served(world, place) as site:
        ida = Person(site)
        mailbox, inbox = ida.mailbox, ida.folders[INBOX]
        for subject in ("one", "two", "three"):
            ida.receive(subject)
        first, second, third = mailbox.numbers(inbox)
        projects, _ = mailbox.create_folder(ida.folders[MAIL_ROOT], "Projekte Ä")
        mailbox.transfer(inbox, projects, [first])
        mailbox.transfer(inbox, ida.folders[DELETED], [second])
        with ida.imap() as imap:
            listed = b" ".join(imap.list()[1])
            assert b"Projekte &AMQ-" in listed, listed
            for folder, subject in (('"Projekte &AMQ-"', "one"), ("Trash", "two"), ("INBOX", "three")):
                imap.select(folder)
                assert imap.search(None, "SUBJECT", subject)[1] == [b"1"], folder
                assert len(imap.search(None, "ALL")[1][0].split()) == 1
            # What the phone moves there, Outlook finds there.
            imap.select("INBOX")
            assert imap.uid("MOVE", imap.uid("SEARCH", "ALL")[1][0].decode(), '"Projekte &AMQ-"')[0] == "OK"
        assert len(mailbox.numbers(projects)) == 2 and mailbox.numbers(inbox) == []
        assert third not in mailbox.numbers(projects)
        mailbox.remove(projects, mailbox.numbers(projects))
        assert ida.letters('"Projekte &AMQ-"', 0) == []


def test_a_delayed_letter_waits_in_the_outbox_until_it_goes_or_is_taken_back(world, place):
    with served(world, place) as site:
        ida, otto = Person(site), Person(site)
        mailbox, outbox = ida.mailbox, ida.folders[OUTBOX]

        def put_off(subject, seconds):
            handle = mailbox.create(outbox)
            due = int((time.time() + seconds + SECONDS_TO_1970) * 10_000_000)
            mailbox.fill(handle, a_letter(subject, [(TO, "Otto", otto.address)]))
            mailbox.set(handle, {DEFERRED: due})
            number = mailbox.save(handle)
            mailbox.submit(handle)
            return number

        def state(number):
            return mailbox.read(outbox, number).values[MESSAGE_FLAGS] & (SUBMITTED | UNSENT)

        number = put_off("Perhaps", 3600)
        assert mailbox.numbers(outbox) == [number] and state(number) == SUBMITTED | UNSENT
        assert ida.letters("Sent") == [] and otto.letters("INBOX") == []
        mailbox.take_back(outbox, number)
        assert state(number) == UNSENT
        try:
            mailbox.take_back(outbox, number)
            raise AssertionError("taken back twice")
        except Failed as refused:
            assert f"{NOT_IN_QUEUE:#x}" in str(refused), refused
        mailbox.remove(outbox, [number])

        put_off("Soon", 3)
        assert len(mailbox.numbers(outbox)) == 1
        [(_, letter)] = otto.letters("INBOX", 1)
        [(flags, copy)] = ida.letters("Sent", 1)
        assert letter["Subject"] == copy["Subject"] == "Soon" and b"\\Draft" not in flags
        assert mailbox.numbers(outbox) == []


def test_a_deleted_folder_is_found_and_brought_back_for_all(world, place):
    with served(world, place) as site:
        ida = Person(site)
        mailbox, top = ida.mailbox, ida.folders[MAIL_ROOT]
        ida.receive("one")
        outer, _ = mailbox.create_folder(top, "Outer")
        inner, _ = mailbox.create_folder(outer, "Inner")
        mailbox.transfer(ida.folders[INBOX], inner, mailbox.numbers(ida.folders[INBOX]))
        mailbox.delete_folder(top, outer)
        with ida.imap() as imap:
            assert b"Outer" not in b" ".join(imap.list()[1])
        assert mailbox.deleted_below(top) == {"Outer": outer, "Inner": inner}
        mailbox.move_folder(top, outer, top, "Again")
        [(_, letter)] = ida.letters("Again/Inner", 1)
        assert letter["Subject"] == "one" and mailbox.deleted_below(top) == {}
        mailbox.delete_folder(top, outer, 0x15)
        assert mailbox.deleted_below(top) == {}


def contains(tag, text):
    """A restriction: the property contains the text, in whatever case."""
    return struct.pack("<BHHII", 0x03, 1, 1, tag, tag) + wide(text)


def test_a_search_folder_shows_what_comes_by_other_ways(world, place):
    with served(world, place) as site:
        ida = Person(site)
        mailbox, inbox = ida.mailbox, ida.folders[INBOX]
        ida.receive("Ham and eggs")
        ida.receive("Bread")
        search, handle = mailbox.create_folder(ida.folders[SEARCHES], "With ham", kind=2)
        mailbox.search(handle, contains(SUBJECT, "HAM"), [inbox])

        def found():
            columns = [SUBJECT]
            return {row[SUBJECT] for row in mailbox.outlook.rows(mailbox.logon, search, columns)}

        assert found() == {"Ham and eggs"}
        with ida.imap() as imap:
            assert imap.append("INBOX", None, None, b"Subject: More ham\r\n\r\nx\r\n")[0] == "OK"
            assert found() == {"Ham and eggs", "More ham"}
            imap.select("INBOX")
            imap.store("1", "+FLAGS", "(\\Deleted)")
            imap.expunge()
        assert found() == {"More ham"}


def test_the_text_of_a_plain_letter_is_the_same_everywhere(world, place):
    with served(world, place) as site:
        ida = Person(site)
        ida.receive("plain", "Line one\nLine two is longer")
        inbox = ida.folders[INBOX]
        [number] = ida.mailbox.numbers(inbox)
        read = ida.mailbox.read(inbox, number)
        [(_, letter)] = ida.letters("INBOX")
        assert read.values[BODY_TEXT].split() == letter.get_content().split()
        assert read.values[MESSAGE_ID] == letter["Message-ID"]


def test_of_two_who_change_one_message_the_second_hears_of_it(world, place):
    with served(world, place) as site:
        ida = Person(site)
        inbox, here = ida.folders[INBOX], ida.mailbox
        outlook = Outlook(HOST, site.port, ida.account)
        outlook.profile()
        outlook.connect()
        there = Mailbox(outlook)
        written = here.create(inbox)
        here.fill(written, a_letter("Plan", []))
        here.save(written)
        [number] = here.numbers(inbox)
        first, second = here.open(inbox, number), there.open(inbox, number)
        here.set(first, {SUBJECT: "Plan A"})
        here.save(first)
        there.set(second, {SUBJECT: "Plan B"})
        try:
            there.save(second)
            raise AssertionError("the change of the first was overwritten")
        except Failed as failed:
            assert f"{OBJECT_MODIFIED:#010x}" in str(failed), failed
        assert there.read(inbox, number).values[SUBJECT] == "Plan A"
        again = there.open(inbox, number)
        there.set(again, {SUBJECT: "Plan B"})
        there.save(again)
        assert here.read(inbox, number).values[SUBJECT] == "Plan B"


def test_what_is_no_letter_is_seen_by_outlook_only(world, place):
    with served(world, place) as site:
        ida = Person(site)
        inbox = ida.folders[INBOX]
        ida.receive("a letter")
        for name in ("IPM.Appointment", "IPM.Contact", "IPM.Task", "IPM.StickyNote", "IPM.DistList"):
            ida.mailbox.write(inbox, Message({CLASS: name, SUBJECT: name}, []))
        assert len(ida.mailbox.numbers(inbox)) == 6
        [(_, letter)] = ida.letters("INBOX")
        assert letter["Subject"] == "a letter"
        with ida.imap() as imap:
            counted = imap.status("INBOX", "(MESSAGES UNSEEN UIDNEXT SIZE)")[1][0]
            assert b"MESSAGES 1 " in counted and b"UNSEEN 1 " in counted and b"UIDNEXT 2 " in counted, counted
        pop = poplib.POP3_SSL(HOST, site.server.ports["pop3s"], context=clients.TLS)
        pop.user(ida.address)
        pop.pass_(ida.account.password)
        assert pop.stat()[0] == 1
        pop.quit()
        columns = [SUBJECT, CLASS]
        rows = ida.mailbox.outlook.rows(ida.mailbox.logon, inbox, columns)
        assert {row[CLASS] for row in rows if row[SUBJECT] == row[CLASS]} == {
            "IPM.Appointment", "IPM.Contact", "IPM.Task", "IPM.StickyNote", "IPM.DistList"}
