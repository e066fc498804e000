//! mbox: many letters in one file, each behind a line that begins with `From `.
//!
//! Reading takes all four dialects, writing makes mboxrd, the only one that can be undone. A letter
//! without a line end at its end gets one: the format cannot say that there is none. A
//! Content-Length may be as old as the letter and tell of another form of it, so it counts only
//! where the file bears it out ([`ends_before`]).
//!
//! Start at [`Splitter`] and [`Writer`]. Standards: RFC 4155 (application/mbox).

use crate::date::Date;
use crate::message::header;
use memchr::memchr;

/// Bytes of a line that are looked at: `From `, an address and a date need fewer, and so do quotes
/// worth undoing.
const LINE_BYTES_MAX: usize = 1024;

/// How lines of a letter that look like a separator are told from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `From ` is written as `>From `; what was `>From ` before stays so.
    Mboxo,
    /// `From `, `>From `, `>>From ` … get one `>` more.
    Mboxrd,
    /// Content-Length says where a letter ends; quoted like mboxo.
    Mboxcl,
    /// Content-Length says where a letter ends; nothing is quoted.
    Mboxcl2,
}

/// What a [`Splitter`] finds, in order: a start, any number of pieces, an end, the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A letter begins.
    Start {
        /// The envelope sender, as written; often `MAILER-DAEMON` or `-`.
        sender: &'a [u8],
        /// When it was delivered; these dates rarely have a zone and are taken as UTC.
        delivered: Option<Date>,
    },
    /// Some of its bytes.
    Bytes(&'a [u8]),
    /// It is complete.
    End,
}

/// Where the splitter is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first letter; what stands there belongs to nobody.
    Outside,
    Header,
    Body,
}

/// Bytes around a place in a file that tell whether a letter ends there: the one before it, and
/// those of an empty line and of `From `.
pub const PROBE_BYTES: usize = 1 + 7;

/// Says whether a letter may end at a place in a file: at the file's end, or before a separator,
/// with or without the empty line between. `before` is the byte before that place, `next` the bytes
/// behind it, [`PROBE_BYTES`] in all where the file has as many.
pub fn ends_before(before: u8, next: &[u8]) -> bool {
    let begins_line = |line: &[u8]| line.is_empty() || line.starts_with(b"From ");
    let behind_end = next
        .strip_prefix(b"\n")
        .or_else(|| next.strip_prefix(b"\r\n"));
    behind_end.is_some_and(begins_line) || (before == b'\n' && begins_line(next))
}

/// Cuts an mbox file, which may come in any pieces, into its letters.
pub struct Splitter<'e> {
    dialect: Dialect,
    /// Whether a letter ends at this place of the file.
    ends: &'e dyn Fn(u64) -> bool,
    /// Where in the file the line in hand ends.
    at: u64,
    place: Place,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// The line in hand was too long to mean anything; its rest is passed on as it is.
    in_long_line: bool,
    /// An empty line that belongs to the separator if one follows.
    held_blank: Vec<u8>,
    is_first_line: bool,
    /// What the letter in hand says of its length.
    content_length: Option<u64>,
    /// What is left of it, once the file has borne it out.
    length_left: Option<u64>,
    found: Found,
}

/// What a splitter has seen of the file's dialect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Found {
    /// A Content-Length was borne out.
    length: bool,
    /// A letter that had one holds a line that looks like a separator.
    unquoted: bool,
}

impl<'e> Splitter<'e> {
    /// Starts at the beginning of a file. `ends` says whether a letter ends at a place of that
    /// file, as [`ends_before`] knows; asked where a dialect with Content-Length has one.
    pub fn new(dialect: Dialect, ends: &'e dyn Fn(u64) -> bool) -> Self {
        Self {
            dialect,
            ends,
            at: 0,
            place: Place::Outside,
            line: Vec::new(),
            in_long_line: false,
            held_blank: Vec::new(),
            is_first_line: true,
            content_length: None,
            length_left: None,
            found: Found::default(),
        }
    }

    /// The dialect of what was read as [`Dialect::Mboxcl2`]. Mboxo is never found: where it differs
    /// from mboxrd it says less, and nobody can tell.
    pub fn dialect_found(&self) -> Dialect {
        match (self.found.length, self.found.unquoted) {
            (false, _) => Dialect::Mboxrd,
            (true, false) => Dialect::Mboxcl,
            (true, true) => Dialect::Mboxcl2,
        }
    }

