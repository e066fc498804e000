//! Messages that left the mailbox, but of which this client was not told yet.
//!
//! Expunged ones lie on a recoverable shelf, moved ones elsewhere; until they are purged they can
//! be read.

use crate::refusal::Refusal;
use crate::selected::Selected;
use engine::{ItemRow, Reading, Uid, UidSet, View};

/// Departures looked through; with more than these nobody has waited for this session.
const DEPARTURES_MAX: usize = 16 * 1024;

/// The rows of those of `uids` that can still be read, ascending.
pub(super) fn rows(
    view: &View<'_>,
    selected: &Selected,
    uids: &UidSet,
) -> Result<Vec<(Uid, ItemRow)>, Refusal> {
    let mut rows = Vec::new();
    if uids.is_empty() {
        return Ok(rows);
    }
    let departed = view.departed(selected.folder, selected.departed_since, DEPARTURES_MAX)?;
    for gone in departed.unwrap_or_default() {
        if !uids.contains(gone.uid) || gone.shelf != engine::Shelf::Mail {
            continue;
        }
        let Some(at) = view.location(gone.item)? else {
            continue;
        };
        if let Some(row) = view.item(at)? {
            rows.push((gone.uid, row));
        }
    }
    rows.sort_unstable_by_key(|(uid, _)| *uid);
    Ok(rows)
}
