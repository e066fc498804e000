"""kill -9 while letters leave: each arrives at least once, and twice only if its answer was on the way."""

import random

import clients
from test_outbound import Town

LETTERS = 200
KILLS = 4
BETWEEN_LETTERS = 25
# From an answer until its result is on the disk, with room for a busy machine.
IN_FLIGHT_SECONDS = 2
# So long the other server goes on with what it had read when its client was killed.
LEFT_OVER_SECONDS = 0.5


def submit(town):
    """Alice writes them all; answers their recipients."""
    recipients = [f"x{number}@s.test" for number in range(LETTERS)]
    with clients.Smtp(town.a.ports["submissions"], tls=True) as smtp:
        smtp.login(town.alice)
        for recipient in recipients:
            smtp.envelope(town.alice.address, [recipient])
            smtp.data(f"From: {town.alice.address}\r\n\r\nto {recipient}\r\n".encode())
    return recipients


def test_kills_while_letters_leave_lose_none_and_double_only_what_was_in_flight(world, place):
    dice = random.Random(7)
    with Town(world, place, "connections_per_destination = 8") as town:
        s = town.scripted()
        s.pause["end"] = 0.02
        recipients = submit(town)
        killed_at = []
        for _ in range(KILLS):
            wanted = min(len(s.letters) + BETWEEN_LETTERS + dice.randrange(10), LETTERS)
            town.wait("nothing leaves", lambda wanted=wanted: len(s.letters) >= wanted)
            killed_at.append(town.a.kill())
            town.a.start()
        town.wait_empty()
        taken = {}
        for (_, (recipient,), _), at in zip(s.letters, s.taken_at):
            taken.setdefault(recipient, []).append(at)
        assert sorted(taken) == sorted(recipients), set(recipients) - set(taken)
        doubled = {recipient: times for recipient, times in taken.items() if len(times) > 1}
        for recipient, times in doubled.items():
            for at in times[:-1]:
                in_flight = [kill for kill in killed_at if -LEFT_OVER_SECONDS < kill - at < IN_FLIGHT_SECONDS]
                assert in_flight, (recipient, times, killed_at)
        assert len(doubled) <= KILLS * 8, doubled
        return f"{KILLS} kills, {len(doubled)} of {LETTERS} doubled"
