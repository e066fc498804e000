//! Small numbers for hashes, so that what belongs to each stands in a list.

/// Hashes that are looked at to find one, as a rule.
const BUCKET: usize = 4;

/// The numbers of some hashes, from 0 without gaps.
///
/// Hashes are spread evenly, so the first bits of one nearly tell where it stands among the sorted:
/// this takes a quarter of the memory of a table and is as fast.
pub(super) struct Numbering {
    sorted: Vec<u64>,
    /// By first bits, where the hashes that begin with them start.
    starts: Vec<u32>,
    shift: u32,
}

impl Numbering {
    /// Of these, in which each may stand many times.
    pub(super) fn of(mut hashes: Vec<u64>) -> Self {
        hashes.sort_unstable();
        hashes.dedup();
        let bits = (hashes.len() / BUCKET).max(2).ilog2();
        let shift = u64::BITS - bits;
        let mut starts = Vec::with_capacity(1 << bits);
        for (at, hash) in (0_u32..).zip(&hashes) {
            let bucket = bucket(*hash, shift);
            while starts.len() <= bucket {
                starts.push(at);
            }
        }
        Self {
            sorted: hashes,
            starts,
            shift,
        }
    }

    /// How many different ones there are.
    pub(super) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// The number of one of them.
    pub(super) fn number(&self, hash: u64) -> Option<u32> {
        let start = *self.starts.get(bucket(hash, self.shift))?;
        let from = self.sorted.get(usize::try_from(start).ok()?..)?;
        let before = from.iter().take_while(|other| **other < hash).count();
        from.get(before).filter(|found| **found == hash)?;
        u32::try_from(before).ok()?.checked_add(start)
    }
}

fn bucket(hash: u64, shift: u32) -> usize {
    usize::try_from(hash >> shift).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_hash_has_a_number_of_its_own_and_others_have_none(
            hashes in proptest::collection::vec(any::<u64>(), 0..200),
            others in proptest::collection::vec(any::<u64>(), 0..20),
        ) {
            let twice = hashes.iter().chain(&hashes).copied().collect();
            let numbering = Numbering::of(twice);
            let mut numbers: Vec<_> = hashes.iter().map(|hash| numbering.number(*hash)).collect();
            numbers.sort_unstable();
            numbers.dedup();
            let all: Vec<_> = (0..u32::try_from(numbering.len()).unwrap()).map(Some).collect();
            prop_assert_eq!(numbers, all);
            for other in others.iter().filter(|other| !hashes.contains(other)) {
                prop_assert_eq!(numbering.number(*other), None);
            }
        }
    }
}
