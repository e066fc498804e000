//! Conditions on objects, as tables, search folders and rules use them.
//!
//! Read without recursion, within a budget of depth and of nodes; so what was read can also be
//! written, compared and dropped on any stack.
//!
//! Source: [MS-OXCDATA] 2.12.

use super::tag::PropertyTag;
use super::value::TaggedValue;
use crate::codec::wire::{
    Count, Counted, Form, HAS_VALUE, Layout, Malformed, Reader, Wire, Writer, wire,
};

/// Levels of nesting. Outlook's own searches have about ten.
pub const RESTRICTION_DEPTH_MAX: usize = 64;
/// Conditions in one restriction. The longest that fits a ROP buffer would otherwise need a
/// hundred times its size in memory, since a condition can be a single byte.
pub const RESTRICTION_NODES_MAX: usize = 4096;

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Less.
    Less,
    /// Less or equal.
    LessOrEqual,
    /// Greater.
    Greater,
    /// Greater or equal.
    GreaterOrEqual,
    /// Equal.
    Equal,
    /// Not equal.
    NotEqual,
    /// Matches a regular expression; no known client sends it.
    Matches,
    /// Is a member of a distribution list.
    MemberOf,
}

const RELATIONS: [(u8, Relation); 8] = [
    (0x00, Relation::Less),
    (0x01, Relation::LessOrEqual),
    (0x02, Relation::Greater),
    (0x03, Relation::GreaterOrEqual),
    (0x04, Relation::Equal),
    (0x05, Relation::NotEqual),
    (0x06, Relation::Matches),
    (0x64, Relation::MemberOf),
];

impl Wire for Relation {
    const LEAST: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let number = u8::read(reader)?;
        let known = RELATIONS.iter().find(|(known, _)| *known == number);
        known.map_or(Err(Malformed::Unknown(number.into())), |(_, known)| {
            Ok(*known)
        })
    }

    fn write(&self, writer: &mut Writer) {
        let known = RELATIONS.iter().find(|(_, known)| known == self);
        known.map_or(0, |(number, _)| *number).write(writer);
    }
}

/// The value that a property is compared with. In the address book a byte stands before it, which
/// the specification does not mention and every client sends.
#[derive(Debug)]
pub struct Counterpart;

impl Layout<TaggedValue> for Counterpart {
    const LEAST: usize = TaggedValue::LEAST;

    fn read(reader: &mut Reader<'_>) -> Result<TaggedValue, Malformed> {
        if reader.form() == Form::AddressBook && !bool::read(reader)? {
            return Err(Malformed::Unknown(0));
        }
        reader.within_restriction(TaggedValue::read)
    }

    fn write(value: &TaggedValue, writer: &mut Writer) {
        if writer.form() == Form::AddressBook {
            writer.put(&[HAS_VALUE]);
        }
        value.write(writer);
    }
}

