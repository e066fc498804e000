"""Folders shared by command, as the people whom they are shared with see them by IMAP."""

import clients
import letters
from server import Failed


def shared(server, owner, *words, folder="Team"):
    """Shares a folder of the owner's."""
    server.command("folder", "share", owner.address, folder, *words)


def session(server, account):
    """A signed-in session over TLS."""
    return clients.Imap(server.ports["imaps"], account)


def owner_of_a_folder(server):
    """An account with a letter in its folder `Team`, and that letter."""
    owner = server.account()
    server.command("folder", "add", owner.address, "Team")
    letter = letters.letter("for the team")
    with session(server, owner) as imap:
        imap.append("Team", letter)
    return owner, letter


def refused(imap, command, *literals):
    """True if the server says NO or BAD."""
    try:
        imap.command(command, *literals)
    except clients.Refused:
        return True
    return False


def test_a_folder_shared_by_command_is_read_by_another_user(server):
    owner, letter = owner_of_a_folder(server)
    reader = server.account()
    name = f"Other Users/{owner.address}/Team"
    with session(server, reader) as imap:
        assert refused(imap, f'SELECT "{name}"')
        shared(server, owner, reader.address, "read")
        assert any(name.encode() in line for line in imap.command('LIST "" "Other Users/*"'))
        assert [content for _, content in imap.bodies(name)] == [letter]
        assert refused(imap, f'APPEND "{name}" {{}}', letter)
        shared(server, owner, reader.address, "write")
        imap.append(name, letter)
        assert len(imap.bodies(name)) == 2
        imap.command("UNSELECT")
        shared(server, owner, reader.address, "none")
        assert refused(imap, f'SELECT "{name}"')


def test_the_rights_of_a_folder_are_told_as_imap_tells_them(server):
    owner, _ = owner_of_a_folder(server)
    colleague = server.account()
    shared(server, owner, colleague.address, "wrl")
    shared(server, owner, "anyone", "read")
    told = server.command_json("folder", "rights", owner.address, "Team")
    shared(server, owner, "anyone", "none")  # Else clients of other tests would fetch it too.
    entries = {entry["who"]: (entry["rights"], entry["word"]) for entry in told}
    assert entries == {colleague.address: ("lrw", None), "anyone": ("lrs", "read")}, told
    with session(server, owner) as imap:
        (line,) = imap.command("GETACL Team")
        assert f'{colleague.address} lrw'.encode() in line.replace(b'"', b""), line
        imap.command(f'SETACL Team "{colleague.address}" lrswite')
    told = server.command("folder", "rights", owner.address, "Team").stdout
    assert f"{colleague.address}  write (lrswite)" in told, told


def test_what_cannot_be_shared_is_refused_in_one_line(server):
    owner, _ = owner_of_a_folder(server)
    colleague = server.account()
    for words in (
        ("Team", f"nobody@{server.domain}", "read"),
        ("Team", colleague.address, "reading"),
        ("Team", owner.address, "read"),
        ("Elsewhere", colleague.address, "read"),
    ):
        done = server.command("folder", "share", owner.address, *words, check=False)
        assert done.returncode != 0, words
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    try:
        server.command("folder", "rights", owner.address, "Elsewhere")
    except Failed:
        return
    raise AssertionError("a folder that is not there has rights")
