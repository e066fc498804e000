//! Who may do what in a folder.
//!
//! The store's rights are a superset of those that clients know here, so each of theirs stands for
//! one or more of ours.
//!
//! Source: [MS-OXCPERM] 2.2.1 to 2.2.7, 3.2.5.
//!
//! Those who did not sign in are told last: their number is the greatest there is.

use super::{Done, Place, folder, table};
use crate::codec::data::{AddressBookEntryId, EntryId, Value};
use crate::codec::rop::Response;
use crate::codec::rop::folder::OpenTable;
use crate::codec::rop::stream::{ModifyRows, RowChange};
use crate::codec::wire::Nothing;
use crate::content::Values;
use crate::identity;
use crate::object::{Logon, Rows};
use crate::refusal::Refusal;
use crate::request::Session;
use engine::{AccountId, Grant, Grantee, Reading, Rights};

/// Columns of the table.
const MEMBER_ID: u16 = 0x6671;
const MEMBER_NAME: u16 = 0x6672;
const MEMBER_RIGHTS: u16 = 0x6673;
const ENTRY_ID: u16 = 0x0fff;
/// The rows that are always there.
const DEFAULT: i64 = 0;
const ANONYMOUS: i64 = -1;
/// Flags of requests: instead of all there are; and what is done with a row.
const REPLACE: u8 = 0x01;
const WITH_FREE_BUSY: u8 = 0x02;
const ADD: u8 = 0x01;
const REMOVE: u8 = 0x04;
/// Whether and how the owner's free times may be seen.
const FREE_BUSY: i32 = 0x1800;

/// Each right of clients with ours.
const RIGHTS: [(i32, Rights); 12] = [
    (0x0001, Rights(Rights::READ.0 | Rights::KEEP_SEEN.0)),
    (0x0002, Rights(Rights::INSERT.0 | Rights::POST.0)),
    (0x0008, Rights::EDIT_OWN),
    (0x0010, Rights::DELETE_OWN),
    (0x0020, Rights(Rights::EDIT_ANY.0 | Rights::WRITE_FLAGS.0)),
    (0x0040, Rights(Rights::DELETE_ANY.0 | Rights::EXPUNGE.0)),
    (0x0080, Rights::CREATE_FOLDER),
    (
        0x0100,
        Rights(Rights::ADMINISTER.0 | Rights::REMOVE_FOLDER.0),
    ),
    (0x0200, Rights::CONTACT),
    (0x0400, Rights::VISIBLE),
    (0x0800, Rights::FREE_BUSY),
    (0x1000, Rights::FREE_BUSY_DETAILED),
];

fn told(rights: Rights) -> i32 {
    let has = RIGHTS.iter().filter(|(_, ours)| rights.contains(*ours));
    has.fold(0, |all, (bit, _)| all | bit)
}

fn meant(bits: i32) -> Rights {
    let wanted = RIGHTS.iter().filter(|(bit, _)| bits & bit != 0);
    wanted.fold(Rights::NONE, |all, (_, ours)| all | *ours)
}

/// `RopGetPermissionsTable`
pub(super) fn table(
    session: &mut Session,
    at: Place,
    request: &OpenTable,
) -> Result<Done, Refusal> {
    let folder = folder::folder_of(session, at)?;
    let logon = session.objects.logon(at.logon_id)?;
    let grants = logon.account.read()?.folder(folder)?.grants;
    let shown = if request.flags & WITH_FREE_BUSY == 0 {
        !FREE_BUSY
    } else {
        -1
    };
    let of = |grantee| grants.iter().find(|grant| grant.grantee == grantee);
    let bits = |grant: Option<&Grant>| grant.map_or(0, |grant| told(grant.rights) & shown);
    let mut rows = vec![
        row(DEFAULT, "", bits(of(Grantee::Default)), Vec::new()),
        row(
            ANONYMOUS,
            "Anonymous",
            bits(of(Grantee::Anonymous)),
            Vec::new(),
        ),
    ];
    for grant in &grants {
        if let Grantee::Account(account) = grant.grantee {
            let entry = AddressBookEntryId::new(0, &identity::legacy_name(account));
            let entry = EntryId::AddressBook(entry).to_bytes();
            let name = name_of(logon, account)?;
            rows.push(row(grant.member.into(), &name, bits(Some(grant)), entry));
        }
    }
    Ok(Done::opened(
        Response::PermissionsTable(Nothing),
        table::opened(Rows::Values(rows)),
    ))
}

