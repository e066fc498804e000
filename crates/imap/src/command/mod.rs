//! One file for each command: its arguments, its work, its answer.
//!
//! Work that reads the disk is done in steps; between steps a session holds no lock, view or row
//! that another could wait for. What must be on disk before it is told is handed back as a
//! settlement.
//!
//! Start at [`begin`], the list of commands; [`Work`] is what a long one is made of.

mod access;
pub(crate) mod annotation;
pub(crate) mod append;
pub(crate) mod catenate;
mod close;
pub(crate) mod context;
mod create;
mod delete;
mod enable;
mod expunge;
mod fetch;
pub(crate) mod language;
mod list;
mod metadata;
mod multi_search;
mod namespace;
pub(crate) mod notify;
mod progress;
mod quota;
mod rename;
mod search;
mod select;
mod status;
mod store;
mod subscribe;
mod thread;
mod transfer;
mod uid_batches;
pub(crate) mod url_auth;
mod xlist;

pub(crate) mod capability;
pub(crate) mod id;

use crate::codec::command::{Command, Numbering};
use crate::codec::mailbox::{MailboxName, NameForm};
use crate::codec::search::Criterion;
use crate::codec::sequence::SequenceSet;
use crate::limit::MessageLimit;
use crate::refusal::{Refusal, UID_REQUIRED, UTF8_REQUIRED};
use crate::selected::Selected;
use crate::shared::{self, Found};
use crate::sync::{Expunges, Wanted};
use bytes::BytesMut;
use engine::search::Comparator;
use engine::{Account, Settlement, Timestamp, UidSet};
use notify::Notify;
use std::borrow::Cow;

/// What the client has enabled. Source: RFC 5161, RFC 7162 §3.1 (CONDSTORE also by use).
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools)] // Each may be enabled for itself.
pub(crate) struct Features {
    /// `IMAP4rev2`
    pub(crate) rev2: bool,
    /// `CONDSTORE`: MODSEQ is told with every change of flags.
    pub(crate) condstore: bool,
    /// `QRESYNC`: VANISHED instead of EXPUNGE.
    pub(crate) qresync: bool,
    /// `UTF8=ACCEPT`
    pub(crate) utf8: bool,
    /// `UIDONLY`: message numbers are neither told nor taken.
    pub(crate) uid_only: bool,
}

/// What a session keeps between commands once someone has signed in.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// What was enabled.
    pub(crate) features: Features,
    /// How SEARCH, SORT and THREAD compare texts.
    pub(crate) comparator: Comparator,
    /// The open mailbox.
    pub(crate) selected: Option<Selected>,
    /// What NOTIFY asked for, once it did.
    pub(crate) notify: Option<Box<Notify>>,
    /// Nothing that may need UTF-8 is done before the client has enabled it.
    pub(crate) utf8_only: bool,
    /// How many messages a command works on.
    pub(crate) limit: MessageLimit,
    /// Messages that have come and are to be told of as NOTIFY wants it.
    pub(crate) fresh: UidSet,
    /// UIDONLY is kept from the client: [`crate::quirk::misuses_uid_only`].
    pub(crate) misuses_uid_only: bool,
    /// News wait for the command behind a FETCH: [`crate::quirk::overlooks_news_of_fetch`].
    pub(crate) overlooks_news_of_fetch: bool,
}

impl State {
    /// How names of mailboxes stand on the wire.
    pub(crate) fn name_form(&self) -> NameForm {
        if self.features.rev2 || self.features.utf8 {
            NameForm::Utf8
        } else {
            NameForm::Utf7
        }
    }

    /// Errors: [`UTF8_REQUIRED`] where clients must understand UTF-8 and this one has not said so.
    pub(crate) fn check_utf8(&self) -> Result<(), Refusal> {
        if self.utf8_only && !self.features.utf8 {
            return Err(UTF8_REQUIRED);
        }
        Ok(())
    }

    /// The account of the open mailbox.
    pub(crate) fn open_account(&self) -> Option<&Account> {
        self.selected.as_ref().map(|selected| &selected.account)
    }

    /// The open mailbox.
    pub(crate) fn selected(&self) -> Result<&Selected, Refusal> {
        self.selected
            .as_ref()
            .ok_or(Refusal::WrongState("BAD No mailbox is selected"))
    }

    /// Which changes of messages in the open mailbox are told.
    pub(crate) fn wanted_changes(&self, open: &Selected) -> Wanted {
        match self
            .notify
            .as_ref()
            .filter(|notify| !notify.leaves_selected())
        {
            None => Wanted {
                flags: true,
                annotations: open.tells_annotations,
            },
            Some(notify) => {
                let events = notify.selected().map(|group| group.events);
                let events = events.unwrap_or_default();
                Wanted {
                    flags: events.flags,
                    annotations: events.notes,
                }
            }
        }
    }

