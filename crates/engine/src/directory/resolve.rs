//! From an address to the mailboxes behind it.
//!
//! An address may lead to an account, an alias or a group; aliases and groups lead on. The way is
//! followed without recursion, each address once, and never further than [`STEPS_MAX`].

use super::address::{Address, spelled};
use super::domain_key;
use super::record::{AccountRecord, DomainRecord, ListRecord};
use crate::error::EngineError;
use std::collections::HashSet;
use store::StoreError;
use store::id::AccountId;
use store::model::{AddressTarget, DirectoryKind, Reads, View};

/// Addresses that one recipient may lead to, on the way and at the end: a group of everyone in a
/// large house.
const STEPS_MAX: usize = 10_000;
/// Local parts that someone must answer: RFC 5321 §4.5.1, RFC 2142 §2.
const ALWAYS: [&str; 2] = ["postmaster", "abuse"];

/// A mailbox here that a letter goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The account.
    pub account: AccountId,
    /// The address by which it was reached last, in canonical form and without a tag: what
    /// Delivered-To says.
    pub address: String,
    /// The tag of a sub-address, as it came.
    pub tag: Option<String>,
}

/// Where a letter to an address goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// To people here, and perhaps on to others elsewhere; not both lists are empty. Each account
    /// stands once.
    Local {
        /// Mailboxes here.
        mailboxes: Vec<Mailbox>,
        /// Addresses elsewhere that an alias or group leads to, spelled as it has them.
        forwards: Vec<String>,
    },
    /// To another server: the domain is not ours. Its local part is as it came.
    Remote(String),
    /// To nobody: the domain is ours, the address is not.
    Unknown,
}

impl Resolution {
    /// The mailboxes here that it leads to.
    pub fn mailboxes(&self) -> &[Mailbox] {
        match self {
            Self::Local { mailboxes, .. } => mailboxes,
            Self::Remote(_) | Self::Unknown => &[],
        }
    }
}

/// One look into the directory.
pub(super) struct Lookup<'a> {
    view: &'a View<'a>,
    separator: Option<char>,
}

/// What one address leads to directly.
enum Hop {
    Account(AccountId, Address, Option<String>),
    List(ListRecord),
    Elsewhere,
    Nobody,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(view: &'a View<'a>, separator: Option<char>) -> Self {
        Self { view, separator }
    }

    pub(super) fn resolve(&self, recipient: &str) -> Result<Resolution, EngineError> {
        // What has no canonical form cannot be anybody here; its domain decides nothing.
        let Ok(address) = Address::parse(recipient) else {
            return Ok(Resolution::Unknown);
        };
        if self.domain(address.domain())?.is_none() {
            return Ok(Resolution::Remote(spelled(recipient)?));
        }
        let (mut mailboxes, mut forwards) = (Vec::new(), Vec::new());
        let (mut accounts, mut seen) = (HashSet::new(), HashSet::new());
        let mut open = vec![(address, recipient.to_owned())];
        while let Some((address, spelling)) = open.pop() {
            if seen.len() >= STEPS_MAX {
                return Err(EngineError::TooMany("recipients behind one address"));
            }
            if !seen.insert(address.clone()) {
                continue;
            }
            match self.hop(&address)? {
                Hop::Account(account, address, tag) if accounts.insert(account) => {
                    mailboxes.push(Mailbox {
                        account,
                        address: address.to_string(),
                        tag,
                    });
                }
                Hop::List(list) => open.extend(parsed(&list.targets)),
                Hop::Elsewhere => forwards.push(spelling),
                Hop::Account(..) | Hop::Nobody => {}
            }
        }
        let nobody = mailboxes.is_empty() && forwards.is_empty();
        Ok(if nobody {
            Resolution::Unknown
        } else {
            Resolution::Local {
                mailboxes,
                forwards,
            }
        })
    }

    /// True when the address is the account's own or an alias with the account among its targets.
    pub(super) fn is_of(&self, address: &Address, account: AccountId) -> Result<bool, EngineError> {
        let Some((target, ..)) = self.target_with_tag(address)? else {
            return Ok(false);
        };
        match target.kind {
            DirectoryKind::Account => Ok(target.number == account.0),
            DirectoryKind::Alias => {
                let Some(alias) = self.list(target)? else {
                    return Ok(false);
                };
                for (address, _) in parsed(&alias.targets) {
                    let of = self.target_with_tag(&address)?.map(|(target, ..)| target);
                    let own = AddressTarget {
                        kind: DirectoryKind::Account,
                        number: account.0,
                    };
                    if of == Some(own) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    fn hop(&self, address: &Address) -> Result<Hop, EngineError> {
        let Some(domain) = self.domain(address.domain())? else {
            return Ok(Hop::Elsewhere);
        };
        if let Some((target, address, tag)) = self.target_with_tag(address)? {
            return Ok(match target.kind {
                DirectoryKind::Account => Hop::Account(AccountId(target.number), address, tag),
                _ => self.list(target)?.map_or(Hop::Nobody, Hop::List),
            });
        }
        if ALWAYS.contains(&address.local()) {
            let someone = self.someone_responsible()?;
            return Ok(someone.map_or(Hop::Nobody, |account| {
                Hop::Account(account, address.clone(), None)
            }));
        }
        Ok(match domain.catch_all {
            Some(target) => Hop::List(ListRecord {
                address: address.to_string(),
                targets: vec![target],
                ..ListRecord::default()
            }),
            None => Hop::Nobody,
        })
    }

    /// What the address leads to as it stands, or else without its tag.
    fn target_with_tag(
        &self,
        address: &Address,
    ) -> Result<Option<(AddressTarget, Address, Option<String>)>, EngineError> {
        if let Some(target) = self.view.address(address.as_str())? {
            return Ok(Some((target, address.clone(), None)));
        }
        let Some((user, tag)) = self.separator.and_then(|mark| address.without_tag(mark)) else {
            return Ok(None);
        };
        let target = self.view.address(user.as_str())?;
        Ok(target.map(|target| (target, user, Some(tag))))
    }

    fn domain(&self, domain: &str) -> Result<Option<DomainRecord>, EngineError> {
        let Some(target) = self.view.address(&domain_key(domain))? else {
            return Ok(None);
        };
        let row = self
            .view
            .directory_record(DirectoryKind::Domain, target.number)?;
        Ok(row
            .map(|row| DomainRecord::decode(&row.payload))
            .transpose()?)
    }

    fn list(&self, target: AddressTarget) -> Result<Option<ListRecord>, StoreError> {
        let row = self.view.directory_record(target.kind, target.number)?;
        row.map(|row| ListRecord::decode(&row.payload)).transpose()
    }

    /// The first administrator, else the first account.
    fn someone_responsible(&self) -> Result<Option<AccountId>, EngineError> {
        let mut first = None;
        for (number, row) in self.view.directory_records(DirectoryKind::Account)? {
            if AccountRecord::decode(&row.payload)?.administrator {
                return Ok(Some(AccountId(number)));
            }
            first = first.or(Some(AccountId(number)));
        }
        Ok(first)
    }
}

/// The targets that are addresses, each with its spelling; they were checked when they were put in.
fn parsed(targets: &[String]) -> impl Iterator<Item = (Address, String)> + '_ {
    targets
        .iter()
        .filter_map(|target| Some((Address::parse(target).ok()?, target.clone())))
}
