//! The extensions that scripts may require, by their registered names.

macro_rules! extensions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// An extension of the language.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Extension {
            $($(#[$doc])* $variant),*
        }

        impl Extension {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name that `require` knows it by.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }
        }
    };
}

extensions! {
    /// RFC 5228 §4.1.
    FileInto = "fileinto",
    /// RFC 5228 §5.4.
    Envelope = "envelope",
    /// RFC 5228 §2.4.2.4.
    EncodedCharacter = "encoded-character",
    /// RFC 5228 §2.7.3: always there, may be required all the same.
    OctetComparator = "comparator-i;octet",
    /// RFC 5228 §2.7.3: always there, may be required all the same.
    AsciiCasemapComparator = "comparator-i;ascii-casemap",
    /// RFC 4790 §9.1.
    AsciiNumericComparator = "comparator-i;ascii-numeric",
    /// RFC 5051.
    UnicodeCasemapComparator = "comparator-i;unicode-casemap",
    /// RFC 3894.
    Copy = "copy",
    /// RFC 5173.
    Body = "body",
    /// RFC 5183.
    Environment = "environment",
    /// RFC 5229.
    Variables = "variables",
    /// RFC 5230.
    Vacation = "vacation",
    /// RFC 6131.
    VacationSeconds = "vacation-seconds",
    /// RFC 5231.
    Relational = "relational",
    /// RFC 5232.
    Imap4Flags = "imap4flags",
    /// RFC 5233.
    SubAddress = "subaddress",
    /// RFC 5235 §3.2.
    SpamTest = "spamtest",
    /// RFC 5235 §3.3.
    SpamTestPlus = "spamtestplus",
    /// RFC 5235 §4.
    VirusTest = "virustest",
    /// RFC 5260 §4.
    Date = "date",
    /// RFC 5260 §6.
    Index = "index",
    /// RFC 5293.
    EditHeader = "editheader",
    /// RFC 5429 §2.2.
    Reject = "reject",
    /// RFC 5429 §2.1.
    EReject = "ereject",
    /// RFC 5435.
    ENotify = "enotify",
    /// RFC 5463.
    IHave = "ihave",
    /// RFC 5490 §3.
    Mailbox = "mailbox",
    /// RFC 5490 §3.3.
    MailboxMetadata = "mboxmetadata",
    /// RFC 5490 §4.
    ServerMetadata = "servermetadata",
    /// RFC 5703 §3.
    ForEveryPart = "foreverypart",
    /// RFC 5703 §4.
    Mime = "mime",
    /// RFC 5703 §7.
    ExtractText = "extracttext",
    /// RFC 5703 §5.
    Replace = "replace",
    /// RFC 5703 §6.
    Enclose = "enclose",
    /// RFC 6009 §3.
    EnvelopeDsn = "envelope-dsn",
    /// RFC 6009 §5.
    RedirectDsn = "redirect-dsn",
    /// RFC 6009 §4.
    EnvelopeDeliverBy = "envelope-deliverby",
    /// RFC 6009 §6.
    RedirectDeliverBy = "redirect-deliverby",
    /// RFC 6134.
    ExtLists = "extlists",
    /// RFC 6785.
    MailboxEvents = "imapsieve",
    /// RFC 6609.
    Include = "include",
    /// RFC 7352.
    Duplicate = "duplicate",
    /// RFC 8579.
    SpecialUse = "special-use",
    /// RFC 8580.
    Fcc = "fcc",
    /// RFC 9042.
    MailboxId = "mailboxid",
    /// draft-ietf-sieve-regex.
    Regex = "regex",
}

impl Extension {
    /// The extension of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.name() == name)
    }

    /// What requiring it brings along.
    pub(super) fn implied(self) -> Option<Self> {
        match self {
            Self::VacationSeconds => Some(Self::Vacation), // RFC 6131 §2
            Self::SpamTestPlus => Some(Self::SpamTest),    // RFC 5235 §3.3
            _ => None,
        }
    }
}

/// A set of extensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions(u64);

impl Extensions {
    /// Whether it is among them.
    pub fn has(self, extension: Extension) -> bool {
        self.0 & (1 << extension as u8) != 0
    }

    pub(super) fn add(&mut self, extension: Extension) {
        self.0 |= 1 << extension as u8;
    }
}
