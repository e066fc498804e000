"""Random clients of IMAP, POP3 and SMTP on one account: from any earlier token each one's view becomes the store's.

A view is what an IMAP client has cached of a folder. *Live* views are kept by open sessions from what the server tells
them unasked; *old* views are copies from some earlier moment that are brought up to date with QRESYNC. After every round
all of them must equal what a client without a cache reads. A failure names its seed.
"""

import copy
import random
import re

import clients
import letters

ROUNDS = 40
STEPS_PER_ROUND = 6
SEED = 2026
FOLDERS = ("INBOX", "Other")
FLAGS = (r"\Seen", r"\Flagged", r"\Answered", "$Work", "Home")


class View:
    """What a client has cached of one folder: UIDs with their flags, as of a token."""

    def __init__(self, folder):
        self.folder = folder
        self.validity = self.stamp = 0
        self.flags = {}

    def take(self, responses):
        """Applies what the server told, asked or unasked."""
        for response in responses:
            if b"VANISHED" in response:
                for uid in expand(response.rsplit(b" ", 1)[1]):
                    self.flags.pop(uid, None)
            elif b" FETCH (" in response:
                uid = re.search(rb"UID (\d+)", response)
                flags = re.search(rb"FLAGS \(([^)]*)\)", response)
                if uid and flags:
                    told = frozenset(flags[1].decode().split()) - {r"\Recent"}
                    self.flags[int(uid[1])] = told
            for word, name in ((b"UIDVALIDITY", "validity"), (b"HIGHESTMODSEQ", "stamp")):
                found = re.search(word + rb" (\d+)", response)
                if found:
                    setattr(self, name, int(found[1]))
        return self


def expand(text):
    """The UIDs of a set such as 3:5,9."""
    for part in text.decode().split(","):
        first, _, last = part.partition(":")
        yield from range(int(first), int(last or first) + 1)


class Live:
    """A session that stays in one folder and believes what it is told."""

    def __init__(self, server, account, folder):
        self.imap = clients.Imap(server.ports["imaps"], account)
        self.imap.command("ENABLE QRESYNC")
        self.view = View(folder).take(self.imap.command(f"SELECT {folder}"))
        self.view.take(self.imap.command("UID FETCH 1:* (FLAGS)"))

    def catch_up(self):
        """NOOP, and the flags of what is new."""
        self.view.take(self.imap.command("NOOP"))
        first_new = max(self.view.flags, default=0) + 1
        self.view.take(self.imap.command(f"UID FETCH {first_new}:* (FLAGS)"))

    def close(self):
        """Ends the session."""
        self.imap.close()


def truth(server, account, folder):
    """What a client without a cache reads."""
    with clients.Imap(server.ports["imaps"], account) as imap:
        view = View(folder).take(imap.command(f"EXAMINE {folder}"))
        return view.take(imap.command("UID FETCH 1:* (FLAGS)"))


def resynchronised(server, account, old):
    """An old view after QRESYNC."""
    view = copy.deepcopy(old)
    with clients.Imap(server.ports["imaps"], account) as imap:
        imap.command("ENABLE QRESYNC")
        told = imap.command(
            f"SELECT {old.folder} (QRESYNC ({old.validity} {max(old.stamp, 1)}))"
        )
        return view.take(told)


