"""Letters to other servers: they arrive, or their sender is told; nothing is lost and nothing sent twice.

Two facteurs, scripted servers and a name server on different addresses of loopback; all use one port for mail.
"""

import contextlib
import email
import email.policy
import http.server
import os
import shutil
import ssl
import threading
import time

import clients
from names import Names
from scripted import OFFERS, Scripted
from server import Server, free_port
from signed import SignedNames, tlsa_of
from tls import make_certificate

B = "127.0.0.2"
SCRIPTED = "127.0.0.3"
WAIT_SECONDS = 60


class Town:
    """facteur A for `a.test` and its names; other servers are put beside it."""

    def __init__(self, world, place, delivery="", server=None, **names):
        self.world = world
        self.place = place
        self.names = server or Names()
        self.port = free_port(SCRIPTED)
        self.names.zone = {
            "b.test": {"MX": [(10, "mx.b.test")]}, "mx.b.test": {"A": [B]},
            "s.test": {"MX": [(10, "mx.s.test")]}, "mx.s.test": {"A": [SCRIPTED]},
        } | names
        extra = f"[delivery]\nport = {self.port}\nretry_first_seconds = 60\n{delivery}\n"
        extra += self.names.configuration()
        self.a = Server(world.binary, place + "/a", extra, domain="a.test").prepare()
        self.alice = self.a.account("alice")
        self.b = None
        self.closers = [self.names.close, self.a.stop]

    def __enter__(self):
        self.a.start()
        return self

    def __exit__(self, fault, *_):
        for close in self.closers:
            with contextlib.suppress(OSError):
                close()
        if fault is None:  # Two stores for each test would fill a small disk.
            for name in ("a", "b"):
                shutil.rmtree(f"{self.place}/{name}", ignore_errors=True)

    def other_facteur(self, extra=""):
        """facteur B for `b.test`, with bob."""
        ports = {"smtp": self.port}
        self.b = Server(self.world.binary, self.place + "/b", extra, host=B, domain="b.test", ports=ports)
        self.b.prepare()
        self.bob = self.b.account("bob")
        self.b.start()
        self.closers.append(self.b.stop)
        return self.b

    def scripted(self, **options):
        """A scripted server for `s.test`."""
        server = Scripted(SCRIPTED, self.port, **options)
        self.closers.append(server.close)
        return server

    def send(self, *recipients, body="hello\r\n", subject="hello", parameters="", notify=""):
        """Alice submits a letter."""
        letter = f"From: {self.alice.address}\r\nSubject: {subject}\r\n\r\n{body}".encode()
        with clients.Smtp(self.a.ports["submissions"], tls=True) as smtp:
            smtp.login(self.alice)
            smtp.command(f"MAIL FROM:<{self.alice.address}>{parameters}")
            for recipient in recipients:
                smtp.command(f"RCPT TO:<{recipient}>{notify}")
            smtp.data(letter)
        return letter

    def queue(self):
        """What waits at A."""
        return self.a.command_json("queue", "list")

    def wait(self, what, condition):
        """Waits until something is so."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not (found := condition()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: {self.queue()}: {self.a.log_tail()}")
            time.sleep(0.05)
        return found

    def wait_empty(self):
        """Waits until nothing waits."""
        self.wait("the queue is not empty", lambda: not self.queue())

    def wait_tried(self, count=1):
        """Waits until the one entry was tried so often; answers it."""
        def tried():
            queue = self.queue()
            return queue if queue and queue[0]["attempts"] >= count else None
        return self.wait("not tried", tried)[0]

    def forget(self, server):
        """Waits until no connection to a scripted server is kept."""
        self.wait("a connection is kept", lambda: server.open == 0)

    def notices(self, count=1):
        """What alice was told, parsed."""
        return [email.message_from_bytes(letter, policy=email.policy.default)
                for letter in self.wait("no notice", lambda: self.inbox(count))]

    def inbox(self, count):
        """Alice's inbox once it holds so many letters."""
        letters = letters_of(self.a, self.alice)
        return letters if len(letters) >= count else None


def letters_of(server, account):
    """All letters in an inbox."""
    with clients.Imap(server.ports["imaps"], account, host=server.host) as imap:
        return [letter for _, letter in imap.bodies()]


def status_fields(notice):
    """The fields of a notice that are about its recipients."""
    report = [part for part in notice.walk() if part.get_content_type() == "message/delivery-status"]
    return report[0].get_payload()[1:]


