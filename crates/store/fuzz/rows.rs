//! What is fuzzed of the model: the rows, as they are read back from a disk that may have damaged
//! them.
//!
//! Compiled into the crate for its tests and for `targets/rows.rs`, because the rows' bytes are
//! nobody else's business.

#![allow(clippy::missing_panics_doc)] // To panic is how they tell what they found.

use super::codec::Row;
use super::key::tag;
use super::row::change::DepartedRow;
use super::row::overlay::{OverlayRow, path_bytes, path_from_bytes};
use super::row::uids::{UidBlock, runs_of_row};
use super::scan::{Interned, Number};
use super::{
    AccountRow, AddressTarget, ChangeRecord, Details, DirectoryRecord, FolderRow, ItemRow,
    Location, Name, QueueEntry,
};

/// The tag of a key and the bytes behind it: refused, or a row that is written and read back alike.
pub fn rows(bytes: &[u8]) {
    let Some((&tag, value)) = bytes.split_first() else {
        return;
    };
    match tag {
        tag::ACCOUNT => comes_back::<AccountRow>(value),
        tag::FOLDER => comes_back::<FolderRow>(value),
        tag::ITEM => comes_back::<ItemRow>(value),
        tag::DETAILS => comes_back::<Details>(value),
        tag::LOCATION => comes_back::<Location>(value),
        tag::WAY | tag::ALIAS | tag::MEMBER => comes_back::<Number>(value),
        tag::UIDS | tag::READ => uids(value),
        tag::OVERLAY => overlay(value),
        tag::NAME => comes_back::<Name>(value),
        tag::NAME_NUMBER => comes_back::<Interned>(value),
        tag::CHANGE => comes_back::<ChangeRecord>(value),
        tag::DEPARTED => comes_back::<DepartedRow>(value),
        tag::DIRECTORY => comes_back::<DirectoryRecord>(value),
        tag::ADDRESS => comes_back::<AddressTarget>(value),
        tag::QUEUE => comes_back::<QueueEntry>(value),
        _ => {}
    }
}

fn comes_back<T: Row>(value: &[u8]) {
    if let Ok(row) = T::decode(value) {
        let written = row.encode();
        let again = T::decode(&written).map(|row| row.encode());
        assert!(again.is_ok_and(|again| again == written));
    }
}

/// A block of UIDs, also read the short way that listings take.
fn uids(value: &[u8]) {
    comes_back::<UidBlock>(value);
    let (block, runs) = (UidBlock::decode(value), runs_of_row(value));
    assert_eq!(block.is_ok(), runs.is_ok());
    if let (Ok(block), Ok(runs)) = (block, runs) {
        assert!(
            block
                .runs()
                .into_iter()
                .flatten()
                .eq(runs.into_iter().flatten())
        );
    }
}

/// Values, and the path to them that stands in the key.
fn overlay(value: &[u8]) {
    comes_back::<OverlayRow>(value);
    if let Ok(path) = path_from_bytes(value) {
        assert_eq!(path_bytes(&path), value);
    }
}

#[cfg(test)]
mod briefly {
    use super::*;
    use proptest::prelude::*;

    /// Every tag, behind it the version of rows and bytes that are often small, as lengths are.
    fn examples() -> impl Strategy<Value = Vec<u8>> {
        let tags = b"AFMELKIVUPONnCTDdq".to_vec();
        let byte = prop_oneof![3 => 0_u8..16, 1 => any::<u8>()];
        (
            prop::sample::select(tags),
            prop::collection::vec(byte, 0..120),
        )
            .prop_map(|(tag, value)| [&[tag, super::super::codec::VERSION], &value[..]].concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

        #[test]
        fn rows_are_refused_or_come_back(bytes in examples()) {
            rows(&bytes);
        }
    }
}
