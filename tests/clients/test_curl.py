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
