//! Folders that show what others hold.
//!
//! What a search shows is kept with it as members, so that it has changes like any folder. It is
//! brought up to date from the change log whenever someone looks, and made anew where the log does
//! not reach back so far. One that shows only the first so many shows the latest.
//!
//! Start at [`refresh`].
//!
//! Source: [MS-OXCFOLD] 2.2.1.4, 2.2.1.5, 3.2.5.4, 3.2.5.5.

use super::folder::{depth_below, folder_of};
use super::{Done, Place, attributes};
use crate::codec::data::{Restriction, Value};
use crate::codec::rop::Response;
use crate::codec::rop::folder::{SearchCriteria, SearchCriteriaRequest, SetSearchCriteria};
use crate::codec::rop::notify::{ObjectEvent, kind};
use crate::codec::wire::{Form, Nothing, Wire, Writer, decode};
use crate::condition::{self, Judge, Lists, counted};
use crate::identity;
use crate::object::Logon;
use crate::property::item::ItemProperties;
use crate::refusal::Refusal;
use crate::request::Session;
use crate::texts;
use engine::account::values;
use engine::search::{Plan, TooComplex};
use engine::{
    ChangeSeq, Changes, EngineError, FolderChange, FolderForm, FolderId, ItemKey, Location, Object,
    PathStep, Reading, Shelf, View,
};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Flags of a request. Source: [MS-OXCFOLD] 2.2.1.4.1.
const STOP: u32 = 0x01;
const RECURSIVE: u32 = 0x04;
const STATIC: u32 = 0x0004_0000;
/// Flags of an answer. Source: [MS-OXCFOLD] 2.2.1.5.2.
const IS_RUNNING: u32 = 0x01;
const IS_RECURSIVE: u32 = 0x04;
const IS_COMPLETE: u32 = 0x1000;
const IS_STATIC: u32 = 0x0001_0000;

/// Where a search keeps up to which change it is.
const OF_SEARCH: [PathStep; 1] = [PathStep::Part(3)];
const UP_TO: u16 = 0x67a4;
/// Records of the change log that are read at a time.
const RECORDS: usize = 1000;
/// Members that come and go in one commit.
const MEMBERS_PER_COMMIT: usize = 1000;

/// `RopSetSearchCriteria`: without a condition or folders, those of before.
pub(super) fn set(
    session: &mut Session,
    at: Place,
    request: &SetSearchCriteria,
) -> Result<Done, Refusal> {
    let folder = folder_of(session, at)?;
    let code_page = session.code_page;
    let logon = session.objects.logon(at.logon_id)?.clone();
    let row = logon.account.read()?.folder(folder)?;
    let FolderForm::Search(old) = &row.form else {
        return Err(Refusal::NotSearchFolder);
    };
    if let (_, Some(each)) = counted(request.restriction.as_ref()) {
        condition::check(each)?;
    }
    let mut criteria = request.clone();
    if criteria.restriction.is_none() || criteria.folders.is_empty() {
        let old: SetSearchCriteria = decode(old, Form::Rop).map_err(|_| Refusal::NotInitialized)?;
        criteria.restriction = criteria.restriction.or(old.restriction);
        if criteria.folders.is_empty() {
            criteria.folders = old.folders;
        }
    }
    if criteria.folders.contains(&identity::folder_id(folder)) {
        return Err(Refusal::SearchScope);
    }
    let mut writer = Writer::new(Form::Rop);
    criteria.write(&mut writer);
    let bytes = writer.finish().map_err(|_| Refusal::TooBig)?;
    let change = FolderChange {
        criteria: Some(bytes.into()),
        ..FolderChange::default()
    };
    let done = logon
        .account
        .write(|txn| txn.update_folder(folder, &change))?;
    done.wait()?;
    if request.flags & STOP == 0 {
        repeat(&logon, folder, &criteria, code_page)?;
        // Source: [MS-OXCNOTIF] 2.2.1.1.
        let completed = ObjectEvent {
            kind: kind::SEARCH_COMPLETED,
            folder: identity::folder_id(folder),
            ..ObjectEvent::default()
        };
        session.happened(at.logon_id, &completed);
    }
    Ok(Done::said(Response::SetSearchCriteria(Nothing)))
}

