//! What clients are told without asking, made of the account's change log.
//!
//! Nothing is noted when it happens: whoever looks reads the log from where it was read last, so
//! that what any protocol did is told, once. Reading costs nothing where nobody wants to be told.
//!
//! Start at [`Subscription`] and [`Outbox::collect`].
//!
//! Source: [MS-OXCNOTIF] 2.2.1, 3.1.4.

use crate::codec::data::{ObjectId, Value};
use crate::codec::rop::notify::{
    NewMail, NewMailClass, Notification, Notify, ObjectEvent, OldPlace, TableEvent, kind,
};
use crate::identity;
use crate::object::Logon;
use crate::property::Properties;
use crate::property::item::ItemProperties;
use crate::refusal::Refusal;
use engine::{
    ChangeRecord, ChangeSeq, Changes, FolderId, Object, PlaceId, Reading, Shelf, Stand, View, What,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Notifications that wait for a session. What overflows is not told: clients look for themselves
/// now and then, and what they have open they read anew.
const WAITING_MAX: usize = 1024;
/// Records that are read at a time, and how often in one go.
const RECORDS_MAX: usize = 256;
const PAGES_MAX: usize = 16;

/// What someone wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    /// Bits of [`kind`].
    pub kinds: u16,
    /// Of what.
    pub scope: Scope,
}

/// What a subscription is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All of a mailbox.
    Mailbox,
    /// A folder, what is in it and the folders directly below.
    Folder(FolderId),
    /// One message.
    Message(PlaceId),
    /// The rows of the table that has this handle.
    Table(u32),
}

impl Subscription {
    fn wants(&self, event: &ObjectEvent) -> bool {
        let is_wanted = self.kinds & event.kind != 0;
        is_wanted
            && match self.scope {
                Scope::Mailbox => true,
                Scope::Folder(folder) => {
                    let folder = Some(identity::folder_id(folder));
                    let is_child = event.message.is_none() && event.parent == folder;
                    let came_from = event.old.map(|old| old.folder);
                    Some(event.folder) == folder || is_child || came_from == folder
                }
                Scope::Message(place) => {
                    let message = Some(identity::message_id(place));
                    let was = event.old.map(|old| old.other);
                    event.message == message || event.message.is_some() && was == message
                }
                // Its rows are looked at by themselves.
                Scope::Table(_) => false,
            }
    }
}

/// What a session is to be told, and how far each of its mailboxes was looked at.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: VecDeque<Notify>,
    seen: BTreeMap<u8, ChangeSeq>,
}

impl Outbox {
    /// Whether something waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The next that waits.
    pub fn next(&self) -> Option<&Notify> {
        self.waiting.front()
    }

    /// It was told.
    pub fn told(&mut self) {
        self.waiting.pop_front();
    }

    /// Puts what became of a table's rows behind all else. Where there is no room for that, all of
    /// its rows are said to be others; answers whether that was not so.
    pub fn tell_of_table(&mut self, handle: u32, logon_id: u8, event: TableEvent) -> bool {
        let has_room = self.waiting.len() < WAITING_MAX;
        if !has_room {
            self.waiting.retain(|notify| notify.handle != handle);
        }
        let event = if has_room { event } else { TableEvent::Changed };
        self.waiting.push_back(Notify {
            handle,
            logon_id,
            notification: Notification::Table(event),
        });
        has_room
    }

    /// Says of a row that has room in no answer only that its table is another; false where the
    /// next is no row.
    pub fn shorten(&mut self) -> bool {
        let Some(Notification::Table(event)) = self
            .waiting
            .front_mut()
            .map(|notify| &mut notify.notification)
        else {
            return false;
        };
        let is_row = matches!(event, TableEvent::RowAdded(_) | TableEvent::RowModified(_));
        if is_row {
            *event = TableEvent::Changed;
        }
        is_row
    }

    /// Forgets what is for handles that are gone.
    pub fn retain(&mut self, is_open: impl Fn(u32) -> bool) {
        self.waiting.retain(|notify| is_open(notify.handle));
    }