def test_a_letter_to_another_domain_arrives_there_encrypted(world, place):
    with Town(world, place) as town:
        b = town.other_facteur()
        town.send(town.bob.address, subject="across")
        letters = town.wait("not arrived", lambda: letters_of(b, town.bob))
        town.wait_empty()
        assert b"Subject: across" in letters[0]
        assert letters[0].count(b"\r\nReceived: from ") >= 2, letters[0]
        assert b"with ESMTPS" in letters[0], letters[0]


def test_recipients_here_and_elsewhere_get_the_same_letter(world, place):
    with Town(world, place) as town:
        s = town.scripted()
        town.send(town.alice.address, "x@s.test", "y@s.test")
        (sender, recipients, content), = s.wait_for(1)
        assert (sender, recipients) == (town.alice.address, ["x@s.test", "y@s.test"])
        assert content.endswith(b"\r\n\r\nhello\r\n")
        assert len(town.wait("not here", lambda: letters_of(town.a, town.alice))) == 1
        town.wait_empty()


def test_a_letter_goes_byte_for_byte_with_its_dots(world, place):
    body = ".\r\n..\r\n.x\r\n" + "a line of text\r\n" * 100_000 + "\r\n.\r\nend\r\n"
    with Town(world, place) as town:
        s = town.scripted()
        letter = town.send("x@s.test", body=body)
        _, _, content = s.wait_for(1)[0]
        assert content.endswith(letter)


def test_a_dead_server_is_passed_over_for_the_next(world, place):
    zone = {"two.test": {"MX": [(10, "dead.test"), (20, "mx.s.test")]}, "dead.test": {"A": ["127.0.0.9"]}}
    with Town(world, place, **zone) as town:
        s = town.scripted()
        town.send("x@two.test")
        s.wait_for(1)
        town.wait_empty()


def test_without_mail_servers_the_domains_own_address_is_taken(world, place):
    zone = {"bare.test": {"A": [SCRIPTED]}, "alias.test": {"CNAME": ["s.test"]}}
    with Town(world, place, **zone) as town:
        s = town.scripted()
        town.send("x@bare.test")
        town.send("x@alias.test")
        s.wait_for(2)
        town.wait_empty()


def test_a_refused_recipient_is_told_to_the_sender_with_all_codes(world, place):
    with Town(world, place) as town:
        s = town.scripted()
        s.replies["RCPT"] = lambda line: "550 5.1.1 no such user" if "nobody" in line else None
        town.send("x@s.test", "nobody@s.test", parameters=" RET=HDRS ENVID=QQ42")
        s.wait_for(1)
        notice = town.notices()[0]
        assert notice["Auto-Submitted"] == "auto-replied"
        assert notice.get_content_type() == "multipart/report"
        fields, = status_fields(notice)
        assert fields["Final-Recipient"] == "rfc822; nobody@s.test"
        assert (fields["Action"], fields["Status"]) == ("failed", "5.1.1")
        assert fields["Diagnostic-Code"] == "smtp; 550 5.1.1 no such user"
        assert "Original-Envelope-Id: QQ42" in notice.as_string()
        assert "text/rfc822-headers" in notice.as_string()
        assert "mx.s.test [127.0.0.3] said: 550 5.1.1 no such user" in notice.as_string()
        town.wait_empty()


def test_what_cannot_be_delivered_ever_is_told_at_once(world, place):
    zone = {"null.test": {"MX": [(0, "")]}, "loop.test": {"MX": [(10, "mx.a.test")]}}
    statuses = {"x@gone.invalid": "5.1.2", "x@null.test": "5.1.10", "x@loop.test": "5.4.6"}
    with Town(world, place, **zone) as town:
        for recipient in statuses:
            town.send(recipient)
        found = {}
        for notice in town.notices(3):
            fields, = status_fields(notice)
            found[fields["Final-Recipient"].split("; ")[1]] = fields["Status"]
        assert found == statuses, found
        town.wait_empty()


def test_nobody_is_told_of_a_notice_that_fails(world, place):
    with Town(world, place) as town:
        s = town.scripted()
        s.replies["RCPT"] = "550 5.1.1 no"
        with clients.Smtp(town.a.ports["smtp"]) as smtp:
            smtp.envelope("", [town.alice.address])
            smtp.data(b"Subject: to the one here\r\n\r\n")
        town.send("x@s.test", notify=" NOTIFY=NEVER")
        town.wait_empty()
        time.sleep(0.5)
        assert len(town.inbox(1)) == 1


