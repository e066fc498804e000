//! Values, rows, restrictions and identifiers: the worked examples of the specifications and of
//! what clients send, in both directions; what was written is read; what lies is refused.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::notation::{bytes, is};
use bytes::Bytes;
use mapi::codec::data::*;
use mapi::codec::wire::{Form, Malformed, Reader, String8, Wire, Writer, decode, encode};
use proptest::prelude::*;

const NOT_FOUND: u32 = 0x8004_010f;
const FOLDER_NAME: PropertyTag = PropertyTag(0x3001_001f);
const CONTENT_COUNT: PropertyTag = PropertyTag(0x3602_0003);
const HAS_SUBFOLDERS: PropertyTag = PropertyTag(0x360a_000b);
const SUBJECT: PropertyTag = PropertyTag(0x0037_001f);
const MAILBOX: Guid = Guid(*b"\x44\x33\x22\x11\x66\x55\x88\x77\x99\xaa\xbb\xcc\xdd\xee\xff\x00");
const REPLICA: Guid = Guid(*b"\xa3\xa2\xa1\xa0\xb1\xb0\xc1\xc0\xd0\xd1\xd2\xd3\xd4\xd5\xd6\xd7");

fn unicode(text: &str) -> Value {
    Value::Unicode(text.to_owned())
}

fn counter(number: u64) -> GlobalCounter {
    GlobalCounter::new(number).unwrap()
}

