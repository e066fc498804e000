//! `NOTIFY`: tells of mailboxes, also of others than the open one, whenever something happens.
//!
//! What was told of each mailbox is kept as a few numbers. What has changed in the user's own
//! account is read from its log, and only the mailboxes that it names are looked at; of accounts
//! that share something with the user all shared mailboxes are, if the account changed at all. What
//! the session did itself is not told to it. A session that never asked keeps nothing.
//!
//! Start at [`run`]; [`tell_others`] is called when something has changed. How it is found out is
//! in `found`.
//!
//! Standards: RFC 5465; RFC 5258 §3 (`\NonExistent`), RFC 9051 §7.3.1 (OLDNAME), RFC 5464 §4.1,
//! §4.4.2 (METADATA without values).

mod found;

use super::list::{Telling, write_mailbox};
use super::metadata::write_changed;
use super::status::write_status;
use super::{Desk, Reply, Step};
use crate::codec::command::StatusItem;
use crate::codec::mailbox::{MailboxName, SEPARATOR};
use crate::codec::notify::{Events, Filter, Group, NotifyRequest, SelectedGroup};
use crate::folders::{Mailbox, Mailboxes, Others};
use crate::refusal::Refusal;
use crate::shared::OTHER_USERS;
use bytes::BufMut;
use engine::{Account, FolderId, Rights};
use found::{Annotations, Found, Key, Known, Place};
use std::collections::{BTreeMap, BTreeSet};

/// Why a session is told of what it does not ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// NOTIFY says of everything whether it is told.
    Notify,
    /// Changed annotations of mailboxes are told besides what is told anyway, when a command is
    /// answered or in IDLE. Source: RFC 5464 §4.1.
    Enabled,
}

/// What a session is told of without asking.
#[derive(Debug)]
pub(crate) struct Notify {
    cause: Cause,
    request: NotifyRequest,
    known: BTreeMap<Key, Known>,
    /// What was told of the annotations of the server as a whole.
    server: Annotations,
    /// Whose changes concern the session, the user's own account first.
    places: Vec<Place>,
}

impl Notify {
    /// What is told of the open mailbox; `None` if nothing is.
    pub(crate) fn selected(&self) -> Option<&SelectedGroup> {
        let selected = self.request.selected.as_ref();
        selected.filter(|selected| selected.events.messages)
    }

    /// True if it makes no difference to what is told of the open mailbox.
    pub(crate) fn leaves_selected(&self) -> bool {
        self.cause == Cause::Enabled
    }

    /// True if it is about accounts that are not watched while the client does not wait.
    pub(crate) fn looks_further(&self) -> bool {
        self.cause == Cause::Enabled
    }

    /// True if anything is told outside of commands.
    pub(crate) fn is_active(&self) -> bool {
        let is_asked = self.selected().is_some() || !self.request.groups.is_empty();
        is_asked && self.cause == Cause::Notify
    }

    /// The accounts whose changes are to wake the session.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Account> {
        let is_wanted = !self.request.groups.is_empty();
        self.places
            .iter()
            .filter(move |_| is_wanted)
            .map(|place| &place.account)
    }

    /// What is told of a mailbox that is not open: what any of its groups asks for.
    ///
    /// Who may see a mailbox but not read in it learns its name only. Source: RFC 5465 §5, §6.
    fn events(&self, known: &Known) -> Events {
        let mut events = self.wanted(known);
        if !known.readable {
            events = Events {
                names: events.names,
                subscriptions: events.subscriptions,
                ..Events::default()
            };
        }
        events
    }

    fn wanted(&self, known: &Known) -> Events {
        let fits = |filter: &Filter| match filter {
            Filter::Personal => known.own,
            Filter::Subscribed => known.subscribed,
            Filter::Mailboxes(names) => names.contains(&known.name),
            Filter::Subtree(names) => names.iter().any(|top| is_within(&known.name, top)),
        };
        let groups = self.request.groups.iter();
        let mut events = Events::default();
        for group in groups.filter(|group| fits(&group.filter)) {
            if group.events == Events::default() {
                return Events::default();
            }
            events = events.and(group.events);
        }
        events
    }

    fn asks(&self, wants: impl Fn(Events) -> bool) -> bool {
        let mut groups = self.request.groups.iter();
        groups.any(|group| wants(group.events))
    }

    /// Whether a group may be about mailboxes of others.
    fn others(&self) -> Others {
        let mut groups = self.request.groups.iter();
        if groups.any(|group| group.filter != Filter::Personal) {
            Others::Listed
        } else {
            Others::LeftOut
        }
    }
}