def test_a_name_server_without_answer_never_fails_a_letter(world, place):
    with Town(world, place) as town:
        town.names.silent = True
        s = town.scripted()
        town.send("x@s.test")
        entry = town.wait_tried()
        assert entry["recipients"][0]["answer"].startswith("4.4.3"), entry
        town.names.silent = False
        town.a.command("queue", "retry", "all")
        s.wait_for(1)
        town.wait_empty()


def test_a_greylisted_letter_goes_at_the_second_attempt(world, place):
    with Town(world, place) as town:
        s = town.scripted()
        s.replies["RCPT"] = "450 4.7.1 come back later"
        town.send("x@s.test")
        entry = town.wait_tried()
        assert entry["history"][0]["answer"] == "4.7.1 450 4.7.1 come back later", entry
        assert entry["due"] > entry["history"][0]["at"]
        s.replies.clear()
        town.a.command("queue", "retry", entry["entry"])
        s.wait_for(1)
        town.wait_empty()
        assert not town.inbox(1)


def test_a_full_mailbox_keeps_its_own_recipient_waiting_and_no_other(world, place):
    with Town(world, place) as town:
        s = town.scripted()
        s.replies["RCPT"] = lambda line: "452 4.2.2 full" if "full" in line else None
        town.send("x@s.test", "full@s.test")
        s.wait_for(1)
        entry = town.wait_tried()
        assert [one["address"] for one in entry["recipients"]] == ["full@s.test"]
        assert s.letters[0][1] == ["x@s.test"]


def test_a_server_that_breaks_off_at_any_stage_gets_the_letter_later(world, place):
    with Town(world, place, "retry_most_seconds = 1") as town:
        for stage in ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "end"):
            s = town.scripted()
            s.replies[stage] = None
            town.send("x@s.test", subject=stage)
            entry = town.wait_tried()
            assert entry["recipients"][0]["answer"][0] == "4", (stage, entry)
            s.replies.clear()
            town.a.command("queue", "retry", "all")
            letters = s.wait_for(1)
            town.wait_empty()
            assert len(letters) == 1, stage
            town.forget(s)
            s.close()
        assert not town.inbox(1)


def test_a_destination_that_was_not_reached_is_tried_at_once_when_an_administrator_says_so(world, place):
    with Town(world, place) as town:
        s = town.scripted()
        s.replies["greeting"] = "554 5.3.2 closed today"
        for _ in range(5):
            town.send("x@s.test")
        town.wait("nothing is left alone", lambda: len(town.queue()) == 5 and all(
            entry["unreached"] for entry in town.queue()))
        assert "are not reached" in town.a.command("queue", "list").stdout
        s.replies = {}
        letter = town.queue()[4]["letter"]
        assert town.a.command("queue", "retry", letter).stdout == "1 letter\n"
        s.wait_for(1)
        town.a.command("queue", "retry", "@s.test")
        s.wait_for(5)
        town.wait_empty()


def test_every_refusal_of_the_connection_is_for_now_only(world, place):
    with Town(world, place) as town:
        s = town.scripted()
        for stage, reply in (("greeting", "554 5.3.2 closed today"), ("EHLO", "421 4.3.2 too busy")):
            s.replies = {stage: reply}
            town.send("x@s.test")
            assert "x@s.test" in str(town.wait_tried())
            s.replies = {}
            town.a.command("queue", "retry", "all")
            town.wait_empty()
            town.forget(s)
        assert not town.inbox(1)


def test_a_slow_server_does_not_hold_up_another(world, place):
    with Town(world, place) as town:
        b = town.other_facteur()
        s = town.scripted()
        s.pause["RCPT"] = 20
        for _ in range(20):
            town.send("x@s.test")
        started = time.monotonic()
        town.send(town.bob.address)
        town.wait("not arrived", lambda: letters_of(b, town.bob))
        assert time.monotonic() - started < 10
        assert s.open_most <= 20
        town.a.kill()  # A stop would wait for the slow one.


