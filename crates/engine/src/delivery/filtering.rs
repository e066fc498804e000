//! A letter goes through its recipient's scripts before the commit; what they want done becomes a
//! list of deeds that the commit carries out.
//!
//! The scripts run once, on what is settled. A script that fails, or wants what cannot be, leads to
//! the inbox.
//!
//! Start at [`sort`]. Standards: RFC 5228 §2.10, RFC 5429 (reject), RFC 5230 (vacation).

use super::refusal_letter;
use super::surroundings::AccountSurroundings;
use super::{Envelope, Recipient};
use crate::account::scripts;
use crate::directory::{Mailbox, Resolution};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::examination::Virus;
use crate::filter::{
    self, Action, Budget, Circumstances, Content, Filing, Mark, Reply, Submission, Version,
};
use crate::spam::Assessment;
use crate::upload::Staged;
use bytes::Bytes;
use formats::message::header;
use formats::message::scan::HEADER_BYTES_MAX;
use std::ops::Range;
use store::id::Timestamp;
use store::model::Role;

/// Bytes that are copied at once.
const COPY_BYTES: u64 = 256 * 1024;

/// One thing that the commit does for a recipient.
pub(super) enum Deed {
    /// Puts the letter into a mailbox; `None` is where letters go.
    Store {
        filing: Option<Filing>,
        flags: Vec<String>,
        letter: Staged,
    },
    /// Sends the letter on to someone here: the number among the plan's onward letters.
    Onward(usize),
    /// Sends the letter on.
    Redirect {
        address: String,
        submission: Submission,
        letter: Staged,
    },
    /// Sends a letter that was written here.
    Send(Written),
    /// Remembers something.
    Remember(Mark, u64),
}

/// A letter that was written here.
pub(super) struct Written {
    pub recipients: Vec<String>,
    pub letter: Staged,
    pub copy: Option<Filing>,
    /// Not sent while this is remembered.
    pub once: Option<(Mark, u64)>,
    /// To whom it goes here: numbers among the plan's onward letters.
    pub onward: Vec<usize>,
}

/// What becomes of a letter for one mailbox.
#[derive(Default)]
pub(super) struct Sorted {
    /// `None`: as if there were no script.
    pub deeds: Option<Vec<Deed>>,
    /// What the log should know.
    pub notes: Vec<String>,
    /// The letter is refused in the dialogue, for this reason.
    pub refused: Option<String>,
}

/// The letter and all that is said of it.
pub(super) struct Occasion<'a> {
    pub engine: &'a Engine,
    pub envelope: &'a Envelope,
    pub recipient: &'a Recipient,
    pub mailbox: &'a Mailbox,
    pub letter: &'a Staged,
    pub prefix: &'a str,
    /// What speaks for and against the letter.
    pub spam: Option<&'a Assessment>,
    /// Someone waits for an answer to this letter.
    pub in_dialogue: bool,
    pub now: Timestamp,
}

/// Lets a letter go through the scripts of a mailbox's owner.
pub(super) fn sort(occasion: &Occasion<'_>) -> Sorted {
    match try_sort(occasion) {
        Ok(sorted) => sorted,
        Err(error) => Sorted {
            notes: vec![format!("the scripts could not be run: {error}")],
            ..Sorted::default()
        },
    }
}

