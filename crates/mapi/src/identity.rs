//! What things of this server are called towards MAPI clients, for ever.
//!
//! Nothing here depends on an address or a name that may change: all follows from numbers that
//! are never given twice.
//!
//! Source: [MS-OXCDATA] 2.2.1 (ids), [MS-OXCSTOR] 2.2.1.1.3 (GUIDs of a mailbox).

use crate::codec::data::{
    EntryId, FolderEntryId, GlobalCounter, Guid, LongTermId, MessageEntryId, ObjectId,
};
use engine::{AccountId, ChangeSeq, FolderId, PlaceId};

/// All that stands before a person's own part. Outlook keeps it in profiles, so it never changes.
const NAME_PREFIX: &str =
    "/o=facteur/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=";
/// Objects of a mailbox belong to its one replica, which has this short number.
const REPLICA: u16 = 1;

/// The distinguished name of an account.
pub fn legacy_name(account: AccountId) -> String {
    format!("{NAME_PREFIX}{:08x}", account.0)
}

/// The account of a distinguished name, written in letters of either case.
pub fn account_of(legacy_name: &str) -> Option<AccountId> {
    let (prefix, number) = legacy_name.split_at_checked(NAME_PREFIX.len())?;
    let is_number = number.len() == 8 && number.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_name = prefix.eq_ignore_ascii_case(NAME_PREFIX) && is_number;
    let number = is_name.then(|| u32::from_str_radix(number, 16).ok())?;
    number.map(AccountId)
}

/// The name people read: an address where nobody gave another.
pub fn display_name(given: &str, address: &str) -> String {
    let name = if given.is_empty() { address } else { given };
    name.to_owned()
}

/// The GUID of an account, or of a group. `server` tells this server's from those of all others.
pub fn mailbox_guid(server: Guid, account: AccountId) -> Guid {
    let mut mailbox = server.0;
    let end = mailbox.iter_mut().rev().zip(account.0.to_le_bytes());
    for (byte, part) in end {
        *byte ^= part;
    }
    Guid(mailbox)
}

/// What a mailbox is called in the addresses it is served at: its GUID, and the domain of its
/// address.
pub fn mailbox_id(server: Guid, account: AccountId, address: &str) -> String {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    format!("{}@{domain}", mailbox_guid(server, account))
}

/// The GUIDs by which one mailbox and its objects are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailboxIdentity {
    /// The mailbox itself.
    pub mailbox: Guid,
    /// Whoever counts its objects and changes: another after each return to an earlier state.
    pub replica: Guid,
}

impl MailboxIdentity {
    /// Those of an account. `server` tells this server's mailboxes from those of all others.
    pub fn new(server: Guid, account: AccountId, replica: engine::Guid) -> Self {
        Self {
            mailbox: mailbox_guid(server, account),
            replica: Guid(replica.0),
        }
    }

    /// A number in the form that stands anywhere.
    pub fn long(&self, id: ObjectId) -> LongTermId {
        LongTermId {
            replica: self.replica,
            counter: id.counter,
            pad: 0,
        }
    }

    /// A number of this mailbox in its short form.
    pub fn short(&self, id: LongTermId) -> Option<ObjectId> {
        let is_ours = id.replica == self.replica && id.counter.number() != 0;
        is_ours.then_some(ObjectId {
            replica: REPLICA,
            counter: id.counter,
        })
    }

    /// The entry id of a folder.
    pub fn folder_entry(&self, folder: FolderId) -> Vec<u8> {
        let counter = folder_id(folder).counter;
        let id = FolderEntryId::of_mailbox(self.mailbox, self.replica, counter);
        EntryId::Folder(id).to_bytes()
    }

    /// The entry id of a message.
    pub fn message_entry(&self, folder: FolderId, place: PlaceId) -> Vec<u8> {
        let (folder, place) = (folder_id(folder).counter, message_id(place).counter);
        let id = MessageEntryId::of_mailbox(self.mailbox, self.replica, folder, place);
        EntryId::Message(id).to_bytes()
    }

    /// Replica and number together: a source key, or a change key.
    pub fn key(&self, number: u64) -> Vec<u8> {
        [self.replica.0.as_slice(), &counter(number).bytes()].concat()
    }
}

fn counter(number: u64) -> GlobalCounter {
    // All numbers of an account have 48 bits (`ChangeSeq` and its fellows).
    GlobalCounter::new(number).unwrap_or_default()
}

