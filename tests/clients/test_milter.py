"""A milter of others looks at letters: Debian's opendkim, over the protocol that it speaks with Postfix and Sendmail."""

import clients
from opendkim import OpenDkim
from test_signatures import AUTHOR, BODIES, Keys, letter_of

# The name in which the milter says what it found.
NAME = "milter.test"


def settings(address, failure="defer"):
    """A server that lets a milter look at all letters."""
    milter = f'[[spam.milter]]\naddress = "{address}"\nfailure = "{failure}"\n'
    return f"[examination]\nauthentication = false\nloopback = true\n{milter}"


def give(server, account, letter):
    """Hands a letter in; the answer is the reply."""
    with clients.Smtp(server.ports["smtp"]) as smtp:
        smtp.command(f"MAIL FROM:<{AUTHOR}> BODY=8BITMIME")
        smtp.command(f"RCPT TO:<{account.address}>")
        return smtp.data(letter)


def found(server, account):
    """What the milter says of each letter, oldest first."""
    with clients.Imap(server.ports["imaps"], account) as imap:
        letters = [letter.decode() for _, letter in imap.bodies()]
    words = []
    for letter in letters:
        _, said = letter.split(f"Authentication-Results: {NAME};", maxsplit=1)
        words.append(said.split("dkim=", maxsplit=1)[1].split()[0])
    return words


def test_opendkim_judges_letters_as_a_milter_and_its_word_stands_before_them(world, place):
    opendkim, keys = OpenDkim(place), Keys(place)
    with opendkim.milter(keys.texts, NAME) as address:
        server = world.new_server(place, settings(address)).prepare()
        bob = server.account("bob")
        server.start()
        try:
            wanted = []
            for body in BODIES:
                # The test mode, which signs, forgets spaces behind a colon.
                letter = letter_of(body).replace(b":   ", b": ").replace(b":  ", b": ")
                signed = opendkim.sign(letter, keys.rsa, "rsa-sha256", "signer.test", "rsa", "relaxed/relaxed") + letter
                give(server, bob, signed)
                wanted.append("pass")
                if BODIES[body]:
                    give(server, bob, signed + b"another line\r\n")
                    wanted.append("fail")
            assert found(server, bob) == wanted, found(server, bob)
        finally:
            server.stop()


def test_while_a_milter_is_away_letters_wait_where_they_are(world, place):
    opendkim, keys = OpenDkim(place), Keys(place)
    with opendkim.milter(keys.texts, NAME) as address:
        pass
    server = world.new_server(place, settings(address)).prepare()
    bob = server.account("bob")
    server.start()
    try:
        try:
            give(server, bob, letter_of("plain"))
            raise AssertionError("a letter was taken that nobody looked at")
        except clients.Refused as refused:
            assert str(refused).startswith("451 4.3.0"), refused
    finally:
        server.stop()
