//! Flags and keywords of an item.
//!
//! Flags that every client knows are bits; all other keywords are names interned for the account
//! (`Txn::intern`), kept as a sorted list of numbers.

use super::codec::{Decoder, Encoder, corrupt};
use crate::error::StoreError;
use std::ops::{BitAnd, BitOr, Not};

/// Most keywords that one item may carry; more are refused, so that a row stays small.
pub const KEYWORDS_MAX: usize = 128;

/// A set of the flags that have a bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Flags(pub u32);

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $bit:literal, $text:literal;)*) => {
        impl Flags {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*

            /// Every flag with its registered name: RFC 9051 §2.3.2 without the backslash, and the
            /// IANA registry of keywords.
            pub const NAMES: &'static [(Self, &'static str)] = &[$((Self::$name, $text)),*];
        }
    };
}

flags! {
    /// It was read.
    SEEN = 0, "Seen";
    /// It was answered.
    ANSWERED = 1, "Answered";
    /// It is marked as urgent or special.
    FLAGGED = 2, "Flagged";
    /// It is marked for removal.
    DELETED = 3, "Deleted";
    /// It is not finished.
    DRAFT = 4, "Draft";
    /// It was forwarded.
    FORWARDED = 5, "$Forwarded";
    /// A disposition notification was sent (RFC 3503).
    MDN_SENT = 6, "$MDNSent";
    /// It is junk.
    JUNK = 7, "$Junk";
    /// It is not junk.
    NOT_JUNK = 8, "$NotJunk";
    /// It tries to deceive.
    PHISHING = 9, "$Phishing";
    /// It is likely important (RFC 8457).
    IMPORTANT = 10, "$Important";
    /// It waits to be submitted (RFC 5550).
    SUBMIT_PENDING = 11, "$SubmitPending";
    /// It was submitted (RFC 5550).
    SUBMITTED = 12, "$Submitted";
    /// It has attachments.
    HAS_ATTACHMENT = 13, "$HasAttachment";
    /// It has no attachments.
    HAS_NO_ATTACHMENT = 14, "$HasNoAttachment";
    /// Its thread is muted.
    MUTED = 15, "$Muted";
    /// Its thread is followed.
    FOLLOWED = 16, "$Followed";
    /// It was sent by a rule, not by a person.
    AUTO_SENT = 17, "$AutoSent";
    /// Colour bit 0 of some clients.
    COLOUR_0 = 18, "$MailFlagBit0";
    /// Colour bit 1 of some clients.
    COLOUR_1 = 19, "$MailFlagBit1";
    /// Colour bit 2 of some clients.
    COLOUR_2 = 20, "$MailFlagBit2";
}

impl Flags {
    /// None at all.
    pub const NONE: Self = Self(0);

    /// True when every flag of `other` is set here.
    pub fn contains(self, other: Self) -> bool {
        self & other == other
    }
}

impl BitOr for Flags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Flags {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for Flags {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}

/// Interned keywords: ascending numbers without repetition.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Keywords(Vec<u32>);

impl Keywords {
    /// The numbers, ascending.
    pub fn numbers(&self) -> &[u32] {
        &self.0
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when this keyword is set.
    pub fn contains(&self, number: u32) -> bool {
        self.0.binary_search(&number).is_ok()
    }

    /// With the keywords of `other` as well.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        self.0.iter().chain(&other.0).copied().collect()
    }

    /// Without the keywords of `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self(
            self.0
                .iter()
                .copied()
                .filter(|&number| !other.contains(number))
                .collect(),
        )
    }

    pub(crate) fn write(&self, out: &mut Encoder) {
        out.number(self.0.len() as u64);
        let mut before = 0;
        for &number in &self.0 {
            out.number(u64::from(number - before));
            before = number;
        }
    }

    pub(crate) fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        let count = input.length()?;
        let mut numbers = Vec::with_capacity(count);
        let mut before = 0_u32;
        for _ in 0..count {
            let number = before.checked_add(input.number32()?);
            before = number.ok_or_else(|| corrupt("keyword out of range"))?;
            numbers.push(before);
        }
        Ok(Self(numbers))
    }
}

impl FromIterator<u32> for Keywords {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut numbers: Vec<u32> = numbers.into_iter().collect();
        numbers.sort_unstable();
        numbers.dedup();
        Self(numbers)
    }
}

/// Flags and keywords together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlagSet {
    /// Those that have a bit.
    pub flags: Flags,
    /// Those that have a name.
    pub keywords: Keywords,
}

impl From<Flags> for FlagSet {
    fn from(flags: Flags) -> Self {
        Self {
            flags,
            keywords: Keywords::default(),
        }
    }
}

/// What to do with an item's flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlagChange {
    /// These and no others.
    Replace(FlagSet),
    /// First `add`, then `remove`; all others stay.
    Alter {
        /// To be set.
        add: FlagSet,
        /// To be cleared.
        remove: FlagSet,
    },
}

impl FlagChange {
    /// Sets some, leaves the others.
    pub fn add(set: impl Into<FlagSet>) -> Self {
        Self::Alter {
            add: set.into(),
            remove: FlagSet::default(),
        }
    }

    /// Clears some, leaves the others.
    pub fn remove(set: impl Into<FlagSet>) -> Self {
        Self::Alter {
            add: FlagSet::default(),
            remove: set.into(),
        }
    }

    /// What an item that has `old` has afterwards.
    pub fn apply(&self, old: &FlagSet) -> FlagSet {
        match self {
            Self::Replace(new) => new.clone(),
            Self::Alter { add, remove } => FlagSet {
                flags: (old.flags | add.flags) & !remove.flags,
                keywords: old.keywords.with(&add.keywords).without(&remove.keywords),
            },
        }
    }
}
