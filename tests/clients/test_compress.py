"""IMAP COMPRESS against zlib: every answer is whole at once, and who waits costs no compressor."""

import zlib

import clients
import letters

IDLE_SESSIONS = 250  # Many, as the allocator keeps the few compressors that were in use at once.
IDLE_KIB_MAX = 100  # A compressor alone would take some 300.


class Compressed(clients.Imap):
    """A session that compresses as clients do: one stream for each direction."""

    def __init__(self, port, account):
        self.deflater = self.inflater = None
        super().__init__(port, account)
        self.command("COMPRESS DEFLATE")
        assert not self.buffer, self.buffer
        self.deflater = zlib.compressobj(wbits=-15)
        self.inflater = zlib.decompressobj(wbits=-15)
        self.bytes_on_the_wire = 0

    def send(self, data):
        if self.deflater:
            data = self.deflater.compress(data) + self.deflater.flush(zlib.Z_SYNC_FLUSH)
        super().send(data)

    def receive(self):
        if not self.inflater:
            return super().receive()
        data = self.socket.recv(1 << 18)
        if not data:
            raise EOFError("the server closed")
        self.bytes_on_the_wire += len(data)
        self.buffer += self.inflater.decompress(data)
        return None


def test_letters_come_and_go_compressed(server):
    account = server.account()
    letter = letters.letter("compressed", "all work and no play\r\n" * 20_000)
    with Compressed(server.ports["imaps"], account) as imap:
        for _ in range(3):
            imap.command("APPEND INBOX {}", letter)
        imap.command("NOOP")
        before = imap.bytes_on_the_wire
        bodies = imap.bodies()
        assert [body for _, body in bodies] == [letter] * 3
        assert imap.bytes_on_the_wire - before < len(letter) // 3


def test_a_waiting_compressed_session_hears_of_news(server):
    account = server.account()
    with Compressed(server.ports["imaps"], account) as imap:
        imap.command("NOTIFY SET (selected (MessageNew (UID) MessageExpunge)) (personal (MessageNew "
                     "MessageExpunge))")
        imap.command("SELECT INBOX")
        with clients.Imap(server.ports["imaps"], account) as other:
            other.command("APPEND INBOX {}", letters.letter("here"))
            other.command("APPEND Sent {}", letters.letter("there"))
        heard = [imap.response() for _ in range(3)]
        assert heard[0] == b"* 1 EXISTS", heard
        assert heard[1] == b"* 1 FETCH (UID 1)", heard
        assert heard[2].startswith(b"* STATUS Sent (MESSAGES 1 "), heard


def test_a_waiting_session_costs_little_more_for_being_compressed(world, place):
    plain = kib_of_a_waiting_session(world, f"{place}/plain", clients.Imap)
    compressed = kib_of_a_waiting_session(world, f"{place}/compressed", Compressed)
    assert compressed - plain < IDLE_KIB_MAX, (plain, compressed)
    return f"{plain:.0f} KiB plain, {compressed:.0f} KiB compressed"


def kib_of_a_waiting_session(world, place, kind):
    """In a server of its own: memory that others gave back would be taken again, and not be seen."""
    server = world.new_server(place)
    server.prepare().start()
    try:
        account = server.account()
        clients.Imap(server.ports["imaps"], account).close()  # The password is known from here on.
        before = server.memory_kib()
        sessions = [kind(server.ports["imaps"], account) for _ in range(IDLE_SESSIONS)]
        for session in sessions:
            session.command("SELECT INBOX")
            session.idle()
        each = (server.memory_kib() - before) / IDLE_SESSIONS
        for session in sessions:
            session.close()
    finally:
        server.stop()
    return each
