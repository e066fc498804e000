"""The command line as scripts use it: on a running and on a stopped server, with help and clear errors."""

import json
import os
import subprocess
import time

import clients
from server import DOMAIN, Failed
from tls import make_certificate, shown_certificate

COMMANDS = (
    "serve", "try", "domain", "account", "alias", "group", "password", "forward", "vacation", "script",
    "folder", "queue", "trace", "import", "export",
    "backup", "restore", "undelete", "check", "rebuild", "status",
)
RELOAD_SECONDS_MAX = 15


def test_every_command_has_help_with_an_example(world):
    for command in COMMANDS:
        done = subprocess.run(
            [world.binary, command, "--help"], capture_output=True, text=True, timeout=20,
            stdin=subprocess.DEVNULL, check=False,
        )
        assert done.returncode == 0, command
        assert "facteur" in done.stdout and "xample" in done.stdout, f"{command}: {done.stdout}"


def test_an_error_is_one_clear_line_and_a_code(server):
    for arguments in (
        ("account", "add", "not-an-address", "--password-stdin"),
        ("account", "add", f"someone@unknown.{DOMAIN}", "--password-stdin"),
        ("domain", "add", "not a domain"),
        ("export", "--account", f"nobody@{DOMAIN}", "--format", "mbox", "/nonexistent/x"),
    ):
        done = server.command(*arguments, stdin="password\n", check=False)
        assert done.returncode != 0, arguments
        assert len(done.stderr.strip().splitlines()) == 1, (arguments, done.stderr)


def test_an_unknown_key_in_the_configuration_is_refused(world, place):
    server = world.new_server(place).prepare()
    server.configure(extra='[auth]\nclear = "never"\n')
    try:
        server.start()
    except Failed as failed:
        assert "clear" in str(failed), failed
        return
    server.stop()
    raise AssertionError("an unknown key was accepted")


def test_commands_work_on_a_stopped_and_on_a_running_server(world, place):
    server = world.new_server(place).prepare()
    first = server.account("first")
    stopped = server.command_json("status")
    server.start()
    try:
        second = server.account("second")
        running = server.command_json("status")
        assert isinstance(stopped, dict) and isinstance(running, dict)
        for account in (first, second):
            with clients.Imap(server.ports["imaps"], account) as imap:
                imap.command("SELECT INBOX")
    finally:
        assert server.stop() == 0


def test_a_second_server_on_the_same_data_is_refused(world, place):
    server = world.new_server(place).prepare()
    server.start()
    try:
        other = world.new_server(os.path.join(place, "other"))
        other.data = server.data
        try:
            other.start()
        except Failed:
            return
        other.stop()
        raise AssertionError("two servers run on the same data")
    finally:
        server.stop()


def test_a_server_is_the_process_that_was_started(server):
    """It begins anew with the allocator's settings, once: number, name and arguments stay."""
    def told(name):
        with open(f"/proc/{server.process.pid}/{name}", "rb") as file:
            return file.read()
    assert told("comm").strip().decode() == os.path.basename(server.binary)[:15]
    assert told("cmdline").split(b"\0")[:4] == [
        os.fsencode(part) for part in (server.binary, "serve", "--data", server.data)]
    assert told("environ").count(b"MIMALLOC_PURGE_DELAY=10000") == 1


def test_a_replaced_certificate_is_shown_without_a_restart(world, place):
    certificate, key = os.path.join(place, "cert.pem"), os.path.join(place, "key.pem")
    make_certificate("one.example.test", certificate, key)
    extra = f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'
    server = world.new_server(place, extra).prepare().start()
    try:
        old = shown_certificate(server.ports["imaps"])
        make_certificate("two.example.test", certificate + ".new", key + ".new")
        os.replace(key + ".new", key)
        os.replace(certificate + ".new", certificate)
        deadline = time.monotonic() + RELOAD_SECONDS_MAX
        while shown_certificate(server.ports["imaps"]) == old:
            assert time.monotonic() < deadline, "the old certificate is still shown"
            time.sleep(0.2)
    finally:
        server.stop()


def test_metrics_and_health_are_served_over_http(server):
    for path, wanted in (("/health", b""), ("/metrics", b"facteur_")):
        with clients.Connection(server.ports["metrics"]) as connection:
            connection.send(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            told = connection.rest()
        assert told.startswith(b"HTTP/1.1 200") and wanted in told, told[:300]


def test_try_prints_a_working_server(world, place):
    command = [world.binary, "try", "--data", os.path.join(place, "try"), "--port-base", "21000",
               "--json"]
    with open(os.path.join(place, "try.log"), "wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
        )
    try:
        told = json.loads(first_object(process.stdout))
        text = json.dumps(told)
        assert "21993" in text or "21143" in text, text
    finally:
        process.terminate()
        assert process.wait(30) == 0


def first_object(stream):
    """The first JSON object that a program writes, over as many lines as it likes."""
    text = ""
    for line in stream:
        text += line.decode()
        if text.count("{") == text.count("}") > 0:
            return text
    return text
