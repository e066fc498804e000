//! Changes of one account, each checked against rights, quota and limits.

use super::annotations::ItemAnnotations;
use super::event::Event;
use super::quota::shows_letters;
use super::view::{MAIL_ROOT, ROOT, Reading, one_form};
use super::{Account, Standing};
use crate::error::EngineError;
use crate::filter::Cause;
use crate::search::thread::conversation_names;
use crate::spam::{Lesson, Opinion};
use crate::upload::Staged;
use bytes::Bytes;
use std::collections::HashMap;
use store::id::{AccountId, FolderId, Timestamp, Uid};
use store::model::{
    Body, FlagChange, FlagOutcome, FlagSet, Flags, FolderChange, FolderForm, Grant, ItemRow,
    Keywords, Kind, Location, Name, NewFolder, NewItem, ReadState, Reads, Receipt, Rights, Role,
    UidSet,
};

/// Reads and changes of one account, as one commit.
#[allow(clippy::struct_field_names, reason = "it is the store's transaction")]
pub struct Txn<'t, 's> {
    pub(crate) account: &'t Account,
    pub(crate) txn: &'t mut store::model::Txn<'s>,
    /// What the changes say of letters, to be learned once they are made.
    lessons: Vec<Lesson>,
    /// What the scripts of folders are to be run for, likewise.
    pub(super) events: Vec<Event>,
    /// Whether these folders have a script.
    pub(super) with_script: HashMap<FolderId, bool>,
}

/// A letter to be put into a folder by its owner.
#[derive(Debug, Clone)]
pub struct NewLetter<'a> {
    /// Where to.
    pub folder: FolderId,
    /// Its bytes.
    pub staged: &'a Staged,
    /// Lines to put before them; empty as a rule.
    pub prefix: Bytes,
    /// Flags and keywords.
    pub flags: FlagSet,
    /// When it was received; now if not given.
    pub received: Option<Timestamp>,
    /// The zone in which that time was given, in minutes east of Greenwich.
    pub received_zone_minutes: i16,
    /// A UID brought by an import; not below the folder's next one.
    pub uid: Option<Uid>,
}

impl<'a> NewLetter<'a> {
    /// A letter without flags, received now.
    pub fn new(folder: FolderId, staged: &'a Staged) -> Self {
        Self {
            folder,
            staged,
            prefix: Bytes::new(),
            flags: FlagSet::default(),
            received: None,
            received_zone_minutes: 0,
            uid: None,
        }
    }
}

/// Whether the source stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// The source stays, the copy is a new item.
    Copy,
    /// The item leaves its folder.
    Move,
}

/// What a folder at the top is for by its name: programs that make their own archive seldom say so.
fn role_of_name(name: &str) -> Role {
    const ARCHIVES: [&str; 2] = ["Archive", "Archives"];
    if ARCHIVES
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
    {
        Role::Archive
    } else {
        Role::None
    }
}

impl Reading for Txn<'_, '_> {
    fn account(&self) -> &Account {
        self.account
    }

    fn reads(&self) -> &dyn Reads {
        self.txn
    }
}

impl<'t, 's> Txn<'t, 's> {
    pub(super) fn new(account: &'t Account, txn: &'t mut store::model::Txn<'s>) -> Self {
        Self {
            account,
            txn,
            lessons: Vec::new(),
            events: Vec::new(),
            with_script: HashMap::new(),
        }
    }

    /// What the changes so far say of letters.
    pub(super) fn take_lessons(&mut self) -> Vec<Lesson> {
        std::mem::take(&mut self.lessons)
    }

    /// The time that everything in this transaction happens at.
    pub fn now(&self) -> Timestamp {
        self.txn.now()
    }

