//! What a user may do in a folder of another.

use store::id::AccountId;
use store::model::{FolderRow, Grantee, Rights};

/// The rights of an account in a folder that is not its own: its own grant, else those of its
/// groups together, else the default one.
///
/// A nearer grant replaces the farther rather than adding to it, so that someone can be given less
/// than everyone ([MS-OXCPERM] 3.2.4.1 says the same of the default).
pub fn rights_of(folder: &FolderRow, actor: AccountId, groups: &[AccountId]) -> Rights {
    let of = |wanted: Grantee| folder.grants.iter().find(|grant| grant.grantee == wanted);
    if let Some(own) = of(Grantee::Account(actor)) {
        return own.rights;
    }
    let shared = groups
        .iter()
        .filter_map(|&group| of(Grantee::Account(group)));
    shared
        .map(|grant| grant.rights)
        .reduce(|all, rights| all | rights)
        .or_else(|| of(Grantee::Default).map(|grant| grant.rights))
        .unwrap_or(Rights::NONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::model::Grant;

    const ALICE: AccountId = AccountId(1);
    const TEAM: AccountId = AccountId(7);
    const CHOIR: AccountId = AccountId(8);

    fn folder(grants: &[(Grantee, Rights)]) -> FolderRow {
        let grant = |(member, &(grantee, rights)): (u32, &(Grantee, Rights))| Grant {
            member,
            grantee,
            rights,
        };
        FolderRow {
            grants: (1..).zip(grants).map(grant).collect(),
            ..FolderRow::default()
        }
    }

    #[test]
    fn ones_own_grant_replaces_all_others() {
        let folder = folder(&[
            (Grantee::Default, Rights::VISIBLE | Rights::READ),
            (Grantee::Account(TEAM), Rights::ALL),
            (Grantee::Account(ALICE), Rights::VISIBLE),
        ]);
        assert_eq!(rights_of(&folder, ALICE, &[TEAM]), Rights::VISIBLE);
        assert_eq!(
            rights_of(&folder, AccountId(2), &[]),
            Rights::VISIBLE | Rights::READ
        );
        assert_eq!(
            rights_of(&FolderRow::default(), ALICE, &[TEAM]),
            Rights::NONE
        );
    }

    #[test]
    fn the_grants_of_several_groups_add_up() {
        let folder = folder(&[
            (Grantee::Default, Rights::ALL),
            (Grantee::Account(TEAM), Rights::VISIBLE),
            (Grantee::Account(CHOIR), Rights::READ),
        ]);
        assert_eq!(
            rights_of(&folder, ALICE, &[TEAM, CHOIR]),
            Rights::VISIBLE | Rights::READ
        );
        assert_eq!(rights_of(&folder, ALICE, &[CHOIR]), Rights::READ);
    }
}
