"""mbsync: two clients keep a Maildir each in step with one account, both ways and at once."""

import mailbox
import os
import re
import subprocess

import clients
import letters
from tls import save_certificate

SECONDS = 120
ROUNDS_MAX = 4

CONFIGURATION = """\
IMAPAccount facteur
Host localhost
Port {port}
User {user}
Pass "{password}"
SSLType IMAPS
CertificateFile {certificate}
PipelineDepth 50

IMAPStore far
Account facteur

MaildirStore near
Path {maildir}/
Inbox {maildir}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
"""


class Client:
    """One mbsync with its Maildir."""

    def __init__(self, server, account, folder):
        self.maildir = os.path.join(folder, "mail")
        self.configuration = os.path.join(folder, "mbsyncrc")
        os.makedirs(self.maildir)
        certificate = save_certificate(server.ports["imaps"], os.path.join(folder, "cert.pem"))
        with open(self.configuration, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(
                port=server.ports["imaps"], user=account.address,
                password=account.password, certificate=certificate, maildir=self.maildir,
            ))

    def begin(self):
        """Starts a run."""
        return subprocess.Popen(
            ["mbsync", "--config", self.configuration, "--all"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )

    def run(self):
        """A whole run, which must succeed."""
        finish(self.begin())

    def folder(self, name="INBOX"):
        """A folder of the Maildir."""
        return mailbox.Maildir(os.path.join(self.maildir, name), factory=None, create=True)

    def state(self):
        """Folder, subject and flags of everything, sorted."""
        found = []
        for name in sorted(os.listdir(self.maildir)):
            if os.path.isdir(os.path.join(self.maildir, name, "cur")):
                for message in self.folder(name):
                    flags = "".join(sorted(set(message.get_flags()) - set("T")))
                    found.append((name, message["Subject"], flags))
        return sorted(found)


def finish(process):
    """Waits for a run and shows its output when it failed."""
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output.decode(errors="replace")[-2000:]


def server_state(server, account):
    """The same as `Client.state`, as the server tells it."""
    marks = {rb"\Seen": "S", rb"\Answered": "R", rb"\Flagged": "F", rb"\Draft": "D"}
    found = []
    with clients.Imap(server.ports["imaps"], account) as imap:
        for response in imap.command('LIST "" "*"'):
            name = response.decode().rsplit(" ", 1)[1].strip('"')
            if b"\\Noselect" in response:
                continue
            subjects = dict(imap.bodies(name))
            for each in imap.command("UID FETCH 1:* (FLAGS)"):
                uid = re.search(rb"UID (\d+)", each)
                if uid is None:
                    continue
                flags = "".join(sorted(m for flag, m in marks.items() if flag in each))
                found.append((name, letters.subject(subjects[int(uid[1])]), flags))
    return sorted(found)


def two_clients(server, place):
    """An account with ten letters and two clients that have fetched them."""
    account = server.account()
    with clients.Smtp(server.ports["smtp"]) as smtp:
        for number in range(10):
            content = letters.letter(f"number {number}")
            smtp.deliver("a@elsewhere.test", [account.address], content)
    pair = []
    for name in ("one", "two"):
        folder = os.path.join(place, name)
        os.makedirs(folder)
        pair.append(Client(server, account, folder))
    for client in pair:
        client.run()
    return account, pair


def until_equal(server, account, pair):
    """Runs both at once until nothing differs; answers the state."""
    for _ in range(ROUNDS_MAX):
        runs = [client.begin() for client in pair]
        for run in runs:
            finish(run)
        states = [client.state() for client in pair] + [server_state(server, account)]
        if states[0] == states[1] == states[2]:
            return states[0]
    raise AssertionError(f"still different after {ROUNDS_MAX} rounds: {states}")


def flag(client, subject, flags):
    """Sets flags on a letter in the local INBOX."""
    folder = client.folder()
    for key, message in folder.items():
        if message["Subject"] == subject:
            message.set_flags(flags)
            folder[key] = message
            return
    raise AssertionError(f"{subject} is not in the Maildir")


def test_both_clients_see_what_was_delivered(server, place):
    account, pair = two_clients(server, place)
    state = until_equal(server, account, pair)
    assert len(state) == 10


def test_changes_of_two_clients_at_once_and_new_mail_meet(server, place):
    account, (one, two) = two_clients(server, place)
    flag(one, "number 1", "S")
    flag(two, "number 2", "FS")
    flag(one, "number 3", "ST")  # T: removed by the next run.
    folder = two.folder("Filed")
    kept = folder.add(mailbox.MaildirMessage(letters.letter("filed by two")))
    assert kept
    one.folder().add(mailbox.MaildirMessage(letters.letter("written by one")))
    with clients.Smtp(server.ports["smtp"]) as smtp:
        smtp.deliver("a@elsewhere.test", [account.address], letters.letter("came meanwhile"))
    state = until_equal(server, account, (one, two))
    told = {(name, subject): flags for name, subject, flags in state}
    assert told[("INBOX", "number 1")] == "S"
    assert told[("INBOX", "number 2")] == "FS"
    assert ("INBOX", "number 3") not in told
    assert ("Filed", "filed by two") in told
    assert ("INBOX", "written by one") in told
    assert ("INBOX", "came meanwhile") in told


def test_a_letter_comes_back_from_the_maildir_byte_for_byte(world, server, place):
    account, (one, two) = two_clients(server, place)
    hard = [each for each in world.corpus if not letters.must_be_refused(each)][::200]
    folder = one.folder("Hard")
    for letter in hard:
        folder.add(letter.replace(b"\r\n", b"\n"))
    until_equal_folder(server, account, (one, two), "Hard", len(hard))
    with clients.Imap(server.ports["imaps"], account) as imap:
        stored = [without_mark(body) for _, body in imap.bodies("Hard")]
    assert sorted(stored) == sorted(hard)
    return f"{len(hard)} letters"


def until_equal_folder(server, account, pair, name, count):
    """Runs the clients one after the other until the folder holds as much everywhere."""
    for _ in range(ROUNDS_MAX):
        for client in pair:
            client.run()
        if all(len(client.folder(name)) == count for client in pair):
            return
    raise AssertionError(f"{name} of {account.address} is not everywhere the same")


def without_mark(content):
    """A letter without the line by which mbsync knows what it uploaded."""
    return re.sub(rb"(?m)^X-TUID: [^\r]*\r\n", b"", content, count=1)
