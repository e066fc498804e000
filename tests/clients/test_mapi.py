"""MAPI over HTTP and Autodiscover, from a client that is written from the specifications."""

import concurrent.futures
import imaplib
import json
import struct
import time

import clients
from outlook import (
    BODY, DISPLAY_NAME, FID, MID, READ, ROW_TYPE, SENDER, SUBJECT, Failed, Outlook, Reader)
from server import DOMAIN, HOST
from test_https import Site
from test_swaks import swaks

ENABLED = "[mapi]\nenabled = true\n"
INBOX, MAIL_ROOT = 4, 3
UNKNOWN_USER, ACCESS_DENIED, LOGIN_PERMISSION = 0x3EB, 0x80070005, 0x3F2
WAIT = struct.pack("<II", 0, 0)
# What became of a table.
ROW_ADDED, ROW_DELETED, ROW_MODIFIED = 3, 4, 5


def served(world, place, extra=""):
    """A server that serves Outlook."""
    return Site(world, place, ENABLED + extra)


def client(site, account=None, **options):
    """A client with a profile."""
    found = Outlook(HOST, site.port, account or site.server.account(), **options)
    found.profile()
    return found


def connected(site, account=None):
    """A client with a session."""
    found = client(site, account)
    assert found.connect()[0] == 0
    return found


def test_nothing_is_served_unless_the_configuration_says_so(world, place):
    with Site(world, place) as site:
        for path in ("mapi/healthcheck.htm", "autodiscover/autodiscover.xml", "mapi/emsmdb/"):
            assert site.get(HOST, path)[0] == "404", path


def test_outlook_finds_its_mailbox_opens_it_and_reads_a_letter(world, place):
    with served(world, place) as site:
        account = site.server.account()
        swaks(site.server, "smtp", "--from", "ida@elsewhere.test", "--to", account.address,
              "--h-Subject", "Käse and ham", "--body", "Two slices, please.")
        outlook = client(site, account)
        assert outlook.connect() == (0, account.address)
        logon, folders = outlook.log_on()
        names = {row[DISPLAY_NAME] for row in outlook.rows(
            logon, folders[MAIL_ROOT], [DISPLAY_NAME, FID], contents=False)}
        assert {"Inbox", "Drafts", "Sent", "Trash"} <= names, names
        [letter] = outlook.rows(logon, folders[INBOX], [SUBJECT, SENDER, MID])
        assert letter[SUBJECT] == "Käse and ham"
        opened = outlook.message(logon, folders[INBOX], letter[MID], [SUBJECT, BODY])
        assert opened[SUBJECT] == "Käse and ham"
        assert opened[BODY].strip() == "Two slices, please."
        # A session is bound to no connection.
        outlook.fresh()
        assert len(outlook.rows(logon, folders[INBOX], [SUBJECT])) == 1


def test_every_response_says_what_the_protocol_wants(world, place):
    with served(world, place) as site:
        outlook = client(site)
        body = outlook.name.encode() + b"\0" + struct.pack("<IIIII", 0, 1252, 0x409, 0x409, 0)
        answer = outlook.ask("Connect", body)
        headers = answer.headers
        assert headers["X-RequestType"] == "Connect"
        assert headers["X-RequestId"] == headers["X-ClientInfo"] == f"{{{outlook.client}}}:1"
        assert headers["X-ServerApplication"] == "Exchange/15.00.0847.040"
        assert headers["X-PendingPeriod"] == "30000" and headers["X-ExpirationInfo"] == "900000"
        assert set(answer.cookies) == {"MapiContext", "MapiSequence"}
        for field in headers.get_all("Set-Cookie"):
            assert "path=/mapi/emsmdb; secure; HttpOnly" in field
        assert answer.tags == ["PROCESSING", "DONE"]
        assert set(answer.late) == {"X-ElapsedTime", "X-StartTime"}
        assert answer.late["X-StartTime"].endswith(" GMT")
        reader = Reader(answer.body)
        numbers = [reader.number("I") for _ in range(5)]
        assert numbers == [0, 0, 60000, 6, 10000]


def test_a_session_expires_as_the_configuration_says(world, place):
    with served(world, place, "session_minutes = 30\n") as site:
        outlook = connected(site)
        assert outlook.ask("PING").headers["X-ExpirationInfo"] == "1800000"


