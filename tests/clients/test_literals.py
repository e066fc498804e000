"""IMAP literal bombs: what a client announces costs the server nothing, and is never taken for commands."""

import clients

MEMORY_KIB_MAX = 64 * 1024  # What any of this may add to the server's memory.
HUGE = ("4294967295", "18446744073709551616", "99999999999999999999999999", "2147483648")


def in_sync_or_closed(imap):
    """A NOOP is answered by its own OK and by nothing else, or the server has closed."""
    try:
        imap.send(b"sync NOOP\r\n")
        while True:
            line = imap.line()
            if line.startswith(b"sync "):
                assert line.startswith(b"sync OK"), line
                return
            assert line.startswith(b"* "), line
    except (EOFError, OSError):
        return


def refusal_of(imap, line):
    """The reply to a line that must be refused: BAD, NO, BYE or the end; never a continuation."""
    imap.send(line)
    try:
        reply = imap.line()
    except (EOFError, OSError):
        return b"closed"
    assert not reply.startswith(b"+"), reply
    assert reply.split()[1] in (b"BAD", b"NO", b"BYE"), reply
    return reply


def anonymous(server):
    """A session that has not signed in."""
    return clients.Imap(server.ports["imaps"])


def test_a_huge_literal_before_login_is_refused_at_once(server):
    for size in HUGE:
        with anonymous(server) as imap:
            refusal_of(imap, f"a LOGIN {{{size}}}\r\n".encode())
            in_sync_or_closed(imap)


def test_a_malformed_literal_is_refused(server):
    for form in ("{-1}", "{1", "{}", "{+}", "{1++}", "{0x10}", "{ 5}"):
        with anonymous(server) as imap:
            refusal_of(imap, f"a LOGIN {form}\r\n".encode())
            in_sync_or_closed(imap)


def test_what_a_refused_literal_holds_is_never_a_command(server):
    size = 1_000_000
    with anonymous(server) as imap:
        commands = b"evil NOOP\r\n" * (size // 11)
        try:
            imap.send(b"a LOGIN {%d+}\r\n" % size + commands)
        except OSError:
            pass  # The server has closed while we were sending.
        assert b"evil OK" not in imap.rest(seconds=3)


def test_a_huge_append_is_refused_before_it_is_sent(server):
    account = server.account()
    for size in HUGE:
        with clients.Imap(server.ports["imaps"], account) as imap:
            told = refusal_of(imap, f"a APPEND INBOX {{{size}}}\r\n".encode())
            assert told == b"closed" or told.split()[1] in (b"NO", b"BAD", b"BYE"), told
            in_sync_or_closed(imap)


def test_a_line_without_end_is_cut_off(server):
    before = server.memory_kib()
    with anonymous(server) as imap:
        try:
            for _ in range(256):
                imap.send(b"(" * 65536)
        except OSError:
            pass
        told = imap.rest(seconds=3)
        assert told == b"" or b"BAD" in told or b"BYE" in told, told[:200]
    assert server.memory_kib() - before < MEMORY_KIB_MAX


def test_deep_nesting_is_refused_without_harm(server):
    account = server.account()
    with clients.Imap(server.ports["imaps"], account) as imap:
        imap.command("SELECT INBOX")
        for start, end in ((b"(", b")"), (b"NOT ", b""), (b"OR ALL ", b"")):
            search = b"d SEARCH " + start * 10_000 + b"ALL" + end * 10_000
            imap.send(search + b"\r\n")
            try:
                while not (line := imap.line()).startswith((b"d ", b"* BYE")):
                    pass
            except EOFError:
                return
            assert line.split()[1] in (b"OK", b"NO", b"BAD", b"BYE"), line
    assert server.alive()


def test_many_small_literals_do_not_pile_up(server):
    before = server.memory_kib()
    with anonymous(server) as imap:
        try:
            imap.send(b"a LOGIN " + b"{1+}\r\nx " * 100_000 + b"\r\n")
        except OSError:
            pass
        imap.rest(seconds=3)
    assert server.memory_kib() - before < MEMORY_KIB_MAX


def test_many_announced_literals_at_once_take_little_memory(server):
    before = server.memory_kib()
    sessions = []
    try:
        for _ in range(200):
            imap = clients.Imap(server.ports["imap"], tls=False)
            imap.send(b"a LOGIN {4000+}\r\n" + b"x" * 3000)
            sessions.append(imap)
        assert server.memory_kib() - before < MEMORY_KIB_MAX
    finally:
        for imap in sessions:
            imap.close()