fn row(member: i64, name: &str, rights: i32, entry: Vec<u8>) -> Values {
    Values::from([
        (MEMBER_ID, Value::Integer64(member)),
        (MEMBER_NAME, Value::Unicode(name.to_owned())),
        (MEMBER_RIGHTS, Value::Integer32(rights)),
        (ENTRY_ID, Value::Binary(entry.into())),
    ])
}

/// What a member is called: by the address where there is no name, by the number where both are
/// gone.
fn name_of(logon: &Logon, account: AccountId) -> Result<String, Refusal> {
    let found = logon.account.engine().directory().account(account)?;
    let Some(found) = found else {
        return Ok(format!("{:08x}", account.0));
    };
    let name = &found.record.display_name;
    let shown = if name.is_empty() {
        &found.record.address
    } else {
        name
    };
    Ok(shown.clone())
}

/// `RopModifyPermissions`: all rows or none.
pub(super) fn modify(
    session: &mut Session,
    at: Place,
    request: &ModifyRows,
) -> Result<Done, Refusal> {
    let folder = folder::folder_of(session, at)?;
    let logon = session.objects.logon(at.logon_id)?;
    let mut grants = logon.account.read()?.folder(folder)?.grants;
    let old = grants.clone();
    if request.flags & REPLACE != 0 {
        grants.retain(|grant| !matches!(grant.grantee, Grantee::Account(_)));
    }
    for change in &request.rows {
        apply(
            &mut grants,
            change,
            request.flags & WITH_FREE_BUSY != 0,
            &old,
        )?;
    }
    let done = logon
        .account
        .write(|txn| txn.set_grants(folder, grants.clone()))?;
    done.wait()?;
    Ok(Done::said(Response::ModifyPermissions(Nothing)))
}

/// Changes one row. Without free and busy times, these stay as they were.
fn apply(
    grants: &mut Vec<Grant>,
    change: &RowChange,
    with_free_busy: bool,
    old: &[Grant],
) -> Result<(), Refusal> {
    let grantee = grantee(change, grants)?;
    if change.flags & REMOVE != 0 {
        grants.retain(|grant| grant.grantee != grantee);
        return Ok(());
    }
    let bits = change.values.iter().find_map(|set| match &set.value {
        Value::Integer32(bits) if set.tag.id() == MEMBER_RIGHTS => Some(*bits),
        _ => None,
    });
    let mut rights = meant(bits.ok_or(Refusal::InvalidParameter)?);
    let known = old.iter().find(|grant| grant.grantee == grantee);
    if let Some(known) = known.filter(|_| !with_free_busy) {
        let kept = meant(FREE_BUSY);
        rights = (rights & !kept) | (known.rights & kept);
    }
    let last = grants.iter().chain(old).map(|grant| grant.member).max();
    let next = last.unwrap_or_default().saturating_add(1);
    match grants.iter_mut().find(|grant| grant.grantee == grantee) {
        Some(grant) => grant.rights = rights,
        None => grants.push(Grant {
            member: known.map_or(next, |known| known.member),
            grantee,
            rights,
        }),
    }
    Ok(())
}

/// Whom a row is about: someone new by the entry id, others by their number.
fn grantee(change: &RowChange, grants: &[Grant]) -> Result<Grantee, Refusal> {
    let value = |id| {
        let found = change.values.iter().find(|set| set.tag.id() == id);
        found.map(|found| &found.value)
    };
    if change.flags & ADD != 0 {
        let Some(Value::Binary(entry)) = value(ENTRY_ID) else {
            return Err(Refusal::InvalidParameter);
        };
        let Ok(EntryId::AddressBook(entry)) = EntryId::from_bytes(entry) else {
            return Err(Refusal::InvalidParameter);
        };
        let name = String::from_utf8_lossy(&entry.name.0);
        let account = identity::account_of(&name).ok_or(Refusal::NotFound)?;
        return Ok(Grantee::Account(account));
    }
    let Some(Value::Integer64(member)) = value(MEMBER_ID) else {
        return Err(Refusal::InvalidParameter);
    };
    match *member {
        DEFAULT => Ok(Grantee::Default),
        ANONYMOUS => Ok(Grantee::Anonymous),
        member => {
            let is_it = |grant: &&Grant| i64::from(grant.member) == member;
            let found = grants.iter().find(is_it).map(|grant| grant.grantee);
            found.ok_or(Refusal::NotFound)
        }
    }
}
