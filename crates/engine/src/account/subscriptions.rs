//! What an owner is subscribed to: folders, and names that no folder has.
//!
//! A folder's row says whether it is on the list. A name stays there when its folder goes, and may
//! be put there before a folder has it; such names are kept in the overlay of the mail tree's top.
//! Whoever lists takes both together, so that a folder made under such a name is subscribed.
//!
//! Start at [`Txn::subscribe_path`] and [`names_kept`]. Source: RFC 9051 §6.3.7.

use super::imported::PROPERTIES;
use super::txn::Txn;
use super::view::{MAIL_ROOT, Reading, one_form};
use crate::error::EngineError;
use store::id::FolderId;
use store::model::{
    Binding, FolderChange, Name, OverlayInput, OverlayObject, OverlayValue, PropertyName, Value,
};

/// Names without a folder that are kept for one account: more are leavings of programs.
const NAMES_MAX: usize = 256;

/// Bytes of all these names together: what an overlay keeps in its row.
const NAMES_BYTES_MAX: usize = 4 * 1024;

/// Ends a name; no folder's name holds control characters.
const END: char = '\n';

/// Divides the levels of a name.
const LEVEL: char = '\u{1f}';

fn property() -> Name {
    Name::Property(
        PROPERTIES,
        PropertyName::Text("subscribed-names".to_owned()),
    )
}

/// The names on the owner's list that had no folder when they came there, oldest first; each as its
/// levels from the top. A folder may have one of them by now.
pub fn names_kept(view: &impl Reading) -> Result<Vec<Vec<String>>, EngineError> {
    let levels = |name: &String| name.split(LEVEL).map(str::to_owned).collect();
    Ok(lines(view)?.iter().map(levels).collect())
}

fn lines(view: &impl Reading) -> Result<Vec<String>, EngineError> {
    let owner = view.account().id();
    let Some(property) = view.reads().number_of(owner, &property())? else {
        return Ok(Vec::new());
    };
    let values = view.reads().overlay(owner, MAIL_ROOT.0, &[])?;
    let kept = values.iter().find(|value| value.property == property);
    Ok(match kept.map(|kept| &kept.value) {
        Some(Value::Text(text)) => text.split_terminator(END).map(str::to_owned).collect(),
        _ => Vec::new(),
    })
}

impl Txn<'_, '_> {
    /// Puts a folder on the owner's list of subscribed ones, or takes it off.
    pub fn subscribe(&mut self, folder: FolderId, subscribed: bool) -> Result<(), EngineError> {
        self.folder(folder)?;
        self.check_owner()?;
        let change = FolderChange {
            subscribed: Some(subscribed),
            ..FolderChange::default()
        };
        self.txn.update_folder(self.account.id(), folder, &change)?;
        let mut names = lines(self)?;
        if !names.is_empty() && !subscribed {
            let own = line(&self.path_to(folder)?);
            names.retain(|name| *name != own);
            self.keep(&names)?;
        }
        Ok(())
    }

    /// The same for a name, whether or not a folder has it.
    ///
    /// Errors: [`EngineError::NoSuchFolder`] to take off a name that is not there,
    /// [`EngineError::TooMany`] when the list is full, [`EngineError::NameRefused`].
    pub fn subscribe_path(&mut self, path: &[&str], subscribed: bool) -> Result<(), EngineError> {
        if let Some((folder, _)) = self.folder_at(path)? {
            return self.subscribe(folder, subscribed);
        }
        self.check_owner()?;
        for level in path {
            self.check_name(level)?;
        }
        let (mut names, wanted) = (lines(self)?, line(path));
        let known = names.iter().position(|name| *name == wanted);
        match (known, subscribed) {
            (Some(_), true) => return Ok(()),
            (Some(place), false) => {
                names.remove(place);
            }
            (None, false) => return Err(EngineError::NoSuchFolder),
            (None, true) => names.push(wanted),
        }
        if !fits(&names) {
            return Err(EngineError::TooMany("subscriptions without folder"));
        }
        self.keep(&names)
    }

    /// Keeps the name of a subscribed folder that is about to go. When the list is full, the oldest
    /// names give way.
    pub(super) fn keep_subscription(&mut self, folder: FolderId) -> Result<(), EngineError> {
        let (mut names, own) = (lines(self)?, line(&self.path_to(folder)?));
        names.retain(|name| *name != own);
        names.push(own);
        while !fits(&names) {
            names.remove(0);
        }
        self.keep(&names)
    }

    fn keep(&mut self, names: &[String]) -> Result<(), EngineError> {
        let owner = self.account.id();
        let property = self.txn.intern(owner, &property())?;
        let text: String = names
            .iter()
            .flat_map(|name| [name.as_str(), "\n"])
            .collect();
        let change = if names.is_empty() {
            OverlayInput::Remove(property)
        } else {
            OverlayInput::Set(OverlayValue {
                property,
                value: Value::Text(text),
                binding: Binding::Free,
            })
        };
        let top = OverlayObject::Folder(MAIL_ROOT);
        Ok(self.txn.set_overlay(owner, top, &[], &[change])?)
    }

    /// The names from the top down to a folder of the mail tree.
    fn path_to(&self, folder: FolderId) -> Result<Vec<String>, EngineError> {
        let max = self.account.engine().settings().limits.folder_depth_max;
        let (mut path, mut above) = (Vec::new(), folder);
        while above != MAIL_ROOT {
            let row = self.reads().folder(self.account.id(), above)?;
            let row = row.filter(|_| path.len() <= max);
            let row = row.ok_or(EngineError::NoSuchFolder)?;
            path.push(row.name);
            above = row.parent.ok_or(EngineError::NoSuchFolder)?;
        }
        path.reverse();
        Ok(path)
    }
}

fn line<S: AsRef<str>>(path: &[S]) -> String {
    let levels: Vec<_> = path.iter().map(|level| one_form(level.as_ref())).collect();
    levels.join(&LEVEL.to_string())
}

fn fits(names: &[String]) -> bool {
    let bytes: usize = names.iter().map(|name| name.len() + 1).sum();
    names.len() <= NAMES_MAX && bytes <= NAMES_BYTES_MAX
}
