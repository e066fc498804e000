//! Telling who asked that their letter was read, or deleted unread.
//!
//! The reader's program decides whether anyone is told; here, that it is once, and only by the
//! owner of the mailbox. The receipt is handed over in the commit that marks the letter, so that
//! neither is there without the other.
//!
//! Start at [`tell`].
//!
//! Source: [MS-OXOMSG] 3.2.4.6 (receipts), RFC 8098 §2.1 (never twice), RFC 3503 §3.2 (the mark of
//! those that were sent).

use crate::codec::data::FileTime;
use crate::content::Values;
use crate::convert::receipt::{self, Fate};
use crate::convert::{Blind, Frame};
use crate::object::Logon;
use crate::property::Properties;
use crate::property::item::ItemProperties;
use crate::refusal::Refusal;
use engine::delivery::{Arrival, Failing};
use engine::queue::{Notify, Return, Wishes};
use engine::traffic::Permission;
use engine::{
    EngineError, Envelope, FlagChange, FlagSet, Flags, ItemKey, Location, Reading, Recipient,
    Resolution, Staged, User,
};
use formats::message::compose::Address;

/// What a receipt is made of.
const TOLD: [u16; 9] = [
    0x0029, 0x0037, 0x0042, 0x0046, 0x0065, 0x0e1d, 0x1035, 0x5d02, 0x0064,
];

/// Tells who asked what became of a letter, if anyone is to be told, and marks it in the same
/// commit. Whoever can't be told need not be.
pub(super) fn tell(
    logon: &Logon,
    at: Location,
    fate: Fate,
    change: Option<&FlagChange>,
) -> Result<(), Refusal> {
    let Some((item, envelope, letter)) = owed(logon, at, fate)? else {
        return Ok(());
    };
    let engine = logon.account.engine();
    let done = engine.deliver_and_file(&envelope, &letter, &logon.account, |txn| {
        let at = txn.location(item)?.ok_or(EngineError::NoSuchItem)?;
        let sent = FlagChange::add(FlagSet::from(Flags::MDN_SENT));
        txn.set_flags(at, &sent)?;
        match change {
            Some(change) => txn.set_flags(at, change).map(drop),
            None => Ok(()),
        }
    });
    if let Ok(done) = done {
        done.wait()?;
    }
    Ok(())
}

/// The receipt that is owed for a letter, if one is.
fn owed(
    logon: &Logon,
    at: Location,
    fate: Fate,
) -> Result<Option<(ItemKey, Envelope, Staged)>, Refusal> {
    if !logon.account.is_own() {
        return Ok(None);
    }
    let view = logon.account.read()?;
    let Some(row) = view.item(at)? else {
        return Ok(None);
    };
    let past = Flags::SEEN | Flags::DRAFT | Flags::MDN_SENT;
    if row.flags & past != Flags::NONE || row.body.is_none() {
        return Ok(None);
    }
    let item = row.item;
    let Some(properties) = ItemProperties::load(logon, &view, at, row)? else {
        return Ok(None);
    };
    let mut values = Values::new();
    for id in TOLD {
        let value = properties.value(id)?;
        values.extend(value.map(|value| (id, value)));
    }
    drop(view);
    let Some(receipt) = written(logon, &values, fate)? else {
        return Ok(None);
    };
    let Some(envelope) = envelope(logon, &receipt.to)? else {
        return Ok(None);
    };
    let mut upload = logon.account.upload()?;
    upload.write(&receipt.letter)?;
    Ok(Some((item, envelope, upload.finish()?)))
}

fn written(
    logon: &Logon,
    values: &Values,
    fate: Fate,
) -> Result<Option<receipt::Receipt>, Refusal> {
    let engine = logon.account.engine();
    let owner = engine.directory().account(logon.account.id())?;
    let owner = owner.ok_or(Refusal::UnknownUser)?;
    let reader = Address {
        name: owner.record.display_name.clone(),
        address: owner.record.address.clone(),
    };
    let letter = engine.new_letter_name();
    let random = u64::from_be_bytes(engine.random());
    let frame = Frame {
        message_id: &format!("<{letter}@{}>", engine.settings().hostname),
        boundary: &format!("={letter}{random:016x}"),
        now: FileTime::from_unix(engine.now().0),
        blind: Blind::LeftOut,
    };
    Ok(receipt::receipt(values, &reader, fate, &frame))
}

/// From nobody, so that it is never answered (RFC 8098 §3); none for who can't be written to, or
/// if the account has sent enough.
fn envelope(logon: &Logon, to: &str) -> Result<Option<Envelope>, Refusal> {
    let engine = logon.account.engine();
    let resolution = engine.resolve(to)?;
    if matches!(*resolution, Resolution::Unknown) {
        return Ok(None);
    }
    let owner = logon.account.id();
    let allowance = &engine.settings().traffic;
    let permission = engine.traffic().send(owner, 1, allowance, engine.now());
    if !matches!(permission, Permission::Yes) {
        return Ok(None);
    }
    let entry = engine.directory().account(owner)?;
    Ok(entry.map(|entry| Envelope {
        sender: String::new(),
        recipients: vec![Recipient {
            address: to.to_owned(),
            resolution,
            notify: Notify::USUAL,
            original: None,
        }],
        envelope_id: None,
        returning: Return::default(),
        needs_utf8: false,
        wishes: Wishes::default(),
        submitter: Some(User {
            account: owner,
            address: entry.record.address.clone(),
            administrator: false,
        }),
        arrival: Arrival {
            way: "MAPI",
            ..Arrival::default()
        },
        failing: Failing::Whole,
    }))
}
