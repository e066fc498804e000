//! The directory: objects with permanent numbers, and the addresses that lead to them. All in
//! account 0.

use super::Txn;
use crate::id::{AccountId, ChangeSeq};
use crate::model::error::ModelError;
use crate::model::key;
use crate::model::reads::Reads;
use crate::model::row::directory::{ADDRESS_BYTES_MAX, PAYLOAD_BYTES_MAX};
use crate::model::row::{AddressTarget, DirectoryKind, DirectoryRecord, Object, What};
use bytes::Bytes;

impl Txn<'_> {
    /// Makes a directory object and answers its number, which is never given again.
    ///
    /// Errors: [`ModelError::TooLong`], [`ModelError::NumberRefused`] when all 2^32 are used.
    pub fn add_directory(
        &mut self,
        kind: DirectoryKind,
        payload: Bytes,
    ) -> Result<u32, ModelError> {
        let directory = self.account_mut(AccountId::DIRECTORY)?;
        let number = directory.next_object;
        directory.next_object = number.checked_add(1).ok_or(ModelError::NumberRefused)?;
        let guid = self.new_guid();
        self.put_record(
            kind,
            number,
            DirectoryRecord {
                guid,
                changed: ChangeSeq::default(),
                payload,
            },
            What::CREATED,
        )?;
        Ok(number)
    }

    /// Changes what a directory object says. The same payload uses no number.
    ///
    /// Errors: [`ModelError::NoSuchEntry`], [`ModelError::TooLong`].
    pub fn put_directory(
        &mut self,
        kind: DirectoryKind,
        number: u32,
        payload: Bytes,
    ) -> Result<(), ModelError> {
        let record = self
            .directory_record(kind, number)?
            .ok_or(ModelError::NoSuchEntry)?;
        if record.payload == payload {
            return Ok(());
        }
        self.put_record(
            kind,
            number,
            DirectoryRecord { payload, ..record },
            What::PROPERTIES,
        )
    }

    /// Removes a directory object; addresses that lead to it must be removed by themselves.
    ///
    /// Errors: [`ModelError::NoSuchEntry`].
    pub fn remove_directory(&mut self, kind: DirectoryKind, number: u32) -> Result<(), ModelError> {
        self.directory_record(kind, number)?
            .ok_or(ModelError::NoSuchEntry)?;
        let object = Object::Directory(kind, number);
        self.touch_object(AccountId::DIRECTORY, object, What::PURGED)?;
        self.pending.remove(key::directory(kind.number(), number));
        Ok(())
    }

    /// Lets an address lead to an object. The address must be in the one form in which it is looked
    /// up.
    ///
    /// Errors: [`ModelError::NameTaken`] when it leads elsewhere, [`ModelError::NoSuchEntry`] when
    /// the object is not there.
    pub fn put_address(&mut self, address: &str, target: AddressTarget) -> Result<(), ModelError> {
        if address.len() > ADDRESS_BYTES_MAX {
            return Err(ModelError::TooLong);
        }
        match self.address(address)? {
            Some(old) if old == target => return Ok(()),
            Some(_) => return Err(ModelError::NameTaken),
            None => {}
        }
        self.takes_room();
        self.touch_target(target)?;
        self.pending.put(key::address(address.as_bytes()), &target);
        Ok(())
    }

    /// Lets an address lead nowhere.
    ///
    /// Errors: [`ModelError::NoSuchEntry`].
    pub fn remove_address(&mut self, address: &str) -> Result<(), ModelError> {
        let target = self.address(address)?.ok_or(ModelError::NoSuchEntry)?;
        self.pending.remove(key::address(address.as_bytes()));
        match self.touch_target(target) {
            Err(ModelError::NoSuchEntry) => self.account_mut(AccountId::DIRECTORY).map(|_| ()),
            other => other,
        }
    }

    /// An address belongs to its object, so the object's stamp moves with it.
    fn touch_target(&mut self, target: AddressTarget) -> Result<(), ModelError> {
        let AddressTarget { kind, number } = target;
        let record = self
            .directory_record(kind, number)?
            .ok_or(ModelError::NoSuchEntry)?;
        self.put_record(kind, number, record, What::PROPERTIES)
    }

    fn put_record(
        &mut self,
        kind: DirectoryKind,
        number: u32,
        mut record: DirectoryRecord,
        what: What,
    ) -> Result<(), ModelError> {
        if record.payload.len() > PAYLOAD_BYTES_MAX {
            return Err(ModelError::TooLong);
        }
        self.takes_room();
        let object = Object::Directory(kind, number);
        record.changed = self.touch_object(AccountId::DIRECTORY, object, what)?;
        self.pending
            .put(key::directory(kind.number(), number), &record);
        Ok(())
    }
}
