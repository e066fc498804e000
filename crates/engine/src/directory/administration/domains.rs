//! Domains whose mail is received here.

use super::super::record::{AccountRecord, DomainRecord, ListRecord};
use super::super::{Address, address, domain_key, domains};
use super::{check_grammar, domain_number, new_domain};
use crate::engine::Engine;
use crate::error::EngineError;
use store::backend::Pending;
use store::model::{AddressTarget, DirectoryKind, Reads, Txn};

impl Engine {
    /// Receives mail for a domain from now on.
    ///
    /// Errors: [`EngineError::NameTaken`], [`EngineError::NameRefused`].
    pub fn add_domain(&self, name: &str) -> Result<Pending<()>, EngineError> {
        let name = new_domain(name)?;
        self.change_directory(|txn| {
            let key = domain_key(&name);
            if txn.address(&key)?.is_some() {
                return Err(EngineError::NameTaken);
            }
            let record = DomainRecord {
                name: name.clone(),
                catch_all: None,
                keys: Vec::new(),
            };
            let number = txn.add_directory(DirectoryKind::Domain, record.encode())?;
            let target = AddressTarget {
                kind: DirectoryKind::Domain,
                number,
            };
            Ok(txn.put_address(&key, target)?)
        })
    }

    /// The domains whose mail is received here.
    pub fn domains(&self) -> Result<Vec<DomainRecord>, EngineError> {
        Ok(domains(&self.directory().view()?)?)
    }

    /// Says who receives what is addressed to nobody in a domain; `None`: it is refused.
    pub fn set_catch_all(
        &self,
        domain: &str,
        target: Option<&str>,
    ) -> Result<Pending<()>, EngineError> {
        let name = address::canonical_domain(domain)?;
        target.map_or(Ok(()), check_grammar)?;
        let target = target.map(address::spelled).transpose()?;
        self.change_domain(&name, |record| record.catch_all.clone_from(&target))
    }

    /// Changes what is known of a domain, named in canonical form.
    pub(crate) fn change_domain(
        &self,
        name: &str,
        change: impl Fn(&mut DomainRecord),
    ) -> Result<Pending<()>, EngineError> {
        self.change_directory(|txn| {
            let number = domain_number(txn, name)?;
            let row = txn.directory_record(DirectoryKind::Domain, number)?;
            let row = row.ok_or(EngineError::NoSuchAddress)?;
            let mut record = DomainRecord::decode(&row.payload)?;
            change(&mut record);
            Ok(txn.put_directory(DirectoryKind::Domain, number, record.encode())?)
        })
    }

    /// No longer receives mail for a domain.
    ///
    /// Errors: [`EngineError::HasChildren`] while an address in it leads somewhere.
    pub fn remove_domain(&self, name: &str) -> Result<Pending<()>, EngineError> {
        let name = address::canonical_domain(name)?;
        self.change_directory(|txn| {
            let number = domain_number(txn, &name)?;
            if all_addresses(txn)?
                .iter()
                .any(|address| address.domain() == name)
            {
                return Err(EngineError::HasChildren);
            }
            txn.remove_address(&domain_key(&name))?;
            Ok(txn.remove_directory(DirectoryKind::Domain, number)?)
        })
    }
}

/// Every address of every object.
fn all_addresses(txn: &Txn<'_>) -> Result<Vec<Address>, EngineError> {
    let mut texts = Vec::new();
    for (_, row) in txn.directory_records(DirectoryKind::Account)? {
        let record = AccountRecord::decode(&row.payload)?;
        texts.push(record.address);
        texts.extend(record.other_addresses);
    }
    for kind in [DirectoryKind::Alias, DirectoryKind::Group] {
        for (_, row) in txn.directory_records(kind)? {
            texts.push(ListRecord::decode(&row.payload)?.address);
        }
    }
    texts.iter().map(|text| Address::parse(text)).collect()
}
