//! The model: messages in mailboxes, what a search finds there, and what a client may do next.

use crate::languages::{COMPARISONS, LANGUAGES};
use proptest::prelude::*;
use std::collections::BTreeSet;

pub type Flags = BTreeSet<&'static str>;

/// The mailboxes in the beginning. The last is none that the account needs: it may take other names,
/// and go.
pub const NAMES: [&str; 3] = ["INBOX", "Sent", "Work"];

/// Names to give to the last; some are taken.
pub const NEW_NAMES: [&str; 6] = ["Work", "Plans", "Sent/Old", "INBOX/Old", "Sent", "inbox"];

/// As they are told: the system's with a capital, in lower case here.
pub const FLAGS: [&str; 4] = ["\\flagged", "\\seen", "\\deleted", "work"];

/// How messages are put together.
const ALGORITHMS: [&str; 3] = ["ORDEREDSUBJECT", "REFERENCES", "REFS"];

#[derive(Debug, Clone)]
pub struct Message {
    pub uid: u32,
    pub flags: Flags,
    pub text: String,
    /// What is noted of it, for oneself and for everyone.
    pub notes: Notes,
}

impl Message {
    /// The letter that stands for its subject, without what answers put before it.
    pub fn subject(&self) -> Option<char> {
        self.text.lines().next()?.chars().last()
    }

    pub fn is_answer(&self) -> bool {
        self.text.starts_with("Subject: Re: ")
    }

    /// The number in its Message-ID.
    pub fn id(&self) -> Option<&str> {
        self.field("Message-ID: <m")
    }

    /// That of the message which it answers.
    pub fn answered(&self) -> Option<&str> {
        self.field("In-Reply-To: <m")
    }

    fn field(&self, name: &str) -> Option<&str> {
        let found = self.text.lines().find_map(|line| line.strip_prefix(name));
        found?.strip_suffix("@x.example>")
    }
}

/// The private and the shared value of `/comment`.
pub type Notes = [Option<char>; 2];

#[derive(Debug, Clone, Default)]
pub struct Mailbox {
    pub name: String,
    pub messages: Vec<Message>,
    pub uids: u32,
    /// Its `/comment`, for oneself and for everyone.
    pub described: Notes,
}

impl Mailbox {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    pub fn add(&mut self, text: String, flags: Flags) -> u32 {
        self.put(text, flags, Notes::default())
    }

    pub fn put(&mut self, text: String, flags: Flags, notes: Notes) -> u32 {
        self.uids += 1;
        let uid = self.uids;
        self.messages.push(Message {
            uid,
            flags,
            text,
            notes,
        });
        uid
    }
}

/// What a search looks for.
#[derive(Debug, Clone)]
pub enum Key {
    All,
    Flag(&'static str),
    Subject(char),
    Noted(char),
    Uids(u32, u32),
    After(u32),
    Before(u32),
    Saved,
    Filter,
    Not(Box<Key>),
    Or(Box<Key>, Box<Key>),
}

impl Key {
    pub fn text(&self) -> String {
        match self {
            Self::All => "ALL".to_owned(),
            Self::Flag("work") => "KEYWORD work".to_owned(),
            Self::Flag(flag) => flag[1..].to_uppercase(),
            Self::Subject(letter) => format!("SUBJECT {letter}"),
            Self::Noted(letter) => format!("ANNOTATION /comment value \"{letter}\""),
            Self::Uids(a, b) => format!("UID {a}:{b}"),
            Self::After(uid) => format!("UIDAFTER {uid}"),
            Self::Before(uid) => format!("UIDBEFORE {uid}"),
            Self::Saved => "UID $".to_owned(),
            Self::Filter => "FILTER todo".to_owned(),
            Self::Not(key) => format!("NOT {}", key.text()),
            Self::Or(a, b) => format!("OR {} {}", a.text(), b.text()),
        }
    }

