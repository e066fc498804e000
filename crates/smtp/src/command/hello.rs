//! `EHLO`, `HELO` and `LHLO`: who is there, and what is offered to it.
//!
//! Sources: RFC 5321 §4.1.1.1, RFC 2033 §4.1, RFC 9422 §3 (LIMITS).

use crate::codec::command::Hello;
use crate::codec::reply;
use crate::following::{self, Waiting};
use crate::refusal::Refusal;
use crate::session::{Role, Session};
use engine::authentication::sasl::Mechanism;
use engine::mechanisms;
use formats::moment;

/// Greets, drops an open transaction, and lists the extensions.
pub(crate) fn run(session: &mut Session, kind: Hello, name: String) -> Result<(), Refusal> {
    let is_local = kind == Hello::Local;
    if is_local != (session.service.role == Role::Lmtp) {
        return Err(Refusal::NotOffered); // RFC 2033 §4.1: LMTP knows LHLO only, SMTP never.
    }
    session.transaction = None;
    if following::is_followed(session) {
        let stage = following::greeting(session, &name);
        following::ask(session, Waiting::Greeting(kind, name), stage);
    } else {
        welcome(session, kind, name);
    }
    Ok(())
}

/// Answers the greeting.
pub(crate) fn welcome(session: &mut Session, kind: Hello, name: String) {
    let greeting = format!(
        "{} greets {name}",
        session.service.engine.settings().hostname
    );
    let mut lines = vec![greeting];
    if kind != Hello::Plain {
        lines.extend(extensions(session));
    }
    session.hello = Some((kind, name));
    reply::lines(&mut session.link.replies, 250, &lines);
}

fn extensions(session: &Session) -> Vec<String> {
    let service = &session.service;
    let mut lines: Vec<String> = [
        "PIPELINING",
        "ENHANCEDSTATUSCODES",
        "8BITMIME",
        "BINARYMIME",
        "CHUNKING",
        "SMTPUTF8",
        "DSN",
        "HELP",
    ]
    .map(str::to_owned)
    .into();
    lines.push(format!(
        "SIZE {}",
        service.engine.settings().limits.message_bytes_max
    ));
    lines.push(format!("LIMITS RCPTMAX={}", service.limits.recipients_max));
    if service.role.takes_wishes() {
        lines.extend(["DELIVERBY", "MT-PRIORITY"].map(str::to_owned));
        let most = service.limits.hold_seconds_max;
        let latest = service.engine.now().seconds().saturating_add(most);
        // RFC 4865: for how long, and until when, a letter can be held.
        lines.push(format!("FUTURERELEASE {most} {}", moment::rfc3339(latest)));
    }
    if session.offers_require_tls() {
        lines.push("REQUIRETLS".to_owned());
    }
    let is_clear = !session.link.is_encrypted();
    if let Some(user) = session.local_user() {
        // For the program that asks on behalf of the user: whose letter it is if nothing is said.
        lines.push(format!("XLOCAL {}", user.address));
    }
    if is_clear && !matches!(service.role, Role::Lmtp | Role::Local) {
        lines.push("STARTTLS".to_owned());
    }
    if let Some(peer) = session
        .link
        .peer
        .as_ref()
        .filter(|_| service.role.is_submission())
    {
        let offered = mechanisms(&service.engine, peer);
        if !offered.is_empty() && session.link.user.is_none() {
            let names: Vec<&str> = offered.into_iter().map(Mechanism::name).collect();
            lines.push(format!("AUTH {}", names.join(" ")));
        }
    }
    lines
}