    /// Looks at what happened in a mailbox since the last look, for these subscriptions by their
    /// handles. The first look only notes where the log is.
    pub fn collect(
        &mut self,
        logon_id: u8,
        logon: &Logon,
        subscriptions: &[(u32, Subscription)],
    ) -> Result<(), Refusal> {
        if subscriptions.is_empty() {
            self.seen.remove(&logon_id);
            return Ok(());
        }
        let view = logon.account.read()?;
        let head = view.head()?;
        let since = *self.seen.entry(logon_id).or_insert(head);
        if since >= head {
            return Ok(());
        }
        let teller = Teller { logon, view: &view };
        for event in teller.events(since, head, subscriptions)? {
            self.tell(logon_id, &event, subscriptions);
        }
        self.seen.insert(logon_id, head);
        Ok(())
    }

    /// Notes an event for those of these who want to be told of it.
    pub fn tell(
        &mut self,
        logon_id: u8,
        event: &ObjectEvent,
        subscriptions: &[(u32, Subscription)],
    ) {
        let wanting = subscriptions.iter().filter(|(_, one)| one.wants(event));
        for (handle, _) in wanting {
            if self.waiting.len() >= WAITING_MAX {
                break;
            }
            self.waiting.push_back(Notify {
                handle: *handle,
                logon_id,
                notification: Notification::Object(event.clone()),
            });
        }
    }
}

/// Makes events of what a log says.
struct Teller<'a> {
    logon: &'a Logon,
    view: &'a View<'a>,
}

fn is_living(stand: &Stand) -> bool {
    stand.at.shelf != Shelf::Recoverable
}

impl Teller<'_> {
    /// What happened up to `head`, and then what the folders concerned have now.
    fn events(
        &self,
        since: ChangeSeq,
        head: ChangeSeq,
        subscriptions: &[(u32, Subscription)],
    ) -> Result<Vec<ObjectEvent>, Refusal> {
        let mut events = Vec::new();
        let mut touched = BTreeSet::new();
        for record in self.records(since, head, subscriptions)? {
            match record.object {
                Object::Item(_) => self.of_item(&record, &mut events, &mut touched)?,
                Object::Folder(folder) => events.extend(self.of_folder(folder, record.what)),
                Object::Member(folder, _) => _ = touched.insert(folder),
                _ => {}
            }
        }
        for folder in touched {
            events.extend(self.counts(folder)?);
        }
        Ok(events)
    }

    /// The log as far as this user may read it: the owner all of it, a guest what concerns the
    /// folders that were named.
    fn records(
        &self,
        since: ChangeSeq,
        head: ChangeSeq,
        subscriptions: &[(u32, Subscription)],
    ) -> Result<Vec<ChangeRecord>, Refusal> {
        if self.logon.account.is_own() {
            return read_all(since, head, |since| self.view.changes(since, RECORDS_MAX));
        }
        let named = subscriptions.iter().filter_map(|(_, one)| match one.scope {
            Scope::Folder(folder) => Some(folder),
            Scope::Mailbox | Scope::Message(_) | Scope::Table(_) => None,
        });
        let mut records = Vec::new();
        for folder in named.collect::<BTreeSet<_>>() {
            let read = |since| self.view.changes_in(folder, since, RECORDS_MAX);
            records.extend(read_all(since, head, read)?);
        }
        Ok(records)
    }

    fn of_item(
        &self,
        record: &ChangeRecord,
        events: &mut Vec<ObjectEvent>,
        touched: &mut BTreeSet<FolderId>,
    ) -> Result<(), Refusal> {
        let from = record.from.as_ref().filter(|stand| is_living(stand));
        let to = record.to.as_ref().filter(|stand| is_living(stand));
        touched.extend(from.iter().chain(to.iter()).map(|stand| stand.at.folder));
        match (from, to) {
            (None, Some(to)) => {
                if record.what.intersects(What::DELIVERED) {
                    events.extend(self.new_mail(to)?);
                }
                events.push(of_message(kind::CREATED, to));
                if record.what.intersects(What::COPIED) {
                    events.push(of_message(kind::COPIED, to));
                }
            }
            (Some(from), None) => events.push(of_message(kind::DELETED, from)),
            (Some(from), Some(to)) if from.at.folder != to.at.folder => {
                let old = OldPlace {
                    folder: identity::folder_id(from.at.folder),
                    other: identity::message_id(from.place),
                };
                events.push(ObjectEvent {
                    old: Some(old),
                    ..of_message(kind::MOVED, to)
                });
            }
            (Some(_), Some(to)) => events.push(of_message(kind::MODIFIED, to)),
            (None, None) => {}
        }
        Ok(())
    }

    /// A letter that came, unless it has gone again.
    fn new_mail(&self, to: &Stand) -> Result<Option<ObjectEvent>, Refusal> {
        let Some(row) = self.view.item(to.at)? else {
            return Ok(None);
        };
        let Some(letter) = ItemProperties::load(self.logon, self.view, to.at, row)? else {
            return Ok(None);
        };
        let message_flags = match letter.value(0x0e07)? {
            Some(Value::Integer32(flags)) => flags.cast_unsigned(),
            _ => 0,
        };
        let class = match letter.value(0x001a)? {
            Some(Value::Unicode(class)) => class,
            _ => String::new(),
        };
        Ok(Some(ObjectEvent {
            mail: Some(NewMail {
                message_flags,
                message_class: NewMailClass::Narrow(class.as_str().into()),
            }),
            ..of_message(kind::NEW_MAIL, to)
        }))
    }

    /// What happened to a folder. One that was removed still says where it stood.
    fn of_folder(&self, folder: FolderId, what: What) -> Option<ObjectEvent> {
        let parent = self.view.folder(folder).ok().and_then(|row| row.parent);
        let kinds = [
            (What::CREATED | What::RESTORED, kind::CREATED),
            (What::REMOVED | What::PURGED, kind::DELETED),
            (What::MOVED, kind::MOVED),
            (What::PROPERTIES | What::RIGHTS, kind::MODIFIED),
        ];
        let found = kinds.into_iter().find(|(known, _)| what.intersects(*known));
        found.map(|(_, kind)| ObjectEvent {
            kind,
            folder: identity::folder_id(folder),
            parent: parent.map(identity::folder_id),
            tags: Some(Vec::new()),
            ..ObjectEvent::default()
        })
    }

    /// How many messages a folder has now; clients show it.
    fn counts(&self, folder: FolderId) -> Result<Option<ObjectEvent>, Refusal> {
        let all = self.view.all_folders()?;
        let row = all.iter().find(|(id, _)| *id == folder);
        Ok(row.map(|(_, row)| {
            let shelves = Shelf::ALL.iter().zip(&row.shelves);
            let shown = shelves.filter(|(shelf, _)| matches!(shelf, Shelf::Mail | Shelf::Other));
            let (total, unread) = shown.fold((0_u32, 0_u32), |(total, unread), (_, counters)| {
                (
                    total.saturating_add(counters.count),
                    unread.saturating_add(counters.unseen),
                )
            });
            ObjectEvent {
                kind: kind::MODIFIED,
                folder: identity::folder_id(folder),
                tags: Some(Vec::new()),
                total_count: Some(total),
                unread_count: Some(unread),
                ..ObjectEvent::default()
            }
        }))
    }
}

