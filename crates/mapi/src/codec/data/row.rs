//! Rows of tables, and the properties asked for of one object.
//!
//! A row says nothing of its columns: the reader is told them ([`Reader::with_columns`]).
//!
//! Source: [MS-OXCDATA] 2.8 (rows), 2.11.5 and 2.11.6 (flagged values), 2.7 (problems).

use super::tag::{PropertyTag, PropertyType};
use super::value::Value;
use crate::codec::wire::{Malformed, Reader, Wire, Writer, wire};

/// What a column of a row holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The value.
    Value(Value),
    /// There is none, and nothing to say about it.
    Absent,
    /// Why there is none, for example 8004010F.
    Error(u32),
}

/// One column of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Told where the column was asked for without a type.
    pub shown_type: Option<PropertyType>,
    /// What it holds.
    pub outcome: Outcome,
}

impl Cell {
    /// A value in a column of its type.
    pub fn value(value: Value) -> Self {
        Self {
            shown_type: None,
            outcome: Outcome::Value(value),
        }
    }

    /// A value in a column without a type.
    pub fn typed(value: Value) -> Self {
        Self {
            shown_type: Some(value.property_type()),
            outcome: Outcome::Value(value),
        }
    }

    /// Why there is no value in a column of type `kind`.
    pub fn error(kind: PropertyType, code: u32) -> Self {
        let shown_type = (kind == PropertyType::UNSPECIFIED).then_some(PropertyType::ERROR_CODE);
        Self {
            shown_type,
            outcome: Outcome::Error(code),
        }
    }

    fn read(column: PropertyTag, is_flagged: bool, r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let is_typed = column.property_type() == PropertyType::UNSPECIFIED;
        let shown_type = is_typed.then(|| PropertyType::read(r)).transpose()?;
        let kind = shown_type.unwrap_or(column.property_type());
        let outcome = match if is_flagged { u8::read(r)? } else { VALUE } {
            VALUE => Outcome::Value(Value::read(kind, r)?),
            ABSENT => Outcome::Absent,
            ERROR => Outcome::Error(u32::read(r)?),
            unknown => return Err(Malformed::Unknown(unknown.into())),
        };
        Ok(Self {
            shown_type,
            outcome,
        })
    }

    fn write(&self, is_flagged: bool, writer: &mut Writer) {
        if let Some(kind) = self.shown_type {
            kind.write(writer);
        }
        let flag = match self.outcome {
            Outcome::Value(_) => VALUE,
            Outcome::Absent => ABSENT,
            Outcome::Error(_) => ERROR,
        };
        if is_flagged {
            flag.write(writer);
        }
        match &self.outcome {
            Outcome::Value(value) => value.write(writer),
            Outcome::Absent => {}
            Outcome::Error(code) => code.write(writer),
        }
    }
}

const VALUE: u8 = 0x00;
const ABSENT: u8 = 0x01;
const ERROR: u8 = 0x0a;

/// A row: one cell for each column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PropertyRow(pub Vec<Cell>);

impl Wire for PropertyRow {
    const LEAST: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let is_flagged = match u8::read(reader)? {
            0 => false,
            1 => true,
            unknown => return Err(Malformed::Unknown(unknown.into())),
        };
        let cells = reader
            .columns()
            .iter()
            .map(|&column| Cell::read(column, is_flagged, reader));
        cells.collect::<Result<_, _>>().map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        let has_value = |cell: &Cell| matches!(cell.outcome, Outcome::Value(_));
        let is_flagged = !self.0.iter().all(has_value);
        is_flagged.write(writer);
        self.0
            .iter()
            .for_each(|cell| cell.write(is_flagged, writer));
    }
}

wire! {
    /// A property that was not set or deleted, and why.
    pub struct PropertyProblem {
        /// Its place in the request.
        index: u16,
        tag: PropertyTag,
        error_code: u32,
    }
}