/// Checks a row in both directions.
#[track_caller]
fn row_is(form: Form, columns: &[PropertyTag], row: &PropertyRow, notation: &str) {
    let expected = bytes(notation);
    assert_eq!(encode(row, form).unwrap(), expected);
    let mut reader = Reader::new(&expected, form).with_columns(columns);
    assert_eq!(PropertyRow::read(&mut reader).as_ref(), Ok(row));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn a_row_with_all_its_values_is_a_standard_one() {
    let row = PropertyRow(vec![
        Cell::value(unicode("Inbox")),
        Cell::value(Value::Integer32(12)),
        Cell::value(Value::Boolean(true)),
    ]);
    row_is(
        Form::Rop,
        &[FOLDER_NAME, CONTENT_COUNT, HAS_SUBFOLDERS],
        &row,
        r#"00 | u"Inbox" | 0C 00 00 00 | 01"#,
    );
}

#[test]
fn a_row_that_lacks_a_value_flags_each() {
    let row = PropertyRow(vec![
        Cell::value(unicode("Inbox")),
        Cell::value(Value::Integer32(12)),
        Cell::error(HAS_SUBFOLDERS.property_type(), NOT_FOUND),
    ]);
    row_is(
        Form::Rop,
        &[FOLDER_NAME, CONTENT_COUNT, HAS_SUBFOLDERS],
        &row,
        r#"01 | 00 u"Inbox" | 00 0C 00 00 00 | 0A 0F 01 04 80"#,
    );
}

#[test]
fn a_column_without_a_type_tells_the_type_of_its_value() {
    let columns = [PropertyTag(0x0037_0000), PropertyTag(0x1000_0000)];
    let found = PropertyRow(vec![
        Cell::typed(unicode("a")),
        Cell::typed(Value::Integer16(1)),
    ]);
    row_is(
        Form::Rop,
        &columns,
        &found,
        r#"00 | 1F 00 u"a" | 02 00 01 00"#,
    );
    let missing = PropertyRow(vec![
        Cell::typed(unicode("a")),
        Cell::error(PropertyType::UNSPECIFIED, NOT_FOUND),
    ]);
    row_is(
        Form::Rop,
        &columns,
        &missing,
        r#"01 | 1F 00 00 u"a" | 0A 00 0A 0F 01 04 80"#,
    );
}

#[test]
fn a_column_of_one_instance_of_several_values_holds_one() {
    let column = [PropertyTag(0x8001_301f)];
    let row = PropertyRow(vec![Cell::value(unicode("red"))]);
    row_is(Form::Rop, &column, &row, r#"00 u"red""#);
}

#[test]
fn rows_of_the_address_book_say_which_texts_are_there() {
    let columns = [FOLDER_NAME, PropertyTag(0x0ffe_0003)];
    let row = PropertyRow(vec![
        Cell::value(unicode("Alice")),
        Cell::value(Value::Integer32(6)),
    ]);
    row_is(
        Form::AddressBook,
        &columns,
        &row,
        r#"00 | FF u"Alice" | 06 00 00 00"#,
    );
    let missing = PropertyRow(vec![
        Cell::value(unicode("Alice")),
        Cell::error(PropertyType(0x0003), NOT_FOUND),
    ]);
    row_is(
        Form::AddressBook,
        &columns,
        &missing,
        r#"01 | 00 FF u"Alice" | 0A 0F 01 04 80"#,
    );
}

#[test]
fn counts_are_as_wide_as_where_they_stand() {
    let value = TaggedValue::new(
        PropertyTag(0x0102_0000),
        Value::Binary(Bytes::from_static(b"\x01\x02")),
    );
    is(Form::Rop, &value, "02 01 02 01 | 02 00 | 01 02");
    is(Form::Wide, &value, "02 01 02 01 | 02 00 00 00 | 01 02");
    is(
        Form::AddressBook,
        &value,
        "02 01 02 01 | FF | 02 00 00 00 | 01 02",
    );
    let several = TaggedValue::new(
        PropertyTag(0x1234_0000),
        Value::MultipleBinary(vec![Bytes::from_static(b"\x01"), Bytes::new()]),
    );
    is(
        Form::Rop,
        &several,
        "02 11 34 12 | 02 00 00 00 | 01 00 01 | 00 00",
    );
    is(
        Form::AddressBook,
        &several,
        "02 11 34 12 | FF | 02 00 00 00 | FF 01 00 00 00 01 | FF 00 00 00 00",
    );
}

#[test]
fn a_value_is_never_written_under_the_tag_of_another_type() {
    let value = TaggedValue {
        tag: SUBJECT,
        value: Value::Integer32(1),
    };
    assert_eq!(
        encode(&value, Form::Rop).unwrap(),
        bytes("03 00 37 00 01 00 00 00")
    );
}

#[test]
fn no_date_is_a_date_far_away() {
    let value = TaggedValue::new(PropertyTag(0x8502_0040), Value::Time(FileTime::NEVER));
    is(Form::Rop, &value, "40 00 02 85 | 00 40 DD A3 57 45 B3 0C");
    assert_eq!(FileTime::from_unix(0), FileTime(116_444_736_000_000_000));
    assert_eq!(FileTime(0).to_unix(), -116_444_736_000_000_000);
}

#[test]
fn names_of_properties_are_numbers_or_texts() {
    let common = PropertyName {
        set: Guid(*b"\x08\x20\x06\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"),
        kind: NameKind::Number(0x8503),
    };
    is(
        Form::Rop,
        &common,
        "00 08 20 06 00 00 00 00 00 C0 00 00 00 00 00 00 46 03 85 00 00",
    );
    let keywords = PropertyName {
        set: Guid(*b"\x29\x03\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"),
        kind: NameKind::Text("Keywords".to_owned()),
    };
    is(
        Form::Rop,
        &keywords,
        r#"01 29 03 02 00 00 00 00 00 C0 00 00 00 00 00 00 46 12 u"Keywords""#,
    );
}

#[test]
fn typed_strings_say_how_they_are_written() {
    is(Form::Rop, &TypedString::Absent, "00");
    is(Form::Rop, &TypedString::new(""), "01");
    is(
        Form::Rop,
        &TypedString::Narrow("RE: ".into()),
        r#"02 "RE: " 00"#,
    );
    is(
        Form::Rop,
        &TypedString::Reduced("RE: ".into()),
        r#"03 "RE: " 00"#,
    );
    // The shortest form that holds the text.
    is(Form::Rop, &TypedString::new("Hü"), r#"03 "H" FC 00"#);
    is(Form::Rop, &TypedString::new("H→"), r#"04 u"H→""#);
}

#[test]
fn sort_orders_tell_how_many_of_them_are_headings() {
    let orders = SortOrderSet {
        category_count: 1,
        expanded_count: 1,
        orders: vec![
            SortOrder {
                tag: PropertyTag(0x0e06_0040),
                order: 1,
            },
            SortOrder {
                tag: SUBJECT,
                order: 0,
            },
        ],
    };
    is(
        Form::Rop,
        &orders,
        "02 00 01 00 01 00 | 40 00 06 0E 01 | 1F 00 37 00 00",
    );
    for wrong in ["00 00 01 00 00 00", "01 00 00 00 01 00 40 00 06 0E 01"] {
        assert_eq!(
            decode::<SortOrderSet>(&bytes(wrong), Form::Rop),
            Err(Malformed::Length)
        );
    }
}

#[test]
fn ids_have_their_counter_high_byte_first() {
    let folder = ObjectId {
        replica: 1,
        counter: counter(0x0d),
    };
    is(Form::Rop, &folder, "01 00 00 00 00 00 00 0D");
    let long = LongTermId {
        replica: REPLICA,
        counter: counter(0x0d),
        pad: 0,
    };
    is(
        Form::Rop,
        &long,
        "A3 A2 A1 A0 B1 B0 C1 C0 D0 D1 D2 D3 D4 D5 D6 D7 | 00 00 00 00 00 0D | 00 00",
    );
    assert_eq!(GlobalCounter::new(GlobalCounter::MAX + 1), None);
}

#[test]
fn predecessors_are_one_version_of_each_replica_in_order() {
    let mut list = PredecessorChangeList::default();
    list.add(Xid::new(REPLICA, counter(0x101)));
    list.add(Xid::new(MAILBOX, counter(0x22)));
    list.add(Xid::new(MAILBOX, counter(0x21)));
    let expected = bytes(
        "16 44 33 22 11 66 55 88 77 99 AA BB CC DD EE FF 00 00 00 00 00 00 22 |
         16 A3 A2 A1 A0 B1 B0 C1 C0 D0 D1 D2 D3 D4 D5 D6 D7 00 00 00 00 01 01",
    );
    assert_eq!(list.to_bytes(), expected);
    assert_eq!(
        PredecessorChangeList::from_bytes(&expected),
        Ok(list.clone())
    );
    assert!(list.includes(&Xid::new(MAILBOX, counter(0x20))));
    assert!(!list.includes(&Xid::new(MAILBOX, counter(0x23))));
    let mut other = PredecessorChangeList::default();
    other.add(Xid::new(MAILBOX, counter(0x23)));
    assert!(!list.includes_all(&other));
    list.merge(&other);
    assert!(list.includes_all(&other));
    assert_eq!(
        PredecessorChangeList::from_bytes(&bytes("10 00")),
        Err(Malformed::Truncated)
    );
}

#[test]
fn a_clients_own_version_keeps_its_size() {
    let foreign = bytes("A3 A2 A1 A0 B1 B0 C1 C0 D0 D1 D2 D3 D4 D5 D6 D7 | 00 00 00 07");
    let version = Xid::from_bytes(&foreign).unwrap();
    assert_eq!(version.local(), 7);
    assert_eq!(version.to_bytes(), foreign);
    assert_eq!(Xid::from_bytes(&foreign[..16]), Err(Malformed::Length));
    assert_eq!(Xid::from_bytes(&[1; 25]), Err(Malformed::Length));
}

#[test]
fn server_ids_name_an_object_of_this_store() {
    let id = ServerId::Ours {
        folder: ObjectId {
            replica: 1,
            counter: counter(0x0d),
        },
        message: ObjectId {
            replica: 1,
            counter: counter(0x0001_0025),
        },
        instance: 0,
    };
    let value = TaggedValue::new(
        PropertyTag(0x6740_00fb),
        Value::ServerId(id.to_bytes().into()),
    );
    is(
        Form::Rop,
        &value,
        "FB 00 40 67 | 15 00 | 01 | 01 00 00 00 00 00 00 0D | 01 00 00 00 00 01 00 25 | 00 00 00 00",
    );
    assert_eq!(ServerId::from_bytes(&id.to_bytes()), Ok(id));
    let foreign = ServerId::Foreign(Bytes::from_static(b"x"));
    assert_eq!(ServerId::from_bytes(&foreign.to_bytes()), Ok(foreign));
}

/// Checks an entry id in both directions.
#[track_caller]
fn entry_id_is(id: &EntryId, notation: &str) {
    let expected = bytes(notation);
    assert_eq!(id.to_bytes(), expected);
    assert_eq!(EntryId::from_bytes(&expected).as_ref(), Ok(id));
}

#[test]
fn folders_and_messages_have_entry_ids_of_fixed_size() {
    entry_id_is(
        &EntryId::Folder(FolderEntryId::of_mailbox(MAILBOX, REPLICA, counter(0x0d))),
        "00 00 00 00 | 44 33 22 11 66 55 88 77 99 AA BB CC DD EE FF 00 | 01 00 |
         A3 A2 A1 A0 B1 B0 C1 C0 D0 D1 D2 D3 D4 D5 D6 D7 | 00 00 00 00 00 0D | 00 00",
    );
    entry_id_is(
        &EntryId::Message(MessageEntryId::of_mailbox(
            MAILBOX,
            REPLICA,
            counter(0x0d),
            counter(0x0001_0025),
        )),
        "00 00 00 00 | 44 33 22 11 66 55 88 77 99 AA BB CC DD EE FF 00 | 07 00 |
         A3 A2 A1 A0 B1 B0 C1 C0 D0 D1 D2 D3 D4 D5 D6 D7 | 00 00 00 00 00 0D | 00 00 |
         A3 A2 A1 A0 B1 B0 C1 C0 D0 D1 D2 D3 D4 D5 D6 D7 | 00 00 00 01 00 25 | 00 00",
    );
}

#[test]
fn stores_and_people_have_entry_ids_by_name() {
    entry_id_is(
        &EntryId::Store(StoreEntryId::of_mailbox("mail", "/o=X/cn=alice")),
        r#"00 00 00 00 | 38 A1 BB 10 05 E5 10 1A A1 BB 08 00 2B 2A 56 C2 | 00 | 00 |
           "emsmdb.dll" 00 00 00 00 | 00 00 00 00 |
           1B 55 FA 20 AA 66 11 CD 9B C8 00 AA 00 2F C4 5A | 0C 00 00 00 |
           "mail" 00 "/o=X/cn=alice" 00"#,
    );
    entry_id_is(
        &EntryId::AddressBook(AddressBookEntryId::new(0, "/o=X/cn=bob")),
        r#"00 00 00 00 | DC A7 40 C8 C0 42 10 1A B4 B9 08 00 2B 2F E1 82 | 01 00 00 00 |
           00 00 00 00 | "/o=X/cn=bob" 00"#,
    );
    entry_id_is(
        &EntryId::Ephemeral(EphemeralEntryId {
            flags: 0x87,
            server: REPLICA,
            version: 1,
            display_type: 0,
            minimal_id: 0x12,
        }),
        "87 00 00 00 | A3 A2 A1 A0 B1 B0 C1 C0 D0 D1 D2 D3 D4 D5 D6 D7 | 01 00 00 00 |
         00 00 00 00 | 12 00 00 00",
    );
}

#[test]
fn an_address_that_stands_nowhere_is_its_own_entry_id() {
    entry_id_is(
        &EntryId::OneOff(OneOffEntryId::smtp("Bob", "b@x.org")),
        r#"00 00 00 00 | 81 2B 1F A4 BE A3 10 19 9D 6E 00 DD 01 0F 54 02 | 00 00 | 01 90 |
           u"Bob" u"SMTP" u"b@x.org""#,
    );
    entry_id_is(
        &EntryId::OneOff(OneOffEntryId {
            version: 0,
            bits: 1,
            texts: OneOffTexts::Narrow(["Bob", "SMTP", "b@x.org"].map(String8::from)),
        }),
        r#"00 00 00 00 | 81 2B 1F A4 BE A3 10 19 9D 6E 00 DD 01 0F 54 02 | 00 00 | 01 00 |
           "Bob" 00 "SMTP" 00 "b@x.org" 00"#,
    );
}

#[test]
fn what_no_server_knows_is_kept_as_it_is() {
    let contact = bytes("00 00 00 00 | FE 42 AA 0A 18 C7 1A 10 E8 85 0B 65 1C 24 00 00 | 03 00");
    let id = EntryId::from_bytes(&contact).unwrap();
    assert_eq!(id, EntryId::Foreign(contact.clone().into()));
    assert_eq!(id.to_bytes(), contact);
}

#[test]
fn a_list_of_entry_ids_pads_each_to_four_bytes() {
    let list = FlatEntryList(vec![
        Bytes::from_static(b"abcde"),
        Bytes::from_static(b"wxyz"),
    ]);
    let expected =
        bytes(r#"02 00 00 00 | 14 00 00 00 | 05 00 00 00 "abcde" 00 00 00 | 04 00 00 00 "wxyz""#);
    assert_eq!(list.to_bytes().unwrap(), expected);
    assert_eq!(FlatEntryList::from_bytes(&expected), Ok(list));
    let lying = bytes("FF FF FF FF | 00 00 00 00");
    assert_eq!(FlatEntryList::from_bytes(&lying), Err(Malformed::Length));
}

#[test]
fn a_search_for_long_letters_about_something() {
    let restriction = Restriction::And(vec![
        Restriction::Content(Content {
            fuzzy_low: 1,
            fuzzy_high: 1,
            property: SUBJECT,
            value: TaggedValue::new(SUBJECT, unicode("abc")),
        }),
        Restriction::Property(Property {
            relation: Relation::GreaterOrEqual,
            property: PropertyTag(0x0e08_0003),
            value: TaggedValue::new(PropertyTag(0x0e08_0003), Value::Integer32(1000)),
        }),
    ]);
    is(
        Form::Rop,
        &restriction,
        r#"00 02 00 | 03 01 00 01 00 1F 00 37 00 1F 00 37 00 u"abc" |
           04 03 03 00 08 0E 03 00 08 0E E8 03 00 00"#,
    );
    is(
        Form::AddressBook,
        &restriction,
        r#"00 02 00 00 00 | 03 01 00 01 00 1F 00 37 00 FF 1F 00 37 00 FF u"abc" |
           04 03 03 00 08 0E FF 03 00 08 0E E8 03 00 00"#,
    );
}

#[test]
fn every_restriction_has_its_number() {
    let exists = || Box::new(Restriction::Exist(SUBJECT));
    let value = TaggedValue::new(SUBJECT, unicode("a"));
    let cases = [
        (Restriction::Or(vec![]), "01 00 00"),
        (Restriction::Not(exists()), "02 | 08 1F 00 37 00"),
        (
            Restriction::Compare(Comparison {
                relation: Relation::MemberOf,
                first: SUBJECT,
                second: FOLDER_NAME,
            }),
            "05 64 1F 00 37 00 1F 00 01 30",
        ),
        (
            Restriction::BitMask(BitMask {
                is_any_set: true,
                property: CONTENT_COUNT,
                mask: 0x10,
            }),
            "06 01 03 00 02 36 10 00 00 00",
        ),
        (
            Restriction::Size(SizeOf {
                relation: Relation::Less,
                property: SUBJECT,
                size: 9,
            }),
            "07 00 1F 00 37 00 09 00 00 00",
        ),
        (
            Restriction::SubObject(PropertyTag(0x0e12_000d), exists()),
            "09 0D 00 12 0E | 08 1F 00 37 00",
        ),
        (
            Restriction::Comment(vec![value.clone()], Some(exists())),
            r#"0A 01 1F 00 37 00 u"a" 01 | 08 1F 00 37 00"#,
        ),
        (
            Restriction::Count(3, exists()),
            "0B 03 00 00 00 | 08 1F 00 37 00",
        ),
        (
            Restriction::Annotation(vec![value], None),
            r#"0C 01 1F 00 37 00 u"a" 00"#,
        ),
        (Restriction::Null, "FF"),
    ];
    for (restriction, notation) in cases {
        is(Form::Rop, &restriction, notation);
    }
}

#[test]
fn a_restriction_nests_within_a_budget() {
    let nested = |depth: usize| [vec![2; depth], vec![0xff]].concat();
    let read = |bytes: &[u8]| decode::<Restriction>(bytes, Form::Rop);
    assert!(read(&nested(RESTRICTION_DEPTH_MAX)).is_ok());
    assert_eq!(
        read(&nested(RESTRICTION_DEPTH_MAX + 1)),
        Err(Malformed::Budget)
    );
    let wide = |count: u16| {
        let nulls = vec![0xff; usize::from(count)];
        [[1].as_slice(), &count.to_le_bytes(), &nulls].concat()
    };
    let most = u16::try_from(RESTRICTION_NODES_MAX).unwrap() - 1;
    assert!(read(&wide(most)).is_ok());
    assert_eq!(read(&wide(most + 1)), Err(Malformed::Budget));
}

#[test]
fn a_restriction_is_no_value_within_a_restriction() {
    let inner = bytes("04 04 FD 00 80 66 FD 00 80 66 | 08 1F 00 37 00");
    assert_eq!(
        decode::<Restriction>(&inner, Form::Rop),
        Err(Malformed::Budget)
    );
    let value = [bytes("FD 00 79 66"), bytes("08 1F 00 37 00")].concat();
    assert!(decode::<TaggedValue>(&value, Form::Rop).is_ok());
}

/// Checks a recipient in both directions.
#[track_caller]
fn recipient_is(columns: &[PropertyTag], row: &RecipientRow, notation: &str) {
    let expected = bytes(notation);
    assert_eq!(encode(row, Form::Rop).unwrap(), expected);
    let mut reader = Reader::new(&expected, Form::Rop).with_columns(columns);
    assert_eq!(RecipientRow::read(&mut reader).as_ref(), Ok(row));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn a_recipient_of_the_directory_is_known_by_name() {
    let texts = AddressTexts {
        email: None,
        display_name: Some("Bob".to_owned()),
        simple_name: Some("Bob".to_owned()),
        transmittable_name: None,
    };
    let row = RecipientRow {
        kind: AddressKind::X500(X500Address {
            prefix_used: 0,
            display_type: 0,
            name: "/o=Example/ou=EAG/cn=Recipients/cn=bob".into(),
        }),
        texts: RecipientTexts::Unicode(texts),
        is_transmittable_same: true,
        is_responsible: false,
        has_no_rich_info: false,
        properties: PropertyRow(vec![
            Cell::value(Value::Integer32(6)),
            Cell::value(unicode("b@x.org")),
        ]),
    };
    recipient_is(
        &[PropertyTag(0x0ffe_0003), PropertyTag(0x39fe_001f)],
        &row,
        r#"51 06 | 00 | 00 | "/o=Example/ou=EAG/cn=Recipients/cn=bob" 00 | u"Bob" | u"Bob" |
           02 00 | 00 06 00 00 00 u"b@x.org""#,
    );
}

#[test]
fn a_recipient_elsewhere_has_an_address() {
    let texts = AddressTexts {
        email: Some("c@y.net".to_owned()),
        display_name: Some("Carol".to_owned()),
        simple_name: None,
        transmittable_name: None,
    };
    let row = RecipientRow {
        kind: AddressKind::Smtp,
        texts: RecipientTexts::Unicode(texts),
        is_transmittable_same: true,
        is_responsible: false,
        has_no_rich_info: true,
        properties: PropertyRow(vec![]),
    };
    recipient_is(&[], &row, r#"5B 03 | u"c@y.net" | u"Carol" | 00 00 | 00"#);
    // More properties than the message has columns.
    let lying = bytes("03 00 | 01 00 | 00");
    let mut reader = Reader::new(&lying, Form::Rop);
    assert_eq!(RecipientRow::read(&mut reader), Err(Malformed::Length));
}

#[test]
fn lying_counts_are_found_out_before_anything_is_reserved() {
    for lie in [
        "03 10 00 80 | FF FF FF FF",
        "1F 10 00 80 | FF FF FF 7F | 00 00",
        "02 01 00 80 | FF FF",
        "FE 00 00 80 | FF FF",
    ] {
        assert!(
            decode::<TaggedValue>(&bytes(lie), Form::Rop).is_err(),
            "{lie}"
        );
    }
    let unknown = decode::<TaggedValue>(&bytes("99 00 00 80"), Form::Rop);
    assert_eq!(unknown, Err(Malformed::Unknown(0x99)));
}

proptest! {
    #[test]
    fn values_come_back(value in crate::samples::tagged(crate::samples::value()), form in crate::samples::form()) {
        let written = encode(&value, form).unwrap();
        prop_assert_eq!(decode::<TaggedValue>(&written, form), Ok(value));
    }

    #[test]
    fn restrictions_come_back(inner in crate::samples::restriction(), form in crate::samples::form()) {
        let written = encode(&inner, form).unwrap();
        prop_assert_eq!(decode::<Restriction>(&written, form), Ok(inner));
    }

    #[test]
    fn rows_come_back((columns, row) in crate::samples::row(), form in crate::samples::form()) {
        let written = encode(&row, form).unwrap();
        let mut reader = Reader::new(&written, form).with_columns(&columns);
        prop_assert_eq!(PropertyRow::read(&mut reader), Ok(row));
        prop_assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn recipients_come_back((columns, row) in crate::samples::recipient()) {
        let mut writer = Writer::new(Form::Rop);
        row.write(&mut writer);
        let written = writer.finish().unwrap();
        let mut reader = Reader::new(&written, Form::Rop).with_columns(&columns);
        prop_assert_eq!(RecipientRow::read(&mut reader), Ok(row));
        prop_assert_eq!(reader.finish(), Ok(()));
    }
}
