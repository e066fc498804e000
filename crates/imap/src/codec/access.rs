//! Rights as letters.
//!
//! Standards: RFC 4314 §2.1 (rights), §2.1.1 (obsolete ones), §7 (grammar); RFC 5257
//! §3.4 (`n`).

use super::mailbox::MailboxName;

/// A set of rights, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Letters(pub u16);

impl Letters {
    /// Every right with its letter, in the order in which they are told.
    pub const EACH: [(Self, char); 12] = [
        (Self(1), 'l'),
        (Self(1 << 1), 'r'),
        (Self(1 << 2), 's'),
        (Self(1 << 3), 'w'),
        (Self(1 << 4), 'i'),
        (Self(1 << 5), 'p'),
        (Self(1 << 6), 'k'),
        (Self(1 << 7), 'x'),
        (Self(1 << 8), 't'),
        (Self(1 << 9), 'e'),
        (Self(1 << 10), 'a'),
        (Self(1 << 11), 'n'),
    ];

    /// All of them.
    pub const ALL: Self = Self((1 << 12) - 1);

    /// What RFC 2086 called `c`: `k` and `x`.
    pub const CREATE: Self = Self(1 << 6 | 1 << 7);

    /// What it called `d`: `t` and `e`.
    pub const DELETE: Self = Self(1 << 8 | 1 << 9);

    /// The rights that these letters stand for; `None` if one of them is none.
    pub fn read(text: &[u8]) -> Option<Self> {
        text.iter().try_fold(Self::default(), |all, letter| {
            let more = match letter {
                b'c' => Self::CREATE,
                b'd' => Self::DELETE,
                letter => {
                    let is_it = |(_, each): &&(Self, char)| *each == char::from(*letter);
                    Self::EACH.iter().find(is_it)?.0
                }
            };
            Some(all.with(more))
        })
    }

    /// These and those.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True if some of the others are among them.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The letters, with the obsolete ones where one of their rights is there.
    pub fn text(self) -> String {
        let each = Self::EACH
            .iter()
            .filter(|(right, _)| self.intersects(*right));
        let mut text: String = each.map(|(_, letter)| *letter).collect();
        for (rights, letter) in [(Self::CREATE, 'c'), (Self::DELETE, 'd')] {
            if self.intersects(rights) {
                text.push(letter);
            }
        }
        text
    }
}

/// What becomes of the rights that someone had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RightsChange {
    /// These and no others.
    Replace(Letters),
    /// `+`
    Add(Letters),
    /// `-`
    Remove(Letters),
}

/// A command about who may do what in a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessRequest {
    /// `GETACL`
    Get(MailboxName),
    /// `SETACL`: mailbox, identifier, rights.
    Set(MailboxName, String, RightsChange),
    /// `DELETEACL`: mailbox and identifier.
    Delete(MailboxName, String),
    /// `LISTRIGHTS`: mailbox and identifier.
    List(MailboxName, String),
    /// `MYRIGHTS`
    My(MailboxName),
}
