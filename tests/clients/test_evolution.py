"""Evolution: its mail library reads, marks, files and saves letters with QRESYNC and IDLE on, and keeps a cache of its own."""

import glob
import json
import os
import subprocess

import clients
import letters
from server import Skipped

SECONDS = 60
PYTHON = "/usr/bin/python3"  # The one that the library's bindings are installed for.
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "evolution.py")
PLACES = ("/usr/lib/evolution-data-server/camel-providers",
          "/usr/lib/*/evolution-data-server/camel-providers")


def provider():
    """The folder with its IMAP; it may be unpacked elsewhere, as its package brings a whole desktop along."""
    told = os.environ.get("EDS_CAMEL_PROVIDER_DIR")
    for place in [told] if told else PLACES:
        for found in glob.glob(os.path.join(place, "libcamelimapx.so")):
            return os.path.dirname(found)
    raise Skipped("evolution-data-server is not installed")


class Evolution:
    """One account in one Evolution; each `do` is a run of it with what the run before left in its cache."""

    def __init__(self, server, account, folder):
        self.sign_in = ["sign_in", server.ports["imaps"], account.address, account.password]
        self.folder = folder
        self.environment = dict(
            os.environ, HOME=folder, GSETTINGS_BACKEND="memory", LC_ALL="C.UTF-8",
            EDS_CAMEL_PROVIDER_DIR=provider(), DBUS_SESSION_BUS_ADDRESS="disabled:",
        )
        check = "import gi; gi.require_version('Camel', '1.2'); from gi.repository import Camel"
        if not os.path.exists(PYTHON) or subprocess.run(
                [PYTHON, "-c", check], capture_output=True, check=False).returncode != 0:
            raise Skipped("gir1.2-camel-1.2 or python3-gi is not installed")

    def do(self, *steps):
        """What it says to each step."""
        steps = [self.sign_in, *steps, ["sign_out"]]
        done = subprocess.run(
            [PYTHON, PROGRAM, self.folder], input=json.dumps(steps), capture_output=True, text=True,
            timeout=SECONDS, env=self.environment, check=False,
        )
        assert done.returncode == 0 and done.stdout, done.stderr[-3000:]
        return json.loads(done.stdout)[1:-1]


def filled(server, *subjects):
    """A new account with letters."""
    account = server.account()
    with clients.Smtp(server.ports["smtp"]) as smtp:
        for subject in subjects:
            content = letters.letter(subject, text=f"This is about {subject}.")
            smtp.deliver("a@elsewhere.test", [account.address], content)
    return account


def test_letters_are_listed_read_and_marked(server, place):
    account = filled(server, "one", "two")
    evolution = Evolution(server, account, place)
    names = ["INBOX", "Sent", "Drafts", "Trash"]
    folders, listed, text, _ = evolution.do(
        ["folders", *names], ["messages", "INBOX"], ["read", "INBOX", "two"], ["mark", "INBOX", "one", "flagged"])
    assert folders == names, folders
    assert listed == [["one", []], ["two", []]], listed
    assert text.strip() == "This is about two.", text
    with clients.Imap(server.ports["imaps"], account) as imap:
        imap.command("EXAMINE INBOX")
        assert any(rb"\Flagged" in line for line in imap.command("UID FETCH 1 (FLAGS)"))


def test_what_changed_while_it_was_away_is_seen_in_its_cache(server, place):
    """The second run knows the folder from the first, and asks with QRESYNC what has happened since."""
    account = filled(server, "stays", "goes", "is marked")
    evolution = Evolution(server, account, place)
    assert len(evolution.do(["messages", "INBOX"])[0]) == 3
    with clients.Imap(server.ports["imaps"], account) as imap:
        imap.command("SELECT INBOX")
        imap.command(r"UID STORE 2 +FLAGS.SILENT (\Deleted)")
        imap.command("UID EXPUNGE 2")
        imap.command(r"UID STORE 3 +FLAGS (\Seen \Answered)")
        imap.append("INBOX", letters.letter("came"))
    told = evolution.do(["messages", "INBOX"])[0]
    assert told == [["came", []], ["is marked", ["seen", "answered"]], ["stays", []]], told


def test_letters_are_filed_saved_and_removed(server, place):
    account = filled(server, "to be filed", "to go")
    evolution = Evolution(server, account, place)
    evolution.do(
        ["create", "Filed"], ["move", "INBOX", "to be filed", "Filed"],
        ["put", "Drafts", "written here", "words"],
        ["mark", "INBOX", "to go", "deleted"], ["expunge", "INBOX"])
    with clients.Imap(server.ports["imaps"], account) as imap:
        kept = {name: [letters.subject(body) for _, body in imap.bodies(name)]
                for name in ("INBOX", "Filed", "Drafts")}
    assert kept == {"INBOX": [], "Filed": ["to be filed"], "Drafts": ["written here"]}, kept