def test_users_sign_in_by_each_form_of_their_name(world, place):
    with served(world, place) as site:
        account = site.server.account()
        name = account.address.split("@")[0]
        label = DOMAIN.split(".")[0].upper()
        for user in (None, name, f"{DOMAIN}\\{name}", f"{label}\\{name}",
                     f"WORKGROUP\\{account.address}", account.address.upper()):
            client(site, account, user=user)
        for change in ({"Authorization": None}, {"Authorization": "Basic bm9ib2R5Om5vdGhpbmc="},
                       {"Authorization": "NTLM TlRMTVNTUAAB"}):
            for path in ("/mapi/emsmdb/", "/autodiscover/autodiscover.xml"):
                answer = Outlook(HOST, site.port, account).send("POST", path, b"", change)
                assert answer.status == 401, (path, change)
                assert answer.headers.get_all("WWW-Authenticate") == [
                    'Basic realm="facteur", charset="UTF-8"']


def test_each_fault_has_its_response_code(world, place):
    with served(world, place) as site:
        account = site.server.account()
        outlook = connected(site, account)
        good = dict(outlook.cookies)

        def code(kind="Execute", body=b"", method="POST", **changed):
            outlook.cookies = dict(good)
            if method != "POST":
                return outlook.send(method, outlook.path).code
            answer = outlook.ask(kind, body, **changed)
            assert answer.status == 200
            if answer.code:
                assert answer.headers["Content-Type"].startswith("text/html")
                assert not answer.cookies
            return answer.code

        assert code(method="GET") == 2
        assert code("PING", path="/mapi/other/") == 3
        for value in ("x", "{1-2}:1", f"{{{outlook.client}}}:"):
            assert code(X_RequestId=value) == 4, value
        assert code(Content_Type="text/xml") == 4
        for kind in ("Nonsense", "Bind", ""):
            assert code(kind) == 5, kind
        assert code(Cookie="MapiContext=zz; MapiSequence=1") == 6
        for missing in ("X_RequestType", "X_RequestId", "Content_Type"):
            assert code(body=b"x", **{missing: None}) == 7, missing
        assert code(body=b"\0" * (512 * 1024 + 1)) == 9
        unknown = f"MapiContext={'0' * 32}; MapiSequence=1"
        assert code(body=struct.pack("<IIII", 0, 0, 0, 0), Cookie=unknown) == 10
        assert code("NotificationWait", WAIT, Cookie=unknown) == 10
        for body in (b"", b"\0\0\0", struct.pack("<II", 0, 0xFFFFFFFF),
                     struct.pack("<IIII", 0, 0, 0, 0) + b"x"):
            assert code(body=body) == 12, body
        assert code("Connect", b"no end") == 12
        assert code(Cookie=None) == 13
        assert code("PING", Cookie=None) == 0
        old = f"MapiContext={good['MapiContext']}; MapiSequence=77"
        assert code(body=struct.pack("<IIII", 0, 0, 0, 0), Cookie=old) == 15
        # After all of this the session is as it was.
        outlook.cookies = dict(good)
        outlook.log_on()


def test_a_call_that_makes_no_sense_fails_with_the_specified_status(world, place):
    with served(world, place) as site:
        outlook = connected(site)

        def status(buffer, limit=0x10008):
            body = struct.pack("<II", 0, len(buffer)) + buffer + struct.pack("<II", limit, 0)
            answer = outlook.ask("Execute", body)
            assert answer.code == 0
            return Reader(answer.body).number("I")

        empty = b"\0\0\x04\0\x02\0\x02\0\x02\0"
        assert status(empty) == 0
        assert status(empty, limit=7) == 0x80040115
        assert status(empty, limit=0x40001) == 0x6F7
        for buffer in (b"", b"\0\0\x04\0\x03\0\x03\0\x02\0", b"\0\0\x04\0\x02\0\x02\0\x03\0",
                       b"\x01\0\x04\0\x02\0\x02\0\x02\0", b"\0\0\x05\0\x02\0\xff\x7f\x02\0",
                       b"\0\0\x04\0\x03\0\x03\0\x03\0\xff"):
            assert status(buffer) == 0x4B6, buffer


def test_only_ones_own_name_begins_a_session(world, place):
    with served(world, place) as site:
        outlook, other = client(site), client(site)
        assert outlook.connect(name=other.name)[0] == ACCESS_DENIED
        assert outlook.connect(name="/o=nobody")[0] == UNKNOWN_USER
        assert outlook.connect(flags=1)[0] == LOGIN_PERMISSION
        assert not outlook.cookies
        assert outlook.connect(name=outlook.name.upper())[0] == 0
        # Nobody else may use it, whatever they know of it.
        other.cookies = dict(outlook.cookies)
        assert other.ask("Execute", struct.pack("<IIII", 0, 0, 0, 0)).code == 10


