//! The writing half of an encoded summary.

use super::super::{Disposition, Envelope, Part, PartKind, Summary};
use super::{
    ENTRY_ADDRESS, ENTRY_GROUP_END, ENTRY_GROUP_START, ENTRY_NAMED, FLAG_ATTACHMENT, FLAG_LAYOUT,
    FLAG_SENT, FLAG_TRUNCATED, KIND_LEAF, KIND_MESSAGE, KIND_MULTIPART, SUMMARY_BYTES_MAX, VERSION,
};
use crate::address::list::Entry;

/// How much of each list and text is written.
#[derive(Clone, Copy)]
struct Bounds {
    parts: usize,
    entries: usize,
    parameters: usize,
    references: usize,
    text_bytes: usize,
}

impl Bounds {
    const WHOLE: Self = Self {
        parts: usize::MAX,
        entries: usize::MAX,
        parameters: usize::MAX,
        references: usize::MAX,
        text_bytes: usize::MAX,
    };
    /// What is tried until the result fits. The last always does: 2 parts of at most 6 KiB with
    /// their envelopes, the letter's own envelope of 4 KiB, references and preview.
    const LEVELS: [Self; 4] = [
        Self::WHOLE,
        Self {
            parts: 300,
            entries: 100,
            parameters: 32,
            references: 50,
            text_bytes: 1000,
        },
        Self {
            parts: 50,
            entries: 20,
            parameters: 8,
            references: 20,
            text_bytes: 250,
        },
        Self {
            parts: 2,
            entries: 2,
            parameters: 4,
            references: 8,
            text_bytes: 100,
        },
    ];
}

impl Summary {
    /// The form to store, at most [`SUMMARY_BYTES_MAX`] long.
    ///
    /// What does not fit is cut (the last parts, addresses, parameters, the ends of long texts) and
    /// the result says so: then whoever needs all of it reads the letter again and takes
    /// [`Summary::encode_whole`].
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for bounds in Bounds::LEVELS {
            bytes = write(self, bounds);
            if bytes.len() <= SUMMARY_BYTES_MAX {
                break;
            }
        }
        bytes
    }

    /// The same without the bound, for the readers of [`SummaryRef`](super::SummaryRef).
    pub fn encode_whole(&self) -> Vec<u8> {
        write(self, Bounds::WHOLE)
    }
}

fn write(summary: &Summary, bounds: Bounds) -> Vec<u8> {
    let mut writer = Writer {
        out: Vec::with_capacity(1024),
        bounds,
        was_cut: false,
    };
    writer.summary(summary);
    if let (true, Some(flags)) = (writer.was_cut, writer.out.get_mut(1)) {
        *flags |= FLAG_TRUNCATED;
    }
    writer.out
}

struct Writer {
    out: Vec<u8>,
    bounds: Bounds,
    was_cut: bool,
}

impl Writer {
    fn summary(&mut self, summary: &Summary) {
        let attachment = if summary.has_attachment {
            FLAG_ATTACHMENT
        } else {
            0
        };
        let sent = if summary.sent.is_some() { FLAG_SENT } else { 0 };
        let layout = summary.layout.as_ref().map_or(0, |_| FLAG_LAYOUT);
        self.out.extend([VERSION, attachment | sent | layout]);
        self.number(summary.size);
        self.number(summary.lines);
        if let Some(date) = summary.sent {
            self.signed(date.seconds);
            self.signed(i64::from(date.zone_minutes));
        }
        self.number(wide(summary.preview.len()));
        self.out.extend_from_slice(summary.preview.as_bytes());
        // The latest references matter most: they lead to the thread.
        let dropped = summary
            .references
            .len()
            .saturating_sub(self.bounds.references);
        self.was_cut |= dropped > 0;
        self.sized(|writer| writer.texts(summary.references.iter().skip(dropped)));
        if let Some(layout) = &summary.layout {
            self.out.extend_from_slice(&layout.others.to_be_bytes());
            self.sized(|writer| writer.out.extend_from_slice(&layout.fields));
        }
        self.sized(|writer| writer.envelope(&summary.envelope));
        let parts = self.within(&summary.parts, self.bounds.parts);
        self.number(wide(parts.len()));
        for part in parts {
            self.sized(|writer| writer.part(part));
        }
    }

