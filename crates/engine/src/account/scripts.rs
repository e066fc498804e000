//! The scripts that say what becomes of an account's letters, and which of them is in use.
//!
//! They are items of a hidden folder above the mail tree: the text is the body, the name stands in
//! the overlay, the flag says which one is active. So every change of them has its number, and
//! every way to them shows the same.
//!
//! Start at [`Account::scripts`]; [`Txn`] has the changes. The script without a name is the server's
//! own: [`crate::rules`] writes it.
//!
//! Standards: RFC 5804 §1.6 (names), §2.6 to §2.11 (what can be done with scripts).

use super::{Account, ROOT, Reading, Txn};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::upload::Staged;
use bytes::Bytes;
use formats::script::{Limits, Script};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use store::backend::Direction;
use store::id::{AccountId, BodyNumber, FolderId, Guid};
use store::model::{
    Binding, Body, FlagChange, FlagSet, Flags, ItemRow, Kind, Location, Name, NewBody, NewFolder,
    NewItem, OverlayInput, OverlayObject, OverlayValue, PropertyName, Reads, Role, Shelf, Value,
};

/// Scripts of one account.
pub const SCRIPTS_MAX: usize = 100;
/// Bytes of one script.
pub const SCRIPT_BYTES_MAX: u64 = 512 * 1024;
/// Bytes of a script's name; RFC 5804 §1.6 demands 128 characters.
const NAME_BYTES_MAX: usize = 512;
/// The set that the properties of scripts belong to.
pub(super) const PROPERTIES: Guid = Guid(*b"facteur scripts\0");
/// Read scripts that are kept; at most some hundred MB if all were as long as can be, in practice
/// a few.
const CACHED_MAX: usize = 1024;

/// A script as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredScript {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub at: Location,
    /// Its row.
    pub row: ItemRow,
    /// It is the one that letters go through.
    pub is_active: bool,
}

impl Account {
    /// All scripts, in the order they were first put in.
    pub fn scripts(&self) -> Result<Vec<StoredScript>, EngineError> {
        let view = self.engine.store().view(self.owner)?;
        let mut scripts = list(&view, self.owner)?;
        scripts.retain(|script| !script.name.is_empty());
        Ok(scripts)
    }

    /// The text of a script.
    ///
    /// Errors: [`EngineError::NoSuchScript`].
    pub fn script_text(&self, name: &str) -> Result<Bytes, EngineError> {
        let view = self.engine.store().view(self.owner)?;
        let found = list(&view, self.owner)?
            .into_iter()
            .find(|script| script.name == name);
        let row = found.ok_or(EngineError::NoSuchScript)?.row;
        match row.body {
            Some(body) => Ok(self.engine.store().read_body(body, 0..row.size)?),
            None => Ok(Bytes::new()),
        }
    }
}

impl Txn<'_, '_> {
    /// Puts a script in, or another text in the place of an old one.
    ///
    /// What the text says is the caller's to check. Errors: [`EngineError::NameRefused`],
    /// [`EngineError::TooMany`], [`EngineError::TooLarge`], [`EngineError::OverQuota`],
    /// [`EngineError::Denied`] for guests.
    pub fn put_script(&mut self, name: &str, text: &Staged) -> Result<(), EngineError> {
        check_name(name)?;
        self.put_any_script(name, text).map(drop)
    }

    /// The same for the script without a name, too.
    pub(crate) fn put_any_script(
        &mut self,
        name: &str,
        text: &Staged,
    ) -> Result<Location, EngineError> {
        self.check_owner()?;
        if text.size() > SCRIPT_BYTES_MAX {
            return Err(EngineError::TooLarge);
        }
        self.check_quota(text.size())?;
        let account = self.account.id();
        let folder = folder_or_new(self.txn, account)?;
        let known = list(self.txn, account)?;
        let body = Some(Body::Staged(Arc::clone(text.body())));
        if let Some(old) = known.iter().find(|script| script.name == name) {
            let new = NewBody {
                body,
                ..NewBody::default()
            };
            return Ok(self.txn.replace_body(account, old.at, &new)?.at);
        }
        if known.len() >= SCRIPTS_MAX {
            return Err(EngineError::TooMany("scripts"));
        }
        let item = NewItem {
            shelf: Shelf::Associated,
            kind: Kind::Other,
            body,
            ..NewItem::mail(folder)
        };
        let at = self.txn.insert_item(account, &item)?.at;
        self.name_script(at, name)?;
        Ok(at)
    }

    /// Gives a script another name.
    ///
    /// Errors: [`EngineError::NoSuchScript`], [`EngineError::NameTaken`],
    /// [`EngineError::NameRefused`].
    pub fn rename_script(&mut self, name: &str, new: &str) -> Result<(), EngineError> {
        check_name(new)?;
        let known = self.own_scripts()?;
        if name != new && known.iter().any(|script| script.name == new) {
            return Err(EngineError::NameTaken);
        }
        let at = find(&known, name)?.at;
        self.name_script(at, new)
    }

    /// Removes a script.
    ///
    /// Errors: [`EngineError::NoSuchScript`], [`EngineError::InUse`] for the active one.
    pub fn remove_script(&mut self, name: &str) -> Result<(), EngineError> {
        let known = self.own_scripts()?;
        let script = find(&known, name)?;
        if script.is_active {
            return Err(EngineError::InUse);
        }
        Ok(self.txn.remove_item(self.account.id(), script.at)?)
    }

