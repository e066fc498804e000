"""Open relay: from outside only local users can be reached, however the address is dressed up."""

import clients
from server import DOMAIN

REMOTE = "elsewhere.test"
RECIPIENTS = (
    f"victim@{REMOTE}",
    f"@{DOMAIN}:victim@{REMOTE}",
    f"@{DOMAIN},@mx.{DOMAIN}:victim@{REMOTE}",
    f"victim%{REMOTE}@{DOMAIN}",
    f"victim%{REMOTE}@mx.{DOMAIN}",
    f"victim%{REMOTE}@localhost",
    f"victim%{REMOTE}@[127.0.0.1]",
    f"{REMOTE}!victim@{DOMAIN}",
    f"{REMOTE}!victim",
    f"{DOMAIN}!{REMOTE}!victim",
    f'"victim@{REMOTE}"@{DOMAIN}',
    f'"victim%{REMOTE}"@{DOMAIN}',
    f'"victim@{REMOTE}"',
    f"victim@{REMOTE}@{DOMAIN}",
    f"victim@{DOMAIN}@{REMOTE}",
    f"victim@{REMOTE}.{DOMAIN}",
    f"victim@{DOMAIN}.{REMOTE}",
    f"victim@{DOMAIN}%00.{REMOTE}",
    "victim@[127.0.0.1]",
    "victim@[IPv6:::1]",
    "victim@[192.0.2.1]",
    f"victim@{REMOTE}.",
    f" victim@{REMOTE}",
    f"<victim@{REMOTE}",
    f"victim(@{DOMAIN})@{REMOTE}",
)
SENDERS = ("", f"spammer@{REMOTE}", f"postmaster@{DOMAIN}", "root", "postmaster@[127.0.0.1]", "root@localhost")


def attempt(smtp, sender, recipient):
    """MAIL and RCPT; answers the first refusal, or None. EOFError when the server ends the session."""
    for line in ("RSET", f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>"):
        try:
            smtp.command(line)
        except clients.Refused as refused:
            if str(refused).startswith("421"):  # Too many errors.
                raise EOFError(str(refused)) from refused
            return str(refused)
    return None


def attempt_all(server, port, recipients, senders, prepare):
    """Every sender with every recipient; answers those that were accepted."""
    accepted = []
    for sender in senders:
        with clients.Smtp(server.ports[port]) as smtp:
            prepare(smtp)
            for recipient in recipients:
                try:
                    refusal = attempt(smtp, sender, recipient)
                except (EOFError, OSError):  # Too many errors: the server has closed.
                    smtp = clients.Smtp(server.ports[port])
                    prepare(smtp)
                    refusal = attempt(smtp, sender, recipient)
                if refusal is None:
                    accepted.append((sender, recipient))
                else:
                    assert refusal[:1] == "5", f"{sender} {recipient}: {refusal}"
    return accepted


def test_no_address_form_relays_for_a_stranger(server):
    before = server.command("queue", "list").stdout
    accepted = attempt_all(server, "smtp", RECIPIENTS, SENDERS, prepare=lambda smtp: None)
    assert not accepted, accepted
    assert server.command("queue", "list").stdout == before
    return f"{len(RECIPIENTS) * len(SENDERS)} attempts"


def test_tls_alone_gives_no_right_to_relay(server):
    accepted = attempt_all(
        server, "smtp", RECIPIENTS[:5], SENDERS[:3], prepare=lambda smtp: smtp.secure()
    )
    assert not accepted, accepted


def test_the_proxy_and_xclient_commands_of_others_are_unknown(server):
    for line in ("XCLIENT ADDR=127.0.0.1 LOGIN=postmaster", "PROXY TCP4 10.0.0.1 10.0.0.2 25 25",
                 "XFORWARD ADDR=127.0.0.1"):
        with clients.Smtp(server.ports["smtp"]) as smtp:
            try:
                smtp.command(line)
            except (clients.Refused, EOFError):
                continue
            raise AssertionError(f"{line} was accepted")


def test_a_signed_in_user_cannot_send_in_another_name(server):
    account, other = server.account(), server.account()
    senders = (other.address, f"a@{REMOTE}", f"postmaster@{DOMAIN}", account.address + ".evil.test")
    for sender in senders:
        with clients.Smtp(server.ports["submissions"], tls=True) as smtp:
            smtp.login(account)
            assert attempt(smtp, sender, f"victim@{REMOTE}"), f"{sender} was accepted"


def test_postmaster_is_always_reachable_or_clearly_unknown(server):
    with clients.Smtp(server.ports["smtp"]) as smtp:
        refusal = attempt(smtp, f"a@{REMOTE}", f"postmaster@{DOMAIN}")
        assert refusal is None or refusal.startswith("550"), refusal