    /// Makes a folder. Without a parent it stands at the top of the mail tree; a well-known name
    /// there also says what the folder is for.
    ///
    /// Errors: [`EngineError::NameTaken`], [`EngineError::RoleTaken`],
    /// [`EngineError::NameRefused`], [`EngineError::TooMany`], [`EngineError::OverQuota`],
    /// [`EngineError::Denied`].
    pub fn create_folder(&mut self, new: &NewFolder) -> Result<FolderId, EngineError> {
        let name = one_form(&new.name);
        self.check_name(&name)?;
        self.check_parent(new.parent)?;
        let limits = self.account.engine().settings().limits;
        let folders = usize::try_from(self.state()?.folders).unwrap_or(usize::MAX);
        if folders >= limits.folders_max {
            return Err(EngineError::TooMany("folders"));
        }
        if new.kind == Kind::Mail && !new.hidden && new.form == FolderForm::Normal {
            self.check_folder_quota()?;
        }
        let parent = new.parent.unwrap_or(MAIL_ROOT);
        let mut new = NewFolder {
            parent: Some(parent),
            name: name.into_owned(),
            ..new.clone()
        };
        if new.grants.is_empty() && parent != MAIL_ROOT {
            // Who shares a folder shares what is made in it (RFC 4314 §4).
            let above = self.folder(parent)?;
            (new.grants, new.read_by_each) = (above.grants, above.read_by_each);
        }
        self.account
            .engine()
            .sharing()
            .learn(self.account.id(), &new.grants);
        if new.role == Role::None && parent == MAIL_ROOT {
            let role = role_of_name(&new.name);
            let taken = self.reads().folder_with_role(self.account.id(), role)?;
            new.role = taken.map_or(role, |_| Role::None);
        }
        Ok(self.txn.create_folder(self.account.id(), &new)?)
    }

    /// The hidden folder of that name beside the mail tree, made if there is none: for what one
    /// kind of client keeps and no other is shown. Owners only.
    pub fn folder_beside(&mut self, name: &str, kind: Kind) -> Result<FolderId, EngineError> {
        self.check_owner()?;
        let owner = self.account.id();
        if let Some((folder, _)) = self.reads().folder_at(owner, Some(ROOT), &[name])? {
            return Ok(folder);
        }
        let new = NewFolder {
            parent: Some(ROOT),
            name: name.to_owned(),
            kind,
            hidden: true,
            ..NewFolder::default()
        };
        Ok(self.txn.create_folder(owner, &new)?)
    }

    /// Makes the folder at the end of a path, and those above it that are missing.
    ///
    /// Errors: [`EngineError::NameTaken`] when it exists; else as for [`Txn::create_folder`].
    pub fn create_path(&mut self, path: &[&str], role: Role) -> Result<FolderId, EngineError> {
        let (mut parent, mut made) = (Some(MAIL_ROOT), None);
        for (depth, name) in path.iter().enumerate() {
            let known = self
                .reads()
                .child(self.account.id(), parent, &one_form(name))?;
            if let Some((id, _)) = known {
                parent = Some(id);
                continue;
            }
            let is_last = depth + 1 == path.len();
            let new = NewFolder {
                parent,
                name: (*name).to_owned(),
                role: if is_last { role } else { Role::None },
                ..NewFolder::default()
            };
            made = Some(self.create_folder(&new)?);
            parent = made;
        }
        made.filter(|_| made == parent)
            .ok_or(EngineError::NameTaken)
    }

    /// Gives a folder another name, another parent (`None`: the top), or both.
    ///
    /// Errors: [`EngineError::SpecialFolder`] for the inbox, [`EngineError::NameTaken`],
    /// [`EngineError::WouldLoop`].
    pub fn rename_folder(
        &mut self,
        folder: FolderId,
        parent: Option<FolderId>,
        name: &str,
    ) -> Result<(), EngineError> {
        let row = self.folder_with_rights(folder, Rights::REMOVE_FOLDER)?;
        if row.role == Role::Inbox {
            return Err(EngineError::SpecialFolder);
        }
        let name = one_form(name);
        self.check_name(&name)?;
        let parent = Some(parent.unwrap_or(MAIL_ROOT));
        if parent != row.parent {
            self.check_parent(parent)?;
        }
        let change = FolderChange {
            parent,
            name: Some(name.into_owned()),
            ..FolderChange::default()
        };
        Ok(self.txn.update_folder(self.account.id(), folder, &change)?)
    }

