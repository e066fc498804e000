//! `RESETKEY`, `GENURLAUTH` and `URLFETCH`: URLs by which others may read single messages.
//!
//! A URL is signed with a key that its owner has for the mailbox. Whoever shows it reads with the
//! owner's rights as they are then, if the URL is for them and not too old. Why a URL is no good is
//! told to nobody.
//!
//! Start at [`open`]. Standards: RFC 4467; RFC 5550 §4.6 (URL-PARTIAL); RFC 5524 (URLAUTH=BINARY).

use super::catenate::{Source, message_of, open_message};
use super::fetch::{Encoded, Measure, section_bytes, whole_summary};
use super::{Desk, Reply, Step, Work};
use crate::codec::command::{UrlBytes, UrlParts, UrlRequest};
use crate::codec::fetch::SectionText;
use crate::codec::mailbox::MailboxName;
use crate::codec::structure::{Detail, write_part_structure, write_structure};
use crate::codec::url::{AuthorizedUrl, MessageUrl, Readers};
use crate::codec::write;
use crate::refusal::Refusal;
use crate::selected::Selected;
use crate::shared::{self, Found};
use bytes::{BufMut, Bytes, BytesMut};
use engine::dialogue::SEND_BYTES_MAX;
use engine::{AccessKey, Account, EngineError, Message, Renewal, Settlement, User};
use formats::message::SummaryRef;
use std::collections::VecDeque;

/// What a signature is compared with where there is no key, so that it takes as long.
const NO_KEY: &str = "a mailbox that nobody has";

/// `RESETKEY`: makes worthless what was authorized, for one mailbox or for all.
pub(super) fn reset(mailbox: Option<&MailboxName>, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    let Some(mailbox) = mailbox else {
        let revoked = desk.home.revoke_access_keys()?;
        return Ok(Step::SettleDone(
            revoked,
            Reply::told("OK All keys removed"),
        ));
    };
    let found = desk.find(mailbox)?;
    if let Some(open) = &mut desk.state.selected
        && open.is(&found.account, found.folder)
    {
        open.key = None; // The reply tells what others are told.
    }
    let home = desk.home;
    let made = home.make_access_key(&found.account, found.folder, Renewal::Replace)?;
    let reply = Reply::told("OK [URLMECH INTERNAL] Key is new");
    Ok(Step::SettleDone(made.split().1, reply))
}

/// `GENURLAUTH`: signs URLs of one's own.
///
/// Errors: `BAD` for a URL of another, of nothing, or for nobody.
pub(super) fn authorize(urls: &[String], desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    let mut last = Settlement::done();
    let mut signed = Vec::new();
    for text in urls {
        let refused = || Refusal::WrongState("BAD URL can't be authorized");
        let url = AuthorizedUrl::read(text).filter(|url| url.token.is_none());
        let url = url.ok_or_else(refused)?;
        let owner = match desk.home.engine().account_at(&url.owner) {
            Err(EngineError::NoSuchAccount) => return Err(refused()),
            owner => owner?,
        };
        if owner != desk.home.id() {
            return Err(refused());
        }
        let found = match find(desk.home, &url.message) {
            Err(Refusal::Engine(EngineError::NoSuchFolder)) | Ok(None) => return Err(refused()),
            Err(refusal) => return Err(refusal),
            Ok(Some(found)) => found,
        };
        let home = desk.home;
        let made = home.make_access_key(&found.account, found.folder, Renewal::Keep)?;
        let (key, settlement) = made.split();
        last = settlement;
        signed.push(format!("{}:INTERNAL:{}", url.rump, key.sign(url.rump)));
    }
    desk.out.put_slice(b"* GENURLAUTH");
    for url in signed {
        desk.out.put_u8(b' ');
        write::string(desk.out, url.as_bytes());
    }
    desk.out.put_slice(b"\r\n");
    Ok(Step::SettleDone(
        last,
        Reply::told("OK GENURLAUTH completed"),
    ))
}

