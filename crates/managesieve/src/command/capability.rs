//! `CAPABILITY`, and the same lines where the server tells them by itself.
//!
//! Source: RFC 5804 §1.7, §2.4.

use crate::session::Session;
use engine::authentication::sasl::Mechanism;
use engine::mechanisms;
use formats::script::Extension;

/// Letters that one script may send on, as the interpreter has it.
const REDIRECTS_MAX: usize = 10;

/// Lists what this server can, on this connection and for this user.
pub(crate) fn list(session: &mut Session) {
    let engine = session.service.engine.clone();
    let peer = session.link.peer.clone();
    let names = peer
        .as_ref()
        .map(|peer| mechanisms(&engine, peer))
        .unwrap_or_default();
    let names: Vec<&str> = names.into_iter().map(Mechanism::name).collect();
    let extensions: Vec<&str> = Extension::ALL.iter().map(|known| known.name()).collect();
    session.say_pair("IMPLEMENTATION", Some("facteur"));
    session.say_pair("SIEVE", Some(&extensions.join(" ")));
    session.say_pair("SASL", Some(&names.join(" ")));
    if session.link.is_clear() && session.link.user.is_none() {
        session.say_pair("STARTTLS", None);
    }
    session.say_pair("NOTIFY", Some("mailto"));
    session.say_pair("MAXREDIRECTS", Some(&REDIRECTS_MAX.to_string()));
    session.say_pair("UNAUTHENTICATE", None);
    if let Some(user) = session.link.user.as_ref().map(|user| user.address.clone()) {
        session.say_pair("OWNER", Some(&user));
    }
    session.say_pair("VERSION", Some("1.0"));
}
