"""One Thunderbird with a profile of its own, driven through Marionette as an extension with all rights would drive it.

Marionette (what WebDriver for Mozilla's programs is built on) takes scripts over a loopback port and runs them inside the
program's main window, where all of its parts are at hand: accounts, folders, the compose window, the list of messages.
"""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import time

from server import HOST
from tls import shown_certificate

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "thunderbird.js")
START_SECONDS = 120
SCRIPT_SECONDS = 60
STOP_SECONDS = 20

# Nothing asks a question at the first start, and nobody but the server under test is spoken to.
QUIET = {
    "app.donation.eoy.version.viewed": 999,
    "app.normandy.enabled": False,
    "app.update.auto": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "extensions.systemAddon.update.enabled": False,
    "extensions.update.enabled": False,
    "mail.chat.enabled": False,
    "mail.inappnotifications.enabled": False,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mail.spam.version": 1,
    "mail.winsearch.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
    "marionette.port": 0,  # Any free one; its number is then in the profile.
}

SOCKET_STARTTLS = 2
SOCKET_TLS = 3
AUTHENTICATION_PASSWORD = 3


def installed():
    """True when there is a Thunderbird to test with."""
    return shutil.which("thunderbird") is not None


def preferences(server, account):
    """The preferences of one IMAP account that sends through the submission port."""
    name = account.address.partition("@")[0]
    return QUIET | {
        "mail.accountmanager.accounts": "account1",
        "mail.accountmanager.defaultaccount": "account1",
        "mail.account.account1.server": "server1",
        "mail.account.account1.identities": "id1",
        "mail.identity.id1.fullName": name,
        "mail.identity.id1.useremail": account.address,
        "mail.identity.id1.smtpServer": "smtp1",
        "mail.identity.id1.compose_html": False,
        "mail.server.server1.type": "imap",
        "mail.server.server1.name": account.address,
        "mail.server.server1.hostname": "localhost",
        "mail.server.server1.port": server.ports["imaps"],
        "mail.server.server1.socketType": SOCKET_TLS,
        "mail.server.server1.authMethod": AUTHENTICATION_PASSWORD,
        "mail.server.server1.userName": account.address,
        "mail.server.server1.login_at_startup": False,  # The certificate is not trusted yet.
        "mail.smtpservers": "smtp1",
        "mail.smtp.defaultserver": "smtp1",
        "mail.smtpserver.smtp1.type": "smtp",
        "mail.smtpserver.smtp1.hostname": "localhost",
        "mail.smtpserver.smtp1.port": server.ports["submission"],
        "mail.smtpserver.smtp1.try_ssl": SOCKET_STARTTLS,
        "mail.smtpserver.smtp1.authMethod": AUTHENTICATION_PASSWORD,
        "mail.smtpserver.smtp1.username": account.address,
    }


class ScriptFailed(Exception):
    """A script inside Thunderbird threw; the text is what and where."""


class Marionette:
    """The protocol: `length:[type, id, …]` in JSON, one command at a time."""

    def __init__(self, port):
        self.socket = socket.create_connection((HOST, port), timeout=SCRIPT_SECONDS + 10)
        self.buffer, self.number = b"", 0
        self.receive()  # The greeting.
        self.command("WebDriver:NewSession", {})
        self.command("Marionette:SetContext", {"value": "chrome"})
        self.command("WebDriver:SetTimeouts", {"script": SCRIPT_SECONDS * 1000})

    def receive(self):
        """The next message."""
        while b":" not in self.buffer:
            self.more()
        length, _, self.buffer = self.buffer.partition(b":")
        while len(self.buffer) < int(length):
            self.more()
        message, self.buffer = self.buffer[:int(length)], self.buffer[int(length):]
        return json.loads(message)

    def more(self):
        """Adds what has come to the buffer."""
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError("Thunderbird closed the connection")
        self.buffer += data

    def command(self, name, parameters):
        """One command and its answer."""
        self.number += 1
        message = json.dumps([0, self.number, name, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        _, number, fault, answer = self.receive()
        assert number == self.number, (number, self.number)
        if fault:
            raise ScriptFailed(f"{fault.get('error')}: {fault.get('message')}\n"
                               f"{fault.get('stacktrace', '')[:1500]}")
        return answer.get("value") if isinstance(answer, dict) else answer


class Thunderbird:
    """A running Thunderbird with one account; `with` ends it."""

    def __init__(self, server, account, folder):
        self.account = account
        self.folder = folder
        self.profile = os.path.join(folder, "profile")
        os.makedirs(self.profile)
        with open(os.path.join(self.profile, "user.js"), "w", encoding="utf-8") as file:
            for name, value in preferences(server, account).items():
                file.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
        self.process = self.start()
        try:
            self.marionette = Marionette(self.marionette_port())
            self.do("trust", base64.b64encode(shown_certificate(server.ports["imaps"])).decode(),
                    [server.ports[name] for name in ("imaps", "submission")],
                    account.address, account.password)
        except BaseException:
            self.end()
            raise

    def start(self):
        """Starts the program without a screen, in a process group of its own."""
        with open(os.path.join(self.folder, "thunderbird.log"), "wb") as log:
            return subprocess.Popen(
                ["thunderbird", "--headless", "--marionette", "--remote-allow-system-access",
                 "--no-remote", "--profile", self.profile],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env=dict(os.environ, HOME=self.folder, LC_ALL="C.UTF-8", TZ="UTC"),
            )

    def marionette_port(self):
        """The port that Marionette listens on, once it does."""
        path = os.path.join(self.profile, "MarionetteActivePort")
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if os.path.exists(path):
                with open(path, encoding="ascii") as file:
                    if (port := file.read().strip()):
                        return int(port)
            time.sleep(0.1)
        raise AssertionError("Thunderbird does not start")

    def do(self, name, *arguments):
        """Runs one of the functions of thunderbird.js; a failure leaves a picture of the window."""
        with open(SCRIPT, encoding="utf-8") as file:
            script = f"{file.read()}\nreturn {name}(...arguments);"
        try:
            return self.marionette.command("WebDriver:ExecuteScript", {
                "script": script, "args": list(arguments), "sandbox": "system",
                "newSandbox": True, "filename": "thunderbird.js",
            })
        except ScriptFailed:
            self.picture("failed")
            raise

    def picture(self, name):
        """Writes what the main window shows as a PNG file; `--keep` keeps it."""
        encoded = self.marionette.command("WebDriver:TakeScreenshot", {"full": True})
        with open(os.path.join(self.folder, name + ".png"), "wb") as file:
            file.write(base64.b64decode(encoded))

    def end(self):
        """Ends the program with all its processes; it has nothing to lose that the tests look at."""
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
