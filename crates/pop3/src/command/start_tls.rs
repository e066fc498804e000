//! `STLS`. Source: RFC 2595 §4.

use crate::refusal::Refusal;
use crate::session::Session;

/// Goes over to TLS. Bytes behind the command in the same group are an attack or a fault: the
/// connection ends.
pub(crate) fn run(session: &mut Session, is_last: bool) -> Result<(), Refusal> {
    if !session.link.is_clear() || session.link.user.is_some() {
        return Err(Refusal::WrongState);
    }
    if !is_last {
        session.close_with(&Refusal::SpokeTooSoon);
        return Ok(());
    }
    session.ok("Go ahead");
    session.start_tls();
    Ok(())
}
