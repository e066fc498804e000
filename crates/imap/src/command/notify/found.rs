//! What NOTIFY knows of mailboxes, and how it finds out which have changed.
//!
//! Start at [`changes`].

use super::is_readable;
use crate::codec::mailbox::MailboxName;
use crate::codec::metadata::{Entry, Scope};
use crate::folders::{Mailbox, Others};
use crate::refusal::Refusal;
use engine::account::annotations::{Audience, annotations};
use engine::{
    Account, AccountId, ChangeRecord, ChangeSeq, Changes, EngineError, FolderId, MAIL_ROOT, Object,
    Reading, Shelf, View,
};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Records of the change log read at once.
const PAGE_RECORDS: usize = 1024;

/// Records that are looked through before all mailboxes are compared instead.
const LOG_RECORDS_MAX: usize = 8 * 1024;

/// Which folder of which account.
pub(super) type Key = (AccountId, FolderId);

/// Annotations by their names, each with a hash of what it says.
pub(super) type Annotations = BTreeMap<String, u64>;

/// The folder of a mailbox.
pub(super) fn key(mailbox: &Mailbox) -> Key {
    (mailbox.owner, mailbox.id)
}

/// False for a name that only stands above others, or is only subscribed.
pub(super) fn is_folder(mailbox: &Mailbox) -> bool {
    mailbox.exists && mailbox.id != FolderId::default()
}

/// What was told of a mailbox last.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Each changes for itself.
pub(super) struct Known {
    pub(super) name: MailboxName,
    /// The parent and the last part of the name: what renaming a mailbox above does not change.
    pub(super) stands: (Option<FolderId>, String),
    /// It is in the user's own account.
    pub(super) own: bool,
    pub(super) subscribed: bool,
    pub(super) selectable: bool,
    pub(super) has_children: bool,
    /// The user may know what is in it.
    pub(super) readable: bool,
    /// The next UID and the number of messages: one of them changes when a message comes or goes.
    pub(super) messages: (u32, u32),
    pub(super) changed: u64,
    pub(super) annotations: Annotations,
}

impl Known {
    /// All but the annotations.
    pub(super) fn of(home: &Account, mailbox: &Mailbox) -> Self {
        let counters = mailbox.row.shelf(Shelf::Mail);
        Self {
            name: mailbox.name.clone(),
            stands: (mailbox.row.parent, mailbox.row.name.clone()),
            own: mailbox.owner == home.id(),
            subscribed: mailbox.row.subscribed,
            selectable: mailbox.selectable,
            has_children: mailbox.has_children,
            readable: is_readable(mailbox),
            messages: (counters.uid_next.0, counters.count),
            changed: mailbox.row.contents_changed.0,
            annotations: Annotations::new(),
        }
    }

    /// The same mailbox of the user's own as it is now; `None` if it has gone meanwhile.
    pub(super) fn anew(
        &self,
        home: &Account,
        folder: FolderId,
    ) -> Result<Option<(Mailbox, Self)>, Refusal> {
        let view = home.read()?;
        let row = match view.folder(folder) {
            Err(EngineError::NoSuchFolder) => return Ok(None),
            row => row?,
        };
        let rights = view.rights(folder)?;
        let mailbox = Mailbox {
            name: self.name.clone(),
            owner: home.id(),
            id: folder,
            row,
            rights,
            selectable: self.selectable,
            has_children: self.has_children,
            exists: true,
        };
        let now = Self {
            annotations: self.annotations.clone(),
            ..Self::of(home, &mailbox)
        };
        Ok(Some((mailbox, now)))
    }
}

/// An account whose changes concern the session.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) account: Account,
    seen: ChangeSeq,
}

impl Place {
    fn of(account: Account) -> Result<Self, Refusal> {
        let seen = account.read()?.head()?;
        Ok(Self { account, seen })
    }
}

/// The user's own account, and those that share something with the user where they are wanted.
pub(super) fn places(home: &Account, others: Others) -> Result<Vec<Place>, Refusal> {
    let mut places = vec![Place::of(home.clone())?];
    if others == Others::Listed {
        for owner in home.engine().sharing_accounts(home)? {
            places.push(Place::of(home.another(owner)?)?);
        }
    }
    Ok(places)
}

/// What has changed.
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// Only what is in these folders of the user's own; true where not only this session did it.
    Contents(BTreeMap<FolderId, bool>),
    /// Folders too.
    Folders {
        home: AccountId,
        /// Folders of the user's own that this session alone has changed.
        by_itself: BTreeSet<FolderId>,
    },
}

impl Found {
    /// False for a mailbox of the user's own that nobody else has changed.
    pub(super) fn is_by_others(&self, mailbox: &Mailbox) -> bool {
        self.names_by_others(key(mailbox))
    }

    /// The same of a folder that may be gone.
    pub(super) fn names_by_others(&self, (owner, folder): Key) -> bool {
        match self {
            Self::Folders { home, by_itself } => owner != *home || !by_itself.contains(&folder),
            Self::Contents(folders) => folders.get(&folder).is_some_and(|by_others| *by_others),
            Self::Nothing => false,
        }
    }
}

