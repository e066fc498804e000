//! The commands of a client as values.
//!
//! Standards: RFC 9051 §6, RFC 3501 §6 (LSUB, CHECK), RFC 7162 §3 (CONDSTORE, QRESYNC), RFC 5258
//! (LIST-EXTENDED), RFC 5819 (LIST-STATUS), RFC 6154 §3 (CREATE USE), RFC 5256 (SORT, THREAD),
//! RFC 5267 (CANCELUPDATE), RFC 5255 (LANGUAGE, COMPARATOR), RFC 7377 (ESEARCH IN), RFC 4467
//! (URLAUTH), RFC 5257 (ANNOTATE).

use super::access::AccessRequest;
use super::annotation::AnnotationValue;
use super::append::{Piece, Place};
use super::fetch::FetchRequest;
use super::mailbox::MailboxName;
use super::metadata::{Entry, MetadataRequest};
use super::moment::Moment;
use super::notify::NotifyRequest;
use super::quota::QuotaRequest;
use super::scope::Scope;
use super::search::SearchRequest;
use super::sequence::{NumberSet, SequenceSet};
use super::sort::{SortRequest, ThreadRequest};
use super::{Fault, FlagList};

/// A command with the tag that its answer carries.
#[derive(Debug, Clone, PartialEq)]
pub struct Tagged {
    /// The tag, as sent.
    pub tag: String,
    /// The command.
    pub command: Command,
}

/// Whether a command's set and answers are of message numbers or UIDs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// Places in the mailbox as announced.
    Sequence,
    /// `UID …`
    Uid,
}

/// Everything that a client can ask for, APPEND excepted: its message is streamed (see
/// [`super::append`]).
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// `CAPABILITY`
    Capability,
    /// `NOOP`
    Noop,
    /// `CHECK`
    Check,
    /// `LOGOUT`
    Logout,
    /// `UNAUTHENTICATE`
    Unauthenticate,
    /// `STARTTLS`
    StartTls,
    /// `COMPRESS`: the mechanism in capitals.
    Compress(String),
    /// `LOGIN`: user and password, as sent.
    Login(String, String),
    /// `AUTHENTICATE`: mechanism and, if it came along, the first response in base64.
    Authenticate(String, Option<Vec<u8>>),
    /// `ENABLE`: capabilities in capitals.
    Enable(Vec<String>),
    /// `ID`
    Id(Vec<(String, Option<String>)>),
    /// `IDLE`
    Idle,
    /// `NAMESPACE`
    Namespace,
    /// `SELECT` or `EXAMINE`.
    Open(OpenRequest),
    /// `CLOSE`
    Close,
    /// `UNSELECT`
    Unselect,
    /// `CREATE`: name and, with USE, the special uses.
    Create(MailboxName, Vec<String>),
    /// `DELETE`
    Delete(MailboxName),
    /// `RENAME`: from and to.
    Rename(MailboxName, MailboxName),
    /// `SUBSCRIBE` or `UNSUBSCRIBE`.
    Subscribe(MailboxName, Subscription),
    /// `LIST`
    List(ListRequest),
    /// `XLIST`
    Xlist(ListRequest),
    /// `GETACL`, `SETACL`, `DELETEACL`, `LISTRIGHTS` or `MYRIGHTS`.
    Access(AccessRequest),
    /// `GETMETADATA` or `SETMETADATA`.
    Metadata(MetadataRequest),
    /// `GETQUOTA`, `GETQUOTAROOT` or `SETQUOTA`.
    Quota(QuotaRequest),
    /// `LSUB`: reference and pattern.
    Lsub(MailboxName, MailboxName),
    /// `STATUS`
    Status(MailboxName, Vec<StatusItem>),
    /// `RESETKEY`: of this mailbox, or all.
    ResetKey(Option<MailboxName>),
    /// `GENURLAUTH`: URLs to be authorized.
    AuthorizeUrls(Vec<String>),
    /// `URLFETCH`: URLs to be read, and what of them.
    FetchUrls(Vec<UrlRequest>),
    /// `NOTIFY`
    Notify(NotifyRequest),
    /// `UIDBATCHES`
    UidBatches(BatchRequest),
    /// `EXPUNGE`, or `UID EXPUNGE` of a set.
    Expunge(Option<SequenceSet>),
    /// `SEARCH`
    Search(Numbering, SearchRequest),
    /// `ESEARCH`: in other mailboxes too, or `None` for the open one.
    MultiSearch(Option<Vec<Scope>>, SearchRequest),
    /// `SORT`
    Sort(Numbering, SortRequest),
    /// A search whose result was to be saved, and why it can't be done.
    Unsaved(Fault),
    /// `THREAD`
    Thread(Numbering, ThreadRequest),
    /// `CANCELUPDATE`: the tags of searches.
    CancelUpdate(Vec<String>),
    /// `LANGUAGE`: ranges of languages.
    Language(Vec<String>),
    /// `COMPARATOR`: patterns of names.
    Comparator(Vec<String>),
    /// `FETCH`
    Fetch(Numbering, SequenceSet, FetchRequest),
    /// `STORE`
    Store(Numbering, SequenceSet, StoreRequest),
    /// `COPY` or `MOVE`.
    Transfer(Numbering, SequenceSet, MailboxName, Transfer),
}

