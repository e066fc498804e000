"""Backup of a running server, restore into a new place, and what clients then see."""

import os

import clients
import letters
from server import Server


def started(world, place, extra=""):
    """A server of the test's own with one account."""
    server = world.new_server(place, extra).prepare()
    account = server.account("alice")
    server.start()
    return server, account


def deliver(server, account, *subjects):
    """Delivers letters by SMTP."""
    with clients.Smtp(server.ports["smtp"]) as smtp:
        for subject in subjects:
            smtp.deliver("a@elsewhere.test", [account.address], letters.letter(subject))


def subjects(server, account):
    """The subjects in the INBOX."""
    with clients.Imap(server.ports["imaps"], account) as imap:
        return [letters.subject(body) for _, body in imap.bodies()]


def validity(server, account):
    """The UIDVALIDITY of the INBOX."""
    with clients.Imap(server.ports["imaps"], account) as imap:
        told = imap.command("STATUS INBOX (UIDVALIDITY)")[0]
        return int(told.split(b"UIDVALIDITY ")[1].rstrip(b")"))


def restored(world, place, backup):
    """A server on what a backup gives back."""
    server = Server(world.binary, os.path.join(place, "restored"))
    server.command("restore", backup)
    return server.start()


def test_a_hot_backup_restores_to_what_it_saw_in_a_new_epoch(world, place):
    server, account = started(world, place)
    backup = os.path.join(place, "backup")
    try:
        deliver(server, account, "one", "two")
        server.command("backup", backup)
        deliver(server, account, "after the backup")
        old = validity(server, account)
    finally:
        server.stop()
    other = restored(world, place, backup)
    try:
        assert subjects(other, account) == ["one", "two"]
        assert validity(other, account) != old, "clients must be told to start again"
        deliver(other, account, "life goes on")
        assert subjects(other, account) == ["one", "two", "life goes on"]
    finally:
        other.stop()
    other.command("check")


def test_a_second_backup_into_the_same_folder_adds_what_is_new(world, place):
    server, account = started(world, place)
    backup = os.path.join(place, "backup")
    try:
        deliver(server, account, "one")
        server.command("backup", backup)
        deliver(server, account, "two")
        server.command("backup", backup)
    finally:
        server.stop()
    other = restored(world, place, backup)
    try:
        assert subjects(other, account) == ["one", "two"]
    finally:
        other.stop()


def test_rebuild_makes_the_same_store_from_the_log(world, place):
    server, account = started(world, place)
    try:
        deliver(server, account, "one", "two", "three")
        with clients.Imap(server.ports["imaps"], account) as imap:
            imap.command("SELECT INBOX")
            imap.command(r"STORE 2 +FLAGS.SILENT (\Deleted)")
            imap.command("EXPUNGE")
            before = imap.bodies()
    finally:
        server.stop()
    server.command("rebuild")
    server.command("check")
    server.start()
    try:
        with clients.Imap(server.ports["imaps"], account) as imap:
            assert imap.bodies() == before
    finally:
        server.stop()


def test_deleted_mail_can_be_brought_back(world, place):
    server, account = started(world, place)
    try:
        deliver(server, account, "one", "two")
        with clients.Imap(server.ports["imaps"], account) as imap:
            imap.command("SELECT INBOX")
            imap.command(r"STORE 1:* +FLAGS.SILENT (\Deleted)")
            imap.command("EXPUNGE")
        assert subjects(server, account) == []
        server.command("undelete", account.address)
        assert sorted(subjects(server, account)) == ["one", "two"]
    finally:
        server.stop()
