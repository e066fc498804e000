//! `GETQUOTA`, `GETQUOTAROOT` and `SETQUOTA`: how full an account is and may become.
//!
//! Each account is a quota root, named by its first address. Without limits it is none, so that a
//! program does not show a measure of nothing.
//!
//! Standards: RFC 9208 §4 (commands and answers), §5 (resources), §6 (who may know).

use super::{Desk, Reply, Step};
use crate::codec::mailbox::MailboxName;
use crate::codec::quota::{QuotaRequest, Resource};
use crate::codec::write;
use crate::folders;
use crate::refusal::Refusal;
use crate::shared::{Place, place};
use bytes::BufMut;
use engine::account::Use;
use engine::{Account, Allowance, EngineError, Quota, Reading, Rights};

/// Bytes in one unit of STORAGE and ANNOTATION-STORAGE.
const UNIT: u64 = 1024;

/// Errors: a root that is none, or another's; changing limits without being an administrator.
pub(super) fn run(request: &QuotaRequest, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    match request {
        QuotaRequest::Root(root) => {
            let quota = account_of(root, desk)?.quota()?;
            write_quota(desk, root, quota);
            Ok(Step::Done(Reply::told("OK GETQUOTA completed")))
        }
        QuotaRequest::Mailbox(name) => roots_of(name, desk),
        QuotaRequest::Set(root, limits) => set(root, limits, desk),
    }
}

fn roots_of(name: &MailboxName, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    let Place {
        account,
        name: inside,
    } = place(desk.home, name)?;
    if !account.may_see_quota() {
        // Who may read it may know how full it is (RFC 9208 §6).
        let view = account.read()?;
        let (folder, _) = folders::find(&view, &inside)?;
        view.folder_with_rights(folder, Rights::READ)?;
    }
    let quota = account.quota()?;
    desk.out.put_slice(b"* QUOTAROOT ");
    name.write(desk.out, desk.state.name_form());
    if told(quota).is_empty() {
        desk.out.put_slice(b"\r\n");
        return Ok(Step::Done(Reply::told("OK GETQUOTAROOT completed")));
    }
    let root = root_of(&account)?;
    desk.out.put_u8(b' ');
    write::astring(desk.out, root.as_bytes());
    desk.out.put_slice(b"\r\n");
    write_quota(desk, &root, quota);
    Ok(Step::Done(Reply::told("OK GETQUOTAROOT completed")))
}

fn set(root: &str, limits: &[(Resource, u64)], desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    let mut allowance = Allowance::default();
    for (resource, limit) in limits {
        let in_bytes = limit.saturating_mul(UNIT);
        match resource {
            Resource::Storage => allowance.bytes = Some(in_bytes),
            Resource::Message => allowance.letters = Some(*limit),
            Resource::Mailbox => allowance.folders = Some(*limit),
            Resource::AnnotationStorage => allowance.annotation_bytes = Some(in_bytes),
            Resource::Other => {
                return Err(Refusal::Never("NO [CANNOT] Resource has no limit here"));
            }
        }
    }
    let account = account_of(root, desk)?;
    let mut quota = account.quota()?;
    let ((), settlement) = account.set_quota(allowance)?.split();
    quota.bytes.limit = allowance.bytes;
    quota.letters.limit = allowance.letters;
    quota.folders.limit = allowance.folders;
    quota.annotation_bytes.limit = allowance.annotation_bytes;
    write_quota(desk, root, quota);
    let reply = Reply::told("OK SETQUOTA completed");
    Ok(Step::SettleDone(settlement, reply))
}

/// The account that is this root, if it may be known.
fn account_of(root: &str, desk: &Desk<'_>) -> Result<Account, Refusal> {
    const UNKNOWN: Refusal = Refusal::Never("NO [NONEXISTENT] No such quota root");
    let owner = match desk.home.engine().account_at(root) {
        Err(EngineError::NoSuchAccount) => return Err(UNKNOWN),
        found => found?,
    };
    let account = desk.home.another(owner)?;
    // Whether others have an account is not told either.
    if account.may_see_quota() {
        Ok(account)
    } else {
        Err(UNKNOWN)
    }
}

fn root_of(account: &Account) -> Result<String, Refusal> {
    let entry = account.engine().directory().account(account.id())?;
    let entry = entry.ok_or(EngineError::NoSuchAccount)?;
    Ok(entry.record.address.clone())
}

/// Writes `* QUOTA root (STORAGE 10 512 MESSAGE 20 100)`; only what has a limit.
fn write_quota(desk: &mut Desk<'_>, root: &str, quota: Quota) {
    desk.out.put_slice(b"* QUOTA ");
    write::astring(desk.out, root.as_bytes());
    desk.out
        .put_slice(format!(" ({})\r\n", told(quota).join(" ")).as_bytes());
}

fn told(quota: Quota) -> Vec<String> {
    let all = [
        ("STORAGE", UNIT, quota.bytes),
        ("MESSAGE", 1, quota.letters),
        ("MAILBOX", 1, quota.folders),
        ("ANNOTATION-STORAGE", UNIT, quota.annotation_bytes),
    ];
    let limited = all
        .into_iter()
        .filter_map(|(name, unit, Use { used, limit })| {
            let (used, limit) = (used.div_ceil(unit), limit?.div_ceil(unit));
            Some(format!("{name} {used} {limit}"))
        });
    limited.collect()
}
