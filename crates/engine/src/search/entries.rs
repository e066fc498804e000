//! The texts of items that are no letters: events, contacts, tasks, notes.
//!
//! What such an item says stands in values that only whoever keeps them understands, or in bytes of
//! a form of their own. The engine asks for the texts and treats them as it does a letter's: they
//! get into the index, and a search looks into them. It never knows what they are.
//!
//! Start at [`EntryTexts`].

use crate::account::Account;
use crate::error::EngineError;
use std::rc::Rc;
use store::model::ItemRow;

/// Bytes of text of one item that are searched; the rest is not.
const TEXT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Knows what items that are no letters say. Shared by all threads.
pub trait EntryTexts: Send + Sync {
    /// Hands over each text that an item has, whatever it is called.
    ///
    /// Must tell the same of the same version of an item: a text that was not told when the index
    /// was fed is not found.
    fn each_text(
        &self,
        account: &Account,
        row: &ItemRow,
        visit: &mut dyn FnMut(&str),
    ) -> Result<(), EngineError>;
}

/// All texts of an item, one behind the other; what stands between two of them is in no needle.
/// None if nobody knows it.
pub(super) fn text_of(account: &Account, row: &ItemRow) -> Result<Rc<str>, EngineError> {
    let mut all = String::new();
    if let Some(texts) = account.engine().entry_texts() {
        texts.each_text(account, row, &mut |text| {
            let room = TEXT_BYTES_MAX.saturating_sub(all.len());
            all.push_str(
                text.get(..text.floor_char_boundary(room))
                    .unwrap_or_default(),
            );
            all.push('\0');
        })?;
    }
    Ok(all.into())
}
