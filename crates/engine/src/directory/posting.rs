//! Who may write to an alias or group.
//!
//! The envelope's sender decides, which is as good as what has been checked of it.
//!
//! Start at [`Directory::may_write`].

use super::cache::Restricted;
use super::record::{ListRecord, Posting};
use super::{Address, Directory, Resolution};
use crate::error::EngineError;
use std::sync::Arc;
use store::model::{DirectoryKind, Reads};

/// What becomes of a letter to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum May {
    /// It goes where the address leads.
    Yes,
    /// It is refused.
    No,
    /// It goes to the moderators instead.
    Moderated(Arc<Resolution>),
}

impl Directory {
    /// Whether this sender may write to this recipient.
    pub fn may_write(&self, sender: &str, recipient: &str) -> Result<May, EngineError> {
        let restricted = self.restricted()?;
        if restricted.is_empty() {
            return Ok(May::Yes);
        }
        let address = Address::parse(recipient).ok();
        let list = address.and_then(|address| restricted.get(address.as_str()));
        match list.map(|list| (list, &list.posting)) {
            None | Some((_, Posting::Anyone)) => Ok(May::Yes),
            Some((list, Posting::Members)) => self.as_member(sender, list),
            Some((_, Posting::Moderators(moderators))) => self.as_moderator(sender, moderators),
        }
    }

    fn as_member(&self, sender: &str, list: &ListRecord) -> Result<May, EngineError> {
        let members = self.resolve(&list.address)?;
        let is_member = self.is_among(sender, &members)?;
        Ok(if is_member { May::Yes } else { May::No })
    }

    fn as_moderator(&self, sender: &str, moderators: &[String]) -> Result<May, EngineError> {
        let (mut mailboxes, mut forwards) = (Vec::new(), Vec::new());
        for moderator in moderators {
            match &*self.resolve(moderator)? {
                Resolution::Local {
                    mailboxes: here,
                    forwards: there,
                } => {
                    mailboxes.extend(here.iter().cloned());
                    forwards.extend(there.iter().cloned());
                }
                Resolution::Remote(address) => forwards.push(address.clone()),
                Resolution::Unknown => {}
            }
        }
        if mailboxes.is_empty() && forwards.is_empty() {
            return Ok(May::No); // All moderators have gone.
        }
        let moderators = Resolution::Local {
            mailboxes,
            forwards,
        };
        if self.is_among(sender, &moderators)? {
            Ok(May::Yes)
        } else {
            Ok(May::Moderated(Arc::new(moderators)))
        }
    }

    /// Whether an address is one of those that a resolution leads to.
    fn is_among(&self, sender: &str, resolution: &Resolution) -> Result<bool, EngineError> {
        let Ok(address) = Address::parse(sender) else {
            return Ok(false);
        };
        if let Resolution::Local { forwards, .. } = resolution
            && forwards
                .iter()
                .any(|known| known.eq_ignore_ascii_case(address.as_str()))
        {
            return Ok(true);
        }
        for mailbox in resolution.mailboxes() {
            if self.owns(mailbox.account, sender)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn restricted(&self) -> Result<Arc<Restricted>, EngineError> {
        self.cache.restricted(|| {
            let view = self.view()?;
            let mut restricted = Restricted::new();
            for kind in [DirectoryKind::Alias, DirectoryKind::Group] {
                for (_, row) in view.directory_records(kind)? {
                    let list = ListRecord::decode(&row.payload)?;
                    if list.posting != Posting::Anyone {
                        restricted.insert(list.address.clone(), list);
                    }
                }
            }
            Ok(restricted)
        })
    }
}
