//! `UIDBATCHES`: where to cut the UIDs of a mailbox so that each part has equally many messages.
//!
//! Standards: RFC 10022.

use super::{Desk, Reply, State, Step, Work, once};
use crate::codec::command::BatchRequest;
use crate::codec::write;
use crate::refusal::Refusal;
use bytes::BufMut;
use engine::UidSet;

/// Messages that a batch has at least: for fewer the answer could be longer than what it saves.
pub(crate) const BATCH_MESSAGES_MIN: u32 = 500;

/// Errors: no open mailbox; too small batches.
pub(super) fn begin(
    request: &BatchRequest,
    tag: &str,
    state: &State,
) -> Result<Box<dyn Work>, Refusal> {
    state.selected()?;
    if request.size < BATCH_MESSAGES_MIN {
        return Err(Refusal::Never(
            "NO [TOOFEW] A batch has at least 500 messages",
        ));
    }
    let (first, last) = request.batches.unwrap_or((1, u32::MAX));
    if first > last {
        return Err(Refusal::WrongState(
            "BAD [CLIENTBUG] The first batch stands first",
        ));
    }
    let (size, tag) = (request.size, tag.to_owned());
    once(move |desk| {
        let told = &desk.state.selected()?.told;
        let wanted = batches(told, size)
            .skip(usize::try_from(first - 1).unwrap_or(usize::MAX))
            .take(
                usize::try_from(last - first)
                    .unwrap_or(usize::MAX)
                    .saturating_add(1),
            );
        let wanted: Vec<_> = wanted.collect();
        tell(desk, &tag, &wanted);
        Ok(Step::Done(Reply::told("OK UIDBATCHES completed")))
    })
}

/// The batches from the newest message down, each with its highest and its lowest UID. They leave
/// nothing out, so that the last ends at 1.
fn batches(uids: &UidSet, size: u32) -> impl Iterator<Item = (u32, u32)> {
    let count = uids.len();
    let mut above = uids.last().map_or(1, |last| last.0.saturating_add(1));
    (0..count.div_ceil(size)).map(move |index| {
        let below = count.saturating_sub((index + 1).saturating_mul(size));
        let low = match below {
            0 => 1,
            rank => uids.nth(rank).map_or(1, |uid| uid.0),
        };
        let batch = (above - 1, low);
        above = low;
        batch
    })
}

fn tell(desk: &mut Desk<'_>, tag: &str, batches: &[(u32, u32)]) {
    let out = &mut *desk.out;
    out.put_slice(b"* UIDBATCHES (TAG ");
    write::string(out, tag.as_bytes());
    out.put_u8(b')');
    for (index, (high, low)) in batches.iter().enumerate() {
        out.put_u8(if index == 0 { b' ' } else { b',' });
        write::number(out, u64::from(*high));
        out.put_u8(b':');
        write::number(out, u64::from(*low));
    }
    out.put_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(uids: &UidSet, size: u32) -> Vec<(u32, u32)> {
        batches(uids, size).collect()
    }

    #[test]
    fn the_newest_come_first_and_the_last_ends_at_one() {
        let uids = UidSet::from_ranges([3..=5, 10..=12, 20..=20]);
        assert_eq!(cut(&uids, 3), [(20, 11), (10, 4), (3, 1)]);
        assert_eq!(cut(&uids, 7), [(20, 1)]);
        assert_eq!(cut(&UidSet::default(), 7), []);
    }

    proptest! {
        #[test]
        fn every_message_lies_in_one_batch_and_all_but_the_last_are_full(
            uids in proptest::collection::btree_set(1_u32..5000, 0..300),
            size in 1_u32..40,
        ) {
            let uids = UidSet::from_ranges(uids.iter().map(|uid| *uid..=*uid));
            let batches = cut(&uids, size);
            for pair in batches.windows(2) {
                prop_assert_eq!(pair[1].0 + 1, pair[0].1);
            }
            let counts: Vec<u32> =
                batches.iter().map(|(high, low)| uids.within(*low..=*high).len()).collect();
            prop_assert_eq!(counts.iter().sum::<u32>(), uids.len());
            prop_assert!(counts.iter().rev().skip(1).all(|count| *count == size));
        }
    }
}
