//! `GETMETADATA` and `SETMETADATA`: annotations of mailboxes and of the server.
//!
//! What is kept for the server as a whole is each user's own; the shared entries are the server's
//! words and nobody sets them, but for the one that names a script for the whole mailbox.
//!
//! Standards: RFC 5464 §4; RFC 6785 §2.3.1 (scripts); RFC 6154 §4 (the special use as an entry);
//! RFC 9590 (with LIST).

use super::search::filters;
use super::{Desk, Reply, Step};
use crate::codec::metadata::{Depth, Entry, GetMetadata, MetadataRequest, Scope};
use crate::codec::{mailbox::MailboxName, write};
use crate::folders::{Mailbox, Mailboxes, role_of, special_use};
use crate::refusal::Refusal;
use bytes::{BufMut, Bytes, BytesMut};
use engine::account::annotations::{ANNOTATION_BYTES_MAX, AnnotationChange, Audience, annotations};
use engine::{EngineError, FolderChange, FolderId, FolderRow, MAIL_ROOT, Reading, Role, Txn, View};

/// Tells what a mailbox is for.
const SPECIAL_USE: &str = "/specialuse";

/// Tells how to reach those who run the server.
const ADMIN: &str = "/admin";

/// Names the script for what happens to letters in folders that name none.
const SCRIPT: &str = "/imapsieve/script";

const TOO_LONG: Refusal = Refusal::Never("NO [METADATA MAXSIZE 4096] Value is too long");
const _: () = assert!(
    ANNOTATION_BYTES_MAX == 4096,
    "the number that TOO_LONG tells"
);

/// An entry with what it says.
pub(super) type Known = (Entry, Bytes);

/// Errors: no such mailbox; no right to it; values that are too long or too many.
pub(super) fn run(request: &MetadataRequest, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    match request {
        MetadataRequest::Get(request) => get(request, desk),
        MetadataRequest::Set(mailbox, values) => set(mailbox.as_ref(), values, desk),
    }
}

fn get(request: &GetMetadata, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    let known = match &request.mailbox {
        None => of_server(&desk.home.read()?)?,
        Some(name) => {
            let found = desk.find(name)?;
            of_mailbox(&found.account.read()?, found.folder, &found.row)?
        }
    };
    let mut told = wanted(&request.entries, request.depth, &known);
    let mut longest_left_out = None;
    if let Some(max) = request.size_bytes_max {
        told.retain(|(_, value)| {
            let size = value.as_ref().map_or(0, |value| value.len() as u64);
            if size > max {
                longest_left_out = longest_left_out.max(Some(size));
            }
            size <= max
        });
    }
    let name = request.mailbox.as_ref();
    write_metadata(desk, name, &told);
    let code = longest_left_out.map(|size| format!("[METADATA LONGENTRIES {size}] "));
    let text = format!("OK {}GETMETADATA completed", code.unwrap_or_default());
    Ok(Step::Done(Reply::told(text)))
}

/// Writes what LIST was asked for of one mailbox; nothing if that may not be known.
pub(super) fn write_listed(
    desk: &mut Desk<'_>,
    mailbox: &Mailbox,
    entries: &[Entry],
) -> Result<(), Refusal> {
    let account = desk.home.another(mailbox.owner)?;
    let known = match of_mailbox(&account.read()?, mailbox.id, &mailbox.row) {
        Err(Refusal::Engine(EngineError::Denied | EngineError::NoSuchFolder)) => return Ok(()),
        known => known?,
    };
    let told = wanted(entries, Depth::Zero, &known);
    write_metadata(desk, Some(&mailbox.name), &told);
    Ok(())
}

fn of_mailbox(view: &View<'_>, folder: FolderId, row: &FolderRow) -> Result<Vec<Known>, Refusal> {
    let mut known = of_folder(view, folder)?;
    let own_use = special_use(row.role).filter(|_| view.account().is_own());
    if let Some(special_use) = own_use {
        let value = Bytes::from_static(special_use.as_bytes());
        known.push((entry(Scope::Private, SPECIAL_USE), value));
    }
    Ok(known)
}