/// Tells that another session of this user has made a new key for the open mailbox. Who had none
/// has authorized nothing that could be worthless now.
///
/// Source: RFC 4467 §7, §8.
pub(crate) fn tell_new_key(selected: &mut Selected, desk: &mut Desk<'_>) -> Result<(), Refusal> {
    let key = desk.home.access_key(&selected.account, selected.folder);
    let now = hidden(key.map_err(Refusal::from))?.map(|key| key.mark());
    let before = std::mem::replace(&mut selected.key, now);
    if before.is_some() && now.is_some() && before != now {
        desk.out
            .put_slice(b"* OK [URLMECH INTERNAL] Key is new\r\n");
    }
    Ok(())
}

/// A URLFETCH on its way.
pub(super) struct UrlFetch {
    left: VecDeque<UrlRequest>,
    open: Option<Open>,
    begun: bool,
}

/// What is being told; its length was.
struct Open {
    source: Source,
    /// It stands in a literal8, where a NUL is a NUL.
    is_binary: bool,
    /// What stands behind it.
    end: &'static [u8],
}

impl UrlFetch {
    pub(super) fn new(urls: Vec<UrlRequest>) -> Self {
        Self {
            left: urls.into(),
            open: None,
            begun: false,
        }
    }

    /// Tells the head of the next one. False at the end.
    fn next(&mut self, desk: &mut Desk<'_>) -> Result<bool, Refusal> {
        let Some(UrlRequest { url, wanted }) = self.left.pop_front() else {
            return Ok(false);
        };
        let found = match find_parts(&url, wanted, desk) {
            Err(Refusal::BadUrl(_)) => None,
            found => Some(found?),
        };
        if !std::mem::replace(&mut self.begun, true) {
            desk.out.put_slice(b"* URLFETCH");
        }
        desk.out.put_u8(b' ');
        write::string(desk.out, url.as_bytes());
        match found {
            Some(found) => self.open = write_parts(desk.out, found, wanted),
            None => desk.out.put_slice(b" NIL"),
        }
        Ok(true)
    }
}

/// What a URL names, as far as it was asked for.
#[derive(Default)]
struct Parts {
    structure: Option<Vec<u8>>,
    content: Option<Content>,
}

/// The bytes of what a URL names.
enum Content {
    Known {
        source: Source,
        has_nul: bool,
    },
    /// Nobody knows how they are encoded.
    Undecodable,
}

/// How a part is told without its transfer encoding.
enum Decoding {
    Known(Encoded, Measure),
    Unknown,
}

/// Errors: [`Refusal::BadUrl`], also where nothing of what was asked is there.
/// Source: RFC 5524 §3.2.
fn find_parts(text: &str, wanted: Option<UrlParts>, desk: &Desk<'_>) -> Result<Parts, Refusal> {
    let bad = || Refusal::BadUrl(text.to_owned());
    let (url, found) = admit(text, desk)?;
    let (message, kept) = hidden(message_of(&url, &found))?.ok_or_else(bad)?;
    let UrlParts { structure, bytes } = wanted.unwrap_or_default();
    // Parts of a header have neither a structure nor a transfer encoding.
    let is_part = url.section.text == SectionText::All;
    let decoding = if is_part && bytes == Some(UrlBytes::Decoded) {
        Some(decoding(&url.section.part, &message, &kept)?.ok_or_else(bad)?)
    } else {
        None
    };
    let mut parts = Parts::default();
    if structure && is_part {
        parts.structure = structure_of(&url.section.part, &message, &kept, decoding.as_ref())?;
    }
    parts.content = match decoding {
        Some(decoding) => Some(decoded(decoding, &url, message)),
        None if structure && bytes.is_none() => None,
        None => {
            let source = section_bytes(&url.section, message, &kept, url.partial.clone())?;
            let has_nul = false;
            source.map(|source| Content::Known { source, has_nul })
        }
    };
    if parts.structure.is_none() && parts.content.is_none() {
        return Err(bad());
    }
    Ok(parts)
}

