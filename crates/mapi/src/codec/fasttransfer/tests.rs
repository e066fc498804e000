use super::*;
use crate::codec::data::{NameKind, PropertyType};
use crate::codec::wire::{Malformed, String8};
use proptest::prelude::*;

fn bytes(notation: &str) -> Vec<u8> {
    let pairs = notation.split_whitespace().filter(|pair| *pair != "|");
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

fn read(stream: &[u8], piece: usize) -> Result<Vec<Element>, Malformed> {
    let (mut lexer, mut elements) = (Lexer::default(), Vec::new());
    for piece in stream.chunks(piece) {
        lexer.push(piece);
        while let Some(element) = lexer.next_element()? {
            elements.push(element);
        }
    }
    lexer.finish()?;
    Ok(elements)
}

fn written(elements: &[Element]) -> Producer {
    let mut producer = Producer::default();
    for element in elements {
        match element {
            Element::Marker(marker) => producer.marker(*marker),
            Element::Property(property) => producer.property(property).unwrap(),
            Element::Long(key, size) => producer.begin_long(key, *size).unwrap(),
            Element::Piece(piece) => producer.piece(piece.clone()),
        }
    }
    producer
}

fn both_ways(notation: &str, elements: &[Element]) {
    let stream = bytes(notation);
    for piece in [1, 7, 1000] {
        assert_eq!(read(&stream, piece).as_deref(), Ok(elements));
    }
    assert_eq!(written(elements).take(usize::MAX), stream);
}

fn property(property: Property) -> Element {
    Element::Property(property)
}

#[test]
fn a_message_is_markers_and_properties() {
    let private = Property {
        key: Key {
            tag: PropertyTag(0x8005_000b),
            name: Some(PropertyName {
                set: crate::convert::set::COMMON,
                kind: NameKind::Number(0x8506),
            }),
        },
        value: Value::Boolean(true),
    };
    both_ways(
        "03 00 15 40 | 1F 00 37 00 06 00 00 00 48 00 69 00 00 00 | 0B 00 1F 0E 00 00 | \
         0B 00 05 80 | 08 20 06 00 00 00 00 00 C0 00 00 00 00 00 00 46 | 00 | 06 85 00 00 | 01 00",
        &[
            Element::Marker(Marker::ChangedMessage),
            property(Property::fixed(0x0037, Value::Unicode("Hi".to_owned()))),
            property(Property::fixed(0x0e1f, Value::Boolean(false))),
            property(private),
        ],
    );
}

#[test]
fn a_set_of_ids_is_bytes_though_it_says_integer() {
    both_ways(
        "03 00 3A 40 | 03 00 17 40 03 00 00 00 01 02 03 | 02 01 96 67 02 00 00 00 A3 A2 | 03 00 3B 40 \
         | 03 00 14 40",
        &[
            Element::Marker(Marker::StateBegin),
            property(Property::tagged(
                IDSET_GIVEN,
                Value::Binary(Bytes::from_static(&[1, 2, 3])),
            )),
            property(Property::fixed(
                0x6796,
                Value::Binary(Bytes::from_static(&[0xa3, 0xa2])),
            )),
            Element::Marker(Marker::StateEnd),
            Element::Marker(Marker::EndSync),
        ],
    );
}

/// The worked example of one new message in a folder's synchronisation, 450 bytes: change,
/// content, a recipient, and the state that the client is to keep.
const ONE_MESSAGE: &str = "03 00 12 40 \
    | 02 01 E0 65 16 00 00 00 R 00 00 00 01 00 25 \
    | 40 00 08 30 00 40 2C 6A 07 71 DD 01 \
    | 02 01 E2 65 16 00 00 00 R 00 00 00 00 02 00 \
    | 02 01 E3 65 17 00 00 00 16 R 00 00 00 00 02 00 \
    | 0B 00 AA 67 00 00 \
    | 14 00 4A 67 01 00 00 00 00 01 00 25 \
    | 03 00 08 0E B0 04 00 00 \
    | 14 00 A4 67 01 00 00 00 00 00 02 00 \
    | 03 00 15 40 \
    | 02 01 E1 65 16 00 00 00 R 00 00 00 00 00 0D \
    | 1E 00 1A 00 09 00 00 00 49 50 4D 2E 4E 6F 74 65 00 \
    | 1F 00 37 00 06 00 00 00 48 00 69 00 00 00 \
    | 03 00 07 0E 01 00 00 00 \
    | 03 00 16 40 0D 00 12 0E \
    | 03 00 03 40 \
    | 03 00 00 30 00 00 00 00 \
    | 03 00 15 0C 01 00 00 00 \
    | 1F 00 01 30 08 00 00 00 42 00 6F 00 62 00 00 00 \
    | 1F 00 FE 39 10 00 00 00 62 00 40 00 78 00 2E 00 6F 00 72 00 67 00 00 00 \
    | 03 00 04 40 \
    | 03 00 16 40 0D 00 13 0E \
    | 03 00 3A 40 \
    | 03 00 17 40 18 00 00 00 R 06 00 00 00 01 00 25 00 \
    | 02 01 96 67 1C 00 00 00 R 04 00 00 00 00 52 00 01 02 00 50 00 \
    | 02 01 DA 67 1C 00 00 00 R 04 00 00 00 00 52 00 01 02 00 50 00 \
    | 02 01 D2 67 1C 00 00 00 R 04 00 00 00 00 52 00 01 02 00 50 00 \
    | 03 00 3B 40 \
    | 03 00 14 40";
const REPLICA: &str = "A3 A2 A1 A0 B1 B0 C1 C0 D0 D1 D2 D3 D4 D5 D6 D7";

#[test]
fn a_message_in_a_synchronisation_is_read_and_written() {
    let stream = bytes(&ONE_MESSAGE.replace('R', REPLICA));
    assert_eq!(stream.len(), 450);
    let elements = read(&stream, 1000).unwrap();
    assert_eq!(read(&stream, 1), Ok(elements.clone()));
    assert_eq!(written(&elements).take(usize::MAX), stream);
    assert_eq!(elements.first(), Some(&Element::Marker(Marker::Change)));
    let subject = property(Property::fixed(0x0037, Value::Unicode("Hi".to_owned())));
    assert!(elements.contains(&subject));
    let begin = elements
        .iter()
        .position(|one| *one == Element::Marker(Marker::StateBegin));
    assert_eq!(begin.map(|at| elements.len() - at), Some(7));
}

#[test]
fn deletions_are_a_list_of_ids() {
    let ids = bytes("01 00 05 00 00 00 01 00 52 25 26 50 00");
    both_ways(
        "03 00 13 40 | 02 01 E5 67 | 0D 00 00 00 | 01 00 05 00 00 00 01 00 52 25 26 50 00",
        &[
            Element::Marker(Marker::Deletions),
            property(Property::fixed(0x67e5, Value::Binary(ids.into()))),
        ],
    );
}

#[test]
fn values_of_every_kind_are_read_and_written() {
    let text = |text: &str| String8(Bytes::copy_from_slice(text.as_bytes()));
    both_ways(
        "1E 00 1A 00 02 00 00 00 41 00 | E4 84 37 00 03 00 00 00 FC 21 00 | \
         1F 10 00 80 29 03 02 00 00 00 00 00 C0 00 00 00 00 00 00 46 01 4B 00 00 00 \
         02 00 00 00 04 00 00 00 61 00 00 00 02 00 00 00 00 00 | \
         03 10 01 10 02 00 00 00 01 00 00 00 FF FF FF FF | 02 11 02 10 01 00 00 00 01 00 00 00 7F | \
         1E 10 03 10 01 00 00 00 02 00 00 00 62 00 | 40 00 39 00 01 00 00 00 00 00 00 00 | \
         0D 00 01 37 02 00 00 00 AB CD | FB 00 40 67 01 00 00 00 01",
        &[
            property(Property::fixed(0x001a, Value::String8(text("A")))),
            property(Property::tagged(
                PropertyTag::new(0x0037, PropertyType(0x84e4)),
                Value::Unicode("ü!".to_owned()),
            )),
            property(Property {
                key: Key {
                    tag: PropertyTag(0x8000_101f),
                    name: Some(PropertyName {
                        set: crate::convert::set::PUBLIC_STRINGS,
                        kind: NameKind::Text("K".to_owned()),
                    }),
                },
                value: Value::MultipleUnicode(vec!["a".to_owned(), String::new()]),
            }),
            property(Property::fixed(
                0x1001,
                Value::MultipleInteger32(vec![1, -1]),
            )),
            property(Property::fixed(
                0x1002,
                Value::MultipleBinary(vec![Bytes::from_static(&[0x7f])]),
            )),
            property(Property::fixed(
                0x1003,
                Value::MultipleString8(vec![text("b")]),
            )),
            property(Property::fixed(
                0x0039,
                Value::Time(crate::codec::data::FileTime(1)),
            )),
            property(Property::tagged(
                PropertyTag(0x3701_000d),
                Value::Binary(Bytes::from_static(&[0xab, 0xcd])),
            )),
            property(Property::fixed(
                0x6740,
                Value::ServerId(Bytes::from_static(&[1])),
            )),
        ],
    );
}

#[test]
fn long_values_pass_in_pieces() {
    let key = Key {
        tag: PropertyTag(0x3701_0102),
        name: None,
    };
    let content = vec![7; LONG_BYTES_MIN + 5];
    let mut producer = Producer::default();
    let size = u32::try_from(content.len()).unwrap();
    producer.begin_long(&key, size).unwrap();
    producer.piece(content.clone().into());
    producer.marker(Marker::EndAttachment);
    let stream = producer.take(usize::MAX);
    let elements = read(&stream, 1000).unwrap();
    assert_eq!(elements[0], Element::Long(key, size));
    assert_eq!(
        elements.last(),
        Some(&Element::Marker(Marker::EndAttachment))
    );
    let pieces = elements.iter().filter_map(|element| match element {
        Element::Piece(piece) => Some(piece.to_vec()),
        _ => None,
    });
    assert_eq!(pieces.collect::<Vec<_>>().concat(), content);
}

#[test]
fn a_stream_is_cut_only_where_it_may_be() {
    let mut producer = Producer::default();
    producer.marker(Marker::StartMessage);
    let subject = Property::fixed(0x0037, Value::Unicode("abcd".to_owned()));
    producer.property(&subject).unwrap();
    // Marker, tag and size have four bytes each and stay whole; units of the text have two.
    assert_eq!(producer.take(3).len(), 0);
    assert_eq!(producer.take(6).len(), 4);
    assert_eq!(producer.take(11).len(), 10);
    assert_eq!(producer.take(7).len(), 6);
    assert_eq!(producer.take(100).len(), 2);
    assert_eq!(producer.size(), 0);
}

#[test]
fn what_is_no_stream_is_refused() {
    assert_eq!(
        read(&bytes("34 12 37 00"), 10),
        Err(Malformed::Unknown(0x1234))
    );
    assert_eq!(
        read(&bytes("1F 00 37 00 06 00"), 10),
        Err(Malformed::Truncated)
    );
    // A list that would never end.
    let endless = [bytes("02 11 37 00 FF FF FF FF"), vec![0; ELEMENT_BYTES_MAX]].concat();
    assert_eq!(read(&endless, 1 << 19), Err(Malformed::Budget));
    let wrong = Property::tagged(PropertyTag(0x0037_001f), Value::Integer32(1));
    assert!(Producer::default().property(&wrong).is_err());
}

#[test]
fn every_marker_has_its_number() {
    for &marker in Marker::ALL {
        assert_eq!(Marker::of(marker.number()), Some(marker));
    }
    assert_eq!(Marker::of(0x0037_001f), None);
}

proptest! {
    #[test]
    fn however_it_is_cut_a_stream_says_the_same(
        texts in prop::collection::vec("[a-zü]{0,40}", 0..10),
        cut in 12_usize..50,
    ) {
        let properties = texts.iter().map(|text| {
            property(Property::fixed(0x0037, Value::Unicode(text.clone())))
        });
        let elements: Vec<_> = properties.collect();
        let mut producer = written(&elements);
        let (mut lexer, mut read) = (Lexer::default(), Vec::new());
        while producer.size() > 0 {
            lexer.push(&producer.take(cut));
            while let Some(element) = lexer.next_element().unwrap() {
                read.push(element);
            }
        }
        prop_assert_eq!(lexer.finish(), Ok(()));
        prop_assert_eq!(read, elements);
    }
}