class Actor:
    """Does one random thing after another, each over a connection of its own."""

    def __init__(self, server, account, chance):
        self.server, self.account, self.chance = server, account, chance
        self.sent = 0

    def step(self):
        """One random change."""
        action = self.chance.choice(
            (self.deliver, self.deliver, self.append, self.flag, self.flag, self.expunge, self.move,
             self.copy, self.pop_delete)
        )
        action()

    def letter(self):
        """A letter that no other equals."""
        self.sent += 1
        return letters.letter(f"random {self.sent}")

    def deliver(self):
        """A letter by SMTP."""
        with clients.Smtp(self.server.ports["smtp"]) as smtp:
            smtp.deliver("a@elsewhere.test", [self.account.address], self.letter())

    def append(self):
        """A letter by APPEND, with a flag."""
        with clients.Imap(self.server.ports["imaps"], self.account) as imap:
            imap.append(self.chance.choice(FOLDERS), self.letter(), self.chance.choice(FLAGS))

    def on_some(self, command):
        """Runs a command on up to three letters of a random folder.

        `{uids}` stands for the letters, `{other}` for the other folder.
        """
        folder = self.chance.choice(FOLDERS)
        with clients.Imap(self.server.ports["imaps"], self.account) as imap:
            imap.command(f"SELECT {folder}")
            uids = sorted(View(folder).take(imap.command("UID FETCH 1:* (FLAGS)")).flags)
            if uids:
                some = self.chance.sample(uids, min(len(uids), self.chance.randint(1, 3)))
                other = FOLDERS[1 - FOLDERS.index(folder)]
                imap.command(command.format(uids=",".join(map(str, some)), other=other))
                if "Deleted" in command:
                    imap.command("EXPUNGE")

    def flag(self):
        """Flags come, go, or are replaced."""
        sign = self.chance.choice(("+", "-", ""))
        self.on_some(f"UID STORE {{uids}} {sign}FLAGS ({self.chance.choice(FLAGS)})")

    def expunge(self):
        """Some letters go."""
        self.on_some(r"UID STORE {uids} +FLAGS.SILENT (\Deleted)")

    def move(self):
        """Some letters change folder."""
        self.on_some("UID MOVE {uids} {other}")

    def copy(self):
        """Some letters are copied."""
        self.on_some("UID COPY {uids} {other}")

    def pop_delete(self):
        """The oldest letter is fetched and deleted by POP3."""
        with clients.Pop3(self.server.ports["pop3s"], self.account) as pop:
            if pop.count():
                pop.retrieve(1)
                pop.command("DELE 1")
            pop.command("QUIT")


def check_pop(server, account, inbox, known):
    """POP3 shows as many letters as IMAP, and none under a name that another had."""
    with clients.Pop3(server.ports["pop3s"], account) as pop:
        listed = [line.split()[1] for line in pop.lines("UIDL")]
        assert len(listed) == len(inbox.flags), (len(listed), len(inbox.flags))
        assert len(set(listed)) == len(listed), "a UIDL is given twice"
        for number, name in enumerate(listed, 1):
            subject = letters.subject(b"\r\n".join(pop.lines(f"TOP {number} 0")))
            assert known.setdefault(name, subject) == subject, f"{name} was another letter"


def check_round(server, account, live, old, known):
    """Every view, after its own way of catching up, is the truth; answers the truth to keep."""
    now = {folder: truth(server, account, folder) for folder in FOLDERS}
    for each in live:
        each.catch_up()
        folder = each.view.folder
        assert each.view.flags == now[folder].flags, f"live view of {folder}"
    for view in old:
        caught_up = resynchronised(server, account, view)
        assert caught_up.flags == now[view.folder].flags, (
            f"view of {view.folder} from token {view.stamp}: "
            f"{set(caught_up.flags.items()) ^ set(now[view.folder].flags.items())}")
    check_pop(server, account, now["INBOX"], known)
    return now


def test_every_view_becomes_the_stores_from_any_earlier_token(server):
    chance = random.Random(SEED)
    account = server.account()
    with clients.Imap(server.ports["imaps"], account) as imap:
        imap.command("CREATE Other")
    live = [Live(server, account, folder) for folder in FOLDERS]
    old = [truth(server, account, folder) for folder in FOLDERS]
    actor, known = Actor(server, account, chance), {}
    try:
        for number in range(ROUNDS):
            for _ in range(STEPS_PER_ROUND):
                actor.step()
            some = chance.sample(old, min(len(old), 4))
            try:
                now = check_round(server, account, live, some, known)
            except AssertionError as fault:
                raise AssertionError(f"seed {SEED}, round {number}: {fault}") from fault
            old.extend(copy.deepcopy(view) for view in now.values())
    finally:
        for each in live:
            each.close()
    return f"{ROUNDS * STEPS_PER_ROUND} changes, {len(old)} tokens"