/// `RopGetSearchCriteria`
pub(super) fn criteria(
    session: &mut Session,
    at: Place,
    request: &SearchCriteriaRequest,
) -> Result<Done, Refusal> {
    let folder = folder_of(session, at)?;
    let logon = session.objects.logon(at.logon_id)?;
    let criteria = of_folder(logon, folder)?.ok_or(Refusal::NotInitialized)?;
    let has = |flag| criteria.flags & flag != 0;
    let flags = [
        (!has(STOP), IS_RUNNING),
        (has(RECURSIVE), IS_RECURSIVE),
        (has(STATIC), IS_STATIC),
        (true, IS_COMPLETE),
    ];
    let set = flags.into_iter().filter(|(is_set, _)| *is_set);
    Ok(Done::said(Response::SearchCriteria(SearchCriteria {
        restriction: criteria.restriction.filter(|_| request.include_restriction),
        logon_id: at.logon_id,
        folders: if request.include_folders {
            criteria.folders
        } else {
            Vec::new()
        },
        flags: set.fold(0, |all, (_, flag)| all | flag),
    })))
}

/// What a search is to show, if anyone said so.
fn of_folder(logon: &Logon, folder: FolderId) -> Result<Option<SetSearchCriteria>, Refusal> {
    match logon.account.read()?.folder(folder)?.form {
        FolderForm::Search(bytes) => Ok(decode(&bytes, Form::Rop).ok()),
        FolderForm::Normal => Err(Refusal::NotSearchFolder),
    }
}

