"""curl: IMAP, POP3 and SMTP over TLS as scripts use them."""

import os
import subprocess

import clients
import letters
from server import HOST

SECONDS = 60


def curl(server, account, scheme, path, *arguments, stdin=b"", check=True):
    """Runs curl against one of the server's TLS ports; answers what it wrote."""
    port = {"imaps": "imaps", "pop3s": "pop3s", "smtps": "submissions"}[scheme]
    command = [
        "curl", "--silent", "--show-error", "--insecure", "--max-time", "30",
        "--user", f"{account.address}:{account.password}",
        f"{scheme}://{HOST}:{server.ports[port]}{path}", *arguments,
    ]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=SECONDS, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"curl {path} ended with {done.returncode}: {done.stderr.decode()}")
    return done.stdout if check else done.returncode


def over_one_connection(server, account, *commands):
    """Gives one command after the other; the lines that the server sent."""
    one = ["--silent", "--verbose", "--insecure", "--max-time", "30",
           "--user", f"{account.address}:{account.password}"]
    url = f"imaps://{HOST}:{server.ports['imaps']}/"
    every = [[*one, "--request", command, url] for command in commands]
    arguments = [word for each in every for word in ["--next", *each]][1:]
    done = subprocess.run(["curl", *arguments], capture_output=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stderr.splitlines()
    return [line[2:].strip() for line in lines if line.startswith(b"< ")]


def filled(server, *subjects):
    """A new account with some letters in its INBOX."""
    account = server.account()
    with clients.Smtp(server.ports["smtp"]) as smtp:
        for subject in subjects:
            smtp.deliver("a@elsewhere.test", [account.address], letters.letter(subject))
    return account


def test_imap_lists_folders(server):
    told = curl(server, filled(server), "imaps", "/", "-X", 'LIST "" "*"')
    assert b"INBOX" in told


def test_imap_fetches_by_index_uid_and_section(server):
    account = filled(server, "one", "two")
    by_index = curl(server, account, "imaps", "/INBOX;MAILINDEX=2")
    assert letters.subject(by_index) == "two"
    uid = curl(server, account, "imaps", "/INBOX", "-X", "FETCH 2 (UID)").split(b"UID ")[1]
    number = int(uid.split(b")")[0])
    assert curl(server, account, "imaps", f"/INBOX;UID={number}") == by_index
    text = curl(server, account, "imaps", f"/INBOX;UID={number};SECTION=TEXT")
    assert text == b"Good day.\r\n", text


def test_imap_searches(server):
    account = filled(server, "needle", "hay", "needle again")
    told = curl(server, account, "imaps", "/INBOX?SUBJECT%20needle")
    assert told.strip() == b"* SEARCH 1 3", told


def test_imap_appends_and_a_quoted_command_runs_first(server, place):
    account = filled(server)
    path = os.path.join(place, "letter.eml")
    content = letters.letter("appended")
    with open(path, "wb") as file:
        file.write(content)
    curl(server, account, "imaps", "/INBOX", "-X", "CREATE Filed")
    curl(server, account, "imaps", "/Filed", "-T", path)
    assert curl(server, account, "imaps", "/Filed;MAILINDEX=1") == content


def test_imap_catches_up_with_what_others_did(server):
    """CONDSTORE and QRESYNC, as a script uses them that remembers three numbers."""
    account = filled(server, "one", "two", "three")
    told = over_one_connection(server, account, "SELECT INBOX (CONDSTORE)")
    validity, stamp = (number_in(told, word) for word in (b"UIDVALIDITY", b"HIGHESTMODSEQ"))
    with clients.Imap(server.ports["imaps"], account) as imap:
        imap.command("SELECT INBOX")
        imap.command(r"UID STORE 2 +FLAGS.SILENT (\Deleted)")
        imap.command("EXPUNGE")
        imap.command(r"UID STORE 3 +FLAGS.SILENT (\Flagged)")
    told = over_one_connection(
        server, account, "ENABLE QRESYNC", f"SELECT INBOX (QRESYNC ({validity} {stamp} 1:3))",
        "UID SEARCH RETURN (COUNT SAVE) FLAGGED", "UID STORE $ -FLAGS (\\Flagged)",
    )
    assert b"* ENABLED QRESYNC" in told, told
    assert b"* VANISHED (EARLIER) 2" in told, told
    changed = [line for line in told if line.startswith(b"* 2 FETCH (UID 3 FLAGS (")]
    assert [b"\\Flagged" in line for line in changed] == [True, False], changed
    assert any(line.endswith(b"UID COUNT 1") for line in told), told


def test_imap_asks_for_news_of_every_mailbox_at_once(server):
    """NOTIFY with STATUS takes the place of a question for each mailbox."""
    account = filled(server, "one")
    told = over_one_connection(
        server, account, "CREATE Filed",
        "NOTIFY SET STATUS (personal (MessageNew MessageExpunge))", "SELECT INBOX", "COPY 1 Filed",
    )
    status = [line for line in told if line.startswith(b"* STATUS ")]
    assert any(line.startswith(b"* STATUS INBOX (MESSAGES 1 ") for line in status), told
    assert any(line.startswith(b"* STATUS Filed (MESSAGES 0 ") for line in status), told


def number_in(told, word):
    """The number behind a word in what the server sent."""
    line = next(line for line in told if word + b" " in line)
    return int(line.split(word + b" ")[1].split(b"]")[0])


def test_pop3_lists_fetches_and_deletes(server):
    account = filled(server, "one", "two")
    assert len(curl(server, account, "pop3s", "/").splitlines()) == 2
    assert letters.subject(curl(server, account, "pop3s", "/1")) == "one"
    assert len(curl(server, account, "pop3s", "/", "-X", "UIDL").splitlines()) == 2
    curl(server, account, "pop3s", "/1", "-X", "DELE", "--list-only")
    assert [letters.subject(b) for b in remaining(server, account)] == ["two"]


def remaining(server, account):
    """What is still in the INBOX."""
    with clients.Imap(server.ports["imaps"], account) as imap:
        return [body for _, body in imap.bodies()]


def test_smtp_submits(server, place):
    sender, to = filled(server), filled(server)
    path = os.path.join(place, "letter.eml")
    with open(path, "wb") as file:
        file.write(letters.letter("by curl", sender=sender.address))
    curl(server, sender, "smtps", "/client.example", "--mail-from", sender.address,
         "--mail-rcpt", to.address, "-T", path)
    assert [letters.subject(body) for body in remaining(server, to)] == ["by curl"]


def test_a_wrong_password_is_refused_on_every_port(server):
    account = server.account()
    wrong = type(account)(account.address, "wrong")
    for scheme in ("imaps", "pop3s"):
        assert curl(server, wrong, scheme, "/", check=False) == 67, scheme
