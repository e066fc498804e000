"""Strangers come again before they are let in, whom a mailbox knows comes at once, and nobody waits unless that is wanted."""

import time

import clients
from test_authentication import publish
from test_outbound import B, Town, letters_of

WAIT = "[examination]\nloopback = true\n[spam]\ngreylist_seconds = 2\n"


def hand_over(port, sender, recipient):
    """Hands over a letter; answers the last reply."""
    with clients.Smtp(port, host=B) as smtp:
        smtp.command(f"MAIL FROM:<{sender}>")
        smtp.command(f"RCPT TO:<{recipient}>")
        smtp.command("DATA")
        smtp.send(f"From: {sender}\r\nSubject: hello\r\n\r\nhello\r\n.\r\n".encode())
        code, lines = smtp.reply()
        return f"{code} {lines[0]}"


def test_a_stranger_is_asked_to_come_again_and_is_known_then(world, place):
    with Town(world, place) as town:
        b = town.other_facteur(WAIT + town.names.configuration())
        def meet(sender):
            return hand_over(b.ports["smtp"], sender, town.bob.address)
        first = meet("x@s.test")
        assert first.startswith("450 4.7.1 We have not met before"), first
        assert letters_of(b, town.bob) == []
        time.sleep(2.1)
        for sender in ("x@s.test", "x@s.test", "other@s.test"):
            assert meet(sender).startswith("250"), sender
        assert meet("x@elsewhere.test").startswith("450")


def test_whom_the_mailbox_knows_comes_in_at_once(world, place):
    with Town(world, place) as town:
        b = town.other_facteur(WAIT + town.names.configuration())
        publish(town, town.a, "a.test")
        with clients.Smtp(b.ports["submissions"], tls=True, host=B) as smtp:
            smtp.login(town.bob)
            smtp.envelope(town.bob.address, ["alice@a.test"])
            smtp.data(f"From: {town.bob.address}\r\n\r\nhello\r\n".encode())
        time.sleep(6)  # Whom one writes to is noted every five seconds.
        town.send(town.bob.address)
        town.wait("not arrived", lambda: letters_of(b, town.bob))
        assert "greylisted" not in open(b.log, encoding="utf-8").read()
