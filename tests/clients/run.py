#!/usr/bin/env python3
"""Runs the client tests against a built facteur: `run.py --facteur BIN [MODULE …]`.

Each module `test_*.py` holds functions `test_…`; the name states the rule. A function takes what it needs by
name: `server` (running, shared), `place` (an empty folder of its own), `world` (binary and letters).
One line for each test; the last line is `N passed, N failed`, and how many were skipped if any.
"""

import argparse
import importlib
import inspect
import os
import shutil
import sys
import tempfile
import time
import traceback

import letters
from server import Server, Skipped
from tls import make_certificate

HERE = os.path.dirname(os.path.abspath(__file__))


class World:
    """What the tests have in common: the binary, the corpus, a running server."""

    def __init__(self, options, folder):
        self.binary = os.path.abspath(options.facteur)
        self.cache = os.path.abspath(options.cache)
        self.limit = options.letters
        self.folder = folder
        self._server = None
        self._corpus = None
        self._made = 0
        self._places = []

    @property
    def server(self):
        """The shared server; started when first asked for, and again if a test ended it."""
        if self._server is None:
            self._server = self._shared_server()
        if not self._server.alive():
            self._server.start()
        return self._server

    def _shared_server(self):
        """A server whose certificate is for `localhost`, as clients that check the name demand."""
        certificate, key = (os.path.join(self.folder, name) for name in ("cert.pem", "key.pem"))
        make_certificate("localhost", certificate, key)
        tls = f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'
        return Server(self.binary, os.path.join(self.folder, "shared"), tls).prepare()

    @property
    def corpus(self):
        """The real letters, or the first of them when a limit was given."""
        if self._corpus is None:
            self._corpus = letters.corpus(self.cache)[: self.limit]
        return self._corpus

    def place(self):
        """An empty folder, which goes when the test has passed."""
        self._made += 1
        path = os.path.join(self.folder, f"place{self._made}")
        os.makedirs(path)
        self._places.append(path)
        return path

    def leave(self, keep):
        """Ends a test: its folders go, unless they are kept. A server's data alone takes 200 MB."""
        places, self._places = self._places, []
        for path in [] if keep else places:
            shutil.rmtree(path, ignore_errors=True)

    def new_server(self, place, extra=""):
        """A server of the test's own; the test ends it."""
        return Server(self.binary, os.path.join(place, "server"), extra)

    def close(self):
        """Ends the shared server, gracefully."""
        if self._server is not None and self._server.alive():
            code = self._server.stop()
            if code != 0:
                raise RuntimeError(f"the shared server ended with {code}")


def main():
    """Runs what was asked for; the exit code tells whether all passed."""
    options = arguments()
    folder = tempfile.mkdtemp(prefix="facteur-clients-")
    world = World(options, folder)
    results = []
    for name in options.modules or all_modules():
        module = importlib.import_module(name)
        for function in tests_of(module, options.only):
            results.append(run_one(world, name, function))
            world.leave(keep=options.keep or results[-1] == "failed")
    results.append(run_one(world, "run", the_shared_server_stops_without_a_panic))
    passed, failed, skipped = map(results.count, ("passed", "failed", "skipped"))
    if failed or options.keep:
        print(f"logs and data: {folder}")
    else:
        shutil.rmtree(folder)
    told_skipped = f", {skipped} skipped" if skipped else ""
    print(f"{passed} passed, {failed} failed{told_skipped}")
    return 1 if failed else 0


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--facteur", required=True, help="the binary under test")
    parser.add_argument("--cache", default="target/letters", help="where the corpus is kept")
    parser.add_argument("--letters", type=int, default=None, help="use only the first N letters")
    parser.add_argument("--only", default="", help="only tests whose name contains this")
    parser.add_argument("--keep", action="store_true", help="keep logs and data")
    parser.add_argument("modules", nargs="*", help="modules to run; all by default")
    return parser.parse_args()


def all_modules():
    """Every module of tests in this folder."""
    return sorted(name[:-3] for name in os.listdir(HERE) if name.startswith("test_"))


def tests_of(module, only):
    """The tests of a module in the order of the file."""
    found = [f for name, f in inspect.getmembers(module, inspect.isfunction)
             if name.startswith("test_") and only in name and f.__module__ == module.__name__]
    return sorted(found, key=lambda function: function.__code__.co_firstlineno)


def run_one(world, module, function):
    """Runs one test and prints its line; its result is `passed`, `failed` or `skipped`."""
    started = time.monotonic()
    try:
        given = {"world": lambda: world, "server": lambda: world.server, "place": world.place}
        wanted = inspect.signature(function).parameters
        note = function(**{name: given[name]() for name in wanted})
    except Skipped as missing:
        print(f"skip   {module}::{function.__name__} ({missing})", flush=True)
        return "skipped"
    except Exception:  # Whatever went wrong is this test's failure, and the next one runs.
        print(f"FAILED {module}::{function.__name__}")
        print("    " + traceback.format_exc().replace("\n", "\n    "), flush=True)
        return "failed"
    seconds = time.monotonic() - started
    told = f" ({note})" if note else ""
    print(f"ok     {module}::{function.__name__} {seconds:.1f} s{told}", flush=True)
    return "passed"


def the_shared_server_stops_without_a_panic(world):
    """The last test: nothing that was tried has made the shared server panic or hang."""
    server = world.server
    world.close()
    assert server.panics() == [], server.panics()
    checked = server.command("check")
    return checked.stdout.strip().splitlines()[-1] if checked.stdout.strip() else None


if __name__ == "__main__":
    sys.path.insert(0, HERE)
    sys.exit(main())
