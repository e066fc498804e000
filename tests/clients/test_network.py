"""Whole servers in a network of their own, with signed names: three facteurs, Postfix, Exim and OpenSMTPD.

Every server has its address, its domain with SPF, and a certificate whose key stands in the signed names.
"""

import contextlib
import email
import email.policy
import re
import time

import clients
from network import PORTS, address, own_network
from peers import Peer, peers_unpacked
from scripted import OFFERS, Scripted
from server import Server
from signed import SignedNames, tlsa_of
from test_outbound import letters_of, status_fields
from tls import make_certificate

NAMES = address(53)
FACTEURS = {"a.test": address(1), "b.test": address(2), "c.test": address(3)}
PEERS = {"postfix": ("p.test", address(11)), "exim": ("e.test", address(12)), "opensmtpd": ("o.test", address(13))}
SINK = address(21)
WAIT_SECONDS = 60
HOPS = re.compile(rb"^Received:", re.I | re.M)


class Country:
    """Servers with their names; ends them all."""

    def __init__(self, world, place):
        self.world, self.place = world, place
        self.names = SignedNames(place, NAMES, 53)
        self.facteurs, self.peers, self.people = {}, {}, {}
        self.closers = [self.names.close]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for close in reversed(self.closers):
            with contextlib.suppress(OSError):
                close()

    def publish(self, domain, host, certificate=None):
        """The records of a domain with one server."""
        zone = self.names.zone
        zone[domain] = {"MX": [(10, "mx." + domain)], "TXT": [f"v=spf1 ip4:{host} -all"]}
        zone["mx." + domain] = {"A": [host], "TXT": [f"v=spf1 ip4:{host} -all"]}
        if certificate:
            zone["_25._tcp.mx." + domain] = {"TLSA": [tlsa_of(certificate)]}

    def facteur(self, domain, extra=""):
        """A facteur for a domain, with `bob`."""
        host, folder = FACTEURS[domain], f"{self.place}/{domain}"
        certificate, key = f"{self.place}/{domain}.pem", f"{self.place}/{domain}.key"
        make_certificate("mx." + domain, certificate, key)
        extra = (f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'
                 f'[delivery]\nsource_addresses = ["{host}"]\nretry_first_seconds = 1\nretry_most_seconds = 2\n{extra}\n'
                 + self.names.configuration())
        server = Server(self.world.binary, folder, extra, host=host, domain=domain, ports=PORTS).prepare()
        self.people[domain] = server.account("bob")
        self.publish(domain, host, certificate)
        for record in server.command_json("dns", domain):
            if record["type"] == "TXT" and "_domainkey" in record["name"]:
                self.names.zone[record["name"]] = {"TXT": [record["value"]]}
        self.closers.append(server.stop)
        self.facteurs[domain] = server.start()
        return server

    def peer(self, kind):
        """Another server for its domain."""
        domain, host = PEERS[kind]
        peer = Peer(kind, self.world, self.place, host, domain)
        self.closers.append(peer.close)
        self.publish(domain, host, None if kind == "opensmtpd" else peer.certificate)
        self.peers[domain] = peer.start(NAMES)
        return peer

    def send(self, domain, recipient, subject, sender="bob", parameters=""):
        """A letter from a domain: submitted at a facteur, handed in at a peer."""
        text = f"From: {sender}@{domain}\r\nTo: {recipient}\r\nSubject: {subject}\r\n\r\nhello\r\n".encode()
        if domain in self.facteurs:
            server = self.facteurs[domain]
            smtp = clients.Smtp(server.ports["submissions"], tls=True, host=server.host)
            smtp.login(self.people[domain])
        else:
            smtp = clients.Smtp(25, host=self.peers[domain].host)
        with smtp:
            smtp.command(f"MAIL FROM:<{sender}@{domain}>{parameters}")
            smtp.command(f"RCPT TO:<{recipient}>")
            smtp.data(text)

    def arrived(self, domain):
        """All that came for bob, as text."""
        if domain in self.facteurs:
            return letters_of(self.facteurs[domain], self.people[domain])
        return [content for _, _, content in self.peers[domain].letters]

    def wait(self, what, condition):
        """Waits until something is so."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not (found := condition()):
            if time.monotonic() > deadline:
                told = {domain: peer.told()[-1500:] for domain, peer in self.peers.items()}
                queues = {domain: one.command_json("queue", "list") for domain, one in self.facteurs.items()}
                raise AssertionError(f"{what}: {queues} {told}")
            time.sleep(0.1)
        return found

    def wait_for(self, domain, subject):
        """Waits for the letter with this subject; answers it."""
        wanted = f"Subject: {subject}\r\n".encode()
        return self.wait(f"{subject} is not at {domain}", lambda: next(
            (letter for letter in self.arrived(domain) if wanted in letter), None))


@own_network(before=peers_unpacked)
def test_letters_go_both_ways_between_all(world, place):
    with Country(world, place) as country:
        for domain in FACTEURS:
            country.facteur(domain)
        for kind in PEERS:
            country.peer(kind)
        everybody = [*country.facteurs, *country.peers]
        ways = [(one, other) for one in everybody for other in everybody if one != other]
        for one, other in ways:
            country.send(one, f"bob@{other}", f"{one} to {other}")
        for one, other in ways:
            letter = country.wait_for(other, f"{one} to {other}").decode()
            assert len(HOPS.findall(letter.encode())) >= 2, letter
            if other in country.facteurs:
                found = re.search(r"Authentication-Results: mx\.[abc]\.test;(.*?)\r\n(?!\t)", letter, re.S).group(1)
                assert f"spf=pass smtp.mailfrom=bob@{one}" in found, (one, other, found)
                assert "ESMTPS" in letter, letter
                if one in country.facteurs:
                    assert found.count(f"dkim=pass header.d={one}") == 2, found
        for domain, server in country.facteurs.items():
            assert server.command_json("queue", "list") == [], domain
            for other in everybody:
                if other not in (domain, "o.test"):
                    assert ", DANE)" in server.command("trace", f"bob@{other}").stdout, (domain, other)
        for domain in everybody:
            assert len(country.arrived(domain)) == len(everybody) - 1, domain
        told = country.peers["p.test"].told(whole=True)
        assert "Verified TLS connection established to mx.a.test" in told, told
        return f"{len(ways)} letters"


@own_network(before=peers_unpacked)
def test_no_letter_goes_to_a_server_that_lost_its_encryption_or_key(world, place):
    with Country(world, place) as country:
        server = country.facteur("a.test")
        sink = Scripted(SINK, 25, offers=OFFERS)  # Whoever stands between the two takes STARTTLS out.
        country.closers.append(sink.close)
        country.publish("s.test", SINK, country.place + "/a.test.pem")
        country.send("a.test", "bob@s.test", "stripped")

        def tried():
            return [entry for entry in server.command_json("queue", "list") if entry["attempts"] > 0]
        entry = country.wait("not tried", tried)[0]
        assert entry["recipients"][0]["answer"].startswith("4.7."), entry
        assert not any(line.startswith("MAIL") for line in sink.lines), sink.lines
        postfix = country.peer("postfix")  # The same with a key that is not the one of the names.
        key = "_25._tcp.mx.p.test"
        right, country.names.zone[key] = country.names.zone[key], {"TLSA": [b"\3\1\1" + bytes(32)]}
        country.send("a.test", "bob@p.test", "another key")

        def refused():
            entries = [entry for entry in server.command_json("queue", "list") if "p.test" in str(entry)]
            return [entry for entry in entries if entry["attempts"] > 0]
        answer = country.wait("not tried", refused)[0]["recipients"][0]["answer"]
        assert answer.startswith("4.7.5"), answer
        assert postfix.letters == []
        country.names.zone[key] = right
        time.sleep(1.1)  # What was known of the key is forgotten.
        server.command("queue", "retry", "all")
        country.wait_for("p.test", "another key")


@own_network(before=peers_unpacked)
def test_a_loop_ends_and_its_sender_is_told_once(world, place):
    with Country(world, place) as country:
        a = country.facteur("a.test")
        b = country.facteur("b.test")
        country.peer("postfix")  # It passes round@p.test on to round@a.test.
        for server, other in ((a, "round@b.test"), (b, "round@p.test")):
            account = server.account("round")
            server.command("forward", "set", account.address, other)
        country.send("a.test", "round@b.test", "round and round")
        # The notice finds its way back through the rewritten senders of both servers.
        notice = country.wait("nobody is told", lambda: country.arrived("a.test"))[0]
        report = email.message_from_bytes(notice, policy=email.policy.default)
        assert status_fields(report)[0]["Status"] == "5.4.6", notice
        time.sleep(2)
        assert len(country.arrived("a.test")) == 1
        for server in (a, b):
            assert server.command_json("queue", "list") == []
            told = server.command("trace", "round@b.test").stdout
            assert told.count("sent to") <= 3, told