/// Arguments of UIDBATCHES.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchRequest {
    /// Messages in a batch.
    pub size: u32,
    /// First and last batch that is wanted, counted from 1; all, if absent.
    pub batches: Option<(u32, u32)>,
}

/// What SUBSCRIBE and UNSUBSCRIBE lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscription {
    /// Told by `LIST (SUBSCRIBED)` and LSUB.
    Subscribed,
    /// Not told there.
    Unsubscribed,
}

/// One URL of URLFETCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlRequest {
    /// The URL.
    pub url: String,
    /// What is wanted of it; `None`: its bytes, and nothing around them. Source: RFC 5524 §3.
    pub wanted: Option<UrlParts>,
}

/// What is wanted of what a URL names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UrlParts {
    /// `BODYPARTSTRUCTURE`
    pub structure: bool,
    /// `BODY` or `BINARY`
    pub bytes: Option<UrlBytes>,
}

/// In which form the bytes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlBytes {
    /// `BODY`: as they are.
    AsStored,
    /// `BINARY`: without their transfer encoding.
    Decoded,
}

/// What becomes of the originals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// They stay.
    Copy,
    /// They go.
    Move,
}

/// How a mailbox is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `SELECT`
    ReadWrite,
    /// `EXAMINE`
    ReadOnly,
}

/// Arguments of SELECT and EXAMINE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRequest {
    /// Which mailbox.
    pub mailbox: MailboxName,
    /// SELECT or EXAMINE.
    pub access: Access,
    /// `(CONDSTORE)`
    pub condstore: bool,
    /// `(ANNOTATE)`: changed annotations are told.
    pub annotate: bool,
    /// `(QRESYNC (…))`
    pub resync: Option<Resync>,
}

/// What a client knows of a mailbox from before. Source: RFC 7162 §3.2.5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resync {
    /// UIDVALIDITY as it was.
    pub uid_validity: u32,
    /// HIGHESTMODSEQ as it was.
    pub modseq: u64,
    /// The UIDs it knows; `None` means all up to then.
    pub known_uids: Option<NumberSet>,
    /// Numbers and the UIDs that they had, in the same order.
    pub matches: Option<(NumberSet, NumberSet)>,
}

