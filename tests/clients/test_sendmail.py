"""sendmail, mailq and newaliases, as mail programs, cron and scripts call them."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time

import clients
import letters
from server import DOMAIN, Server, Skipped

SECONDS = 60
OK, USAGE, NO_USER, TEMPORARY, NOT_ALLOWED = 0, 64, 67, 75, 77
ME = pwd.getpwuid(os.getuid()).pw_name


class Machine:
    """A running server whose local socket everyone can reach, with links of sendmail's names."""

    def __init__(self, world, place, extra=""):
        self.open_folder = tempfile.mkdtemp(prefix="facteur-sendmail-")
        os.chmod(self.open_folder, 0o755)
        for name in ("sendmail", "mailq", "newaliases"):
            os.symlink(world.binary, os.path.join(self.open_folder, name))
        socket = os.path.join(self.open_folder, "local.sock")
        listen = f'local = "{socket}"\n'
        self.server = Server(world.binary, os.path.join(place, "server"), listen + extra).prepare()
        self.to = self.server.account("reader")
        self.server.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.server.alive():
            self.server.stop()
        shutil.rmtree(self.open_folder)

    def path(self, name="sendmail"):
        """One of the links."""
        return os.path.join(self.open_folder, name)

    def run(self, *arguments, stdin="", name="sendmail", user=None, data=None):
        """Calls one of the links, perhaps as another user."""
        environment = os.environ | {"FACTEUR_DATA": data or self.open_folder}
        return subprocess.run(
            [self.path(name), *arguments], input=stdin, capture_output=True, text=True,
            timeout=SECONDS, check=False, env=environment, user=user, cwd="/",
        )

    def inbox(self):
        """The letters that came."""
        with clients.Imap(self.server.ports["imaps"], self.to) as imap:
            return [body for _, body in imap.bodies("INBOX")]


def field(letter, name):
    """The value of a field; empty when it is missing."""
    head = letter.split(b"\r\n\r\n")[0].replace(b"\r\n\t", b" ").decode()
    lines = [line for line in head.split("\r\n") if line.lower().startswith(name.lower() + ":")]
    return lines[0].split(":", 1)[1].strip() if lines else ""


def test_recipients_stand_in_the_header_or_behind_the_options(world, place):
    with Machine(world, place) as machine:
        letter = f"To: {machine.to.address}\nBcc: {machine.to.address}\nSubject: one\n\nbody\n"
        assert machine.run("-t", "-i", stdin=letter).returncode == OK
        assert machine.run("-oi", "--", machine.to.address, stdin="Subject: two\n\n").returncode == OK
        found = {field(body, "Subject"): body for body in machine.inbox()}
        assert sorted(found) == ["one", "two"]
        assert field(found["one"], "Bcc") == ""
        assert field(found["one"], "From") == f"{ME}@{DOMAIN}"
        assert field(found["one"], "Return-Path") == f"<{ME}@{DOMAIN}>"
        assert field(found["one"], "Date") and field(found["one"], "Message-ID")


def test_a_dot_ends_the_letter_only_without_i(world, place):
    with Machine(world, place) as machine:
        text = "Subject: x\n\nabove\n.\nbelow\n"
        assert machine.run(machine.to.address, stdin=text).returncode == OK
        assert machine.run("-i", machine.to.address, stdin=text).returncode == OK
        bodies = sorted(body.split(b"\r\n\r\n", 1)[1] for body in machine.inbox())
        assert bodies == [b"above\r\n", b"above\r\n.\r\nbelow\r\n"]


def test_what_cron_and_its_jobs_write_arrives(world, place):
    with Machine(world, place) as machine:
        machine.server.command("alias", "add", f"root@{DOMAIN}", machine.to.address)
        text = ("From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@host> job\n"
                "Content-Type: text/plain; charset=UTF-8\n\n10%\r50%\r100%\n")
        done = machine.run("-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root", stdin=text)
        assert done.returncode == OK, done.stderr
        (body,) = machine.inbox()
        assert field(body, "From") == f"Cron Daemon <root@{DOMAIN}>"
        assert body.endswith(b"\r\n\r\n10%\r\n50%\r\n100%\r\n")


def test_a_refused_recipient_means_that_nothing_was_sent(world, place):
    with Machine(world, place) as machine:
        done = machine.run("-i", machine.to.address, f"nobody@{DOMAIN}", stdin="Subject: x\n\n")
        assert done.returncode == NO_USER and f"nobody@{DOMAIN}" in done.stderr
        assert machine.inbox() == []
        assert machine.run("-i", stdin="Subject: x\n\n").returncode == USAGE
        assert machine.run("-Z").returncode == USAGE


def test_only_the_trusted_send_as_others(world, place):
    if os.getuid() != 0:
        raise Skipped("only root can call as others")
    with Machine(world, place, '[local]\ntrusted = ["games"]\n') as machine:
        arguments = ("-i", "-f", machine.to.address, machine.to.address)
        codes = {user: machine.run(*arguments, stdin="Subject: x\n\n", user=user).returncode
                 for user in ("root", "games", "nobody")}
        assert codes == {"root": OK, "games": OK, "nobody": NOT_ALLOWED}
        forged = f"From: {machine.to.address}\n\n"
        done = machine.run("-i", machine.to.address, stdin=forged, user="nobody")
        assert done.returncode == NOT_ALLOWED, done.stderr
        done = machine.run("-i", machine.to.address, stdin="Subject: own\n\n", user="nobody")
        assert done.returncode == OK, done.stderr
        own = next(body for body in machine.inbox() if field(body, "Subject") == "own")
        assert field(own, "From") == f"nobody@{DOMAIN}"
        assert field(own, "Received").startswith("from nobody by ")