    /// Takes the next piece of the file and reports what it completes.
    pub fn push(&mut self, piece: &[u8], report: &mut impl FnMut(Event<'_>)) {
        let mut rest = piece;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).map(|end| end + 1);
            let (part, behind) = rest
                .split_at_checked(end.unwrap_or(rest.len()))
                .unwrap_or((rest, &[]));
            rest = behind;
            self.take(part, end.is_some(), report);
        }
    }

    /// Ends the file.
    pub fn finish(mut self, report: &mut impl FnMut(Event<'_>)) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.whole_line(&line, report);
        }
        if self.place != Place::Outside {
            // The empty line that is still held belongs to the format.
            report(Event::End);
        }
    }

    /// Takes a piece of a line, without or with its end.
    fn take(&mut self, part: &[u8], is_end: bool, report: &mut impl FnMut(Event<'_>)) {
        self.at = self.at.saturating_add(wide(part.len()));
        if self.in_long_line {
            self.in_long_line = !is_end;
            return self.pass(part, report);
        }
        if self.line.is_empty() && is_end && part.len() <= LINE_BYTES_MAX {
            return self.whole_line(part, report);
        }
        self.line.extend_from_slice(part);
        if is_end || self.line.len() > LINE_BYTES_MAX {
            let mut line = std::mem::take(&mut self.line);
            self.whole_line(&line, report);
            self.in_long_line = !is_end;
            line.clear();
            self.line = line;
        }
    }

    /// Takes a line, or the beginning of one that is too long.
    fn whole_line(&mut self, line: &[u8], report: &mut impl FnMut(Event<'_>)) {
        let may_separate = match (self.place, self.length_left) {
            (Place::Outside, _) => true,
            (Place::Header, _) => false,
            (Place::Body, Some(left)) => left == 0,
            (Place::Body, None) => !self.held_blank.is_empty(),
        };
        let is_first = std::mem::take(&mut self.is_first_line);
        if let Some((sender, delivered)) = separator(line).filter(|_| may_separate)
            && (is_first || delivered.is_some())
        {
            self.held_blank.clear();
            if self.place != Place::Outside {
                report(Event::End);
            }
            self.place = Place::Header;
            (self.content_length, self.length_left) = (None, None);
            return report(Event::Start { sender, delivered });
        }
        match self.place {
            Place::Outside => {}
            Place::Header => self.header_line(line, report),
            Place::Body => self.body_line(line, report),
        }
    }

    fn header_line(&mut self, line: &[u8], report: &mut impl FnMut(Event<'_>)) {
        let counts = matches!(self.dialect, Dialect::Mboxcl | Dialect::Mboxcl2);
        if let Some(field) = header::find(line, "Content-Length").filter(|_| counts) {
            let digits = str::from_utf8(field.value.trim_ascii()).unwrap_or_default();
            self.content_length = digits.parse().ok();
        }
        if is_blank(line) {
            // A letter may be nothing but a header: then this is the separator's.
            self.place = Place::Body;
            self.held_blank.extend_from_slice(line);
            let is_end = |length: &u64| (self.ends)(self.at.saturating_add(*length));
            self.length_left = self.content_length.filter(is_end);
            self.found.length |= self.length_left.is_some();
        } else {
            report(Event::Bytes(line));
        }
    }

    fn body_line(&mut self, line: &[u8], report: &mut impl FnMut(Event<'_>)) {
        self.release_blank(report);
        let is_inside = self.length_left.is_some_and(|left| left > 0);
        if is_blank(line) && !is_inside {
            return self.held_blank.extend_from_slice(line);
        }
        let count = quotes(line);
        self.found.unquoted |= is_inside && count == Some(0);
        let undone = match self.dialect {
            // A letter whose end only its separator tells must be quoted, and so all could be.
            _ if !is_inside && self.dialect != Dialect::Mboxo => 1..usize::MAX,
            Dialect::Mboxcl2 => 0..0,
            Dialect::Mboxrd => 1..usize::MAX,
            Dialect::Mboxo | Dialect::Mboxcl => 1..2,
        };
        let is_quoted = count.is_some_and(|count| undone.contains(&count));
        let unquoted = if is_quoted { after_quote(line) } else { line };
        self.count_down(line.len());
        report(Event::Bytes(unquoted));
    }

    fn count_down(&mut self, length: usize) {
        if let Some(left) = &mut self.length_left {
            *left = left.saturating_sub(wide(length));
        }
    }

    fn release_blank(&mut self, report: &mut impl FnMut(Event<'_>)) {
        if !self.held_blank.is_empty() {
            report(Event::Bytes(&self.held_blank));
            self.held_blank.clear();
        }
    }

    /// The rest of a long line.
    fn pass(&mut self, part: &[u8], report: &mut impl FnMut(Event<'_>)) {
        if self.place == Place::Body {
            self.count_down(part.len());
        }
        if self.place != Place::Outside {
            report(Event::Bytes(part));
        }
    }
}

/// `From sender date`; the date is `None` where it cannot be read.
fn separator(line: &[u8]) -> Option<(&[u8], Option<Date>)> {
    let rest = line.strip_prefix(b"From ")?.trim_ascii();
    let space = rest
        .iter()
        .position(|&byte| byte == b' ')
        .unwrap_or(rest.len());
    let (sender, date) = rest.split_at_checked(space)?;
    Some((sender, Date::parse(date)))
}

/// How many `>` stand before `From `; `None` if that does not follow.
fn quotes(line: &[u8]) -> Option<usize> {
    let count = line.iter().take_while(|&&byte| byte == b'>').count();
    line.get(count..)?.starts_with(b"From ").then_some(count)
}

fn after_quote(line: &[u8]) -> &[u8] {
    line.strip_prefix(b">").unwrap_or(line)
}

fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Writes letters, which may come in any pieces, as mboxrd.
#[derive(Default)]
pub struct Writer {
    /// The beginning of a line that may have to be quoted.
    held: Vec<u8>,
    /// Inside of a line that need not be looked at any more.
    in_line: bool,
    /// The last two bytes, to end a letter with the line end that it uses.
    last: [u8; 2],
}

impl Writer {
    /// Begins a letter; `sender` is the envelope's, empty for none.
    pub fn start(&mut self, sender: &str, delivered: Date, out: &mut Vec<u8>) {
        *self = Self::default();
        let civil = Date {
            zone_minutes: 0,
            ..delivered
        }
        .civil();
        // A sender with blanks would end too early for those who read it.
        let usable = !sender.is_empty() && sender.bytes().all(|byte| byte.is_ascii_graphic());
        let line = format!(
            "From {} {} {} {:2} {:02}:{:02}:{:02} {:04}\n",
            if usable { sender } else { "MAILER-DAEMON" },
            civil.weekday_name(),
            civil.month_name(),
            civil.day,
            civil.hour,
            civil.minute,
            civil.second,
            civil.year
        );
        out.extend_from_slice(line.as_bytes());
    }

    /// Takes the next piece of the letter.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).map(|end| end + 1);
            let (part, behind) = rest
                .split_at_checked(end.unwrap_or(rest.len()))
                .unwrap_or((rest, &[]));
            rest = behind;
            if self.in_line {
                out.extend_from_slice(part);
            } else {
                self.begin_line(part, end.is_some(), out);
            }
            self.in_line = end.is_none() && (self.in_line || self.held.is_empty());
            self.remember(part);
        }
    }

    /// Holds the beginning of a line back until it is clear whether it is to be quoted.
    fn begin_line(&mut self, part: &[u8], is_end: bool, out: &mut Vec<u8>) {
        self.held.extend_from_slice(part);
        let count = self.held.iter().take_while(|&&byte| byte == b'>').count();
        let word = self.held.get(count..).unwrap_or_default();
        let undecided = !is_end && word.len() < 5 && b"From ".starts_with(word);
        if undecided && self.held.len() < LINE_BYTES_MAX {
            return;
        }
        if word.starts_with(b"From ") && count < LINE_BYTES_MAX / 2 {
            out.push(b'>');
        }
        out.append(&mut self.held);
    }

    fn remember(&mut self, part: &[u8]) {
        match part {
            [.., before, last] => self.last = [*before, *last],
            [last] => self.last = [self.last[1], *last],
            [] => {}
        }
    }

    /// Ends the letter, with the empty line that belongs to the format.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.held);
        let line_end: &[u8] = if self.last == *b"\r\n" {
            b"\r\n"
        } else {
            b"\n"
        };
        if self.last[1] != b'\n' {
            out.extend_from_slice(line_end);
        }
        out.extend_from_slice(line_end);
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(file: &[u8], dialect: Dialect, piece: usize) -> Vec<Vec<u8>> {
        let mut letters: Vec<Vec<u8>> = Vec::new();
        let mut ends = 0;
        let borne_out = |place: u64| {
            let place = usize::try_from(place).unwrap();
            let next = file.get(place..);
            next.is_some_and(|next| ends_before(file[place - 1], &next[..next.len().min(7)]))
        };
        let mut splitter = Splitter::new(dialect, &borne_out);
        let mut report = |event: Event<'_>| match event {
            Event::Start { .. } => letters.push(Vec::new()),
            Event::Bytes(bytes) => letters.last_mut().unwrap().extend(bytes),
            Event::End => ends += 1,
        };
        file.chunks(piece)
            .for_each(|piece| splitter.push(piece, &mut report));
        splitter.finish(&mut report);
        assert_eq!(ends, letters.len());
        letters
    }

    const FILE: &[u8] = b"From a@b.test Thu Aug 22 12:36:23 2002\n\
Subject: one\n\
\n\
From here on, text\n\
\n\
From there on, too\n\
>From quoted\n\
>>From twice\n\
\n\
\n\
From c@d.test Thu Aug 22 12:36:24 2002\n\
Subject: two\n\
\n\
end\n\
\n";

    #[test]
    fn letters_are_cut_at_separators_only() {
        let letters = split(FILE, Dialect::Mboxrd, 1000);
        let first = b"Subject: one\n\nFrom here on, text\n\nFrom there on, too\nFrom quoted\n\
        >From twice\n\n";
        assert_eq!(letters, [&first[..], b"Subject: two\n\nend\n"]);
        let letters = split(FILE, Dialect::Mboxo, 1000);
        assert!(letters[0].ends_with(b"\nFrom quoted\n>>From twice\n\n"));
    }

    #[test]
    fn sender_and_date_of_the_separator_are_told() {
        let mut found = Vec::new();
        Splitter::new(Dialect::Mboxrd, &|_| false).push(FILE, &mut |event| {
            if let Event::Start { sender, delivered } = event {
                found.push((sender.to_vec(), delivered.unwrap().seconds));
            }
        });
        assert_eq!(
            found,
            [
                (b"a@b.test".to_vec(), 1_030_019_783),
                (b"c@d.test".to_vec(), 1_030_019_784)
            ]
        );
    }

    #[test]
    fn a_content_length_hides_separators() {
        let body = "x\n\nFrom a@b.test Thu Aug 22 12:36:23 2002\n>From y\n";
        let file = format!(
            "From a@b.test Thu Aug 22 12:36:23 2002\nContent-Length: {}\n\n{body}\n\
            From c@d.test Thu Aug 22 12:36:23 2002\n\nz\n",
            body.len()
        );
        let letters = split(file.as_bytes(), Dialect::Mboxcl2, 7);
        assert_eq!(letters.len(), 2);
        assert!(letters[0].ends_with(body.as_bytes()));
        assert_eq!(split(file.as_bytes(), Dialect::Mboxrd, 7).len(), 3);
    }

    #[test]
    fn a_content_length_that_the_file_does_not_bear_out_is_none() {
        let body = "x\n\n>From y\n";
        for wrong in ["0", "1", "3", "4", "10", "13", "50", "999", "-1", "many"] {
            let file = format!(
                "From a@b.test Thu Aug 22 12:36:23 2002\nContent-Length: {wrong}\n\n{body}\n\
                From c@d.test Thu Aug 22 12:36:23 2002\n\nz\n",
            );
            for dialect in [Dialect::Mboxcl, Dialect::Mboxcl2] {
                let letters = split(file.as_bytes(), dialect, 7);
                assert_eq!(letters.len(), 2, "{wrong}");
                assert!(letters[0].ends_with(b"\n\nx\n\nFrom y\n"), "{wrong}");
            }
        }
    }

    #[test]
    fn a_letter_ends_before_a_separator_or_the_end_of_the_file() {
        for next in ["", "\n", "\r\n", "From ", "\nFrom ", "\r\nFrom "] {
            assert!(ends_before(b'\n', next.as_bytes()), "{next:?}");
        }
        assert!(ends_before(b'x', b"\nFrom "), "without a line end");
        for next in ["From ", "x", ">From "] {
            assert!(!ends_before(b'>', next.as_bytes()), "{next:?}");
        }
    }

    #[test]
    fn what_is_no_mbox_gives_no_letters() {
        assert!(split(b"", Dialect::Mboxrd, 1).is_empty());
        assert!(split(b"Subject: x\n\ny\n", Dialect::Mboxrd, 3).is_empty());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            letters in prop::collection::vec("(Subject: x\r\n){0,2}\r\n\
            ((>{0,3}From |From a@b Thu Aug 22 12:36:23 2002|x| |>)?\r\n){0,8}", 0..4),
            piece in 1_usize..30,
        ) {
            let (mut writer, mut file) = (Writer::default(), Vec::new());
            for letter in &letters {
                writer.start("a@b.test", Date { seconds: 1, zone_minutes: 60 }, &mut file);
                letter.as_bytes().chunks(piece).for_each(|piece| writer.push(piece, &mut file));
                writer.end(&mut file);
            }
            let read = split(&file, Dialect::Mboxrd, piece);
            let wanted: Vec<_> = letters.iter().map(|letter| letter.as_bytes().to_vec()).collect();
            prop_assert_eq!(read, wanted);
        }

        #[test]
        fn pieces_do_not_matter(
            file in "((From a Thu Aug 22 12:36:23 2002|Content-Length: 5|>From |F|x{1100}|)\
                (\r\n|\n)){0,12}",
            piece in 1_usize..20,
        ) {
            for dialect in [Dialect::Mboxo, Dialect::Mboxrd, Dialect::Mboxcl, Dialect::Mboxcl2] {
                let whole = split(file.as_bytes(), dialect, usize::MAX);
                prop_assert_eq!(&split(file.as_bytes(), dialect, piece), &whole);
            }
        }
    }
}
