//! Blocks that client and server send besides: measurements from the client, which are skipped,
//! and what this server can and has.
//!
//! Source: [MS-OXCRPC] 2.2.2.2.

use super::extended::{self, Packing, Position};
use crate::codec::wire::{Form, Malformed, Reader, TooLong, Wire, Writer};
use bytes::Bytes;

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// 1 or 2: which of two forms of its kind.
    pub version: u8,
    /// What it is about.
    pub kind: u8,
    /// What it says, padded to four bytes.
    pub data: Bytes,
}

/// Bytes of a block's own header.
const HEADER_BYTES: u16 = 4;

impl Block {
    /// What the client is to do: 4 compress, 8 tunnel; and for how many milliseconds that holds.
    pub fn client_control(flags: u32, expiry_milliseconds: u32) -> Self {
        let data = [flags.to_le_bytes(), expiry_milliseconds.to_le_bytes()].concat();
        Self::new(0x0a, data)
    }

    /// Whether there are public folders (1), found by Autodiscover (2). A client that is not told
    /// looks for them.
    pub fn organization(flags: u32) -> Self {
        Self::new(0x17, flags.to_le_bytes().to_vec())
    }

    /// 1: one endpoint serves all.
    pub fn endpoint_capabilities(flags: u32) -> Self {
        Self::new(0x48, flags.to_le_bytes().to_vec())
    }

    /// What requests may hold beyond the usual; 0 here.
    pub fn server_capabilities(flags: u32) -> Self {
        Self::new(0x46, flags.to_le_bytes().to_vec())
    }

    fn new(kind: u8, data: Vec<u8>) -> Self {
        Self {
            version: 1,
            kind,
            data: data.into(),
        }
    }
}

impl Wire for Block {
    const LEAST: usize = 4;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let size = u16::read(reader)?;
        let version = u8::read(reader)?;
        let kind = u8::read(reader)?;
        let size = size.checked_sub(HEADER_BYTES).ok_or(Malformed::Length)?;
        let data = Bytes::copy_from_slice(reader.take(size.into())?);
        Ok(Self {
            version,
            kind,
            data,
        })
    }

    fn write(&self, writer: &mut Writer) {
        let padding = self.data.len().next_multiple_of(4) - self.data.len();
        writer.count::<u16>(usize::from(HEADER_BYTES) + self.data.len() + padding);
        self.version.write(writer);
        self.kind.write(writer);
        writer.put(&self.data);
        writer.put([0; 3].get(..padding).unwrap_or_default());
    }
}

/// The blocks of an auxiliary buffer; none if the buffer is empty.
pub fn read(buffer: &[u8]) -> Result<Vec<Block>, Malformed> {
    if buffer.is_empty() {
        return Ok(Vec::new());
    }
    let mut blocks = Vec::new();
    for payload in extended::unpack(buffer)? {
        let mut reader = Reader::new(&payload, Form::Rop);
        while !reader.rest().is_empty() {
            blocks.push(Block::read(&mut reader)?);
        }
    }
    Ok(blocks)
}

/// A buffer of these blocks.
pub fn write(blocks: &[Block]) -> Result<Vec<u8>, TooLong> {
    let mut writer = Writer::new(Form::Rop);
    writer.values(blocks);
    extended::pack(&writer.finish()?, Packing::Plain, Position::Last).ok_or(TooLong)
}
