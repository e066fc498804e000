"""Python's imaplib: a script that uses every extension that it finds, as people who automate their mail do."""

import imaplib
import re
import ssl

import letters

LETTER = letters.letter("from imaplib", text="Some words to be found.")
STORIES = [("Zoe", "pears"), ("Bert", "apples"), ("Anna", "Re: pears")]


def signed_in(server, account):
    """One connection; the certificate is nobody's business here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    imap = imaplib.IMAP4_SSL("localhost", server.ports["imaps"], ssl_context=context, timeout=30)
    imap.login(account.address, account.password)
    return imap


def do(imap, name, *arguments, answer=None):
    """One command that must succeed; the untagged answers of that name."""
    told, data = imap.xatom(name, *arguments)
    assert told == "OK", (name, arguments, data)
    return imap.response(answer or name)[1]


def filled(server):
    """An account with a few letters that differ in author and subject."""
    account = server.account()
    with signed_in(server, account) as imap:
        for name, subject in STORIES:
            letter = letters.letter(subject, sender=f"{name.lower()}@elsewhere.test")
            assert imap.append("INBOX", r"\Seen", None, letter)[0] == "OK"
    return account


def test_everything_that_can_be_enabled_is(server):
    account = filled(server)
    with signed_in(server, account) as imap:
        names = "CONDSTORE QRESYNC UTF8=ACCEPT METADATA IMAP4rev2".split()
        enabled = do(imap, "ENABLE", *names, answer="ENABLED")[0].decode().split()
        assert sorted(enabled) == sorted(names), enabled
        validity = int(re.search(rb"\d+", imap.status("INBOX", "(UIDVALIDITY)")[1][0].split(b"UIDVALIDITY")[1])[0])
        told, _ = imap.xatom("SELECT", "INBOX", f"(QRESYNC ({validity} 1) ANNOTATE)")
        assert told == "OK"
        assert imap.response("ANNOTATIONS")[1] == [b"4096"]
        assert len([line for line in imap.response("FETCH")[1] if b"MODSEQ" in line]) == 3


def test_results_are_searched_sorted_and_threaded(server):
    account = filled(server)
    with signed_in(server, account) as imap:
        imap.select("INBOX")
        assert imap.sort("(FROM)", "UTF-8", "ALL")[1] == [b"3 2 1"]
        assert imap.sort("(SUBJECT REVERSE DATE)", "UTF-8", "ALL")[1] == [b"2 1 3"]
        assert imap.thread("ORDEREDSUBJECT", "UTF-8", "ALL")[1] == [b"(1 3)(2)"]
        counted = do(imap, "SEARCH", "RETURN", "(MIN MAX COUNT SAVE)", "SUBJECT pears", answer="ESEARCH")
        assert counted[0].endswith(b"MIN 1 MAX 3 COUNT 2"), counted
        assert do(imap, "SEARCH", "RETURN", "(COUNT)", "$", answer="ESEARCH")[0].endswith(b"COUNT 2")
        assert do(imap, "SEARCH", "FUZZY TEXT", "pear")[0].split() == [b"1", b"3"]
        paged = do(imap, "UID", "SEARCH", "RETURN", "(PARTIAL -1:-2)", "ALL", answer="ESEARCH")[0]
        assert paged.endswith(b"PARTIAL (-1:-2 2:3)"), paged
        previews = imap.fetch("1:*", "(PREVIEW EMAILID THREADID SAVEDATE)")[1]
        assert len(previews) == 3 and all(b'PREVIEW "Good day."' in line for line in previews), previews


def test_notes_are_kept_of_mailboxes_and_messages(server):
    account = filled(server)
    with signed_in(server, account) as imap:
        do(imap, "SETMETADATA", "INBOX", '(/private/comment "mine")')
        told = do(imap, "GETMETADATA", "INBOX", "(/private/comment)", answer="METADATA")
        assert told == [b'INBOX (/private/comment "mine")'], told
        imap.select("INBOX")
        assert imap.store("2", "ANNOTATION", '(/comment (value.priv "call back"))')[0] == "OK"
        assert b'(value.priv "call back")' in imap.fetch("2", "(ANNOTATION (/comment value.priv))")[1][0]
        assert imap.search(None, "ANNOTATION", "/comment", "value", '"CALL"')[1] == [b"2"]
        assert imap.getquotaroot("INBOX")[0] == "OK" and imap.myrights("INBOX")[0] == "OK"
        assert b"lrswipkxtean" in imap.myrights("INBOX")[1][0]


def test_messages_are_replaced_moved_and_told_of(server):
    account = filled(server)
    with signed_in(server, account) as imap, signed_in(server, account) as other:
        imap.select("INBOX")
        imap.literal = LETTER
        assert do(imap, "REPLACE", "1", "Drafts", answer="EXPUNGE") == [b"1"]
        assert do(imap, "UID", "MOVE", "2", "Trash", answer="COPYUID")[0]
        assert do(imap, "NOTIFY", "SET (selected (MessageNew (UID) MessageExpunge)) "
                  "(mailboxes Trash (MessageNew MessageExpunge))") == [None]
        assert other.append("Trash", None, None, LETTER)[0] == "OK"
        assert imap.noop()[0] == "OK"
        assert any(line.startswith(b"Trash (MESSAGES 2 ") for line in imap.response("STATUS")[1])
        assert other.append("INBOX", None, None, LETTER)[0] == "OK"
        assert imap.noop()[0] == "OK"
        assert b"UID 4" in imap.response("FETCH")[1][-1]
        imap.unselect()
        assert do(imap, "UNAUTHENTICATE") == [None]
        imap.state = "NONAUTH"
        assert imap.login(account.address, account.password)[0] == "OK"
