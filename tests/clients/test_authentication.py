"""Who wrote a letter: what leaves is signed so that others agree, what comes is judged and marked.

Two facteurs and a name server that has the records which `facteur dns` prints.
"""

import json
import os
import re
import subprocess

import clients
from server import Skipped
from test_outbound import B, Town, letters_of

EXAMINED = "[examination]\nloopback = true\n"
JUDGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dkimpy_says.py")
SYSTEM_PYTHON = "/usr/bin/python3"


def publish(town, server, domain):
    """Puts what `facteur dns` wants of texts into the name server; answers it."""
    texts = {}
    for record in server.command_json("dns", domain):
        if record["type"] == "TXT" and record["ready"]:
            texts[record["name"]] = record["value"]
            town.names.zone.setdefault(record["name"], {})["TXT"] = [record["value"]]
    zone = town.names.zone
    zone[domain]["MX"] = [(10, "mx." + domain)]
    zone["mx." + domain]["A"] = [server.host]
    return texts


def a_forged_letter(port, text):
    """Hands a letter in alice's name to B; answers the last reply."""
    with clients.Smtp(port, host=B) as smtp:
        smtp.command("MAIL FROM:<x@evil.test>")
        smtp.command("RCPT TO:<bob@b.test>")
        smtp.command("DATA")
        smtp.send(text.encode() + b".\r\n")
        code, lines = smtp.reply()
        return f"{code} {lines[0]}"


def test_dkimpy_agrees_with_both_signatures_of_what_leaves(world, place):
    if subprocess.run([SYSTEM_PYTHON, "-c", "import dkim"], capture_output=True, check=False).returncode:
        raise Skipped("python3-dkim is not installed")
    with Town(world, place) as town:
        s = town.scripted()
        zone = place + "/zone.json"
        with open(zone, "w", encoding="utf-8") as file:
            json.dump(publish(town, town.a, "a.test"), file)
        body = "Dear Bob, \t \r\n\r\n.dots\r\n" + "and many lines  \r\n" * 20_000 + "\r\n\r\n"
        for sent, text in enumerate((body, "short\r\n", ""), start=1):
            town.send("x@s.test", body=text)
            letter = s.wait_for(sent)[-1][2]
            said = subprocess.run([SYSTEM_PYTHON, JUDGE, zone], input=letter, capture_output=True, check=True)
            assert said.stdout.decode().split("\n")[:2] == ["rsa-sha256 True", "ed25519-sha256 True"], said


def test_a_letter_between_two_facteurs_passes_every_check(world, place):
    with Town(world, place) as town:
        b = town.other_facteur(EXAMINED + town.names.configuration())
        publish(town, town.a, "a.test")
        town.send(town.bob.address)
        letter = town.wait("not arrived", lambda: letters_of(b, town.bob))[0].decode()
        found = re.search(r"Authentication-Results: mx\.b\.test;(.*?)\r\n(?!\t)", letter, re.S).group(1)
        assert "spf=pass smtp.mailfrom=alice@a.test" in found, found
        assert found.count("dkim=pass header.d=a.test") == 2, found
        assert "dmarc=pass header.from=a.test policy.dmarc=quarantine" in found, found


def test_a_forged_letter_goes_where_its_domain_wants_it(world, place):
    letter = "From: alice@a.test\r\nSubject: forged\r\n\r\npay here\r\n"
    with Town(world, place) as town:
        b = town.other_facteur(EXAMINED + town.names.configuration())
        publish(town, town.a, "a.test")
        reply = a_forged_letter(b.ports["smtp"], letter)
        assert reply.startswith("250"), reply
        assert letters_of(b, town.bob) == []
        with clients.Imap(b.ports["imaps"], town.bob, host=B) as imap:
            assert "MESSAGES 1" in str(imap.command("STATUS Junk (MESSAGES)"))
        town.names.zone["_dmarc.a.test"]["TXT"] = ["v=DMARC1; p=reject"]
        b.stop()
        b.start()  # It has forgotten the other policy.
        reply = a_forged_letter(b.ports["smtp"], letter)
        assert reply.startswith("550 5.7.26"), reply


def test_results_in_the_servers_name_that_a_letter_brings_are_taken_out(world, place):
    forged = "Authentication-Results: mx.b.test; dkim=pass header.d=bank.test\r\n"
    with Town(world, place) as town:
        b = town.other_facteur()
        reply = a_forged_letter(b.ports["smtp"], forged + "From: alice@a.test\r\n\r\npay here\r\n")
        assert reply.startswith("250"), reply
        assert b"bank.test" not in letters_of(b, town.bob)[0]


def test_doctor_finds_the_records_that_dns_prints(world, place):
    with Town(world, place) as town:
        publish(town, town.a, "a.test")
        found = {check["what"]: check for check in town.a.command_json("doctor", "a.test")}
        for what in ("MX of a.test", "SPF of a.test", "DMARC policy of _dmarc.a.test"):
            assert found[what]["state"] == "good", found[what]
        keys = [check for what, check in found.items() if what.startswith("DKIM key")]
        assert [key["state"] for key in keys] == ["good", "good"], keys
        del town.names.zone["_dmarc.a.test"]
        text = town.a.command("doctor", "a.test").stdout
        assert "bad     DMARC policy" in text and "Publish: _dmarc.a.test." in text, text
