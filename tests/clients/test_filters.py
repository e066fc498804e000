"""Filters: scripts by ManageSieve with a real client, and forwards and vacation by command."""

import os
import subprocess

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
