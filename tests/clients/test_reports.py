"""Servers tell one another what they saw of each other's mail: once, to those who ask, and never of the telling.

Two facteurs that examine what comes, and a name server that has the records which `facteur dns` prints.
"""

import gzip
import http.server
import os
import ssl
import threading

import clients
from test_authentication import EXAMINED, publish
from test_outbound import B, Town, letters_of
from tls import make_certificate

A = "127.0.0.1"


class Towns:
    """A and B, each with a mailbox for reports."""

    def __init__(self, world, place, extra_b=""):
        self.town = Town(world, place, "\n" + EXAMINED)
        self.extra_b = extra_b

    def __enter__(self):
        town = self.town.__enter__()
        self.a = town.a
        self.at_a = town.a.account("postmaster")
        extra = EXAMINED + town.names.configuration() + self.extra_b
        extra += f"[delivery]\nport = {town.a.ports['smtp']}\n"
        self.b = town.other_facteur(extra)
        self.at_b = self.b.account("postmaster")
        publish(town, town.a, "a.test")
        publish(town, self.b, "b.test")
        return self

    def __exit__(self, fault, *rest):
        return self.town.__exit__(fault, *rest)

    def a_letter_arrives(self, count=1):
        """Alice writes to bob."""
        self.town.send(self.town.bob.address)
        self.town.wait("not arrived", lambda: len(letters_of(self.b, self.town.bob)) >= count)


def sent(server, *options):
    """Sends what is owed; answers how many reports."""
    return server.command_json("report", "send", *options)["sent"]


def kept(towns, server, count=1):
    """The rows that a server has of reports, once there are so many."""
    def rows():
        found = server.command_json("report", "list")
        return found if len(found) >= count else None
    return towns.town.wait("no report", rows)


def test_a_domain_is_told_of_letters_in_its_name_once(world, place):
    with Towns(world, place) as towns:
        towns.a_letter_arrives()
        assert sent(towns.b) == 0, "the day is not over"
        assert sent(towns.b, "--now") == 1
        row, = kept(towns, towns.a)
        told = {name: row[name] for name in ("kind", "about", "reporter", "good", "bad", "proven_by")}
        assert told == {"kind": "dmarc", "about": "a.test", "reporter": "mx.b.test",
                        "good": 1, "bad": 0, "proven_by": "b.test"}, told
        text = towns.a.command("report", "show", str(row["number"])).stdout
        assert "1 from 127.0.0.1  proven (DKIM pass, SPF pass)  From a.test: none" in text, text
        letter, = letters_of(towns.a, towns.at_a)
        assert b"DKIM-Signature:" in letter and b"Subject: Report Domain: a.test" in letter, letter
        assert sent(towns.b, "--now") == 0, "nothing is told twice, and nothing of reports"
        towns.b.kill()
        towns.b.start()
        assert sent(towns.b, "--now") == 0
        # A was told in a letter that it examined itself.
        assert [row["about"] for row in towns.a.command_json("report", "list")] == ["a.test"]


def test_a_domain_is_told_of_encryption_once(world, place):
    with Towns(world, place) as towns:
        towns.a_letter_arrives()
        assert sent(towns.a, "--now") == 1
        row, = kept(towns, towns.b)
        assert (row["kind"], row["about"], row["good"], row["bad"]) == ("tls", "b.test", 1, 0), row
        letter, = letters_of(towns.b, towns.at_b)
        for line in (b"TLS-Report-Domain: b.test", b"TLS-Required: No", b'report-type="tlsrpt"'):
            assert line in letter, letter
        assert sent(towns.a, "--now") == 0


def test_what_was_seen_outlives_a_restart(world, place):
    with Towns(world, place) as towns:
        towns.a_letter_arrives()
        towns.b.restart()
        towns.a_letter_arrives(2)
        assert sent(towns.b, "--now") == 1
        row, = kept(towns, towns.a)
        assert row["good"] == 2, row


