"""kill -9 under load: what was acknowledged is there, nothing is doubled, and `check` finds nothing.

`cargo xtask crash` does this hundreds of times; here it is shown with real connections and both ways in.
"""

import random
import threading
import time

import clients
import letters

KILLS = 5
SENDERS = 4


class Ledger:
    """What was sent and what of it was acknowledged; kept outside the server."""

    def __init__(self):
        self.lock = threading.Lock()
        self.acknowledged = set()
        self.in_flight = set()
        self.next = 0

    def begin(self):
        """The next letter's number."""
        with self.lock:
            self.next += 1
            self.in_flight.add(self.next)
            return self.next

    def end(self, number):
        """The letter was acknowledged."""
        with self.lock:
            self.in_flight.discard(number)
            self.acknowledged.add(number)


def load(server, account, ledger, lane):
    """Sends letters until the server is gone: even lanes by SMTP, odd ones by APPEND."""
    try:
        if lane % 2:
            with clients.Imap(server.ports["imaps"], account) as imap:
                while True:
                    number = ledger.begin()
                    imap.append("INBOX", letters.letter(f"crash {number}"))
                    ledger.end(number)
        with clients.Smtp(server.ports["smtp"]) as smtp:
            while True:
                number = ledger.begin()
                content = letters.letter(f"crash {number}")
                smtp.deliver("a@elsewhere.test", [account.address], content)
                ledger.end(number)
    except (EOFError, OSError):
        return  # The server was killed.


def verify(server, account, ledger):
    """All acknowledged letters are there once; the others at most once and whole."""
    with clients.Imap(server.ports["imaps"], account) as imap:
        bodies = imap.bodies()
    found = {}
    for _, body in bodies:
        name = letters.subject(body)
        found[name] = found.get(name, 0) + 1
        assert body.endswith(letters.letter(name)), f"{name} is changed"
    wanted = {f"crash {number}" for number in ledger.acknowledged}
    lost = wanted - set(found)
    assert not lost, f"{len(lost)} acknowledged letters lost: {sorted(lost)[:5]}"
    doubled = [name for name, count in found.items() if count > 1]
    assert not doubled, doubled
    uids = [uid for uid, _ in bodies]
    assert uids == sorted(set(uids)), "UIDs do not ascend"


def test_no_acknowledged_letter_is_lost_when_the_server_is_killed(world, place):
    server = world.new_server(place).prepare()
    account = server.account("alice")
    ledger, chance = Ledger(), random.Random(7)
    for _ in range(KILLS):
        server.start()
        lanes = [threading.Thread(target=load, args=(server, account, ledger, lane))
                 for lane in range(SENDERS)]
        for lane in lanes:
            lane.start()
        time.sleep(chance.uniform(0.3, 1.5))
        server.kill()
        for lane in lanes:
            lane.join()
        server.command("check")
        server.start()
        verify(server, account, ledger)
        server.stop()
    assert not server.panics(), server.panics()
    return f"{KILLS} kills, {len(ledger.acknowledged)} letters acknowledged"
