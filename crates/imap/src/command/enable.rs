//! `ENABLE`: the client says which extensions it understands.
//!
//! Standards: RFC 5161, RFC 9051 §6.3.1, RFC 7162 §3.2.3 (QRESYNC brings CONDSTORE), RFC 6855 §3.

use super::{Desk, Reply, Step};
use crate::refusal::Refusal;

/// Switches on what is known and tells it; unknown names are passed over.
#[allow(clippy::unnecessary_wraps)] // The signature is that of all commands.
pub(super) fn run(names: &[String], desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    let features = &mut desk.state.features;
    desk.out.extend_from_slice(b"* ENABLED");
    for name in names {
        match name.as_str() {
            "IMAP4REV2" => features.rev2 = true,
            "CONDSTORE" => features.condstore = true,
            "QRESYNC" => {
                features.qresync = true;
                features.condstore = true;
            }
            "UIDONLY" => {
                features.uid_only = true;
                if let Some(open) = &mut desk.state.selected {
                    open.uid_only = true;
                }
            }
            "UTF8=ACCEPT" => features.utf8 = true,
            _ => continue,
        }
        let name = if name == "IMAP4REV2" {
            "IMAP4rev2"
        } else {
            name
        };
        desk.out.extend_from_slice(b" ");
        desk.out.extend_from_slice(name.as_bytes());
    }
    desk.out.extend_from_slice(b"\r\n");
    Ok(Step::Done(Reply::silent("OK ENABLE completed")))
}