fn try_sort(occasion: &Occasion<'_>) -> Result<Sorted, EngineError> {
    let (engine, account) = (occasion.engine, occasion.mailbox.account);
    if !engine.store().may_have_role(account, Role::Scripts)? {
        return Ok(Sorted::default());
    }
    let view = engine.store().view(account)?;
    let known = scripts::list(&view, account)?;
    let rules = known.iter().find(|script| script.name.is_empty());
    let active = known.iter().find(|script| script.is_active);
    let around = AccountSurroundings {
        engine,
        view: &view,
        account,
        now: occasion.now,
    };
    let circumstances = circumstances(occasion)?;
    let content = StagedContent {
        engine,
        letter: occasion.letter,
    };
    let mut sorted = Sorted::default();
    let mut actions: Option<Vec<Action>> = None;
    for stored in rules.into_iter().chain(active) {
        let Some(script) = engine.scripts().read(engine, &stored.row)? else {
            sorted
                .notes
                .push(format!("the script `{}` is faulty", stored.name));
            continue;
        };
        let outcome = filter::run(
            &script,
            &content,
            &circumstances,
            &around,
            Budget::default(),
        );
        sorted.notes.extend(outcome.notes);
        if let Some(why) = outcome.failure {
            sorted
                .notes
                .push(format!("the script `{}` failed: {why}", stored.name));
        }
        // What the rules keep goes through the script in use, which decides where.
        let mut before = actions.take().unwrap_or_default();
        before.retain(|action| !matches!(action, Action::Keep { .. }));
        before.extend(outcome.actions);
        let goes_on = before
            .iter()
            .any(|action| matches!(action, Action::Keep { .. }));
        actions = Some(before);
        if !goes_on {
            break;
        }
    }
    if let Some(actions) = actions {
        prepare(occasion, actions, &mut sorted)?;
    }
    Ok(sorted)
}

fn circumstances(occasion: &Occasion<'_>) -> Result<Circumstances, EngineError> {
    let entry = occasion
        .engine
        .directory()
        .account(occasion.mailbox.account)?;
    let record = entry.as_ref().map(|entry| &entry.record);
    let mut own_addresses = record
        .map(|r| r.other_addresses.clone())
        .unwrap_or_default();
    own_addresses.extend(record.map(|record| record.address.clone()));
    let settings = occasion.engine.settings();
    let examined = &occasion.envelope.arrival.examined;
    Ok(Circumstances {
        sender: occasion.envelope.sender.clone(),
        recipient: occasion.recipient.address.clone(),
        address: occasion.mailbox.address.clone(),
        own_addresses,
        owner: record
            .map(|record| record.display_name.clone())
            .unwrap_or_default(),
        notify: Some(occasion.recipient.notify),
        original: occasion.recipient.original.clone(),
        returning: occasion.envelope.returning,
        envelope_id: occasion.envelope.envelope_id.clone(),
        deliver_by: occasion.envelope.wishes.deliver_by,
        arrival: occasion.envelope.arrival.clone(),
        hostname: settings.hostname.clone(),
        tag_separator: settings.tag_separator,
        spam_percent: occasion.spam.map(Assessment::percent),
        virus_level: examined.virus.map(Virus::level),
        now: occasion.now,
        prefix: Bytes::from(occasion.prefix.to_owned()),
        happening: None,
    })
}

/// Makes deeds of actions: stages letters that were edited or written.
pub(super) fn prepare(
    occasion: &Occasion<'_>,
    actions: Vec<Action>,
    sorted: &mut Sorted,
) -> Result<(), EngineError> {
    let mut staged: Vec<(Version, Staged)> = vec![(Version::Original, occasion.letter.clone())];
    let mut letter = |version: Version| -> Result<Staged, EngineError> {
        if let Some((_, known)) = staged.iter().find(|(known, _)| *known == version) {
            return Ok(known.clone());
        }
        let new = stage(occasion, &version)?;
        staged.push((version, new.clone()));
        Ok(new)
    };
    let mut deeds = Vec::with_capacity(actions.len());
    for action in actions {
        deeds.push(match action {
            Action::Keep { flags, version } => Deed::Store {
                filing: None,
                flags: flags.unwrap_or_default(),
                letter: letter(version)?,
            },
            Action::FileInto { filing, version } => Deed::Store {
                flags: filing.flags.clone().unwrap_or_default(),
                filing: Some(filing),
                letter: letter(version)?,
            },
            Action::Redirect {
                address,
                submission,
                version,
            } => Deed::Redirect {
                address,
                submission,
                letter: letter(version)?,
            },
            Action::Remember { mark, seconds } => Deed::Remember(mark, seconds),
            Action::Send(reply) => send(occasion, *reply)?,
            Action::Reject { reason, .. } => match reject(occasion, &reason)? {
                Rejection::InDialogue => {
                    sorted.refused = Some(reason);
                    continue;
                }
                Rejection::Nobody => continue,
                Rejection::Later(deed) => deed,
            },
        });
    }
    sorted.deeds = Some(deeds);
    Ok(())
}

