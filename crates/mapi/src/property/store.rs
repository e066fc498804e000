//! Properties of a mailbox as a whole.
//!
//! Source: [MS-OXCSTOR] 2.2.2.1.

use super::Properties;
use super::message::tags_of;
use crate::codec::data::{AddressBookEntryId, EntryId, PropertyTag, StoreEntryId, Value};
use crate::content::Values;
use crate::identity::{self, MailboxIdentity};
use crate::refusal::Refusal;
use engine::AccountId;

/// A mailbox.
#[derive(Debug)]
pub struct StoreProperties {
    /// Whose.
    pub owner: AccountId,
    /// Who looks at it.
    pub actor: AccountId,
    /// The owner's name.
    pub display_name: String,
    /// Its GUIDs.
    pub identity: MailboxIdentity,
    /// Bytes in it.
    pub used_bytes: u64,
    /// What clients set.
    pub kept: Values,
}

/// Properties that a client can't set.
pub const COMPUTED: [u16; 16] = [
    0x0e08, 0x0ff4, 0x0ff7, 0x0ff8, 0x0ff9, 0x0ffa, 0x0ffb, 0x0ffe, 0x0fff, 0x3003, 0x340d, 0x35df,
    0x35e0, 0x6619, 0x661b, 0x661c,
];

const TAGS: [u32; 15] = [
    0x0e08_0014,
    0x0ff8_0102,
    0x0ff9_0102,
    0x0ffa_0102,
    0x0ffb_0102,
    0x0ffe_0003,
    0x0fff_0102,
    0x3001_001f,
    0x3003_001f,
    0x340d_0003,
    0x35df_0003,
    0x35e0_0102,
    0x6619_0102,
    0x661b_0102,
    0x661c_001f,
];

/// What this server can: unique entry ids, Unicode, HTML, tables that can be sorted …
///
/// Source: [MS-OXCSTOR] 2.2.2.1.1.7.
const SUPPORT_MASK: i32 = 0x0005_2001;
/// The folders whose entry ids are told: subtree and Inbox.
const VALID_FOLDERS: i32 = 0x03;

impl Properties for StoreProperties {
    fn tags(&self) -> Vec<PropertyTag> {
        let mut tags = TAGS.map(PropertyTag).to_vec();
        tags.extend(tags_of(&self.kept));
        tags
    }

    fn value(&self, id: u16) -> Result<Option<Value>, Refusal> {
        let owner = identity::legacy_name(self.owner);
        let person = |account| {
            let name = identity::legacy_name(account);
            let entry = EntryId::AddressBook(AddressBookEntryId::new(0, &name));
            Value::Binary(entry.to_bytes().into())
        };
        let guid = |guid: crate::codec::data::Guid| Value::Binary(guid.0.to_vec().into());
        Ok(Some(match id {
            0x0e08 => Value::Integer64(i64::try_from(self.used_bytes).unwrap_or(i64::MAX)),
            0x0ff8 => guid(self.identity.replica),
            0x0ff9 | 0x0ffa => guid(self.identity.mailbox),
            0x0ffb | 0x0fff => {
                let entry = EntryId::Store(StoreEntryId::of_mailbox("facteur", &owner));
                Value::Binary(entry.to_bytes().into())
            }
            0x0ffe => Value::Integer32(1),
            0x3001 | 0x661c => Value::Unicode(self.display_name.clone()),
            0x3003 => Value::Unicode(owner),
            0x340d => Value::Integer32(SUPPORT_MASK),
            0x35df => Value::Integer32(VALID_FOLDERS),
            0x35e0 => Value::Binary(self.identity.folder_entry(engine::MAIL_ROOT).into()),
            0x6619 => person(self.actor),
            0x661b => person(self.owner),
            _ => return Ok(self.kept.get(&id).cloned()),
        }))
    }
}
