"""Import and export: what was exported and imported again is the same mailbox."""

import os
import re

import clients
import letters

FOLDERS = {
    "INBOX": ((r"\Seen", "01-Jan-2020 08:00:00 +0000"), ("", "02-Feb-2021 09:30:00 +0000")),
    "Work/Deep/Deeper": ((r"\Flagged \Answered", "03-Mar-2022 10:00:00 +0000"),),
    "Keywords": (("$Important Project-X", "04-Apr-2023 11:11:11 +0000"),),
    "&ZeVnLIqe-": ((r"\Draft", "05-May-2024 12:12:12 +0000"),),
    "Trap": (("", "06-Jun-2025 13:13:13 +0000"),),
}
# Lines that an mbox writer must quote, and a header that looks like its own.
TRAP = "From here on\r\n>From there\r\n.\r\nStatus: O\r\n\r\nFrom the end"


def filled(server, world):
    """A new account with folders, flags, keywords, dates and some real letters."""
    account = server.account()
    with clients.Imap(server.ports["imaps"], account) as imap:
        for folder, each in FOLDERS.items():
            if folder != "INBOX":
                imap.command(f'CREATE "{folder}"')
            for number, (flags, date) in enumerate(each):
                text = TRAP if folder == "Trap" else "Good day."
                subject = f"{folder.replace('/', ' ')} {number}"
                imap.append(folder, letters.letter(subject, text=text), flags, date)
        hard = [each for each in world.corpus if not letters.must_be_refused(each)][::300]
        imap.command("CREATE Real")
        for number, letter in enumerate(hard):
            flags = r"\Seen" if number % 2 else ""
            imap.append("Real", letter, flags, f"{1 + number:02}-Jul-2019 00:00:00 +0000")
    return account


def contents(server, account):
    """Folder, date, flags and bytes of all mail, sorted: all that makes a mailbox."""
    found = []
    with clients.Imap(server.ports["imaps"], account) as imap:
        for response in imap.command('LIST "" "*"'):
            folder = re.search(rb'"/" "?([^"]+)"?$', response)[1].decode()
            if b"\\Noselect" in response or b"\\NonExistent" in response:
                continue
            bodies = dict(imap.bodies(folder))
            for each in imap.command("UID FETCH 1:* (FLAGS INTERNALDATE)"):
                uid = re.search(rb"UID (\d+)", each)
                if uid is None:
                    continue
                flags = re.search(rb"FLAGS \(([^)]*)\)", each)[1].split()
                date = re.search(rb'INTERNALDATE "([^"]*)"', each)[1]
                kept = sorted(flag for flag in flags if flag != rb"\Recent")
                found.append((folder, date, kept, bodies[int(uid[1])]))
    return sorted(found)


def round_trip(server, world, place, form):
    """Exports one account and imports it into another."""
    account, other = filled(server, world), server.account()
    target = os.path.join(place, form)
    server.export(form, target, account)
    server.bring_in(form, target, other)
    before, after = contents(server, account), contents(server, other)
    for old, new in zip(before, after):
        assert old[:3] == new[:3], f"{old[:3]} became {new[:3]}"
        assert old[3] == new[3], f"a letter in {old[0]} was changed"
    assert len(before) == len(after), f"{len(before)} letters became {len(after)}"
    return f"{len(after)} letters"


def test_a_maildir_that_was_exported_imports_as_the_same_mailbox(server, world, place):
    return round_trip(server, world, place, "maildir")


def test_an_mbox_that_was_exported_imports_as_the_same_mailbox(server, world, place):
    return round_trip(server, world, place, "mbox")


def test_importing_twice_does_not_double_the_mailbox(server, world, place):
    account, other = filled(server, world), server.account()
    target = os.path.join(place, "maildir")
    server.export("maildir", target, account)
    server.bring_in("maildir", target, other)
    once = contents(server, other)
    server.bring_in("maildir", target, other)
    assert contents(server, other) == once


def test_a_tree_of_eml_files_is_imported_with_its_folders(server, place):
    account = server.account()
    os.makedirs(os.path.join(place, "tree", "Sub"))
    for name in ("one", "Sub/two"):
        with open(os.path.join(place, "tree", name + ".eml"), "wb") as file:
            file.write(letters.letter(name.replace("/", " ")).replace(b"\r\n", b"\n"))
    server.bring_in("eml", os.path.join(place, "tree"), account)
    subjects = {letters.subject(body) for _, _, _, body in contents(server, account)}
    assert subjects == {"one", "Sub two"}


def test_what_cannot_be_imported_is_counted_and_told(server, place):
    account = server.account()
    path = os.path.join(place, "broken")
    with open(path, "wb") as file:
        file.write(b"this is no mailbox\n")
    done = server.command(
        "import", "--account", account.address, "--format", "mbox", path, check=False
    )
    told = (done.stdout + done.stderr).strip()
    assert path.rsplit("/", 1)[1] in told or "mbox" in told, told
    assert contents(server, account) == []
    return told.splitlines()[0][-80:]


# A Dovecot Maildir: its list of UIDs carries the UIDVALIDITY, the UIDs and the POP3 ids; keywords have letters.
UIDLIST = "3 V1700000000 N43 Gdeadbeef\n41 Ppop-one :{first}\n42 :{second}\n"
KEYWORDS = "0 $Important\n1 Project-X\n"


def test_a_dovecot_maildir_keeps_its_uids_validity_and_keywords(server, place):
    account = server.account()
    source = os.path.join(place, "Maildir")
    for folder in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(source, folder))
    first, second = "1600000000.M1P1.host", "1600000001.M2P2.host"
    for name, subject in ((f"{first}:2,Sa", "one"), (f"{second}:2,Fb", "two")):
        with open(os.path.join(source, "cur", name), "wb") as file:
            file.write(letters.letter(subject).replace(b"\r\n", b"\n"))
    with open(os.path.join(source, "dovecot-uidlist"), "w", encoding="ascii") as file:
        file.write(UIDLIST.format(first=first, second=second))
    with open(os.path.join(source, "dovecot-keywords"), "w", encoding="ascii") as file:
        file.write(KEYWORDS)
    server.bring_in("maildir", source, account)
    with clients.Imap(server.ports["imaps"], account) as imap:
        told = imap.command("STATUS INBOX (UIDVALIDITY UIDNEXT)")[0]
        assert b"UIDVALIDITY 1700000000" in told and b"UIDNEXT 43" in told, told
        assert [uid for uid, _ in imap.bodies()] == [41, 42]
        flags = b" ".join(imap.command("UID FETCH 41:42 (FLAGS)"))
        assert b"$Important" in flags and b"Project-X" in flags, flags
    with clients.Pop3(server.ports["pop3s"], account) as pop:
        listed = pop.lines("UIDL")
        assert listed[0] == b"1 pop-one", listed
