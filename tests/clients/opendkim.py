"""Debian's opendkim, asked about one letter at a time in its test mode, or as the milter that it is."""

import contextlib
import os
import shutil
import socket
import subprocess
import time

from server import HOST, Skipped, free_port

PROGRAM = "opendkim"
SECONDS = 20
ENVIRONMENT = os.environ | {"PATH": os.environ["PATH"] + ":/usr/sbin"}


def listens(port):
    """True when someone takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


class OpenDkim:
    """Signs and judges with files in a folder of the test's own."""

    def __init__(self, place):
        if not shutil.which(PROGRAM, path=ENVIRONMENT["PATH"]):
            raise Skipped("opendkim is not installed")
        self.place = place

    def judge(self, letter, texts):
        """What it says of each signature; `texts` are the records of the keys."""
        keys = self._write("keys.txt", "".join(f"{name} {text}\n" for name, text in texts.items()).encode())
        told = self._run(letter, f"Mode v\nTestPublicKeys {keys}\n")
        words = told.replace("\t", " ").split("dkim=")[1:]
        return [word.split()[0].rstrip(";'") for word in words]

    def sign(self, letter, key, algorithm, domain, selector, forms):
        """The field that it would put before a letter, with From and Subject named once too often."""
        told = self._run(letter, (
            f"Mode s\nDomain {domain}\nSelector {selector}\nKeyFile {key}\nSignatureAlgorithm {algorithm}\n"
            f"Canonicalization {forms}\nOversignHeaders From,Subject\nRequireSafeKeys no\n"
        ))
        field = told[told.index("DKIM-Signature:"):].rstrip("\n")
        return field.replace("\r", "").replace("\n", "\r\n").encode() + b"\r\n"

    @contextlib.contextmanager
    def milter(self, texts, name, mode="Mode v\n"):
        """Runs as a milter that judges signatures, and says so in its own name; answers its address.

        `mode` are lines that have it sign as well what users submit.
        """
        keys = self._write("keys.txt", "".join(f"{key} {text}\n" for key, text in texts.items()).encode())
        port = free_port()
        # What comes from this machine is judged, not signed.
        nobody = self._write("nobody", b"192.0.2.1\n")
        path = self._write("milter.conf", (
            f"Syslog no\n{mode}Socket inet:{port}@{HOST}\nAuthservID {name}\nTestPublicKeys {keys}\n"
            f"InternalHosts {nobody}\nPeerList {self._write('peers', b'')}\n"
        ).encode())
        process = subprocess.Popen([PROGRAM, "-f", "-x", path], env=ENVIRONMENT, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + SECONDS
            while not listens(port):
                assert process.poll() is None and time.monotonic() < deadline, "opendkim does not listen"
                time.sleep(0.05)
            yield f"{HOST}:{port}"
        finally:
            process.terminate()
            process.wait(SECONDS)

    def _write(self, name, content):
        path = os.path.join(self.place, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def _run(self, letter, configuration):
        path = self._write("opendkim.conf", ("Syslog no\n" + configuration).encode())
        letter = self._write("letter.eml", letter)
        verbosity = ["-v", "-v"] if "Mode v" in configuration else []
        done = subprocess.run([PROGRAM, "-x", path, "-t", letter, *verbosity], capture_output=True, text=True,
                              timeout=SECONDS, check=True, env=ENVIRONMENT, errors="replace")
        return done.stdout
