"""HTTPS: what is served to other servers, mail programs and watchdogs, over HTTP/1.1 and HTTP/2."""

import os
import socket
import ssl
import subprocess
import xml.etree.ElementTree

from server import DOMAIN, HOST, Server, free_port
from tls import make_certificate

SECONDS = 30
POLICY = ".well-known/mta-sts.txt"
SETTINGS = "mail/config-v1.1.xml"


class Site:
    """A running server with HTTPS at a port of its own."""

    def __init__(self, world, place, extra=""):
        self.port = free_port()
        # The usual configuration turns HTTPS off; this server has its own line.
        self.server = Server(world.binary, place, "", ports={"https": self.port})
        text = open(self.server.configuration, encoding="utf-8").read()
        with open(self.server.configuration, "w", encoding="utf-8") as file:
            file.write(text.replace('https = "off"\n', "") + extra)
        self.server.prepare().start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()

    def get(self, host, path, *options):
        """The status, the version of HTTP, and the body."""
        command = ["curl", "-sk", "--max-time", "10", "--resolve", f"{host}:{self.port}:{HOST}",
                   "-w", "\n%{http_code} %{http_version}", *options,
                   f"https://{host}:{self.port}/{path}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
        body, _, told = done.stdout.rpartition("\n")
        return *told.split(), body


def test_the_policy_is_served_for_domains_of_this_server_only(world, place):
    with Site(world, place) as site:
        host = f"mta-sts.{DOMAIN}"
        for option, version in (("--http1.1", "1.1"), ("--http2", "2")):
            status, spoken, body = site.get(host, POLICY, option)
            assert (status, spoken) == ("200", version)
            assert body.splitlines()[:3] == [
                "version: STSv1", "mode: testing", f"mx: mx.{DOMAIN}"], body
        for other in ("mta-sts.elsewhere.test", DOMAIN, HOST):
            assert site.get(other, POLICY)[0] == "404", other
        assert site.get(host, POLICY, "-X", "POST")[0] == "405"


def test_a_policy_can_be_enforced_and_turned_off(world, place):
    for mode, status in (("enforce", "200"), ("off", "404")):
        with Site(world, f"{place}/{mode}", f'[web]\nmta_sts = "{mode}"\n') as site:
            found, _, body = site.get(f"mta-sts.{DOMAIN}", POLICY)
            assert found == status and (mode == "off" or f"mode: {mode}" in body)


def test_mail_programs_find_their_settings(world, place):
    with Site(world, place) as site:
        for host, path in ((f"autoconfig.{DOMAIN}", SETTINGS),
                           (DOMAIN, f".well-known/autoconfig/{SETTINGS}")):
            status, _, body = site.get(host, path + f"?emailaddress=a@{DOMAIN}")
            assert status == "200"
            found = xml.etree.ElementTree.fromstring(body)
            imap = found.find("emailProvider/incomingServer[@type='imap']/port").text
            assert imap == str(site.server.ports["imaps"])
            smtp = found.find("emailProvider/outgoingServer[@type='smtp']/port").text
            assert smtp == str(site.server.ports["submissions"])
        assert site.get("autoconfig.elsewhere.test", SETTINGS)[0] == "404"


def test_health_is_told_and_a_connection_serves_several_requests(world, place):
    with Site(world, place) as site:
        context = ssl._create_unverified_context()  # noqa: SLF001 — the certificate is self-signed.
        with socket.create_connection((HOST, site.port), timeout=SECONDS) as plain:
            with context.wrap_socket(plain) as stream:
                for path, status in (("/healthz", b"200"), ("/none", b"404"), ("/healthz", b"200")):
                    stream.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                    head = b""
                    while b"\r\n\r\n" not in head:
                        head += stream.recv(4096)
                    assert head.split(b" ")[1] == status


def test_what_is_no_request_is_refused(world, place):
    with Site(world, place) as site:
        context = ssl._create_unverified_context()  # noqa: SLF001
        for said in (b"EHLO x\r\n\r\n", b"GET / HTTP/1.1\r\nA: " + b"x" * 200_000 + b"\r\n\r\n"):
            with socket.create_connection((HOST, site.port), timeout=SECONDS) as plain:
                with context.wrap_socket(plain) as stream:
                    try:
                        stream.sendall(said)
                        answer = stream.recv(4096)
                    except OSError:  # The server may close before it has heard all of it.
                        answer = b""
                    assert answer == b"" or answer.split(b" ")[1].startswith(b"4"), answer
        assert site.get("x.test", "healthz")[0] == "200"


def seen_names(port, name):
    """The names in the certificate that is shown to who asks for this one."""
    asked = ["-servername", name] if name else ["-noservername"]
    shown = subprocess.run(["openssl", "s_client", "-connect", f"{HOST}:{port}", *asked], input="",
                           capture_output=True, text=True, timeout=SECONDS, check=False).stdout
    told = subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName"], input=shown,
                          capture_output=True, text=True, timeout=SECONDS, check=True).stdout
    return told.split("DNS:")[1].split()[0].strip(",")


def test_each_server_name_has_its_certificate(world, place):
    names = [f"mx.{DOMAIN}", f"mta-sts.{DOMAIN}"]
    os.makedirs(place, exist_ok=True)
    paths = [(f"{place}/{name}.pem", f"{place}/{name}.key") for name in names]
    for name, (certificate, key) in zip(names, paths):
        make_certificate(name, certificate, key)
    (usual, usual_key), (other, other_key) = paths
    extra = (f'[tls]\ncertificate = "{usual}"\nkey = "{usual_key}"\n'
             f'[[tls.also]]\ncertificate = "{other}"\nkey = "{other_key}"\n')
    with Site(world, place, extra) as site:
        for port in (site.port, site.server.ports["imaps"]):
            for name, seen in ((names[0], names[0]), (names[1], names[1]), ("x.test", names[0]), (None, names[0])):
                assert seen_names(port, name) == seen, name
        body = subprocess.run(
            ["curl", "-s", "--cacert", other, "--resolve", f"{names[1]}:{site.port}:{HOST}",
             f"https://{names[1]}:{site.port}/{POLICY}"], capture_output=True, text=True, timeout=SECONDS, check=True)
        assert "version: STSv1" in body.stdout
