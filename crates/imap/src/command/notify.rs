//! `NOTIFY`: tells of mailboxes, also of others than the open one, whenever something happens.
//!
//! What was told of each mailbox is kept as a few numbers; when the account has changed all its
//! mailboxes are read anew and compared with them. A session that never asked keeps nothing. Of
//! mailboxes of others only the open one is told.
//!
//! Start at [`run`]; [`tell_others`] is called when something has changed.
//!
//! Standards: RFC 5465; RFC 5258 §3 (`\NonExistent`), RFC 9051 §7.3.1 (OLDNAME).

use super::list::{Telling, write_mailbox};
use super::status::write_status;
use super::{Desk, Reply, Step};
use crate::codec::command::StatusItem;
use crate::codec::mailbox::{MailboxName, SEPARATOR};
use crate::codec::notify::{Events, Filter, NotifyRequest, SelectedGroup};
use crate::folders::{Mailbox, Mailboxes};
use crate::refusal::Refusal;
use bytes::BufMut;
use engine::{FolderId, Shelf};
use std::collections::HashMap;

/// What a session is told of without asking.
#[derive(Debug)]
pub(crate) struct Notify {
    request: NotifyRequest,
    known: HashMap<FolderId, Known>,
}

/// What was told of a mailbox last.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    name: MailboxName,
    subscribed: bool,
    /// The next UID and the number of messages: one of them changes when a message comes or goes.
    messages: (u32, u32),
    changed: u64,
}

impl Known {
    fn of(mailbox: &Mailbox) -> Self {
        let counters = mailbox.row.shelf(Shelf::Mail);
        Self {
            name: mailbox.name.clone(),
            subscribed: mailbox.row.subscribed,
            messages: (counters.uid_next.0, counters.count),
            changed: mailbox.row.contents_changed.0,
        }
    }
}

impl Notify {
    /// What is told of the open mailbox; `None` if nothing is.
    pub(crate) fn selected(&self) -> Option<&SelectedGroup> {
        let selected = self.request.selected.as_ref();
        selected.filter(|selected| selected.events.messages)
    }

    /// True if anything is told at all.
    pub(crate) fn is_active(&self) -> bool {
        self.selected().is_some() || !self.request.groups.is_empty()
    }

    /// What is told of a mailbox that is not open.
    fn events(&self, name: &MailboxName, subscribed: bool) -> Events {
        let fits = |filter: &Filter| match filter {
            Filter::Personal => true,
            Filter::Subscribed => subscribed,
            Filter::Mailboxes(names) => names.contains(name),
            Filter::Subtree(names) => names.iter().any(|top| is_within(name, top)),
        };
        let group = self.request.groups.iter().find(|group| fits(&group.filter));
        group.map_or(Events::default(), |group| group.events)
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
    let mailboxes = Mailboxes::read(&desk.home.read()?)?.0;
    let notify = Notify {
        request: request.clone(),
        known: mailboxes.iter().map(|m| (m.id, Known::of(m))).collect(),
    };
    if request.status {
        for mailbox in mailboxes.iter().filter(|mailbox| mailbox.selectable) {
            let events = notify.events(&mailbox.name, mailbox.row.subscribed);
            if events.messages && !is_open(desk, mailbox.id) {
                tell_status(desk, mailbox)?;
            }
        }
    }
    desk.state.notify = Some(Box::new(notify));
    Ok(Step::Done(Reply::told("OK NOTIFY completed")))
}

fn is_open(desk: &Desk<'_>, folder: FolderId) -> bool {
    let selected = desk.state.selected.as_ref();
    selected.is_some_and(|selected| selected.is(desk.home, folder))
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
    fn compare(&mut self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let mailboxes = Mailboxes::read(&desk.home.read()?)?.0;
        let mut before = std::mem::take(&mut self.known);
        for mailbox in &mailboxes {
            let now = Known::of(mailbox);
            let then = before.remove(&mailbox.id);
            if then.as_ref() != Some(&now) {
                self.tell(desk, mailbox, then.as_ref(), &now)?;
            }
            self.known.insert(mailbox.id, now);
        }
        let mut gone: Vec<Known> = before.into_values().collect();
        gone.sort_by(|a, b| a.name.cmp(&b.name));
        for gone in gone {
            if self.events(&gone.name, gone.subscribed).names {
                desk.out.put_slice(b"* LIST (\\NonExistent) \"/\" ");
                gone.name.write(desk.out, desk.state.name_form());
                desk.out.put_slice(b"\r\n");
            }
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
        let mut events = self.events(&now.name, now.subscribed);
        if let Some(then) = then {
            // What leaves a group is still told to it.
            let before = self.events(&then.name, then.subscribed);
            events.names |= before.names;
            events.subscriptions |= before.subscriptions;
        }
        let old_name = then.map(|then| &then.name).filter(|old| **old != now.name);
        let renamed = events.names && (then.is_none() || old_name.is_some());
        let subscription = then.is_some_and(|then| then.subscribed != now.subscribed);
        if renamed || (events.subscriptions && subscription) {
            write_mailbox(desk, Telling::List, mailbox, events.subscriptions, false);
            if let Some(old) = old_name.filter(|_| events.names) {
                write_old_name(desk, old);
            }
        }
        if is_open(desk, mailbox.id) || !mailbox.selectable {
            return Ok(());
        }
        let messages = then.map_or((1, 0), |then| then.messages) != now.messages;
        let flags = then.is_some_and(|then| then.changed != now.changed);
        if (events.messages && messages) || (events.flags && flags) {
            tell_status(desk, mailbox)?;
        }
        Ok(())
    }
}

/// Puts `("OLDNAME" (name))` behind the LIST answer that was just written.
fn write_old_name(desk: &mut Desk<'_>, old: &MailboxName) {
    let line = desk.out.len().saturating_sub(b"\r\n".len());
    desk.out.truncate(line);
    desk.out.put_slice(b" (\"OLDNAME\" (");
    old.write(desk.out, desk.state.name_form());
    desk.out.put_slice(b"))\r\n");
}

/// Source: RFC 5465 §5.1 to §5.3.
fn tell_status(desk: &mut Desk<'_>, mailbox: &Mailbox) -> Result<(), Refusal> {
    let mut items = vec![
        StatusItem::Messages,
        StatusItem::UidNext,
        StatusItem::UidValidity,
        StatusItem::Unseen,
    ];
    if desk.state.features.condstore {
        items.push(StatusItem::HighestModSeq);
    }
    let folder = (mailbox.id, &mailbox.row);
    write_status(desk, &mailbox.name, desk.home, folder, &items)
}
