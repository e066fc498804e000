"""Signing in: SCRAM with and without channel binding on three protocols, and no password in clear."""

import hashlib

import clients
from tls import shown_certificate


def end_point(server, port):
    """The channel binding `tls-server-end-point` of a port (RFC 5929)."""
    return hashlib.sha256(shown_certificate(server.ports[port])).digest()


def mechanisms(server, account):
    """The two forms of SCRAM and their names."""
    return (
        ("SCRAM-SHA-256", lambda port: clients.Scram(account)),
        ("SCRAM-SHA-256-PLUS", lambda port: clients.Scram(account, end_point(server, port))),
    )


def smtp_dialogue(smtp, name, scram):
    """AUTH over SMTP; answers the server's last message."""
    _, lines = smtp.command(f"AUTH {name} {scram.first()}")
    code, lines = smtp.command(scram.final(lines[0]))
    assert code == 334, code
    smtp.command("")
    return lines[0]


def pop_dialogue(pop, name, scram):
    """AUTH over POP3; answers the server's last message."""
    challenge = pop.command(f"AUTH {name} {scram.first()}")[2:]
    verdict = pop.command(scram.final(challenge))[2:]
    pop.command("")
    return verdict


def imap_dialogue(imap, name, scram):
    """AUTHENTICATE over IMAP; answers the server's last message."""
    tag = imap.start(f"AUTHENTICATE {name} {scram.first()}")
    challenge = imap.response()[2:].decode()
    imap.send(scram.final(challenge).encode() + b"\r\n")
    verdict = imap.response()[2:].decode()
    imap.send(b"\r\n")
    imap.finish(tag)
    return verdict


def test_scram_signs_in_on_every_protocol_and_proves_the_server(server):
    account = server.account()
    for name, make in mechanisms(server, account):
        scram = make("submissions")
        with clients.Smtp(server.ports["submissions"], tls=True) as smtp:
            assert scram.server_is_known(smtp_dialogue(smtp, name, scram)), name
        scram = make("pop3s")
        with clients.Pop3(server.ports["pop3s"]) as pop:
            assert scram.server_is_known(pop_dialogue(pop, name, scram)), name
        scram = make("imaps")
        with clients.Imap(server.ports["imaps"]) as imap:
            assert scram.server_is_known(imap_dialogue(imap, name, scram)), name


def test_scram_with_a_wrong_password_or_a_foreign_channel_is_refused(server):
    account = server.account()
    wrong = clients.Scram(type(account)(account.address, "wrong"))
    foreign = clients.Scram(account, hashlib.sha256(b"another server").digest())
    for name, scram in (("SCRAM-SHA-256", wrong), ("SCRAM-SHA-256-PLUS", foreign)):
        with clients.Smtp(server.ports["submissions"], tls=True) as smtp:
            try:
                smtp_dialogue(smtp, name, scram)
            except clients.Refused as refused:
                assert str(refused).startswith("5"), refused
            else:
                raise AssertionError(f"{name} was accepted")


def test_an_unknown_user_gets_the_same_salt_each_time(server):
    nobody = type(server.account())("nobody@example.test", "x")
    salts = set()
    for _ in range(2):
        with clients.Smtp(server.ports["submissions"], tls=True) as smtp:
            _, lines = smtp.command("AUTH SCRAM-SHA-256 " + clients.Scram(nobody).first())
            salts.add(salt(lines[0]))
    assert len(salts) == 1, salts


def salt(challenge):
    """The salt in a server's first message."""
    told = clients.base64.b64decode(challenge).decode()
    return next(part[2:] for part in told.split(",") if part.startswith("s="))


def test_no_mechanism_is_offered_in_clear(server):
    with clients.Smtp(server.ports["submission"]) as smtp:
        assert not any(line.upper().startswith("AUTH") for line in smtp.features), smtp.features
    with clients.Imap(server.ports["imap"], tls=False) as imap:
        told = b" ".join(imap.command("CAPABILITY"))
        assert b"LOGINDISABLED" in told and b"AUTH=PLAIN" not in told, told
    with clients.Pop3(server.ports["pop3"], tls=False) as pop:
        told = pop.lines("CAPA")
        assert b"USER" not in told and not any(b"PLAIN" in line for line in told), told


def test_a_changed_password_counts_at_once(server):
    account = server.account()
    with clients.Imap(server.ports["imaps"], account):
        pass  # The login is now remembered, if logins are.
    server.set_password(account.address, "a new one")
    try:
        with clients.Imap(server.ports["imaps"], account):
            raise AssertionError("the old password still signs in")
    except clients.Refused:
        pass
    with clients.Imap(server.ports["imaps"], type(account)(account.address, "a new one")):
        pass
