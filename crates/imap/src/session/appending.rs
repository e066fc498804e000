//! The streaming of APPEND and REPLACE: each message goes from the wire into an upload, none is
//! ever held whole.

use super::{Doing, Session};
use crate::codec::append::{Piece, Place};
use crate::codec::command::{AppendMessage, Numbering};
use crate::codec::cursor::Cursor;
use crate::codec::frame::{Framer, Literal};
use crate::codec::mailbox::MailboxName;
use crate::codec::parse;
use crate::codec::sequence::SequenceSet;
use crate::codec::{self, Fault};
use crate::command::append::{self, Append, COMMANDS_MAX, MESSAGES_MAX, Stored};
use crate::command::catenate::Source;
use crate::command::{Desk, State};
use crate::refusal::Refusal;
use engine::{EngineError, Location, StoreError, Upload};
use std::collections::VecDeque;

/// Bytes of other messages that are taken in one step: some 20 ms.
const COPY_BYTES_PER_STEP: usize = 4 * 1024 * 1024;

/// A message without bytes, with which a client takes its APPEND back (RFC 3502 §6.3.11).
const EMPTY: Refusal = Refusal::Never("NO Message is empty");

/// An APPEND whose messages are still coming.
pub(super) struct Appending {
    tag: String,
    mailbox: MailboxName,
    messages: Vec<(AppendMessage, Upload)>,
    /// Bytes of all messages together, as announced.
    announced: u64,
    replaces: Option<Location>,
    /// Where the reading goes on behind the literal.
    place: Place,
    /// URLs whose bytes come next, each with the place of its message.
    sources: VecDeque<(usize, String)>,
    /// The first of them, when some of it was read.
    open: Option<Source>,
    /// Bytes of the last message that are missing.
    missing: u64,
    /// The literal that was announced last.
    literal: Literal,
    /// Nothing more comes from the client.
    is_whole: bool,
}

impl Appending {
    pub(super) fn wants_bytes(&self) -> bool {
        self.missing > 0
    }

    /// The command's tag.
    pub(super) fn tag(self) -> String {
        self.tag
    }

