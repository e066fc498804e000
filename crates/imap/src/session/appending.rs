//! The streaming of APPEND and REPLACE: each message goes from the wire into an upload, none is ever held
//! whole.

use super::{Doing, Session};
use crate::codec::Fault;
use crate::codec::command::{AppendMessage, Numbering};
use crate::codec::cursor::Cursor;
use crate::codec::frame::{Framer, Literal};
use crate::codec::mailbox::MailboxName;
use crate::codec::parse;
use crate::codec::sequence::SequenceSet;
use crate::command::State;
use crate::command::append::{self, Append, COMMANDS_MAX, MESSAGES_MAX, Stored};
use crate::refusal::Refusal;
use engine::{EngineError, Location, StoreError, Upload};

/// An APPEND whose messages are still coming.
pub(super) struct Appending {
    tag: String,
    mailbox: MailboxName,
    messages: Vec<(AppendMessage, Upload)>,
    /// Bytes of all messages together, as announced.
    announced: u64,
    replaces: Option<Location>,
    /// Bytes of the last message that are missing.
    missing: u64,
    /// The open message is a literal8, which may hold NUL.
    binary: bool,
    /// The client waits for `+`, which waits for APPENDs before it.
    waits: bool,
}

impl Appending {
    pub(super) fn wants_bytes(&self) -> bool {
        self.missing > 0
    }
}

type Refused = (String, Refusal);

impl Session {
    /// Looks whether an announced literal is a message. False if it is not.
    ///
    /// Errors: the whole command is refused, under this tag.
    pub(super) fn begin_message(
        &mut self,
        head: &[u8],
        literal: Literal,
        framer: &mut Framer,
    ) -> Result<bool, Refused> {
        let begun = match self.appending.take() {
            Some(appending) => Some(next_message(appending, head)?),
            None => first_message(head, &self.state)?,
        };
        let Some((mut appending, message)) = begun else {
            return Ok(false);
        };
        let tag = appending.tag.clone();
        if literal.size > self.engine.settings().limits.message_bytes_max {
            return Err((tag, Refusal::TooBig));
        }
        if literal.size == 0 {
            return Err((tag, Refusal::Never("NO Message is empty")));
        }
        let Some(mailbox) = &self.mailbox else {
            return Ok(false);
        };
        let upload = mailbox
            .account
            .upload()
            .map_err(|error| (tag, error.into()))?;
        appending.messages.push((message, upload));
        appending.announced = appending.announced.saturating_add(literal.size);
        appending.missing = literal.size;
        appending.waits = literal.waits;
        appending.binary = literal.binary;
        framer.stream();
        self.appending = Some(appending);
        if literal.waits && !self.batch.is_empty() {
            self.ask_disk(Doing::Storing);
        } else {
            self.ask_to_admit();
        }
        Ok(true)
    }

    /// Looks after a message whose client waits, once everything before it is answered.
    fn ask_to_admit(&mut self) {
        if self.appending.as_ref().is_some_and(|each| each.waits) {
            self.ask_disk(Doing::Admitting);
        }
    }

    /// Asks for the message whose client waits, or refuses it unsent.
    pub(super) fn admit(&mut self) {
        let Some(mut appending) = self.appending.take() else {
            return;
        };
        let mailbox = &appending.mailbox;
        // What REPLACE removes makes room.
        let bytes = appending.replaces.map_or(appending.announced, |_| 0);
        match self.at_desk(|desk| append::admit(mailbox, bytes, desk)) {
            Some(Ok(())) => {
                appending.waits = false;
                self.appending = Some(appending);
                self.out.extend_from_slice(b"+ Go ahead\r\n");
            }
            Some(Err(refusal)) => self.finish(&appending.tag, Err(refusal)),
            None => self.close(),
        }
    }

    /// Refuses the message whose client waits, since nobody has time for it.
    pub(super) fn busy_to_admit(&mut self) {
        if let Some(appending) = self.appending.take() {
            self.finish(&appending.tag, Err(Refusal::Busy));
        }
    }

    /// Takes bytes of a message; how many.
    pub(super) fn take_message(&mut self, bytes: &[u8], framer: &mut Framer) -> usize {
        let Some(appending) = &mut self.appending else {
            return 0;
        };
        let most = usize::try_from(appending.missing).unwrap_or(usize::MAX);
        let part = bytes.get(..most).unwrap_or(bytes);
        let Some((_, upload)) = appending.messages.last_mut() else {
            return 0;
        };
        let written = if part.contains(&0) && !appending.binary {
            Err(Fault::Syntax("NUL may stand only in a literal8").into())
        } else {
            upload.write(part).map_err(Refusal::from)
        };
        appending.missing -= u64::try_from(part.len()).unwrap_or(0);
        if let Err(refusal) = written {
            framer.skip(appending.missing);
            let tag = std::mem::take(&mut appending.tag);
            self.refuse_append(&tag, refusal);
        }
        part.len()
    }

