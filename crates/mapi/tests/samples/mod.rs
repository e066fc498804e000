//! Values of every kind, drawn at random.

// Each test file uses a part of it.
#![allow(dead_code)]

use bytes::Bytes;
use mapi::codec::data::{
    AddressKind, AddressTexts, BitMask, Cell, Comparison, Content, FileTime, GlobalCounter, Guid,
    ListKind, ObjectId, Outcome, PersonalList, Property, PropertyRow, PropertyTag, PropertyType,
    RecipientRow, RecipientTexts, Relation, Restriction, SizeOf, TaggedValue, Value, X500Address,
};
use mapi::codec::wire::{Form, String8};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub fn text() -> impl Strategy<Value = String> {
    "[a-zA-Zäß€😀 ]{0,12}"
}

pub fn narrow() -> impl Strategy<Value = String8> {
    vec(1_u8.., 0..12).prop_map(|bytes| String8(bytes.into()))
}

pub fn binary() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

pub fn guid() -> impl Strategy<Value = Guid> {
    any::<[u8; 16]>().prop_map(Guid)
}

pub fn object_id() -> impl Strategy<Value = ObjectId> {
    (any::<u16>(), 0..=GlobalCounter::MAX).prop_map(|(replica, counter)| ObjectId {
        replica,
        counter: GlobalCounter::new(counter).unwrap(),
    })
}

fn finite() -> impl Strategy<Value = f64> {
    prop::num::f64::NORMAL | prop::num::f64::ZERO
}

fn single() -> impl Strategy<Value = f32> {
    prop::num::f32::NORMAL | prop::num::f32::ZERO
}

/// A value without others in it.
pub fn simple_value() -> BoxedStrategy<Value> {
    let one = prop_oneof![
        Just(Value::Null),
        Just(Value::Object),
        any::<i16>().prop_map(Value::Integer16),
        any::<i32>().prop_map(Value::Integer32),
        single().prop_map(Value::Floating32),
        finite().prop_map(Value::Floating64),
        any::<i64>().prop_map(Value::Currency),
        finite().prop_map(Value::FloatingTime),
        any::<u32>().prop_map(Value::ErrorCode),
        any::<bool>().prop_map(Value::Boolean),
    ];
    let other = prop_oneof![
        any::<i64>().prop_map(Value::Integer64),
        narrow().prop_map(Value::String8),
        text().prop_map(Value::Unicode),
        any::<u64>().prop_map(|time| Value::Time(FileTime(time))),
        guid().prop_map(Value::Guid),
        binary().prop_map(Value::ServerId),
        binary().prop_map(Value::Binary),
        vec(binary(), 0..4).prop_map(Value::RuleActions),
    ];
    let several = prop_oneof![
        vec(any::<i16>(), 0..4).prop_map(Value::MultipleInteger16),
        vec(any::<i32>(), 0..4).prop_map(Value::MultipleInteger32),
        vec(single(), 0..4).prop_map(Value::MultipleFloating32),
        vec(finite(), 0..4).prop_map(Value::MultipleFloating64),
        vec(any::<i64>(), 0..4).prop_map(Value::MultipleCurrency),
        vec(finite(), 0..4).prop_map(Value::MultipleFloatingTime),
        vec(any::<i64>(), 0..4).prop_map(Value::MultipleInteger64),
        vec(narrow(), 0..4).prop_map(Value::MultipleString8),
        vec(text(), 0..4).prop_map(Value::MultipleUnicode),
    ];
    let more = prop_oneof![
        vec(any::<u64>().prop_map(FileTime), 0..4).prop_map(Value::MultipleTime),
        vec(guid(), 0..4).prop_map(Value::MultipleGuid),
        vec(binary(), 0..4).prop_map(Value::MultipleBinary),
    ];
    prop_oneof![one, other, several, more].boxed()
}

pub fn value() -> BoxedStrategy<Value> {
    prop_oneof![
        9 => simple_value(),
        1 => restriction().prop_map(|inner| Value::Restriction(Box::new(inner))),
    ]
    .boxed()
}

pub fn tag() -> impl Strategy<Value = PropertyTag> {
    any::<u32>().prop_map(PropertyTag)
}

pub fn tagged(value: BoxedStrategy<Value>) -> impl Strategy<Value = TaggedValue> {
    (tag(), value).prop_map(|(tag, value)| TaggedValue::new(tag, value))
}

fn relation() -> impl Strategy<Value = Relation> {
    prop::sample::select(vec![
        Relation::Less,
        Relation::LessOrEqual,
        Relation::Greater,
        Relation::GreaterOrEqual,
        Relation::Equal,
        Relation::NotEqual,
        Relation::Matches,
        Relation::MemberOf,
    ])
}

