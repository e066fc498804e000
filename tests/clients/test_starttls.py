"""STARTTLS injection: what was sent in clear behind STARTTLS is never answered under TLS.

Background: CVE-2011-0411, CVE-2021-33515; "Why TLS is better without STARTTLS" (USENIX Security 2021).
"""

import clients

INJECTED = {
    "smtp": (b"NOOP", b"EHLO evil", b"RSET", b"MAIL FROM:<a@evil.test>", b"AUTH PLAIN AGEAYg==",
             b"VRFY x", b"QUIT"),
    "imap": (b"i1 NOOP", b"i1 CAPABILITY", b"i1 LOGIN a b", b"i1 LOGOUT", b"i1 LOGIN {5+}\r\nadmin b"),
    "pop3": (b"NOOP", b"CAPA", b"USER a", b"QUIT", b"AUTH PLAIN AGEAYg=="),
}
SIZES = (1, 1024, 64 * 1024)  # Bytes of injected commands, at least.


def injected(command, size):
    """The command, repeated until there are `size` bytes."""
    line = command + b"\r\n"
    return line * max(1, size // len(line))


def begin(connection, start, ok, extra):
    """Sends STARTTLS and what is injected in one segment; True when TLS was then begun."""
    connection.send(start + b"\r\n" + extra)
    try:
        line = connection.line()
        if not line.startswith(ok):
            return False
        connection.start_tls()
        return True
    except (EOFError, OSError):
        return False  # The server closed instead: as good.


def first_reply(connection, command):
    """The first line under TLS after our own command, or nothing when the server closed."""
    try:
        connection.send(command + b"\r\n")
        return connection.line()
    except (EOFError, OSError):
        return b""


def cases(protocol):
    """Every injected command in every size."""
    return [(command, size) for command in INJECTED[protocol] for size in SIZES]


def check_smtp(port):
    """HELP has a reply of its own, so that an answer to anything else is seen."""
    for command, size in cases("smtp"):
        with clients.Smtp(port) as smtp:
            if begin(smtp, b"STARTTLS", b"220", injected(command, size)):
                line = first_reply(smtp, b"HELP")
                assert line == b"" or line[:3] == b"214", (command, size, line)


def test_smtp_answers_nothing_that_came_before_tls(server):
    check_smtp(server.ports["smtp"])


def test_submission_answers_nothing_that_came_before_tls(server):
    check_smtp(server.ports["submission"])


def test_imap_answers_nothing_that_came_before_tls(server):
    for command, size in cases("imap"):
        with clients.Imap(server.ports["imap"], tls=False) as imap:
            if begin(imap, b"s STARTTLS", b"s OK", injected(command, size)):
                line = first_reply(imap, b"ours NOOP")
                assert line == b"" or line.startswith(b"ours OK"), (command, size, line)


def test_pop3_answers_nothing_that_came_before_tls(server):
    for command, size in cases("pop3"):
        with clients.Pop3(server.ports["pop3"], tls=False) as pop:
            if begin(pop, b"STLS", b"+OK", injected(command, size)):
                line = first_reply(pop, b"BOGUS")
                assert line == b"" or line.startswith(b"-ERR"), (command, size, line)


def test_smtp_forgets_the_mail_transaction_when_tls_begins(server):
    account = server.account()
    with clients.Smtp(server.ports["smtp"]) as smtp:
        smtp.command("MAIL FROM:<a@elsewhere.test>")
        try:
            smtp.command("STARTTLS")
        except clients.Refused:
            return  # Refusing it inside a transaction is as good.
        smtp.start_tls()
        try:
            smtp.command(f"RCPT TO:<{account.address}>")
        except clients.Refused as refused:
            assert str(refused).startswith("503"), refused
        else:
            raise AssertionError("RCPT was accepted without MAIL under TLS")


def test_starttls_works_on_every_port_and_is_not_offered_twice(server):
    account = server.account()
    with clients.Smtp(server.ports["submission"]) as smtp:
        assert "STARTTLS" in smtp.features
        smtp.secure()
        assert "STARTTLS" not in smtp.features
        smtp.login(account)
    with clients.Imap(server.ports["imap"], tls=False) as imap:
        imap.command("STARTTLS")
        imap.start_tls()
        assert b"STARTTLS" not in b" ".join(imap.command("CAPABILITY"))
        imap.command(f'LOGIN "{account.address}" "{account.password}"')
    with clients.Pop3(server.ports["pop3"], tls=False) as pop:
        pop.command("STLS")
        pop.start_tls()
        assert b"STLS" not in pop.lines("CAPA")
        pop.command(f"USER {account.address}")
        pop.command(f"PASS {account.password}")