    /// Whether more than its coming is to be told of a new message.
    pub(crate) fn wants_new(&self) -> bool {
        let group = self.notify.as_ref().and_then(|notify| notify.selected());
        group.is_some_and(|group| !group.items.is_empty())
    }

    /// The client was told that these came; perhaps it wants to know more of them.
    pub(crate) fn told_of_new(&mut self, came: &UidSet) {
        if self.wants_new() {
            self.fresh = self.fresh.union(came);
        }
    }

    /// The FETCH that NOTIFY or a result that is kept up to date wants of what has come, if there
    /// is one to do.
    pub(crate) fn fetch_of_new(&mut self) -> Option<Box<dyn Work>> {
        self.fetch_for_notify().or_else(|| {
            let held = self.selected.as_mut()?.held.pop_front()?;
            Some(held.release())
        })
    }

    fn fetch_for_notify(&mut self) -> Option<Box<dyn Work>> {
        let fresh = std::mem::take(&mut self.fresh);
        let group = self.notify.as_ref().and_then(|notify| notify.selected());
        let items = group.map(|group| group.items.clone())?;
        let is_open = self.selected.is_some() && !fresh.is_empty();
        is_open.then(|| fetch::FetchWork::of_new(fresh, items))
    }

    /// Errors: [`UID_REQUIRED`] for a search by message numbers once UIDONLY is enabled.
    pub(crate) fn takes(&self, numbering: Numbering, by: &Criterion) -> Result<(), Refusal> {
        let names_numbers = numbering == Numbering::Sequence || by.names_numbers();
        if self.features.uid_only && names_numbers {
            return Err(UID_REQUIRED);
        }
        Ok(())
    }

    /// The UIDs that a set means in the open mailbox.
    pub(crate) fn resolve(
        &self,
        set: &SequenceSet,
        numbering: Numbering,
    ) -> Result<UidSet, Refusal> {
        let selected = self.selected()?;
        if numbering == Numbering::Sequence && self.features.uid_only {
            return Err(UID_REQUIRED);
        }
        if numbering == Numbering::Sequence && selected.exceeds(set) {
            return Err(Refusal::WrongState("BAD Message number is out of range"));
        }
        Ok(selected.resolve(set, numbering))
    }
}

/// What a step works with.
pub(crate) struct Desk<'a> {
    /// The account of the user.
    pub(crate) home: &'a Account,
    /// The account of the open mailbox; the user's own, if none is open.
    pub(crate) account: &'a Account,
    /// What the session keeps.
    pub(crate) state: &'a mut State,
    /// Untagged answers; sent before the tagged one, and never before a settlement that is asked
    /// for.
    pub(crate) out: &'a mut BytesMut,
    /// The time now.
    pub(crate) now: Timestamp,
}

impl Desk<'_> {
    /// The mailbox of a name, in whichever account.
    ///
    /// Errors: [`engine::EngineError::NoSuchFolder`].
    pub(crate) fn find(&self, name: &MailboxName) -> Result<Found, Refusal> {
        shared::find(self.home, name)
    }
}

/// A tagged answer that is no refusal.
#[derive(Debug)]
pub(crate) struct Reply {
    /// What stands behind the tag.
    pub(crate) text: Cow<'static, str>,
    /// Whether changes by others are told before it.
    pub(crate) announce: Option<Expunges>,
}

impl Reply {
    /// An answer before which everything that changed is told.
    pub(crate) fn told(text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            text: text.into(),
            announce: Some(Expunges::Told),
        }
    }

    /// An answer before which is told what the command itself removed.
    pub(crate) fn removed(text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            text: text.into(),
            announce: Some(Expunges::Own),
        }
    }

    /// An answer before which nothing more is told.
    pub(crate) fn silent(text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            text: text.into(),
            announce: None,
        }
    }
}

/// What comes after a step.
#[derive(Debug)]
pub(crate) enum Step {
    /// The command is done.
    Done(Reply),
    /// Another step is needed, once what was written so far is sent.
    More,
    /// Another step is needed, once this is on disk.
    Settle(Settlement),
    /// The command is done once this is on disk.
    SettleDone(Settlement, Reply),
}

