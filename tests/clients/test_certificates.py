"""Signing in by a certificate (SASL EXTERNAL) on every protocol, and by curl."""

import base64
import os
import socket
import ssl
import subprocess

import clients
from server import HOST, Server
from tls import SECONDS, make_certificate


def asking_server(server, name):
    """A server that asks clients for a certificate."""
    folder = os.path.join(server.folder, name)
    asking = Server(server.binary, folder, extra="[auth]\nclient_certificates = true\n")
    return asking.prepare()


def identity(server, name):
    """A fresh certificate and key."""
    files = [os.path.join(server.folder, f"{name}.{kind}.pem") for kind in ("certificate", "key")]
    make_certificate(name, *files)
    return files


def context(files):
    """TLS that shows a certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if files:
        made.load_cert_chain(*files)
    return made


def exchange(server, port, files, lines):
    """Sends lines over TLS; answers everything that came."""
    with socket.create_connection((HOST, server.ports[port]), timeout=SECONDS) as plain:
        with context(files).wrap_socket(plain) as secure:
            secure.sendall("".join(line + "\r\n" for line in lines).encode())
            told = b""
            while part := secure.recv(4096):
                told += part
    return told.decode()


def in_base64(text):
    """A SASL message, `=` when it is empty."""
    return base64.b64encode(text.encode()).decode() or "="


def check_everywhere(server, files, named):
    """Signs in on every protocol, with or without naming the mailbox."""
    message = in_base64(named)
    told = exchange(server, "imaps", files, [f"a AUTHENTICATE EXTERNAL {message}", "b LOGOUT"])
    assert "AUTH=EXTERNAL" in told and "a OK [CAPABILITY" in told, told
    told = exchange(server, "pop3s", files, ["CAPA", f"AUTH EXTERNAL {message}", "STAT", "QUIT"])
    assert " EXTERNAL" in told and "+OK 0 0" in told, told
    told = exchange(
        server, "submissions", files, ["EHLO client.test", f"AUTH EXTERNAL {message}", "QUIT"]
    )
    assert "EXTERNAL" in told and "\r\n235 " in told, told


def test_a_certificate_signs_in_and_only_its_owner(server):
    asking = asking_server(server, "asking")
    asking.start()
    try:
        account, other = asking.account(), asking.account()
        files = identity(asking, "laptop")
        refused = exchange(asking, "imaps", files, ["a AUTHENTICATE EXTERNAL =", "b LOGOUT"])
        assert "a NO [AUTHENTICATIONFAILED]" in refused, refused
        asking.command("account", "certificate", account.address, "laptop", files[0])
        check_everywhere(asking, files, "")
        check_everywhere(asking, files, account.address)
        foreign = in_base64(other.address)
        refused = exchange(asking, "imaps", files, [f"a AUTHENTICATE EXTERNAL {foreign}", "b LOGOUT"])
        assert "a NO [AUTHORIZATIONFAILED]" in refused, refused
        again = asking.command(
            "account", "certificate", other.address, "mine", files[0], check=False
        )
        assert again.returncode != 0, "a certificate belongs to one account"
        shown = asking.command("account", "show", account.address).stdout
        assert "certificate of laptop" in shown, shown
        asking.command("account", "certificate", account.address, "laptop", "--remove")
        refused = exchange(asking, "imaps", files, ["a AUTHENTICATE EXTERNAL =", "b LOGOUT"])
        assert "a NO [AUTHENTICATIONFAILED]" in refused, refused
    finally:
        asking.stop()


def test_curl_signs_in_by_certificate(server):
    asking = asking_server(server, "asking-curl")
    asking.start()
    try:
        account = asking.account()
        files = identity(asking, "curl")
        asking.command("account", "certificate", account.address, "curl", files[0])
        command = [
            "curl", "--silent", "--show-error", "--insecure", "--max-time", "30",
            "--cert", files[0], "--key", files[1], "--login-options", "AUTH=EXTERNAL",
            "--user", f"{account.address}:", f"imaps://{HOST}:{asking.ports['imaps']}/INBOX",
            "--request", "NOOP",
        ]
        done = subprocess.run(command, capture_output=True, timeout=SECONDS * 2, check=False)
        assert done.returncode == 0, done.stderr.decode()
    finally:
        asking.stop()


def test_without_a_certificate_it_is_not_offered(server):
    asking = asking_server(server, "asking-nobody")
    asking.start()
    try:
        account = asking.account()
        with clients.Imap(asking.ports["imaps"], account) as imap:
            imap.command("NOOP")
        told = exchange(asking, "imaps", None, ["a CAPABILITY", "b AUTHENTICATE EXTERNAL =", "c LOGOUT"])
        assert "EXTERNAL" not in told.split("b NO")[0] and "b NO [CANNOT]" in told, told
    finally:
        asking.stop()


def openssl(*arguments):
    """One run of the tool that everybody has."""
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=SECONDS)


def vouched(folder, authority, name, address):
    """A certificate and key for an address, signed by an authority."""
    files = [os.path.join(folder, f"{name}.{kind}.pem") for kind in ("certificate", "key")]
    request, extra = (os.path.join(folder, f"{name}.{kind}") for kind in ("csr", "ext"))
    with open(extra, "w", encoding="utf-8") as file:
        file.write(f"subjectAltName=email:{address}\nextendedKeyUsage=clientAuth\n")
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", f"/CN={name}", "-keyout", files[1], "-out", request)
    openssl("x509", "-req", "-in", request, "-CA", authority[0], "-CAkey", authority[1],
            "-CAcreateserial", "-days", "10", "-extfile", extra, "-out", files[0])
    return files


def test_an_authority_vouches_for_addresses(server, place):
    """Whom it names signs in by that address; whom somebody else names does not, but pinned ones still do."""
    authority, stranger = ([os.path.join(place, f"{name}.{kind}.pem") for kind in ("ca", "key")]
                           for name in ("ours", "theirs"))
    for files in (authority, stranger):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-days", "10", "-subj", "/CN=authority", "-keyout", files[1], "-out", files[0])
    extra = f'[auth]\nclient_certificates = true\n[tls]\nclient_ca = "{authority[0]}"\n'
    asking = Server(server.binary, os.path.join(place, "asking"), extra=extra).prepare()
    asking.start()
    try:
        account, other = asking.account(), asking.account()
        check_everywhere(asking, vouched(place, authority, "own", account.address), "")
        check_everywhere(asking, vouched(place, authority, "own", account.address), account.address)
        for files, named in (
            (vouched(place, authority, "nobody", "nobody@example.test"), ""),
            (vouched(place, stranger, "forged", account.address), ""),
            (vouched(place, authority, "else", account.address), other.address),
        ):
            line = f"a AUTHENTICATE EXTERNAL {in_base64(named)}"
            refused = exchange(asking, "imaps", files, [line, "b LOGOUT"])
            assert "a NO [AUTH" in refused, refused
        pinned = identity(asking, "pinned")
        asking.command("account", "certificate", other.address, "pinned", pinned[0])
        check_everywhere(asking, pinned, other.address)
    finally:
        asking.stop()