def test_a_session_ends_when_it_is_told_to_or_replaced(world, place):
    with served(world, place) as site:
        outlook = connected(site)
        first = dict(outlook.cookies)
        logon, _ = outlook.log_on()
        assert outlook.connect()[0] == 0
        assert outlook.cookies["MapiContext"] != first["MapiContext"]
        again = dict(outlook.cookies)
        outlook.cookies = first
        assert outlook.ask("PING").code == 10
        outlook.cookies = again
        try:
            outlook.rows(logon, b"\1\0\0\0\0\0\0\2", [SUBJECT])
        except Failed as refused:
            assert "0x000004b9" in str(refused)
        else:
            raise AssertionError("what was open is gone with its session")
        assert outlook.ask("Disconnect", struct.pack("<I", 0)).code == 0
        assert outlook.ask("Execute", struct.pack("<IIII", 0, 0, 0, 0)).code == 10
        # A client with cookies that nobody knows may begin anew.
        assert outlook.connect()[0] == 0


def test_a_client_that_waits_hears_of_the_end_at_once(world, place):
    with served(world, place) as site, concurrent.futures.ThreadPoolExecutor() as pool:
        outlook = connected(site)

        def wait():
            waiting = Outlook(HOST, site.port, outlook.account)
            waiting.cookies, waiting.path = dict(outlook.cookies), outlook.path
            begun = time.monotonic()
            answer = waiting.ask("NotificationWait", WAIT)
            assert answer.code == 0 and answer.tags == ["PROCESSING", "DONE"]
            return answer.body, time.monotonic() - begun

        first = pool.submit(wait)
        time.sleep(0.5)
        assert not first.done()
        # Others pass by, and another who waits takes its place.
        outlook.log_on()
        second = pool.submit(wait)
        body, seconds = first.result(timeout=5)
        assert body == bytes(16) and seconds < 5
        time.sleep(0.3)
        assert not second.done()
        assert outlook.ask("Disconnect", struct.pack("<I", 0)).code == 0
        assert second.result(timeout=5)[0] == bytes(16)


def test_a_stop_of_the_server_ends_waiting(world, place):
    with served(world, place) as site, concurrent.futures.ThreadPoolExecutor() as pool:
        outlook = connected(site)
        waiting = pool.submit(outlook.ask, "NotificationWait", WAIT)
        time.sleep(0.5)
        begun = time.monotonic()
        assert site.server.stop() == 0
        assert waiting.result(timeout=5).body == bytes(16)
        assert time.monotonic() - begun < 5


def test_autodiscover_tells_only_what_one_may_know(world, place):
    with served(world, place) as site:
        outlook, other = client(site), client(site)
        origin = f"https://mx.{DOMAIN}:{site.port}/mapi/"
        found = outlook.discover(path="/Autodiscover/Autodiscover.xml")
        texts = [element.text for element in found.iter() if element.tag.endswith("Url")]
        assert len(texts) == 4
        assert all(text.startswith(origin) and text.endswith("@" + DOMAIN) for text in texts)
        assert "EWS" not in str(texts)

        def error(body, method="POST"):
            answer = outlook.send(method, "/autodiscover/autodiscover.xml", body)
            assert answer.status == 200
            return answer.body.decode().partition("<ErrorCode>")[2].partition("<")[0]

        assert error(b"", method="GET") == "600"
        assert error(b"<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>") == "600"
        assert error(b"x" * 100_000) == "600"
        for unknown in (other.account.address, f"nobody@{DOMAIN}"):
            found = outlook.discover(unknown)
            assert [one.text for one in found.iter() if one.tag.endswith("ErrorCode")] == ["500"]


def test_behind_a_proxy_clients_are_told_the_address_outside(world, place):
    outside = "https://mail.public.test:8443"
    with served(world, place, f'address = "{outside}"\n') as site:
        found = client(site).discover()
        texts = [element.text for element in found.iter() if element.tag.endswith("Url")]
        assert texts and all(text.startswith(outside + "/mapi/") for text in texts), texts
        path = f"autodiscover/autodiscover.json?Email=a%40{DOMAIN}&Protocol=AutodiscoverV1"
        assert json.loads(site.get(HOST, path)[2])["Url"] == outside + "/autodiscover/autodiscover.xml"


