//! Keys by which a user signs names of single letters, so that others can read just these.
//!
//! Each user has a key of their own for each folder that they may read, made when it is first
//! needed; it is told to nobody. A new key makes worthless what the old one has signed. Whether a
//! signed name is still good for reading is not decided here: it grants what the signer may read.
//!
//! A folder's keys are kept in its overlay, each in the part that its user's number gives. What
//! revokes all keys of a user at once stands in the overlay of the user's own mail tree.
//!
//! Start at [`Account::access_key`]. Source: RFC 4467 §2.2 (keys), §2.4.1, §2.5 (tokens).

use super::Account;
use super::imported::PROPERTIES;
use super::txn::Txn;
use super::view::{MAIL_ROOT, Reading};
use crate::error::EngineError;
use bytes::Bytes;
use store::backend::{Pending, Settlement};
use store::id::{AccountId, FolderId};
use store::model::{
    Binding, Name, OverlayInput, OverlayObject, OverlayValue, PathStep, PropertyName, Rights, Value,
};
use subtle::ConstantTimeEq;

/// Bytes of a key: more than the 128 bits of chance that RFC 4467 §10 asks for.
const KEY_BYTES: usize = 32;

/// The parts of a folder's overlay that hold keys begin here, far above those of annotations.
const FIRST_PART: u32 = 1 << 31;

/// Says how a signature was made, so that another way can be told from it one day.
const WAY: &str = "01";

/// What a user signs with in one folder.
#[derive(Clone)]
pub struct AccessKey([u8; KEY_BYTES]);

/// Tells keys from one another without being one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessKeyMark([u8; KEY_BYTES]);

/// Whether a key that is there is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// It is.
    Keep,
    /// It is replaced.
    Replace,
}

impl AccessKey {
    /// A key that has signed nothing.
    pub fn of_nobody(name: &str) -> Self {
        Self(*blake3::hash(name.as_bytes()).as_bytes())
    }

    /// A user's key for a folder, with what makes all of that user's keys worthless at once.
    fn salted(key: &[u8; KEY_BYTES], salt: &[u8; KEY_BYTES]) -> Self {
        Self(*blake3::keyed_hash(key, salt).as_bytes())
    }

    /// What tells it from others.
    pub fn mark(&self) -> AccessKeyMark {
        AccessKeyMark(*blake3::hash(&self.0).as_bytes())
    }

    /// The signature of a text: hexadecimal digits.
    pub fn sign(&self, text: &str) -> String {
        let hash = blake3::keyed_hash(&self.0, text.as_bytes());
        format!("{WAY}{}", hash.to_hex())
    }

    /// True if the text was signed with this key. Takes as long for every signature of a length.
    pub fn has_signed(&self, text: &str, signature: &str) -> bool {
        let signature = signature.to_ascii_lowercase();
        self.sign(text)
            .as_bytes()
            .ct_eq(signature.as_bytes())
            .into()
    }
}

impl Account {
    /// The key of this mailbox's owner for a folder, which may lie in another's mailbox; `None` if
    /// none was made.
    ///
    /// Errors: [`EngineError::NoSuchFolder`], [`EngineError::Denied`] without the right to read.
    pub fn access_key(
        &self,
        holder: &Self,
        folder: FolderId,
    ) -> Result<Option<AccessKey>, EngineError> {
        let view = holder.read()?;
        view.folder_with_rights(folder, Rights::READ)?;
        let part = PathStep::Part(part_of(self.id())?);
        let Some(key) = kept(&view, folder, &[part])? else {
            return Ok(None);
        };
        Ok(Some(AccessKey::salted(&key, &self.salt()?)))
    }

    fn salt(&self) -> Result<[u8; KEY_BYTES], EngineError> {
        Ok(kept(&self.read()?, MAIL_ROOT, &[])?.unwrap_or_default())
    }

    /// Makes such a key where there is none, or anew, and answers the one that is there then.
    ///
    /// Errors: as [`Account::access_key`].
    pub fn make_access_key(
        &self,
        holder: &Self,
        folder: FolderId,
        renewal: Renewal,
    ) -> Result<Pending<AccessKey>, EngineError> {
        let part = PathStep::Part(part_of(self.id())?);
        let new: [u8; KEY_BYTES] = self.engine().random();
        let salt = self.salt()?;
        holder.write(|txn| {
            txn.folder_with_rights(folder, Rights::READ)?;
            let key = match kept(txn, folder, &[part])? {
                Some(key) if renewal == Renewal::Keep => key,
                _ => {
                    txn.keep_key(folder, &[part], new)?;
                    new
                }
            };
            Ok(AccessKey::salted(&key, &salt))
        })
    }

