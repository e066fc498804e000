//! How keys are built and taken apart. The table of all keys is in the crate's header.
//!
//! A key is a tag byte and big-endian fields, so that byte order is the order of the fields.

use super::codec::corrupt;
use super::row::Role;
use super::shelf::Shelf;
use crate::backend::{KEY_BYTES_IN_PLACE, Key};
use crate::error::StoreError;
use crate::id::{
    AccountId, BodyNumber, ChangeSeq, ConversationId, FolderId, ItemKey, Timestamp, Uid,
};

/// First bytes of keys, one for each kind of row.
pub(crate) mod tag {
    pub(crate) const ACCOUNT: u8 = b'A';
    pub(crate) const FOLDER: u8 = b'F';
    pub(crate) const WAY: u8 = b'K';
    pub(crate) const ITEM: u8 = b'M';
    pub(crate) const DETAILS: u8 = b'E';
    pub(crate) const LOCATION: u8 = b'L';
    pub(crate) const ALIAS: u8 = b'I';
    pub(crate) const UIDS: u8 = b'U';
    pub(crate) const OVERLAY: u8 = b'O';
    pub(crate) const NAME: u8 = b'N';
    pub(crate) const NAME_NUMBER: u8 = b'n';
    pub(crate) const CONVERSATION_NAME: u8 = b'J';
    pub(crate) const CONVERSATION: u8 = b'j';
    pub(crate) const CHANGE: u8 = b'C';
    pub(crate) const DEPARTED: u8 = b'T';
    pub(crate) const MEMBER: u8 = b'V';
    pub(crate) const READ: u8 = b'P';
    pub(crate) const REFERENCE: u8 = b'R';
    pub(crate) const DIRECTORY: u8 = b'D';
    pub(crate) const ADDRESS: u8 = b'd';
    pub(crate) const QUEUE_DUE: u8 = b'Q';
    pub(crate) const QUEUE: u8 = b'q';
}

/// A key under construction, of fields of fixed length: all of them are short.
struct Builder {
    bytes: [u8; KEY_BYTES_IN_PLACE],
    len: usize,
}

impl Builder {
    fn new(tag: u8) -> Self {
        let empty = Self {
            bytes: [0; KEY_BYTES_IN_PLACE],
            len: 0,
        };
        empty.u8(tag)
    }

    #[inline]
    fn field<const N: usize>(mut self, field: [u8; N]) -> Self {
        let end = self.len + N;
        let place = self.bytes.get_mut(self.len..end);
        debug_assert!(place.is_some(), "fields of a key longer than a short key");
        if let Some(place) = place {
            place.copy_from_slice(&field);
            self.len = end;
        }
        self
    }

    fn account(self, account: AccountId) -> Self {
        self.u32(account.0)
    }

    fn u8(self, value: u8) -> Self {
        self.field([value])
    }

    fn u32(self, value: u32) -> Self {
        self.field(value.to_be_bytes())
    }

    /// The low 48 bits: ids and change numbers never have more.
    fn u48(self, value: u64) -> Self {
        let [_, _, low @ ..] = value.to_be_bytes();
        self.field::<6>(low)
    }

    fn u64(self, value: u64) -> Self {
        self.field(value.to_be_bytes())
    }

    fn key(self) -> Key {
        Key::from_buf_and_len(self.bytes, self.len)
    }

    /// The key with these bytes, however many, at its end.
    fn and(self, bytes: &[u8]) -> Key {
        let mut key = self.key();
        key.extend_from_slice(bytes);
        key
    }
}

pub(crate) fn account(account: AccountId) -> Key {
    Builder::new(tag::ACCOUNT).account(account).key()
}

/// Before all account rows.
pub(crate) fn accounts() -> Key {
    Builder::new(tag::ACCOUNT).key()
}

/// All rows of one kind of one account begin with this.
pub(crate) fn of_account(tag: u8, account: AccountId) -> Key {
    Builder::new(tag).account(account).key()
}

pub(crate) fn folder(account: AccountId, folder: FolderId) -> Key {
    of_folder(tag::FOLDER, account, folder)
}

/// The living folder of a name below a parent. Names are longer than a key may be; of two names
/// with one hash nobody knows an example.
pub(crate) fn child(account: AccountId, parent: Option<FolderId>, name: &str) -> Key {
    let mut key = children(account, parent);
    key.extend_from_slice(blake3::hash(name.as_bytes()).as_bytes());
    key
}

