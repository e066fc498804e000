"""Thunderbird: it connects, sees folders and letters, sends, files, searches, deletes, and is told of news at once."""

import base64
import re

import clients
import letters
import thunderbird
from server import Skipped
from thunderbird import Thunderbird

REAL_LETTERS_STEP = 120  # Each letter goes through Thunderbird's own parser, file and display.
FOLDERS = {"INBOX": "Inbox", "Sent": "Sent", "Drafts": "Drafts", "Trash": "Trash", "Junk": "Junk"}


def needs_thunderbird():
    """`make nightly` installs it; a quick run does without its 250 MB."""
    if not thunderbird.installed():
        raise Skipped("thunderbird is not installed")


def filled(server, *subjects):
    """A new account with letters."""
    account = server.account()
    deliver(server, account, *subjects)
    return account


def deliver(server, account, *subjects):
    """Letters from outside; the text of each names its subject."""
    with clients.Smtp(server.ports["smtp"]) as smtp:
        for subject in subjects:
            content = letters.letter(subject, text=f"This is about {subject}.")
            smtp.deliver("a@elsewhere.test", [account.address], content)


def subjects(server, account, folder="INBOX"):
    """The subjects in a folder, as the server tells them."""
    with clients.Imap(server.ports["imaps"], account) as imap:
        return sorted(letters.subject(body) for _, body in imap.bodies(folder))


def test_folders_are_seen_in_their_roles_and_a_new_one_is_made(server, place):
    needs_thunderbird()
    account = filled(server, "one")
    with Thunderbird(server, account, place) as bird:
        assert bird.do("fetchNew", "INBOX") == ["one"]
        assert dict(bird.do("folders")) == FOLDERS
        bird.do("createFolder", "Größe & Maß")
        bird.picture("folders")
    with clients.Imap(server.ports["imaps"], account) as imap:
        imap.command("ENABLE UTF8=ACCEPT")
        listed = b"\n".join(imap.command('LIST "" "*"')).decode()
        assert "Größe & Maß" in listed, listed
    with clients.Imap(server.ports["imaps"], account) as imap:
        listed = b"\n".join(imap.command('LSUB "" "*"')).decode()
        assert "Gr&APYA3w-e &- Ma&AN8-" in listed, listed


def test_real_letters_are_read_byte_for_byte(world, server, place):
    needs_thunderbird()
    sample = [each for each in world.corpus if not letters.must_be_refused(each)]
    sample = sample[::REAL_LETTERS_STEP]
    account = server.account()
    with clients.Smtp(server.ports["smtp"]) as smtp:
        for letter in sample:
            smtp.deliver("a@elsewhere.test", [account.address], letter)
    with Thunderbird(server, account, place) as bird:
        shown = bird.do("fetchNew", "INBOX")
        assert len(shown) == len(sample)
        read = [base64.b64decode(each) for each in bird.do("sources", "INBOX")]
    read = [letters.behind_trace(without_own_lines(each))[1] for each in read]
    assert sorted(read) == sorted(sample)
    return f"{len(sample)} letters"


def without_own_lines(source):
    """A letter without the lines that Thunderbird puts in front of what it has on disk."""
    source = re.sub(rb"\A(?:X-Mozilla-[^\n]*\n)+", b"", source)
    return re.sub(rb"\r?\n", b"\r\n", source)


def test_a_letter_is_opened_and_its_text_shown(server, place):
    needs_thunderbird()
    account = filled(server, "the first", "the second")
    with Thunderbird(server, account, place) as bird:
        bird.do("fetchNew", "INBOX")
        assert "This is about the second." in bird.do("show", "INBOX", "the second")
        bird.picture("opened")


def test_a_letter_is_sent_and_its_copy_kept(server, place):
    needs_thunderbird()
    account, to = filled(server), filled(server)
    with Thunderbird(server, account, place) as bird:
        bird.do("fetchNew", "INBOX")
        bird.do("send", to.address, "Grüße from Thunderbird", "Good day.\n")
        bird.do("holds", "Sent", ["Grüße from Thunderbird"])
    with clients.Imap(server.ports["imaps"], to) as imap:
        [(_, letter)] = imap.bodies("INBOX")
    trace, sent = letters.behind_trace(letter)
    assert letters.return_path(trace) == account.address
    assert b"User-Agent: Mozilla Thunderbird" in sent and b"\r\nGood day.\r\n" in sent
    with clients.Imap(server.ports["imaps"], account) as imap:
        [(_, kept)] = imap.bodies("Sent")
    assert message_id(kept) == message_id(sent)


def message_id(letter):
    """The Message-ID of a letter."""
    return re.search(rb"(?mi)^Message-ID: *(\S+)", letter)[1]


def test_letters_are_filed_starred_searched_and_deleted(server, place):
    needs_thunderbird()
    account = filled(server, "keep", "file one", "file two", "throw away")
    with Thunderbird(server, account, place) as bird:
        bird.do("fetchNew", "INBOX")
        bird.do("createFolder", "Filed")
        bird.do("createFolder", "Kept")
        bird.do("file", "INBOX", ["file one", "file two"], "Filed", "move")
        bird.do("holds", "Filed", ["file one", "file two"])
        bird.do("file", "Filed", ["file one"], "Kept", "copy")
        bird.do("holds", "Kept", ["file one"])
        assert bird.do("search", "Filed", "about file two") == ["file two"]
        assert bird.do("search", "INBOX", "about file two") == []
        bird.do("remove", "INBOX", "throw away")
        bird.do("holds", "Trash", ["throw away"])
        bird.do("star", "INBOX", "keep")
        bird.do("holds", "INBOX", ["keep"])
        bird.picture("filed")
        assert subjects(server, account, "Trash") == ["throw away"]
        bird.do("emptyTrash")
        bird.do("holds", "Trash", [])
    assert subjects(server, account) == ["keep"]
    assert subjects(server, account, "Filed") == ["file one", "file two"]
    assert subjects(server, account, "Kept") == ["file one"]
    assert subjects(server, account, "Trash") == []
    with clients.Imap(server.ports["imaps"], account) as imap:
        imap.command("EXAMINE INBOX")
        assert b"\\Flagged" in imap.command("FETCH 1 (FLAGS)")[0]


def test_what_happens_elsewhere_is_shown_without_asking(server, place):
    """Thunderbird waits in IDLE; a new letter, a flag and a deletion by another client reach it."""
    needs_thunderbird()
    account = filled(server, "read elsewhere", "deleted elsewhere")
    with Thunderbird(server, account, place) as bird:
        bird.do("fetchNew", "INBOX")
        deliver(server, account, "came meanwhile")
        bird.do("becomes", "INBOX", [
            ["came meanwhile", False, False], ["deleted elsewhere", False, False],
            ["read elsewhere", False, False],
        ])
        with clients.Imap(server.ports["imaps"], account) as imap:
            imap.command("SELECT INBOX")
            imap.command(r"UID STORE 1 +FLAGS (\Seen \Flagged)")
            imap.command(r"UID STORE 2 +FLAGS (\Deleted)")
            imap.command("EXPUNGE")
        bird.do("becomes", "INBOX",
                [["came meanwhile", False, False], ["read elsewhere", True, True]])


def test_it_goes_on_after_a_restart_of_the_server(world, place):
    needs_thunderbird()
    server = world.new_server(place).prepare().start()
    try:
        account = filled(server, "before")
        with Thunderbird(server, account, place) as bird:
            assert bird.do("fetchNew", "INBOX") == ["before"]
            server.restart()
            deliver(server, account, "after")
            bird.do("holds", "INBOX", ["after", "before"])
    finally:
        server.stop()