    /// Removes a folder that has none below it; what is in it stays recoverable, and its name stays
    /// subscribed.
    ///
    /// Errors: [`EngineError::SpecialFolder`] for the folders that every account is made with,
    /// [`EngineError::HasChildren`], [`EngineError::InUse`] if what waits in it is being sent.
    pub fn remove_folder(&mut self, folder: FolderId) -> Result<(), EngineError> {
        let row = self.folder_with_rights(folder, Rights::REMOVE_FOLDER)?;
        if !matches!(row.role, Role::None | Role::Archive | Role::Important) {
            return Err(EngineError::SpecialFolder);
        }
        self.withdraw_in(folder)?;
        if row.subscribed {
            self.keep_subscription(folder)?;
        }
        Ok(self.txn.remove_folder(self.account.id(), folder)?)
    }

    /// Changes a folder in other ways; name and parent by [`Txn::rename_folder`].
    pub fn update_folder(
        &mut self,
        folder: FolderId,
        change: &FolderChange,
    ) -> Result<(), EngineError> {
        self.folder_with_rights(folder, Rights::REMOVE_FOLDER)?;
        let change = FolderChange {
            name: None,
            parent: None,
            grants: None,
            ..change.clone()
        };
        Ok(self.txn.update_folder(self.account.id(), folder, &change)?)
    }

    /// Replaces a folder's list of rights.
    pub fn set_grants(&mut self, folder: FolderId, grants: Vec<Grant>) -> Result<(), EngineError> {
        self.folder_with_rights(folder, Rights::ADMINISTER)?;
        self.account
            .engine()
            .sharing()
            .learn(self.account.id(), &grants);
        let change = FolderChange {
            grants: Some(grants),
            ..FolderChange::default()
        };
        Ok(self.txn.update_folder(self.account.id(), folder, &change)?)
    }

    /// Brings a removed folder back, under a parent and name that are free. Owners only.
    pub fn restore_folder(
        &mut self,
        folder: FolderId,
        parent: Option<FolderId>,
        name: &str,
    ) -> Result<(), EngineError> {
        self.check_owner()?;
        let name = one_form(name);
        self.check_name(&name)?;
        let parent = Some(parent.unwrap_or(MAIL_ROOT));
        let owner = self.account.id();
        let removed = self.reads().folder(owner, folder)?;
        if removed.as_ref().is_some_and(shows_letters) {
            self.check_folder_quota()?;
        }
        Ok(self.txn.restore_folder(owner, folder, parent, &name)?)
    }

    /// Drops a removed folder for good, with all that is in it. Owners only.
    ///
    /// Errors: [`EngineError::NoSuchFolder`] for one that was not removed before,
    /// [`EngineError::HasChildren`] also where those below it were removed.
    pub fn purge_folder(&mut self, folder: FolderId) -> Result<(), EngineError> {
        self.check_owner()?;
        Ok(self.txn.purge_removed_folder(self.account.id(), folder)?)
    }

