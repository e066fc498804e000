//! Reads mbox files: one, or a tree of them as Thunderbird, Dovecot and the export keep it.
//!
//! Flags come from `Status`, `X-Status`, `X-Keywords` and `X-Mozilla-Status`, the time of receipt
//! from the separator. What the export wrote at a letter's head ([`mark`]) is taken off again;
//! other lines stay, as they may be signed.
//!
//! Start at [`read_file`] and [`read_tree`]. Standards: RFC 4155 (application/mbox).

use super::incoming::{Incoming, LineEnds};
use super::intake::{Intake, Letter, Subscription};
use super::source::{self, DEPTH_MAX, Entry, EntryKind};
use super::{naming, received};
use crate::administration::Failure;
use engine::{EngineError, Flags, Timestamp};
use formats::mailbox_file::mbox::{Dialect, Event, PROBE_BYTES, Splitter, ends_before};
use formats::message::header;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes of a file that are read at once.
const PIECE_BYTES: usize = 256 * 1024;

/// Bytes of a letter's header that are held to find the lines with its flags.
const HEAD_BYTES_MAX: usize = 128 * 1024;

/// The first of the lines that the export writes at a letter's head.
const MARK: &str = "X-Facteur-Letter";

/// The letters in Status and X-Status, as mbox readers have them since UW-IMAP.
const STATUS: [(u8, Flags); 5] = [
    (b'R', Flags::SEEN),
    (b'A', Flags::ANSWERED),
    (b'F', Flags::FLAGGED),
    (b'T', Flags::DRAFT),
    (b'D', Flags::DELETED),
];

/// The bits of X-Mozilla-Status.
const MOZILLA: [(u32, Flags); 4] = [
    (0x0001, Flags::SEEN),
    (0x0002, Flags::ANSWERED),
    (0x0004, Flags::FLAGGED),
    (0x1000, Flags::FORWARDED),
];

/// Thunderbird has deleted the letter and not yet cut it out of the file.
const MOZILLA_EXPUNGED: u32 = 0x0008;

/// What the export writes at a letter's head, so that nothing is lost in the format.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// The letter's size in bytes; the format cannot say that there is no line end at its end.
    pub size: u64,
    /// When it was received, more exactly than the separator can say.
    pub received: Timestamp,
    /// Its flags that have no name of their own.
    pub flags: Flags,
    /// Its keywords.
    pub keywords: Vec<String>,
}

/// Writes the lines. They end like those of the letter, which tells how it is kept in the file.
pub fn mark(marks: &Marks, line_end: &str) -> String {
    let letters = |wanted: &[u8]| {
        let set =
            |(letter, flag): &&(u8, Flags)| wanted.contains(letter) && marks.flags.contains(*flag);
        let letters = STATUS.iter().filter(set);
        letters
            .map(|(letter, _)| char::from(*letter))
            .collect::<String>()
    };
    let lines = [
        format!("{MARK}: {} {}", marks.size, marks.received.0),
        format!("Status: {}O", letters(b"R")),
        format!("X-Status: {}", letters(b"AFTD")),
        format!("X-Keywords: {}", marks.keywords.join(" ")),
    ];
    lines.map(|line| line + line_end).concat()
}

/// Reads the lines at the beginning of a letter, and how many bytes they take.
fn marks(head: &[u8]) -> Option<(Marks, usize)> {
    let mut fields = header::fields(head);
    let mut next = |name: &str| fields.next().filter(|field| field.is(name));
    let (first, status) = (next(MARK)?, next("Status")?);
    let (other, keywords) = (next("X-Status")?, next("X-Keywords")?);
    let numbers = str::from_utf8(first.value.trim_ascii()).ok()?;
    let (size, received) = numbers.split_once(' ')?;
    let all = [&first, &status, &other, &keywords];
    let marks = Marks {
        size: size.parse().ok()?,
        received: Timestamp(received.parse().ok()?),
        flags: status_flags(status.value) | status_flags(other.value),
        keywords: words(keywords.value),
    };
    Some((marks, all.iter().map(|field| field.raw.len()).sum()))
}