    /// Looks whether the message may come, and takes what is here of it already. False if there is
    /// more of that.
    fn admit(&mut self, desk: &mut Desk<'_>) -> Result<bool, Refusal> {
        if self.literal.waits && self.open.is_none() {
            // What REPLACE removes makes room.
            let bytes = self.replaces.map_or(self.announced, |_| 0);
            append::admit(&self.mailbox, bytes, desk)?;
        }
        let mut room = COPY_BYTES_PER_STEP;
        while let Some((index, url)) = self.sources.front() {
            let source = match &mut self.open {
                Some(source) => source,
                None => self.open.insert(source(url, &self.mailbox, desk)?),
            };
            let bytes = source.next()?;
            if bytes.is_empty() {
                self.open = None;
                self.sources.pop_front();
                continue;
            }
            if let Some((_, upload)) = self.messages.get_mut(*index) {
                upload.write(&bytes)?;
            }
            room = room.saturating_sub(bytes.len());
            if room == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What a URL names. Where the mailbox it is for is not there either, that is told: the client can
/// make it.
fn source(url: &str, mailbox: &MailboxName, desk: &mut Desk<'_>) -> Result<Source, Refusal> {
    let opened = Source::open(url, desk);
    if opened.is_err() {
        append::admit(mailbox, 0, desk)?;
    }
    opened
}

type Refused = (String, Refusal);

impl Session {
    /// Looks whether an announced literal belongs to a message. False if it has to be collected.
    ///
    /// Errors: the whole command is refused, under this tag.
    pub(super) fn begin_message(
        &mut self,
        head: &[u8],
        literal: Literal,
        framer: &mut Framer,
    ) -> Result<bool, Refused> {
        let begun = match self.appending.take() {
            Some(mut appending) => {
                let mut place = appending.place;
                match place.read(Cursor::new(head)) {
                    Ok(None) => {
                        self.appending = Some(appending);
                        None
                    }
                    Ok(Some(pieces)) => {
                        appending.place = place;
                        Some((appending, pieces))
                    }
                    Err(fault) => return Err((appending.tag, fault.into())),
                }
            }
            None => begin_append(head, &self.state)?,
        };
        let Some((mut appending, pieces)) = begun else {
            return Ok(false);
        };
        let taken = self.take_pieces(&mut appending, pieces, literal.size);
        taken.map_err(|refusal| (appending.tag.clone(), refusal))?;
        appending.announced = appending.announced.saturating_add(literal.size);
        appending.missing = literal.size;
        appending.literal = literal;
        framer.stream();
        self.appending = Some(appending);
        if literal.waits && !self.batch.is_empty() {
            self.ask_disk(Doing::Storing);
        } else {
            self.ask_to_admit();
        }
        Ok(true)
    }

    /// Takes what was read up to a literal of this size, or to the end of the command.
    fn take_pieces(
        &mut self,
        appending: &mut Appending,
        pieces: Vec<Piece>,
        literal_bytes: u64,
    ) -> Result<(), Refusal> {
        if literal_bytes > self.engine.settings().limits.message_bytes_max {
            return Err(Refusal::TooBig);
        }
        for piece in pieces {
            match piece {
                Piece::Message(message) => self.begin_upload(appending, message)?,
                Piece::Url(url) => {
                    let index = appending.messages.len().saturating_sub(1);
                    appending.sources.push_back((index, url));
                }
                Piece::Literal => {
                    let last = appending.messages.last();
                    let catenates = last.is_some_and(|(message, _)| message.catenates);
                    if literal_bytes == 0 && !catenates {
                        return Err(EMPTY);
                    }
                }
            }
        }
        Ok(())
    }

    fn begin_upload(
        &mut self,
        appending: &mut Appending,
        message: AppendMessage,
    ) -> Result<(), Refusal> {
        let most = self.state.limit.of_append(MESSAGES_MAX);
        if appending.messages.len() >= most {
            let most = u32::try_from(most).unwrap_or(u32::MAX);
            return Err(Refusal::TooManyMessages(most, None));
        }
        if appending.replaces.is_some() && !appending.messages.is_empty() {
            return Err(Refusal::WrongState("BAD REPLACE is by one message"));
        }
        let mailbox = self.mailbox.as_ref();
        let mailbox = mailbox.ok_or(Refusal::WrongState("BAD Sign in first"))?;
        appending
            .messages
            .push((message, mailbox.account.upload()?));
        Ok(())
    }

    /// Takes an APPEND that has no literal to be streamed. False if it is another command.
    pub(super) fn whole_append(&mut self, line: &[u8]) -> bool {
        if self.mailbox.is_none() {
            return false;
        }
        match begin_append(line, &self.state) {
            Ok(None) => false,
            Ok(Some((appending, pieces))) => {
                self.finish_append(appending, pieces);
                true
            }
            Err((tag, refusal)) => {
                self.finish(&tag, Err(refusal));
                true
            }
        }
    }

    /// Looks after a message whose client waits, or that has parts which are here already, once
    /// everything before it is answered.
    fn ask_to_admit(&mut self) {
        let wanted = |each: &Appending| each.literal.waits || !each.sources.is_empty();
        if self.appending.as_ref().is_some_and(wanted) {
            self.ask_disk(Doing::Admitting);
        }
    }

    /// Asks for the message whose client waits, or refuses it unsent.
    pub(super) fn admit(&mut self) {
        let Some(mut appending) = self.appending.take() else {
            return;
        };
        match self.at_desk(|desk| appending.admit(desk)) {
            Some(Ok(true)) if appending.is_whole => {
                self.put_aside(appending);
                if !self.batch.is_empty() {
                    self.ask_disk(Doing::Storing);
                }
            }
            Some(Ok(true)) => {
                if std::mem::take(&mut appending.literal.waits) {
                    self.out.extend_from_slice(b"+ Go ahead\r\n");
                }
                self.appending = Some(appending);
            }
            Some(Ok(false)) => {
                self.appending = Some(appending);
                self.ask_disk(Doing::Admitting);
            }
            Some(Err(refusal)) => self.turn_away(&appending, refusal),
            None => self.close(),
        }
    }

    /// Refuses the message whose client waits, since nobody has time for it.
    pub(super) fn busy_to_admit(&mut self) {
        if let Some(appending) = self.appending.take() {
            self.turn_away(&appending, Refusal::Busy);
        }
    }

    /// Refuses a command of which nothing more is wanted; what is on its way is passed over.
    fn turn_away(&mut self, appending: &Appending, refusal: Refusal) {
        let arrives = !appending.literal.waits || appending.literal.is_here;
        if arrives && !appending.is_whole {
            self.framer.skip(appending.missing);
        }
        self.finish(&appending.tag, Err(refusal));
    }

    /// Takes bytes of a message; how many.
    pub(super) fn take_message(&mut self, bytes: &[u8], framer: &mut Framer) -> usize {
        let Some(appending) = &mut self.appending else {
            return 0;
        };
        let most = usize::try_from(appending.missing).unwrap_or(usize::MAX);
        let part = bytes.get(..most).unwrap_or(bytes);
        let Some((message, upload)) = appending.messages.last_mut() else {
            return 0;
        };
        appending.missing -= u64::try_from(part.len()).unwrap_or(0);
        let is_whole = appending.missing == 0 && !message.catenates;
        let written = if part.contains(&0) && !appending.literal.binary {
            Err(Fault::Syntax("NUL may stand only in a literal8").into())
        } else {
            take(upload, part, is_whole).map_err(Refusal::from)
        };
        if let Err(refusal) = written {
            framer.skip(appending.missing);
            let tag = std::mem::take(&mut appending.tag);
            self.refuse_append(&tag, refusal);
        }
        part.len()
    }

    /// What stands behind the last literal: nothing, the end of `UTF8 (…)` or `CATENATE (…)`, or
    /// messages put together from others.
    pub(super) fn end_append(&mut self, line: &[u8]) {
        let Some(mut appending) = self.appending.take() else {
            return;
        };
        match appending.place.read(Cursor::new(line)) {
            Ok(pieces) => self.finish_append(appending, pieces.unwrap_or(vec![Piece::Literal])),
            Err(fault) => self.refuse_append(&appending.tag, fault.into()),
        }
    }

    /// The command has come to its end.
    fn finish_append(&mut self, mut appending: Appending, pieces: Vec<Piece>) {
        let taken = if pieces.contains(&Piece::Literal) {
            Err(Fault::Syntax("Expected a message").into())
        } else {
            self.take_pieces(&mut appending, pieces, 0)
        };
        if let Err(refusal) = taken {
            return self.refuse_append(&appending.tag, refusal);
        }
        appending.is_whole = true;
        if appending.sources.is_empty() {
            return self.put_aside(appending);
        }
        self.appending = Some(appending);
        self.ask_to_admit();
    }

    /// Puts a whole command to those that are to be stored.
    fn put_aside(&mut self, appending: Appending) {
        let Appending {
            tag,
            mailbox,
            messages,
            replaces,
            ..
        } = appending;
        if messages.iter().any(|(_, upload)| upload.is_empty()) {
            return self.refuse_append(&tag, EMPTY);
        }
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

/// Takes bytes of a message. A whole one is made small at once: many may follow it before they are
/// stored together.
fn take(upload: &mut Upload, bytes: &[u8], is_whole: bool) -> Result<(), EngineError> {
    upload.write(bytes)?;
    if is_whole { upload.end() } else { Ok(()) }
}

/// The beginning of an APPEND or REPLACE; `None` if it is something else.
fn begin_append(head: &[u8], state: &State) -> Result<Option<(Appending, Vec<Piece>)>, Refused> {
    let refused = |refusal: Refusal| (parse::tag(head).unwrap_or("*").to_owned(), refusal);
    let found = codec::append::head(head, state.name_form());
    let Some(head) = found.map_err(|fault| refused(fault.into()))? else {
        return Ok(None);
    };
    state.check_utf8().map_err(refused)?;
    let replaces = match &head.replaces {
        Some((numbering, set)) => Some(replaced(state, *numbering, set).map_err(refused)?),
        None => None,
    };
    let appending = Appending {
        tag: head.tag,
        mailbox: head.mailbox,
        messages: Vec::new(),
        replaces,
        place: head.place,
        sources: VecDeque::new(),
        open: None,
        announced: 0,
        missing: 0,
        literal: Literal::default(),
        is_whole: false,
    };
    Ok(Some((appending, head.pieces)))
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