/// How to decode a part; `None` if there is no such part.
fn decoding(part: &[u32], message: &Message, kept: &Bytes) -> Result<Option<Decoding>, Refusal> {
    let summary = whole_summary(message, kept)?;
    let summary = SummaryRef::new(&summary).map_err(|_| EngineError::NoSuchItem)?;
    match Encoded::find(part, &summary, message) {
        Err(Refusal::UnknownEncoding) => Ok(Some(Decoding::Unknown)),
        Ok(Some(encoded)) => {
            let measure = encoded.measure(message)?;
            Ok(Some(Decoding::Known(encoded, measure)))
        }
        found => found.map(|_| None),
    }
}

/// The structure of a part, as it is told; an empty number is the whole message.
fn structure_of(
    part: &[u32],
    message: &Message,
    kept: &Bytes,
    decoding: Option<&Decoding>,
) -> Result<Option<Vec<u8>>, Refusal> {
    let summary = whole_summary(message, kept)?;
    let summary = SummaryRef::new(&summary).map_err(|_| EngineError::NoSuchItem)?;
    let mut out = Vec::new();
    if part.is_empty() {
        write_structure(&mut out, &summary, Detail::Extended);
        return Ok(Some(out));
    }
    let Some(mut found) = summary.part_at(part) else {
        return Ok(None);
    };
    if let Some(Decoding::Known(encoded, measure)) = decoding
        && !encoded.is_plain()
    {
        found.encoding = Some(b"binary");
        found.body_end = found.body_start.saturating_add(measure.len);
        found.lines = measure.lines;
    }
    write_part_structure(&mut out, &summary, found, Detail::Extended);
    Ok(Some(out))
}

/// A part without its transfer encoding. A partial URL counts in what is decoded, as FETCH BINARY
/// does.
fn decoded(decoding: Decoding, url: &MessageUrl, message: Message) -> Content {
    let Decoding::Known(encoded, measure) = decoding else {
        return Content::Undecodable;
    };
    let wanted = url.partial.clone().unwrap_or(0..u64::MAX);
    let range = wanted.start.min(measure.len)..wanted.end.min(measure.len);
    let len = range.end.saturating_sub(range.start);
    Content::Known {
        source: Source::Decoded(message, Box::new(encoded.decoded(range)), len),
        has_nul: measure.has_nul,
    }
}

/// Writes what was found up to the bytes; these are left to be told.
fn write_parts(out: &mut BytesMut, found: Parts, wanted: Option<UrlParts>) -> Option<Open> {
    if let Some(structure) = &found.structure {
        out.put_slice(b" (BODYPARTSTRUCTURE ");
        out.put_slice(structure);
        out.put_u8(b')');
    }
    let content = found.content?;
    let end: &'static [u8] = match wanted {
        None => b"",
        Some(UrlParts { bytes, .. }) => {
            let is_decoded = bytes == Some(UrlBytes::Decoded);
            out.put_slice(if is_decoded { b" (BINARY" } else { b" (BODY" });
            b")"
        }
    };
    let Content::Known { source, has_nul } = content else {
        out.put_slice(b" NIL");
        out.put_slice(end);
        return None;
    };
    out.put_u8(b' ');
    if has_nul {
        out.put_u8(b'~'); // Only a literal8 may hold NUL (RFC 3516 §4.2).
    }
    write::literal_head(out, source.len());
    Some(Open {
        source,
        is_binary: has_nul,
        end,
    })
}

impl Work for UrlFetch {
    fn step(&mut self, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
        while desk.out.len() < SEND_BYTES_MAX {
            let Some(open) = &mut self.open else {
                if self.next(desk)? {
                    continue;
                }
                desk.out.put_slice(b"\r\n");
                return Ok(Step::Done(Reply::told("OK URLFETCH completed")));
            };
            let left = open.source.len();
            let bytes = open.source.next().map_err(|_| Refusal::Broken)?;
            if open.is_binary {
                desk.out.put_slice(&bytes);
            } else {
                write::literal_bytes(desk.out, &bytes);
            }
            match (bytes.is_empty(), left) {
                (true, 0) => {
                    desk.out.put_slice(open.end);
                    self.open = None;
                }
                // Its length was told already.
                (true, _) => return Err(Refusal::Broken),
                (false, _) => {}
            }
        }
        Ok(Step::More)
    }
}

