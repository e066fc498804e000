"""neomutt: a person's client, driven through a terminal: read, file, delete, and send."""

import os
import pty
import select
import subprocess
import time

import clients
import letters
from tls import save_certificate

SECONDS = 60

CONFIGURATION = """\
set imap_user="{user}"
set imap_pass="{password}"
set folder="imaps://localhost:{imaps}/"
set spoolfile="+INBOX"
set smtp_url="smtps://localhost:{submissions}/"
set smtp_user="{user}"
set smtp_pass="{password}"
set smtp_authenticators="plain"
set from="{user}"
set use_from=yes
set envelope_from=yes
set record=""
set certificate_file="{certificate}"
set ssl_ca_certificates_file="{certificate}"
set header_cache=""
set confirmappend=no
set confirmcreate=no
set delete=yes
set quit=yes
set wait_key=no
set sleep_time=0
set timeout=1
"""


# All that its IMAP can do; the cache lives from one run to the next, and QRESYNC says what has changed.
EXTENSIONS = """\
set imap_condstore=yes
set imap_qresync=yes
set imap_idle=yes
set imap_deflate=yes
set imap_rfc5161=yes
set header_cache="{folder}/headers"
set message_cachedir="{folder}/bodies"
"""


class Neomutt:
    """One neomutt with its configuration."""

    def __init__(self, server, account, folder, extensions=""):
        self.folder = folder
        self.configuration = os.path.join(folder, "neomuttrc")
        certificate = save_certificate(server.ports["imaps"], os.path.join(folder, "cert.pem"))
        with open(self.configuration, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(
                user=account.address, password=account.password,
                imaps=server.ports["imaps"], submissions=server.ports["submissions"],
                certificate=certificate,
            ) + extensions.format(folder=folder))
        self.environment = dict(os.environ, HOME=folder, TERM="xterm", LC_ALL="C.UTF-8")

    def keys(self, keys, *arguments):
        """Types keys (as neomutt's `push` writes them) and waits until it ends."""
        command = ["neomutt", "-n", "-F", self.configuration, "-e", f'push "{keys}"', *arguments]
        terminal, inner = pty.openpty()
        process = subprocess.Popen(
            command, stdin=inner, stdout=inner, stderr=inner, env=self.environment,
            cwd=self.folder, start_new_session=True,
        )
        os.close(inner)
        shown = watch(process, terminal)
        os.close(terminal)
        assert process.returncode == 0, shown[-2000:].decode(errors="replace")

    def send(self, subject, to, text):
        """Sends a letter without a terminal."""
        done = subprocess.run(
            ["neomutt", "-n", "-F", self.configuration, "-s", subject, "--", to], input=text,
            capture_output=True, text=True, timeout=SECONDS, env=self.environment,
            cwd=self.folder, check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def watch(process, terminal):
    """Reads the screen until the program ends; ends it when it takes too long."""
    shown, deadline = b"", time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:
                break  # The terminal is gone with the program.
    if process.poll() is None:
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return shown


def filled(server, *subjects):
    """A new account with letters."""
    account = server.account()
    with clients.Smtp(server.ports["smtp"]) as smtp:
        for subject in subjects:
            smtp.deliver("a@elsewhere.test", [account.address], letters.letter(subject))
    return account


def subjects(server, account, folder="INBOX"):
    """The subjects in a folder."""
    with clients.Imap(server.ports["imaps"], account) as imap:
        return sorted(letters.subject(body) for _, body in imap.bodies(folder))


def test_letters_are_copied_to_a_new_folder_and_deleted(server, place):
    account = filled(server, "keep one", "file two", "file three")
    mutt = Neomutt(server, account, place)
    mutt.keys("<tag-pattern>~s file<enter><tag-prefix><copy-message>=Filed<enter>"
              "<tag-prefix><delete-message><sync-mailbox><exit>")
    assert subjects(server, account) == ["keep one"]
    assert subjects(server, account, "Filed") == ["file three", "file two"]


def test_flags_set_on_the_screen_are_on_the_server(server, place):
    account = filled(server, "one", "two")
    Neomutt(server, account, place).keys("<first-entry><flag-message><sync-mailbox><exit>")
    with clients.Imap(server.ports["imaps"], account) as imap:
        imap.command("EXAMINE INBOX")
        assert len(imap.command("UID SEARCH FLAGGED")[0].split()) == 3  # `* SEARCH uid`


def test_a_letter_is_sent_to_a_local_user(server, place):
    account, to = filled(server), filled(server)
    Neomutt(server, account, place).send("from neomutt", to.address, "Good day.\n")
    assert subjects(server, to) == ["from neomutt"]


def test_with_all_extensions_its_cache_follows_what_others_did(server, place):
    """CONDSTORE, QRESYNC, IDLE and COMPRESS are on; the second run knows the folder from the first."""
    account = filled(server, "stays", "goes", "is marked", "to be filed")
    mutt = Neomutt(server, account, place, EXTENSIONS)
    mutt.keys("<first-entry><flag-message><sync-mailbox><exit>")
    with clients.Imap(server.ports["imaps"], account) as imap:
        imap.command("SELECT INBOX")
        assert imap.command("UID SEARCH FLAGGED")[0] == b"* SEARCH 1"
        imap.command(r"UID STORE 2 +FLAGS (\Deleted)")
        imap.command("UID EXPUNGE 2")
        imap.command(r"UID STORE 3 +FLAGS (\Seen \Answered)")
        imap.append("INBOX", letters.letter("came"))
    # What the cache says decides which letters these patterns mean.
    mutt.keys("<tag-pattern>~Q<enter><tag-prefix><copy-message>=Answered<enter>"
              "<untag-pattern>~A<enter><tag-pattern>~s filed|~s came<enter>"
              "<tag-prefix><copy-message>=Filed<enter><tag-prefix><delete-message><sync-mailbox><exit>")
    assert subjects(server, account, "Answered") == ["is marked"]
    assert subjects(server, account, "Filed") == ["came", "to be filed"]
    assert subjects(server, account) == ["is marked", "stays"]
