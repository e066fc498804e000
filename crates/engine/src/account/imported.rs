//! What an import brings along so that no mail program downloads anything again: the numbers that a
//! folder had in another server, and the names by which a letter was known to those who only fetch
//! it.
//!
//! Start at [`Txn::adopt_numbers`] and [`RetrievalNames`].

use super::txn::Txn;
use super::view::Reading;
use crate::error::EngineError;
use store::id::{ContentId, FolderId, Guid, Uid};
use store::model::{
    Binding, ItemRow, Location, Name, OverlayInput, OverlayObject, OverlayValue, PropertyName,
    Shelf, ShelfCounters, Value,
};

/// The set of the properties that this engine keeps in overlays.
pub(super) const PROPERTIES: Guid = Guid([
    0x4f, 0x0d, 0x1c, 0x5e, 0x6a, 0x2b, 0x4e, 0x43, 0x9a, 0x37, 0x21, 0xd8, 0x70, 0xb4, 0xc9, 0x15,
]);

/// Longest retrieval name in bytes (RFC 1939 §7, UIDL).
pub const RETRIEVAL_NAME_BYTES_MAX: usize = 70;

fn retrieval_name() -> Name {
    Name::Property(PROPERTIES, PropertyName::Text("retrieval-name".to_owned()))
}

impl Txn<'_, '_> {
    /// Gives a folder that never held mail the UIDVALIDITY it had elsewhere. Another folder that
    /// has it, and never held mail either, takes a new one. Owners only.
    ///
    /// Errors: [`EngineError::NumberRefused`] when the folder has held mail, or the other one.
    pub fn adopt_numbers(
        &mut self,
        folder: FolderId,
        uid_validity: u32,
    ) -> Result<(), EngineError> {
        self.check_owner()?;
        let owner = self.account.id();
        let known = self.reads().folder_with_uid_validity(owner, uid_validity)?;
        if let Some((other, row)) = known.filter(|(other, _)| *other != folder) {
            let is_fresh = row.shelf(Shelf::Mail) == ShelfCounters::default();
            if is_fresh && row.removed.is_none() {
                self.txn.renew_uid_validity(owner, other, None)?;
            }
        }
        let brought = Some(uid_validity);
        Ok(self.txn.renew_uid_validity(owner, folder, brought)?)
    }

    /// Tells all clients that the UIDs they know of a folder mean nothing any more. Owners only.
    pub fn forget_numbers(&mut self, folder: FolderId) -> Result<(), EngineError> {
        self.check_owner()?;
        Ok(self
            .txn
            .renew_uid_validity(self.account.id(), folder, None)?)
    }

    /// Leaves out the UIDs below `next`, which letters had that are gone by now. Owners only.
    pub fn raise_uid_next(&mut self, folder: FolderId, next: Uid) -> Result<(), EngineError> {
        self.check_owner()?;
        Ok(self.txn.raise_uid_next(self.account.id(), folder, next)?)
    }

    /// Keeps the name by which a letter was known to programs that only fetch mail. It holds for
    /// this content only, so that no copy has it as well. Owners only.
    ///
    /// Errors: [`EngineError::NameRefused`] for a name that is not 1 to 70 visible ASCII
    /// characters.
    pub fn set_retrieval_name(&mut self, at: Location, name: &str) -> Result<(), EngineError> {
        self.check_owner()?;
        let visible = name.bytes().all(|byte| byte.is_ascii_graphic());
        if name.is_empty() || name.len() > RETRIEVAL_NAME_BYTES_MAX || !visible {
            return Err(EngineError::NameRefused(
                "not 1 to 70 visible ASCII characters",
            ));
        }
        let owner = self.account.id();
        let row = self.item(at)?.ok_or(EngineError::NoSuchItem)?;
        let value = OverlayValue {
            property: self.txn.intern(owner, &retrieval_name())?,
            value: Value::Text(with_content(&row, name)),
            binding: Binding::Free,
        };
        let change = OverlayInput::Set(value);
        Ok(self
            .txn
            .set_overlay(owner, OverlayObject::Item(at), &[], &[change])?)
    }
}

/// The name with the content id that it belongs to.
fn with_content(row: &ItemRow, name: &str) -> String {
    format!("{} {name}", RetrievalNames::own(row.content))
}

/// The names that letters brought along from another server; free of cost where there are none.
#[derive(Debug, Clone, Copy)]
pub struct RetrievalNames {
    property: Option<u32>,
}

impl RetrievalNames {
    /// Looks whether the account has any.
    pub fn of(view: &impl Reading) -> Result<Self, EngineError> {
        let property = view
            .reads()
            .number_of(view.account().id(), &retrieval_name())?;
        Ok(Self { property })
    }

    /// The name of a letter that brought none along: it lives as long as the content, in every
    /// session.
    pub fn own(content: ContentId) -> String {
        format!("{:012x}", content.0)
    }

    /// The name that this letter brought along; `None` for most.
    pub fn name(self, view: &impl Reading, row: &ItemRow) -> Result<Option<String>, EngineError> {
        let Some(property) = self.property else {
            return Ok(None);
        };
        let values = view.reads().overlay(view.account().id(), row.item.0, &[])?;
        let value = values.iter().find(|value| value.property == property);
        Ok(value.and_then(|value| match &value.value {
            Value::Text(text) => text.strip_prefix(&with_content(row, "")).map(str::to_owned),
            _ => None,
        }))
    }
}
