//! Certificates that sign in to an account in place of a password.
//!
//! A certificate is known by its fingerprint alone: who issued it and what it says does not matter.
//! It belongs to one account.

use super::super::certificate_key;
use super::super::record::ClientCertificate;
use super::{alter_account, read_account, remove_address};
use crate::engine::Engine;
use crate::error::EngineError;
use store::backend::Pending;
use store::id::AccountId;
use store::model::{AddressTarget, DirectoryKind, Reads};

/// Certificates of one account: more than anyone has devices, and small enough for one record.
const CERTIFICATES_MAX: usize = 50;

impl Engine {
    /// Lets whoever holds the key of a certificate sign in; `fingerprint` is the SHA-256 of its
    /// bytes (DER).
    ///
    /// Errors: [`EngineError::NameTaken`] for a name that another one has, and for a certificate
    /// that an account has already, [`EngineError::TooMany`].
    pub fn add_certificate(
        &self,
        account: AccountId,
        name: &str,
        fingerprint: [u8; 32],
    ) -> Result<Pending<()>, EngineError> {
        let key = certificate_key(&fingerprint);
        self.change_directory(|txn| {
            if txn.address(&key)?.is_some() {
                return Err(EngineError::NameTaken);
            }
            alter_account(txn, account, |record| {
                if record.certificates.len() >= CERTIFICATES_MAX {
                    return Err(EngineError::TooMany("certificates"));
                }
                if record.certificates.iter().any(|known| known.name == name) {
                    return Err(EngineError::NameTaken);
                }
                record.certificates.push(ClientCertificate {
                    name: name.to_owned(),
                    fingerprint,
                });
                Ok(())
            })?;
            let target = AddressTarget {
                kind: DirectoryKind::Account,
                number: account.0,
            };
            Ok(txn.put_address(&key, target)?)
        })
    }

    /// Nobody signs in by this certificate any more.
    ///
    /// Errors: [`EngineError::NoSuchEntry`].
    pub fn remove_certificate(
        &self,
        account: AccountId,
        name: &str,
    ) -> Result<Pending<()>, EngineError> {
        self.change_directory(|txn| {
            let record = read_account(txn, account)?;
            let known = record.certificates.iter().find(|known| known.name == name);
            let known = known.ok_or(EngineError::NoSuchEntry)?;
            remove_address(txn, &certificate_key(&known.fingerprint))?;
            alter_account(txn, account, |record| {
                record.certificates.retain(|known| known.name != name);
                Ok(())
            })
        })
    }
}
