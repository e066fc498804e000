"""IMAP between two sessions: what one does the other hears, and a client that was away catches up."""

import re
import time

import clients
import letters

PUSH_SECONDS_MAX = 2  # Far above what it takes; below what a poll would need.


def filled(server, count=0):
    """A new account with letters."""
    account = server.account()
    deliver(server, account, *(f"number {number}" for number in range(count)))
    return account


def deliver(server, account, *subjects):
    """Delivers letters by SMTP."""
    with clients.Smtp(server.ports["smtp"]) as smtp:
        for subject in subjects:
            smtp.deliver("a@elsewhere.test", [account.address], letters.letter(subject))


def session(server, account):
    """A signed-in session over TLS."""
    return clients.Imap(server.ports["imaps"], account)


def number_after(word, responses):
    """The number behind a word such as UIDNEXT in any of the responses."""
    for response in responses:
        found = re.search(word.encode() + rb" (\d+)", response)
        if found:
            return int(found[1])
    raise AssertionError(f"no {word} in {responses}")


def test_an_idle_session_hears_of_a_delivery_at_once(server):
    account = filled(server)
    with session(server, account) as imap:
        imap.command("SELECT INBOX")
        tag = imap.idle()
        started = time.monotonic()
        deliver(server, account, "push")
        while b"EXISTS" not in imap.response():
            pass
        seconds = time.monotonic() - started
        imap.done(tag)
    assert seconds < PUSH_SECONDS_MAX, seconds
    return f"{seconds * 1000:.0f} ms with the delivery"


def test_an_idle_session_hears_of_flags_and_expunges_of_another(server):
    account = filled(server, 3)
    with session(server, account) as one, session(server, account) as two:
        one.command("SELECT INBOX")
        two.command("SELECT INBOX")
        tag = one.idle()
        two.command(r"STORE 2 +FLAGS (\Flagged)")
        heard = one.response()
        assert heard.startswith(b"* 2 FETCH") and rb"\Flagged" in heard, heard
        two.command(r"STORE 1 +FLAGS.SILENT (\Deleted)")
        two.command("EXPUNGE")
        while (heard := one.response()) != b"* 1 EXPUNGE":
            assert b"FETCH" in heard, heard
        one.done(tag)


def test_move_takes_letters_away_and_tells_their_new_uids(server):
    account = filled(server, 3)
    with session(server, account) as imap:
        imap.command("CREATE Filed")
        imap.command("SELECT INBOX")
        told = imap.command("MOVE 1:2 Filed")
        copyuid = re.search(rb"COPYUID \d+ ([\d,:]+) ([\d,:]+)", b" ".join(told) + imap.completion)
        assert copyuid, (told, imap.completion)
        assert sum(each.endswith(b"EXPUNGE") for each in told) == 2, told
        kept = [letters.subject(body) for _, body in imap.bodies("INBOX")]
        moved = [letters.subject(body) for _, body in imap.bodies("Filed")]
    assert (kept, moved) == (["number 2"], ["number 0", "number 1"])


def test_qresync_tells_a_client_that_was_away_exactly_what_changed(server):
    account = filled(server, 6)
    with session(server, account) as imap:
        imap.command("ENABLE QRESYNC")
        told = imap.command("SELECT INBOX")
        validity, stamp = number_after("UIDVALIDITY", told), number_after("HIGHESTMODSEQ", told)
        uids = [uid for uid, _ in imap.bodies()]
    with session(server, account) as other:
        other.command("SELECT INBOX")
        other.command(rf"UID STORE {uids[1]} +FLAGS (\Seen)")
        other.command(rf"UID STORE {uids[3]} +FLAGS (\Deleted)")
        other.command("EXPUNGE")
    deliver(server, account, "new")
    with session(server, account) as imap:
        imap.command("ENABLE QRESYNC")
        told = imap.command(f"SELECT INBOX (QRESYNC ({validity} {stamp}))")
        vanished = [each for each in told if b"VANISHED (EARLIER)" in each]
        changed = {int(re.search(rb"UID (\d+)", each)[1]) for each in told if b" FETCH (" in each}
    assert len(vanished) == 1 and vanished[0].endswith(b" %d" % uids[3]), vanished
    assert changed == {uids[1], uids[-1] + 1}, changed


def test_condstore_refuses_a_store_on_what_changed_meanwhile(server):
    account = filled(server, 2)
    with session(server, account) as one, session(server, account) as two:
        stamp = number_after("HIGHESTMODSEQ", one.command("SELECT INBOX (CONDSTORE)"))
        two.command("SELECT INBOX")
        two.command(r"STORE 1 +FLAGS (\Flagged)")
        one.command(rf"STORE 1:2 (UNCHANGEDSINCE {stamp}) +FLAGS (\Seen)")
        assert b"[MODIFIED 1]" in one.completion, one.completion


def test_append_tells_the_uid_and_keeps_flags_date_and_bytes(server):
    account = filled(server)
    content = letters.letter("appended")
    with session(server, account) as imap:
        date = "13-Mar-2026 10:00:00 +0100"
        imap.append("INBOX", content, r"\Seen $Work", date)
        uid = int(re.search(rb"APPENDUID \d+ (\d+)", imap.completion)[1])
        imap.command("SELECT INBOX")
        told = imap.command(f"UID FETCH {uid} (FLAGS INTERNALDATE)")[0]
        assert rb"\Seen" in told and b"$Work" in told, told
        same = (date, "13-Mar-2026 09:00:00 +0000")
        assert any(each.encode() in told for each in same), told
        assert imap.bodies() == [(uid, content)]


def test_binary_and_non_ascii_come_back_as_they_went_in(server):
    account = filled(server)
    content = letters.letter("eight bit", text="Gr\u00fc\u00dfe \u2014 \u65e5\u672c")
    with session(server, account) as imap:
        imap.append("INBOX", content)
        imap.command("CREATE &ZeVnLIqe-")
        imap.append("&ZeVnLIqe-", content)
        assert [body for _, body in imap.bodies("&ZeVnLIqe-")] == [content]


def test_a_renamed_folder_keeps_its_letters_and_uids(server):
    account = filled(server)
    with session(server, account) as imap:
        imap.command("CREATE Old")
        imap.append("Old", letters.letter("one"))
        before = number_after("UIDVALIDITY", imap.command("STATUS Old (UIDVALIDITY)"))
        imap.command("RENAME Old New/Deep")
        after = number_after("UIDVALIDITY", imap.command("STATUS New/Deep (UIDVALIDITY)"))
        assert before == after
        assert len(imap.bodies("New/Deep")) == 1


def test_special_folders_are_marked(server):
    with session(server, filled(server)) as imap:
        told = b"\n".join(imap.command('LIST "" "*" RETURN (SPECIAL-USE)'))
        for mark in (rb"\Sent", rb"\Drafts", rb"\Trash", rb"\Junk"):
            assert mark in told, (mark, told)


def test_uids_are_never_given_twice(server):
    account = filled(server, 2)
    with session(server, account) as imap:
        uids = [uid for uid, _ in imap.bodies()]
        imap.command("SELECT INBOX")
        imap.command(r"STORE 1:* +FLAGS.SILENT (\Deleted)")
        imap.command("EXPUNGE")
        imap.append("INBOX", letters.letter("later"))
        assert imap.bodies()[0][0] > max(uids)