    /// The number of a keyword, given now if it has none.
    ///
    /// Errors: [`EngineError::TooMany`] when the account has too many,
    /// [`EngineError::NameRefused`].
    pub fn intern_keyword(&mut self, keyword: &str) -> Result<u32, EngineError> {
        if let Some(number) = self.keyword_number(keyword)? {
            return Ok(number);
        }
        if keyword.is_empty() || keyword.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(EngineError::NameRefused(
                "a keyword has no spaces or control characters",
            ));
        }
        let known = self.state()?.next_keyword;
        let max = self.account.engine().settings().limits.keywords_max;
        if usize::try_from(known).is_ok_and(|known| known > max) {
            return Err(EngineError::TooMany("keywords"));
        }
        let name = Name::Keyword(keyword.to_owned());
        Ok(self.txn.intern(self.account.id(), &name)?)
    }

    /// Puts a letter into a folder.
    ///
    /// Errors: [`EngineError::OverQuota`], [`EngineError::Denied`], [`EngineError::NumberRefused`]
    /// for a UID that is too low.
    pub fn append(&mut self, letter: &NewLetter<'_>) -> Result<Receipt, EngineError> {
        self.folder_with_rights(letter.folder, Rights::INSERT)?;
        let size = letter.staged.size() + letter.prefix.len() as u64;
        self.check_quota(size)?;
        let item = NewItem {
            flags: letter.flags.clone(),
            received: letter.received,
            received_zone_minutes: letter.received_zone_minutes,
            body: Some(Body::Staged(letter.staged.body().clone())),
            prefix: letter.prefix.clone(),
            summary: letter.staged.summary().clone(),
            sent: letter.staged.sent(),
            names: conversation_names(letter.staged.summary()),
            uid: letter.uid,
            ..NewItem::mail(letter.folder)
        };
        let receipt = self.txn.insert_item(self.account.id(), &item)?;
        self.leave_allowed_flags(receipt.at, Flags::NONE)?;
        self.put_as_read(receipt.at, letter.flags.flags)?;
        self.note_coming(receipt.at, Cause::Put)?;
        Ok(receipt)
    }

    /// Takes those flags off an item that came into a folder which this user may not set there, but
    /// for those that it keeps anyway. Source: RFC 4314 §4.
    pub(super) fn leave_allowed_flags(
        &mut self,
        at: Location,
        kept: Flags,
    ) -> Result<(), EngineError> {
        if self.account.standing() == Standing::Owner {
            return Ok(());
        }
        let item = self.reads().item_row(self.account.id(), at)?;
        let given = item.ok_or(EngineError::NoSuchItem)?.flag_set();
        let folder = self.folder(at.folder)?;
        let rights = self.rights_in(&folder);
        let mut mask = settable(rights) | kept;
        if self.reader_of(&folder).is_some() {
            mask = mask | Flags::SEEN; // It is the owner's.
        }
        let mut left = given.clone();
        left.flags = given.flags & mask;
        if !rights.contains(Rights::WRITE_FLAGS) {
            left.keywords = Keywords::default();
        }
        if left != given {
            let change = FlagChange::Replace(left);
            self.txn.set_flags(self.account.id(), at, &change)?;
        }
        Ok(())
    }

    /// Changes an item's flags and keywords. What this user has no right to change stays as it is,
    /// as RFC 4314 §4 wants it; when that leaves nothing, it is [`EngineError::Denied`].
    pub fn set_flags(
        &mut self,
        at: Location,
        change: &FlagChange,
    ) -> Result<FlagOutcome, EngineError> {
        let row = self.folder(at.folder)?;
        let rights = self.rights_in(&row);
        let mut change = match self.account.standing() {
            Standing::Owner => change.clone(),
            Standing::Guest => self.allowed(at, change, rights)?,
        };
        change = self.keeping_mark(at, change)?;
        let mut read_changed = false;
        if let Some(reader) = self.reader_of(&row) {
            let known = self.reads().item_row(self.account.id(), at)?;
            let known = known.ok_or(EngineError::NoSuchItem)?;
            let FlagChange::Replace(new) = &mut change else {
                return Err(EngineError::Denied); // What a guest may do is told as a whole.
            };
            read_changed = self.keep_read(at, reader, new.flags)?;
            new.flags = (new.flags & !Flags::SEEN) | (known.flags & Flags::SEEN);
        }
        let old = if self.has_script(at)? {
            self.reads().item_row(self.account.id(), at)?
        } else {
            None
        };
        let mut outcome = self.txn.set_flags(self.account.id(), at, &change)?;
        if let Some(old) = old {
            self.note_flags(at, &old.flag_set(), &outcome.row.flag_set())?;
        }
        outcome.row = self.as_read_here(at, outcome.row)?;
        outcome.changed |= read_changed;
        let is_answered = outcome.row.flag_set().flags.contains(Flags::ANSWERED);
        if outcome.changed && is_answered && row.role == Role::Inbox {
            self.note_lesson(at, Some(Opinion::Wanted));
        }
        Ok(outcome)
    }

    /// Keeps for one reader whether they have read a letter; true if that is new.
    fn keep_read(
        &mut self,
        at: Location,
        reader: AccountId,
        flags: Flags,
    ) -> Result<bool, EngineError> {
        let owner = self.account.id();
        let is_read = flags.contains(Flags::SEEN);
        if self.reads().is_read_by(owner, at.folder, at.uid, reader)? == is_read {
            return Ok(false);
        }
        let state = if is_read {
            ReadState::Read
        } else {
            ReadState::Unread
        };
        self.txn.set_read_by(owner, at, reader, state)?;
        Ok(true)
    }

    /// A letter that a guest puts in was read by nobody but perhaps that guest.
    fn put_as_read(&mut self, at: Location, flags: Flags) -> Result<(), EngineError> {
        let folder = self.folder(at.folder)?;
        let Some(reader) = self.reader_of(&folder) else {
            return Ok(());
        };
        if self.rights_in(&folder).contains(Rights::KEEP_SEEN) {
            self.keep_read(at, reader, flags)?;
        }
        let change = FlagChange::remove(Flags::SEEN);
        self.txn.set_flags(self.account.id(), at, &change)?;
        Ok(())
    }

    /// Gives a letter that came to another place the seen flag that this user had before.
    pub(super) fn carry_read(&mut self, at: Location, before: Flags) -> Result<(), EngineError> {
        let folder = self.folder(at.folder)?;
        if !self.rights_in(&folder).contains(Rights::KEEP_SEEN) {
            return Ok(());
        }
        if let Some(reader) = self.reader_of(&folder) {
            return self.keep_read(at, reader, before).map(drop);
        }
        let change = if before.contains(Flags::SEEN) {
            FlagChange::add(Flags::SEEN)
        } else {
            FlagChange::remove(Flags::SEEN)
        };
        self.txn.set_flags(self.account.id(), at, &change)?;
        Ok(())
    }

    fn note_lesson(&mut self, at: Location, opinion: Option<Opinion>) {
        let account = self.account.id();
        let lesson = opinion.map(|opinion| Lesson {
            account,
            at,
            opinion,
        });
        self.lessons.extend(lesson);
    }

    /// Copies or moves one item to a folder of this account.
    ///
    /// Errors: [`EngineError::NoSuchItem`], [`EngineError::OverQuota`] for copies,
    /// [`EngineError::Denied`].
    pub fn transfer(
        &mut self,
        how: Transfer,
        at: Location,
        to: FolderId,
    ) -> Result<Receipt, EngineError> {
        let opinion = self.check_transfer(how, at.folder, to)?;
        if how == Transfer::Copy {
            let size = self.size_at(at)?;
            self.check_quota(size)?;
        }
        let annotations = ItemAnnotations::of(self)?;
        let receipt = self.transfer_checked(how, at, to, annotations)?;
        self.note_lesson(receipt.at, opinion);
        Ok(receipt)
    }

    /// Copies or moves the items with these UIDs, all or none. Those that are gone are passed over.
    ///
    /// Answers old and new UIDs, ascending. Large moves are better split by the caller. Errors: as
    /// for [`Txn::transfer`]; then nothing of the transaction may be kept.
    pub fn transfer_all(
        &mut self,
        how: Transfer,
        folder: FolderId,
        uids: &UidSet,
        to: FolderId,
    ) -> Result<Vec<(Uid, Uid)>, EngineError> {
        let opinion = self.check_transfer(how, folder, to)?;
        // Within an account nothing that is copied or moved makes it have annotations.
        let annotations = ItemAnnotations::of(self)?;
        let mut moved = Vec::new();
        for uid in uids.iter() {
            match self.transfer_checked(how, Location::mail(folder, uid), to, annotations) {
                Ok(receipt) => {
                    moved.push((uid, receipt.at.uid));
                    self.note_lesson(receipt.at, opinion);
                }
                Err(EngineError::NoSuchItem) => {}
                Err(error) => return Err(error),
            }
        }
        if how == Transfer::Copy && !moved.is_empty() {
            self.check_quota_of_all()?;
        }
        Ok(moved)
    }

    /// Removes an item; it stays recoverable for a while. On the recoverable shelf it is purged. A
    /// letter that waits to be sent with it is taken back.
    ///
    /// Errors: [`EngineError::NoSuchItem`], [`EngineError::Denied`], [`EngineError::InUse`] if that
    /// letter is being sent.
    pub fn expunge(&mut self, at: Location) -> Result<(), EngineError> {
        self.folder_with_rights(at.folder, Rights::EXPUNGE)?;
        self.remove(at)
    }

    fn remove(&mut self, at: Location) -> Result<(), EngineError> {
        self.withdraw_at(at)?;
        Ok(self.txn.remove_item(self.account.id(), at)?)
    }

    /// Removes the letters with these UIDs; those that are gone, or are being sent, are passed over.
    /// Answers what was removed.
    pub fn expunge_all(&mut self, folder: FolderId, uids: &UidSet) -> Result<UidSet, EngineError> {
        self.folder_with_rights(folder, Rights::EXPUNGE)?;
        let mut removed = Vec::new();
        for uid in uids.iter() {
            match self.remove(Location::mail(folder, uid)) {
                Ok(()) => removed.push(uid),
                Err(EngineError::NoSuchItem | EngineError::InUse) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(removed.into_iter().collect())
    }

    /// Brings a removed item back, to its own folder or another.
    pub fn restore(&mut self, at: Location, to: Option<FolderId>) -> Result<Receipt, EngineError> {
        self.folder_with_rights(to.unwrap_or(at.folder), Rights::INSERT)?;
        let size = self.size_at(at)?;
        self.check_quota(size)?;
        let receipt = self.txn.restore_item(self.account.id(), at, to)?;
        self.check_noted(receipt.at, ItemAnnotations::of(self)?)?;
        self.without_mark(receipt)
    }

    /// What was brought back is not marked as deleted any more: the next expunge would take it.
    fn without_mark(&mut self, receipt: Receipt) -> Result<Receipt, EngineError> {
        let owner = self.account.id();
        let row = self.reads().item_row(owner, receipt.at)?;
        if !row.is_some_and(|row| row.flags.contains(Flags::DELETED)) {
            return Ok(receipt);
        }
        let mark = FlagChange::remove(FlagSet::from(Flags::DELETED));
        let outcome = self.txn.set_flags(owner, receipt.at, &mark)?;
        Ok(Receipt {
            change: outcome.row.changed,
            ..receipt
        })
    }

    /// Drops an item for good, from any shelf. Owners only. A letter that waits to be sent with it
    /// is taken back.
    ///
    /// Errors: as for [`Txn::expunge`].
    pub fn purge(&mut self, at: Location) -> Result<(), EngineError> {
        self.check_owner()?;
        self.withdraw_at(at)?;
        Ok(self.txn.purge_item(self.account.id(), at)?)
    }

    fn transfer_checked(
        &mut self,
        how: Transfer,
        at: Location,
        to: FolderId,
        annotations: ItemAnnotations,
    ) -> Result<Receipt, EngineError> {
        let owner = self.account.id();
        let before = match self.account.standing() {
            Standing::Owner => None,
            Standing::Guest => self.reads().item_row(owner, at)?,
        };
        let before = before.map(|row| self.as_read_here(at, row)).transpose()?;
        let receipt = match how {
            Transfer::Move => {
                self.withdraw_thrown_away(at, to)?;
                self.txn.move_item(owner, at, to)?
            }
            Transfer::Copy => self.txn.copy_item(owner, at, owner, to)?,
        };
        self.leave_allowed_flags(receipt.at, KEPT_BY_COPIES)?;
        self.leave_allowed_annotations(receipt.at, annotations)?;
        if how == Transfer::Copy {
            self.check_noted(receipt.at, annotations)?;
        }
        if let Some(before) = before {
            self.carry_read(receipt.at, before.flags)?;
        }
        self.note_coming(receipt.at, Cause::Copied)?;
        Ok(receipt)
    }

    /// Also answers what such a transfer says of the letters.
    fn check_transfer(
        &self,
        how: Transfer,
        from: FolderId,
        to: FolderId,
    ) -> Result<Option<Opinion>, EngineError> {
        let needed = match how {
            Transfer::Copy => Rights::READ,
            Transfer::Move => Rights::READ | Rights::DELETE_ANY | Rights::EXPUNGE,
        };
        let from = self.folder_with_rights(from, needed)?;
        let to = self.folder_with_rights(to, Rights::INSERT)?;
        let is_copy = how == Transfer::Copy;
        Ok(Opinion::of_move(from.role, to.role, is_copy))
    }

    fn size_at(&self, at: Location) -> Result<u64, EngineError> {
        let row: Option<ItemRow> = self.reads().item_row(self.account.id(), at)?;
        Ok(row.ok_or(EngineError::NoSuchItem)?.size)
    }

    pub(super) fn check_owner(&self) -> Result<(), EngineError> {
        match self.account.standing() {
            Standing::Owner => Ok(()),
            Standing::Guest => Err(EngineError::Denied),
        }
    }

    pub(super) fn check_name(&self, name: &str) -> Result<(), EngineError> {
        let max = self
            .account
            .engine()
            .settings()
            .limits
            .folder_name_bytes_max;
        if name.is_empty() || name.len() > max {
            return Err(EngineError::NameRefused(
                "a folder's name is empty or too long",
            ));
        }
        if name.chars().any(char::is_control) {
            return Err(EngineError::NameRefused(
                "control characters in a folder's name",
            ));
        }
        Ok(())
    }

    /// May a folder be put here, and is it not too deep?
    fn check_parent(&self, parent: Option<FolderId>) -> Result<(), EngineError> {
        let parent = parent.unwrap_or(MAIL_ROOT);
        let is_top = |folder| [MAIL_ROOT, ROOT].contains(&folder);
        if is_top(parent) {
            return self.check_owner();
        }
        self.folder_with_rights(parent, Rights::CREATE_FOLDER)?;
        let max = self.account.engine().settings().limits.folder_depth_max;
        let mut above = parent;
        for _ in 1..max {
            let row = self.reads().folder(self.account.id(), above)?;
            above = row
                .and_then(|row| row.parent)
                .ok_or(EngineError::NoSuchFolder)?;
            if is_top(above) {
                return Ok(());
            }
        }
        Err(EngineError::TooMany("folders above one another"))
    }

    /// The part of a change of flags that these rights allow.
    fn allowed(
        &self,
        at: Location,
        change: &FlagChange,
        rights: Rights,
    ) -> Result<FlagChange, EngineError> {
        let item = self
            .reads()
            .item_row(self.account.id(), at)?
            .ok_or(EngineError::NoSuchItem)?;
        let item = self.as_read_here(at, item)?;
        let mask = settable(rights);
        if mask == Flags::NONE {
            return Err(EngineError::Denied);
        }
        let old = item.flag_set();
        let new = change.apply(&old);
        let keywords = if rights.contains(Rights::WRITE_FLAGS) {
            new.keywords
        } else {
            old.keywords
        };
        let flags = (new.flags & mask) | (old.flags & !mask);
        Ok(FlagChange::Replace(FlagSet { flags, keywords }))
    }
}

/// What a copy keeps whoever makes it: whoever asked to be told that the letter was read was told.
/// Source: RFC 3503 §4.3.
pub(super) const KEPT_BY_COPIES: Flags = Flags::MDN_SENT;

/// The flags that these rights let one set and clear. Source: RFC 4314 §4.
fn settable(rights: Rights) -> Flags {
    let mut mask = Flags::NONE;
    for (right, flags) in [
        (Rights::KEEP_SEEN, Flags::SEEN),
        (Rights::DELETE_ANY, Flags::DELETED),
        (Rights::WRITE_FLAGS, !(Flags::SEEN | Flags::DELETED)),
    ] {
        if rights.contains(right) {
            mask = mask | flags;
        }
    }
    mask
}