/// The annotations of the server as a whole.
pub(super) fn of_server(view: &View<'_>) -> Result<Vec<Known>, Refusal> {
    let mut known = of_folder(view, MAIL_ROOT)?;
    let account = view.account();
    if let Some(address) = account.engine().administration_address(account.id())? {
        known.push((entry(Scope::Shared, ADMIN), address.into()));
    }
    Ok(known)
}

fn of_folder(view: &View<'_>, folder: FolderId) -> Result<Vec<Known>, Refusal> {
    let all = annotations(view, folder)?.into_iter().map(|annotation| {
        let scope = match annotation.audience {
            Audience::Everyone => Scope::Shared,
            Audience::Oneself => Scope::Private,
        };
        let name = annotation.name;
        (Entry { scope, name }, annotation.value)
    });
    Ok(all.collect())
}

fn entry(scope: Scope, name: &str) -> Entry {
    let name = name.to_owned();
    Entry { scope, name }
}

/// What is told: those named, as they were named, and those below. One that is not there is told to
/// be nothing, unless others below it are asked for.
fn wanted(entries: &[Entry], depth: Depth, known: &[Known]) -> Vec<(Entry, Option<Bytes>)> {
    let mut told: Vec<(Entry, Option<Bytes>)> = Vec::new();
    let mut tell = |entry: &Entry, value: Option<&Bytes>| {
        if !told.iter().any(|(other, _)| other.is(entry)) {
            told.push((entry.clone(), value.cloned()));
        }
    };
    for entry in entries {
        match known.iter().find(|(other, _)| other.is(entry)) {
            Some((_, value)) => tell(entry, Some(value)),
            None if depth == Depth::Zero => tell(entry, None),
            None => {}
        }
        let levels_max = match depth {
            Depth::Zero => 0,
            Depth::One => 1,
            Depth::Infinity => usize::MAX,
        };
        for (other, value) in known {
            if entry
                .depth_of(other)
                .is_some_and(|levels| levels <= levels_max)
            {
                tell(other, Some(value));
            }
        }
    }
    told
}

/// Writes `* METADATA INBOX (/shared/comment "text")`; nothing where nothing is told.
fn write_metadata(
    desk: &mut Desk<'_>,
    mailbox: Option<&MailboxName>,
    told: &[(Entry, Option<Bytes>)],
) {
    if told.is_empty() {
        return;
    }
    let form = desk.state.name_form();
    let out = &mut *desk.out;
    out.put_slice(b"* METADATA ");
    match mailbox {
        Some(name) => name.write(out, form),
        None => out.put_slice(b"\"\""),
    }
    for (index, (entry, value)) in told.iter().enumerate() {
        out.put_slice(if index == 0 { b" (" } else { b" " });
        let name = format!("{}{}", entry.scope.prefix(), entry.name);
        write::astring(out, name.as_bytes());
        out.put_u8(b' ');
        write_value(out, value.as_deref());
    }
    out.put_slice(b")\r\n");
}

/// Writes `* METADATA INBOX /shared/comment`: these have changed. Source: RFC 5464 §4.4.2.
pub(super) fn write_changed(desk: &mut Desk<'_>, mailbox: Option<&MailboxName>, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let form = desk.state.name_form();
    let out = &mut *desk.out;
    out.put_slice(b"* METADATA ");
    match mailbox {
        Some(name) => name.write(out, form),
        None => out.put_slice(b"\"\""),
    }
    for name in names {
        out.put_u8(b' ');
        write::astring(out, name.as_bytes());
    }
    out.put_slice(b"\r\n");
}

/// A NUL stands in a literal8 only.
pub(super) fn write_value(out: &mut BytesMut, value: Option<&[u8]>) {
    match value {
        Some(value) if value.contains(&0) => {
            out.put_u8(b'~');
            write::literal_head(out, value.len() as u64);
            out.put_slice(value);
        }
        value => write::nstring(out, value),
    }
}

