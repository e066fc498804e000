"""Letters that are passed on: sealed with what was found when they came, signed by who wrote them; and those that waive proof."""

from test_authentication import EXAMINED, publish
from test_outbound import Town, letters_of, status_fields, with_policy

WAIVED = "hello\r\nTLS-Required: No"


def header_of(letter):
    """The fields of a letter in order, unfolded."""
    head = letter.split(b"\r\n\r\n")[0].decode()
    return [line.split(":", 1) for line in head.replace("\r\n\t", " ").replace("\r\n ", " ").split("\r\n")]


def values(letter, name):
    """The values of a field, the uppermost first."""
    return [value.strip() for found, value in header_of(letter) if found.lower() == name.lower()]


def passed_on(world, place, pass_on, check):
    """Alice writes to B, which passes it on to s.test in some way."""
    with Town(world, place) as town:
        s = town.scripted()
        extra = EXAMINED + town.names.configuration() + f"[delivery]\nport = {town.port}\n"
        b = town.other_facteur(extra)
        publish(town, town.a, "a.test")
        publish(town, b, "b.test")
        recipient = pass_on(town, b)
        town.send(recipient)
        (sender, recipients, letter), = s.wait_for(1)
        assert recipients == ["x@s.test"], recipients
        assert sender.endswith("@b.test") and "a.test" in sender, "a sender that B may use"
        check(letter)


def is_sealed(letter):
    """It carries the seal of B over what B found, and the author's own signatures untouched."""
    seal, = values(letter, "ARC-Seal")
    assert "i=1" in seal and "cv=none" in seal and "d=b.test" in seal, seal
    found, = values(letter, "ARC-Authentication-Results")
    assert "i=1" in found and "dmarc=pass header.from=a.test" in found, found
    assert len(values(letter, "ARC-Message-Signature")) == 1
    signatures = values(letter, "DKIM-Signature")
    assert len(signatures) == 2 and all("d=a.test" in one for one in signatures), signatures


def test_what_an_alias_passes_on_is_sealed(world, place):
    def pass_on(_, b):
        b.command("alias", "add", "list@b.test", "x@s.test")
        return "list@b.test"
    passed_on(world, place, pass_on, is_sealed)


def test_what_a_script_redirects_is_sealed(world, place):
    def pass_on(town, b):
        b.command("forward", "set", town.bob.address, "x@s.test")
        return town.bob.address
    passed_on(world, place, pass_on, is_sealed)


def test_a_letter_that_waives_proof_arrives_where_a_policy_is_broken(world, place):
    def check(town, b):
        entry = town.wait_tried()
        assert entry["recipients"][0]["answer"].startswith("4.7.5"), entry
        town.send(town.bob.address, subject=WAIVED)
        letter, = town.wait("not arrived", lambda: letters_of(b, town.bob))
        assert values(letter, "TLS-Required") == ["No"]
    with_policy(world, place, "enforce", proven=0, check=check)


def test_a_notice_about_a_letter_that_waives_proof_waives_it_too(world, place):
    with Town(world, place) as town:
        s = town.scripted()
        s.replies["RCPT"] = "550 5.1.1 no such user"
        for count, (subject, told) in enumerate(((WAIVED, "No"), ("hello", None)), start=1):
            town.send("x@s.test", subject=subject)
            notice = town.notices(count)[-1]
            assert notice["TLS-Required"] == told, notice
            assert status_fields(notice)[0]["Status"] == "5.1.1"
