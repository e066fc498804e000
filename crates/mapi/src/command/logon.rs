//! Opening a mailbox, and what is asked of it as a whole.
//!
//! Source: [MS-OXCSTOR] 3.2.5.1, 3.2.5.8, 3.2.5.9.

use super::{Done, Place};
use crate::codec::data::ObjectId;
use crate::codec::rop::Response;
use crate::codec::rop::logon;
use crate::codec::rop::logon::{
    LOGON_PRIVATE, LoggedOn, LoggedOnStore, LogonTime, LongId, PrivateLogon, ShortId,
};
use crate::identity::{self, MailboxIdentity};
use crate::object::Logon;
use crate::property::names::Names;
use crate::refusal::Refusal;
use crate::request::Session;
use engine::{
    Account, Authorship, EngineError, FolderId, Kind, MAIL_ROOT, NewFolder, ROOT, Reading, Rights,
    Role, Timestamp, Txn, User,
};
use formats::date::Civil;

/// Source: [MS-OXCSTOR] 2.2.1.1.1 (`USE_ADMIN_PRIVILEGE`).
const AS_ADMINISTRATOR: u32 = 0x0000_0001;
/// Always set.
const RESPONSE_RESERVED: u8 = 0x01;
/// The mailbox is one's own.
const RESPONSE_OWNER: u8 = 0x02;
/// One may send as its owner.
const RESPONSE_SEND_AS: u8 = 0x04;