fn is_within(name: &MailboxName, top: &MailboxName) -> bool {
    let below = name.as_str().strip_prefix(top.as_str());
    below.is_some_and(|below| below.is_empty() || below.starts_with(SEPARATOR))
}

/// Takes the place of what was asked for before.
///
/// Errors: BADEVENT for events that are not supported; what was asked before stays.
pub(super) fn run(request: &NotifyRequest, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    if request.asks_unsupported() {
        return Err(Refusal::BadEvent);
    }
    let notify = Notify::begin(Cause::Notify, request.clone(), desk)?;
    desk.state.notify = Some(Box::new(notify));
    Ok(Step::Done(Reply::told("OK NOTIFY completed")))
}

/// `ENABLE METADATA`: these changes of annotations are told from now on, unless NOTIFY says what
/// is.
pub(super) fn follow_annotations(events: Events, desk: &mut Desk<'_>) -> Result<(), Refusal> {
    let before = match &desk.state.notify {
        Some(notify) if notify.cause == Cause::Notify => return Ok(()),
        Some(notify) => notify.request.groups.first().map(|group| group.events),
        None => None,
    };
    let events = events.and(before.unwrap_or_default());
    let others = Filter::Subtree(vec![MailboxName::from_path(OTHER_USERS)]);
    let groups = [Filter::Personal, others].map(|filter| Group { filter, events });
    let request = NotifyRequest {
        groups: groups.into(),
        ..NotifyRequest::default()
    };
    let notify = Notify::begin(Cause::Enabled, request, desk)?;
    desk.state.notify = Some(Box::new(notify));
    Ok(())
}

/// Tells what has changed in mailboxes that are not open.
pub(crate) fn tell_others(desk: &mut Desk<'_>) -> Result<(), Refusal> {
    let Some(mut notify) = desk.state.notify.take() else {
        return Ok(());
    };
    let told = if notify.request.groups.is_empty() {
        Ok(())
    } else {
        notify.compare(desk)
    };
    desk.state.notify = Some(notify);
    told
}

impl Notify {
    /// Looks at everything that will be told of.
    fn begin(cause: Cause, request: NotifyRequest, desk: &mut Desk<'_>) -> Result<Self, Refusal> {
        let mut notify = Self {
            cause,
            request,
            known: BTreeMap::new(),
            server: Annotations::new(),
            places: Vec::new(),
        };
        if notify.request.groups.is_empty() {
            return Ok(notify);
        }
        notify.places = found::places(desk.home, notify.others())?;
        let mailboxes = Mailboxes::listed(desk.home, notify.others())?.0;
        for mailbox in mailboxes.iter().filter(|mailbox| found::is_folder(mailbox)) {
            let known = notify.learn(desk.home, mailbox)?;
            if cause == Cause::Notify {
                notify.answer(desk, mailbox, &known)?;
            }
            notify.known.insert(found::key(mailbox), known);
        }
        notify.server = notify.server_annotations(desk.home)?;
        Ok(notify)
    }

    /// How a mailbox stands now.
    fn learn(&self, home: &Account, mailbox: &Mailbox) -> Result<Known, Refusal> {
        let mut known = Known::of(home, mailbox);
        if mailbox.selectable && self.events(&known).annotations {
            known.annotations = found::annotations_of(home, mailbox)?;
        }
        Ok(known)
    }

    fn server_annotations(&self, home: &Account) -> Result<Annotations, Refusal> {
        if self.asks(|events| events.server_annotations) {
            found::annotations_of_server(home)
        } else {
            Ok(Annotations::new())
        }
    }