fn send(occasion: &Occasion<'_>, reply: Reply) -> Result<Deed, EngineError> {
    Ok(Deed::Send(Written {
        recipients: reply.recipients,
        letter: upload(occasion, &reply.letter)?,
        copy: reply.copy,
        once: reply.once,
        onward: Vec::new(),
    }))
}

/// Whether the answer to this letter concerns one recipient.
fn is_for_one(occasion: &Occasion<'_>) -> bool {
    occasion.envelope.failing == super::Failing::Single || occasion.envelope.recipients.len() == 1
}

/// How a letter is sent back.
enum Rejection {
    InDialogue,
    Later(Deed),
    /// There is nobody to tell.
    Nobody,
}

/// In the dialogue where one answer concerns this mailbox alone; else by a letter. Source: RFC 5429
/// §2.1.1, §2.2.1.
fn reject(occasion: &Occasion<'_>, reason: &str) -> Result<Rejection, EngineError> {
    let is_only = match &*occasion.recipient.resolution {
        Resolution::Local {
            mailboxes,
            forwards,
        } => mailboxes.len() == 1 && forwards.is_empty(),
        _ => false,
    };
    let has_answer = occasion.in_dialogue && is_for_one(occasion);
    // Whoever submits here is told by a letter, too: programs show a refusal as a fault of theirs.
    // A reply of the dialogue holds ASCII only (RFC 5429 §2.2.1).
    if is_only && has_answer && reason.is_ascii() && occasion.envelope.submitter.is_none() {
        return Ok(Rejection::InDialogue);
    }
    if occasion.envelope.sender.is_empty() {
        return Ok(Rejection::Nobody);
    }
    let start = read(occasion, 0..HEADER_BYTES_MAX as u64)?;
    let header = start.slice(..header::length(&start));
    let text = refusal_letter::compose(occasion, reason, &header);
    Ok(Rejection::Later(Deed::Send(Written {
        recipients: vec![occasion.envelope.sender.clone()],
        letter: upload(occasion, &text)?,
        copy: None,
        once: None,
        onward: Vec::new(),
    })))
}

fn read(occasion: &Occasion<'_>, range: Range<u64>) -> Result<Bytes, EngineError> {
    let content = StagedContent {
        engine: occasion.engine,
        letter: occasion.letter,
    };
    content.read(range)
}

fn upload(occasion: &Occasion<'_>, bytes: &[u8]) -> Result<Staged, EngineError> {
    let mut upload = occasion.engine.upload()?;
    upload.write(bytes)?;
    upload.finish()
}

/// Stages an edited letter.
fn stage(occasion: &Occasion<'_>, version: &Version) -> Result<Staged, EngineError> {
    let header = match version {
        Version::Original => return Ok(occasion.letter.clone()),
        Version::Whole(whole) => return upload(occasion, whole),
        Version::Header(header) => header,
    };
    let start = read(occasion, 0..HEADER_BYTES_MAX as u64)?;
    let mut at = header::length(&start) as u64;
    let mut upload = occasion.engine.upload()?;
    upload.write(header)?;
    while at < occasion.letter.size() {
        let piece = read(occasion, at..at + COPY_BYTES)?;
        if piece.is_empty() {
            break;
        }
        upload.write(&piece)?;
        at += piece.len() as u64;
    }
    upload.finish()
}

/// A letter that is not yet part of any account.
struct StagedContent<'a> {
    engine: &'a Engine,
    letter: &'a Staged,
}

impl Content for StagedContent<'_> {
    fn size(&self) -> u64 {
        self.letter.size()
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes, EngineError> {
        let end = range.end.min(self.size());
        if range.start >= end {
            return Ok(Bytes::new());
        }
        let body = self.letter.body().number;
        Ok(self.engine.store().read_body(body, range.start..end)?)
    }
}
