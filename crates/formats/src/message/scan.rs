//! Reads a letter once, while it arrives, and finds its parts.
//!
//! Never keeps a body: of a part it keeps its header until that ends, and of the first texts a few
//! KiB for the preview. However the bytes are cut, the result is the same. It cannot fail: where a
//! limit is reached, the rest of the letter is one leaf.
//!
//! Start at [`Scanner`]. `scan/fields.rs` reads the headers, `scan/attachment.rs` judges what an
//! attachment is.
//!
//! Standards: RFC 2046 §5.1 (multipart), §5.2.1 (message/rfc822), RFC 6532 §3.7 (message/global).

mod attachment;
mod fields;

use super::preview::Sample;
use super::verbatim::Layout;
use super::{Part, PartKind, Summary, SummaryRef};
use crate::date::Date;
use memchr::{memchr, memchr_iter, memrchr};

/// Bytes of one header that are read; the rest of it is passed over. The largest real ones have
/// some 100 KiB.
pub const HEADER_BYTES_MAX: usize = 256 * 1024;
/// Bytes of all headers of a letter that are read: what bounds a summary's memory.
pub const HEADERS_BYTES_MAX: usize = 512 * 1024;
/// Parts of one letter; the digests with the most have a few hundred.
pub const PARTS_MAX: usize = 1000;
/// Parts inside of parts; mail forwarded twenty times has 60.
pub const NESTING_MAX: usize = 64;
/// Bytes of a boundary. RFC 2046 §5.1.1 allows 70.
pub const BOUNDARY_BYTES_MAX: usize = 250;

/// Bytes of a line that are kept when it comes in pieces: two hyphens, a boundary, two more and
/// blanks.
const LINE_HEAD_BYTES_MAX: usize = BOUNDARY_BYTES_MAX + 256;

/// How much of a letter is told apart.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one header.
    pub header_bytes: usize,
    /// Bytes of all headers together.
    pub headers_bytes: usize,
    /// Parts, at least 1.
    pub parts: usize,
    /// Parts inside of parts.
    pub nesting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: HEADER_BYTES_MAX,
            headers_bytes: HEADERS_BYTES_MAX,
            parts: PARTS_MAX,
            nesting: NESTING_MAX,
        }
    }
}

/// A part whose end has not come yet.
struct Open {
    part: usize,
    /// What separates its children; `None` for leaves, enclosed letters and what was closed
    /// already.
    boundary: Option<Vec<u8>>,
    is_digest: bool,
    /// Line ends before its body.
    lines_before: u64,
}

/// What the next line is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Header,
    Body,
}

/// Takes a letter in pieces and leaves its [`Summary`].
pub struct Scanner {
    limits: Limits,
    summary: Summary,
    /// The parts around the current line, outermost first; never empty before the end.
    open: Vec<Open>,
    place: Place,
    /// Of the part in hand, as far as limits allow.
    header: Vec<u8>,
    headers_left: usize,
    /// Bytes in complete lines, and line ends among them.
    position: u64,
    lines: u64,
    /// The last complete line's end: 0 before the first, 1 for LF, 2 for CRLF.
    line_end_bytes: u64,
    /// The beginning of a line whose end has not come, and how long it is so far.
    pending: Vec<u8>,
    pending_bytes: u64,
    /// The last byte of it, which may be the CR of its line end.
    pending_last: u8,
    samples: Vec<Sample>,
    sampling: bool,
}

impl Scanner {
    /// Starts before the first byte of a letter.
    pub fn new(limits: Limits) -> Self {
        let mut scanner = Self {
            limits,
            summary: Summary::default(),
            open: Vec::new(),
            place: Place::Header,
            header: Vec::with_capacity(4096),
            headers_left: limits.headers_bytes,
            position: 0,
            lines: 0,
            line_end_bytes: 0,
            pending: Vec::new(),
            pending_bytes: 0,
            pending_last: 0,
            samples: Vec::new(),
            sampling: false,
        };
        scanner.begin_part(None);
        scanner
    }

    /// Takes the next piece, cut anywhere.
    pub fn push(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while !rest.is_empty() {
            rest = if self.pending_bytes > 0 {
                self.complete_line(rest)
            } else if self.place == Place::Body {
                self.body_lines(rest)
            } else {
                self.header_line(rest)
            };
        }
    }

