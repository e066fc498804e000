//! `GETACL`, `SETACL`, `DELETEACL`, `LISTRIGHTS` and `MYRIGHTS`: who may do what in a mailbox.
//!
//! Identifiers are addresses of accounts and groups, `anyone` for all who sign in, and `anonymous`.
//! A nearer entry replaces a farther one, so there are no negative ones. An owner has every right
//! and keeps it. Rights that only other protocols know stay as they are.
//!
//! Standards: RFC 4314 §3 (commands), §4 (who may use them), §5.1.1; RFC 8440 (with LIST).

use super::{Desk, Reply, Step};
use crate::codec::access::{AccessRequest, Letters, RightsChange};
use crate::codec::mailbox::MailboxName;
use crate::codec::write;
use crate::refusal::Refusal;
use crate::rights;
use crate::shared::Found;
use bytes::BufMut;
use engine::{Account, EngineError, Grantee, Reading, Rights};

/// Any of these lets one ask what else one may do.
const ANY: [Rights; 6] = [
    Rights::VISIBLE,
    Rights::READ,
    Rights::INSERT,
    Rights::CREATE_FOLDER,
    Rights::REMOVE_FOLDER,
    Rights::ADMINISTER,
];

/// Errors: no such mailbox, no right to administer it, an identifier that is nobody.
pub(super) fn run(request: &AccessRequest, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    match request {
        AccessRequest::Get(name) => tell_all(name, desk),
        AccessRequest::Set(name, who, change) => set(name, who, *change, desk),
        AccessRequest::Delete(name, who) => delete(name, who, desk),
        AccessRequest::List(name, who) => tell_possible(name, who, desk),
        AccessRequest::My(name) => {
            let found = desk.find(name)?;
            let rights = found.account.read()?.rights_in(&found.row);
            if !ANY.iter().any(|right| rights.contains(*right)) {
                return Err(EngineError::Denied.into());
            }
            write_my_rights(desk, name, rights);
            Ok(Step::Done(Reply::told("OK MYRIGHTS completed")))
        }
    }
}

/// Writes `* MYRIGHTS INBOX lrs`.
pub(super) fn write_my_rights(desk: &mut Desk<'_>, name: &MailboxName, rights: Rights) {
    desk.out.put_slice(b"* MYRIGHTS ");
    name.write(desk.out, desk.state.name_form());
    desk.out.put_u8(b' ');
    write::astring(desk.out, rights::letters_of(rights).text().as_bytes());
    desk.out.put_slice(b"\r\n");
}

/// The mailbox, if this user may administer it.
fn administered(name: &MailboxName, desk: &Desk<'_>) -> Result<Found, Refusal> {
    let found = desk.find(name)?;
    let rights = found.account.read()?.rights_in(&found.row);
    if rights.contains(Rights::ADMINISTER) {
        Ok(found)
    } else {
        Err(EngineError::Denied.into())
    }
}

fn tell_all(name: &MailboxName, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    let found = administered(name, desk)?;
    let directory = found.account.engine().directory();
    desk.out.put_slice(b"* ACL ");
    name.write(desk.out, desk.state.name_form());
    let mut entries = vec![(Grantee::Account(found.account.id()), Rights::ALL)];
    entries.extend(
        found
            .row
            .grants
            .iter()
            .map(|grant| (grant.grantee, grant.rights)),
    );
    for (grantee, rights) in entries {
        // Whom it was for may be gone.
        let Some(identifier) = rights::identifier(grantee, directory)? else {
            continue;
        };
        desk.out.put_u8(b' ');
        write::astring(desk.out, identifier.as_bytes());
        desk.out.put_u8(b' ');
        write::astring(desk.out, rights::letters_of(rights).text().as_bytes());
    }
    desk.out.put_slice(b"\r\n");
    Ok(Step::Done(Reply::told("OK GETACL completed")))
}

fn tell_possible(name: &MailboxName, who: &str, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    let found = administered(name, desk)?;
    let is_owner = grantee(who, &found.account)? == Grantee::Account(found.account.id());
    desk.out.put_slice(b"* LISTRIGHTS ");
    name.write(desk.out, desk.state.name_form());
    desk.out.put_u8(b' ');
    // The same form of it as the client's (RFC 4314 §3.4).
    write::astring(desk.out, who.as_bytes());
    if is_owner {
        let all = format!(" {}", Letters::ALL.text());
        desk.out.put_slice(all.as_bytes());
    } else {
        desk.out.put_slice(b" \"\"");
        for letter in Letters::ALL.text().chars() {
            desk.out.put_slice(format!(" {letter}").as_bytes());
        }
    }
    desk.out.put_slice(b"\r\n");
    Ok(Step::Done(Reply::told("OK LISTRIGHTS completed")))
}

fn set(
    name: &MailboxName,
    who: &str,
    change: RightsChange,
    desk: &mut Desk<'_>,
) -> Result<Step, Refusal> {
    let found = administered(name, desk)?;
    let grantee = changeable(who, &found.account)?;
    let written = found.account.write(|txn| {
        let row = txn.folder(found.folder)?;
        txn.set_grants(found.folder, rights::changed(&row, grantee, change))
    })?;
    let ((), settlement) = written.split();
    let reply = Reply::told("OK SETACL completed");
    Ok(Step::SettleDone(settlement, reply))
}

fn delete(name: &MailboxName, who: &str, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    let found = administered(name, desk)?;
    let grantee = changeable(who, &found.account)?;
    let written = found.account.write(|txn| {
        let row = txn.folder(found.folder)?;
        txn.set_grants(found.folder, rights::without(&row, grantee))
    })?;
    let ((), settlement) = written.split();
    let reply = Reply::told("OK DELETEACL completed");
    Ok(Step::SettleDone(settlement, reply))
}

/// Whom an identifier means, if that is not the owner.
fn changeable(who: &str, account: &Account) -> Result<Grantee, Refusal> {
    let grantee = grantee(who, account)?;
    if grantee == Grantee::Account(account.id()) {
        return Err(Refusal::Never("NO [CANNOT] Owners have every right"));
    }
    Ok(grantee)
}

/// Whom an identifier means.
fn grantee(who: &str, account: &Account) -> Result<Grantee, Refusal> {
    if who.starts_with('-') {
        return Err(Refusal::Never(
            "NO [CANNOT] Rights are not taken away by entries",
        ));
    }
    let found = rights::grantee(who, account.engine().directory())?;
    found.ok_or(Refusal::Never("NO [NONEXISTENT] No such user or group"))
}