fn set(
    mailbox: Option<&MailboxName>,
    values: &[(Entry, Option<Vec<u8>>)],
    desk: &mut Desk<'_>,
) -> Result<Step, Refusal> {
    let (account, folder) = match mailbox {
        Some(name) => {
            let found = desk.find(name)?;
            (found.account, found.folder)
        }
        None => (desk.home.clone(), MAIL_ROOT),
    };
    let is_servers =
        |entry: &Entry| entry.scope == Scope::Shared && !entry.name.eq_ignore_ascii_case(SCRIPT);
    if mailbox.is_none() && values.iter().any(|(entry, _)| is_servers(entry)) {
        return Err(EngineError::Denied.into());
    }
    let (mut changes, mut role) = (Vec::new(), None);
    for (entry, value) in values {
        if mailbox.is_none() {
            filters::check(entry, value.as_deref())?;
        }
        let is_use = mailbox.is_some() && entry.scope == Scope::Private;
        if is_use && entry.name.eq_ignore_ascii_case(SPECIAL_USE) {
            role = Some(role_from(value.as_deref())?);
        } else {
            changes.push(change(entry, value.as_deref()));
        }
    }
    if role.is_some() && !account.is_own() {
        return Err(EngineError::Denied.into());
    }
    let written = account.write(|txn| {
        txn.annotate(folder, &changes).map_err(worded)?;
        role.map_or(Ok(None), |role| give_use(txn, folder, role))
    });
    let (without_use, settlement) = written?.split();
    if let Some(name) = without_use {
        let told = [(entry(Scope::Private, SPECIAL_USE), None)];
        write_metadata(desk, Some(&name), &told);
    }
    let reply = Reply::told("OK SETMETADATA completed");
    Ok(Step::SettleDone(settlement, reply))
}

fn change(entry: &Entry, value: Option<&[u8]>) -> AnnotationChange {
    AnnotationChange {
        audience: match entry.scope {
            Scope::Shared => Audience::Everyone,
            Scope::Private => Audience::Oneself,
        },
        name: entry.name.clone(),
        value: value.map(Bytes::copy_from_slice),
    }
}

/// Which role a special use asks for; it is written as LIST tells it.
fn role_from(value: Option<&[u8]>) -> Result<Role, Refusal> {
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Ok(Role::None);
    };
    let text = std::str::from_utf8(value).ok();
    let name = text.and_then(|text| text.strip_prefix('\\'));
    name.and_then(role_of).ok_or(Refusal::SpecialUse)
}

/// Gives a mailbox its use, and answers which other has lost it by that: only one has it at a time.
/// Source: RFC 6154 §5.4.
fn give_use(
    txn: &mut Txn<'_, '_>,
    folder: FolderId,
    role: Role,
) -> Result<Option<MailboxName>, Refusal> {
    if txn.folder(folder)?.role == Role::Inbox {
        return Err(EngineError::SpecialFolder.into());
    }
    let holder = match role {
        Role::None => None,
        role => txn.folder_with_role(role)?,
    };
    let other = holder.map(|(id, _)| id).filter(|id| *id != folder);
    if let Some(other) = other {
        set_role(txn, other, Role::None)?;
    }
    set_role(txn, folder, role)?;
    let all = Mailboxes::read(txn)?.0.into_iter();
    let mut named = all.filter(|mailbox| Some(mailbox.id) == other);
    Ok(named.next().map(|mailbox| mailbox.name))
}

fn set_role(txn: &mut Txn<'_, '_>, folder: FolderId, role: Role) -> Result<(), EngineError> {
    let change = FolderChange {
        role: Some(role),
        ..FolderChange::default()
    };
    txn.update_folder(folder, &change)
}

/// The refusals that have codes of their own. Source: RFC 5464 §4.3.
fn worded(error: EngineError) -> Refusal {
    match error {
        EngineError::TooLong => TOO_LONG,
        EngineError::TooMany("annotations") => {
            Refusal::Never("NO [METADATA TOOMANY] Mailbox has too many entries")
        }
        error => error.into(),
    }
}
