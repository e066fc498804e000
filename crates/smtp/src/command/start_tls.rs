//! `STARTTLS`.
//!
//! Source: RFC 3207 §4.

use crate::codec::reply::Reply;
use crate::refusal::Refusal;
use crate::session::{Role, Session};

/// Goes over to TLS. Bytes behind the command in the same group are an attack or a fault: the
/// connection ends.
pub(crate) fn run(session: &mut Session, is_last: bool) -> Result<(), Refusal> {
    if !session.link.is_clear() || matches!(session.service.role, Role::Lmtp | Role::Local) {
        return Err(Refusal::NotOffered);
    }
    if !is_last {
        session.close_with(&Refusal::SpokeTooSoon);
        return Ok(());
    }
    session.say(Reply::new(220, "2.0.0", "Go ahead"));
    session.start_tls();
    Ok(())
}