/// Brings what a search shows up to date. Who only looks at another's mailbox sees it as its owner
/// left it.
pub(crate) fn refresh(logon: &Logon, folder: FolderId, code_page: u32) -> Result<(), Refusal> {
    let Some(criteria) = of_folder(logon, folder)? else {
        return Ok(());
    };
    if criteria.flags & (STOP | STATIC) != 0 || !logon.account.is_own() {
        return Ok(());
    }
    let kept = attributes::of(logon, folder, &OF_SEARCH)?;
    let Some(Value::Integer64(up_to)) = kept.get(&UP_TO) else {
        return repeat(logon, folder, &criteria, code_page);
    };
    let mut since = ChangeSeq(up_to.cast_unsigned());
    let mut changed = BTreeSet::new();
    loop {
        let view = logon.account.read()?;
        let Changes::Page { records, more } = view.changes(since, RECORDS)? else {
            return repeat(logon, folder, &criteria, code_page);
        };
        for (number, record) in records {
            since = number;
            if let Object::Item(item) = record.object {
                changed.insert(item);
            }
        }
        if !more {
            break;
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    let search = Search::new(logon, &criteria, code_page)?;
    let mut found = Vec::new();
    for item in changed {
        let at = search.view_location(item)?;
        let is_shown = match at {
            Some(at) => search.shows(at)?,
            None => false,
        };
        found.push((item, is_shown));
    }
    if search.most < usize::MAX {
        let view = logon.account.read()?;
        let old: BTreeSet<_> = values::members(&view, folder)?.into_iter().collect();
        if found
            .iter()
            .any(|(item, is_shown)| *is_shown || old.contains(item))
        {
            return repeat(logon, folder, &criteria, code_page);
        }
        found.clear();
    }
    show(logon, folder, &found, since)
}

/// Looks through all that a search looks at.
fn repeat(
    logon: &Logon,
    folder: FolderId,
    criteria: &SetSearchCriteria,
    code_page: u32,
) -> Result<(), Refusal> {
    let search = Search::new(logon, criteria, code_page)?;
    let view = logon.account.read()?;
    let head = view.head()?;
    let mut found: BTreeSet<ItemKey> = BTreeSet::new();
    for (at, item) in search.places(&view)? {
        if found.len() == search.most {
            break;
        }
        if search.shows(at)? {
            found.insert(item);
        }
    }
    let old = values::members(&view, folder)?;
    drop(view);
    let gone = old.iter().filter(|item| !found.contains(item));
    let mut all: Vec<_> = gone.map(|item| (*item, false)).collect();
    all.extend(found.iter().map(|item| (*item, true)));
    show(logon, folder, &all, head)
}

/// Lets a search show items, or no longer; the last commit says up to which change it is now.
fn show(
    logon: &Logon,
    folder: FolderId,
    found: &[(ItemKey, bool)],
    up_to: ChangeSeq,
) -> Result<(), Refusal> {
    for chunk in found.chunks(MEMBERS_PER_COMMIT) {
        let done = logon.account.write(|txn| {
            for (item, is_shown) in chunk {
                match txn.show_in_search(folder, *item, *is_shown) {
                    // It went while it was looked at.
                    Ok(()) | Err(EngineError::NoSuchItem) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })?;
        done.wait()?;
    }
    let up_to = Value::Integer64(up_to.0.cast_signed());
    attributes::keep_apart(logon, folder, &OF_SEARCH, &[(UP_TO, Some(up_to))])
}

/// What is looked for, and where.
struct Search<'a> {
    logon: &'a Logon,
    restriction: Option<&'a Restriction>,
    /// How many of those that fulfil it are shown.
    most: usize,
    scope: BTreeSet<FolderId>,
    code_page: u32,
}

impl<'a> Search<'a> {
    fn new(
        logon: &'a Logon,
        criteria: &'a SetSearchCriteria,
        code_page: u32,
    ) -> Result<Self, Refusal> {
        let all = logon.account.read()?.all_folders()?;
        let roots = criteria
            .folders
            .iter()
            .filter_map(|id| identity::number_of(*id));
        let roots: BTreeSet<_> = roots.map(FolderId).collect();
        let is_within = |id: &FolderId, row| {
            let is_below = |root: &FolderId| depth_below(&all, *root, row).is_some();
            roots.contains(id) || (criteria.flags & RECURSIVE != 0 && roots.iter().any(is_below))
        };
        let scope = all
            .iter()
            .filter(|(id, row)| row.form == FolderForm::Normal && is_within(id, row))
            .map(|(id, _)| *id);
        let (most, restriction) = counted(criteria.restriction.as_ref());
        Ok(Self {
            logon,
            restriction,
            most,
            scope: scope.collect(),
            code_page,
        })
    }

    /// Those of the items that are no letters of which the index says that they may be what is
    /// looked for, ascending; none if it can't say. Of letters it knows another text than a client
    /// is told, so they are all looked at.
    fn entries(&self) -> Result<Option<Vec<ItemKey>>, Refusal> {
        let Some(restriction) = self.restriction else {
            return Ok(None);
        };
        match Plan::new(texts::demand(restriction, self.code_page)) {
            Ok(plan) => Ok(plan.candidates(&self.logon.account)?),
            Err(TooComplex) => Ok(None),
        }
    }

    /// All that is to be looked at; the latest first where only some are shown.
    fn places(&self, view: &View<'_>) -> Result<Vec<(Location, ItemKey)>, Refusal> {
        let entries = self.entries()?;
        let mut places = Vec::new();
        for &folder in &self.scope {
            for shelf in [Shelf::Mail, Shelf::Other] {
                for uid in view.uids(folder, shelf)?.iter() {
                    let at = Location { folder, shelf, uid };
                    let Some(row) = view.item(at)? else { continue };
                    let is_ruled_out = |may: &Vec<_>| may.binary_search(&row.item).is_err();
                    if shelf == Shelf::Mail || !entries.as_ref().is_some_and(is_ruled_out) {
                        places.push((row.received, at, row.item));
                    }
                }
            }
        }
        if self.most < usize::MAX {
            places.sort_by_key(|(received, ..)| Reverse(*received));
        }
        Ok(places.into_iter().map(|(_, at, item)| (at, item)).collect())
    }

    fn view_location(&self, item: ItemKey) -> Result<Option<Location>, Refusal> {
        Ok(self.logon.account.read()?.location(item)?)
    }

    /// Whether what stands there is to be shown.
    fn shows(&self, at: Location) -> Result<bool, Refusal> {
        let is_message = [Shelf::Mail, Shelf::Other].contains(&at.shelf);
        if !is_message || !self.scope.contains(&at.folder) {
            return Ok(false);
        }
        let view = self.logon.account.read()?;
        let Some(row) = view.item(at)? else {
            return Ok(false);
        };
        let Some(item) = ItemProperties::load(self.logon, &view, at, row)? else {
            return Ok(false);
        };
        match self.restriction {
            Some(restriction) => {
                let judge = Judge {
                    code_page: self.code_page,
                    lists: Lists::Of(&self.logon.account),
                };
                judge.holds(restriction, &item)
            }
            None => Ok(true),
        }
    }
}