wire! {
    /// Text or bytes that hold others. Source: [MS-OXCDATA] 2.12.4.
    pub struct Content {
        /// 0 whole, 1 anywhere, 2 at the start; 0x10 at the start of a word, 0x20 a phrase.
        fuzzy_low: u16,
        /// Bits: 1 ignore case, 2 ignore marks, 4 loosely.
        fuzzy_high: u16,
        property: PropertyTag,
        value: TaggedValue as Counterpart,
    }

    /// A property and a value. Source: [MS-OXCDATA] 2.12.5.
    pub struct Property {
        relation: Relation,
        property: PropertyTag,
        value: TaggedValue as Counterpart,
    }

    /// Two properties. Source: [MS-OXCDATA] 2.12.6.
    pub struct Comparison {
        relation: Relation,
        first: PropertyTag,
        second: PropertyTag,
    }

    /// Bits of a number. Source: [MS-OXCDATA] 2.12.7.
    pub struct BitMask {
        /// Any bit of the mask set, instead of none.
        is_any_set: bool,
        property: PropertyTag,
        mask: u32,
    }

    /// The size of a value in bytes. Source: [MS-OXCDATA] 2.12.8.
    pub struct SizeOf {
        relation: Relation,
        property: PropertyTag,
        size: u32,
    }
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Restriction {
    /// All of them.
    And(Vec<Restriction>),
    /// Any of them.
    Or(Vec<Restriction>),
    /// Not this.
    Not(Box<Restriction>),
    /// Text or bytes that hold others.
    Content(Content),
    /// A property against a value.
    Property(Property),
    /// A property against another.
    Compare(Comparison),
    /// Bits of a number.
    BitMask(BitMask),
    /// The size of a value.
    Size(SizeOf),
    /// The property is there.
    Exist(PropertyTag),
    /// Any recipient (0E12000D) or attachment (0E13000D) of the message.
    SubObject(PropertyTag, Box<Restriction>),
    /// A condition with values that mean something to the client alone.
    Comment(Vec<TaggedValue>, Option<Box<Restriction>>),
    /// The first so many that match.
    Count(u32, Box<Restriction>),
    /// Like a comment.
    Annotation(Vec<TaggedValue>, Option<Box<Restriction>>),
    /// No condition.
    Null,
}

/// A restriction whose inner ones are still being read.
enum Open {
    List(Joint, usize, Vec<Restriction>),
    Not,
    SubObject(PropertyTag),
    Comment(Vec<TaggedValue>),
    Count(u32),
    Annotation(Vec<TaggedValue>),
}

#[derive(Clone, Copy)]
enum Joint {
    And,
    Or,
}

impl Joint {
    fn join(self, all: Vec<Restriction>) -> Restriction {
        match self {
            Self::And => Restriction::And(all),
            Self::Or => Restriction::Or(all),
        }
    }
}

/// What the head of a restriction leads to.
enum Head {
    Whole(Restriction),
    Open(Open),
}

impl Open {
    /// Takes the next inner restriction: complete with it, or open still.
    fn take(self, inner: Restriction) -> Head {
        let inner_box = |inner| Box::new(inner);
        Head::Whole(match self {
            Self::List(joint, missing, mut all) => {
                all.push(inner);
                if missing > 1 {
                    return Head::Open(Self::List(joint, missing - 1, all));
                }
                joint.join(all)
            }
            Self::Not => Restriction::Not(inner_box(inner)),
            Self::SubObject(object) => Restriction::SubObject(object, inner_box(inner)),
            Self::Comment(values) => Restriction::Comment(values, Some(inner_box(inner))),
            Self::Count(count) => Restriction::Count(count, inner_box(inner)),
            Self::Annotation(values) => Restriction::Annotation(values, Some(inner_box(inner))),
        })
    }
}

fn read_head(reader: &mut Reader<'_>) -> Result<Head, Malformed> {
    let whole = match u8::read(reader)? {
        0x00 => return read_list(Joint::And, reader),
        0x01 => return read_list(Joint::Or, reader),
        0x02 => return Ok(Head::Open(Open::Not)),
        0x03 => Restriction::Content(Content::read(reader)?),
        0x04 => Restriction::Property(Property::read(reader)?),
        0x05 => Restriction::Compare(Comparison::read(reader)?),
        0x06 => Restriction::BitMask(BitMask::read(reader)?),
        0x07 => Restriction::Size(SizeOf::read(reader)?),
        0x08 => Restriction::Exist(PropertyTag::read(reader)?),
        0x09 => return Ok(Head::Open(Open::SubObject(PropertyTag::read(reader)?))),
        0x0a => {
            return Ok(match read_comment(reader)? {
                (values, true) => Head::Open(Open::Comment(values)),
                (values, false) => Head::Whole(Restriction::Comment(values, None)),
            });
        }
        0x0b => return Ok(Head::Open(Open::Count(u32::read(reader)?))),
        0x0c => {
            return Ok(match read_comment(reader)? {
                (values, true) => Head::Open(Open::Annotation(values)),
                (values, false) => Head::Whole(Restriction::Annotation(values, None)),
            });
        }
        0xff => Restriction::Null,
        unknown => return Err(Malformed::Unknown(unknown.into())),
    };
    Ok(Head::Whole(whole))
}

fn read_list(joint: Joint, reader: &mut Reader<'_>) -> Result<Head, Malformed> {
    let count = match reader.form() {
        Form::Rop => u16::read(reader)?.to_size(),
        Form::Wide | Form::AddressBook => u32::read(reader)?.to_size(),
    };
    Ok(match reader.believe(count, Restriction::LEAST)? {
        0 => Head::Whole(joint.join(Vec::new())),
        count => Head::Open(Open::List(joint, count, Vec::new())),
    })
}

/// The values of a comment, and whether a condition follows.
fn read_comment(reader: &mut Reader<'_>) -> Result<(Vec<TaggedValue>, bool), Malformed> {
    let values = reader.within_restriction(Counted::<u8>::read)?;
    Ok((values, bool::read(reader)?))
}

impl Wire for Restriction {
    const LEAST: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut open = Vec::new();
        for _ in 0..RESTRICTION_NODES_MAX {
            let mut head = read_head(reader)?;
            while let Head::Whole(inner) = head {
                let Some(outer) = open.pop() else {
                    return Ok(inner);
                };
                head = Open::take(outer, inner);
            }
            let Head::Open(outer) = head else { continue };
            if open.len() == RESTRICTION_DEPTH_MAX {
                return Err(Malformed::Budget);
            }
            open.push(outer);
        }
        Err(Malformed::Budget)
    }

    fn write(&self, writer: &mut Writer) {
        match self {
            Self::And(all) => write_list(0x00, all, writer),
            Self::Or(all) => write_list(0x01, all, writer),
            Self::Not(inner) => write_head(0x02, inner.as_ref(), writer),
            Self::Content(content) => write_head(0x03, content, writer),
            Self::Property(property) => write_head(0x04, property, writer),
            Self::Compare(comparison) => write_head(0x05, comparison, writer),
            Self::BitMask(mask) => write_head(0x06, mask, writer),
            Self::Size(size) => write_head(0x07, size, writer),
            Self::Exist(property) => write_head(0x08, property, writer),
            Self::SubObject(object, inner) => {
                write_head(0x09, object, writer);
                inner.as_ref().write(writer);
            }
            Self::Comment(values, inner) => write_comment(0x0a, values, inner.as_deref(), writer),
            Self::Count(count, inner) => {
                write_head(0x0b, count, writer);
                inner.as_ref().write(writer);
            }
            Self::Annotation(values, inner) => {
                write_comment(0x0c, values, inner.as_deref(), writer);
            }
            Self::Null => writer.put(&[0xff]),
        }
    }
}

fn write_head(kind: u8, rest: &impl Wire, writer: &mut Writer) {
    writer.put(&[kind]);
    rest.write(writer);
}

fn write_list(kind: u8, all: &[Restriction], writer: &mut Writer) {
    writer.put(&[kind]);
    match writer.form() {
        Form::Rop => writer.count::<u16>(all.len()),
        Form::Wide | Form::AddressBook => writer.count::<u32>(all.len()),
    }
    writer.values(all);
}

fn write_comment(
    kind: u8,
    values: &Vec<TaggedValue>,
    inner: Option<&Restriction>,
    writer: &mut Writer,
) {
    writer.put(&[kind]);
    Counted::<u8>::write(values, writer);
    inner.is_some().write(writer);
    if let Some(inner) = inner {
        inner.write(writer);
    }
}
