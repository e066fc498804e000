"""A network of the test's own: no other process of the machine is on it, and each of its ports is free.

Linux gives a network to a thread and to what it starts, so the rest of the run keeps the machine's own.
"""

import ctypes
import functools
import os
import subprocess
import threading

from server import Skipped

CLONE_NEWNET = 0x40000000
HOSTS = 60
# Below those that Linux gives to clients, so that no connection takes the port of a server that starts later.
PORTS = {
    "smtp": 25, "submission": 587, "submissions": 465, "lmtp": 24, "pop3": 110, "pop3s": 995, "imap": 143,
    "imaps": 993, "managesieve": 4190, "metrics": 9090,
}


def address(number):
    """The address of a host."""
    return f"10.9.0.{number}"


def own_network(before):
    """Runs a test in a network of its own, with the addresses 10.9.0.1 to 10.9.0.60 on its loopback.

    `before` is called with the world while the machine's own network can still be reached.
    """

    def decorate(function):
        @functools.wraps(function)
        def run(world, place):
            if os.geteuid() != 0:
                raise Skipped("a network of its own and servers with users of their own need root")
            before(world)
            return _in_a_thread(lambda: function(world, place))

        return run

    return decorate


def _in_a_thread(work):
    outcome = []

    def body():
        try:
            _enter()
            outcome.append((work(), None))
        except BaseException as fault:  # The thread has nobody else to tell.
            outcome.append((None, fault))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    note, fault = outcome[0]
    if fault is not None:
        raise fault
    return note


def _enter():
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(CLONE_NEWNET) != 0:
        raise Skipped(f"no network of its own: {os.strerror(ctypes.get_errno())}")
    lines = ["link set lo up"] + [f"address add {address(host)}/32 dev lo" for host in range(1, HOSTS + 1)]
    done = subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", capture_output=True, text=True,
                          timeout=20, check=False)
    if done.returncode:
        raise Skipped(f"no addresses for a network of its own: {done.stderr.strip()}")