    /// Lets letters go through this script, or through none.
    ///
    /// Errors: [`EngineError::NoSuchScript`].
    pub fn activate_script(&mut self, name: Option<&str>) -> Result<(), EngineError> {
        let known = self.own_scripts()?;
        if let Some(name) = name {
            find(&known, name)?;
        }
        for script in &known {
            let flags = if name == Some(script.name.as_str()) {
                Flags::FLAGGED
            } else {
                Flags::NONE
            };
            let set = FlagSet {
                flags,
                ..FlagSet::default()
            };
            self.txn
                .set_flags(self.account.id(), script.at, &FlagChange::Replace(set))?;
        }
        Ok(())
    }

    fn own_scripts(&self) -> Result<Vec<StoredScript>, EngineError> {
        self.check_owner()?;
        let mut known = list(self.txn, self.account.id())?;
        known.retain(|script| !script.name.is_empty());
        Ok(known)
    }

    fn name_script(&mut self, at: Location, name: &str) -> Result<(), EngineError> {
        let account = self.account.id();
        let property = self.txn.intern(account, &name_property())?;
        let value = OverlayValue {
            property,
            value: Value::Text(name.to_owned()),
            binding: Binding::Free,
        };
        let change = [OverlayInput::Set(value)];
        Ok(self
            .txn
            .set_overlay(account, OverlayObject::Item(at), &[], &change)?)
    }
}

fn find<'a>(known: &'a [StoredScript], name: &str) -> Result<&'a StoredScript, EngineError> {
    known
        .iter()
        .find(|script| script.name == name)
        .ok_or(EngineError::NoSuchScript)
}

/// Source: RFC 5804 §1.6.
fn check_name(name: &str) -> Result<(), EngineError> {
    let is_wrong = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(EngineError::NameRefused(
            "a script's name is empty or too long",
        ));
    }
    if name.chars().any(is_wrong) {
        return Err(EngineError::NameRefused(
            "control characters in a script's name",
        ));
    }
    Ok(())
}

fn name_property() -> Name {
    Name::Property(PROPERTIES, PropertyName::Text("name".to_owned()))
}

/// The property under which something of this module's neighbours is kept.
pub(crate) fn property(name: &str) -> Name {
    Name::Property(PROPERTIES, PropertyName::Text(name.to_owned()))
}

/// The folder of scripts, if the account ever had one.
pub(crate) fn folder(
    reads: &dyn Reads,
    account: AccountId,
) -> Result<Option<FolderId>, EngineError> {
    Ok(reads
        .folder_with_role(account, Role::Scripts)?
        .map(|(folder, _)| folder))
}

/// The folder of scripts, made if there is none.
pub(crate) fn folder_or_new(
    txn: &mut store::model::Txn<'_>,
    account: AccountId,
) -> Result<FolderId, EngineError> {
    if let Some(folder) = folder(txn, account)? {
        return Ok(folder);
    }
    let new = NewFolder {
        parent: Some(ROOT),
        name: "Scripts".to_owned(),
        role: Role::Scripts,
        kind: Kind::Other,
        hidden: true,
        ..NewFolder::default()
    };
    Ok(txn.create_folder(account, &new)?)
}

/// All scripts of an account, with the one that has no name.
pub(crate) fn list(
    reads: &dyn Reads,
    account: AccountId,
) -> Result<Vec<StoredScript>, EngineError> {
    let Some(folder) = folder(reads, account)? else {
        return Ok(Vec::new());
    };
    let mut rows = Vec::new();
    let all = 1..=u32::MAX;
    reads.items(
        account,
        folder,
        Shelf::Associated,
        all,
        Direction::Forward,
        &mut |uid, row| {
            rows.push((
                Location {
                    folder,
                    shelf: Shelf::Associated,
                    uid,
                },
                row,
            ));
            if rows.len() < SCRIPTS_MAX {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        },
    )?;
    let property = reads.number_of(account, &name_property())?;
    let mut scripts = Vec::with_capacity(rows.len());
    for (at, row) in rows {
        let values = reads.overlay(account, row.item.0, &[])?;
        let named = values
            .into_iter()
            .find(|value| Some(value.property) == property);
        let name = match named.map(|value| value.value) {
            Some(Value::Text(name)) => name,
            _ => String::new(),
        };
        let is_active = row.flags.contains(Flags::FLAGGED);
        scripts.push(StoredScript {
            name,
            at,
            row,
            is_active,
        });
    }
    Ok(scripts)
}

/// Scripts that were read, by the bytes they were read from.
#[derive(Default)]
pub(crate) struct ScriptCache(Mutex<HashMap<BodyNumber, Option<Arc<Script>>>>);

impl ScriptCache {
    /// The script in a body; `None` when it is faulty, which it was not when it was put in.
    pub(crate) fn read(
        &self,
        engine: &Engine,
        row: &ItemRow,
    ) -> Result<Option<Arc<Script>>, EngineError> {
        let Some(body) = row.body else {
            return Ok(None);
        };
        if let Some(known) = self.0.lock().get(&body) {
            return Ok(known.clone());
        }
        let text = engine.store().read_body(body, 0..row.size)?;
        let script = Script::parse(&text, &Limits::default()).ok().map(Arc::new);
        let mut cached = self.0.lock();
        if cached.len() >= CACHED_MAX {
            cached.clear();
        }
        cached.insert(body, script.clone());
        Ok(script)
    }
}