    /// What is told of a mailbox when NOTIFY asks for it. Source: RFC 5465 §3.1.
    fn answer(&self, desk: &mut Desk<'_>, mailbox: &Mailbox, known: &Known) -> Result<(), Refusal> {
        let events = self.events(known);
        if mailbox.selectable && events != self.wanted(known) {
            write_no_access(desk, &mailbox.name);
        }
        let is_open = is_open(desk, mailbox);
        if self.request.status && mailbox.selectable && events.messages && !is_open {
            tell_status(desk, mailbox, events)?;
        }
        Ok(())
    }

    fn compare(&mut self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let found = found::changes(desk.home, self.others(), &mut self.places)?;
        match &found {
            Found::Nothing => return Ok(()),
            Found::Contents(folders) => return self.compare_contents(desk, folders),
            Found::Folders { .. } => {}
        }
        let mailboxes = Mailboxes::listed(desk.home, self.others())?.0;
        let mut before = std::mem::take(&mut self.known);
        let mut affected = BTreeSet::new();
        for mailbox in mailboxes.iter().filter(|mailbox| found::is_folder(mailbox)) {
            let now = self.learn(desk.home, mailbox)?;
            let then = before.remove(&found::key(mailbox));
            if found.is_by_others(mailbox) && then.as_ref() != Some(&now) {
                self.tell(desk, mailbox, then.as_ref(), &now)?;
                affected.extend(then.is_none().then(|| now.name.clone()));
            }
            self.known.insert(found::key(mailbox), now);
        }
        let mut gone: Vec<(Key, Known)> = before.into_iter().collect();
        gone.retain(|(key, _)| found.names_by_others(*key));
        gone.sort_by(|a, b| a.1.name.cmp(&b.1.name));
        for (_, gone) in gone {
            if self.wanted(&gone).names {
                desk.out.put_slice(b"* LIST (\\NonExistent) \"/\" ");
                gone.name.write(desk.out, desk.state.name_form());
                desk.out.put_slice(b"\r\n");
                affected.insert(gone.name);
            }
        }
        self.tell_parents(desk, &mailboxes, &affected);
        self.tell_server(desk, &found)
    }

    /// Only messages came, went or were flagged, in these folders of the user's own.
    fn compare_contents(
        &mut self,
        desk: &mut Desk<'_>,
        folders: &BTreeMap<FolderId, bool>,
    ) -> Result<(), Refusal> {
        for (folder, by_others) in folders {
            let key = (desk.home.id(), *folder);
            let Some(then) = self.known.get(&key).cloned() else {
                continue;
            };
            let Some((mailbox, now)) = then.anew(desk.home, *folder)? else {
                continue;
            };
            if *by_others {
                self.tell(desk, &mailbox, Some(&then), &now)?;
            }
            self.known.insert(key, now);
        }
        Ok(())
    }

    fn tell(
        &self,
        desk: &mut Desk<'_>,
        mailbox: &Mailbox,
        then: Option<&Known>,
        now: &Known,
    ) -> Result<(), Refusal> {
        let mut events = self.events(now);
        if let Some(then) = then {
            // What leaves a group is still told to it.
            let before = self.events(then);
            events.names |= before.names;
            events.subscriptions |= before.subscriptions;
        }
        // Below a renamed mailbox all names are others, which nobody is told.
        let is_renamed = then.is_some_and(|then| then.stands != now.stands);
        let is_named = events.names && (then.is_none() || is_renamed);
        let subscription = then.is_some_and(|then| then.subscribed != now.subscribed);
        if is_named || (events.subscriptions && subscription) {
            write_mailbox(desk, Telling::List, mailbox, true, false);
            if let Some(then) = then.filter(|_| is_named) {
                write_old_name(desk, &then.name);
            }
        }
        let may_read = then.map_or(now.readable, |then| then.readable) != now.readable;
        let may_read = may_read && self.cause == Cause::Notify;
        if may_read && now.readable {
            write_mailbox(desk, Telling::List, mailbox, true, false);
        } else if may_read {
            write_no_access(desk, &now.name);
        }
        if let Some(then) = then.filter(|_| events.annotations) {
            let changed = found::changed_names(&then.annotations, &now.annotations);
            write_changed(desk, Some(&now.name), &changed);
        }
        if is_open(desk, mailbox) || !mailbox.selectable {
            return Ok(());
        }
        let messages = then.map_or((1, 0), |then| then.messages) != now.messages;
        let flags = then.is_some_and(|then| then.changed != now.changed);
        // Both change the contents: which of them it was is not known.
        let inside = (events.flags || events.notes) && flags;
        if (events.messages && messages) || inside {
            tell_status(desk, mailbox, Events::default())?;
        }
        Ok(())
    }

