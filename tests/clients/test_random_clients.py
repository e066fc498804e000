"""Random clients of IMAP, POP3 and SMTP on one account: from any earlier token each one's view becomes the store's.

A view is what a client has cached: of a folder by IMAP, of the INBOX by POP3. *Live* views are kept by open sessions from
what the server tells them unasked; *old* views are copies from some earlier moment that are brought up to date with
QRESYNC, or by the names that UIDL lists. After every round all of them must equal what a client without a cache reads. An
open POP3 session must meanwhile go on showing what was there at its login. A failure names its seed.
"""

import copy
import os
import random
import re

import clients
import letters

ROUNDS = 40
STEPS_PER_ROUND = 6
SEED = 2026  # Another one: RANDOM_CLIENTS_SEED.
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


class PopView:
    """What a POP3 client that leaves its letters on the server has fetched: their bytes under their names (UIDL)."""

    def __init__(self):
        self.letters = {}

    def catch_up(self, server, account):
        """One session: forgets what is gone, fetches what is new, in the order of the server."""
        with clients.Pop3(server.ports["pop3s"], account) as pop:
            names = pop_names(pop)
            self.letters = {
                name: self.letters.get(name) or pop.retrieve(number)
                for number, name in enumerate(names, 1)
            }
            pop.command("QUIT")
        return self


def pop_names(pop):
    """The names of a session's letters, in their order; none may come twice."""
    names = [line.split()[1].decode() for line in pop.lines("UIDL")]
    assert len(set(names)) == len(names), "a UIDL is given twice"
    return names


class PopLive:
    """A POP3 session that stays open, and what it saw at its login."""

    def __init__(self, server, account):
        self.server, self.account = server, account
        self.at_login = PopView().catch_up(server, account).letters
        self.pop = clients.Pop3(server.ports["pop3s"], account)

    def check(self, chance):
        """It still shows what was there at its login, whatever others have moved and removed."""
        assert pop_names(self.pop) == list(self.at_login), "the list of an open session changed"
        for number, (name, letter) in enumerate(self.at_login.items(), 1):
            if chance.random() < 0.3:
                assert self.pop.retrieve(number) == letter, f"{name} is another letter now"

    def quit_deleting(self, chance):
        """Marks some letters; they are there until QUIT, and after it they alone are gone."""
        marked = [name for name in self.at_login if chance.random() < 0.3]
        for number, name in enumerate(self.at_login, 1):
            if name in marked:
                self.pop.command(f"DELE {number}")
        before = list(PopView().catch_up(self.server, self.account).letters)
        self.pop.command("QUIT")
        self.pop.close()
        after = list(PopView().catch_up(self.server, self.account).letters)
        assert after == [name for name in before if name not in marked], "QUIT deleted others"

    def close(self):
        """Ends the session without QUIT, so that nothing is deleted."""
        self.pop.close()


def check_pop(server, account, old, known):
    """Every POP3 view, after catching up, holds what IMAP reads; names are never given again."""
    with clients.Imap(server.ports["imaps"], account) as imap:
        inbox = [body for _, body in imap.bodies("INBOX")]
    for view in old:
        caught_up = copy.deepcopy(view).catch_up(server, account)
        assert list(caught_up.letters.values()) == inbox, "a POP3 view is not the INBOX"
        for name, letter in caught_up.letters.items():
            assert known.setdefault(name, letter) == letter, f"{name} was another letter"
    return caught_up


def check_round(server, account, live, old):
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
    return now


class Watched:
    """An account with a second folder, all that looks at it, and tokens of earlier moments."""

    def __init__(self, server):
        self.server, self.account = server, server.account()
        with clients.Imap(server.ports["imaps"], self.account) as imap:
            imap.command("CREATE Other")
        self.live = [Live(server, self.account, folder) for folder in FOLDERS]
        self.old = [truth(server, self.account, folder) for folder in FOLDERS]
        self.pop_live = PopLive(server, self.account)
        self.pop_old, self.pop_known = [PopView()], {}

    def check(self, chance):
        """Everything that looks sees the same; what it has now becomes an earlier moment."""
        some = chance.sample(self.old, min(len(self.old), 4))
        now = check_round(self.server, self.account, self.live, some)
        self.old.extend(copy.deepcopy(view) for view in now.values())
        some = chance.sample(self.pop_old, min(len(self.pop_old), 2))
        self.pop_old.append(check_pop(self.server, self.account, some, self.pop_known))
        self.pop_live.check(chance)
        if chance.random() < 0.25:
            self.pop_live.quit_deleting(chance)
            self.pop_live = PopLive(self.server, self.account)

    def close(self):
        """Ends the sessions."""
        for each in (*self.live, self.pop_live):
            each.close()


def test_every_view_becomes_the_stores_from_any_earlier_token(server):
    seed = int(os.environ.get("RANDOM_CLIENTS_SEED", SEED))
    chance = random.Random(seed)
    watched = Watched(server)
    actor = Actor(server, watched.account, chance)
    try:
        for number in range(ROUNDS):
            for _ in range(STEPS_PER_ROUND):
                actor.step()
            try:
                watched.check(chance)
            except AssertionError as fault:
                raise AssertionError(f"seed {seed}, round {number}: {fault}") from fault
    finally:
        watched.close()
    return (f"seed {seed}, {ROUNDS * STEPS_PER_ROUND} changes, {len(watched.old)} tokens of IMAP, "
            f"{len(watched.pop_old)} of POP3")
