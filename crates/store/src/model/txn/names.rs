//! Interning names.

use super::Txn;
use crate::id::AccountId;
use crate::model::error::ModelError;
use crate::model::key;
use crate::model::reads::Reads;
use crate::model::row::Name;
use crate::model::row::name::NAME_BYTES_MAX;
use crate::model::scan::Interned;

/// Most names of one kind in an account: MAPI has numbers for as many properties ([MS-OXCPRPT]
/// 3.2.5.9), and a client must not fill the store with keywords.
pub const NAMES_MAX: u32 = 0x7fff - 1;

impl Txn<'_> {
    /// The number of a name in this account, given now if it has none. Numbers begin with 1 and are
    /// never reused.
    ///
    /// Errors: [`ModelError::TooLong`], [`ModelError::NumberRefused`] when there are too many
    /// names.
    pub fn intern(&mut self, account: AccountId, name: &Name) -> Result<u32, ModelError> {
        if let Some(number) = self.number_of(account, name)? {
            return Ok(number);
        }
        if name.len() > NAME_BYTES_MAX {
            return Err(ModelError::TooLong);
        }
        self.takes_room();
        let row = self.account_mut(account)?;
        let next = match name {
            Name::Keyword(_) => &mut row.next_keyword,
            Name::Property(..) => &mut row.next_property,
        };
        let number = *next;
        if number > NAMES_MAX {
            return Err(ModelError::NumberRefused);
        }
        *next += 1;
        let space = name.space();
        self.pending.put(key::name(account, space, number), name);
        let by_name = key::name_number(account, space, &name.key_bytes());
        self.pending.put(by_name, &Interned(number));
        Ok(number)
    }
}
