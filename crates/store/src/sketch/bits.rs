//! Sets of grams: as they are collected, and as they are kept.

/// Bits while grams are collected: 2^20.
const COLLECTED_LOG: u8 = 20;
/// The smallest sketch has 2^9 bits.
const SMALLEST_LOG: u8 = 9;
/// A sketch has at least so many bits for each gram: a third of them is set then, so that one gram
/// says little and the ten of a word of seven letters say nearly all.
const BITS_PER_GRAM: usize = 2;
const WORD_BITS: usize = 64;

/// How many bits a sketch has: 2 to this power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Class(u8);

impl Class {
    /// A text of which nothing can be ruled out: there is no sketch.
    pub(super) const OPAQUE: Self = Self(0);

    /// A class by its number; `None` if there is none of this number.
    pub(super) fn of_number(number: u8) -> Option<Self> {
        let is_known = number == 0 || (SMALLEST_LOG..=COLLECTED_LOG).contains(&number);
        is_known.then_some(Self(number))
    }

    pub(super) fn number(self) -> u8 {
        self.0
    }

    /// Bits of a sketch; none if nothing can be ruled out.
    pub(super) fn bits(self) -> usize {
        if self == Self::OPAQUE { 0 } else { 1 << self.0 }
    }

    /// The bit that a gram sets.
    pub(super) fn bit(self, gram: u32) -> usize {
        usize::try_from(gram).unwrap_or(0) & self.bits().saturating_sub(1)
    }

    /// The smallest class that is not too full with so many grams.
    fn for_grams(grams: usize) -> Self {
        let wanted = grams.saturating_mul(BITS_PER_GRAM);
        let fits = |log: &u8| 1_usize << log >= wanted;
        let log = (SMALLEST_LOG..=COLLECTED_LOG).find(fits);
        log.map_or(Self::OPAQUE, Self)
    }
}

/// Grams of one text, being collected. Can be used for one text after the other.
#[derive(Debug)]
pub struct Grams(Vec<u64>);

impl Default for Grams {
    fn default() -> Self {
        Self(vec![0; (1 << COLLECTED_LOG) / WORD_BITS])
    }
}

impl Grams {
    /// Adds one, by a hash of it whose lower 20 bits are well mixed.
    pub fn add(&mut self, gram: u32) {
        let place = usize::try_from(gram).unwrap_or(0) & ((1 << COLLECTED_LOG) - 1);
        if let Some(word) = self.0.get_mut(place / WORD_BITS) {
            *word |= 1 << (place % WORD_BITS);
        }
    }

    /// The sketch of what was collected; the collection is empty afterwards.
    pub fn take(&mut self) -> Sketch {
        let grams: usize = self.0.iter().map(|word| word.count_ones() as usize).sum();
        let class = Class::for_grams(grams);
        let sketch = Sketch {
            class,
            words: fold(&self.0, class.bits() / WORD_BITS),
        };
        self.0.fill(0);
        sketch
    }
}

/// Lays the pieces of a row of bits over one another, until there are only so many words. A bit of
/// the outcome is set where any bit of that place in a piece was.
fn fold(words: &[u64], len: usize) -> Box<[u64]> {
    let mut folded = vec![0; len].into_boxed_slice();
    if len > 0 {
        for piece in words.chunks(len) {
            for (all, word) in folded.iter_mut().zip(piece) {
                *all |= word;
            }
        }
    }
    folded
}

/// What one text might contain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    pub(super) class: Class,
    words: Box<[u64]>,
}

impl Sketch {
    /// A text of which nothing is known, so that it may contain anything.
    pub fn opaque() -> Self {
        Self {
            class: Class::OPAQUE,
            words: Box::default(),
        }
    }

    /// False if the text certainly lacks one of these grams.
    pub fn may_have(&self, grams: &[u32]) -> bool {
        let is_set = |&gram: &u32| {
            let place = self.class.bit(gram);
            let word = self.words.get(place / WORD_BITS);
            word.is_none_or(|word| word >> (place % WORD_BITS) & 1 == 1)
        };
        grams.iter().all(is_set)
    }

    /// Bytes that it takes.
    pub(super) fn len(&self) -> usize {
        self.words.len() * size_of::<u64>()
    }

    /// The places of the bits that are set.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(number, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let place = left.trailing_zeros() as usize;
                (left != 0).then(|| {
                    left &= left - 1;
                    number * WORD_BITS + place
                })
            })
        })
    }
}
