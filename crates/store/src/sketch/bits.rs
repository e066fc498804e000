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

/// Places that there is room for at first.
const FEWEST_PLACES: usize = 4096;

/// Places that are kept room for from one text to the next: those of 100 pages.
const KEPT_PLACES: usize = 128 * 1024;

/// Grams of one text, being collected. Can be used for one text after the other.
#[derive(Debug)]
pub struct Grams {
    /// Which were added.
    bits: Vec<u64>,
    /// The same as a list, so that a short text costs little; what counts stands before `count`.
    places: Vec<u32>,
    count: usize,
}

impl Default for Grams {
    fn default() -> Self {
        Self {
            bits: vec![0; (1 << COLLECTED_LOG) / WORD_BITS],
            places: Vec::new(),
            count: 0,
        }
    }
}

impl Grams {
    /// Makes room to add so many.
    pub fn adding(&mut self, most: usize) -> Adding<'_> {
        let wanted = self.count + most;
        if self.places.len() < wanted {
            self.places.resize(wanted + FEWEST_PLACES, 0);
        }
        Adding {
            bits: &mut self.bits,
            places: &mut self.places,
            count: self.count,
            counted: &mut self.count,
        }
    }

    /// The sketch of what was collected; the collection is empty afterwards.
    pub fn take(&mut self) -> Sketch {
        let class = Class::for_grams(self.count);
        let mut words = vec![0_u64; class.bits() / WORD_BITS].into_boxed_slice();
        for &place in self.places.iter().take(self.count) {
            if let Some(word) = words.get_mut(class.bit(place) / WORD_BITS) {
                *word |= 1 << (place % u64::BITS);
            }
            if let Some(word) = word_of(&mut self.bits, place) {
                *word = 0;
            }
        }
        self.count = 0;
        self.places.truncate(KEPT_PLACES);
        self.places.shrink_to(KEPT_PLACES);
        Sketch { class, words }
    }
}

/// Some grams on their way into a collection.
#[derive(Debug)]
pub struct Adding<'a> {
    bits: &'a mut [u64],
    places: &'a mut [u32],
    /// Like that of the collection, but no write to memory can change it, so that a processor
    /// keeps it at hand.
    count: usize,
    counted: &'a mut usize,
}

impl Adding<'_> {
    /// Adds one, by a hash of it whose lower 20 bits are well mixed. What there is no room for is
    /// left out.
    #[inline]
    pub fn add(&mut self, gram: u32) {
        let place = gram & ((1 << COLLECTED_LOG) - 1);
        let bit = 1 << (place % u64::BITS);
        // About every second one is new, in no order that a processor could foresee: so one that
        // is not is written too, and counts only if it is new.
        if let Some(word) = word_of(self.bits, place)
            && let Some(free) = self.places.get_mut(self.count)
        {
            *free = place;
            self.count += usize::from(*word & bit == 0);
            *word |= bit;
        }
    }
}

impl Drop for Adding<'_> {
    fn drop(&mut self) {
        *self.counted = self.count;
    }
}

#[inline]
fn word_of(bits: &mut [u64], place: u32) -> Option<&mut u64> {
    bits.get_mut(usize::try_from(place).ok()? / WORD_BITS)
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
