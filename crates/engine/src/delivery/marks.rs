//! What is remembered for a while: whom vacation answered, which letters were seen before.
//!
//! Marks lie in the overlay of the folder of scripts, in buckets, so that one more rewrites a few
//! hundred bytes. Each bucket is bounded; the mark that would be forgotten first makes room.
//!
//! Standards: RFC 5230 §4.2, RFC 7352 §3.

use crate::account::scripts::{folder, folder_or_new, property};
use crate::error::EngineError;
use crate::filter::Mark;
use bytes::Bytes;
use store::id::{AccountId, FolderId, Timestamp};
use store::model::{
    Binding, OverlayInput, OverlayObject, OverlayValue, PathStep, Reads, Txn, Value,
};

/// Bytes of a mark with the seconds since 1970 until which it holds.
const ENTRY_BYTES: usize = 16;
/// Marks in one bucket, so that it stays in its row (4 KiB); 50,000 in all.
const ENTRIES_MAX: usize = 200;

type Entry = [u8; ENTRY_BYTES];

/// Whether something is remembered.
pub(super) fn has(
    reads: &dyn Reads,
    account: AccountId,
    mark: &Mark,
    now: Timestamp,
) -> Result<bool, EngineError> {
    let Some(folder) = folder(reads, account)? else {
        return Ok(false);
    };
    let entries = entries(reads, account, folder, mark)?;
    Ok(entries
        .iter()
        .any(|entry| entry.starts_with(&mark.0) && until(entry) > now.seconds()))
}

/// Remembers something; what is forgotten by now goes.
pub(super) fn remember(
    txn: &mut Txn<'_>,
    account: AccountId,
    mark: &Mark,
    seconds: u64,
) -> Result<(), EngineError> {
    let now = txn.now().seconds();
    let folder = folder_or_new(txn, account)?;
    let mut entries = entries(txn, account, folder, mark)?;
    entries.retain(|entry| !entry.starts_with(&mark.0) && until(entry) > now);
    if entries.len() >= ENTRIES_MAX {
        entries.sort_unstable_by_key(until);
        entries.drain(..=entries.len() - ENTRIES_MAX);
    }
    let end = now.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX));
    let end = u32::try_from(end).unwrap_or(u32::MAX);
    let mut entry = [0; ENTRY_BYTES];
    let bytes = mark.0.iter().copied().chain(end.to_be_bytes());
    entry
        .iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = from);
    entries.push(entry);
    let property = txn.intern(account, &property("marks"))?;
    let value = OverlayValue {
        property,
        value: Value::Binary(Bytes::from(entries.concat())),
        binding: Binding::Free,
    };
    let change = [OverlayInput::Set(value)];
    Ok(txn.set_overlay(
        account,
        OverlayObject::Folder(folder),
        &[bucket(mark)],
        &change,
    )?)
}

fn entries(
    reads: &dyn Reads,
    account: AccountId,
    folder: FolderId,
    mark: &Mark,
) -> Result<Vec<Entry>, EngineError> {
    let values = reads.overlay(account, folder.0, &[bucket(mark)])?;
    let bytes = values.into_iter().find_map(|value| match value.value {
        Value::Binary(bytes) => Some(bytes),
        _ => None,
    });
    let bytes = bytes.unwrap_or_default();
    Ok(bytes
        .chunks_exact(ENTRY_BYTES)
        .filter_map(|entry| entry.try_into().ok())
        .collect())
}

fn bucket(mark: &Mark) -> PathStep {
    let [first, ..] = mark.0;
    PathStep::Part(u32::from(first))
}

fn until(entry: &Entry) -> i64 {
    let [.., a, b, c, d] = *entry;
    i64::from(u32::from_be_bytes([a, b, c, d]))
}
