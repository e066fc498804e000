//! `CAPA`. Sources: RFC 2449 §5, §6; RFC 3206 §4, RFC 5034 §3, RFC 6856 §2, §3.

use crate::session::Session;
use engine::authentication::sasl::Mechanism;
use engine::directory::FetchPolicy;
use engine::{allows_passwords, mechanisms};

/// Lists what this server can, on this connection and for this user.
pub(crate) fn run(session: &mut Session) {
    session.ok("Capabilities follow");
    let fixed = [
        "TOP",
        "UIDL",
        "PIPELINING",
        "RESP-CODES",
        "AUTH-RESP-CODE",
        "LOGIN-DELAY 0",
        "UTF8 USER",
        "LANG",
        "IMPLEMENTATION facteur",
    ];
    for line in fixed {
        session.say(&[line]);
    }
    session.say(&["EXPIRE ", &expiry(session)]);
    sign_in(session);
    session.say(&["."]);
}

/// How long letters are kept on the server.
///
/// Before it is known who is there, `NEVER` with `USER`: it may be otherwise for some.
fn expiry(session: &Session) -> String {
    match session.maildrop.as_ref().map(|maildrop| maildrop.policy()) {
        None => "NEVER USER".to_owned(),
        Some(FetchPolicy::ClientDecides | FetchPolicy::Keep) => "NEVER".to_owned(),
        Some(FetchPolicy::KeepDays(days)) => days.to_string(),
    }
}

fn sign_in(session: &mut Session) {
    let Some(peer) = session
        .link
        .peer
        .clone()
        .filter(|_| session.link.user.is_none())
    else {
        return;
    };
    let engine = &session.service.engine;
    let names: Vec<&str> = mechanisms(engine, &peer)
        .into_iter()
        .map(Mechanism::name)
        .collect();
    let passwords = allows_passwords(engine, &peer);
    if passwords {
        session.say(&["USER"]);
    }
    if !names.is_empty() {
        session.say(&["SASL ", &names.join(" ")]);
    }
    if peer.tls.is_none() {
        session.say(&["STLS"]);
    }
}