def test_many_letters_share_few_connections(world, place):
    with Town(world, place) as town:
        s = town.scripted()
        town.a.command("queue", "list")
        with clients.Smtp(town.a.ports["submissions"], tls=True) as smtp:
            smtp.login(town.alice)
            for number in range(100):
                smtp.envelope(town.alice.address, [f"x{number}@s.test"])
                smtp.data(f"From: {town.alice.address}\r\n\r\n{number}\r\n".encode())
        letters = s.wait_for(100)
        town.wait_empty()
        assert len({recipients[0] for _, recipients, _ in letters}) == 100
        assert len(letters) == 100 and s.connections <= 20, s.connections
        return f"{s.connections} connections"


def test_killed_in_the_middle_a_letter_is_sent_again_and_not_lost(world, place):
    with Town(world, place) as town:
        s = town.scripted()
        s.pause["end"] = 3
        town.send("x@s.test")
        town.wait("not begun", lambda: "DATA" in s.lines)
        town.a.kill()
        s.pause.clear()
        town.a.start()
        town.wait("not sent again", lambda: any(line == "DATA" for line in s.lines[s.lines.index("DATA") + 1:]))
        town.wait_empty()
        assert 1 <= len(s.letters) <= 2


def test_eight_bit_text_is_never_sent_to_a_server_that_cannot_take_it(world, place):
    with Town(world, place) as town:
        town.scripted(offers=("SIZE 100000",))
        town.send("x@s.test", body="caf\u00e9\r\n")
        fields, = status_fields(town.notices()[0])
        assert fields["Status"] == "5.6.3", fields


def test_a_letter_too_large_for_the_other_server_is_not_begun(world, place):
    with Town(world, place) as town:
        s = town.scripted(offers=("SIZE 1000",))
        town.send("x@s.test", body="x" * 70 + "\r\n" + "y\r\n" * 1000)
        fields, = status_fields(town.notices()[0])
        assert fields["Status"] == "5.3.4", fields
        assert not any(line.startswith("MAIL") for line in s.lines)


def test_a_server_without_pipelining_gets_one_command_at_a_time(world, place):
    with Town(world, place) as town:
        s = town.scripted(offers=("8BITMIME",))
        town.send("x@s.test", "y@s.test")
        assert s.wait_for(1)[0][1] == ["x@s.test", "y@s.test"]


def test_what_the_sender_asked_to_be_told_is_passed_on_or_told_here(world, place):
    with Town(world, place) as town:
        s = town.scripted(offers=(*OFFERS, "DSN"))
        asked = " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;X+2Bone@s.test"
        town.send("x@s.test", parameters=" RET=FULL ENVID=a+2Bb", notify=asked)
        s.wait_for(1)
        mail = next(line for line in s.lines if line.startswith("MAIL"))
        assert mail.endswith(" RET=FULL ENVID=a+2Bb"), mail
        assert "RCPT TO:<x@s.test>" + asked in s.lines, s.lines
        s.offers = OFFERS
        town.wait_empty()
        town.forget(s)
        town.send("y@s.test", notify=" NOTIFY=SUCCESS")
        fields, = status_fields(town.notices()[0])
        assert (fields["Action"], fields["Status"]) == ("relayed", "2.0.0")


def test_urgency_and_haste_are_taken_from_users_and_passed_on(world, place):
    with Town(world, place) as town:
        s = town.scripted(offers=(*OFFERS, "DELIVERBY", "MT-PRIORITY"))
        town.send("x@s.test", parameters=" BY=600;N MT-PRIORITY=3")
        s.wait_for(1)
        mail = next(line for line in s.lines if line.startswith("MAIL"))
        assert mail.endswith(" MT-PRIORITY=3") and " BY=" in mail and ";N " in mail, mail
        with clients.Smtp(town.a.ports["smtp"]) as smtp:
            try:
                smtp.command("MAIL FROM:<z@z.test> MT-PRIORITY=9")
                raise AssertionError("a stranger may not be urgent")
            except clients.Refused as refused:
                assert str(refused).startswith("555"), refused


def test_who_demands_proven_encryption_gets_the_letter_back_where_there_is_none(world, place):
    with Town(world, place) as town:
        town.other_facteur()
        town.send(town.bob.address, parameters=" REQUIRETLS")
        fields, = status_fields(town.notices()[0])
        assert fields["Status"] == "5.7.10", fields