/// The names of all living folders below a parent begin with this.
pub(crate) fn children(account: AccountId, parent: Option<FolderId>) -> Key {
    let parent = parent.map_or(0, |parent| parent.0); // No folder has the id 0.
    Builder::new(tag::WAY)
        .account(account)
        .u8(b'n')
        .u48(parent)
        .key()
}

/// The living folder with a role.
pub(crate) fn role(account: AccountId, role: Role) -> Key {
    Builder::new(tag::WAY)
        .account(account)
        .u8(b'r')
        .u8(role.number())
        .key()
}

/// The folder that has a UIDVALIDITY, also a removed one.
pub(crate) fn uid_validity(account: AccountId, uid_validity: u32) -> Key {
    Builder::new(tag::WAY)
        .account(account)
        .u8(b'v')
        .u32(uid_validity)
        .key()
}

/// All rows of one kind of one folder begin with this.
pub(crate) fn of_folder(tag: u8, account: AccountId, folder: FolderId) -> Key {
    Builder::new(tag).account(account).u48(folder.0).key()
}

/// All rows of one kind of one shelf of a folder begin with this.
pub(crate) fn of_shelf(tag: u8, account: AccountId, folder: FolderId, shelf: Shelf) -> Key {
    Builder::new(tag)
        .account(account)
        .u48(folder.0)
        .u8(shelf.number())
        .key()
}

pub(crate) fn item(account: AccountId, folder: FolderId, shelf: Shelf, uid: Uid) -> Key {
    Builder::new(tag::ITEM)
        .account(account)
        .u48(folder.0)
        .u8(shelf.number())
        .u32(uid.0)
        .key()
}

pub(crate) fn uid_block(account: AccountId, folder: FolderId, shelf: Shelf, block: u32) -> Key {
    Builder::new(tag::UIDS)
        .account(account)
        .u48(folder.0)
        .u8(shelf.number())
        .u32(block)
        .key()
}

pub(crate) fn details(account: AccountId, item: ItemKey) -> Key {
    Builder::new(tag::DETAILS)
        .account(account)
        .u48(item.0)
        .key()
}

pub(crate) fn location(account: AccountId, item: ItemKey) -> Key {
    Builder::new(tag::LOCATION)
        .account(account)
        .u48(item.0)
        .key()
}

/// Where a place id that is not its item's first number leads to.
pub(crate) fn place(account: AccountId, place: u64) -> Key {
    Builder::new(tag::ALIAS)
        .account(account)
        .u8(b'p')
        .u48(place)
        .key()
}

/// Where a content id that is not its item's first number leads to.
pub(crate) fn content(account: AccountId, content: u64) -> Key {
    Builder::new(tag::ALIAS)
        .account(account)
        .u8(b'c')
        .u48(content)
        .key()
}

/// That an item has a name by which others find its conversation.
pub(crate) fn conversation_name(account: AccountId, name: u64, item: ItemKey) -> Key {
    Builder::new(tag::CONVERSATION_NAME)
        .account(account)
        .u64(name)
        .u48(item.0)
        .key()
}

/// All items with one name begin with this.
pub(crate) fn conversation_names(account: AccountId, name: u64) -> Key {
    Builder::new(tag::CONVERSATION_NAME)
        .account(account)
        .u64(name)
        .key()
}

/// That an item belongs to a conversation which another began.
pub(crate) fn conversation(account: AccountId, id: ConversationId, item: ItemKey) -> Key {
    Builder::new(tag::CONVERSATION)
        .account(account)
        .u48(id.0)
        .u48(item.0)
        .key()
}

/// All rows of one conversation begin with this.
pub(crate) fn in_conversation(account: AccountId, id: ConversationId) -> Key {
    Builder::new(tag::CONVERSATION)
        .account(account)
        .u48(id.0)
        .key()
}

pub(crate) fn change(account: AccountId, change: ChangeSeq) -> Key {
    Builder::new(tag::CHANGE)
        .account(account)
        .u48(change.0)
        .key()
}

pub(crate) fn departed(account: AccountId, folder: FolderId, change: ChangeSeq) -> Key {
    Builder::new(tag::DEPARTED)
        .account(account)
        .u48(folder.0)
        .u48(change.0)
        .key()
}

/// Every overlay row of a folder or item begins with this; what follows is the path.
pub(crate) fn overlay(account: AccountId, object: u64, path: &[u8]) -> Key {
    Builder::new(tag::OVERLAY)
        .account(account)
        .u48(object)
        .and(path)
}