def test_a_mailbox_that_several_use_is_opened_along(world, place):
    with served(world, place) as site:
        outlook = client(site)
        site.server.command("account", "add", f"sales@{DOMAIN}", "--kind", "shared")
        site.server.command(
            "folder", "share", f"sales@{DOMAIN}", "Inbox", outlook.account.address, "read")
        found = outlook.discover()
        assert [one.text for one in found.iter() if one.tag.endswith("SmtpAddress")] == [
            f"sales@{DOMAIN}", outlook.account.address]
        assert f"sales@{DOMAIN}" in [
            one.text for one in outlook.discover(f"sales@{DOMAIN}").iter()]


def test_curl_finds_the_way_to_the_settings(world, place):
    with served(world, place) as site:
        assert site.get(HOST, "mapi/healthcheck.htm")[2].startswith("200 OK")
        path = "autodiscover/autodiscover.json"
        told = f"https://mx.{DOMAIN}:{site.port}/autodiscover/autodiscover.xml"
        for question in (f"?Email=a%40{DOMAIN}&Protocol=AutodiscoverV1",
                         f"/v1.0/a@{DOMAIN}?Protocol=autodiscoverv1"):
            status, _, body = site.get(HOST, path + question)
            assert status == "200"
            assert json.loads(body) == {"Protocol": "AutodiscoverV1", "Url": told}
        for question in ("", f"?Email=a@{DOMAIN}", f"?Email=a@{DOMAIN}&Protocol=Rest"):
            status, _, body = site.get(HOST, path + question)
            assert status == "400" and "ErrorCode" in json.loads(body)
        for version in ("--http1.1", "--http2"):
            status, *_ = site.get(HOST, "autodiscover/autodiscover.xml", version)
            assert status == "401"


def test_the_address_book_resolves_who_is_typed(world, place):
    with served(world, place) as site:
        account = site.server.account()
        site.server.command("account", "add", f"otto@{DOMAIN}", "--name", "Otto Ölander")
        outlook = client(site, account)
        # A place in the table: everyone, code page 1252.
        place_in_table = b"\xff" + struct.pack("<IIIiIIIII", 0, 0, 0, 0, 0, 0, 1252, 0x409, 0x409)
        none = struct.pack("<I", 0)
        bound = outlook.ask("Bind", struct.pack("<I", 0) + place_in_table + none, outlook.book)
        assert bound.code == 0 and bound.body[:8] == bytes(8) and len(bound.body) == 28
        assert set(bound.cookies) == {"MapiContext", "MapiSequence"}
        names = "".join(name + "\0" for name in ("ölan", "nobody", account.address))
        columns = b"\xff" + struct.pack("<III", 2, DISPLAY_NAME, 0x39FE001F)
        body = none + place_in_table + columns + b"\xff" + struct.pack("<I", 3)
        found = outlook.ask(
            "ResolveNames", body + names.encode("utf-16-le") + none, outlook.book)
        reader = Reader(found.body)
        assert [reader.number("I") for _ in range(3)] == [0, 0, 1252]
        assert reader.number("B") and reader.number("I") == 3
        assert [reader.number("I") for _ in range(3)] == [2, 0, 2]
        assert reader.number("B") and [reader.number("I") for _ in range(4)] == [
            2, DISPLAY_NAME, 0x39FE001F, 2]
        told = []
        for _ in range(2):
            assert reader.number("B") == 0
            for _ in range(2):
                assert reader.number("B") == 0xFF
                told.append(reader.wide())
        assert told == ["Otto Ölander", f"otto@{DOMAIN}", account.address, account.address]
        assert reader.rest() == none
        assert outlook.ask("QueryRows", b"\0", outlook.book).code == 12
        assert outlook.ask("Execute", b"", outlook.book).code == 5
        ended = outlook.ask("Unbind", none + none, outlook.book)
        assert ended.body == struct.pack("<III", 0, 1, 0)
        assert outlook.ask("QueryColumns", none * 3, outlook.book).code == 10


