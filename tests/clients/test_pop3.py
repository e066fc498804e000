"""POP3: a session sees the folder as it was at login; deletions happen at QUIT; UIDL is for ever."""

import clients
import letters


def filled(server, count):
    """A new account with letters."""
    account = server.account()
    deliver(server, account, range(count))
    return account


def deliver(server, account, numbers):
    """Delivers numbered letters."""
    with clients.Smtp(server.ports["smtp"]) as smtp:
        for number in numbers:
            content = letters.letter(f"number {number}")
            smtp.deliver("a@elsewhere.test", [account.address], content)


def session(server, account):
    """A signed-in session over TLS."""
    return clients.Pop3(server.ports["pop3s"], account)


def uidls(pop):
    """The unique ids in order."""
    return [line.split()[1] for line in pop.lines("UIDL")]


def test_the_capabilities_are_told(server):
    with clients.Pop3(server.ports["pop3s"]) as pop:
        told = {line.split()[0].decode() for line in pop.lines("CAPA")}
    assert {"TOP", "UIDL", "SASL", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "USER"} <= told


def test_mail_that_comes_during_a_session_is_seen_by_the_next(server):
    account = filled(server, 2)
    with session(server, account) as pop:
        deliver(server, account, [2])
        assert pop.count() == 2
        pop.command("QUIT")
    with session(server, account) as pop:
        assert pop.count() == 3


def test_deletions_happen_at_quit_and_only_there(server):
    account = filled(server, 3)
    with session(server, account) as pop:
        pop.command("DELE 1")  # Closed without QUIT: nothing is deleted.
    with session(server, account) as pop:
        assert pop.count() == 3
        pop.command("DELE 1")
        pop.command("DELE 2")
        pop.command("RSET")
        pop.command("DELE 3")
        pop.command("QUIT")
    with session(server, account) as pop:
        assert pop.count() == 2
        assert letters.subject(pop.retrieve(1)) == "number 0"


def test_unique_ids_outlive_sessions_deletions_and_restarts(server):
    account = filled(server, 3)
    with session(server, account) as pop:
        first = uidls(pop)
        pop.command("DELE 2")
        pop.command("QUIT")
    server.restart()
    with session(server, account) as pop:
        assert uidls(pop) == [first[0], first[2]]


def test_top_gives_the_header_and_so_many_lines(server):
    account = server.account()
    with clients.Smtp(server.ports["smtp"]) as smtp:
        content = letters.letter("top", text="one\r\n.two\r\nthree")
        smtp.deliver("a@elsewhere.test", [account.address], content)
    with session(server, account) as pop:
        header, body = b"\r\n".join(pop.lines("TOP 1 2")).split(b"\r\n\r\n", 1)
        assert b"Subject: top" in header
        assert body.rstrip(b"\r\n") == b"one\r\n.two"


def test_a_letter_expunged_by_imap_does_not_shift_the_numbers(server):
    account = filled(server, 3)
    with session(server, account) as pop, clients.Imap(server.ports["imaps"], account) as imap:
        imap.command("SELECT INBOX")
        imap.command(r"STORE 1 +FLAGS.SILENT (\Deleted)")
        imap.command("EXPUNGE")
        assert letters.subject(pop.retrieve(2)) == "number 1"


def test_commands_may_be_pipelined(server):
    with session(server, filled(server, 2)) as pop:
        pop.send(b"STAT\r\nNOOP\r\nUIDL 1\r\nQUIT\r\n")
        assert [pop.positive()[:3] for _ in range(4)] == ["+OK"] * 4