/// What has changed since the last call.
pub(super) fn changes(
    home: &Account,
    others: Others,
    places: &mut Vec<Place>,
) -> Result<Found, Refusal> {
    let mut elsewhere = false;
    for place in places.iter_mut().skip(1) {
        let head = place.account.read()?.head()?;
        elsewhere |= std::mem::replace(&mut place.seen, head) != head;
    }
    let view = home.read()?;
    let Some(own) = places.first_mut() else {
        return Ok(Found::Nothing);
    };
    let head = view.head()?;
    let since = std::mem::replace(&mut own.seen, head);
    let read = read_log(&view, since)?;
    if others == Others::Listed {
        // Who began or ended to share something is not to be missed.
        let sharing = home.engine().sharing_accounts(home)?;
        elsewhere |= follow(home, places, &sharing)?;
    }
    Ok(match read {
        Some(log) if log.folders.is_empty() && !elsewhere => {
            if log.contents.is_empty() {
                Found::Nothing
            } else {
                Found::Contents(log.contents)
            }
        }
        log => Found::Folders {
            home: home.id(),
            by_itself: log.map(Log::by_itself).unwrap_or_default(),
        },
    })
}

/// Watches those who share something now; true if they are others than before.
fn follow(home: &Account, places: &mut Vec<Place>, sharing: &[AccountId]) -> Result<bool, Refusal> {
    let is_known = |id: AccountId| places.iter().any(|place| place.account.id() == id);
    let new: Vec<AccountId> = sharing
        .iter()
        .copied()
        .filter(|id| !is_known(*id))
        .collect();
    let count = places.len();
    places.retain(|place| place.account.id() == home.id() || sharing.contains(&place.account.id()));
    let has_changed = places.len() != count || !new.is_empty();
    for owner in new {
        places.push(Place::of(home.another(owner)?)?);
    }
    Ok(has_changed)
}

/// What a piece of the log says; with each folder whether others than this session did something.
#[derive(Default)]
struct Log {
    folders: BTreeMap<FolderId, bool>,
    contents: BTreeMap<FolderId, bool>,
}

impl Log {
    fn note(&mut self, record: &ChangeRecord, session: u64) {
        let by_others = record.origin.session != session;
        if let Object::Folder(folder) = record.object {
            *self.folders.entry(folder).or_default() |= by_others;
        }
        let stands = [record.from, record.to].into_iter().flatten();
        for stand in stands.filter(|stand| stand.at.shelf == Shelf::Mail) {
            *self.contents.entry(stand.at.folder).or_default() |= by_others;
        }
    }

    fn by_itself(self) -> BTreeSet<FolderId> {
        let by_others = |id: &FolderId| {
            let maps = [&self.folders, &self.contents];
            maps.iter().any(|map| map.get(id).copied().unwrap_or(false))
        };
        let all: BTreeSet<FolderId> = self
            .folders
            .keys()
            .chain(self.contents.keys())
            .copied()
            .collect();
        all.into_iter().filter(|id| !by_others(id)).collect()
    }
}

/// `None` where the log does not reach back so far, or it would take too long.
fn read_log(view: &View<'_>, since: ChangeSeq) -> Result<Option<Log>, Refusal> {
    let (mut log, mut since, mut count) = (Log::default(), since, 0);
    let session = view.account().origin().session;
    loop {
        let Changes::Page { records, more } = view.changes(since, PAGE_RECORDS)? else {
            return Ok(None);
        };
        for (change, record) in &records {
            since = *change;
            log.note(record, session);
        }
        count += records.len();
        if !more {
            return Ok(Some(log));
        }
        if count >= LOG_RECORDS_MAX {
            return Ok(None);
        }
    }
}

/// The annotations of a mailbox.
pub(super) fn annotations_of(home: &Account, mailbox: &Mailbox) -> Result<Annotations, Refusal> {
    let account = home.another(mailbox.owner)?;
    match of_folder(&account.read()?, mailbox.id) {
        Err(EngineError::Denied | EngineError::NoSuchFolder) => Ok(Annotations::new()),
        found => Ok(found?),
    }
}

/// The annotations of the server as a whole.
pub(super) fn annotations_of_server(home: &Account) -> Result<Annotations, Refusal> {
    Ok(of_folder(&home.read()?, MAIL_ROOT)?)
}

fn of_folder(view: &View<'_>, folder: FolderId) -> Result<Annotations, EngineError> {
    let all = annotations(view, folder)?.into_iter().map(|annotation| {
        let scope = match annotation.audience {
            Audience::Everyone => Scope::Shared,
            Audience::Oneself => Scope::Private,
        };
        let name = annotation.name;
        let entry = Entry { scope, name };
        let mut hasher = DefaultHasher::new();
        annotation.value.hash(&mut hasher);
        (
            format!("{}{}", entry.scope.prefix(), entry.name),
            hasher.finish(),
        )
    });
    Ok(all.collect())
}

/// The names of those that came, went or say something else.
pub(super) fn changed_names(then: &Annotations, now: &Annotations) -> Vec<String> {
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let changed = names
        .into_iter()
        .filter(|name| then.get(*name) != now.get(*name));
    changed.cloned().collect()
}
