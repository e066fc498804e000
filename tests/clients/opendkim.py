"""Debian's opendkim, asked about one letter at a time in its test mode, without a mail server around it."""

import os
import shutil
import subprocess

from server import Skipped

PROGRAM = "opendkim"
SECONDS = 20


class OpenDkim:
    """Signs and judges with files in a folder of the test's own."""

    def __init__(self, place):
        if not shutil.which(PROGRAM, path=os.environ["PATH"] + ":/usr/sbin"):
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

    def _write(self, name, content):
        path = os.path.join(self.place, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def _run(self, letter, configuration):
        path = self._write("opendkim.conf", ("Syslog no\n" + configuration).encode())
        letter = self._write("letter.eml", letter)
        environment = os.environ | {"PATH": os.environ["PATH"] + ":/usr/sbin"}
        verbosity = ["-v", "-v"] if "Mode v" in configuration else []
        done = subprocess.run([PROGRAM, "-x", path, "-t", letter, *verbosity], capture_output=True, text=True,
                              timeout=SECONDS, check=True, env=environment, errors="replace")
        return done.stdout
