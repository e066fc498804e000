//! Rows come back as they were written and stay small; bytes that are no row: see `fuzz/rows.rs`.

use super::overlay::{OverlayRow, path_bytes, path_from_bytes};
use super::uids::{UidBlock, runs_of_row};
use super::*;
use crate::id::{
    AccountId, BodyHash, BodyNumber, ChangeSeq, ContentId, ConversationId, FolderId, Guid, ItemKey,
    PlaceId, Timestamp, Uid,
};
use crate::model::codec::Row;
use crate::model::flags::{Flags, Keywords};
use crate::model::shelf::{Location, Shelf};
use bytes::Bytes;
use proptest::prelude::*;
use std::fmt::Debug;

const NUMBER_MAX: u64 = (1 << 48) - 1;

fn comes_back<T: Row + PartialEq + Debug>(row: &T) {
    assert_eq!(&T::decode(&row.encode()).unwrap(), row);
}

/// An item of which every field takes as many bytes as it can.
fn largest_item(keywords: Keywords) -> ItemRow {
    ItemRow {
        item: ItemKey(NUMBER_MAX),
        place: PlaceId(NUMBER_MAX - 1),
        content: ContentId(NUMBER_MAX - 2),
        kind: Kind::Other,
        flags: Flags(u32::MAX),
        keywords,
        changed: ChangeSeq(NUMBER_MAX),
        read_changed: ChangeSeq(NUMBER_MAX),
        size: 1 << 34,
        received: Timestamp::from_seconds(4_000_000_000),
        received_zone_minutes: -12 * 60,
        modified: Timestamp::from_seconds(2_000_000_000),
        body: Some(BodyNumber(1 << 40)),
        removed: Some(Removed {
            at: Timestamp::from_seconds(4_000_000_000),
            from: Shelf::Other,
        }),
        placed: Some(Timestamp::from_seconds(4_000_000_000)),
        annotation_bytes: 0,
    }
}

#[test]
fn an_item_row_is_at_most_96_bytes_with_a_dozen_keywords() {
    let largest = largest_item((1..=12).collect());
    assert!(
        largest.encode().len() <= 96,
        "{} bytes",
        largest.encode().len()
    );
    comes_back(&largest);
    let fresh = ItemRow {
        item: ItemKey(5000),
        place: PlaceId(5000),
        content: ContentId(5000),
        read_changed: ChangeSeq(0),
        received_zone_minutes: 0,
        changed: ChangeSeq(9000),
        modified: Timestamp::from_seconds(4_000_000_000),
        flags: Flags::SEEN,
        body: Some(BodyNumber(70_000)),
        removed: None,
        placed: None,
        ..largest_item(Keywords::default())
    };
    assert!(fresh.encode().len() <= 30, "{} bytes", fresh.encode().len());
    comes_back(&fresh);
    for row in [fresh, largest] {
        comes_back(&ItemRow {
            annotation_bytes: u32::MAX,
            ..row
        });
    }
}

#[test]
fn folders_and_accounts_come_back() {
    let grantees = [
        Grantee::Default,
        Grantee::Anonymous,
        Grantee::Account(AccountId(9)),
    ];
    let grants = grantees.into_iter().zip(0..);
    comes_back(&FolderRow {
        parent: Some(FolderId(NUMBER_MAX)),
        name: "Entwürfe".to_owned(),
        role: Role::Drafts,
        kind: Kind::Note,
        form: FolderForm::Search(Bytes::from_static(b"criteria")),
        hidden: true,
        subscribed: true,
        uid_validity: u32::MAX,
        sort_order: 3,
        grants: grants
            .map(|(grantee, member)| Grant {
                member,
                grantee,
                rights: Rights::ALL,
            })
            .collect(),
        removed: Some(Timestamp(-5)),
        ..FolderRow::default()
    });
    comes_back(&AccountRow {
        head: ChangeSeq(NUMBER_MAX),
        replica: Guid([7; 16]),
        id_runs: vec![
            IdRun { first: 3, last: 9 },
            IdRun {
                first: 12,
                last: 12,
            },
        ],
        quota_bytes: Some(0),
        quota_letters: Some(u64::MAX - 1),
        created: Timestamp(i64::MIN),
        ..AccountRow::default()
    });
}

#[test]
fn log_lines_come_back_whether_the_item_moved_or_stayed() {
    let stand = |uid| Stand {
        at: Location::mail(FolderId(4), Uid(uid)),
        place: PlaceId(8),
        content: ContentId(9),
    };
    let objects = [
        Object::Account,
        Object::Folder(FolderId(1)),
        Object::Item(ItemKey(2)),
        Object::Directory(DirectoryKind::Domain, 3),
        Object::Queue(4),
        Object::Member(FolderId(5), ItemKey(6)),
    ];
    let ends = [None, Some(stand(1)), Some(stand(2))];
    for object in objects {
        for (from, to) in ends
            .iter()
            .flat_map(|from| ends.iter().map(move |to| (*from, *to)))
        {
            let origin = Origin {
                session: u64::MAX,
                actor: AccountId(3),
            };
            let at = Timestamp(1);
            comes_back(&ChangeRecord {
                object,
                what: What::MOVED,
                from,
                to,
                origin,
                at,
            });
        }
    }
}

