"""fetchmail over POP3 and IMAP: keeping mail on the server, and taking it away."""

import os
import subprocess

import clients
import letters
from server import HOST

SECONDS = 120
NOTHING_NEW = 1  # fetchmail's exit code when there is no mail.

CONFIGURATION = """\
set no syslog
set idfile "{folder}/ids"
poll {host} service {port} protocol {protocol} {uidl}
  user "{user}" password "{password}"
  {keep} fetchall ssl no sslcertck
  mda "/bin/sh {folder}/take"
"""
TAKE = 'file=$(mktemp "{folder}/got/XXXXXXXX") && cat > "$file"\n'


class Fetcher:
    """One fetchmail with its folder."""

    def __init__(self, server, account, folder, protocol, keep):
        self.folder = folder
        os.makedirs(os.path.join(folder, "got"))
        with open(os.path.join(folder, "take"), "w", encoding="utf-8") as file:
            file.write(TAKE.format(folder=folder))
        port = server.ports["pop3s" if protocol == "pop3" else "imaps"]
        text = CONFIGURATION.format(
            folder=folder, host=HOST, port=port, protocol=protocol,
            uidl="uidl" if protocol == "pop3" else "", user=account.address,
            password=account.password, keep="keep" if keep else "nokeep",
        )
        if keep:
            text = text.replace("fetchall ", "")
        self.configuration = os.path.join(folder, "fetchmailrc")
        with open(self.configuration, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.configuration, 0o600)

    def run(self):
        """One poll; answers fetchmail's exit code."""
        environment = dict(os.environ, FETCHMAILHOME=self.folder, HOME=self.folder)
        done = subprocess.run(
            ["fetchmail", "--fetchmailrc", self.configuration, "--nodetach", "--verbose",
             "--pidfile", os.path.join(self.folder, "pid")],
            capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL,
            env=environment, check=False,
        )
        assert done.returncode in (0, NOTHING_NEW), done.stdout[-1500:] + done.stderr[-1500:]
        return done.returncode

    def subjects(self):
        """The subjects of what was fetched."""
        got = os.path.join(self.folder, "got")
        found = []
        for name in os.listdir(got):
            with open(os.path.join(got, name), "rb") as file:
                found.append(letters.subject(file.read()))
        return sorted(found)


def filled(server, count):
    """A new account with letters."""
    account = server.account()
    deliver(server, account, range(count))
    return account


def deliver(server, account, numbers):
    """Delivers numbered letters."""
    with clients.Smtp(server.ports["smtp"]) as smtp:
        for number in numbers:
            content = letters.letter(f"number {number}")
            smtp.deliver("a@elsewhere.test", [account.address], content)


def left(server, account):
    """How many letters are still on the server."""
    with clients.Pop3(server.ports["pop3s"], account) as pop:
        count = pop.count()
        pop.command("QUIT")
        return count


def check_keep(server, place, protocol):
    """Kept mail is fetched once, and stays."""
    account = filled(server, 5)
    fetcher = Fetcher(server, account, place, protocol, keep=True)
    assert fetcher.run() == 0
    assert fetcher.run() == NOTHING_NEW
    deliver(server, account, [5])
    assert fetcher.run() == 0
    assert fetcher.subjects() == [f"number {n}" for n in range(6)]
    assert left(server, account) == 6


def check_nokeep(server, place, protocol):
    """Mail that is not kept is gone after it was fetched."""
    account = filled(server, 5)
    fetcher = Fetcher(server, account, place, protocol, keep=False)
    assert fetcher.run() == 0
    assert fetcher.subjects() == [f"number {n}" for n in range(5)]
    assert left(server, account) == 0


def test_pop3_keep_fetches_each_letter_once(server, place):
    check_keep(server, place, "pop3")


def test_pop3_nokeep_empties_the_mailbox(server, place):
    check_nokeep(server, place, "pop3")


def test_imap_keep_fetches_each_letter_once(server, place):
    check_keep(server, place, "imap")


def test_imap_nokeep_empties_the_mailbox(server, place):
    check_nokeep(server, place, "imap")