/// Arguments of LIST. Any of the options may be named, each for itself.
///
///  Source: RFC 5258 §3, RFC 9051 §6.3.9.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
// Each option is named for itself.
#[allow(clippy::struct_excessive_bools)]
pub struct ListRequest {
    /// Stands in front of each pattern.
    pub reference: String,
    /// At least one.
    pub patterns: Vec<String>,
    /// `(SUBSCRIBED)`: only those.
    pub subscribed: bool,
    /// `(SPECIAL-USE)`: only those.
    pub special_use: bool,
    /// `(RECURSIVEMATCH)`: also parents of what was selected.
    pub recursive: bool,
    /// `RETURN (SUBSCRIBED)`
    pub return_subscribed: bool,
    /// `RETURN (CHILDREN)`
    pub return_children: bool,
    /// `RETURN (SPECIAL-USE)`
    pub return_special_use: bool,
    /// `RETURN (MYRIGHTS)`. Source: RFC 8440.
    pub return_rights: bool,
    /// `RETURN (METADATA (…))`. Source: RFC 9590.
    pub return_metadata: Vec<Entry>,
    /// `RETURN (STATUS (…))`
    pub return_status: Vec<StatusItem>,
    /// True if it used any form that only LIST-EXTENDED has.
    pub extended: bool,
}

/// What STATUS can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusItem {
    /// How many messages.
    Messages,
    /// Always 0 here.
    Recent,
    /// The next UID.
    UidNext,
    /// The UIDs' validity.
    UidValidity,
    /// How many are unread.
    Unseen,
    /// How many are marked as deleted.
    Deleted,
    /// How many bytes these take.
    DeletedStorage,
    /// Bytes of all messages.
    Size,
    /// The highest change number.
    HighestModSeq,
    /// The mailbox's permanent name.
    MailboxId,
    /// Largest message that is taken.
    AppendLimit,
}

impl StatusItem {
    /// Every item with its name on the wire.
    pub const NAMES: [(Self, &'static str); 11] = [
        (Self::Messages, "MESSAGES"),
        (Self::Recent, "RECENT"),
        (Self::UidNext, "UIDNEXT"),
        (Self::UidValidity, "UIDVALIDITY"),
        (Self::Unseen, "UNSEEN"),
        (Self::Deleted, "DELETED"),
        (Self::DeletedStorage, "DELETED-STORAGE"),
        (Self::Size, "SIZE"),
        (Self::HighestModSeq, "HIGHESTMODSEQ"),
        (Self::MailboxId, "MAILBOXID"),
        (Self::AppendLimit, "APPENDLIMIT"),
    ];
}

/// What STORE does with the flags that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagChange {
    /// `FLAGS`: these and no others.
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// What STORE changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreItem {
    /// `FLAGS`
    Flags {
        /// What is done.
        change: FlagChange,
        /// `.SILENT`: the new flags are not told back.
        silent: bool,
        /// The flags.
        flags: FlagList,
    },
    /// `ANNOTATION`
    Annotations(Vec<AnnotationValue>),
}

/// Arguments of STORE behind the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreRequest {
    /// What is changed.
    pub item: StoreItem,
    /// `(UNCHANGEDSINCE n)`: messages that changed later are left alone.
    pub unchanged_since: Option<u64>,
}

/// What stands in front of each message of an APPEND.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppendMessage {
    /// Flags that it gets.
    pub flags: FlagList,
    /// When it arrived; now, if absent.
    pub received: Option<Moment>,
    /// What is noted of it.
    pub annotations: Vec<AnnotationValue>,
    /// It stands in `UTF8 (…)`.
    pub utf8: bool,
    /// It is put together in `CATENATE (…)`.
    pub catenates: bool,
}

/// An APPEND or REPLACE up to its first message.
#[derive(Debug, Clone, PartialEq)]
pub struct AppendHead {
    /// The command's tag.
    pub tag: String,
    /// `REPLACE`: the message that goes when the new one is there.
    pub replaces: Option<(Numbering, SequenceSet)>,
    /// Where the messages go.
    pub mailbox: MailboxName,
    /// What was said of the messages so far.
    pub pieces: Vec<Piece>,
    /// Where the reading goes on behind the literal.
    pub place: Place,
}