#[test]
fn details_tell_where_the_item_was_born() {
    let born = Location::mail(FolderId(NUMBER_MAX), Uid(u32::MAX));
    for born in [None, Some(born)] {
        let details = Details {
            born,
            prefix: Bytes::from_static(b"Received: \r\n"),
            summary: Bytes::from_static(b"summary"),
            sent: Some(Timestamp(-1)),
            conversation: born.map(|_| Conversation {
                id: ConversationId(NUMBER_MAX),
                names: vec![0, u64::MAX, 7],
            }),
            ..Details::default()
        };
        comes_back(&details);
        assert_eq!(Details::share(&details.encode()).unwrap(), details);
        assert_eq!(Details::birthplace(&details.encode()).unwrap(), born);
    }
}

#[test]
fn every_type_of_value_comes_back() {
    let values = [
        Value::Integer16(i16::MIN),
        Value::Integer32(i32::MAX),
        Value::Integer64(i64::MIN),
        Value::Floating32(1.5),
        Value::Floating64(-0.25),
        Value::Currency(12_3456),
        Value::FloatingTime(2.5),
        Value::Error(0x8004_010f),
        Value::Boolean(true),
        Value::Text("ö".to_owned()),
        Value::Time(Timestamp(-1)),
        Value::Guid(Guid([1; 16])),
        Value::Binary(Bytes::from_static(&[0, 255])),
        Value::List(vec![
            Value::Text("a".to_owned()),
            Value::Text(String::new()),
        ]),
        Value::TextBody(BodyNumber(4), 5000),
        Value::BinaryBody(BodyNumber(u64::MAX), u64::MAX),
    ];
    let bindings = [Binding::Free, Binding::Bound(BodyHash([3; 32]))];
    let entries = values
        .into_iter()
        .zip(0..)
        .zip(bindings.into_iter().cycle());
    let entries = entries.map(|((value, property), binding)| OverlayValue {
        property,
        value,
        binding,
    });
    comes_back(&OverlayRow(entries.collect()));
    let path = [
        PathStep::Recipient(1),
        PathStep::Attachment(2),
        PathStep::Embedded,
        PathStep::Part(9),
    ];
    assert_eq!(path_from_bytes(&path_bytes(&path)).unwrap(), path);
}

#[test]
fn a_row_of_another_version_or_with_bytes_behind_it_is_damage() {
    let good = largest_item(Keywords::default()).encode();
    for bad in [
        [&[9], &good[1..]].concat(),
        [&good[..], &[0]].concat(),
        good[..9].to_vec(),
    ] {
        assert!(ItemRow::decode(&bad).is_err());
    }
}

#[test]
fn equal_names_have_equal_keys_and_others_have_not() {
    let keyword = |text: &str| Name::Keyword(text.to_owned()).key_bytes();
    assert_eq!(keyword("Work"), keyword("wORK"));
    let property =
        |text: &str| Name::Property(Guid([1; 16]), PropertyName::Text(text.to_owned())).key_bytes();
    assert_ne!(property("Work"), property("work"));
    assert_ne!(property(&"x".repeat(700)), property(&"x".repeat(701)));
    assert!(property(&"x".repeat(700)).len() < 64);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn details_come_back_and_tell_where_the_item_was_born(
        born in prop::option::of((1..=NUMBER_MAX, any::<u32>())),
        original in prop::option::of(1..=NUMBER_MAX),
        sent in prop::option::of(any::<i64>()),
        summary in prop::collection::vec(any::<u8>(), 0..40),
        change_key in prop::option::of(prop::collection::vec(any::<u8>(), 0..30)),
    ) {
        let born = born.map(|(folder, uid)| Location::mail(FolderId(folder), Uid(uid)));
        let details = Details {
            born,
            original: original.map(ContentId),
            prefix: Bytes::from_static(b"Received: \r\n"),
            summary: summary.into(),
            sent: sent.map(Timestamp),
            lineage: change_key.map(|key| Lineage {
                change_key: key.into(),
                ..Lineage::default()
            }),
            ..Details::default()
        };
        comes_back(&details);
        prop_assert_eq!(Details::birthplace(&details.encode()).unwrap(), born);
    }

    #[test]
    fn blocks_of_uids_come_back_with_their_runs(
        uids in prop::collection::btree_set(0_u32..4096, 0..600),
    ) {
        let mut block = UidBlock::default();
        for &uid in &uids {
            prop_assert!(block.set(Uid(8192 + uid), true));
        }
        prop_assert_eq!(block.count() as usize, uids.len());
        comes_back(&block);
        let runs = runs_of_row(&block.encode()).unwrap();
        let listed: Vec<u32> = runs.into_iter().flatten().collect();
        prop_assert_eq!(listed, uids.iter().copied().collect::<Vec<_>>());
        for &uid in &uids {
            prop_assert!(block.set(Uid(uid), false));
        }
        prop_assert!(block.is_empty());
    }
}