/// Undoes the quoting in a header that the export wrote. In others a line `>From ` is an old trace
/// line.
fn unquoted(head: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(head.len());
    for line in head.split_inclusive(|&byte| byte == b'\n') {
        let count = line.iter().take_while(|&&byte| byte == b'>').count();
        let is_quoted = count > 0 && line.get(count..).is_some_and(|it| it.starts_with(b"From "));
        lines.extend_from_slice(line.get(usize::from(is_quoted)..).unwrap_or(line));
    }
    lines
}

fn status_flags(value: &[u8]) -> Flags {
    let set = STATUS.iter().filter(|(letter, _)| value.contains(letter));
    set.fold(Flags::NONE, |flags, (_, flag)| flags | *flag)
}

fn words(value: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(value);
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

/// What other programs say of a letter.
fn foreign(head: &[u8]) -> Marks {
    let mut marks = Marks::default();
    for field in header::fields(head) {
        if field.is("Status") || field.is("X-Status") {
            marks.flags = marks.flags | status_flags(field.value);
        } else if field.is("X-Keywords") || field.is("X-Mozilla-Keys") {
            marks.keywords.extend(words(field.value));
        } else if field.is("X-Mozilla-Status") {
            let bits = mozilla_status(field.value);
            for (_, flag) in MOZILLA.iter().filter(|(bit, _)| bits & bit != 0) {
                marks.flags = marks.flags | *flag;
            }
        }
    }
    marks
}

fn mozilla_status(value: &[u8]) -> u32 {
    let text = str::from_utf8(value.trim_ascii()).unwrap_or_default();
    u32::from_str_radix(text, 16).unwrap_or(0)
}

/// Why a part of the file is no letter to take.
fn no_letter(head: &[u8]) -> Option<&'static str> {
    let status = header::find(head, "X-Mozilla-Status");
    if status.is_some_and(|field| mozilla_status(field.value) & MOZILLA_EXPUNGED != 0) {
        return Some("deleted in the source");
    }
    let subject = header::find(head, "Subject")?;
    let is_internal = subject
        .value
        .trim_ascii()
        .ends_with(b"FOLDER INTERNAL DATA")
        && header::find(head, "X-IMAP").is_some();
    is_internal.then_some("not a letter but notes of the program that wrote the file")
}

/// Takes all letters of one file, into the Inbox or the folder that everything goes below.
pub fn read_file(source: &Path, intake: &mut Intake<'_>) -> Result<(), Failure> {
    let shown = |why: io::Error| Failure::of(source.display(), why);
    let len = std::fs::metadata(source).map_err(shown)?.len();
    intake.expect(len);
    // The administrator named it; a link is followed here and nowhere else.
    let path = source.canonicalize().map_err(shown)?;
    let name = source.display().to_string();
    let file = Entry {
        name,
        path,
        kind: EntryKind::File,
    };
    take_file(&[], &file, intake)
}

/// Takes all files of a tree; each is a folder of its name.
pub fn read_tree(source: &Path, intake: &mut Intake<'_>) -> Result<(), Failure> {
    let shown = |why: io::Error| Failure::of(source.display(), why);
    let mut open = vec![(Vec::new(), source.to_owned())];
    let (mut files, mut total) = (Vec::new(), 0);
    while let Some((path, place)) = open.pop() {
        for entry in source::entries(&place).map_err(shown)? {
            let mut below: Vec<String> = path.clone();
            below.push(naming::from_file(&entry.name));
            match entry.kind {
                EntryKind::Folder if path.len() < DEPTH_MAX => open.push((below, entry.path)),
                EntryKind::File => {
                    total += std::fs::metadata(&entry.path).map_or(0, |file| file.len());
                    files.push((below, entry));
                }
                _ => intake.tally.refuse(&entry.name, "not a plain file"),
            }
        }
    }
    // Folders before those below them, so that none is made twice.
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    intake.expect(total);
    for (path, file) in files {
        take_file(&path, &file, intake)?;
    }
    Ok(())
}

