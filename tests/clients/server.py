"""One facteur under test: its folder, its ports, its command line, its process.

Uses nothing but the command line and the ports, as an administrator's scripts do.
"""

import dataclasses
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import time

DOMAIN = "example.test"
HOST = "127.0.0.1"
PORT_NAMES = (
    "smtp", "submission", "submissions", "lmtp", "pop3", "pop3s", "imap", "imaps",
    "managesieve", "metrics",
)
FIRST_PORT = 10_000
START_SECONDS = 30
STOP_SECONDS = 30
COMMAND_SECONDS = 300

CONFIGURATION = """\
hostname = "mx.{domain}"
[listen]
{listen}
https = "off"
{extra}
{dns}
"""
# Nobody answers there: what a test sends elsewhere by chance stays on this machine.
NO_NAMES = '[dns]\nservers = ["127.0.0.1:9"]'



class Failed(Exception):
    """A command or the server did not do what was asked; the text says what."""


class Skipped(Exception):
    """What a test works with is not on this machine; the text says what."""


@dataclasses.dataclass(frozen=True)
class Account:
    """An address and its password."""

    address: str
    password: str


def _ports():
    """Ports that no outgoing connection gets, each once: a server must find its own again after a kill."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first_outgoing = int(file.read().split()[0])
    ports = list(range(FIRST_PORT, max(first_outgoing, FIRST_PORT + 1000)))
    random.shuffle(ports)
    yield from ports


PORTS = _ports()


def free_port(host=HOST):
    """A port that nobody listens on now."""
    for port in PORTS:
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise Failed("every port is taken")


class Server:
    """A server in a folder of its own. `start` and `stop` may be called again and again."""

    def __init__(self, binary, folder, extra="", host=HOST, domain=DOMAIN, ports=()):
        self.binary = binary
        self.host = host
        self.domain = domain
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.log = os.path.join(folder, "serve.log")
        self.configuration = os.path.join(folder, "facteur.toml")
        self.ports = {name: free_port(host) for name in PORT_NAMES} | dict(ports)
        self.process = None
        self._accounts = 0
        os.makedirs(folder, exist_ok=True)
        self.configure(extra)

    def configure(self, extra=""):
        """Writes the configuration file; `extra` is TOML put behind the listeners."""
        listen = "\n".join(f'{name} = "{self.host}:{port}"' for name, port in self.ports.items())
        with open(self.configuration, "w", encoding="utf-8") as file:
            dns = "" if "[dns]" in extra else NO_NAMES
            file.write(CONFIGURATION.format(domain=self.domain, listen=listen, extra=extra, dns=dns))

    # The command line.

    def command(self, *arguments, stdin=None, check=True, binary=False):
        """Runs `facteur --data DIR --config FILE …` and answers its result."""
        done = subprocess.run(
            [self.binary, "--data", self.data, "--config", self.configuration, *arguments],
            input=stdin if stdin is not None else ("" if not binary else b""),
            capture_output=True, text=not binary, timeout=COMMAND_SECONDS, check=False,
        )
        if check and done.returncode != 0:
            told = done.stderr if not binary else done.stderr.decode(errors="replace")
            raise Failed(f"facteur {' '.join(arguments)}: exit {done.returncode}: {told[-500:]}")
        return done

    def command_json(self, *arguments):
        """The `--json` answer of a command."""
        return json.loads(self.command(*arguments, "--json").stdout)

    def prepare(self):
        """Makes the domain that all tests use, or the server's own."""
        self.command("domain", "add", self.domain)
        return self

    def account(self, name=None):
        """A new account with an empty mailbox."""
        self._accounts += 1
        name = name or f"user{self._accounts}"
        made = Account(f"{name}@{self.domain}", "pw-" + secrets.token_hex(8))
        self.command(
            "account", "add", made.address, "--password-stdin", stdin=made.password + "\n"
        )
        return made

    def set_password(self, address, password):
        """Gives an account a new password."""
        self.command("password", address, "--password-stdin", stdin=password + "\n")

    def export(self, form, target, account):
        """Writes an account's mailbox as `maildir` or `mbox`."""
        return self.command("export", "--account", account.address, "--format", form, target)

    def bring_in(self, form, source, account):
        """Imports a `maildir`, an `mbox` or a folder of `eml` files into an account."""
        return self.command("import", "--account", account.address, "--format", form, source)

    # The process.

    def start(self):
        """Starts serving and waits until every port answers."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--data", self.data, "--config", self.configuration],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        for name, port in self.ports.items():
            while not _listens(self.host, port):
                if self.process.poll() is not None:
                    raise Failed(f"serve ended at once: {self.log_tail()}")
                if time.monotonic() > deadline:
                    raise Failed(f"port {name} was not opened: {self.log_tail()}")
                time.sleep(0.02)
        return self

    def stop(self):
        """Asks the server to end and waits; answers its exit code."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failed("serve did not end on SIGTERM") from None

    def kill(self):
        """Ends the server as a power cut would end it: at once. Answers when, by the monotonic clock."""
        process, self.process = self.process, None
        process.kill()
        process.wait()
        return time.monotonic()

    def restart(self):
        """Stops and starts."""
        self.stop()
        return self.start()

    def memory_kib(self):
        """Resident memory of the server now."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
        raise Failed("the server's memory cannot be read")

    def alive(self):
        """True while the process runs."""
        return self.process is not None and self.process.poll() is None

    def log_tail(self, bytes_max=2000):
        """The end of what the server wrote."""
        with open(self.log, "rb") as log:
            return log.read()[-bytes_max:].decode(errors="replace")

    def panics(self):
        """Lines of the log that tell of a panic."""
        with open(self.log, "rb") as log:
            return [line for line in log if b"panicked at" in line]


def _listens(host, port):
    try:
        socket.create_connection((host, port), timeout=1).close()
        return True
    except OSError:
        return False
