//! Properties of a mailbox as a whole.
//!
//! Source: [MS-OXCSTOR] 2.2.2.1.

use super::message::tags_of;
use super::{Properties, integer};
use crate::codec::data::{AddressBookEntryId, EntryId, Guid, PropertyTag, StoreEntryId, Value};
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
    /// As many as may be in it, if there is a limit that this user may know.
    pub quota_bytes: Option<u64>,
    /// Bytes of the largest letter that may be sent.
    pub message_bytes_max: u64,
    /// What clients set.
    pub kept: Values,
}

/// Properties that a client can't set.
pub const COMPUTED: [u16; 25] = [
    0x0e08, 0x0ff4, 0x0ff7, 0x0ff8, 0x0ff9, 0x0ffa, 0x0ffb, 0x0ffe, 0x0fff, 0x3003, 0x340d, 0x35df,
    0x35e0, 0x6619, 0x661b, 0x661c, 0x0e9b, 0x340e, 0x340f, 0x3414, 0x3ff5, 0x6632, 0x666a, 0x666d,
    0x666e,
];

const TAGS: [u32; 24] = [
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
    0x0e9b_0003,
    0x340e_0003,
    0x340f_0003,
    0x3414_0102,
    0x3ff5_0003,
    0x6632_000b,
    0x666a_0003,
    0x666d_0003,
    0x666e_0003,
];

/// What this server can: unique entry ids, searches, writing, attachments, sending, notifications,
/// several values, headings, rich text, conditions and order, HTML, texts of both widths.
///
/// Source: [MS-OXCSTOR] 2.2.2.1.1.7.
const SUPPORT_MASK: i32 = 0x0107_3ffd;
/// Bytes of a rule that is kept as a setting.
const RULE_BYTES_MAX: i32 = 512 * 1024;
/// Whoever has so much of what is allowed is told so: nine tenths.
const WARNED_TENTHS: u64 = 9;
/// One's own mailbox, and another's. Source: [MS-OXCDATA] 2.2.4.3 (providers).
const OWN_PROVIDER: [u8; 16] = [
    0x54, 0x94, 0xa1, 0xc0, 0x29, 0x7f, 0x10, 0x1b, 0xa5, 0x87, 0x08, 0x00, 0x2b, 0x2a, 0x25, 0x17,
];
const OTHER_PROVIDER: [u8; 16] = [
    0x9e, 0xb4, 0x77, 0x00, 0x74, 0xe4, 0x11, 0xce, 0x8c, 0x5e, 0x00, 0xaa, 0x00, 0x42, 0x54, 0xe2,
];
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
        let guid = |guid: Guid| Value::Binary(guid.0.to_vec().into());
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
            0x340d | 0x340f => Value::Integer32(SUPPORT_MASK),
            0x35df => Value::Integer32(VALID_FOLDERS),
            0x35e0 => Value::Binary(self.identity.folder_entry(engine::MAIL_ROOT).into()),
            0x6619 => person(self.actor),
            0x661b => person(self.owner),
            0x0e9b => Value::Integer32(RULE_BYTES_MAX),
            0x340e => Value::Integer32(0),
            0x3414 if self.owner == self.actor => guid(Guid(OWN_PROVIDER)),
            0x3414 => guid(Guid(OTHER_PROVIDER)),
            0x3ff5 => {
                return Ok(self
                    .quota_bytes
                    .map(|limit| kilobytes(limit / 10 * WARNED_TENTHS)));
            }
            0x6632 => Value::Boolean(false),
            0x666a | 0x666e => return Ok(self.quota_bytes.map(kilobytes)),
            0x666d => kilobytes(self.message_bytes_max),
            _ => return Ok(self.kept.get(&id).cloned()),
        }))
    }
}

fn kilobytes(bytes: u64) -> Value {
    integer(bytes / 1024)
}
