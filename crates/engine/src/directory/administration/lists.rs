//! Aliases and groups: addresses that lead to others.

use super::super::address::{Address, spelled};
use super::super::record::{ListRecord, Posting};
use super::{check_domain, check_grammar, new_address, put_address, remove_address};
use crate::engine::Engine;
use crate::error::EngineError;
use store::backend::Pending;
use store::model::{AddressTarget, DirectoryKind, Reads, Txn};

/// Addresses that one alias or group leads to, so that its record fits into one value.
const TARGETS_MAX: usize = 500;

/// An alias or group as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListState {
    /// Its number.
    pub number: u32,
    /// True for groups.
    pub is_group: bool,
    /// What the directory says.
    pub record: ListRecord,
}

impl Engine {
    /// Lets an address lead to others: an alias, or with a display name a group.
    ///
    /// Errors: [`EngineError::NameTaken`], [`EngineError::NoSuchDomain`], [`EngineError::TooMany`].
    pub fn add_list(
        &self,
        address: &str,
        display_name: Option<&str>,
        targets: &[&str],
    ) -> Result<Pending<()>, EngineError> {
        let address = new_address(address)?;
        let record = ListRecord {
            address: address.to_string(),
            display_name: display_name.unwrap_or_default().to_owned(),
            targets: spelled_targets(targets)?,
            posting: Posting::default(),
        };
        let kind = if display_name.is_some() {
            DirectoryKind::Group
        } else {
            DirectoryKind::Alias
        };
        self.change_directory(|txn| {
            check_domain(txn, &address)?;
            let number = txn.add_directory(kind, record.encode())?;
            put_address(txn, &address, AddressTarget { kind, number })
        })
    }

    /// Replaces where an alias or group leads.
    ///
    /// Errors: [`EngineError::NoSuchAddress`].
    pub fn set_targets(&self, address: &str, targets: &[&str]) -> Result<Pending<()>, EngineError> {
        let address = Address::parse(address)?;
        let targets = spelled_targets(targets)?;
        self.change_directory(|txn| {
            let (target, record) = read_list(txn, &address)?;
            let record = ListRecord {
                targets: targets.clone(),
                ..record
            };
            Ok(txn.put_directory(target.kind, target.number, record.encode())?)
        })
    }

    /// Says who may write to an alias or group.
    ///
    /// Errors: [`EngineError::NoSuchAddress`], [`EngineError::NameRefused`].
    pub fn set_posting(
        &self,
        address: &str,
        posting: &Posting,
    ) -> Result<Pending<()>, EngineError> {
        let address = Address::parse(address)?;
        let posting = match posting {
            Posting::Moderators(moderators) => {
                let moderators: Vec<&str> = moderators.iter().map(String::as_str).collect();
                Posting::Moderators(spelled_targets(&moderators)?)
            }
            other => other.clone(),
        };
        self.change_directory(|txn| {
            let (target, record) = read_list(txn, &address)?;
            let record = ListRecord {
                posting: posting.clone(),
                ..record
            };
            Ok(txn.put_directory(target.kind, target.number, record.encode())?)
        })
    }

    /// Removes an alias or group.
    ///
    /// Errors: [`EngineError::NoSuchAddress`].
    pub fn remove_list(&self, address: &str) -> Result<Pending<()>, EngineError> {
        let address = Address::parse(address)?;
        self.change_directory(|txn| {
            let (target, _) = read_list(txn, &address)?;
            remove_address(txn, address.as_str())?;
            Ok(txn.remove_directory(target.kind, target.number)?)
        })
    }

    /// All aliases and groups.
    pub fn lists(&self) -> Result<Vec<ListState>, EngineError> {
        let view = self.directory().view()?;
        let mut lists = Vec::new();
        for kind in [DirectoryKind::Alias, DirectoryKind::Group] {
            for (number, row) in view.directory_records(kind)? {
                let record = ListRecord::decode(&row.payload)?;
                lists.push(ListState {
                    number,
                    is_group: kind == DirectoryKind::Group,
                    record,
                });
            }
        }
        Ok(lists)
    }
}

fn spelled_targets(targets: &[&str]) -> Result<Vec<String>, EngineError> {
    if targets.is_empty() || targets.len() > TARGETS_MAX {
        return Err(EngineError::TooMany("targets, or none"));
    }
    let spelled = |target: &&str| check_grammar(target).and_then(|()| spelled(target));
    targets.iter().map(spelled).collect()
}

fn read_list(txn: &Txn<'_>, address: &Address) -> Result<(AddressTarget, ListRecord), EngineError> {
    let target = txn
        .address(address.as_str())?
        .ok_or(EngineError::NoSuchAddress)?;
    if !matches!(target.kind, DirectoryKind::Alias | DirectoryKind::Group) {
        return Err(EngineError::NoSuchAddress);
    }
    let row = txn.directory_record(target.kind, target.number)?;
    Ok((
        target,
        ListRecord::decode(&row.ok_or(EngineError::NoSuchAddress)?.payload)?,
    ))
}