fn object_id(number: u64) -> ObjectId {
    ObjectId {
        replica: REPLICA,
        counter: counter(number),
    }
}

/// What a folder is called within a logon.
pub fn folder_id(folder: FolderId) -> ObjectId {
    object_id(folder.0)
}

/// What a message is called within a logon.
pub fn message_id(place: PlaceId) -> ObjectId {
    object_id(place.0)
}

/// The id of a heading whose name is told as the value of a property: the same eight bytes.
pub fn heading_id(name: u64) -> ObjectId {
    let [low, high, counter @ ..] = name.to_le_bytes();
    let number = counter
        .iter()
        .fold(0, |all, byte| all << 8 | u64::from(*byte));
    ObjectId {
        replica: u16::from_le_bytes([low, high]),
        counter: self::counter(number),
    }
}

/// What a change is called within a logon.
pub fn change_number(change: ChangeSeq) -> ObjectId {
    object_id(change.0)
}

/// The number behind an id, if it is one of this mailbox.
pub fn number_of(id: ObjectId) -> Option<u64> {
    (id.replica == REPLICA).then_some(id.counter.number())
}

/// The number behind an id that is told as the value of a property, if it is one of this mailbox.
pub fn number_of_integer(value: i64) -> Option<u64> {
    let [low, high, counter @ ..] = value.to_le_bytes();
    let counter = counter
        .iter()
        .fold(0, |all, byte| all << 8 | u64::from(*byte));
    (u16::from_le_bytes([low, high]) == REPLICA).then_some(counter)
}

/// An id as the value of a property: its eight bytes as a number, low byte first.
pub fn as_integer(id: ObjectId) -> i64 {
    // The counter's high byte stands first, behind the two of the replica.
    let counter = (id.counter.number() << 16).swap_bytes() << 16;
    (counter | u64::from(id.replica)).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distinguished_name_leads_back_to_its_account() {
        let name = legacy_name(AccountId(0x2a));
        assert!(name.ends_with("/cn=Recipients/cn=0000002a"));
        assert_eq!(account_of(&name), Some(AccountId(0x2a)));
        assert_eq!(account_of(&name.to_uppercase()), Some(AccountId(0x2a)));
        for wrong in [
            "",
            "/o=other/cn=0000002a",
            &name[..name.len() - 1],
            &format!("{name}0"),
        ] {
            assert_eq!(account_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_mailbox_is_called_by_its_guid() {
        let server = Guid([
            0x3e, 0x7a, 0x0c, 0x8a, 0x57, 0x7b, 0x25, 0x4d, 0x9a, 0x6c, 0x3b, 0x1d, 0x7e, 0x0f,
            0x5a, 0x10,
        ]);
        assert_eq!(
            mailbox_id(server, AccountId(1), "alice@example.org"),
            "8a0c7a3e-7b57-4d25-9a6c-3b1d7e0f5a11@example.org"
        );
    }

    #[test]
    fn mailboxes_have_guids_of_their_own() {
        let of = |account| {
            MailboxIdentity::new(Guid([7; 16]), AccountId(account), engine::Guid([1; 16])).mailbox
        };
        assert_ne!(of(1), of(2));
        assert_ne!(of(1), of(0x0100_0000));
        assert_eq!(of(1), of(1));
    }

    #[test]
    fn ids_are_told_as_the_wire_has_them() {
        // 01 00 00 00 00 00 00 0D, low byte first.
        assert_eq!(as_integer(folder_id(FolderId(0x0d))), 0x0d00_0000_0000_0001);
        assert_eq!(number_of(folder_id(FolderId(0x0d))), Some(0x0d));
        assert_eq!(number_of_integer(0x0d00_0000_0000_0001), Some(0x0d));
        assert_eq!(number_of_integer(0x0d00_0000_0000_0002), None);
        assert_eq!(
            as_integer(heading_id(0x0123_4567_89ab_cdef)),
            0x0123_4567_89ab_cdef
        );
        let identity = MailboxIdentity::new(Guid([7; 16]), AccountId(1), engine::Guid([1; 16]));
        let id = message_id(PlaceId(9));
        assert_eq!(identity.short(identity.long(id)), Some(id));
        let foreign = LongTermId {
            replica: Guid([9; 16]),
            ..identity.long(id)
        };
        assert_eq!(identity.short(foreign), None);
    }
}