pub(crate) fn name(account: AccountId, space: u8, number: u32) -> Key {
    Builder::new(tag::NAME)
        .account(account)
        .u8(space)
        .u32(number)
        .key()
}

pub(crate) fn name_number(account: AccountId, space: u8, name: &[u8]) -> Key {
    Builder::new(tag::NAME_NUMBER)
        .account(account)
        .u8(space)
        .and(name)
}

pub(crate) fn member(account: AccountId, folder: FolderId, item: ItemKey) -> Key {
    Builder::new(tag::MEMBER)
        .account(account)
        .u48(folder.0)
        .u48(item.0)
        .key()
}

pub(crate) fn read_block(
    account: AccountId,
    folder: FolderId,
    reader: AccountId,
    block: u32,
) -> Key {
    Builder::new(tag::READ)
        .account(account)
        .u48(folder.0)
        .u32(reader.0)
        .u32(block)
        .key()
}

/// The read UIDs of one reader begin with this.
pub(crate) fn reads_of(account: AccountId, folder: FolderId, reader: AccountId) -> Key {
    Builder::new(tag::READ)
        .account(account)
        .u48(folder.0)
        .u32(reader.0)
        .key()
}

pub(crate) fn reference(body: BodyNumber, account: AccountId, object: u64) -> Key {
    Builder::new(tag::REFERENCE)
        .u64(body.0)
        .account(account)
        .u48(object)
        .key()
}

pub(crate) fn directory(kind: u8, number: u32) -> Key {
    Builder::new(tag::DIRECTORY).u8(kind).u32(number).key()
}

/// All directory records of one kind begin with this.
pub(crate) fn directory_kind(kind: u8) -> Key {
    Builder::new(tag::DIRECTORY).u8(kind).key()
}

pub(crate) fn address(address: &[u8]) -> Key {
    Builder::new(tag::ADDRESS).and(address)
}

/// The schedule is one for the whole store, so that what is due next is its first row.
pub(crate) fn queue_due(due: Timestamp, account: AccountId, id: u64) -> Key {
    scheduled(due).account(account).u48(id).key()
}

/// Before all queue entries due at this time or later.
pub(crate) fn queue_due_until(due: Timestamp) -> Key {
    scheduled(due).key()
}

fn scheduled(due: Timestamp) -> Builder {
    // Flipping the sign bit makes byte order the order of signed numbers.
    Builder::new(tag::QUEUE_DUE).u64(due.0.cast_unsigned() ^ (1 << 63))
}

pub(crate) fn queue(account: AccountId, id: u64) -> Key {
    Builder::new(tag::QUEUE).account(account).u48(id).key()
}

/// The first key after all that begin with `prefix`.
pub(crate) fn after(prefix: &[u8]) -> Key {
    let mut end = Key::from_slice(prefix);
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    Key::from_elem(u8::MAX, crate::backend::KEY_BYTES_MAX)
}

/// The 32-bit number that ends a key: a UID, a block, a name's or directory object's number.
pub(crate) fn tail32(key: &[u8]) -> Result<u32, StoreError> {
    let bytes = key.last_chunk::<4>();
    bytes
        .map(|bytes| u32::from_be_bytes(*bytes))
        .ok_or_else(|| corrupt("key too short"))
}

/// The 48-bit number that ends a key: a folder, an item or a change.
pub(crate) fn tail48(key: &[u8]) -> Result<u64, StoreError> {
    let bytes = key
        .last_chunk::<6>()
        .ok_or_else(|| corrupt("key too short"))?;
    Ok(number(bytes))
}

/// The field of a key from `start` on, as a big-endian number of `len` bytes.
pub(crate) fn field(key: &[u8], start: usize, len: usize) -> Result<u64, StoreError> {
    key.get(start..start + len)
        .map(number)
        .ok_or_else(|| corrupt("key too short"))
}

/// The field of four bytes from `start` on.
pub(crate) fn field32(key: &[u8], start: usize) -> Result<u32, StoreError> {
    let bytes = key.get(start..).and_then(<[u8]>::first_chunk::<4>);
    bytes
        .map(|bytes| u32::from_be_bytes(*bytes))
        .ok_or_else(|| corrupt("key too short"))
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, &byte| (number << 8) | u64::from(byte))
}

/// All names of one space begin with this.
pub(crate) fn names(account: AccountId, space: u8) -> Key {
    Builder::new(tag::NAME).account(account).u8(space).key()
}

/// All references to a body begin with this.
pub(crate) fn references(body: BodyNumber) -> Key {
    Builder::new(tag::REFERENCE).u64(body.0).key()
}
