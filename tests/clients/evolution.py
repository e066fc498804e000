"""Evolution's mail library (Camel) without its windows: carries out what it is told and says what it sees, as JSON.

Runs by Debian's own Python, since the library comes with it: `/usr/bin/python3 evolution.py FOLDER < steps.json`.
Each step is a list: the name of a function below and its arguments. QRESYNC and IDLE are on.
"""

import json
import os
import sys
import threading

import gi

gi.require_version("Camel", "1.2")
from gi.repository import Camel, Gio, GLib  # noqa: E402


class Session(Camel.Session):
    """Signs in with the password that it was given, and trusts the server's certificate."""

    password = ""
    driver = None

    def do_authenticate_sync(self, service, mechanism, cancellable):
        service.set_password(self.password)
        return service.authenticate_sync(mechanism, cancellable) == Camel.AuthenticationResult.ACCEPTED

    def do_get_password(self, service, prompt, item, flags):
        return self.password

    def do_get_filter_driver(self, kind, folder):
        self.driver = Camel.FilterDriver.new(self)
        return self.driver

    def do_trust_prompt(self, service, certificate, errors):
        return Camel.CertTrust.FULLY


class Program:
    """One Evolution with its account."""

    def __init__(self, folder):
        paths = [os.path.join(folder, name) for name in ("data", "cache")]
        self.session = Session(user_data_dir=paths[0], user_cache_dir=paths[1])
        self.store = None

    def sign_in(self, port, user, password):
        """Connects, as with an account that was just set up."""
        self.session.password = password
        self.store = self.session.add_service("imap", "imapx", Camel.ProviderType.STORE)
        settings = self.store.ref_settings()
        method = Camel.NetworkSecurityMethod.SSL_ON_ALTERNATE_PORT
        for name, value in (
            ("host", "localhost"), ("port", port), ("user", user), ("security-method", method),
            ("use-qresync", True), ("use-idle", True), ("check-all", True),
        ):
            settings.set_property(name, value)
        self.session.set_online(True)
        self.store.set_online_sync(True, None)
        self.store.connect_sync(None)
        everything = Camel.StoreGetFolderInfoFlags.RECURSIVE
        return self.store.get_folder_info_sync(None, everything, None) is not None

    def sign_out(self):
        """Closes the connections; what is known stays in its cache."""
        try:
            return self.store.disconnect_sync(True, None)
        except GLib.Error as error:
            return error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED)

    def folders(self, *names):
        """Those of the names that are folders."""
        told = []
        for name in names:
            info = self.store.get_folder_info_sync(name, Camel.StoreGetFolderInfoFlags.FAST, None)
            told += [info.full_name] if info else []
        return told

    def create(self, name):
        """Makes a folder at the top."""
        return self.store.create_folder_sync(None, name, None) is not None

    def open(self, name):
        """A folder, as it is now."""
        folder = self.store.get_folder_sync(name, Camel.StoreGetFolderFlags.NONE, None)
        folder.refresh_info_sync(None)
        return folder

    def messages(self, name):
        """Subject and marks of each message."""
        folder = self.open(name)
        marks = (("seen", Camel.MessageFlags.SEEN), ("flagged", Camel.MessageFlags.FLAGGED),
                 ("answered", Camel.MessageFlags.ANSWERED), ("deleted", Camel.MessageFlags.DELETED))
        told = []
        for uid in folder.dup_uids() if hasattr(folder, "dup_uids") else folder.get_uids():
            info = folder.get_message_info(uid)
            flags = int(info.get_flags())
            told.append([info.get_subject(), [name for name, flag in marks if flags & int(flag)]])
        return sorted(told)

    def find(self, folder, subject):
        """The UIDs of the messages with this subject."""
        return [uid for uid in folder.get_uids() if folder.get_message_info(uid).get_subject() == subject]

    def read(self, name, subject):
        """The text of a message."""
        folder = self.open(name)
        message = folder.get_message_sync(self.find(folder, subject)[0], None)
        stream = Gio.MemoryOutputStream.new_resizable()
        message.get_content().decode_to_output_stream_sync(stream, None)
        stream.close(None)
        return stream.steal_as_bytes().get_data().decode()

    def mark(self, name, subject, flag):
        """Sets a mark, which is sent at once."""
        folder = self.open(name)
        flag = getattr(Camel.MessageFlags, flag.upper())
        for uid in self.find(folder, subject):
            folder.set_message_flags(uid, flag, flag)
        return folder.synchronize_sync(False, None)

    def move(self, name, subject, to):
        """Moves messages to another folder."""
        folder, other = self.open(name), self.open(to)
        uids = self.find(folder, subject)
        moved = folder.transfer_messages_to_sync(uids, other, True, None)
        folder.synchronize_sync(True, None)
        return bool(moved)

    def put(self, name, subject, text):
        """Saves a message of one's own."""
        message = Camel.MimeMessage()
        message.set_subject(subject)
        message.set_content(text.encode(), "text/plain")
        folder = self.open(name)
        return bool(folder.append_message_sync(message, Camel.MessageInfo.new(None), None)[0])

    def expunge(self, name):
        """Removes what is marked as deleted."""
        return self.open(name).expunge_sync(None)


def main():
    folder = sys.argv[1]
    Camel.init(os.path.join(folder, "state"), True)
    Camel.provider_init()
    loop = GLib.MainLoop()
    threading.Thread(target=loop.run, daemon=True).start()
    program = Program(folder)
    told = [getattr(program, step)(*arguments) for step, *arguments in json.load(sys.stdin)]
    print(json.dumps(told), flush=True)
    os._exit(0)  # Its threads wait for nothing that matters here.


main()