/// A number of pages at most: what happened before is not told.
fn read_all(
    since: ChangeSeq,
    head: ChangeSeq,
    read: impl Fn(ChangeSeq) -> Result<Changes, engine::EngineError>,
) -> Result<Vec<ChangeRecord>, Refusal> {
    let mut all = Vec::new();
    let mut since = since;
    for _ in 0..PAGES_MAX {
        let Changes::Page { records, more } = read(since)? else {
            break;
        };
        since = records.last().map_or(head, |(number, _)| *number);
        let settled = records.into_iter().filter(|(number, _)| *number <= head);
        all.extend(settled.map(|(_, record)| record));
        if !more || since >= head {
            break;
        }
    }
    Ok(all)
}

fn of_message(kind: u16, stand: &Stand) -> ObjectEvent {
    let is_listed = kind & (kind::CREATED | kind::MODIFIED) != 0;
    ObjectEvent {
        kind,
        folder: identity::folder_id(stand.at.folder),
        message: Some(identity::message_id(stand.place)),
        // Nobody says which, so that clients read what they show.
        tags: is_listed.then(Vec::new),
        ..ObjectEvent::default()
    }
}

/// What someone asks to be told of.
pub fn scope(named: Option<(ObjectId, ObjectId)>) -> Result<Scope, Refusal> {
    let Some((folder, message)) = named else {
        return Ok(Scope::Mailbox);
    };
    if message != ObjectId::default() {
        let place = identity::number_of(message).ok_or(Refusal::NotFound)?;
        return Ok(Scope::Message(PlaceId(place)));
    }
    let folder = identity::number_of(folder).ok_or(Refusal::NotFound)?;
    Ok(Scope::Folder(FolderId(folder)))
}
