//! What a user may do in a folder of another.

use store::id::AccountId;
use store::model::{FolderRow, Grantee, Rights};

/// The rights of an account in a folder that is not its own: its own grant, else the default one.
///
/// A grant of one's own replaces the default rather than adding to it, so that someone can be given less than
/// everyone ([MS-OXCPERM] 3.2.4.1 says the same).
pub fn rights_of(folder: &FolderRow, actor: AccountId) -> Rights {
    let of = |wanted: Grantee| folder.grants.iter().find(|grant| grant.grantee == wanted);
    of(Grantee::Account(actor))
        .or_else(|| of(Grantee::Default))
        .map_or(Rights::NONE, |grant| grant.rights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::model::Grant;

    #[test]
    fn ones_own_grant_replaces_the_default() {
        let alice = AccountId(1);
        let grant = |member, grantee, rights| Grant {
            member,
            grantee,
            rights,
        };
        let folder = FolderRow {
            grants: vec![
                grant(1, Grantee::Default, Rights::VISIBLE | Rights::READ),
                grant(2, Grantee::Account(alice), Rights::VISIBLE),
            ],
            ..FolderRow::default()
        };
        assert_eq!(rights_of(&folder, alice), Rights::VISIBLE);
        assert_eq!(
            rights_of(&folder, AccountId(2)),
            Rights::VISIBLE | Rights::READ
        );
        assert_eq!(rights_of(&FolderRow::default(), alice), Rights::NONE);
    }
}