    pub fn fits(&self, message: &Message, saved: &BTreeSet<u32>) -> bool {
        match self {
            Self::All => true,
            Self::Flag(flag) => message.flags.contains(flag),
            Self::Subject(letter) => message.subject() == Some(*letter),
            Self::Noted(letter) => message.notes.contains(&Some(*letter)),
            Self::Uids(a, b) => (*a.min(b)..=*a.max(b)).contains(&message.uid),
            Self::After(uid) => message.uid > *uid,
            Self::Before(uid) => message.uid < *uid,
            Self::Saved => saved.contains(&message.uid),
            // As it was set in the beginning.
            Self::Filter => {
                message.flags.contains("\\flagged") && !message.flags.contains("\\seen")
            }
            Self::Not(key) => !key.fits(message, saved),
            Self::Or(a, b) => a.fits(message, saved) || b.fits(message, saved),
        }
    }

    /// It says by itself which messages are looked at.
    pub fn names_uids(&self) -> bool {
        match self {
            Self::Uids(..) | Self::After(_) | Self::Before(_) | Self::Saved => true,
            Self::Not(not) => matches!(&**not, Self::Not(key) if key.names_uids()),
            _ => false,
        }
    }

    pub fn needs_saved(&self) -> bool {
        match self {
            Self::Saved => true,
            Self::Not(key) => key.needs_saved(),
            Self::Or(a, b) => a.needs_saved() || b.needs_saved(),
            _ => false,
        }
    }
}

/// What the client does next. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
pub enum Action {
    Append(usize, Vec<char>, usize),
    /// Puts an answer to a message into a mailbox.
    Answer(usize, usize, usize),
    Catenate(usize, usize, usize),
    Replace(usize, usize),
    Store {
        from: usize,
        to: usize,
        sign: char,
        flag: usize,
        silent: bool,
    },
    Transfer {
        from: usize,
        to: usize,
        target: usize,
        moves: bool,
    },
    /// Sets or removes a note of some messages.
    Note {
        from: usize,
        to: usize,
        shared: bool,
        letter: Option<char>,
    },
    Notes(usize, usize),
    /// Another device brings its picture of a mailbox up to date.
    Resync(usize),
    /// It marks a message in a mailbox that the first has not open.
    MarkElsewhere(usize, usize, usize),
    /// It marks messages there unless they have changed since it saw them.
    MarkUnchanged(usize, Since),
    /// It puts a letter somewhere.
    Arrive(usize, char),
    /// It removes a message.
    Depart(usize, usize),
    /// From now on the client is told of the mailboxes that it has not open, too.
    Notify,
    /// A result is to be kept up to date: in the order of the mailbox, or by subject, perhaps
    /// backwards.
    Keep(Key, Option<bool>),
    /// The first mailbox is shared with a guest, by these rights.
    Share(&'static str),
    /// The guest does something, perhaps with a message.
    Visit(Deed, usize),
    /// Sets or removes the comment on a mailbox.
    Describe(usize, bool, Option<char>),
    Descriptions(usize),
    /// The last mailbox takes another name.
    Rename(&'static str, By),
    /// It is removed, and there is one of its name again.
    Renew(Origin, By),
    /// Signs out and in again.
    SignOut,
    Expunge,
    UidExpunge(usize, usize),
    Fetch(usize, usize),
    FetchPage(usize, usize, bool),
    Read(usize),
    Search(Key),
    Counts(Key),
    Save(Key),
    Page(Key, usize, usize, bool),
    Sort(Key, bool),
    Thread(&'static str, Key),
    Everywhere(Key),
    Status(usize),
    /// Where to cut it into parts of so many; perhaps only some of them.
    Batches(u32, Option<(u32, u32)>),
    /// Asks for a language.
    Speak(&'static str),
    /// Asks for a way to compare texts.
    Compare(&'static str),
    Show(usize, usize),
    Open(usize, bool),
    Close,
    Unselect,
    UidOnly,
}

/// What is marked unless it has changed, and since when.
#[derive(Debug, Clone)]
pub struct Since {
    pub from: usize,
    pub to: usize,
    pub flag: usize,
    pub silent: bool,
    pub limit: Limit,
}

/// Up to which change messages are marked.
#[derive(Debug, Clone)]
pub enum Limit {
    /// Before any.
    Never,
    /// The last that the device knew of.
    LastSeen,
    /// The last of this message.
    Of(usize),
}

/// Who does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Client,
    Device,
}

/// Where a mailbox comes from.
#[derive(Debug, Clone, Copy)]
pub enum Origin {
    Created,
    /// The first took its name, and left its messages there.
    Inbox,
}

/// What a guest does.
#[derive(Debug, Clone)]
pub enum Deed {
    Open,
    Look,
    Mark(usize),
    Note(char),
    Expunge,
    Put(char),
}

fn deeds() -> impl Strategy<Value = Deed> {
    let letter = || prop::sample::select(vec!['a', 'b', 'c']);
    prop_oneof![
        4 => Just(Deed::Open),
        3 => Just(Deed::Look),
        4 => (0_usize..4).prop_map(Deed::Mark),
        1 => letter().prop_map(Deed::Note),
        1 => Just(Deed::Expunge),
        2 => letter().prop_map(Deed::Put),
    ]
}

fn since() -> impl Strategy<Value = Since> {
    let place = || 0_usize..12;
    let limit = prop_oneof![
        1 => Just(Limit::Never),
        3 => Just(Limit::LastSeen),
        4 => place().prop_map(Limit::Of),
    ];
    (place(), place(), place(), any::<bool>(), limit).prop_map(|(from, to, flag, silent, limit)| {
        Since {
            from,
            to,
            flag,
            silent,
            limit,
        }
    })
}

/// Rights that a guest may have.
const RIGHTS: [&str; 9] = [
    "",
    "l",
    "lr",
    "lrs",
    "lrw",
    "lrtw",
    "lrte",
    "lrin",
    "lrswipten",
];

pub fn keys() -> impl Strategy<Value = Key> {
    let leaf = prop_oneof![
        Just(Key::All),
        prop::sample::select(FLAGS.to_vec()).prop_map(Key::Flag),
        prop::sample::select(vec!['a', 'b', 'c']).prop_map(Key::Subject),
        prop::sample::select(vec!['a', 'b', 'c']).prop_map(Key::Noted),
        (1_u32..9, 1_u32..9).prop_map(|(a, b)| Key::Uids(a, b)),
        (1_u32..9).prop_map(Key::After),
        (1_u32..9).prop_map(Key::Before),
        Just(Key::Saved),
        Just(Key::Filter),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|key| Key::Not(Box::new(key))),
            (inner.clone(), inner).prop_map(|(a, b)| Key::Or(Box::new(a), Box::new(b))),
        ]
    })
}

/// What happens to mailboxes as such.
fn arrangements() -> impl Strategy<Value = Action> {
    let by = || prop_oneof![Just(By::Client), Just(By::Device)];
    prop_oneof![
        1 => (prop::sample::select(NEW_NAMES.to_vec()), by()).prop_map(|(to, by)| Action::Rename(to, by)),
        2 => (prop_oneof![Just(Origin::Created), Just(Origin::Inbox)], by()).prop_map(
            |(origin, by)| Action::Renew(origin, by)
        ),
        1 => (0_usize..12, any::<bool>(), prop::sample::select(vec![Some('a'), Some('b'), None])).prop_map(
            |(index, shared, letter)| Action::Describe(index, shared, letter)
        ),
    ]
}

/// What changes nothing.
fn looks() -> impl Strategy<Value = Action> {
    let place = || 0_usize..12;
    prop_oneof![
        2 => (place(), place()).prop_map(|(a, b)| Action::Fetch(a, b)),
        2 => keys().prop_map(Action::Search),
        1 => keys().prop_map(Action::Counts),
        1 => keys().prop_map(Action::Save),
        1 => (place(), place(), any::<bool>()).prop_map(|(a, b, c)| Action::FetchPage(a, b, c)),
        1 => place().prop_map(Action::Descriptions),
        3 => (keys(), prop::sample::select(vec![None, Some(false), Some(true)])).prop_map(
            |(key, order)| Action::Keep(key, order)
        ),
        1 => (keys(), place(), place(), any::<bool>()).prop_map(|(k, a, b, c)| Action::Page(k, a, b, c)),
        1 => (keys(), any::<bool>()).prop_map(|(key, reverse)| Action::Sort(key, reverse)),
        3 => (prop::sample::select(ALGORITHMS.to_vec()), keys()).prop_map(
            |(algorithm, key)| Action::Thread(algorithm, key)
        ),
        1 => keys().prop_map(Action::Everywhere),
        1 => place().prop_map(Action::Status),
        1 => (place(), place()).prop_map(|(a, b)| Action::Notes(a, b)),
        2 => place().prop_map(Action::Resync),
        1 => (prop::sample::select(vec![499, 500, 2000]), prop::option::of((1_u32..4, 1_u32..4))).prop_map(
            |(size, range)| Action::Batches(size, range)
        ),
        1 => prop::sample::select(LANGUAGES.to_vec()).prop_map(Action::Speak),
        1 => prop::sample::select(COMPARISONS.to_vec()).prop_map(Action::Compare),
        1 => (place(), place()).prop_map(|(a, b)| Action::Show(a, b)),
    ]
}

pub fn actions() -> impl Strategy<Value = Vec<Action>> {
    let place = || 0_usize..12;
    let letters = prop::collection::vec(prop::sample::select(vec!['a', 'b', 'c']), 1..4);
    let changes = prop_oneof![
        4 => (place(), letters, place()).prop_map(|(to, letters, flag)| Action::Append(to, letters, flag)),
        3 => (place(), place(), place()).prop_map(|(a, b, c)| Action::Answer(a, b, c)),
        1 => (place(), place(), place()).prop_map(|(a, b, c)| Action::Catenate(a, b, c)),
        1 => (place(), place()).prop_map(|(a, b)| Action::Replace(a, b)),
        4 => (place(), place(), prop::sample::select(vec!['+', '-', '=']), place(), any::<bool>()).prop_map(
            |(from, to, sign, flag, silent)| Action::Store { from, to, sign, flag, silent }
        ),
        3 => (place(), place(), place(), any::<bool>()).prop_map(
            |(from, to, target, moves)| Action::Transfer { from, to, target, moves }
        ),
        2 => (place(), place(), any::<bool>(), prop::sample::select(vec![Some('a'), Some('b'), None])).prop_map(
            |(from, to, shared, letter)| Action::Note { from, to, shared, letter }
        ),
        1 => (place(), place(), place()).prop_map(|(a, b, c)| Action::MarkElsewhere(a, b, c)),
        2 => (place(), since()).prop_map(|(index, since)| Action::MarkUnchanged(index, since)),
        2 => (place(), prop::sample::select(vec!['a', 'b', 'c'])).prop_map(|(to, letter)| Action::Arrive(to, letter)),
        1 => (place(), place()).prop_map(|(to, which)| Action::Depart(to, which)),
        2 => prop::sample::select(RIGHTS.to_vec()).prop_map(Action::Share),
        4 => (deeds(), place()).prop_map(|(deed, which)| Action::Visit(deed, which)),
        1 => Just(Action::Expunge),
        1 => (place(), place()).prop_map(|(a, b)| Action::UidExpunge(a, b)),
        1 => place().prop_map(Action::Read),
    ];
    let opens = prop_oneof![
        6 => (place(), prop::bool::weighted(0.2)).prop_map(|(a, b)| Action::Open(a, b)),
        1 => Just(Action::Close),
        1 => Just(Action::Unselect),
        1 => Just(Action::UidOnly),
        1 => Just(Action::Notify),
        1 => Just(Action::SignOut),
    ];
    prop::collection::vec(
        prop_oneof![35 => changes, 3 => arrangements(), 24 => looks(), 12 => opens],
        1..50,
    )
}
