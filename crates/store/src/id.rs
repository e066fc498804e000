//! The names by which objects are known, each a type of its own so that they cannot be mixed up.

/// Number of an account in the directory; permanent, never reused. Account 0 is the directory itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct AccountId(pub u32);

impl AccountId {
    /// The account whose objects are the directory and whose queue holds relayed mail.
    pub const DIRECTORY: Self = Self(0);
}

/// Position in an account's change log; the one value every sync token is made from.
///
/// Starts at 1, never repeats, may skip. At most 2^48 - 1, because a MAPI change number holds
/// 48 bits ([MS-OXCFXICS] 2.2.2.1); IMAP allows 63 (RFC 7162 §7). 0 means "before everything".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ChangeSeq(pub u64);

macro_rules! account_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// Drawn from the account's one id counter: 1 … 2^48 - 1, six bytes in a key, never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u64);
    )*};
}

account_ids! {
    /// A folder of an account.
    FolderId;
    /// The internal name of an item: never shown, kept for the item's whole life.
    ItemKey;
    /// Where an item stands (MAPI MID): new on entering a folder, kept when the body changes.
    PlaceId;
    /// A conversation: the number of the item that began it.
    ConversationId;
    /// What an item says (JMAP id, EMAILID, POP3 UIDL): kept on moving, new when a mail's bytes change.
    ContentId;
}

/// IMAP UID: ascending per folder and shelf; new on entering a folder and when a mail's bytes change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uid(pub u32);

/// Store-wide number of a stored body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BodyNumber(pub u64);

/// Keyed BLAKE3 of a body's bytes. The key is the store's own, so nobody can probe what exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BodyHash(pub [u8; 32]);

/// 16 random bytes in the byte order of RFC 4122 §4.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Guid(pub [u8; 16]);

/// Time in units of 100 ns since 1970-01-01T00:00:00 UTC; negative before.
///
/// The unit is that of a Windows FILETIME, so that MAPI properties come back unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Ticks in a second.
    pub const PER_SECOND: i64 = 10_000_000;

    /// The given second since 1970, saturating at the ends of the range.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(Self::PER_SECOND))
    }

    /// Whole seconds since 1970, rounded towards the past.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(Self::PER_SECOND)
    }

    /// So many seconds later, saturating at the ends of the range.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        self.plus(seconds, Self::PER_SECOND)
    }

    /// So many milliseconds later, saturating at the ends of the range.
    #[must_use]
    pub fn plus_milliseconds(self, milliseconds: i64) -> Self {
        self.plus(milliseconds, Self::PER_SECOND / 1000)
    }

    fn plus(self, count: i64, ticks: i64) -> Self {
        Self(self.0.saturating_add(count.saturating_mul(ticks)))
    }
}
