"""Signing in by an identity provider's tokens (OAUTHBEARER, HTTP Bearer): openssl makes keys and tokens, curl shows them."""

import base64
import json
import os
import socket
import subprocess
import time

import letters
from clients import TLS
from server import HOST, Server
from test_https import Site
from tls import SECONDS

ISSUER = "https://id.example.com"
REFUSED = 67  # CURLE_LOGIN_DENIED
MAPI = "[mapi]\nenabled = true\n"
DISCOVER = (
    '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">'
    "<Request><EMailAddress>{}</EMailAddress><AcceptableResponseSchema>"
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
    "</AcceptableResponseSchema></Request></Autodiscover>"
)


def tokens(keys):
    """The configuration of a server that takes the provider's tokens."""
    return f'[auth.tokens]\nissuer = "{ISSUER}"\naudience = "facteur"\nkeys = "{keys}"\n'


def openssl(*arguments, stdin=b""):
    """What one run of the tool that everybody has writes."""
    done = subprocess.run(
        ["openssl", *arguments], input=stdin, check=True, capture_output=True, timeout=SECONDS
    )
    return done.stdout


def coded(data):
    """base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Provider:
    """Who gives out tokens: a key, and the file by which others know it."""

    def __init__(self, folder):
        self.key, self.keys = (os.path.join(folder, name) for name in ("provider.pem", "jwks.json"))
        self.name = 0
        self.turn_key()

    def turn_key(self):
        """A new key in place of the one before."""
        self.name += 1
        openssl("genrsa", "-out", self.key, "2048")
        modulus = openssl("rsa", "-in", self.key, "-noout", "-modulus").decode().strip()
        key = {"kty": "RSA", "use": "sig", "kid": str(self.name), "e": "AQAB",
               "n": coded(bytes.fromhex(modulus.removeprefix("Modulus=")))}
        with open(self.keys + ".new", "w", encoding="ascii") as file:
            json.dump({"keys": [key]}, file)
        os.replace(self.keys + ".new", self.keys)

    def token(self, account, seconds=300):
        """A token for an account that is good for so long."""
        header = {"alg": "RS256", "typ": "at+jwt", "kid": str(self.name)}
        claims = {"iss": ISSUER, "aud": "facteur", "email": account.address,
                  "exp": int(time.time()) + seconds}
        signed = ".".join(coded(json.dumps(part).encode()) for part in (header, claims))
        signature = openssl("dgst", "-sha256", "-sign", self.key, stdin=signed.encode())
        return f"{signed}.{coded(signature)}"


def curl(server, account, token, scheme, path, *arguments, stdin=b""):
    """Runs curl with a token; its exit code and what it wrote."""
    port = {"imaps": "imaps", "pop3s": "pop3s", "smtp": "submission"}[scheme]
    command = [
        "curl", "--silent", "--show-error", "--insecure", "--ssl-reqd", "--max-time", "30",
        "--user", f"{account.address}:", "--oauth2-bearer", token,
        f"{scheme}://{HOST}:{server.ports[port]}{path}", *arguments,
    ]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=SECONDS, check=False)
    return done.returncode, done.stdout + done.stderr


def check_good_token(server, provider, account):
    """A letter is sent by submission, and seen by IMAP and POP3."""
    token = provider.token(account)
    sent = curl(
        server, account, token, "smtp", "/client.test", "--mail-from", account.address,
        "--mail-rcpt", account.address, "--upload-file", "-", stdin=letters.letter("by token"),
    )
    assert sent[0] == 0, sent
    code, told = curl(server, account, token, "imaps", "/INBOX;MAILINDEX=1")
    assert code == 0 and b"Subject: by token" in told, told
    code, told = curl(server, account, token, "pop3s", "/")
    assert code == 0 and told.startswith(b"1 "), told


def check_bad_tokens(server, provider, account, other):
    """An expired one, and one of another user."""
    for scheme, path in (("imaps", "/INBOX"), ("pop3s", "/"), ("smtp", "/client.test")):
        for token in (provider.token(account, seconds=-300), provider.token(other)):
            code, told = curl(server, account, token, scheme, path)
            assert code == REFUSED, (scheme, code, told)


def check_https(site, provider, account):
    """The page that tells Outlook its settings knows whose token it is, and says which it refuses."""
    for options, status, challenge in (
        (["--oauth2-bearer", provider.token(account)], "200", None),
        (["--oauth2-bearer", provider.token(account, -300)], "401", 'Bearer realm="facteur", error="invalid_token"'),
        (["--user", f"{account.address}:wrong"], "401", 'Bearer realm="facteur"\n'),
        ([], "401", 'Bearer realm="facteur"\n'),
    ):
        told = site.get(
            HOST, "autodiscover/autodiscover.xml", "--http1.1", "--include", *options,
            "-H", "Content-Type: text/xml", "--data", DISCOVER.format(account.address),
        )
        assert told[0] == status and (challenge is None or challenge in told[2]), told


def check_managesieve(server, provider, account):
    """Scripts are listed for whoever has a token, after STARTTLS (RFC 5804 §2.1)."""
    for token, answer in ((provider.token(account), b"OK"), (provider.token(account, -300), b"NO")):
        with socket.create_connection((HOST, server.ports["managesieve"]), timeout=SECONDS) as plain:
            greeting = until(plain.makefile("rb"), b"OK")
            assert b"STARTTLS" in greeting, greeting
            plain.sendall(b"STARTTLS\r\n")
            until(plain.makefile("rb", buffering=0), b"OK")
            with TLS.wrap_socket(plain) as stream:
                lines = stream.makefile("rb")
                assert b"OAUTHBEARER" in until(lines, b"OK")
                message = base64.b64encode(f"n,,\x01auth=Bearer {token}\x01\x01".encode())
                stream.sendall(b'AUTHENTICATE "OAUTHBEARER" "' + message + b'"\r\n')
                if answer == b"NO":
                    assert lines.readline().startswith(b'"')  # Why, in base64 (RFC 7628 §3.2.2).
                    stream.sendall(b'"AQ=="\r\n')
                assert lines.readline().startswith(answer)


def until(lines, last):
    """Lines up to the one that begins so."""
    read = b""
    while not read.rpartition(b"\r\n")[2].startswith(last):
        line = lines.readline()
        assert line, read
        read = read + b"\r\n" + line.rstrip()
    return read


def test_curl_signs_in_by_the_providers_tokens(world, place):
    provider = Provider(place)
    with Site(world, place, MAPI + tokens(provider.keys)) as site:
        account, other = site.server.account(), site.server.account()
        check_good_token(site.server, provider, account)
        check_bad_tokens(site.server, provider, account, other)
        check_https(site, provider, account)
        check_managesieve(site.server, provider, account)
        old = provider.token(account)
        provider.turn_key()
        assert curl(site.server, account, old, "imaps", "/INBOX")[0] == REFUSED
        code, told = curl(site.server, account, provider.token(account), "imaps", "/INBOX")
        assert code == 0, told


def test_without_keys_it_does_not_start(world, place):
    trusting = Server(world.binary, place, tokens("missing.json")).prepare()
    done = trusting.command("serve", check=False)
    assert done.returncode != 0 and "missing.json: No such file" in done.stderr, done.stderr
