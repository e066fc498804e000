"""swaks: submission with STARTTLS, TLS, PLAIN, LOGIN; LMTP; what must be refused."""

import subprocess

import clients
import letters
from server import DOMAIN, HOST

SECONDS = 60


def swaks(server, port, *arguments, check=True):
    """Runs swaks against one of the server's ports."""
    command = [
        "swaks", "--server", HOST, "--port", str(server.ports[port]), "--ehlo", "client.example",
        "--timeout", "20", "--hide-all", *arguments,
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL,
        check=False,
    )
    if check and done.returncode != 0:
        full = subprocess.run(
            [word for word in command if word != "--hide-all"], capture_output=True, text=True,
            timeout=SECONDS, stdin=subprocess.DEVNULL, check=False,
        )
        raise AssertionError(f"swaks ended with {done.returncode}: {full.stdout[-1500:]}")
    return done.returncode


def subjects(server, account, folder="INBOX"):
    """The subjects in a folder."""
    with clients.Imap(server.ports["imaps"], account) as imap:
        return sorted(letters.subject(body) for _, body in imap.bodies(folder))


def test_mail_for_a_local_user_comes_from_anyone(server):
    to = server.account()
    swaks(server, "smtp", "--from", "a@elsewhere.test", "--to", to.address, "--h-Subject", "in clear")
    swaks(server, "smtp", "--tls", "--from", "a@elsewhere.test", "--to", to.address,
          "--h-Subject", "with STARTTLS")
    assert subjects(server, to) == ["in clear", "with STARTTLS"]


def test_a_user_submits_with_plain_and_login_over_starttls_and_tls(server):
    sender, to = server.account(), server.account()
    for port, tls in (("submission", "--tls"), ("submissions", "--tlsc")):
        for mechanism in ("PLAIN", "LOGIN"):
            swaks(server, port, tls, "--auth", mechanism, "--auth-user", sender.address,
                  "--auth-password", sender.password, "--from", sender.address, "--to", to.address,
                  "--h-Subject", f"{port} {mechanism}")
    assert subjects(server, to) == [
        "submission LOGIN", "submission PLAIN", "submissions LOGIN", "submissions PLAIN"]


def test_a_wrong_password_submits_nothing(server):
    sender = server.account()
    code = swaks(server, "submission", "--tls", "--auth", "PLAIN", "--auth-user", sender.address,
                 "--auth-password", "wrong", "--from", sender.address, "--to", sender.address,
                 check=False)
    assert code == 28, f"swaks should tell of failed authentication, but ended with {code}"
    assert subjects(server, sender) == []


def test_submission_without_authentication_is_refused(server):
    sender = server.account()
    code = swaks(server, "submission", "--tls", "--from", sender.address, "--to", sender.address,
                 check=False)
    assert code in (23, 24), code  # MAIL or RCPT was refused.


def test_no_password_is_asked_for_in_clear(server):
    sender = server.account()
    code = swaks(server, "submission", "--auth", "PLAIN", "--auth-user", sender.address,
                 "--auth-password", sender.password, "--from", sender.address,
                 "--to", sender.address, check=False)
    assert code == 28, code


def test_a_submitter_may_use_only_addresses_it_owns(server):
    sender, other = server.account(), server.account()
    code = swaks(server, "submissions", "--tlsc", "--auth", "PLAIN", "--auth-user", sender.address,
                 "--auth-password", sender.password, "--from", other.address, "--to", other.address,
                 check=False)
    assert code in (23, 24, 26), code
    assert subjects(server, other) == []


def test_mail_for_another_server_is_queued_and_listed(server):
    sender = server.account()
    recipient = f"queued-{sender.address.split('@')[0]}@elsewhere.test"
    swaks(server, "submissions", "--tlsc", "--auth", "PLAIN", "--auth-user", sender.address,
          "--auth-password", sender.password, "--from", sender.address, "--to", recipient)
    assert recipient in server.command("queue", "list").stdout


def test_lmtp_answers_for_each_recipient(server):
    first, second = server.account(), server.account()
    with clients.Smtp(server.ports["lmtp"], hello="LHLO") as lmtp:
        lmtp.envelope("a@elsewhere.test", [first.address, second.address])
        lmtp.data(letters.letter("lmtp"))
        lmtp.accepted()
    swaks(server, "lmtp", "--protocol", "LMTP", "--from", "a@elsewhere.test", "--to", first.address,
          "--h-Subject", "swaks lmtp")
    assert subjects(server, first) == ["lmtp", "swaks lmtp"]
    assert subjects(server, second) == ["lmtp"]


def test_an_unknown_recipient_is_refused_at_rcpt(server):
    code = swaks(server, "smtp", "--from", "a@elsewhere.test", "--to", f"nobody@{DOMAIN}", check=False)
    assert code == 24, code