    /// Ends the letter.
    pub fn finish(mut self) -> Summary {
        if self.pending_bytes > 0 {
            // A last line without its end may still be a boundary or the last of a header.
            let line = std::mem::take(&mut self.pending);
            self.line(&line, self.pending_bytes, 0);
        }
        self.cut_header(self.position, self.lines);
        while !self.open.is_empty() {
            self.end_innermost(self.position, self.lines);
        }
        self.summary.size = self.position;
        self.summary.lines = self.lines;
        self.summary.has_attachment = attachment::has_attachment(&self.summary.parts);
        let mut previews = self.samples.iter().map(Sample::preview);
        self.summary.preview = previews.find(|text| !text.is_empty()).unwrap_or_default();
        self.summary
    }

    /// Goes on with a line whose beginning came in an earlier piece.
    fn complete_line<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let end = memchr(b'\n', piece).map(|end| end + 1);
        let (line, rest) = split(piece, end.unwrap_or(piece.len()));
        let before_last = match line {
            [.., before, _] => *before,
            _ => self.pending_last,
        };
        self.keep_pending(line);
        if end.is_none() {
            return rest;
        }
        let line_end = if before_last == b'\r' { 2 } else { 1 };
        let mut head = std::mem::take(&mut self.pending);
        let bytes = std::mem::take(&mut self.pending_bytes);
        self.line(&head, bytes, line_end);
        head.clear();
        self.pending = head;
        rest
    }

    fn keep_pending(&mut self, piece: &[u8]) {
        // In a header the whole line counts, in a body only what may be a boundary.
        let bytes_max = match self.place {
            Place::Header => self.limits.header_bytes.max(LINE_HEAD_BYTES_MAX),
            Place::Body => LINE_HEAD_BYTES_MAX,
        };
        let room = bytes_max.saturating_sub(self.pending.len());
        self.pending.extend_from_slice(split(piece, room).0);
        self.pending_bytes = self.pending_bytes.saturating_add(wide(piece.len()));
        self.pending_last = piece.last().copied().unwrap_or(self.pending_last);
        if self.place == Place::Body && !self.is_candidate() {
            self.sample(piece);
        }
    }

    /// Takes one line of a header.
    fn header_line<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let Some(end) = memchr(b'\n', piece) else {
            self.keep_pending(piece);
            return &[];
        };
        let (line, rest) = split(piece, end + 1);
        self.line(line, wide(line.len()), line_end_bytes(line));
        rest
    }

    /// Takes all lines of a body up to one that may be a boundary, which it takes too.
    fn body_lines<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let (lines, rest) = if self.is_divided() {
            plain_lines(piece)
        } else {
            whole_lines(piece)
        };
        if !lines.is_empty() {
            self.sample(lines);
            self.position = self.position.saturating_add(wide(lines.len()));
            self.lines = self
                .lines
                .saturating_add(wide(memchr_iter(b'\n', lines).count()));
            self.line_end_bytes = line_end_bytes(lines);
            return rest;
        }
        let Some(end) = memchr(b'\n', rest) else {
            self.keep_pending(rest);
            return &[];
        };
        let (line, behind) = split(rest, end + 1);
        self.line(line, wide(line.len()), line_end_bytes(line));
        behind
    }

    /// Whether the line in hand may become a boundary, so that it is text only when it has ended.
    fn is_candidate(&self) -> bool {
        self.pending.first() == Some(&b'-') && self.is_divided()
    }

    /// Whether a line can be a boundary here.
    fn is_divided(&self) -> bool {
        self.open.iter().any(|open| open.boundary.is_some())
    }

    /// Takes a complete line; `head` is what was kept of it, `bytes` its length with its line end.
    fn line(&mut self, head: &[u8], bytes: u64, line_end: u64) {
        let start = self.position;
        let lines_before = self.lines;
        self.position = start.saturating_add(bytes);
        self.lines = self.lines.saturating_add(u64::from(line_end > 0));
        if let Some((depth, is_last)) = self.boundary(head, bytes) {
            self.cross_boundary(depth, is_last, start, lines_before);
        } else if self.place == Place::Header {
            if matches!(head, b"\n" | b"\r\n") {
                self.end_header();
            } else {
                self.keep_header(head);
            }
        } else if head.first() == Some(&b'-') && self.is_divided() {
            self.sample(split(head, LINE_HEAD_BYTES_MAX).0);
        }
        self.line_end_bytes = line_end;
    }

    fn keep_header(&mut self, line: &[u8]) {
        let room = self
            .limits
            .header_bytes
            .saturating_sub(self.header.len())
            .min(self.headers_left);
        let kept = split(line, room).0;
        self.header.extend_from_slice(kept);
        self.headers_left = self.headers_left.saturating_sub(kept.len());
    }

    /// Which open part a line separates (its place in `open`), and whether it is the last of its
    /// boundaries.
    ///
    /// Innermost first, as letters with one boundary twice are meant. The whole line must match: a
    /// boundary may begin like another. Blanks at the end are transport padding (RFC 2046 §5.1.1).
    fn boundary(&self, head: &[u8], bytes: u64) -> Option<(usize, bool)> {
        let line = head.strip_prefix(b"--")?;
        if bytes > wide(LINE_HEAD_BYTES_MAX) {
            return None;
        }
        let line = line.trim_ascii_end();
        let closing = line.strip_suffix(b"--");
        self.open
            .iter()
            .enumerate()
            .rev()
            .find_map(|(depth, open)| {
                let boundary = open.boundary.as_deref()?;
                let is_last = closing == Some(boundary);
                (is_last || line == boundary).then_some((depth, is_last))
            })
    }

    /// Ends what the boundary ends and begins the next part.
    fn cross_boundary(&mut self, depth: usize, is_last: bool, line_start: u64, lines: u64) {
        if self.place == Place::Header {
            self.cut_header(line_start, lines);
        }
        if self
            .open
            .get(depth)
            .is_none_or(|open| open.boundary.is_none())
        {
            return; // The part that just ended its header was the last that may be told apart.
        }
        let innermost = self
            .open
            .last()
            .and_then(|open| self.summary.parts.get(open.part));
        let (end, lines) = match innermost {
            Some(part) if part.body_start >= line_start => (line_start, lines),
            // The line end before it belongs to the boundary.
            _ => (
                line_start.saturating_sub(self.line_end_bytes),
                lines.saturating_sub(1),
            ),
        };
        while self.open.len() > depth + 1 {
            self.end_innermost(end, lines);
        }
        self.sampling = false;
        self.place = Place::Body;
        let Some(multipart) = self.open.last_mut() else {
            return;
        };
        let parent = multipart.part;
        if is_last {
            multipart.boundary = None;
        } else {
            self.begin_part(Some(parent));
        }
    }

    /// Ends headers that have no empty line behind them: the body, and that of a letter inside, is
    /// empty.
    fn cut_header(&mut self, line_start: u64, lines: u64) {
        let position = std::mem::replace(&mut self.position, line_start);
        let lines = std::mem::replace(&mut self.lines, lines);
        while self.place == Place::Header {
            self.end_header();
        }
        (self.position, self.lines) = (position, lines);
    }

    fn end_innermost(&mut self, end: u64, lines: u64) {
        let Some(open) = self.open.pop() else { return };
        let childless = self.summary.parts.len() == open.part + 1;
        let Some(part) = self.summary.parts.get_mut(open.part) else {
            return;
        };
        part.body_end = end.max(part.body_start);
        part.lines = lines.saturating_sub(open.lines_before);
        if part.kind == PartKind::Multipart && childless {
            // Its boundary never came: shown as the text that it is.
            fields::make_plain_text(part);
        }
    }

    /// A part begins with its header at the current position.
    fn begin_part(&mut self, parent: Option<usize>) {
        let index = self.summary.parts.len();
        let position = self.position;
        self.summary.parts.push(Part {
            parent,
            header_start: position,
            body_start: position,
            ..Part::default()
        });
        self.open.push(Open {
            part: index,
            boundary: None,
            is_digest: false,
            lines_before: self.lines,
        });
        self.header.clear();
        self.place = Place::Header;
    }

    /// The header in hand is complete; the body begins at the current position.
    fn end_header(&mut self) {
        self.place = Place::Body;
        let depth = self.open.len();
        let is_last = self.summary.parts.len() >= self.limits.parts;
        let in_digest = depth.checked_sub(2).and_then(|above| self.open.get(above));
        let in_digest = in_digest.is_some_and(|above| above.is_digest);
        let Some(open) = self.open.last_mut() else {
            return;
        };
        let Some(part) = self.summary.parts.get_mut(open.part) else {
            return;
        };
        part.body_start = self.position;
        open.lines_before = self.lines;
        fields::read_part(&self.header, part, in_digest);
        if is_last || depth >= self.limits.nesting {
            fields::make_leaf(part);
        }
        open.boundary = fields::boundary(part);
        open.is_digest = part.kind == PartKind::Multipart && part.subtype == b"digest";
        let (index, kind, parent) = (open.part, part.kind, part.parent);
        let sample = fields::sample(part);
        self.read_envelope(parent);
        if is_last {
            self.open.iter_mut().for_each(|open| open.boundary = None);
        }
        if let Some(sample) = sample {
            self.begin_sample(sample);
        }
        if kind == PartKind::Message {
            self.begin_part(Some(index));
        }
    }

    /// If the header in hand is a letter's, whole or enclosed: its envelope goes to the letter.
    fn read_envelope(&mut self, parent: Option<usize>) {
        let Some(parent) = parent else {
            self.summary.envelope = fields::envelope(&self.header);
            self.summary.references = fields::references(&self.header);
            self.summary.sent = self.summary.envelope.date.as_deref().and_then(Date::parse);
            self.read_layout();
            return;
        };
        if let Some(letter) = self.summary.parts.get_mut(parent)
            && letter.kind == PartKind::Message
        {
            letter.envelope = Some(Box::new(fields::envelope(&self.header)));
        }
    }

    /// Notes how the letter's own header is written, if all of it but the empty line is in hand.
    fn read_layout(&mut self) {
        let left_out = self.position.saturating_sub(wide(self.header.len()));
        let is_complete = self.summary.references.len() < fields::REFERENCES_MAX;
        if left_out > 2 || !is_complete {
            return;
        }
        let values = Summary {
            envelope: self.summary.envelope.clone(),
            references: self.summary.references.clone(),
            ..Summary::default()
        };
        let values = values.encode_whole();
        let values = SummaryRef::new(&values).ok();
        self.summary.layout = values.and_then(|values| Layout::of(&self.header, &values));
    }

    /// The first plain and the first HTML text are sampled.
    fn begin_sample(&mut self, sample: Sample) {
        if self
            .samples
            .iter()
            .all(|earlier| earlier.is_html != sample.is_html)
        {
            self.samples.push(sample);
            self.sampling = true;
        }
    }

    fn sample(&mut self, bytes: &[u8]) {
        let Some(sample) = self.samples.last_mut().filter(|_| self.sampling) else {
            return;
        };
        let room = sample.bytes_max().saturating_sub(sample.bytes.len());
        sample.bytes.extend_from_slice(split(bytes, room).0);
        self.sampling = room > bytes.len();
    }
}

/// The lines at the beginning that begin without a hyphen, so that none of them is a boundary, and
/// the rest.
fn plain_lines(piece: &[u8]) -> (&[u8], &[u8]) {
    let mut rest = piece;
    while rest.first().is_some_and(|&first| first != b'-') {
        let Some(end) = memchr(b'\n', rest) else {
            break;
        };
        rest = split(rest, end + 1).1;
    }
    split(piece, piece.len().saturating_sub(rest.len()))
}

/// All that ends in a line end, and the rest.
fn whole_lines(piece: &[u8]) -> (&[u8], &[u8]) {
    split(piece, memrchr(b'\n', piece).map_or(0, |end| end + 1))
}

/// 2 for CRLF, 1 for LF alone; `lines` ends in one of them.
fn line_end_bytes(lines: &[u8]) -> u64 {
    if lines.ends_with(b"\r\n") { 2 } else { 1 }
}

fn split(bytes: &[u8], at: usize) -> (&[u8], &[u8]) {
    bytes.split_at_checked(at).unwrap_or((bytes, &[]))
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
