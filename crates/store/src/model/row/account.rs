//! The account's own row: its counters. Every commit that changes something rewrites it.

use crate::error::StoreError;
use crate::id::{ChangeSeq, Guid, Timestamp};
use crate::model::codec::{Decoder, Encoder, Row};

/// Ids handed out to clients and not used yet: both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdRun {
    /// The first id of the run.
    pub first: u64,
    /// The last id of the run.
    pub last: u64,
}

/// Counters and limits of one account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountRow {
    /// The last change number given.
    pub head: ChangeSeq,
    /// Changes up to this number are forgotten: a token at or above it can be served, one below
    /// cannot.
    pub horizon: ChangeSeq,
    /// How often the account went back to an earlier state (restore, promotion of a standby).
    pub epoch: u32,
    /// Names the change numbers of this epoch for clients that mix stores.
    pub replica: Guid,
    /// The id that the next object takes.
    pub next_id: u64,
    /// Runs of ids reserved for clients, less those already used; ascending, apart from one
    /// another.
    pub id_runs: Vec<IdRun>,
    /// The UIDVALIDITY that the next folder takes, at least.
    pub next_uid_validity: u32,
    /// The number of the next interned keyword.
    pub next_keyword: u32,
    /// The number of the next directory object; used in account 0 only.
    pub next_object: u32,
    /// The number of the next interned property name.
    pub next_property: u32,
    /// Most bytes of visible items; `None` is without limit.
    pub quota_bytes: Option<u64>,
    /// Most letters in living folders; `None` is without limit.
    pub quota_letters: Option<u64>,
    /// Most bytes that may be noted of letters in living folders; `None` is without limit.
    pub quota_annotation_bytes: Option<u64>,
    /// Most folders that mail programs see; `None` is without limit.
    pub quota_folders: Option<u64>,
    /// Bytes of visible items.
    pub used_bytes: u64,
    /// Bytes of recoverable items and of items in removed folders.
    pub recoverable_bytes: u64,
    /// Folders, the removed ones too.
    pub folders: u32,
    /// When the account was made.
    pub created: Timestamp,
}

/// Stands for no limit where another follows.
const UNLIMITED: u64 = u64::MAX;

impl Row for AccountRow {
    fn write(&self, out: &mut Encoder) {
        out.number(self.head.0);
        out.number(self.horizon.0);
        out.number(u64::from(self.epoch));
        out.raw(&self.replica.0);
        out.number(self.next_id);
        out.number(self.id_runs.len() as u64);
        for run in &self.id_runs {
            out.number(run.first);
            out.number(run.last - run.first);
        }
        out.number(u64::from(self.next_uid_validity));
        out.number(u64::from(self.next_keyword));
        out.number(u64::from(self.next_property));
        out.number(u64::from(self.next_object));
        out.number(self.quota_bytes.map_or(0, |bytes| bytes.saturating_add(1)));
        out.number(self.used_bytes);
        out.number(self.recoverable_bytes);
        out.number(u64::from(self.folders));
        out.signed(self.created.0);
        // Rare, and younger than the other fields: rows without them end before them.
        let younger = [
            self.quota_letters,
            self.quota_annotation_bytes,
            self.quota_folders,
        ];
        let count = younger.iter().rposition(Option::is_some);
        let count = count.map_or(0, |last| last + 1);
        for limit in younger.iter().take(count) {
            out.number(limit.unwrap_or(UNLIMITED));
        }
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            head: ChangeSeq(input.number()?),
            horizon: ChangeSeq(input.number()?),
            epoch: input.number32()?,
            replica: Guid(input.array()?),
            next_id: input.number()?,
            id_runs: read_runs(input)?,
            next_uid_validity: input.number32()?,
            next_keyword: input.number32()?,
            next_property: input.number32()?,
            next_object: input.number32()?,
            quota_bytes: input.number()?.checked_sub(1),
            used_bytes: input.number()?,
            recoverable_bytes: input.number()?,
            folders: input.number32()?,
            created: Timestamp(input.signed()?),
            quota_letters: read_limit(input)?,
            quota_annotation_bytes: read_limit(input)?,
            quota_folders: read_limit(input)?,
        })
    }
}

fn read_limit(input: &mut Decoder<'_>) -> Result<Option<u64>, StoreError> {
    if input.is_empty() {
        return Ok(None);
    }
    Ok(Some(input.number()?).filter(|&limit| limit != UNLIMITED))
}

fn read_runs(input: &mut Decoder<'_>) -> Result<Vec<IdRun>, StoreError> {
    let count = input.length()?;
    let mut runs = Vec::with_capacity(count);
    for _ in 0..count {
        let first = input.number()?;
        runs.push(IdRun {
            first,
            last: first.saturating_add(input.number()?),
        });
    }
    Ok(runs)
}