def test_without_a_server_the_caller_may_try_again(world, place):
    with Machine(world, place) as machine:
        machine.server.stop()
        begun = time.monotonic()
        done = machine.run("-i", machine.to.address, stdin="Subject: x\n\n")
        assert done.returncode == TEMPORARY and "no server runs" in done.stderr
        assert time.monotonic() - begun > 5, "a server that restarts is waited for"
        dialogue = machine.run("-bs", stdin="QUIT\r\n")
        assert dialogue.returncode == TEMPORARY and dialogue.stdout.startswith("421 ")
        machine.server.start()
        assert machine.inbox() == []


def test_the_caller_may_speak_smtp(world, place):
    with Machine(world, place) as machine:
        said = (f"EHLO x\r\nMAIL FROM:<{ME}@{DOMAIN}>\r\nRCPT TO:<{machine.to.address}>\r\n"
                "RSET\r\nQUIT\r\n")
        done = machine.run("-bs", stdin=said)
        codes = [line[:3] for line in done.stdout.splitlines() if line[3:4] == " "]
        assert codes == ["220", "250", "250", "250", "250", "221"], done.stdout


def test_addresses_are_verified_without_sending(world, place):
    with Machine(world, place) as machine:
        done = machine.run("-bv", machine.to.address, f"nobody@{DOMAIN}")
        assert done.returncode == NO_USER
        assert f"{machine.to.address}... deliverable" in done.stdout
        assert machine.inbox() == []


def test_the_queue_is_shown_and_run_by_sendmails_names(world, place):
    with Machine(world, place) as machine:
        data = machine.server.data
        assert machine.run(name="mailq", data=data).stdout == "Mail queue is empty\n"
        letter = "Subject: x\n\nbody\n"
        done = machine.run("-i", "-V", "an id", "-N", "never", "a@elsewhere.test", stdin=letter)
        assert done.returncode == OK, done.stderr
        for call in (("mailq", ()), ("sendmail", ("-bp",))):
            assert "a@elsewhere.test" in machine.run(*call[1], name=call[0], data=data).stdout
        assert machine.run("-q", data=data).returncode == OK
        assert machine.run(name="newaliases").returncode == OK


def test_mutt_sends(world, place):
    with Machine(world, place) as machine:
        environment = os.environ | {"FACTEUR_DATA": machine.open_folder, "HOME": place}
        command = ["neomutt", "-n", "-F", "/dev/null",
                   "-e", f'set sendmail="{machine.path()} -oem -oi"', "-e", "set use_envelope_from=yes",
                   "-e", f'set from="{ME}@{DOMAIN}"', "-e", "set copy=no", "-s", "from mutt",
                   "--", machine.to.address]
        done = subprocess.run(command, input="hello\n", capture_output=True, text=True, check=False,
                              timeout=SECONDS, env=environment)
        assert done.returncode == 0, done.stderr
        assert [letters.subject(body) for body in machine.inbox()] == ["from mutt"]


def test_mailx_sends(world, place):
    mailx = shutil.which("bsd-mailx")
    if mailx is None:
        raise Skipped("bsd-mailx is not installed")
    with Machine(world, place) as machine:
        settings = os.path.join(place, "mailrc")
        with open(settings, "w", encoding="utf-8") as file:
            file.write(f"set sendmail={machine.path()}\nset sendwait\n")
        environment = os.environ | {"FACTEUR_DATA": machine.open_folder, "MAILRC": settings}
        done = subprocess.run([mailx, "-s", "from mailx", machine.to.address], input="hello\n",
                              capture_output=True, text=True, check=False, timeout=SECONDS,
                              env=environment)
        assert done.returncode == 0, done.stderr
        assert [letters.subject(body) for body in machine.inbox()] == ["from mailx"]


def test_a_letter_waits_until_its_time_for_people_here_too(server):
    sender, to = server.account(), server.account()
    with clients.Smtp(server.ports["submissions"], tls=True) as smtp:
        smtp.login(sender)
        assert any(line.startswith("FUTURERELEASE ") for line in smtp.features)
        smtp.command(f"MAIL FROM:<{sender.address}> HOLDFOR=6")
        smtp.command(f"RCPT TO:<{to.address}>")
        smtp.command("DATA")
        smtp.send(f"From: {sender.address}\r\nSubject: held\r\n\r\nbody\r\n.\r\n".encode())
        smtp.accepted()
    found = []
    begun = time.monotonic()
    while not found and time.monotonic() - begun < SECONDS:
        with clients.Imap(server.ports["imaps"], to) as imap:
            found = [letters.subject(body) for _, body in imap.bodies("INBOX")]
        time.sleep(0.5)
    assert found == ["held"]
    assert time.monotonic() - begun > 2, "it came at once"
