//! `ENABLE`: the client says which extensions it understands.
//!
//! Standards: RFC 5161, RFC 9051 §6.3.1, RFC 7162 §3.2.3 (QRESYNC brings CONDSTORE), RFC 6855 §3,
//! RFC 5464 §4.1 (METADATA).

use super::{Desk, Reply, Step, notify};
use crate::codec::notify::Events;
use crate::refusal::Refusal;

/// Switches on what is known and tells it; unknown names are passed over.
pub(super) fn run(names: &[String], desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    let misuses_uid_only = desk.state.misuses_uid_only;
    let features = &mut desk.state.features;
    let mut annotations = Events::default();
    desk.out.extend_from_slice(b"* ENABLED");
    for name in names {
        match name.as_str() {
            "IMAP4REV2" => features.rev2 = true,
            "CONDSTORE" => features.condstore = true,
            "QRESYNC" => {
                features.qresync = true;
                features.condstore = true;
            }
            "UIDONLY" if !misuses_uid_only => {
                features.uid_only = true;
                if let Some(open) = &mut desk.state.selected {
                    open.uid_only = true;
                }
            }
            "UTF8=ACCEPT" => features.utf8 = true,
            "METADATA" => (annotations.annotations, annotations.server_annotations) = (true, true),
            "METADATA-SERVER" => annotations.server_annotations = true,
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
    if annotations != Events::default() {
        notify::follow_annotations(annotations, desk)?;
    }
    Ok(Step::Done(Reply::silent("OK ENABLE completed")))
}
