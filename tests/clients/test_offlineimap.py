"""offlineimap3: another two-way client, which trusts UIDs and numbers of its own and asks in another way than mbsync."""

import mailbox
import os
import re
import subprocess

import clients
import letters
from tls import save_certificate

SECONDS = 120

CONFIGURATION = """\
[general]
metadata = {folder}/metadata
accounts = it
ui = basic
maxsyncaccounts = 1
fsync = false

[Account it]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = {folder}/mail
sep = /

[Repository far]
type = IMAP
remotehost = localhost
remoteport = {port}
remoteuser = {user}
remotepass = {password}
ssl = yes
sslcacertfile = {certificate}
starttls = no
maxconnections = 2
"""


# It compresses, and keeps its connections open to be told of news by IDLE.
EXTENSIONS = """\
usecompression = yes
holdconnectionopen = yes
keepalive = 60
idlefolders = ['INBOX']
"""


class Client:
    """One offlineimap with its Maildir."""

    def __init__(self, server, account, folder, extensions=""):
        self.folder_path = folder
        self.configuration = os.path.join(folder, "offlineimaprc")
        certificate = save_certificate(server.ports["imaps"], os.path.join(folder, "cert.pem"))
        with open(self.configuration, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(
                folder=folder, port=server.ports["imaps"], user=account.address,
                password=account.password, certificate=certificate,
            ) + extensions)

    def run(self):
        """A whole run, which must succeed and complain about nothing."""
        done = subprocess.run(
            ["offlineimap", "-o", "-c", self.configuration], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=SECONDS, check=False,
            env=dict(os.environ, HOME=self.folder_path),
        )
        told = done.stdout + done.stderr
        assert done.returncode == 0 and "ERROR" not in told, told[-2000:]

    def folder(self, name="INBOX"):
        """A folder of the Maildir."""
        path = os.path.join(self.folder_path, "mail", name)
        return mailbox.Maildir(path, factory=None, create=True)

    def state(self, name="INBOX"):
        """Subject and flags of every letter of a folder, sorted."""
        return sorted((message["Subject"], "".join(sorted(message.get_flags())))
                      for message in self.folder(name))


def server_state(server, account, name="INBOX"):
    """The same as `Client.state`, as the server tells it."""
    marks = {rb"\Seen": "S", rb"\Answered": "R", rb"\Flagged": "F", rb"\Draft": "D"}
    found = []
    with clients.Imap(server.ports["imaps"], account) as imap:
        subjects = {uid: letters.subject(body) for uid, body in imap.bodies(name)}
        for each in imap.command("UID FETCH 1:* (FLAGS)") if subjects else []:
            uid = re.search(rb"UID (\d+)", each)
            if uid:
                flags = "".join(sorted(m for flag, m in marks.items() if flag in each))
                found.append((subjects[int(uid[1])], flags))
    return sorted(found)


def synced(server, place, count, extensions=""):
    """An account with letters, and a client that has fetched them."""
    account = server.account()
    with clients.Smtp(server.ports["smtp"]) as smtp:
        for number in range(count):
            smtp.deliver("a@elsewhere.test", [account.address], letters.letter(f"number {number}"))
    client = Client(server, account, place, extensions)
    client.run()
    return account, client


def test_new_letters_and_flags_travel_both_ways(server, place):
    account, client = synced(server, place, 4)
    near = client.folder()
    keys = {near[key]["Subject"]: key for key in near.keys()}
    message = near[keys["number 1"]]
    message.add_flag("SF")
    message.set_subdir("cur")
    near[keys["number 1"]] = message
    near.add(letters.letter("written here").replace(b"\r\n", b"\n"))
    with clients.Imap(server.ports["imaps"], account) as imap:
        imap.command("SELECT INBOX")
        imap.command(r"STORE 3 +FLAGS (\Answered)")
        imap.append("INBOX", letters.letter("written there"), r"\Seen")
    client.run()
    expected = [("number 0", ""), ("number 1", "FS"), ("number 2", "R"), ("number 3", ""),
                ("written here", ""), ("written there", "S")]
    assert client.state() == expected
    assert server_state(server, account) == expected


def test_with_all_extensions_letters_travel_both_ways(server, place):
    """COMPRESS and IDLE, and one connection for a whole run."""
    account, client = synced(server, place, 3, EXTENSIONS)
    near = client.folder()
    near.remove(next(key for key in near.keys() if near[key]["Subject"] == "number 0"))
    near.add(letters.letter("written here").replace(b"\r\n", b"\n"))
    with clients.Imap(server.ports["imaps"], account) as imap:
        imap.append("INBOX", letters.letter("written there"), r"\Seen")
    client.run()
    expected = [("number 1", ""), ("number 2", ""), ("written here", ""), ("written there", "S")]
    assert client.state() == expected
    assert server_state(server, account) == expected


def test_deletions_travel_both_ways(server, place):
    account, client = synced(server, place, 4)
    near = client.folder()
    near.remove(next(key for key in near.keys() if near[key]["Subject"] == "number 0"))
    with clients.Imap(server.ports["imaps"], account) as imap:
        imap.command("SELECT INBOX")
        imap.command(r"UID STORE 2 +FLAGS (\Deleted)")
        imap.command("EXPUNGE")
    client.run()
    assert client.state() == [("number 2", ""), ("number 3", "")]
    assert server_state(server, account) == client.state()


def test_folders_made_on_either_side_hold_the_same_letters_on_both(server, place):
    account, client = synced(server, place, 1)
    with clients.Imap(server.ports["imaps"], account) as imap:
        imap.command("CREATE There/Below")
        imap.append("There/Below", letters.letter("filed there"))
    client.folder("Here").add(letters.letter("filed here").replace(b"\r\n", b"\n"))
    client.run()
    assert client.state("There/Below") == [("filed there", "")]
    assert server_state(server, account, "Here") == [("filed here", "")]


def test_a_second_run_changes_nothing(server, place):
    """Uploads are found again by their UID, so that nothing is doubled or fetched twice."""
    account, client = synced(server, place, 2)
    client.folder().add(letters.letter("uploaded").replace(b"\r\n", b"\n"))
    client.run()
    names = sorted(client.folder().keys())
    told = server_state(server, account)
    client.run()
    assert sorted(client.folder().keys()) == names
    assert server_state(server, account) == told
    assert client.state() == told


def test_real_letters_arrive_byte_for_byte(world, server, place):
    """All of a sample of the corpus, from the server into the Maildir."""
    sample = [each for each in world.corpus if not letters.must_be_refused(each)][::60]
    account = server.account()
    with clients.Imap(server.ports["imaps"], account) as imap:
        for letter in sample:
            imap.append("INBOX", letter)
    client = Client(server, account, place)
    client.run()
    near = client.folder()
    fetched = sorted(near.get_bytes(key) for key in near.keys())
    assert fetched == sorted(letter.replace(b"\r\n", b"\n") for letter in sample)
    return f"{len(sample)} letters"