    /// Where a mailbox came or went, it is news too whether its parent has any.
    /// Source: RFC 5465 §5.4.
    fn tell_parents(
        &self,
        desk: &mut Desk<'_>,
        mailboxes: &[Mailbox],
        affected: &BTreeSet<MailboxName>,
    ) {
        let parents: BTreeSet<MailboxName> = affected
            .iter()
            .filter_map(|name| name.as_str().rsplit_once(SEPARATOR))
            .map(|(parent, _)| MailboxName::from_path(parent))
            .filter(|parent| !affected.contains(parent))
            .collect();
        for mailbox in mailboxes
            .iter()
            .filter(|mailbox| parents.contains(&mailbox.name))
        {
            let known = self.known.get(&found::key(mailbox));
            if known.is_some_and(|known| self.events(known).names) {
                write_mailbox(desk, Telling::List, mailbox, true, false);
            }
        }
    }

    fn tell_server(&mut self, desk: &mut Desk<'_>, found: &Found) -> Result<(), Refusal> {
        let now = self.server_annotations(desk.home)?;
        if found.names_by_others((desk.home.id(), engine::MAIL_ROOT)) {
            write_changed(desk, None, &found::changed_names(&self.server, &now));
        }
        self.server = now;
        Ok(())
    }
}

fn is_open(desk: &Desk<'_>, mailbox: &Mailbox) -> bool {
    let selected = desk.state.selected.as_ref();
    selected.is_some_and(|open| open.account.id() == mailbox.owner && open.folder == mailbox.id)
}

/// Source: RFC 5465 §3.1: the name may be known, what is in the mailbox may not.
fn write_no_access(desk: &mut Desk<'_>, name: &MailboxName) {
    desk.out.put_slice(b"* LIST (\\NoAccess) \"/\" ");
    name.write(desk.out, desk.state.name_form());
    desk.out.put_slice(b"\r\n");
}

/// Puts `("OLDNAME" (name))` behind the LIST answer that was just written.
fn write_old_name(desk: &mut Desk<'_>, old: &MailboxName) {
    let line = desk.out.len().saturating_sub(b"\r\n".len());
    desk.out.truncate(line);
    desk.out.put_slice(b" (\"OLDNAME\" (");
    old.write(desk.out, desk.state.name_form());
    desk.out.put_slice(b"))\r\n");
}

/// HIGHESTMODSEQ is told to who uses it, and when NOTIFY asks for flags to be watched, since then
/// the server's support counts. Source: RFC 5465 §3.1, §5.1 to §5.3.
fn tell_status(desk: &mut Desk<'_>, mailbox: &Mailbox, asked: Events) -> Result<(), Refusal> {
    let mut items = vec![
        StatusItem::Messages,
        StatusItem::UidNext,
        StatusItem::UidValidity,
        StatusItem::Unseen,
    ];
    if desk.state.features.condstore || asked.flags || asked.notes {
        items.push(StatusItem::HighestModSeq);
    }
    let account = desk.home.another(mailbox.owner)?;
    let folder = (mailbox.id, &mailbox.row);
    write_status(desk, &mailbox.name, &account, folder, &items)
}

/// Whether a mailbox's contents may be told.
fn is_readable(mailbox: &Mailbox) -> bool {
    mailbox.rights.contains(Rights::READ)
}
