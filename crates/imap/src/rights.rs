//! The rights of `engine` as IMAP tells them: letters for the rights, names for those who have
//! them. `access` speaks them with clients, the administration with people.
//!
//! Decides nothing: whether someone may change rights is the matter of `engine`.
//!
//! Standards: RFC 4314 §2 (identifiers), §2.1 (rights); RFC 5257 §3.4 (the right to annotate).

use crate::codec::access::{Letters, RightsChange};
use engine::{Directory, EngineError, FolderRow, Grant, Grantee, Rights};

/// What each letter lets one do. Source: RFC 4314 §2.1, RFC 5257 §3.4.
const MEANING: [(char, Rights); 12] = [
    ('l', Rights::VISIBLE),
    ('r', Rights::READ),
    ('s', Rights::KEEP_SEEN),
    ('w', Rights::WRITE_FLAGS),
    ('i', Rights::INSERT),
    ('p', Rights::POST),
    ('k', Rights::CREATE_FOLDER),
    ('x', Rights::REMOVE_FOLDER),
    ('t', Rights::DELETE_ANY),
    ('e', Rights::EXPUNGE),
    ('a', Rights::ADMINISTER),
    ('n', Rights::ANNOTATE),
];

/// All who sign in.
const ANYONE: &str = "anyone";
/// Those who don't.
const ANONYMOUS: &str = "anonymous";

/// Whom an identifier means: `anyone`, `anonymous`, the address of an account or a group; `None`
/// if that is nobody.
pub fn grantee(identifier: &str, directory: &Directory) -> Result<Option<Grantee>, EngineError> {
    match identifier {
        ANYONE => Ok(Some(Grantee::Default)),
        ANONYMOUS => Ok(Some(Grantee::Anonymous)),
        address => Ok(directory.grantee(address)?.map(Grantee::Account)),
    }
}

/// The identifier of those who have rights; `None` for an account or group that is gone.
pub fn identifier(grantee: Grantee, directory: &Directory) -> Result<Option<String>, EngineError> {
    match grantee {
        Grantee::Default => Ok(Some(ANYONE.to_owned())),
        Grantee::Anonymous => Ok(Some(ANONYMOUS.to_owned())),
        Grantee::Account(number) => directory.grantee_address(number),
    }
}

/// The letters of these rights.
pub fn letters_of(rights: Rights) -> Letters {
    let held = Letters::EACH.iter().filter(|(_, letter)| {
        MEANING
            .iter()
            .any(|(each, right)| each == letter && rights.contains(*right))
    });
    held.fold(Letters::default(), |all, (one, _)| all.with(*one))
}

/// The rights of these letters. Who may remove any item may do so with their own.
pub fn rights_of(letters: Letters) -> Rights {
    let held = Letters::EACH
        .iter()
        .filter(|(one, _)| letters.intersects(*one));
    held.fold(Rights::NONE, |all, (_, letter)| {
        let right = MEANING.iter().find(|(each, _)| each == letter);
        let right = right.map_or(Rights::NONE, |(_, right)| *right);
        if right == Rights::DELETE_ANY {
            all | right | Rights::DELETE_OWN
        } else {
            all | right
        }
    })
}

/// A folder's list of rights with this change; what has no letter stays.
pub fn changed(row: &FolderRow, grantee: Grantee, change: RightsChange) -> Vec<Grant> {
    let mut grants = row.grants.clone();
    let next = grants.iter().map(|grant| grant.member + 1).max();
    let known = grants.iter().position(|grant| grant.grantee == grantee);
    let place = known.unwrap_or(grants.len());
    if known.is_none() {
        grants.push(Grant {
            member: next.unwrap_or(1),
            grantee,
            rights: Rights::NONE,
        });
    }
    if let Some(grant) = grants.get_mut(place) {
        let all = rights_of(Letters::ALL);
        grant.rights = match change {
            RightsChange::Replace(letters) => (grant.rights & !all) | rights_of(letters),
            RightsChange::Add(letters) => grant.rights | rights_of(letters),
            RightsChange::Remove(letters) => grant.rights & !rights_of(letters),
        };
    }
    grants
}

/// A folder's list of rights without an entry for these.
pub fn without(row: &FolderRow, grantee: Grantee) -> Vec<Grant> {
    let grants = row.grants.iter();
    grants
        .filter(|grant| grant.grantee != grantee)
        .copied()
        .collect()
}
