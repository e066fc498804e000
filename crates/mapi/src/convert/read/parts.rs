//! Which parts of a letter are its text and which come along.
//!
//! Source: [MS-OXCMAIL] 2.2.3.4 (finding the body), 2.2.3.7 (reports), [MS-OXOSMIME] 2.1 (what is
//! signed).

use super::report::Report;
use crate::convert::class;
use formats::message::scan::PARTS_MAX;
use formats::message::{PartKind, PartRef, SummaryRef};

/// Whether a letter is signed or encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Neither.
    None,
    /// Its signature stands beside what it signs.
    Detached,
    /// It is one object of cryptography.
    Enclosed,
}

/// What is expected of the children of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The text, or forms of it.
    Body,
    /// Files.
    Files,
    /// Nothing: it belongs to a letter within the letter, or is a signature.
    Beneath,
}

/// The parts of a letter by what they are for.
#[derive(Debug, Clone)]
pub struct Parts<'a> {
    all: Vec<PartRef<'a>>,
    plain: Option<usize>,
    html: Option<usize>,
    attached: Vec<(usize, bool)>,
}

impl<'a> Parts<'a> {
    /// Sorts the parts of a letter.
    pub fn of(summary: &SummaryRef<'a>) -> Self {
        let mut sorted = Self {
            all: summary.parts().take(PARTS_MAX).collect(),
            plain: None,
            html: None,
            attached: Vec::new(),
        };
        let mut places: Vec<Place> = Vec::new();
        let mut counts = vec![0_usize; sorted.all.len()];
        for index in 0..sorted.all.len() {
            let Some(part) = sorted.all.get(index).copied() else {
                break;
            };
            let parent = part
                .parent
                .and_then(|parent| sorted.all.get(parent).copied());
            let count = part.parent.and_then(|parent| counts.get_mut(parent));
            let number = count.map_or(0, |count| std::mem::replace(count, *count + 1));
            let above = part.parent.and_then(|parent| places.get(parent).copied());
            let place = sorted.place(&part, parent.as_ref(), number, above.unwrap_or(Place::Body));
            places.push(place);
        }
        sorted
    }

    /// Takes a part; answers with what is expected of its children.
    fn place(
        &mut self,
        part: &PartRef<'a>,
        parent: Option<&PartRef<'a>>,
        number: usize,
        above: Place,
    ) -> Place {
        let is_in = |subtype: &str| parent.is_some_and(|parent| parent.is("multipart", subtype));
        let is_first = number == 0;
        let has_text = self.plain.is_some() || self.html.is_some();
        let is_expected = match above {
            Place::Beneath => return Place::Beneath,
            _ if is_in("signed") && !is_first => return Place::Beneath,
            Place::Files => false,
            Place::Body if is_in("alternative") => true,
            Place::Body if is_in("related") || is_in("signed") || is_in("report") => is_first,
            Place::Body => is_first || !has_text,
        };
        if part.kind == PartKind::Multipart {
            return if is_expected {
                Place::Body
            } else {
                Place::Files
            };
        }
        if is_expected && part.kind == PartKind::Leaf && self.take_text(part) {
            return Place::Beneath;
        }
        self.attached.push((part.index, is_in("related")));
        Place::Beneath
    }

    /// Whether a part is one of the two texts.
    fn take_text(&mut self, part: &PartRef<'_>) -> bool {
        let disposition = part
            .disposition
            .as_ref()
            .map(|disposition| disposition.value);
        if disposition == Some(b"attachment".as_slice()) {
            return false;
        }
        let text = match part.subtype {
            _ if part.media_type != b"text" => return false,
            b"html" => &mut self.html,
            b"plain" => &mut self.plain,
            _ => return false,
        };
        let is_new = text.is_none();
        *text = text.or(Some(part.index));
        is_new
    }

    fn part(&self, index: Option<usize>) -> Option<&PartRef<'a>> {
        self.all.get(index?)
    }

    /// The plain text.
    pub fn plain(&self) -> Option<&PartRef<'a>> {
        self.part(self.plain)
    }

    /// The HTML.
    pub fn html(&self) -> Option<&PartRef<'a>> {
        self.part(self.html)
    }

    /// The letter's own part.
    pub fn top(&self) -> Option<&PartRef<'a>> {
        self.all.first()
    }

    /// What comes along, and whether it is shown by the HTML.
    pub(super) fn attached(&self) -> impl Iterator<Item = (&PartRef<'a>, bool)> {
        let all = self.attached.iter();
        all.filter_map(|(index, is_related)| Some((self.all.get(*index)?, *is_related)))
    }

    /// Whether it is signed or encrypted as a whole.
    pub fn protection(&self) -> Protection {
        let Some(top) = self.top() else {
            return Protection::None;
        };
        let named = |name: &str| top.parameters.text(name).unwrap_or_default();
        let is_cms = ["pkcs7-mime", "x-pkcs7-mime"]
            .iter()
            .any(|sub| top.is("application", sub));
        let is_cms_by_name = top.is("application", "octet-stream")
            && named("name").to_ascii_lowercase().ends_with(".p7m");
        match top.kind {
            PartKind::Multipart if top.subtype == b"signed" => Protection::Detached,
            PartKind::Leaf if is_cms || is_cms_by_name => Protection::Enclosed,
            _ => Protection::None,
        }
    }

    /// The class of the message; of a report, the usual one. Source: [MS-OXCMAIL] 2.2.3,
    /// [MS-OXOSMIME] 2.1.
    pub fn class(&self) -> &'static str {
        match self.protection() {
            Protection::Detached => "IPM.Note.SMIME.MultipartSigned",
            Protection::Enclosed => "IPM.Note.SMIME",
            Protection::None => self
                .report()
                .map_or("IPM.Note", |(report, _)| report.usual_class()),
        }
    }

    /// The class that its Content-Class names; none if that does not count.
    pub fn class_by_field(&self, field: &str) -> Option<String> {
        let has = |media_type: &str| {
            let mut types = self.all.iter().map(|part| part.media_type);
            types.any(|known| known == media_type.as_bytes())
        };
        let is_plain = self.class() == "IPM.Note";
        class::of_field(field, has).filter(|_| is_plain)
    }

    /// What a report on a letter sent before is about, and the part that says so to programs.
    pub fn report(&self) -> Option<(Report, Option<&PartRef<'a>>)> {
        let top = self.top().filter(|top| top.is("multipart", "report"))?;
        let kind = top.parameters.text("report-type")?.to_ascii_lowercase();
        let report = match kind.as_str() {
            "delivery-status" => Report::Delivery,
            "disposition-notification" => Report::Disposition,
            _ => return None,
        };
        let part = self.all.iter().find(|part| part.is("message", &kind));
        Some((report, part))
    }
}
