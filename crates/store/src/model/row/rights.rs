//! Who may do what in a folder: one list of grants that every protocol's rights map onto.
//!
//! Sources: RFC 4314 §2.1 (rights of a mailbox), [MS-OXCPERM] 2.2.7 (`PidTagMemberRights`).

use crate::error::StoreError;
use crate::id::AccountId;
use crate::model::codec::{Decoder, Encoder, corrupt};
use std::ops::{BitAnd, BitOr, Not};

/// A set of single permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Rights(pub u32);

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl Rights {$($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*

            /// Every permission there is.
            pub const ALL: Self = Self(0 $(| 1 << $bit)*);
        }
    };
}

rights! {
    /// The folder is seen in lists.
    VISIBLE = 0;
    /// Its items may be read.
    READ = 1;
    /// Whether an item was read is remembered.
    KEEP_SEEN = 2;
    /// Flags other than read and deleted may be set.
    WRITE_FLAGS = 3;
    /// Items may be put in.
    INSERT = 4;
    /// Letters may be sent to the folder.
    POST = 5;
    /// Folders may be made below it.
    CREATE_FOLDER = 6;
    /// The folder may be removed or renamed.
    REMOVE_FOLDER = 7;
    /// Own items may be removed.
    DELETE_OWN = 8;
    /// Any item may be removed.
    DELETE_ANY = 9;
    /// Removed items may be expunged.
    EXPUNGE = 10;
    /// Own items may be changed.
    EDIT_OWN = 11;
    /// Any item may be changed.
    EDIT_ANY = 12;
    /// Rights may be changed.
    ADMINISTER = 13;
    /// The grantee is asked about the folder.
    CONTACT = 14;
    /// When the owner is busy may be seen.
    FREE_BUSY = 15;
    /// Subject and place of what the owner does may be seen.
    FREE_BUSY_DETAILED = 16;
    /// Items marked as private may be seen.
    PRIVATE = 17;
    /// What everyone reads may be noted of items.
    ANNOTATE = 18;
}

impl Rights {
    /// Nothing.
    pub const NONE: Self = Self(0);

    /// True when every permission of `other` is in here.
    pub fn contains(self, other: Self) -> bool {
        self & other == other
    }
}

impl BitOr for Rights {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Rights {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for Rights {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}

/// Whom a grant is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grantee {
    /// Everyone who signed in and has no grant of their own.
    Default,
    /// Everyone who did not sign in.
    Anonymous,
    /// One account or group, by its number in the directory.
    Account(AccountId),
}

/// One line of a folder's list of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Stable number of the line within the folder ([MS-OXCPERM] 2.2.5, `PidTagMemberId`).
    pub member: u32,
    /// Whom it is for.
    pub grantee: Grantee,
    /// What they may do.
    pub rights: Rights,
}

pub(crate) fn write(grants: &[Grant], out: &mut Encoder) {
    out.number(grants.len() as u64);
    for grant in grants {
        out.number(u64::from(grant.member));
        match grant.grantee {
            Grantee::Default => out.byte(0),
            Grantee::Anonymous => out.byte(1),
            Grantee::Account(account) => {
                out.byte(2);
                out.number(u64::from(account.0));
            }
        }
        out.number(u64::from(grant.rights.0));
    }
}

pub(crate) fn read(input: &mut Decoder<'_>) -> Result<Vec<Grant>, StoreError> {
    let count = input.length()?;
    let mut grants = Vec::with_capacity(count);
    for _ in 0..count {
        let member = input.number32()?;
        let grantee = match input.byte()? {
            0 => Grantee::Default,
            1 => Grantee::Anonymous,
            2 => Grantee::Account(AccountId(input.number32()?)),
            _ => return Err(corrupt("unknown grantee")),
        };
        grants.push(Grant {
            member,
            grantee,
            rights: Rights(input.number32()?),
        });
    }
    Ok(grants)
}