def test_all_mail_goes_to_the_relay_with_name_and_password(world, place):
    port = free_port("127.0.0.4")
    delivery = (f'relay_host = "127.0.0.4:{port}"\nrelay_user = "us"\nrelay_password = "secret"\n'
                'relay_tls = "never"')
    with Town(world, place, delivery) as town:
        relay = Scripted("127.0.0.4", port, offers=(*OFFERS, "AUTH PLAIN LOGIN"))
        town.send("x@anywhere.test")
        entry = town.wait_tried()
        assert entry["recipients"][0]["answer"].startswith("4.7.8"), "no password in clear"
        assert not any("AUTH" in line for line in relay.lines)
        relay.close()


def test_a_relay_that_is_another_facteur_takes_what_its_user_sends(world, place):
    port = free_port(B)
    delivery = f'relay_host = "{B}:{port}"\nrelay_user = "alice@a.test"\nrelay_password = "pw"'
    with Town(world, place, delivery) as town:
        dead = '[dns]\nservers = ["127.0.0.1:9"]\n'
        b = Server(world.binary, place + "/b", dead, host=B, domain="a.test", ports={"submission": port})
        b.prepare()
        b.command("account", "add", "alice@a.test", "--password-stdin", stdin="pw\n")
        b.start()
        try:
            town.send("x@anywhere.test")
            town.wait_empty()
            queue = b.command_json("queue", "list")
            assert queue[0]["recipients"][0]["address"] == "x@anywhere.test", queue
        finally:
            b.stop()


def test_a_domain_may_have_an_lmtp_server_that_answers_for_each_recipient(world, place):
    port = free_port("127.0.0.5")
    route = f'[[delivery.route]]\ndomain = "inner.test"\nvia = "lmtp:127.0.0.5:{port}"'
    with Town(world, place, route) as town:
        inner = Scripted("127.0.0.5", port, lmtp=True)
        inner.replies["end"] = lambda to: "550 5.2.2 full" if "full" in to else None
        town.send("x@inner.test", "full@inner.test")
        inner.wait_for(1)
        fields, = status_fields(town.notices()[0])
        assert (fields["Final-Recipient"], fields["Status"]) == ("rfc822; full@inner.test", "5.2.2")
        assert [letter[1] for letter in inner.letters] == [["x@inner.test"]]
        assert any(line.startswith("LHLO") for line in inner.lines)
        inner.close()


def test_a_held_letter_waits_until_it_is_released(world, place):
    with Town(world, place) as town:
        town.send("x@s.test")  # Nobody listens there yet.
        entry = town.wait_tried()["entry"]
        town.a.command("queue", "hold", entry)
        s = town.scripted()
        assert town.a.command("queue", "retry", entry, check=False).returncode != 0
        time.sleep(1)
        assert not s.letters
        town.a.command("queue", "release", entry)
        s.wait_for(1)


def test_an_administrator_sends_a_letter_another_way_or_back(world, place):
    with Town(world, place, **{"nowhere.test": {"A": ["127.0.0.4"]}}) as town:  # Nobody listens there.
        s = town.scripted()
        town.send("x@nowhere.test")
        entry = town.wait_tried()["entry"]
        town.a.command("queue", "route", entry, f"smtp:{SCRIPTED}:{town.port}")
        assert s.wait_for(1)[0][1] == ["x@nowhere.test"]
        town.wait_empty()
        town.send("y@nowhere.test")
        town.wait_tried()
        town.a.command("queue", "cancel", "@nowhere.test", "--tell")
        town.wait_empty()
        fields, = status_fields(town.notices()[0])
        assert fields["Status"] == "5.7.0"


def test_what_happened_to_a_letter_is_told_step_by_step_with_all_answers(world, place):
    with Town(world, place) as town:
        s = town.scripted()
        s.replies["RCPT"] = "450 4.7.1 come back later"
        town.send("x@s.test")
        letter = town.wait_tried()["letter"]
        told = town.a.command("trace", letter).stdout
        assert "came from 127.0.0.1: alice@a.test to x@s.test" in told, told
        assert "not yet sent to x@s.test: mx.s.test [127.0.0.3]: 4.7.1 450 4.7.1 come back later" in told, told
        assert "waits: " in told, told
        s.replies.clear()
        town.a.command("queue", "retry", "all")
        town.wait_empty()
        told = town.a.command("trace", "X@s.test").stdout
        assert "sent to x@s.test: mx.s.test [127.0.0.3] took it (none) and said: 250 2.0.0 kept" in told, told
        assert "waits: " not in told, told
        town.a.stop()
        events = town.a.command_json("trace", letter)[0]["events"]
        assert [event["event"] for event in events] == ["letter delivered", "letter delayed", "letter sent"]
        assert town.a.command("trace", "nobody@s.test", check=False).returncode != 0
        town.a.start()


