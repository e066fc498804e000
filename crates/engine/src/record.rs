//! The bytes of what the engine keeps in the store: a version byte, then [`store::fields`].
//!
//! What does not parse is [`StoreError::Corrupt`], never a guess; nothing is allocated by what a
//! length claims.

use bytes::Bytes;
use store::StoreError;
use store::fields::{Decoder, Encoder};

/// Form of all records written by this program.
const VERSION: u8 = 1;

/// Writes fields.
#[derive(Debug)]
pub(crate) struct Writer(Encoder);

impl Writer {
    pub(crate) fn new() -> Self {
        let mut fields = Encoder::default();
        fields.byte(VERSION);
        Self(fields)
    }

    pub(crate) fn finish(self) -> Bytes {
        self.0.finish()
    }

    pub(crate) fn number(&mut self, value: u64) -> &mut Self {
        self.0.number(value);
        self
    }

    pub(crate) fn signed(&mut self, value: i64) -> &mut Self {
        self.0.signed(value);
        self
    }

    pub(crate) fn flag(&mut self, value: bool) -> &mut Self {
        self.number(u64::from(value))
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.bytes(bytes);
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// An absent text is written as empty, so it must not be empty when present.
    pub(crate) fn optional_text(&mut self, text: Option<&str>) -> &mut Self {
        self.text(text.unwrap_or_default())
    }

    pub(crate) fn list<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T)) -> &mut Self {
        self.number(items.len() as u64);
        for item in items {
            write(self, item);
        }
        self
    }
}

/// Reads fields.
#[derive(Debug)]
pub(crate) struct Reader<'a>(Decoder<'a>);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, StoreError> {
        let mut fields = Decoder::new(bytes);
        match fields.byte()? {
            VERSION => Ok(Self(fields)),
            _ => Err(corrupt()),
        }
    }

    /// True when every field was read; a record of an earlier form ends before the later fields.
    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn number(&mut self) -> Result<u64, StoreError> {
        self.0.number()
    }

    pub(crate) fn number32(&mut self) -> Result<u32, StoreError> {
        self.0.number32()
    }

    pub(crate) fn signed(&mut self) -> Result<i64, StoreError> {
        self.0.signed()
    }

    pub(crate) fn flag(&mut self) -> Result<bool, StoreError> {
        Ok(self.number()? != 0)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], StoreError> {
        self.0.bytes()
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        self.bytes()?.try_into().map_err(|_| corrupt())
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        self.0.text()
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, StoreError> {
        Ok(Some(self.text()?).filter(|text| !text.is_empty()))
    }

    pub(crate) fn list<T>(
        &mut self,
        read: impl Fn(&mut Self) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        // Each element takes at least a byte, so no more can be there than bytes are left.
        let count = self.0.length()?;
        (0..count).map(|_| read(self)).collect()
    }
}

pub(crate) fn corrupt() -> StoreError {
    StoreError::Corrupt("a record of the engine does not parse".to_owned())
}