fn leaf() -> impl Strategy<Value = Restriction> {
    let value = || tagged(simple_value());
    prop_oneof![
        (any::<u16>(), any::<u16>(), tag(), value()).prop_map(|(low, high, property, value)| {
            Restriction::Content(Content {
                fuzzy_low: low,
                fuzzy_high: high,
                property,
                value,
            })
        }),
        (relation(), tag(), value()).prop_map(|(relation, property, value)| {
            Restriction::Property(Property {
                relation,
                property,
                value,
            })
        }),
        (relation(), tag(), tag()).prop_map(|(relation, first, second)| {
            Restriction::Compare(Comparison {
                relation,
                first,
                second,
            })
        }),
        (any::<bool>(), tag(), any::<u32>()).prop_map(|(is_any_set, property, mask)| {
            Restriction::BitMask(BitMask {
                is_any_set,
                property,
                mask,
            })
        }),
        (relation(), tag(), any::<u32>()).prop_map(|(relation, property, size)| {
            Restriction::Size(SizeOf {
                relation,
                property,
                size,
            })
        }),
        tag().prop_map(Restriction::Exist),
        Just(Restriction::Null),
    ]
}

pub fn restriction() -> BoxedStrategy<Restriction> {
    leaf()
        .prop_recursive(4, 16, 3, |inner| {
            let boxed = || inner.clone().prop_map(Box::new);
            let comment = || (vec(tagged(simple_value()), 0..3), option::of(boxed()));
            prop_oneof![
                vec(inner.clone(), 0..3).prop_map(Restriction::And),
                vec(inner.clone(), 0..3).prop_map(Restriction::Or),
                boxed().prop_map(Restriction::Not),
                (tag(), boxed()).prop_map(|(tag, inner)| Restriction::SubObject(tag, inner)),
                comment().prop_map(|(values, inner)| Restriction::Comment(values, inner)),
                comment().prop_map(|(values, inner)| Restriction::Annotation(values, inner)),
                (any::<u32>(), boxed()).prop_map(|(count, inner)| Restriction::Count(count, inner)),
            ]
        })
        .boxed()
}

/// Columns and a row of them.
pub fn row() -> impl Strategy<Value = (Vec<PropertyTag>, PropertyRow)> {
    let cell = prop_oneof![
        5 => (value(), any::<bool>()).prop_map(|(value, is_typed)| {
            if is_typed { Cell::typed(value) } else { Cell::value(value) }
        }),
        1 => (any::<u32>(), any::<bool>()).prop_map(|(code, is_typed)| {
            let kind = if is_typed { PropertyType::UNSPECIFIED } else { PropertyType::UNICODE };
            Cell::error(kind, code)
        }),
        1 => Just(Cell { shown_type: None, outcome: Outcome::Absent }),
    ];
    vec((any::<u16>(), cell), 0..6).prop_map(|cells| {
        let column = |(id, cell): &(u16, Cell)| {
            let kind = match (&cell.shown_type, &cell.outcome) {
                (Some(_), _) => PropertyType::UNSPECIFIED,
                (None, Outcome::Value(value)) => value.property_type(),
                (None, _) => PropertyType::UNICODE,
            };
            PropertyTag::new(*id, kind)
        };
        let columns = cells.iter().map(column).collect();
        let cells = cells.into_iter().map(|(_, cell)| cell).collect();
        (columns, PropertyRow(cells))
    })
}

fn texts<T: std::fmt::Debug>(
    text: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = AddressTexts<T>> {
    let some = || option::of(text.clone());
    (some(), some(), some(), some()).prop_map(|(email, display_name, simple_name, last)| {
        AddressTexts {
            email,
            display_name,
            simple_name,
            transmittable_name: last,
        }
    })
}

fn address_kind() -> impl Strategy<Value = AddressKind> {
    let list = || {
        (binary(), binary()).prop_map(|(entry_id, search_key)| PersonalList {
            entry_id,
            search_key,
        })
    };
    prop_oneof![
        Just(AddressKind::None),
        Just(AddressKind::MsMail),
        Just(AddressKind::Smtp),
        Just(AddressKind::Fax),
        Just(AddressKind::ProfessionalOffice),
        list().prop_map(|list| AddressKind::PersonalList(ListKind::First, list)),
        list().prop_map(|list| AddressKind::PersonalList(ListKind::Second, list)),
        narrow().prop_map(AddressKind::Other),
        (any::<u8>(), any::<u8>(), narrow()).prop_map(|(prefix_used, display_type, name)| {
            AddressKind::X500(X500Address {
                prefix_used,
                display_type,
                name,
            })
        }),
    ]
}

/// Columns and a recipient with properties of the first of them.
pub fn recipient() -> impl Strategy<Value = (Vec<PropertyTag>, RecipientRow)> {
    let texts = prop_oneof![
        texts("[a-z@.ü]{0,10}").prop_map(RecipientTexts::Unicode),
        texts("[a-z@.]{0,10}".prop_map(|text| String8::from(text.as_str())))
            .prop_map(RecipientTexts::Narrow),
    ];
    let marks = any::<(bool, bool, bool)>();
    (address_kind(), texts, marks, row()).prop_map(|(kind, texts, marks, (columns, properties))| {
        let recipient = RecipientRow {
            kind,
            texts,
            is_transmittable_same: marks.0,
            is_responsible: marks.1,
            has_no_rich_info: marks.2,
            properties,
        };
        (columns, recipient)
    })
}

pub fn form() -> impl Strategy<Value = Form> {
    prop::sample::select(vec![Form::Rop, Form::Wide, Form::AddressBook])
}
