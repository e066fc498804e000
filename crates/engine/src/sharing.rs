//! Who shares folders with whom, kept in memory so that a list of folders need not look into every
//! account.
//!
//! It is made at the first question out of all folders' grants, and grows with every grant that is
//! given from then on. It may know of grants that are gone or were never committed: whoever asks
//! opens the folders and is held to the rights that stand there.
//!
//! Start at [`Engine::sharing_accounts`].

use crate::account::Account;
use crate::engine::Engine;
use crate::error::EngineError;
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use store::id::AccountId;
use store::model::{Grant, Grantee, Reads, Rights};

/// Accounts whose folders one user is shown; more are not looked into.
const ACCOUNTS_MAX: usize = 1_000;

/// The accounts that gave anything to each grantee; none before the first question.
#[derive(Default)]
pub(crate) struct Sharing(Mutex<Option<HashMap<Grantee, BTreeSet<AccountId>>>>);

impl Sharing {
    /// Takes in the grants of a folder that are about to be committed.
    pub(crate) fn learn(&self, owner: AccountId, grants: &[Grant]) {
        // Before the first question there is nothing to keep up to date.
        if let Some(known) = self.0.lock().as_mut() {
            learn(known, owner, grants);
        }
    }
}

fn learn(known: &mut HashMap<Grantee, BTreeSet<AccountId>>, owner: AccountId, grants: &[Grant]) {
    for grant in grants.iter().filter(|grant| grant.rights != Rights::NONE) {
        known.entry(grant.grantee).or_default().insert(owner);
    }
}

impl Engine {
    /// The accounts of others that have granted something to this user, to a group of theirs or to
    /// everyone, ascending; the rights themselves are to be looked up in their folders.
    pub fn sharing_accounts(&self, own: &Account) -> Result<Vec<AccountId>, EngineError> {
        let actor = own.origin().actor;
        let groups = self.directory().groups_of(actor)?;
        // Held while all folders are read, so that no grant given meanwhile is missed.
        let mut known = self.sharing().0.lock();
        let all = match &mut *known {
            Some(all) => all,
            none => none.insert(self.all_grants()?),
        };
        let grantees = [Grantee::Default, Grantee::Account(actor)].into_iter();
        let grantees = grantees.chain(groups.into_iter().map(Grantee::Account));
        let owners: BTreeSet<AccountId> = grantees
            .filter_map(|grantee| all.get(&grantee))
            .flatten()
            .copied()
            .filter(|owner| *owner != actor)
            .collect();
        Ok(owners.into_iter().take(ACCOUNTS_MAX).collect())
    }

    fn all_grants(&self) -> Result<HashMap<Grantee, BTreeSet<AccountId>>, EngineError> {
        let mut known = HashMap::new();
        let accounts = self.store().view(AccountId::DIRECTORY)?.accounts()?;
        for owner in accounts {
            for (_, row) in self.store().view(owner)?.folders(owner)? {
                learn(&mut known, owner, &row.grants);
            }
        }
        Ok(known)
    }
}