fn take_file(path: &[String], file: &Entry, intake: &mut Intake<'_>) -> Result<(), Failure> {
    let mut opened = match source::open(&file.path) {
        Ok(opened) => opened,
        Err(why) => {
            intake.tally.refuse(&file.name, why);
            return Ok(());
        }
    };
    let dialect = match dialect(&mut opened.file) {
        Ok(dialect) => dialect,
        Err(why) => {
            intake.tally.refuse(&file.name, why);
            return Ok(());
        }
    };
    let probed = opened.file.try_clone();
    let ends = |place: u64| probed.as_ref().is_ok_and(|file| ends_at(file, place));
    let mut piece = vec![0; PIECE_BYTES];
    let (mut filled, mut letters) = (read_some(&mut opened.file, &mut piece), None);
    loop {
        let bytes = match filled {
            Ok(length) => piece.get(..length).unwrap_or_default(),
            Err(why) => {
                intake.tally.refuse(&file.name, why);
                break;
            }
        };
        if letters.is_none() {
            if !bytes.is_empty() && !bytes.starts_with(b"From ") {
                intake.tally.refuse(&file.name, "not an mbox file");
                return Ok(());
            }
            if intake.enter(path, Subscription::Wanted)?.is_none() {
                return Ok(());
            }
        }
        let (splitter, state) = letters
            .get_or_insert_with(|| (Splitter::new(dialect, &ends), Letters::new(&file.name)));
        if bytes.is_empty() {
            break;
        }
        splitter.push(bytes, &mut |event| state.event(event, intake));
        state.failed.take().map_or(Ok(()), Err)?;
        intake.advance(bytes.len() as u64)?;
        filled = read_some(&mut opened.file, &mut piece);
    }
    if let Some((splitter, mut state)) = letters {
        splitter.finish(&mut |event| state.event(event, intake));
        state.failed.take().map_or(Ok(()), Err)?;
    }
    intake.flush()
}

/// How the file tells its letters apart; it is read once for that, and is at its beginning again.
fn dialect(file: &mut File) -> io::Result<Dialect> {
    let probed = file.try_clone()?;
    let ends = |place: u64| ends_at(&probed, place);
    let mut splitter = Splitter::new(Dialect::Mboxcl2, &ends);
    let (mut piece, mut is_first) = (vec![0; PIECE_BYTES], true);
    loop {
        let length = read_some(file, &mut piece)?;
        let bytes = piece.get(..length).unwrap_or_default();
        let is_own = is_first && is_own(bytes);
        let is_foreign = is_first && !bytes.starts_with(b"From ");
        if bytes.is_empty() || is_own || is_foreign {
            break;
        }
        splitter.push(bytes, &mut |_| ());
        is_first = false;
    }
    file.rewind()?;
    Ok(splitter.dialect_found())
}

/// True when the export wrote the file, whose dialect is known.
fn is_own(beginning: &[u8]) -> bool {
    let mut lines = beginning.split_inclusive(|&byte| byte == b'\n');
    lines
        .nth(1)
        .is_some_and(|line| line.starts_with(MARK.as_bytes()))
}

/// True when a letter may end at a place in the file.
fn ends_at(file: &File, place: u64) -> bool {
    let mut bytes = [0; PROBE_BYTES];
    let Some(start) = place.checked_sub(1) else {
        return false;
    };
    let read = file.read_at(&mut bytes, start).unwrap_or(0);
    let found = bytes.get(..read).and_then(<[u8]>::split_first);
    found.is_some_and(|(&before, next)| ends_before(before, next))
}