    /// Makes all keys of this mailbox's owner worthless.
    pub fn revoke_access_keys(&self) -> Result<Settlement, EngineError> {
        let salt: [u8; KEY_BYTES] = self.engine().random();
        let written = self.write(|txn| txn.keep_key(MAIL_ROOT, &[], salt))?;
        Ok(written.split().1)
    }
}

impl Txn<'_, '_> {
    fn keep_key(
        &mut self,
        folder: FolderId,
        path: &[PathStep],
        key: [u8; KEY_BYTES],
    ) -> Result<(), EngineError> {
        let owner = self.account.id();
        let value = OverlayInput::Set(OverlayValue {
            property: self.txn.intern(owner, &property())?,
            value: Value::Binary(Bytes::copy_from_slice(&key)),
            binding: Binding::Free,
        });
        let object = OverlayObject::Folder(folder);
        Ok(self.txn.set_overlay(owner, object, path, &[value])?)
    }
}

fn property() -> Name {
    Name::Property(PROPERTIES, PropertyName::Text("access-key".to_owned()))
}

/// Errors: [`EngineError::NumberRefused`] for the account number two thousand million.
fn part_of(user: AccountId) -> Result<u32, EngineError> {
    let is_small = user.0 < FIRST_PART;
    is_small
        .then_some(FIRST_PART | user.0)
        .ok_or(EngineError::NumberRefused)
}

fn kept(
    view: &impl Reading,
    folder: FolderId,
    path: &[PathStep],
) -> Result<Option<[u8; KEY_BYTES]>, EngineError> {
    let owner = view.account().id();
    let Some(property) = view.reads().number_of(owner, &property())? else {
        return Ok(None);
    };
    let values = view.reads().overlay(owner, folder.0, path)?;
    let found = values.iter().find(|value| value.property == property);
    Ok(match found.map(|found| &found.value) {
        Some(Value::Binary(key)) => <[u8; KEY_BYTES]>::try_from(key.as_ref()).ok(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::Rehearsal;
    use crate::settings::Settings;
    use store::model::Role;

    fn inbox(account: &Account) -> FolderId {
        let view = account.read().unwrap();
        view.folder_with_role(Role::Inbox).unwrap().unwrap().0
    }

    #[test]
    fn a_key_signs_until_it_is_replaced_or_all_are_revoked() {
        let house = Rehearsal::new(Settings::default()).unwrap();
        let alice = house.person("alice@example.test").unwrap();
        let account = house.engine.account(&alice, 1);
        let folder = inbox(&account);
        assert!(account.access_key(&account, folder).unwrap().is_none());
        let make = |renewal| {
            let made = account.make_access_key(&account, folder, renewal);
            made.unwrap().wait().unwrap();
            account.access_key(&account, folder).unwrap().unwrap()
        };
        let first = make(Renewal::Keep);
        let signature = first.sign("a letter");
        assert_eq!(signature.len(), 66);
        assert!(make(Renewal::Keep).has_signed("a letter", &signature));
        assert!(first.has_signed("a letter", &signature.to_uppercase()));
        assert!(!first.has_signed("another", &signature));
        assert!(!first.has_signed("a letter", ""));
        assert!(!make(Renewal::Replace).has_signed("a letter", &signature));
        let signature = make(Renewal::Keep).sign("a letter");
        account.revoke_access_keys().unwrap().wait().unwrap();
        let key = account.access_key(&account, folder).unwrap().unwrap();
        assert!(!key.has_signed("a letter", &signature));
    }

    #[test]
    fn nobody_gets_a_key_for_what_is_not_theirs_to_read() {
        let house = Rehearsal::new(Settings::default()).unwrap();
        let alice = house.person("alice@example.test").unwrap();
        let bob = house.person("bob@example.test").unwrap();
        let (alice, bob) = (
            house.engine.account(&alice, 1),
            house.engine.account(&bob, 2),
        );
        let folder = inbox(&alice);
        let guest = bob.another(alice.id()).unwrap();
        let made = bob.make_access_key(&guest, folder, Renewal::Keep);
        assert!(made.is_err());
        assert!(bob.access_key(&guest, folder).is_err());
    }
}
