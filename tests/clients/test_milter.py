"""Milters follow the dialogue and look at letters: Debian's opendkim, over the protocol that it speaks with Postfix and
Sendmail, and a small one of the test's own that refuses at each stage."""

import clients
from opendkim import OpenDkim
from strict_milter import StrictMilter
from test_signatures import AUTHOR, BODIES, Keys, letter_of

# The name in which the milter says what it found.
NAME = "milter.test"


def settings(address, failure="defer", more=""):
    """A server that lets a milter look at all letters."""
    milter = f'[[spam.milter]]\naddress = "{address}"\nfailure = "{failure}"\n{more}'
    return f"[examination]\nauthentication = false\nloopback = true\n{milter}"


def give(server, account, letter):
    """Hands a letter in; the answer is the reply."""
    with clients.Smtp(server.ports["smtp"]) as smtp:
        smtp.command(f"MAIL FROM:<{AUTHOR}> BODY=8BITMIME")
        smtp.command(f"RCPT TO:<{account.address}>")
        return smtp.data(letter)


def plain_letter(body):
    """A letter for opendkim's test mode, which forgets spaces behind a colon."""
    return letter_of(body).replace(b":   ", b": ").replace(b":  ", b": ")


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
                letter = plain_letter(body)
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


def refused(smtp, line):
    """The refusal of a command that must be one."""
    try:
        smtp.command(line)
    except clients.Refused as no:
        return str(no)
    raise AssertionError(f"taken: {line}")


def test_a_milter_refuses_at_each_stage_and_hears_all_letters_over_one_connection(world, place):
    milter = StrictMilter()
    server = world.new_server(place, settings(milter.address)).prepare()
    bob, bad = server.account("bob"), server.account("bad")
    server.start()
    try:
        with clients.Smtp(server.ports["smtp"], hello="") as smtp:
            assert refused(smtp, "EHLO bad.example") == "550 5.7.1 bad at H"
            smtp.command("EHLO good.example")
            assert refused(smtp, "MAIL FROM:<bad@signer.test>") == "550 5.7.1 bad at M"
            smtp.command(f"MAIL FROM:<{AUTHOR}>")
            smtp.command("RSET")
            smtp.command(f"MAIL FROM:<{AUTHOR}>")
            assert refused(smtp, f"RCPT TO:<{bad.address}>") == "550 5.7.1 bad at R"
            smtp.command(f"RCPT TO:<{bob.address}>")
            smtp.data(f"From: {AUTHOR}\r\nSubject: good\r\n\r\ntext\r\n".encode())
            for header, text, stage in (("bad", "text", "L"), ("good", "bad", "B")):
                smtp.envelope(AUTHOR, [bob.address])
                try:
                    smtp.data(f"From: {AUTHOR}\r\nSubject: {header}\r\n\r\n{text}\r\n".encode())
                    raise AssertionError("a letter was taken that the milter refuses")
                except clients.Refused as no:
                    assert str(no) == f"550 5.7.1 bad at {stage}", no
            smtp.command("QUIT")
        with clients.Imap(server.ports["imaps"], bob) as imap:
            assert len(imap.bodies()) == 1
        with clients.Imap(server.ports["imaps"], bad) as imap:
            assert not imap.bodies()
        # The others only looked whether the server listens.
        (told,) = [steps for steps in milter.connections if "H" in steps]
        steps = "".join(told)
        # A refused sender is no letter; the reset is told as the next one begins.
        assert steps.startswith("OCHHMMAMRRTLLNBEMRT"), steps
        facts = b"".join(milter.facts)
        for fact in (b"{client_addr}\x00127.0.0.1", b"{mail_addr}\0" + AUTHOR.encode(),
                     b"{rcpt_addr}\0" + bob.address.encode(), b"Mi\0", b"Cj\0"):
            assert fact in facts, (fact, facts)
    finally:
        server.stop()
        milter.close()


def test_a_milter_may_refuse_a_connection(world, place):
    milter = StrictMilter(refuses_all=True)
    server = world.new_server(place, settings(milter.address)).prepare()
    server.start()
    try:
        with clients.Smtp(server.ports["smtp"], hello="") as smtp:
            assert smtp.greeting == (554, ["5.7.1 bad at C"]), smtp.greeting
    finally:
        server.stop()
        milter.close()


def test_opendkim_signs_what_users_submit_as_it_does_with_postfix(world, place):
    opendkim, keys = OpenDkim(place), Keys(place)
    domain = "example.test"
    texts = {f"rsa._domainkey.{domain}": keys.texts["rsa._domainkey.signer.test"]}
    signing = (
        f"Mode sv\nDomain {domain}\nSelector rsa\nKeyFile {keys.rsa}\nRequireSafeKeys no\n"
        "Canonicalization relaxed/relaxed\n"
    )
    with opendkim.milter(texts, NAME, signing) as address:
        server = world.new_server(place, settings(address, more="submissions = true\n")).prepare()
        alice, bob = server.account("alice"), server.account("bob")
        server.start()
        try:
            with clients.Smtp(server.ports["submissions"], tls=True) as smtp:
                smtp.login(alice)
                for body in BODIES:
                    smtp.envelope(alice.address, [bob.address])
                    smtp.data(plain_letter(body).replace(AUTHOR.encode(), alice.address.encode()))
            with clients.Imap(server.ports["imaps"], bob) as imap:
                letters = [letter for _, letter in imap.bodies()]
        finally:
            server.stop()
    assert len(letters) == len(BODIES)
    for letter in letters:
        signed = letter[letter.index(b"DKIM-Signature:"):]
        signed = signed[:signed.index(b"Received:")] + signed[signed.index(b"\r\nDate:") + 2:]
        assert opendkim.judge(signed, texts) == ["pass"], signed[:2000]
