//! Small named values that people and programs attach to a folder (a comment, a colour, a type), or
//! to an item (`of_items`).
//!
//! Some are for everyone who uses it, others for the one who set them. They are kept in the overlay
//! (`kept`).
//!
//! Start at [`annotations`] and [`Txn::annotate`]. Source: RFC 5464 §3 (names, who may do what).

mod kept;
mod of_items;

pub use of_items::ItemAnnotations;

use super::txn::Txn;
use super::view::Reading;
use crate::engine::Engine;
use crate::error::EngineError;
use bytes::Bytes;
use kept::{Entry, Kept, Numbers, free_part};
use store::id::{AccountId, FolderId};
use store::model::{OverlayObject, Reads, Rights};

/// Bytes of one value: what an overlay keeps in its row. RFC 5464 §4.1 demands at least 1024.
pub const ANNOTATION_BYTES_MAX: usize = 4 * 1024;

/// Bytes of one name.
pub const ANNOTATION_NAME_BYTES_MAX: usize = 512;

/// Annotations of one folder that are for everyone, and as many for each user; at least 10.
const COUNT_MAX: usize = 64;

/// Bytes of these with their names.
const BYTES_MAX: usize = 64 * 1024;

/// Whom an annotation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Everyone who may use the folder.
    Everyone,
    /// The user who set it.
    Oneself,
}

/// A named value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Whom it is for.
    pub audience: Audience,
    /// Its name as it was set; case does not tell names apart.
    pub name: String,
    /// What it says.
    pub value: Bytes,
}

/// An annotation to be set, or removed where there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotationChange {
    /// Whom it is for.
    pub audience: Audience,
    /// Its name.
    pub name: String,
    /// What it is to say.
    pub value: Option<Bytes>,
}

/// All annotations of a folder that this user may read, in the order in which they were made.
///
/// Errors: [`EngineError::Denied`] for who may neither read nor write in the folder.
pub fn annotations(view: &impl Reading, folder: FolderId) -> Result<Vec<Annotation>, EngineError> {
    check_rights(view, folder, Audience::Oneself)?;
    let own = view.account().origin().actor;
    let all = kept(view.reads(), view.account().id(), folder)?;
    let told = all.into_iter().filter_map(|kept| {
        let audience = match kept.reader {
            None => Audience::Everyone,
            Some(reader) if reader == own => Audience::Oneself,
            Some(_) => return None,
        };
        Some(Annotation {
            audience,
            name: kept.name,
            value: kept.value?,
        })
    });
    Ok(told.collect())
}

/// What an annotation says to the owner of the folder: for the server's own work, with no rights
/// asked for.
pub(crate) fn annotation(
    reads: &dyn Reads,
    owner: AccountId,
    folder: FolderId,
    (audience, name): (Audience, &str),
) -> Result<Option<Bytes>, EngineError> {
    let reader = match audience {
        Audience::Everyone => None,
        Audience::Oneself => Some(owner),
    };
    let mut all = kept(reads, owner, folder)?.into_iter();
    let found = all.find(|kept| kept.reader == reader && kept.name.eq_ignore_ascii_case(name));
    Ok(found.and_then(|kept| kept.value))
}

impl Engine {
    /// How those who run the server can be reached by who owns an account: an address that always
    /// exists (RFC 5321 §4.5.1).
    pub fn administration_address(&self, owner: AccountId) -> Result<Option<String>, EngineError> {
        let entry = self.directory().account(owner)?;
        let address = entry.as_ref().map(|entry| &entry.record.address);
        let domain = address.and_then(|address| address.split_once('@'));
        Ok(domain.map(|(_, domain)| format!("mailto:postmaster@{domain}")))
    }
}

/// To read any, or to keep some for oneself, one must be able to see the folder and to do something
/// in it; what everyone reads is written by those who may write flags.
fn check_rights(
    view: &impl Reading,
    folder: FolderId,
    audience: Audience,
) -> Result<(), EngineError> {
    let any = [
        Rights::READ,
        Rights::KEEP_SEEN,
        Rights::WRITE_FLAGS,
        Rights::INSERT,
        Rights::POST,
    ];
    let rights = view.rights(folder)?;
    let allowed = match audience {
        Audience::Oneself => any.iter().any(|right| rights.contains(*right)),
        Audience::Everyone => rights.contains(Rights::WRITE_FLAGS),
    };
    if allowed {
        Ok(())
    } else {
        Err(EngineError::Denied)
    }
}

fn kept(reads: &dyn Reads, owner: AccountId, folder: FolderId) -> Result<Vec<Kept>, EngineError> {
    match Numbers::known(reads, owner)? {
        Some(numbers) => kept::kept(reads, owner, folder.0, numbers),
        None => Ok(Vec::new()),
    }
}

impl Txn<'_, '_> {
    /// Sets and removes annotations of a folder, all or none.
    ///
    /// Errors: [`EngineError::TooLong`] for a value or name, [`EngineError::TooMany`],
    /// [`EngineError::Denied`].
    pub fn annotate(
        &mut self,
        folder: FolderId,
        changes: &[AnnotationChange],
    ) -> Result<(), EngineError> {
        for change in changes {
            check_rights(self, folder, change.audience)?;
            let reader = match change.audience {
                Audience::Everyone => None,
                Audience::Oneself => Some(self.account.origin().actor),
            };
            self.set_annotation(folder, reader, change)?;
        }
        Ok(())
    }

    /// Gives a folder the annotations that this user knows of another.
    pub fn copy_annotations(&mut self, from: FolderId, to: FolderId) -> Result<(), EngineError> {
        let changes: Vec<_> = annotations(self, from)?
            .into_iter()
            .map(|annotation| AnnotationChange {
                audience: annotation.audience,
                name: annotation.name,
                value: Some(annotation.value),
            })
            .collect();
        self.annotate(to, &changes)
    }

    fn set_annotation(
        &mut self,
        folder: FolderId,
        reader: Option<AccountId>,
        change: &AnnotationChange,
    ) -> Result<(), EngineError> {
        let owner = self.account.id();
        let all = kept(self.txn, owner, folder)?;
        let is_it =
            |kept: &&Kept| kept.reader == reader && kept.name.eq_ignore_ascii_case(&change.name);
        let known = all.iter().find(is_it).map(|kept| kept.part);
        let object = OverlayObject::Folder(folder);
        let Some(value) = &change.value else {
            return known.map_or(Ok(()), |part| self.drop_part(object, part));
        };
        check_room(&all, reader, &change.name, value)?;
        let part = known.unwrap_or_else(|| free_part(&all));
        let entry = Entry {
            reader,
            name: &change.name,
            value: Some(value),
            changed: None,
        };
        self.put_part(object, part, &entry)
    }
}

/// Whether one annotation more, or a longer one, still fits beside the others of the same audience.
fn check_room(
    all: &[Kept],
    reader: Option<AccountId>,
    name: &str,
    value: &Bytes,
) -> Result<(), EngineError> {
    if value.len() > ANNOTATION_BYTES_MAX || name.len() > ANNOTATION_NAME_BYTES_MAX {
        return Err(EngineError::TooLong);
    }
    let others = all
        .iter()
        .filter(|kept| kept.reader == reader && !kept.name.eq_ignore_ascii_case(name));
    let (mut count, mut bytes) = (1, name.len() + value.len());
    for kept in others {
        count += 1;
        bytes += kept.name.len() + kept.value.as_ref().map_or(0, Bytes::len);
    }
    if count > COUNT_MAX || bytes > BYTES_MAX {
        return Err(EngineError::TooMany("annotations"));
    }
    Ok(())
}