/// What an authorized URL names, for this user, now.
///
/// Errors: [`Refusal::BadUrl`], whatever is wrong with it.
pub(super) fn open(text: &str, desk: &Desk<'_>) -> Result<Source, Refusal> {
    let (url, found) = admit(text, desk)?;
    let source = hidden(open_message(&url, &found))?;
    source.ok_or_else(|| Refusal::BadUrl(text.to_owned()))
}

/// Which message an authorized URL is about, and where.
///
/// Errors: [`Refusal::BadUrl`], whatever is wrong with it.
fn admit(text: &str, desk: &Desk<'_>) -> Result<(MessageUrl, Found), Refusal> {
    let bad = || Refusal::BadUrl(text.to_owned());
    let url = AuthorizedUrl::read(text).ok_or_else(bad)?;
    let owner = owner(&url.owner, desk.home)?;
    let found = match &owner {
        Some(owner) => hidden(find(owner, &url.message))?,
        None => None,
    };
    let key = match owner.as_ref().zip(found.as_ref()) {
        Some((owner, found)) => hidden(key(owner, found).map(Some))?.flatten(),
        None => None,
    };
    let token = url.token.unwrap_or_default();
    // Whether there is such a mailbox can't be told from the time it takes (RFC 4467 §6).
    let nobody = AccessKey::of_nobody(NO_KEY);
    let is_signed = key.as_ref().unwrap_or(&nobody).has_signed(url.rump, token) && key.is_some();
    let is_over = url.expires.is_some_and(|last| desk.now.seconds() > last);
    if !is_signed || is_over || !is_for(&url.readers, desk.home)? {
        return Err(bad());
    }
    let found = found.ok_or_else(bad)?;
    Ok((url.message, found))
}

fn key(owner: &Account, found: &Found) -> Result<Option<AccessKey>, Refusal> {
    Ok(owner.access_key(&found.account, found.folder)?)
}

/// The mailbox of the one who has authorized, as that one may use it.
fn owner(name: &str, home: &Account) -> Result<Option<Account>, Refusal> {
    let engine = home.engine();
    let account = match engine.account_at(name) {
        Err(EngineError::NoSuchAccount) => return Ok(None),
        found => found?,
    };
    let entry = engine.directory().account(account)?;
    let entry = entry.filter(|entry| entry.record.enabled);
    Ok(entry.map(|entry| {
        let user = User {
            account,
            address: entry.record.address.clone(),
            administrator: false,
        };
        engine.account(&user, home.origin().session)
    }))
}

fn find(home: &Account, url: &MessageUrl) -> Result<Option<Found>, Refusal> {
    let found = shared::find(home, &url.mailbox)?;
    let validity = found.row.uid_validity;
    Ok(Some(found).filter(|_| url.uid_validity.is_none_or(|wanted| wanted == validity)))
}

/// What is not there and what may not be seen look alike.
fn hidden<T>(found: Result<Option<T>, Refusal>) -> Result<Option<T>, Refusal> {
    match found {
        Err(Refusal::Engine(
            EngineError::NoSuchFolder | EngineError::NoSuchItem | EngineError::Denied,
        )) => Ok(None),
        found => found,
    }
}

/// Whether a URL is for this user. Administrators may act in any name, so they may also submit in
/// any.
fn is_for(readers: &Readers, home: &Account) -> Result<bool, Refusal> {
    match readers {
        Readers::Everyone => Ok(true),
        Readers::Submitters => {
            let entry = home.engine().directory().account(home.id())?;
            Ok(entry.is_some_and(|entry| entry.record.administrator))
        }
        Readers::User(name) => match home.engine().account_at(name) {
            Err(EngineError::NoSuchAccount) => Ok(false),
            account => Ok(account? == home.id()),
        },
    }
}
