//! Sets of grams: as they are collected, and as they are kept.

/// The largest sketch has 2^20 bits.
const LARGEST_LOG: u8 = 20;
/// The smallest sketch has 2^9 bits.
const SMALLEST_LOG: u8 = 9;
/// A sketch has at least so many bits for each gram: a third of them is set then, so that one gram
/// says little and the ten of a word of seven letters say nearly all.
const BITS_PER_GRAM: usize = 2;
/// So many of a thousand bits are set by half as many grams as there are bits: 1 - e^(-1/2).
const SET_PER_MILLE_MAX: usize = 394;
const WORD_BITS: usize = 64;

/// How many bits a sketch has: 2 to this power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Class(u8);

impl Class {
    /// A text of which nothing can be ruled out: there is no sketch.
    pub(super) const OPAQUE: Self = Self(0);

    /// A class by its number; `None` if there is none of this number.
    pub(super) fn of_number(number: u8) -> Option<Self> {
        let is_known = number == 0 || (SMALLEST_LOG..=LARGEST_LOG).contains(&number);
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

    /// The class of a sketch of so many words.
    fn of_words(words: usize) -> Self {
        let log = (words * WORD_BITS).checked_ilog2();
        let number = log.and_then(|log| u8::try_from(log).ok());
        number.and_then(Self::of_number).unwrap_or(Self::OPAQUE)
    }
}

/// Words while few grams are collected; they fit a processor's nearest memory.
const FEWEST_WORDS: usize = 1024;
const SMALLEST_WORDS: usize = (1 << SMALLEST_LOG) / WORD_BITS;
const LARGEST_WORDS: usize = (1 << LARGEST_LOG) / WORD_BITS;

/// Grams of one text, being collected. Can be used for one text after the other.
///
/// It is a sketch that is too large for them: one of half its size has the bits of both halves. So
/// the right size is found at the end, and nothing is counted on the way.
#[derive(Debug)]
pub struct Grams {
    /// A power of two of words.
    bits: Vec<u64>,
    /// Grams that were announced.
    announced: usize,
}

impl Default for Grams {
    fn default() -> Self {
        Self {
            bits: vec![0; FEWEST_WORDS],
            announced: 0,
        }
    }
}

impl Grams {
    /// Makes room to add about so many.
    pub fn adding(&mut self, about: usize) -> Adding<'_> {
        self.announced = self.announced.saturating_add(about);
        self.expect(self.announced);
        Adding(&mut self.bits)
    }

    /// Makes room for a text that has so many at most.
    ///
    /// What is there already has two bits for each gram in twice the room, so a sketch is larger
    /// than it had to be where more came than was expected.
    pub fn expect(&mut self, grams: usize) {
        let wanted = grams.saturating_mul(BITS_PER_GRAM).div_ceil(WORD_BITS);
        while self.bits.len() < wanted.min(LARGEST_WORDS) {
            self.bits.extend_from_within(..);
        }
    }

    /// The sketch of what was collected; the collection is empty afterwards.
    pub fn take(&mut self) -> Sketch {
        let mut len = self.bits.len();
        while let Some(half) = fold(self.bits.get_mut(..len).unwrap_or_default()) {
            len = half;
        }
        let words = self.bits.get(..len).unwrap_or_default();
        let is_opaque = len == LARGEST_WORDS && is_too_full(words.iter().copied());
        let sketch = if is_opaque {
            Sketch::opaque()
        } else {
            Sketch {
                class: Class::of_words(len),
                words: words.into(),
            }
        };
        self.bits.clear();
        self.bits.resize(FEWEST_WORDS, 0);
        self.announced = 0;
        sketch
    }
}

/// Has half the words hold the same grams, with the bits of both halves, and tells how many words
/// that are; `None` if too many bits would be set.
fn fold(words: &mut [u64]) -> Option<usize> {
    let (low, high) = words.split_at_mut(words.len() / 2);
    let both = |(low, high): (&u64, &u64)| low | high;
    if low.len() < SMALLEST_WORDS || is_too_full(low.iter().zip(high.iter()).map(both)) {
        return None;
    }
    for (low, high) in low.iter_mut().zip(high) {
        *low |= *high;
    }
    Some(low.len())
}

/// True if so many bits are set that a gram would say too little.
fn is_too_full(words: impl ExactSizeIterator<Item = u64>) -> bool {
    let bits = words.len() * WORD_BITS;
    let set: u32 = words.map(u64::count_ones).sum();
    usize::try_from(set).is_ok_and(|set| set * 1000 > bits * SET_PER_MILLE_MAX)
}

/// Some grams on their way into a collection.
#[derive(Debug)]
pub struct Adding<'a>(&'a mut [u64]);

impl Adding<'_> {
    /// Adds one, by a hash of it whose lower 20 bits are well mixed.
    #[inline]
    pub fn add(&mut self, gram: u32) {
        let place = usize::try_from(gram).unwrap_or(0);
        let word = (place / WORD_BITS) & self.0.len().wrapping_sub(1);
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (place % WORD_BITS);
        }
    }
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

    /// Its bits, the first in the lowest place.
    pub(super) fn words(&self) -> &[u64] {
        &self.words
    }
}