class PolicyServer:
    """The web server of `mta-sts.b.test` with a certificate for that name."""

    def __init__(self, place):
        self.text = ""
        self.certificate, key = place + "/web.pem", place + "/web.key"
        make_certificate("mta-sts.b.test", self.certificate, key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        policy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Answers every question with the policy."""

            def do_GET(self):
                """The policy."""
                body = policy.text.encode()
                self.send_response(200 if self.path == "/.well-known/mta-sts.txt" else 404)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Says nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.6", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def with_policy(world, place, mode, proven, check):
    """Alice writes to bob, whose domain has a policy; B's certificate is proven or not."""
    web = PolicyServer(place)
    web.text = f"version: STSv1\r\nmode: {mode}\r\nmx: mx.b.test\r\nmax_age: 86400\r\n"
    certificate, key = place + "/mx.pem", place + "/mx.key"
    make_certificate("mx.b.test", certificate, key)
    trusted = place + "/trusted.pem"
    with open(trusted, "wb") as bundle:
        for path in [web.certificate] + [certificate] * proven:
            with open(path, "rb") as file:
                bundle.write(file.read())
    os.environ["SSL_CERT_FILE"] = trusted
    zone = {"_mta-sts.b.test": {"TXT": ["v=STSv1; id=1;"]}, "mta-sts.b.test": {"A": ["127.0.0.6"]}}
    try:
        with Town(world, place, f"https_port = {web.port}", **zone) as town:
            b = town.other_facteur(f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n')
            town.send(town.bob.address)
            check(town, b)
    finally:
        del os.environ["SSL_CERT_FILE"]
        web.server.shutdown()


def test_a_policy_that_is_enforced_and_kept_lets_the_letter_through(world, place):
    def check(town, b):
        town.wait("not arrived", lambda: letters_of(b, town.bob))
        assert "MTA-STS)" in town.a.command("trace", town.bob.address).stdout
    with_policy(world, place, "enforce", proven=1, check=check)


def test_a_policy_that_is_enforced_and_broken_keeps_the_letter_here(world, place):
    def check(town, b):
        entry = town.wait_tried()
        assert entry["recipients"][0]["answer"].startswith("4.7.5"), entry
        assert not letters_of(b, town.bob)
    with_policy(world, place, "enforce", proven=0, check=check)


def test_a_policy_in_testing_stops_nothing(world, place):
    def check(town, b):
        town.wait("not arrived", lambda: letters_of(b, town.bob))
        assert "TLSv1.3" in town.a.command("trace", town.bob.address).stdout
    with_policy(world, place, "testing", proven=0, check=check)


def with_signed_names(world, place, check, forge=False, other=False):
    """Alice writes to bob, whose server's key stands in signed names: its own or another's."""
    names = SignedNames(place)
    paths = [place + "/mx.pem", place + "/other.pem"]
    for path in paths:
        make_certificate("irrelevant.test", path, path + ".key")
    with Town(world, place, server=names) as town:
        key = f"_{town.port}._tcp.mx.b.test"
        town.names.zone[key] = {"TLSA": [tlsa_of(paths[1 if other else 0])]}
        if forge:
            names.forged.add(key)
        tls = f'[tls]\ncertificate = "{paths[0]}"\nkey = "{paths[0]}.key"\n'
        b = town.other_facteur(tls)
        town.send(town.bob.address)
        check(town, b)


def test_a_key_in_signed_names_is_enough_without_any_authority(world, place):
    def check(town, b):
        town.wait("not arrived", lambda: letters_of(b, town.bob))
        assert ", DANE)" in town.a.command("trace", town.bob.address).stdout
    with_signed_names(world, place, check)


def test_a_server_without_the_key_in_signed_names_gets_nothing(world, place):
    def check(town, b):
        entry = town.wait_tried()
        assert entry["recipients"][0]["answer"].startswith("4.7.5"), entry
        assert not letters_of(b, town.bob)
    with_signed_names(world, place, check, other=True)


def test_a_forged_answer_about_keys_keeps_the_letter_here(world, place):
    def check(town, b):
        entry = town.wait_tried()
        assert entry["recipients"][0]["answer"].startswith("4.4.3"), entry
        assert not letters_of(b, town.bob)
    with_signed_names(world, place, check, forge=True)
