"""Filters: scripts by ManageSieve with a real client, and forwards and vacation by command."""

import imaplib
import os
import subprocess
import time

import clients
import letters
from server import HOST

SECONDS = 60
SCRIPT = """\
require ["fileinto", "mailbox", "imap4flags", "vacation"];
if header :contains "subject" "invoice" { fileinto :create :flags "\\\\Flagged" "Money/Invoices"; }
elsif header :contains "subject" "question" { vacation "I am away."; }
"""


def connect(server, account, place, *arguments, stdin=None):
    """Runs sieve-connect over STARTTLS; answers what it printed."""
    environment = dict(os.environ, HOME=place)
    done = subprocess.run(
        ["sieve-connect", "--server", HOST, "--port", str(server.ports["managesieve"]),
         "--user", account.address, "--passwordfd", "0", "--notlsverify",
         "--authmech", "PLAIN", *arguments],
        input=account.password + "\n" + (stdin or ""), capture_output=True, text=True,
        timeout=SECONDS, env=environment, cwd=place, check=False,
    )
    return done


def script_file(place, text, name="script.sieve"):
    """A script in a file."""
    path = os.path.join(place, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def deliver(server, account, subject):
    """Delivers one letter."""
    content = letters.letter(subject, extra=f"Cc: <{account.address}>\r\n")
    with clients.Smtp(server.ports["smtp"]) as smtp:
        smtp.deliver("sender@elsewhere.test", [account.address], content)


def count(server, account, folder):
    """How many letters are in a folder."""
    shown = server.command_json("folder", "list", account.address)
    return next((entry["letters"] for entry in shown if entry["path"] == folder), 0)


def test_sieve_connect_uploads_activates_and_fetches_a_script(server, place):
    account = server.account()
    path = script_file(place, SCRIPT)
    done = connect(server, account, place, "--localsieve", path, "--remotesieve", "mine", "--upload")
    assert done.returncode == 0, done.stdout + done.stderr
    done = connect(server, account, place, "--remotesieve", "mine", "--activate")
    assert done.returncode == 0, done.stdout + done.stderr
    done = connect(server, account, place, "--list")
    assert "mine" in done.stdout and "ACTIVE" in done.stdout.upper(), done.stdout
    fetched = os.path.join(place, "fetched.sieve")
    connect(server, account, place, "--localsieve", fetched, "--remotesieve", "mine", "--download")
    with open(fetched, encoding="utf-8") as file:
        assert file.read().replace("\r\n", "\n") == SCRIPT
    deliver(server, account, "your invoice")
    deliver(server, account, "a question")
    assert count(server, account, "Money/Invoices") == 1
    assert count(server, account, "Inbox") == 1


def test_sieve_connect_is_told_where_a_fault_is(server, place):
    account = server.account()
    path = script_file(place, 'keep;\nfileinto "x";\n')
    done = connect(server, account, place, "--localsieve", path, "--remotesieve", "bad", "--upload")
    assert done.returncode != 0
    assert "line 2, column 1" in done.stdout + done.stderr, done.stdout + done.stderr


def test_forwards_and_vacation_are_set_by_command(server, place):
    account = server.account()
    server.command("forward", "set", account.address, "me@elsewhere.test", "--keep")
    server.command("vacation", "set", account.address, "Back in June.", "--until", "2099-06-01T00:00:00Z")
    before = len(server.command_json("queue", "list"))
    deliver(server, account, "hello")
    assert count(server, account, "Inbox") == 1
    assert len(server.command_json("queue", "list")) == before + 2
    shown = server.command("vacation", "show", account.address).stdout
    assert "Back in June." in shown and "2099-06-01" in shown
    server.command("forward", "remove", account.address)
    server.command("vacation", "remove", account.address)
    deliver(server, account, "hello again")
    assert count(server, account, "Inbox") == 2
    assert len(server.command_json("queue", "list")) == before + 2


def test_a_script_is_put_by_command_and_a_faulty_one_refused(server, place):
    account = server.account()
    path = script_file(place, 'require "reject"; reject "not today";\n')
    server.command("script", "put", account.address, "mine", path, "--activate")
    assert server.command("script", "list", account.address).stdout.split() == ["mine", "active"]
    try:
        deliver(server, account, "hello")
    except clients.Refused as refused:
        assert "550" in str(refused) and "not today" in str(refused), refused
    else:
        raise AssertionError("the letter was accepted")
    bad = script_file(place, "keep\n", "bad.sieve")
    done = server.command("script", "check", bad, check=False)
    assert done.returncode != 0 and "line 2, column 1" in done.stderr, done.stderr


def test_a_closed_group_refuses_strangers_and_a_moderated_one_asks(server):
    member, moderator = server.account(), server.account()
    closed, moderated = "closed@example.test", "moderated@example.test"
    server.command("group", "set", closed, member.address, "--members-only")
    server.command("group", "set", moderated, member.address, "--moderator", moderator.address)
    content = letters.letter("hello")
    with clients.Smtp(server.ports["smtp"]) as smtp:
        smtp.deliver("sender@elsewhere.test", [moderated], content)
        assert (count(server, member, "Inbox"), count(server, moderator, "Inbox")) == (0, 1)
        smtp.deliver(member.address, [closed], content)
        assert count(server, member, "Inbox") == 1
        try:
            smtp.deliver("sender@elsewhere.test", [closed], content)
        except clients.Refused as refused:
            assert "550" in str(refused), refused
        else:
            raise AssertionError("a stranger wrote to a closed group")
    shown = server.command("group", "list").stdout
    assert "members only" in shown and f"moderated by {moderator.address}" in shown, shown


def test_an_alias_and_a_catch_all_lead_to_accounts(server):
    one, two = server.account(), server.account()
    server.command("alias", "add", "sales@example.test", one.address, two.address)
    content = letters.letter("hello")
    with clients.Smtp(server.ports["smtp"]) as smtp:
        smtp.deliver("sender@elsewhere.test", ["sales@example.test"], content)
        assert (count(server, one, "Inbox"), count(server, two, "Inbox")) == (1, 1)
        server.command("domain", "catch-all", "example.test", two.address)
        try:
            smtp.deliver("sender@elsewhere.test", ["nobody.knows@example.test"], content)
        finally:
            server.command("domain", "catch-all", "example.test")
        assert (count(server, one, "Inbox"), count(server, two, "Inbox")) == (1, 2)
        try:
            smtp.deliver("sender@elsewhere.test", ["nobody.knows@example.test"], content)
        except clients.Refused as refused:
            assert "550" in str(refused), refused
        else:
            raise AssertionError("nobody got a letter")
    server.command("alias", "remove", "sales@example.test")
    assert "sales@example.test" not in server.command("alias", "list").stdout


def test_a_vacation_has_dates_and_is_over_when_they_say(server):
    account = server.account()
    before = len(server.command_json("queue", "list"))
    for since, until, answers in [
        ("2001-01-01", "2001-02-01", 0), ("2099-01-01", "2099-02-01", 0), ("2001-01-01", "2099-02-01", 1),
    ]:
        server.command("vacation", "set", account.address, "Away.", "--from", since, "--until", until)
        shown = server.command("vacation", "show", account.address).stdout
        assert since in shown and until in shown, shown
        deliver(server, account, "hello")
        assert len(server.command_json("queue", "list")) == before + answers, until


def test_a_folders_script_runs_when_imap_puts_a_letter_there(server, place):
    account = server.account()
    script = 'require ["imapsieve", "environment", "fileinto", "copy", "imap4flags"];\n'
    script += 'if environment "imap.cause" "APPEND" { fileinto :copy "Copies"; addflag "\\\\Flagged"; }\n'
    path = script_file(place, script)
    server.command("script", "put", account.address, "events", path)
    with imaplib.IMAP4_SSL(HOST, server.ports["imaps"], ssl_context=clients.TLS) as imap:
        imap.login(account.address, account.password)
        port = server.ports["managesieve"]
        assert any("IMAPSIEVE=SIEVE://" in known.upper() and str(port) in known
                   for known in imap.capability()[1][0].decode().split())
        for name in ("Work", "Copies"):
            assert imap.create(name)[0] == "OK"
        assert imap.xatom("SETMETADATA", 'Work (/shared/imapsieve/script "events")')[0] == "OK"
        assert imap.append("Work", None, None, letters.letter("hello"))[0] == "OK"
        end = time.monotonic() + SECONDS
        while count(server, account, "Copies") == 0:
            assert time.monotonic() < end, "the script did not run"
            time.sleep(0.2)
        imap.select("Work")
        assert imap.search(None, "FLAGGED")[1] == [b"1"]


def test_each_reader_of_a_shared_folder_has_read_what_they_have_read(server):
    owner, reader = server.account(), server.account()
    deliver(server, owner, "news")
    server.command("folder", "share", owner.address, "Inbox", reader.address, "read")
    server.command("folder", "seen", owner.address, "Inbox", "each")
    assert "unread for the others" in server.command("folder", "rights", owner.address, "Inbox").stdout
    shared = f'"Other Users/{owner.address}/INBOX"'
    for account, folder in ((reader, shared), (owner, "INBOX")):
        with imaplib.IMAP4_SSL(HOST, server.ports["imaps"], ssl_context=clients.TLS) as imap:
            imap.login(account.address, account.password)
            assert b"UNSEEN 1" in imap.status(folder, "(UNSEEN)")[1][0]
            imap.select(folder)
            assert imap.search(None, "UNSEEN")[1] == [b"1"]
            imap.fetch("1", "(BODY[])")
            assert imap.search(None, "UNSEEN")[1] == [b""]
            assert b"UNSEEN 0" in imap.status(folder, "(UNSEEN)")[1][0]
