"""A full disk: nothing more is taken, nothing is lost, and all goes on by itself when there is room again.

The data lies on a small file system of its own in a file, which only root may mount; a foreign file takes its
room, as a database or a log beside the server would.
"""

import base64
import contextlib
import os
import subprocess
import time
import urllib.error
import urllib.request

import clients
import letters
from server import HOST, Skipped

DISK_BYTES = 1 << 30
LETTER_BYTES = 150_000
LETTERS_BEFORE = 270  # So that the log needs its next segment when the disk is full.
LETTERS_MAX = 2_000
SECONDS = 30


@contextlib.contextmanager
def small_disk(place):
    """A mounted ext4 of its own."""
    image, folder = os.path.join(place, "disk.img"), os.path.join(place, "disk")
    os.makedirs(folder)
    with open(image, "wb") as file:
        file.truncate(DISK_BYTES)
    for command in (
        ["mkfs.ext4", "-q", "-F", "-m", "0", image],
        ["mount", "-o", "loop", image, folder],
    ):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise Skipped(f"{error.filename} is missing") from None
        if done.returncode != 0:
            raise Skipped(f"{command[0]}: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(folder):
    """A foreign file that takes all the room there is; answers its path."""
    path = os.path.join(folder, "foreign")
    free = os.statvfs(folder)
    left = free.f_bavail * free.f_frsize
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        while left > 4096:
            try:
                os.posix_fallocate(descriptor, os.fstat(descriptor).st_size, left)
            except OSError:
                left //= 2
    finally:
        os.close(descriptor)
    return path


def deliver(server, account, number):
    """One large letter of noise by SMTP; its subject says which."""
    noise = base64.encodebytes(os.urandom(LETTER_BYTES)).replace(b"\n", b"\r\n")
    content = letters.letter(f"full {number}") + noise  # Nothing can make it small.
    with clients.Smtp(server.ports["smtp"]) as smtp:
        smtp.deliver("a@elsewhere.test", [account.address], content)


def deliver_until_refused(server, account, taken):
    """Sends letters until one is refused, and answers the refusal."""
    while len(taken) < LETTERS_MAX:
        try:
            deliver(server, account, len(taken))
        except clients.Refused as refusal:
            return str(refusal)
        taken.append(len(taken))
    raise AssertionError("the disk is full and letters are taken")


def until(what, done):
    """Waits until `done` answers something true, and answers it."""
    deadline = time.monotonic() + SECONDS
    while not (answer := done()):
        assert time.monotonic() < deadline, what
        time.sleep(0.2)
    return answer


def refusal_of(work):
    """What a command is refused with; None when it is not."""
    try:
        work()
    except clients.Refused as refusal:
        return str(refusal)
    return None


def health(server):
    """What the health page answers."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{server.ports['metrics']}/health") as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def logged(server, text):
    """True when a line of the log has this text."""
    with open(server.log, encoding="utf-8", errors="replace") as log:
        return any(text in line for line in log)


def test_a_full_disk_refuses_mail_and_nothing_else_and_heals_by_itself(world, place):
    """Mail is refused for now and told so; reading and deleting go on; room given back is enough."""
    with small_disk(place) as disk:
        server = world.new_server(place)
        server.data = os.path.join(disk, "data")
        server.prepare()
        account = server.account()
        server.start()
        try:
            return full_and_healed(server, account, disk)
        finally:
            server.stop()


def full_and_healed(server, account, disk):
    """The story, on a running server."""
    taken = []
    while len(taken) < LETTERS_BEFORE:
        deliver(server, account, len(taken))
        taken.append(len(taken))
    foreign = fill(disk)
    refusal = deliver_until_refused(server, account, taken)
    assert refusal.startswith("452 4.3.1"), refusal
    told_while_full(server)
    server.restart()  # Room is not needed to start and to read.
    told_while_full(server)
    with clients.Imap(server.ports["imaps"], account) as imap:
        append = lambda: imap.append("INBOX", letters.letter("appended"))
        refused = refusal_of(append)
        assert refused and refused.startswith("NO [UNAVAILABLE]"), refused
        assert subjects(imap) == {f"full {number}" for number in taken}
        imap.command("SELECT INBOX")
        imap.command("STORE 1:5 +FLAGS.SILENT (\\Deleted)")
        imap.command("EXPUNGE")
        assert len(subjects(imap)) == len(taken) - 5
        os.remove(foreign)
        until("APPEND is refused after there is room", lambda: refusal_of(append) is None)
    deliver(server, account, "after")
    assert health(server) == 200
    until("the log does not say that there is room", lambda: logged(server, "there is room again"))
    server.command("check")
    with clients.Imap(server.ports["imaps"], account) as imap:
        wanted = {f"full {number}" for number in taken[5:]} | {"appended", "full after"}
        assert subjects(imap) == wanted
    return f"{len(taken)} letters taken"


def told_while_full(server):
    """The log, the health page and the status say what is wrong."""
    until("the log does not say that the disk is full", lambda: logged(server, "the disk is nearly full"))
    assert health(server) == 503
    assert server.command_json("status")["store"]["is_full"]


def subjects(imap):
    """The subjects of all letters in the inbox."""
    return {letters.subject(content) for _, content in imap.bodies()}
