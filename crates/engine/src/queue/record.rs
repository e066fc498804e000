//! The bytes of a queued letter in the store.
//!
//! Later fields stand at the end; a record that ends before them was written before they were
//! known, and has their usual values. Everything together stays below the store's bound: texts of
//! other servers are cut to their share.

use super::{
    ANSWER_BYTES_MAX, DeliverBy, Filing, HISTORY_MAX, Late, Notify, QueuedLetter, QueuedRecipient,
    Return, Tried, WaitingCopy, shortened,
};
use crate::record::{Reader, Writer, corrupt};
use bytes::Bytes;
use store::StoreError;
use store::id::{FolderId, ItemKey, Timestamp};

/// Bytes of all recipients' answers together. A record has 30 KiB, of which the recipients take
/// 16.
const ANSWERS_BYTES_MAX: usize = 6 * 1024;
/// Bytes of each text of the history.
const TRIED_BYTES_MAX: usize = 160;

impl QueuedLetter {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = Writer::new();
        out.text(&self.letter).text(&self.sender);
        out.optional_text(self.envelope_id.as_deref());
        out.number(match self.returning {
            Return::Unspecified => 0,
            Return::Full => 1,
            Return::Headers => 2,
        });
        out.flag(self.needs_utf8);
        let share = (ANSWERS_BYTES_MAX / self.recipients.len().max(1)).min(ANSWER_BYTES_MAX);
        out.list(&self.recipients, |out, recipient| {
            recipient.write(out, share);
        });
        out.bytes(&self.prefix);
        out.number(u64::from(self.attempts)).signed(self.expires.0);
        out.signed(i64::from(self.priority)).flag(self.held);
        out.flag(self.needs_tls).flag(self.delay_told);
        out.optional_text(self.route.as_deref());
        write_deliver_by(&mut out, self.deliver_by);
        let kept = self.history.get(..HISTORY_MAX).unwrap_or(&self.history);
        out.list(kept, |out, tried| tried.write(out));
        out.flag(self.is_ours);
        out.signed(self.hold_until.map_or(0, |until| until.0));
        out.number(u64::from(self.hold_seconds.unwrap_or_default()));
        write_copy(&mut out, self.copy);
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut input = Reader::new(bytes)?;
        let (letter, sender) = (input.text()?, input.text()?);
        let envelope_id = input.optional_text()?;
        let returning = match input.number()? {
            0 => Return::Unspecified,
            1 => Return::Full,
            2 => Return::Headers,
            _ => return Err(corrupt()),
        };
        let needs_utf8 = input.flag()?;
        let recipients = input.list(QueuedRecipient::read)?;
        let prefix = Bytes::copy_from_slice(input.bytes()?);
        let attempts = input.number32()?;
        let mut letter = Self {
            envelope_id,
            returning,
            needs_utf8,
            recipients,
            prefix,
            attempts,
            ..Self::new(letter, sender, Timestamp(input.signed()?))
        };
        letter.priority = i8::try_from(input.signed()?).map_err(|_| corrupt())?;
        letter.held = input.flag()?;
        if !input.is_at_end() {
            letter.needs_tls = input.flag()?;
            letter.delay_told = input.flag()?;
            letter.route = input.optional_text()?;
            letter.deliver_by = read_deliver_by(&mut input)?;
            letter.history = input.list(Tried::read)?;
        }
        if !input.is_at_end() {
            letter.is_ours = input.flag()?;
        }
        if !input.is_at_end() {
            letter.hold_until = Some(Timestamp(input.signed()?)).filter(|until| until.0 != 0);
        }
        if !input.is_at_end() {
            letter.hold_seconds = Some(input.number32()?).filter(|seconds| *seconds != 0);
        }
        if !input.is_at_end() {
            letter.copy = read_copy(&mut input)?;
        }
        Ok(letter)
    }
}

fn write_copy(out: &mut Writer, copy: Option<WaitingCopy>) {
    let Some(copy) = copy else {
        out.number(0);
        return;
    };
    out.number(match copy.filing {
        Filing::Stay => 1,
        Filing::Remove => 2,
        Filing::Move(_) => 3,
    });
    out.number(copy.item.0);
    if let Filing::Move(folder) = copy.filing {
        out.number(folder.0);
    }
}

fn read_copy(input: &mut Reader<'_>) -> Result<Option<WaitingCopy>, StoreError> {
    let kind = input.number()?;
    if kind == 0 {
        return Ok(None);
    }
    let item = ItemKey(input.number()?);
    let filing = match kind {
        1 => Filing::Stay,
        2 => Filing::Remove,
        3 => Filing::Move(FolderId(input.number()?)),
        _ => return Err(corrupt()),
    };
    Ok(Some(WaitingCopy { item, filing }))
}

fn write_deliver_by(out: &mut Writer, by: Option<DeliverBy>) {
    let Some(by) = by else {
        out.number(0);
        return;
    };
    out.number(match by.late {
        Late::Return => 1,
        Late::Notify => 2,
    });
    out.signed(by.at.0).flag(by.trace);
}