def test_another_organization_is_told_only_if_it_agrees(world, place):
    with Towns(world, place) as towns:
        zone = towns.town.names.zone
        zone["_dmarc.a.test"]["TXT"] = ["v=DMARC1; p=none; rua=mailto:reports@s.test"]
        reader = towns.town.scripted()
        towns.a_letter_arrives()
        assert sent(towns.b, "--now") == 0
        zone["a.test._report._dmarc.s.test"] = {"TXT": ["v=DMARC1"]}
        towns.b.configure(EXAMINED + towns.town.names.configuration()
                          + f"[delivery]\nport = {towns.town.port}\n")
        towns.b.restart()
        towns.a_letter_arrives(2)
        assert sent(towns.b, "--now") == 1
        (sender, recipients, letter), = reader.wait_for(1)
        assert (sender, recipients) == ("postmaster@b.test", ["reports@s.test"])
        assert b"DKIM-Signature:" in letter


FAILURE = """\
From: bob@b.test
To: postmaster@a.test
Subject: FW: You have a new bill
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: text/plain

A letter in your name was not proven.

--b
Content-Type: message/feedback-report

Feedback-Type: auth-failure
User-Agent: Elsewhere/1.0
Version: 1
Auth-Failure: dmarc
Authentication-Results: mx.b.test; dkim=fail header.d=a.test
Source-IP: 192.0.2.66
Reported-Domain: a.test

--b
Content-Type: text/rfc822-headers

From: alice@a.test

--b--
"""


def test_a_report_of_a_single_letter_is_kept_and_shown(world, place):
    letter = FAILURE.replace("\n", "\r\n").encode()
    with Towns(world, place) as towns:
        bob = towns.town.bob
        with clients.Smtp(towns.b.ports["submissions"], tls=True, host=B) as smtp:
            smtp.login(bob)
            smtp.envelope(bob.address, ["postmaster@a.test"])
            smtp.data(letter)
        row, = kept(towns, towns.a)
        told = {name: row[name] for name in ("kind", "about", "reporter", "bad", "proven_by")}
        assert told == {"kind": "failure", "about": "a.test", "reporter": "Elsewhere/1.0",
                        "bad": 1, "proven_by": "b.test"}, told
        shown = towns.a.command("report", "show", str(row["number"])).stdout
        file = os.path.join(place, "failure.eml")
        with open(file, "wb") as out:
            out.write(letter)
        for text in (shown, towns.a.command("report", "failure", file).stdout):
            assert "about a.test: dmarc failed" in text and "came from: 192.0.2.66" in text, text


def test_without_a_domain_nobody_could_be_the_author_and_that_is_told(world, place):
    server = world.new_server(place)
    server.start()
    try:
        told = server.command("report", "send", "--now", check=False)
        assert told.returncode != 0 and "[reports] from" in told.stderr, told
    finally:
        server.stop()


def test_nothing_is_seen_where_that_is_turned_off(world, place):
    with Towns(world, place, "[reports]\ndmarc = false\n") as towns:
        towns.a_letter_arrives()
        assert sent(towns.b, "--now") == 0


class Collector(http.server.ThreadingHTTPServer):
    """Takes reports over HTTPS under the name of mx.b.test."""

    def __init__(self, place):
        self.taken = []
        self.certificate, key = place + "/web.pem", place + "/web-key.pem"
        make_certificate("mx.b.test", self.certificate, key)
        taken = self.taken

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                taken.append((self.path, self.headers["Content-Type"], body))
                self.send_response(201)
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.2", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def test_a_report_about_encryption_is_posted_where_the_domain_wants_it(world, place):
    collector = Collector(place)
    os.environ["SSL_CERT_FILE"] = collector.certificate
    try:
        with Towns(world, place) as towns:
            url = f"https://mx.b.test:{collector.server_port}/tls"
            towns.town.names.zone["_smtp._tls.b.test"]["TXT"] = [f"v=TLSRPTv1; rua={url}"]
            towns.a_letter_arrives()
            assert sent(towns.a, "--now") == 1
            (path, kind, body), = collector.taken
            assert (path, kind) == ("/tls", "application/tlsrpt+gzip")
            assert b'"total-successful-session-count":1' in gzip.decompress(body), body
    finally:
        del os.environ["SSL_CERT_FILE"]
        collector.shutdown()
