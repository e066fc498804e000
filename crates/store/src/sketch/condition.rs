//! What a question demands of texts, as far as sketches can tell.

use crate::error::StoreError;

/// A set of items, one bit for each.
pub(super) type Bits = Vec<u64>;

/// A demand, in postfix order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition(Vec<Step>);

/// A step of a [`Condition`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// All of these grams are there.
    Grams(Vec<u32>),
    /// All of the so many demands before are met.
    All(usize),
    /// At least one of the so many demands before is met.
    Any(usize),
}

impl Condition {
    /// A condition; the steps must leave exactly one demand.
    pub fn new(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    /// True if a text with these properties may meet it.
    pub fn is_met(&self, mut has: impl FnMut(&[u32]) -> bool) -> bool {
        let told = self.evaluate(1, |grams| Ok(vec![u64::from(has(grams))]));
        told.is_ok_and(|bits| bits.first().is_some_and(|word| word & 1 == 1))
    }

    /// The grams that are asked after, demand by demand.
    pub(super) fn grams(&self) -> impl Iterator<Item = &[u32]> {
        self.0.iter().filter_map(|step| match step {
            Step::Grams(grams) => Some(grams.as_slice()),
            Step::All(_) | Step::Any(_) => None,
        })
    }

    /// Which of so many items may meet it; `with` tells which may have some grams.
    pub(super) fn evaluate(
        &self,
        items: usize,
        mut with: impl FnMut(&[u32]) -> Result<Bits, StoreError>,
    ) -> Result<Bits, StoreError> {
        let mut stack: Vec<Bits> = Vec::new();
        for step in &self.0 {
            let bits = match step {
                Step::Grams(grams) => with(grams)?,
                Step::All(count) => join(&mut stack, *count, items, |all, one| *all &= one),
                Step::Any(count) => join(&mut stack, *count, items, |all, one| *all |= one),
            };
            stack.push(bits);
        }
        Ok(stack.pop().unwrap_or_else(|| everything(items)))
    }
}

/// The set of all of so many items.
pub(super) fn everything(items: usize) -> Bits {
    let mut bits = vec![u64::MAX; items.div_ceil(64)];
    let rest = items % 64;
    if rest > 0
        && let Some(last) = bits.last_mut()
    {
        *last = (1 << rest) - 1;
    }
    bits
}

/// The numbers of the items in a set.
pub(super) fn members(bits: &[u64]) -> impl Iterator<Item = usize> {
    let numbered = bits.iter().enumerate();
    numbered.flat_map(|(number, word)| {
        (0..64)
            .filter(move |bit| word >> bit & 1 == 1)
            .map(move |bit| number * 64 + bit)
    })
}

fn join(stack: &mut Vec<Bits>, count: usize, items: usize, with: impl Fn(&mut u64, u64)) -> Bits {
    let parts = stack.split_off(stack.len().saturating_sub(count));
    let joined = parts.into_iter().reduce(|mut all, one| {
        all.iter_mut()
            .zip(one)
            .for_each(|(all, one)| with(all, one));
        all
    });
    joined.unwrap_or_else(|| everything(items))
}