/// A command whose work needs the disk.
pub(crate) trait Work: Send {
    /// Does the next part of it.
    fn step(&mut self, desk: &mut Desk<'_>) -> Result<Step, Refusal>;
}

/// Work of a single step.
struct Once<F>(F);

impl<F: FnMut(&mut Desk<'_>) -> Result<Step, Refusal> + Send> Work for Once<F> {
    fn step(&mut self, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
        (self.0)(desk)
    }
}

#[allow(clippy::unnecessary_wraps)] // What `begin` answers.
fn once(
    work: impl FnMut(&mut Desk<'_>) -> Result<Step, Refusal> + Send + 'static,
) -> Result<Box<dyn Work>, Refusal> {
    Ok(Box::new(Once(work)))
}

/// The expunges that a command on message numbers must hold back. Source: RFC 9051 §7.5.1.
pub(crate) fn expunges_after(numbering: Numbering) -> Expunges {
    match numbering {
        Numbering::Sequence => Expunges::Held,
        Numbering::Uid => Expunges::Told,
    }
}

/// The work of a command for which someone must have signed in.
///
/// Errors: [`Refusal::WrongState`] for one that needs an open mailbox when there is none.
pub(crate) fn begin(
    command: Command,
    tag: &str,
    state: &mut State,
) -> Result<Box<dyn Work>, Refusal> {
    if !matches!(command, Command::Noop | Command::Enable(_)) {
        state.check_utf8()?;
    }
    match command {
        Command::Noop => once(|_| Ok(Step::Done(Reply::told("OK NOOP completed")))),
        Command::Check => {
            state.selected()?;
            once(|_| Ok(Step::Done(Reply::told("OK CHECK completed"))))
        }
        Command::Namespace => once(namespace::run),
        Command::Enable(names) => once(move |desk| enable::run(&names, desk)),
        Command::Open(request) => once(move |desk| select::run(&request, desk)),
        Command::Close => {
            state.selected()?;
            Ok(Box::new(close::Close::default()))
        }
        Command::Unselect => {
            state.selected()?;
            once(|desk| {
                desk.state.selected = None;
                Ok(Step::Done(Reply::silent("OK UNSELECT completed")))
            })
        }
        Command::Create(name, uses) => once(move |desk| create::run(&name, &uses, desk)),
        Command::Delete(name) => once(move |desk| delete::run(&name, desk)),
        Command::Rename(from, to) => once(move |desk| rename::run(&from, &to, desk)),
        Command::Subscribe(name, how) => once(move |desk| subscribe::run(&name, how, desk)),
        Command::List(request) => once(move |desk| list::run(&request, desk)),
        Command::Xlist(request) => once(move |desk| xlist::run(&request, desk)),
        Command::Access(request) => once(move |desk| access::run(&request, desk)),
        Command::Metadata(request) => once(move |desk| metadata::run(&request, desk)),
        Command::Quota(request) => once(move |desk| quota::run(&request, desk)),
        Command::Lsub(reference, pattern) => {
            once(move |desk| list::run_lsub(&reference, &pattern, desk))
        }
        Command::Status(name, items) => once(move |desk| status::run(&name, &items, desk)),
        Command::Notify(request) => once(move |desk| notify::run(&request, desk)),
        Command::UidBatches(request) => uid_batches::begin(&request, tag, state),
        Command::ResetKey(mailbox) => once(move |desk| url_auth::reset(mailbox.as_ref(), desk)),
        Command::AuthorizeUrls(urls) => once(move |desk| url_auth::authorize(&urls, desk)),
        Command::FetchUrls(urls) => Ok(Box::new(url_auth::UrlFetch::new(urls))),
        Command::Expunge(set) => expunge::Expunge::begin(set.as_ref(), state),
        Command::Fetch(numbering, set, request) => {
            fetch::FetchWork::begin(numbering, &set, request, state)
        }
        Command::Store(numbering, set, request) => {
            store::StoreWork::begin(numbering, &set, request, state)
        }
        Command::Transfer(numbering, set, target, how) => {
            transfer::TransferWork::begin(numbering, &set, target, how, state)
        }
        other => begin_search(other, tag, state),
    }
}

/// The work of a command that looks for messages.
fn begin_search(command: Command, tag: &str, state: &mut State) -> Result<Box<dyn Work>, Refusal> {
    match command {
        Command::Search(numbering, request) => {
            search::SearchWork::begin(numbering, request, None, tag, state)
        }
        Command::Sort(numbering, request) => {
            let criteria = Some(request.criteria);
            search::SearchWork::begin(numbering, request.search, criteria, tag, state)
        }
        Command::Unsaved(fault) => {
            search::forget_saved(state);
            Err(fault.into())
        }
        Command::Thread(numbering, request) => {
            thread::ThreadWork::begin(numbering, request, tag, state)
        }
        Command::MultiSearch(scopes, request) => {
            multi_search::MultiSearch::begin(scopes, request, tag, state)
        }
        Command::CancelUpdate(tags) => once(move |desk| context::cancel(&tags, desk)),
        Command::Comparator(names) => once(move |desk| language::choose_comparator(&names, desk)),
        // Those that the session itself answers.
        _ => Err(Refusal::WrongState("BAD Command is not allowed now")),
    }
}
