//! What a message is to the mailbox that it lies in: to whom it came, whether it names them, and
//! who of this server's people made and changed it.
//!
//! Source: [MS-OXOMSG] 2.2.1 (received by, to me), [MS-OXCMSG] 2.2.1 (creator, last modifier).

use super::ItemProperties;
use crate::codec::data::{AddressBookEntryId, EntryId, Value};
use crate::content::{CC, TO, text_of};
use crate::identity;
use crate::property::message::Facts;
use crate::refusal::Refusal;
use engine::directory::Entry;
use engine::{AccountId, Flags};

/// What is told of someone of this server.
#[derive(Debug, Clone, Copy)]
enum Told {
    Name,
    AddressType,
    Address,
    InternetAddress,
    EntryId,
    SearchKey,
}

impl ItemProperties<'_> {
    /// A property that follows from whose mailbox it is.
    pub(super) fn of_mailbox(&self, id: u16) -> Result<Option<Value>, Refusal> {
        let told = match id {
            0x0057..=0x0059 => return self.names_owner(id),
            0x0040 | 0x0044 => Told::Name,
            0x0075 | 0x0077 => Told::AddressType,
            0x0076 | 0x0078 => Told::Address,
            0x5d07 | 0x5d08 => Told::InternetAddress,
            0x003f | 0x0043 => Told::EntryId,
            0x0051 | 0x0052 => Told::SearchKey,
            0x3ff8 => return self.someone(self.details.creator, Told::Name),
            0x3ff9 => return self.someone(self.details.creator, Told::EntryId),
            0x3ffa => return self.someone(self.details.modifier, Told::Name),
            0x3ffb => return self.someone(self.details.modifier, Told::EntryId),
            _ => return Ok(None),
        };
        if self.has_come()? {
            self.someone(self.account.id(), told)
        } else {
            Ok(None)
        }
    }

    /// Whether the owner has got it, and has not written it.
    fn has_come(&self) -> Result<bool, Refusal> {
        if self.summary().is_none() || self.row.flags.contains(Flags::DRAFT) {
            return Ok(false);
        }
        let Some(Value::Unicode(author)) = self.raw(0x5d02)? else {
            return Ok(true);
        };
        Ok(!self.is_owner(&author)?)
    }

    fn owner(&self) -> Result<Option<std::sync::Arc<Entry>>, Refusal> {
        let directory = self.account.engine().directory();
        Ok(directory.account(self.account.id())?)
    }

    fn is_owner(&self, address: &str) -> Result<bool, Refusal> {
        let owner = self.owner()?;
        Ok(owner.is_some_and(|owner| {
            let own = std::iter::once(&owner.record.address).chain(&owner.record.other_addresses);
            own.into_iter().any(|own| own.eq_ignore_ascii_case(address))
        }))
    }

    /// Whether the owner is among those it is to (0057), who get a copy (0058), or any (0059).
    fn names_owner(&self, id: u16) -> Result<Option<Value>, Refusal> {
        if self.summary().is_none() {
            return Ok(None);
        }
        let is_meant = |kind: u8| match id {
            0x0057 => kind == TO,
            0x0058 => kind == CC,
            _ => true,
        };
        for one in self.recipients()? {
            let address = text_of(&one.values, 0x39fe).or(text_of(&one.values, 0x3003));
            let address = address.filter(|_| is_meant(one.kind & 0x0f));
            if self.is_owner(address.unwrap_or_default())? {
                return Ok(Some(Value::Boolean(true)));
            }
        }
        Ok(Some(Value::Boolean(false)))
    }

    /// Someone of this server; none where it was the server itself.
    fn someone(&self, account: AccountId, told: Told) -> Result<Option<Value>, Refusal> {
        let Some(entry) = self.account.engine().directory().account(account)? else {
            return Ok(None);
        };
        let name = identity::legacy_name(account);
        let record = &entry.record;
        Ok(Some(match told {
            Told::Name => Value::Unicode(identity::display_name(
                &record.display_name,
                &record.address,
            )),
            Told::AddressType => Value::Unicode("EX".to_owned()),
            Told::Address => Value::Unicode(name),
            Told::InternetAddress => Value::Unicode(record.address.clone()),
            Told::EntryId => {
                let entry = EntryId::AddressBook(AddressBookEntryId::new(0, &name));
                Value::Binary(entry.to_bytes().into())
            }
            Told::SearchKey => {
                let key = format!("EX:{}\0", name.to_uppercase());
                Value::Binary(key.into_bytes().into())
            }
        }))
    }
}