def test_new_mail_is_told_to_who_waits_for_it(world, place):
    with served(world, place) as site, concurrent.futures.ThreadPoolExecutor() as pool:
        outlook = connected(site)
        logon, folders = outlook.log_on()
        # New mail and new objects, in the whole mailbox.
        answers, handles = outlook.execute(
            b"\x29\0\0\x01" + struct.pack("<HB", 0x0006, 1), [logon, 0xFFFFFFFF])
        assert answers.rest() == b"\x29\x01\0\0\0\0"
        waiting = Outlook(HOST, site.port, outlook.account)
        waiting.cookies, waiting.path = dict(outlook.cookies), outlook.path
        told = pool.submit(waiting.ask, "NotificationWait", WAIT)
        time.sleep(0.5)
        assert not told.done()
        swaks(site.server, "smtp", "--from", "ida@elsewhere.test",
              "--to", outlook.account.address, "--h-Subject", "now")
        assert told.result(timeout=10).body == struct.pack("<IIII", 0, 0, 1, 0)
        answers, _ = outlook.execute(b"", [])
        first = b"\x2a" + struct.pack("<IBH", handles[1], 0, 0x8002) + folders[INBOX]
        assert answers.take(len(first)) == first
        message = answers.take(8)
        assert answers.take(5) == struct.pack("<IB", 2, 0) and answers.narrow() == "IPM.Note"
        second = b"\x2a" + struct.pack("<IBH", handles[1], 0, 0x8004) + folders[INBOX] + message
        assert answers.take(len(second)) == second
        assert answers.rest() == b"\0\0"
        # It is told once.
        assert outlook.execute(b"", [])[0].rest() == b""


def test_what_imap_appends_is_told_in_a_sorted_table_that_is_open(world, place):
    with served(world, place) as site, concurrent.futures.ThreadPoolExecutor() as pool:
        outlook = connected(site)
        account, port = outlook.account, site.server.ports["imaps"]
        with imaplib.IMAP4_SSL(HOST, port, ssl_context=clients.TLS) as imap:
            imap.login(account.address, account.password)

            def append(subject):
                letter = f"From: ida@elsewhere.test\r\nSubject: {subject}\r\n\r\nx\r\n"
                assert imap.append("INBOX", None, None, letter.encode())[0] == "OK"

            for subject in ("pear", "apple"):
                append(subject)
            logon, folders = outlook.log_on()
            columns = [SUBJECT, READ]
            handles, rows = outlook.sorted_table(logon, folders[INBOX], columns, SUBJECT)
            assert [row[SUBJECT] for row in rows] == ["apple", "pear"]
            waiting = Outlook(HOST, site.port, account)
            waiting.cookies, waiting.path = dict(outlook.cookies), outlook.path
            told = pool.submit(waiting.ask, "NotificationWait", WAIT)
            time.sleep(0.5)
            assert not told.done()
            append("melon")
            assert told.result(timeout=10).body == struct.pack("<IIII", 0, 0, 1, 0)
            assert outlook.news_of_table(handles, columns) == [
                (ROW_ADDED, {SUBJECT: "melon", READ: False})]
            assert [row[SUBJECT] for row in outlook.reread(handles, columns)] == [
                "apple", "melon", "pear"]
            imap.select()
            imap.store("1", "+FLAGS", "\\Seen")
            assert outlook.news_of_table(handles, columns) == [
                (ROW_MODIFIED, {SUBJECT: "pear", READ: True})]
            imap.store("2", "+FLAGS", "\\Deleted")
            imap.expunge()
            changes = outlook.news_of_table(handles, columns)
            assert changes[-1] == (ROW_DELETED, None), changes
        # Under headings the heading is told first. The other is closed, and told of no more.
        outlook.execute(b"\x01\0\x02", handles)
        columns = [ROW_TYPE, SUBJECT]
        handles, rows = outlook.sorted_table(logon, folders[INBOX], columns, SUBJECT, levels=1)
        assert [(row[ROW_TYPE], row[SUBJECT]) for row in rows] == [
            (3, "melon"), (1, "melon"), (3, "pear"), (1, "pear")]
        swaks(site.server, "smtp", "--from", "ida@elsewhere.test", "--to", account.address,
              "--h-Subject", "pear")
        changes = outlook.news_of_table(handles, columns)
        assert changes == [(ROW_MODIFIED, {ROW_TYPE: 3, SUBJECT: "pear"}),
                           (ROW_ADDED, {ROW_TYPE: 1, SUBJECT: "pear"})], changes
        assert [row[ROW_TYPE] for row in outlook.reread(handles, columns)] == [3, 1, 3, 1, 1]