fn read_some(file: &mut impl Read, piece: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(piece) {
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// Makes letters of what the splitter finds.
struct Letters<'f> {
    file: &'f str,
    number: u64,
    separator: Option<Timestamp>,
    place: Place,
    /// The store failed; nothing more is taken.
    failed: Option<Failure>,
}

/// Where in a letter.
enum Place {
    /// In its header, which is held until it is complete.
    Head(Vec<u8>),
    /// Behind it.
    Body(Box<(Incoming, Letter)>),
    /// In a letter that is not taken.
    Skipped,
}

impl<'f> Letters<'f> {
    fn new(file: &'f str) -> Self {
        Self {
            file,
            number: 0,
            separator: None,
            place: Place::Skipped,
            failed: None,
        }
    }

    fn event(&mut self, event: Event<'_>, intake: &mut Intake<'_>) {
        if self.failed.is_some() {
            return;
        }
        let done = match event {
            Event::Start { delivered, .. } => {
                self.number += 1;
                self.separator = delivered.map(|date| Timestamp::from_seconds(date.seconds));
                self.place = Place::Head(Vec::new());
                Ok(())
            }
            Event::Bytes(bytes) => self.bytes(bytes, intake),
            Event::End => self.end(intake),
        };
        self.failed = done.err();
    }

    fn bytes(&mut self, bytes: &[u8], intake: &mut Intake<'_>) -> Result<(), Failure> {
        match &mut self.place {
            Place::Head(head) => {
                head.extend_from_slice(bytes);
                let is_whole = matches!(bytes, b"\n" | b"\r\n") || head.len() > HEAD_BYTES_MAX;
                if is_whole { self.begin(intake) } else { Ok(()) }
            }
            Place::Body(letter) => {
                let written = letter.0.write(bytes);
                self.check(written, intake)
            }
            Place::Skipped => Ok(()),
        }
    }

    /// The header is complete, as far as it is wanted.
    fn begin(&mut self, intake: &mut Intake<'_>) -> Result<(), Failure> {
        let Place::Head(head) = std::mem::replace(&mut self.place, Place::Skipped) else {
            return Ok(());
        };
        let name = self.name();
        if let Some(why) = no_letter(&head) {
            intake.tally.refuse(&name, why);
            return Ok(());
        }
        let first_line = head.split_inclusive(|&byte| byte == b'\n').next();
        let line_ends = match first_line {
            Some(line) if line.ends_with(b"\r\n") => LineEnds::Keep,
            _ => LineEnds::ToCrlf,
        };
        let mut incoming = intake.start(line_ends)?;
        let (found, received, head) = if let Some((own, length)) = marks(&head) {
            incoming = incoming.with_size(own.size);
            let received = Some(own.received);
            let head = unquoted(head.get(length..).unwrap_or_default());
            (own, received, head)
        } else {
            let received = self.separator.or_else(|| received(&head));
            (foreign(&head), received, head)
        };
        let letter = Letter {
            name,
            flags: found.flags,
            keywords: found.keywords,
            received,
            ..Letter::default()
        };
        let written = incoming.write(&head);
        self.place = Place::Body(Box::new((incoming, letter)));
        self.check(written, intake)
    }

    /// Counts a letter that cannot be taken; a failing store ends the import.
    fn check(
        &mut self,
        written: Result<(), EngineError>,
        intake: &mut Intake<'_>,
    ) -> Result<(), Failure> {
        match written {
            Ok(()) => Ok(()),
            Err(EngineError::Store(why)) => Err(why.into()),
            Err(why) => {
                intake.tally.refuse(&self.name(), why);
                self.place = Place::Skipped;
                Ok(())
            }
        }
    }

    fn end(&mut self, intake: &mut Intake<'_>) -> Result<(), Failure> {
        if matches!(self.place, Place::Head(_)) {
            self.begin(intake)?;
        }
        match std::mem::replace(&mut self.place, Place::Skipped) {
            Place::Body(letter) => intake.take(letter.0, letter.1),
            Place::Head(_) | Place::Skipped => Ok(()),
        }
    }

    fn name(&self) -> String {
        format!("letter {} of {}", self.number, self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_back_and_nothing_behind_them_is_taken_off() {
        let wanted = Marks {
            size: 5,
            received: Timestamp(15_000_000_001),
            flags: Flags::SEEN | Flags::FLAGGED | Flags::DRAFT,
            keywords: vec!["$Junk".to_owned(), "work".to_owned()],
        };
        let lines = mark(&wanted, "\n");
        let file = format!("{lines}Status: RO\nSubject: x\n\n");
        assert_eq!(marks(file.as_bytes()), Some((wanted, lines.len())));
    }

    #[test]
    fn lines_of_other_programs_are_read_and_stay() {
        let head =
            b"Subject: x\nStatus: RO\nX-Status: AF\nX-Keywords: a  b \nX-Mozilla-Status: 1000\n\n";
        assert_eq!(marks(head), None);
        let found = foreign(head);
        let flags = Flags::SEEN | Flags::ANSWERED | Flags::FLAGGED | Flags::FORWARDED;
        assert_eq!((found.flags, found.keywords), (flags, words(b"a b")));
    }

    #[test]
    fn what_is_no_letter_is_not_taken() {
        assert!(no_letter(b"X-Mozilla-Status: 0009\n\n").is_some());
        let internal =
            b"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\n\n";
        assert!(no_letter(internal).is_some());
        assert!(no_letter(b"Subject: FOLDER INTERNAL DATA\n\n").is_none());
    }
}