    fn part(&mut self, part: &Part) {
        self.out.push(match part.kind {
            PartKind::Leaf => KIND_LEAF,
            PartKind::Multipart => KIND_MULTIPART,
            PartKind::Message => KIND_MESSAGE,
        });
        self.number(
            part.parent
                .map_or(0, |parent| wide(parent).saturating_add(1)),
        );
        self.number(part.header_start);
        self.number(part.body_start.saturating_sub(part.header_start));
        self.number(part.body_end.saturating_sub(part.body_start));
        self.number(part.lines);
        self.text(&part.media_type);
        self.text(&part.subtype);
        self.parameters(&part.parameters);
        let texts = [
            &part.id,
            &part.description,
            &part.encoding,
            &part.md5,
            &part.location,
        ];
        for text in texts {
            self.optional(text.as_deref());
        }
        self.disposition(part.disposition.as_ref());
        let languages = self.within(&part.language, self.bounds.parameters);
        self.sized(|writer| writer.texts(languages.iter()));
        if let Some(envelope) = &part.envelope {
            self.sized(|writer| writer.envelope(envelope));
        }
    }

    fn disposition(&mut self, disposition: Option<&Disposition>) {
        self.optional(disposition.map(|disposition| disposition.value.as_slice()));
        if let Some(disposition) = disposition {
            self.parameters(&disposition.parameters);
        }
    }

    fn parameters(&mut self, parameters: &[(Vec<u8>, Vec<u8>)]) {
        let parameters = self.within(parameters, self.bounds.parameters);
        self.sized(|writer| {
            for (name, value) in parameters {
                writer.text(name);
                writer.text(value);
            }
        });
    }

    fn envelope(&mut self, envelope: &Envelope) {
        self.optional(envelope.date.as_deref());
        self.optional(envelope.subject.as_deref());
        self.optional(envelope.in_reply_to.as_deref());
        self.optional(envelope.message_id.as_deref());
        let Envelope {
            from,
            sender,
            reply_to,
            to,
            cc,
            bcc,
            ..
        } = envelope;
        for list in [from, sender, reply_to, to, cc, bcc] {
            let entries = self.within(list, self.bounds.entries);
            self.sized(|writer| entries.iter().for_each(|entry| writer.entry(entry)));
        }
    }

    fn entry(&mut self, entry: &Entry) {
        match entry {
            Entry::GroupEnd => self.out.push(ENTRY_GROUP_END),
            Entry::GroupStart(name) => {
                self.out.push(ENTRY_GROUP_START);
                self.text(name);
            }
            Entry::Mailbox {
                name,
                local,
                domain,
            } => {
                self.out.push(if name.is_some() {
                    ENTRY_NAMED
                } else {
                    ENTRY_ADDRESS
                });
                if let Some(name) = name {
                    self.text(name);
                }
                self.text(local);
                self.text(domain);
            }
        }
    }

    /// The first `count` of a list.
    fn within<'a, T>(&mut self, list: &'a [T], count: usize) -> &'a [T] {
        match list.get(..count) {
            Some(first) => {
                self.was_cut |= first.len() < list.len();
                first
            }
            None => list,
        }
    }

    fn texts<'a>(&mut self, texts: impl Iterator<Item = &'a Vec<u8>>) {
        texts.for_each(|text| self.text(text));
    }

    fn text(&mut self, text: &[u8]) {
        let text = self.within(text, self.bounds.text_bytes);
        self.number(wide(text.len()));
        self.out.extend_from_slice(text);
    }

    fn optional(&mut self, text: Option<&[u8]>) {
        let Some(text) = text else {
            return self.out.push(0);
        };
        let text = self.within(text, self.bounds.text_bytes);
        self.number(wide(text.len()).saturating_add(1));
        self.out.extend_from_slice(text);
    }

    /// Writes something preceded by its length.
    fn sized(&mut self, write: impl FnOnce(&mut Self)) {
        let start = self.out.len();
        // Most are shorter than 128 bytes; where not, the rest is moved to make room.
        self.out.push(0);
        write(self);
        let length = self.out.len().saturating_sub(start + 1);
        if let (Ok(short @ 0..=127), Some(place)) = (u8::try_from(length), self.out.get_mut(start))
        {
            *place = short;
            return;
        }
        let mut prefix = Vec::new();
        push_number(&mut prefix, wide(length));
        self.out.splice(start..=start, prefix);
    }

    fn number(&mut self, value: u64) {
        push_number(&mut self.out, value);
    }

    /// Zigzag: small negative numbers stay small.
    fn signed(&mut self, value: i64) {
        self.number((value << 1 ^ value >> 63).cast_unsigned());
    }
}

fn push_number(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