/// A special folder of a mailbox: by what it is for, or by its name beside the mail tree.
enum Special {
    Known(FolderId),
    Role(Role, &'static str),
    Beside(&'static str),
}

/// In the order of the response. Source: [MS-OXCSTOR] 2.2.1.1.3.
const SPECIAL: [Special; 13] = [
    Special::Known(ROOT),
    Special::Beside("Deferred Action"),
    Special::Beside("Spooler Queue"),
    Special::Known(MAIL_ROOT),
    Special::Role(Role::Inbox, "Inbox"),
    Special::Role(Role::Outbox, "Outbox"),
    Special::Role(Role::Sent, "Sent"),
    Special::Role(Role::Trash, "Trash"),
    Special::Beside("Common Views"),
    Special::Beside("Schedule"),
    Special::Beside("Finder"),
    Special::Beside("Views"),
    Special::Beside("Shortcuts"),
];

/// `RopLogon`: opens a mailbox, in place of what this logon had open.
///
/// The owner's first logon makes the folders that are missing; a guest is told zeros for what is
/// not shown. Public folders are not served.
pub(super) fn log_on(
    session: &mut Session,
    at: Place,
    request: &logon::Logon,
) -> Result<Done, Refusal> {
    let name = request.name.as_ref().ok_or(Refusal::NotSupported)?;
    if request.logon_flags & LOGON_PRIVATE == 0 {
        return Err(Refusal::NotSupported);
    }
    let name = str::from_utf8(&name.0).map_err(|_| Refusal::UnknownUser)?;
    let owner = identity::account_of(name).ok_or(Refusal::UnknownUser)?;
    let account = if request.open_flags & AS_ADMINISTRATOR == 0 {
        session.own.another(owner)?
    } else {
        let opened = session.own.another_as_owner(owner);
        opened.map_err(|error| match error {
            EngineError::Denied => Refusal::LoginPermission,
            other => other.into(),
        })?
    };
    let folders = special_folders(&account)?;
    let replica = account.read()?.state()?.replica;
    let mailbox = MailboxIdentity::new(session.server, owner, replica);
    let now = account.engine().now();
    let response_flags = response_flags(&account)?;
    let store = PrivateLogon {
        folders,
        response_flags,
        mailbox: mailbox.mailbox,
        replica: identity::folder_id(ROOT).replica,
        replica_guid: mailbox.replica,
        logon_time: logon_time(now),
        gwart_time: 0,
        store_state: 0,
    };
    let opened = Logon {
        account: account.showing_removed(),
        identity: mailbox,
        names: Names::default(),
    };
    let handle = session.objects.log_on(at.logon_id, opened)?;
    let response = Response::Logon(LoggedOn {
        logon_flags: request.logon_flags,
        store: LoggedOnStore::Private(store),
    });
    Ok(Done {
        handle: Some(handle),
        ..Done::said(response)
    })
}

/// What this user may do with the whole mailbox: its owner and administrators everything, others
/// what its folders say, and perhaps send as its owner.
fn response_flags(account: &Account) -> Result<u8, Refusal> {
    let mut flags = RESPONSE_RESERVED;
    // Most guests do not even see the root.
    let rights = account.read()?.rights(ROOT);
    if rights.is_ok_and(|rights| rights == Rights::ALL) {
        flags |= RESPONSE_OWNER;
    }
    let engine = account.engine();
    let entry = |id| engine.directory().account(id);
    let (owner, actor) = (entry(account.id())?, entry(account.origin().actor)?);
    if let Some((owner, actor)) = owner.zip(actor) {
        let actor = User {
            account: account.origin().actor,
            address: actor.record.address.clone(),
            administrator: false,
        };
        if engine.may_send(&actor, &owner.record.address)? >= Authorship::As {
            flags |= RESPONSE_SEND_AS;
        }
    }
    Ok(flags)
}

fn special_folders(account: &Account) -> Result<[ObjectId; 13], Refusal> {
    if account.is_own() && missing(account)? {
        let made = account.write(make_missing)?;
        made.wait()?;
    }
    let view = account.read()?;
    let all = view.all_folders()?;
    if all.is_empty() {
        return Err(Refusal::AccessDenied);
    }
    Ok(SPECIAL.each_ref().map(|special| {
        let found = all.iter().find(|(id, row)| match special {
            Special::Known(known) => id == known,
            Special::Role(role, _) => row.role == *role,
            Special::Beside(name) => row.parent == Some(ROOT) && row.name == *name,
        });
        found.map_or_else(ObjectId::default, |(id, _)| identity::folder_id(*id))
    }))
}

fn missing(account: &Account) -> Result<bool, Refusal> {
    let all = account.read()?.all_folders()?;
    Ok(SPECIAL.iter().any(|special| match special {
        Special::Known(_) => false,
        Special::Role(role, _) => all.iter().all(|(_, row)| row.role != *role),
        Special::Beside(name) => all
            .iter()
            .all(|(_, row)| row.parent != Some(ROOT) || row.name != *name),
    }))
}

fn make_missing(txn: &mut Txn<'_, '_>) -> Result<(), EngineError> {
    for special in &SPECIAL {
        match special {
            Special::Known(_) => {}
            Special::Beside(name) => {
                txn.folder_beside(name, Kind::Other)?;
            }
            Special::Role(role, name) => {
                if txn.folder_with_role(*role)?.is_none() {
                    txn.create_folder(&NewFolder {
                        name: (*name).to_owned(),
                        role: *role,
                        hidden: *role == Role::Outbox,
                        ..NewFolder::default()
                    })?;
                }
            }
        }
    }
    Ok(())
}

fn logon_time(now: Timestamp) -> LogonTime {
    let civil = Civil::from_seconds(now.seconds());
    let days = now.seconds().div_euclid(24 * 60 * 60);
    // 1970-01-01 was a Thursday, and Sunday is 0.
    let day_of_week = u8::try_from((days + 4).rem_euclid(7)).unwrap_or_default();
    LogonTime {
        seconds: civil.second,
        minutes: civil.minute,
        hour: civil.hour,
        day_of_week,
        day: civil.day,
        month: civil.month,
        year: u16::try_from(civil.year).unwrap_or_default(),
    }
}

/// `RopLongTermIdFromId`.
pub(super) fn long_term_id(
    session: &mut Session,
    at: Place,
    request: &ShortId,
) -> Result<Done, Refusal> {
    let logon = session.objects.logon(at.logon_id)?;
    identity::number_of(request.id).ok_or(Refusal::NotFound)?;
    let id = logon.identity.long(request.id);
    Ok(Done::said(Response::LongTermIdFromId(LongId { id })))
}

/// `RopIdFromLongTermId`.
pub(super) fn short_term_id(
    session: &mut Session,
    at: Place,
    request: &LongId,
) -> Result<Done, Refusal> {
    let logon = session.objects.logon(at.logon_id)?;
    if request.id.counter.number() == 0 {
        return Err(Refusal::InvalidParameter);
    }
    let id = logon.identity.short(request.id).ok_or(Refusal::NotFound)?;
    Ok(Done::said(Response::IdFromLongTermId(ShortId { id })))
}

/// `RopPublicFolderIsGhosted`: what a mailbox holds is never elsewhere.
pub(super) fn is_ghosted(
    session: &mut Session,
    at: Place,
    request: &ShortId,
) -> Result<Done, Refusal> {
    let number = identity::number_of(request.id).ok_or(Refusal::NotFound)?;
    let view = session.objects.logon(at.logon_id)?.account.read()?;
    view.folder(FolderId(number))?;
    let here = logon::Ghost { servers: None };
    Ok(Done::said(Response::PublicFolderIsGhosted(here)))
}