    /// What stands behind a message and is no further one: nothing, or the end of `UTF8 (…)`.
    pub(super) fn end_append(&mut self, line: &[u8]) {
        let Some(appending) = self.appending.take() else {
            return;
        };
        let utf8 = appending
            .messages
            .last()
            .is_some_and(|(message, _)| message.utf8);
        if line != if utf8 { &b")"[..] } else { b"" } {
            let fault = Fault::Syntax("Unexpected text behind the message");
            return self.refuse_append(&appending.tag, fault.into());
        }
        let Appending {
            tag,
            mailbox,
            messages,
            replaces,
            ..
        } = appending;
        self.batch.push(Append {
            tag,
            mailbox,
            messages,
            replaces,
        });
        if self.batch.len() >= COMMANDS_MAX {
            self.ask_disk(Doing::Storing);
        }
    }

    /// The refusal comes behind the answers of APPENDs before it.
    fn refuse_append(&mut self, tag: &str, refusal: Refusal) {
        self.appending = None;
        self.finish(tag, Err(refusal));
    }

    pub(super) fn await_stored(&mut self, stored: Stored) {
        let settlement = stored.settlement.clone();
        self.settle(settlement, Doing::Stored(stored));
    }

    pub(super) fn stored(&mut self, mut stored: Stored, result: Result<(), StoreError>) {
        if let Err(error) = result {
            for (_, answer) in &mut stored.answers {
                if answer.is_ok() {
                    *answer = Err(Refusal::Engine(EngineError::Store(error.clone())));
                }
            }
        } else {
            self.out.extend_from_slice(stored.untagged.as_bytes());
        }
        if stored.changes_selected {
            self.ask_disk(Doing::AnnouncingStored(stored));
        } else {
            self.answer_stored(stored.answers);
        }
    }

    pub(super) fn answer_stored(&mut self, answers: Vec<(String, Result<String, Refusal>)>) {
        self.doing = Doing::Nothing;
        for (tag, answer) in answers {
            match answer {
                Ok(text) => self.tagged(&tag, &text),
                Err(refusal) => self.tagged(&tag, &refusal.text()),
            }
        }
        self.ask_to_admit();
        self.resume();
    }
}

/// The first message of an APPEND or REPLACE; `None` if the literal is something else.
fn first_message(
    head: &[u8],
    state: &State,
) -> Result<Option<(Appending, AppendMessage)>, Refused> {
    let refused = |refusal: Refusal| (parse::tag(head).unwrap_or("*").to_owned(), refusal);
    let found =
        parse::append_head(head, state.name_form()).map_err(|fault| refused(fault.into()))?;
    let Some(head) = found else { return Ok(None) };
    let replaces = match &head.replaces {
        Some((numbering, set)) => Some(replaced(state, *numbering, set).map_err(refused)?),
        None => None,
    };
    let appending = Appending {
        tag: head.tag,
        mailbox: head.mailbox,
        messages: Vec::new(),
        replaces,
        announced: 0,
        missing: 0,
        waits: false,
        binary: false,
    };
    Ok(Some((appending, head.message)))
}

/// The message that REPLACE is to remove. Source: RFC 8508 §3.1.
fn replaced(state: &State, numbering: Numbering, set: &SequenceSet) -> Result<Location, Refusal> {
    let selected = state.selected()?;
    if selected.read_only {
        return Err(Refusal::ReadOnly);
    }
    let uids = state.resolve(set, numbering)?;
    match uids.first() {
        Some(uid) if uids.len() == 1 => Ok(Location::mail(selected.folder, uid)),
        Some(_) => Err(Refusal::WrongState("BAD REPLACE is of one message")),
        None => Err(Refusal::Never("NO There is no such message")),
    }
}

/// A further message of a MULTIAPPEND. Source: RFC 3502 §6.3.11.
fn next_message(appending: Appending, head: &[u8]) -> Result<(Appending, AppendMessage), Refused> {
    let mut cursor = Cursor::new(head);
    let utf8 = appending
        .messages
        .last()
        .is_some_and(|(message, _)| message.utf8);
    let closed = !utf8 || cursor.accept(b')');
    let message = match cursor.space() {
        Ok(()) if closed => parse::append_message(&mut cursor),
        _ => Err(Fault::Syntax("Unexpected text behind the message")),
    };
    match message {
        Ok(_) if appending.messages.len() >= MESSAGES_MAX => Err((
            appending.tag,
            Refusal::Fault(Fault::Limit("Too many messages")),
        )),
        Ok(_) if appending.replaces.is_some() => Err((
            appending.tag,
            Refusal::WrongState("BAD REPLACE is by one message"),
        )),
        Ok(message) => Ok((appending, message)),
        Err(fault) => Err((appending.tag, fault.into())),
    }
}