fn read_deliver_by(input: &mut Reader<'_>) -> Result<Option<DeliverBy>, StoreError> {
    let late = match input.number()? {
        0 => return Ok(None),
        1 => Late::Return,
        2 => Late::Notify,
        _ => return Err(corrupt()),
    };
    Ok(Some(DeliverBy {
        late,
        at: Timestamp(input.signed()?),
        trace: input.flag()?,
    }))
}

impl QueuedRecipient {
    fn write(&self, out: &mut Writer, answer_bytes: usize) {
        out.text(&self.address).number(self.notify.bits());
        out.optional_text(self.original.as_deref());
        out.number(0); // Where it stood, when who was served stayed in the entry.
        let answer = self.answer.as_deref();
        out.text(&shortened(answer.unwrap_or_default(), answer_bytes));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, StoreError> {
        let address = input.text()?;
        let notify = Notify::from_bits(input.number()?);
        let original = input.optional_text()?;
        if input.number()? != 0 {
            return Err(corrupt());
        }
        Ok(Self {
            address,
            notify,
            original,
            answer: input.optional_text()?,
        })
    }
}

impl Tried {
    fn write(&self, out: &mut Writer) {
        out.signed(self.at.0);
        for text in [&self.host, &self.tls, &self.answer] {
            out.text(&shortened(text, TRIED_BYTES_MAX));
        }
        for count in [self.delivered, self.delayed, self.failed] {
            out.number(u64::from(count));
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            at: Timestamp(input.signed()?),
            host: input.text()?,
            tls: input.text()?,
            answer: input.text()?,
            delivered: input.number32()?,
            delayed: input.number32()?,
            failed: input.number32()?,
        })
    }
}

impl Notify {
    fn bits(self) -> u64 {
        u64::from(self.never)
            | u64::from(self.success) << 1
            | u64::from(self.failure) << 2
            | u64::from(self.delay) << 3
    }

    fn from_bits(bits: u64) -> Self {
        let has = |bit: u32| bits & (1 << bit) != 0;
        Self {
            never: has(0),
            success: has(1),
            failure: has(2),
            delay: has(3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipient(answer: &str) -> QueuedRecipient {
        QueuedRecipient {
            address: "b@elsewhere.test".to_owned(),
            notify: Notify::USUAL,
            original: Some("rfc822;B@elsewhere.test".to_owned()),
            answer: Some(answer.to_owned()),
        }
    }

    fn tried(answer: &str) -> Tried {
        Tried {
            at: Timestamp(7),
            host: "mx.elsewhere.test [192.0.2.1]".to_owned(),
            tls: "TLSv1.3".to_owned(),
            delivered: 1,
            delayed: 2,
            failed: 3,
            answer: answer.to_owned(),
        }
    }

    fn letter() -> QueuedLetter {
        QueuedLetter {
            envelope_id: Some("x+2Dy".to_owned()),
            returning: Return::Headers,
            needs_utf8: true,
            needs_tls: true,
            deliver_by: Some(DeliverBy {
                at: Timestamp(99),
                late: Late::Notify,
                trace: true,
            }),
            recipients: vec![recipient("451 later"), recipient("452 full")],
            prefix: Bytes::from_static(b"Received: x\r\n"),
            attempts: 3,
            delay_told: true,
            priority: -9,
            held: true,
            route: Some("mx.elsewhere.test:26".to_owned()),
            history: vec![tried("451 later")],
            ..QueuedLetter::new("abc".to_owned(), String::new(), Timestamp(-5))
        }
    }

    #[test]
    fn a_queued_letter_comes_back_as_it_was() {
        assert_eq!(QueuedLetter::decode(&letter().encode()).unwrap(), letter());
        for filing in [Filing::Stay, Filing::Remove, Filing::Move(FolderId(300))] {
            let copy = Some(WaitingCopy {
                item: ItemKey(70_000),
                filing,
            });
            let letter = QueuedLetter { copy, ..letter() };
            assert_eq!(QueuedLetter::decode(&letter.encode()).unwrap(), letter);
        }
    }

    #[test]
    fn the_longest_answers_of_the_most_recipients_fit_into_a_record() {
        let mut letter = letter();
        letter.recipients = vec![recipient(&"x".repeat(2_000)); 280];
        letter.history = vec![tried(&"y".repeat(2_000)); HISTORY_MAX + 5];
        assert!(
            letter.encode().len() < 30 * 1024,
            "{}",
            letter.encode().len()
        );
    }

    #[test]
    fn a_damaged_record_is_told_and_not_guessed() {
        let whole = letter().encode();
        for length in 0..whole.len() {
            let _ = QueuedLetter::decode(whole.get(..length).unwrap());
        }
        assert!(QueuedLetter::decode(b"\x01\xff").is_err());
    }
}
