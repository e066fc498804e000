//! The answers to searches: ESEARCH, and the older SEARCH and SORT.
//!
//! Standards: RFC 9051 §7.3.4 (ESEARCH); RFC 3501 §7.2.5 (SEARCH); RFC 5256 §4 (SORT); RFC 7162
//! §3.1.6 (MODSEQ); RFC 5267 §3 (order); RFC 9394 §3.1 (PARTIAL); RFC 7377 §2.1 (MAILBOX); RFC 6203
//! §4 (RELEVANCY).

use crate::codec::command::Numbering;
use crate::codec::mailbox::{MailboxName, NameForm};
use crate::codec::search::Returned;
use crate::codec::sequence::NumberSet;
use crate::codec::write;
use bytes::{BufMut, BytesMut};

/// Which search an answer belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Correlator<'a> {
    /// The tag of its command.
    pub(crate) tag: &'a str,
    /// The mailbox with its UIDVALIDITY, where several were searched.
    pub(crate) mailbox: Option<(&'a MailboxName, NameForm, u32)>,
    /// What the numbers are.
    pub(crate) numbering: Numbering,
}

impl Correlator<'_> {
    /// Writes `* ESEARCH (TAG "a1") UID`.
    pub(crate) fn write(&self, out: &mut BytesMut) {
        out.put_slice(b"* ESEARCH (TAG \"");
        out.put_slice(self.tag.as_bytes());
        out.put_u8(b'"');
        if let Some((name, form, uid_validity)) = self.mailbox {
            out.put_slice(b" MAILBOX ");
            name.write(out, form);
            out.put_slice(b" UIDVALIDITY ");
            write::number(out, u64::from(uid_validity));
        }
        out.put_u8(b')');
        if self.numbering == Numbering::Uid {
            out.put_slice(b" UID");
        }
    }
}

/// What was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    /// Numbers or UIDs, in the order of the result.
    pub(crate) numbers: &'a [u32],
    /// How well each matches, 1 to 100, in the same order; empty if it is not asked.
    pub(crate) scores: &'a [u8],
    /// The highest MODSEQ, if it is asked.
    pub(crate) modseq: Option<u64>,
}

/// Writes one ESEARCH answer.
pub(crate) fn write_esearch(
    out: &mut BytesMut,
    correlator: &Correlator<'_>,
    answer: &Answer<'_>,
    returned: Returned,
) {
    let numbers = answer.numbers;
    correlator.write(out);
    let ends = [
        (returned.min, " MIN ", numbers.first()),
        (returned.max, " MAX ", numbers.last()),
    ];
    for (wanted, label, number) in ends {
        if let (true, Some(number)) = (wanted, number) {
            out.put_slice(label.as_bytes());
            write::number(out, u64::from(*number));
        }
    }
    if returned.count {
        out.put_slice(b" COUNT ");
        write::number(out, u64::try_from(numbers.len()).unwrap_or(u64::MAX));
    }
    if returned.all && !numbers.is_empty() {
        out.put_slice(b" ALL ");
        write_in_order(out, numbers);
    }
    if let Some(window) = returned.partial {
        out.put_slice(b" PARTIAL (");
        window.write(out);
        out.put_u8(b' ');
        match numbers.get(window.of(numbers.len())) {
            None | Some([]) => out.put_slice(b"NIL"),
            Some(some) => write_in_order(out, some),
        }
        out.put_u8(b')');
    }
    if returned.relevancy && !answer.scores.is_empty() {
        write_scores(out, answer.scores);
    }
    if let Some(modseq) = answer.modseq {
        out.put_slice(b" MODSEQ ");
        write::number(out, modseq);
    }
    out.put_slice(b"\r\n");
}

/// ` RELEVANCY (4 99 42)`. Source: RFC 6203 §4.
fn write_scores(out: &mut BytesMut, scores: &[u8]) {
    out.put_slice(b" RELEVANCY (");
    for (index, score) in scores.iter().enumerate() {
        if index > 0 {
            out.put_u8(b' ');
        }
        write::number(out, u64::from(*score));
    }
    out.put_u8(b')');
}

/// A set whose order counts: ranges stand only where numbers ascend one by one. Source: RFC 5267
/// §3.2.
pub(crate) fn write_in_order(out: &mut BytesMut, numbers: &[u32]) {
    let runs = numbers.chunk_by(|a, b| a.checked_add(1) == Some(*b));
    for (index, run) in runs.enumerate() {
        if index > 0 {
            out.put_u8(b',');
        }
        run.iter().copied().collect::<NumberSet>().write(out);
    }
}

/// `* SEARCH 2 5 (MODSEQ 9)`, or the same with SORT.
pub(crate) fn write_plain(out: &mut BytesMut, name: &str, numbers: &[u32], modseq: Option<u64>) {
    out.put_slice(b"* ");
    out.put_slice(name.as_bytes());
    for number in numbers {
        out.put_u8(b' ');
        write::number(out, u64::from(*number));
    }
    if let Some(modseq) = modseq {
        out.put_slice(b" (MODSEQ ");
        write::number(out, modseq);
        out.put_u8(b')');
    }
    out.put_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_kept_and_only_ascending_runs_are_shortened() {
        let written = |numbers: &[u32]| {
            let mut out = BytesMut::new();
            write_in_order(&mut out, numbers);
            String::from_utf8_lossy(&out).into_owned()
        };
        // RFC 5267 §3.3: descending numbers are no range.
        assert_eq!(
            written(&[23_765, 23_764, 23_763, 23_761]),
            "23765,23764,23763,23761"
        );
        assert_eq!(written(&[5, 1, 2, 3, 9, 8]), "5,1:3,9,8");
        assert_eq!(written(&[1, 2, 3]), "1:3");
        assert_eq!(written(&[]), "");
    }
}
