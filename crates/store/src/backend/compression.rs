//! Compressing blocks: with what letters have in common, or without.
//!
//! A letter by itself has little that repeats: what makes it large (fields, footers, the frame of
//! its HTML) stands in other letters. A *dictionary* is a piece of such text, learned from the
//! store's own letters, that small blocks are compressed against: 22 % fewer bytes for real letters
//! of 6 KB on average, in the time that it took without. Each block names its dictionary (RFC 8878
//! §3.1.1.1.3), so that new ones may come while what was compressed by old ones stays as it is.
//!
//! Pure: bytes in, bytes out. Start at [`Contexts`].

use super::block::damaged;
use crate::error::StoreError;
use parking_lot::{Mutex, RwLock};
use std::sync::Arc;

/// zstd level without a dictionary: 1 costs half the time of 3 for 5 % more bytes on letters.
const LEVEL: i32 = 1;
/// The same with one: 2 saves 7 % of real letters' bytes for 15 % more time than 1; 3 saves 4 % more
/// for 35 %.
const DICTIONARY_LEVEL: i32 = 2;
/// A block that shrinks by less than one in this many is stored raw: reading it is then free.
const SHRINK_MIN: usize = 20;
/// Idle contexts of a kind kept (a compressor takes about 900 KiB with blocks of 256 KiB).
const CONTEXTS_MAX: usize = 16;
/// Blocks up to this length are compressed by a dictionary; larger ones have enough of their own.
const DICTIONARY_BLOCK_MAX: usize = 64 * 1024;
/// Length of a dictionary: zstd's own recommendation.
const DICTIONARY_BYTES: usize = 112_640;
/// Samples that a dictionary is learned from at least.
const SAMPLES_MIN: usize = 1_000;
/// One sample in so many is left out of the learning, to see what the dictionary is worth.
const HELD_OUT: usize = 8;
/// A dictionary is taken when it saves at least one byte in this many.
const GAIN_MIN: usize = 20;

/// A piece of text that blocks are compressed against.
pub struct Dictionary {
    number: u32,
    bytes: Vec<u8>,
    contexts: Pool,
}

impl std::fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dictionary({})", self.number) // Pieces of letters are for no log.
    }
}

impl Dictionary {
    /// Takes one that was learned, in the form of RFC 8878 §5.
    ///
    /// Errors: [`StoreError::Corrupt`] for bytes that are no dictionary.
    pub fn new(bytes: Vec<u8>) -> Result<Self, StoreError> {
        let number = zstd::zstd_safe::get_dict_id_from_dict(&bytes);
        let number = number.ok_or_else(|| damaged("dictionary"))?.get();
        let dictionary = Self {
            number,
            bytes,
            contexts: Pool::default(),
        };
        dictionary.new_compressor()?; // What zstd does not take is none either.
        Ok(dictionary)
    }

    /// Learns one from samples, of which the first of many are probably like those that will come.
    ///
    /// `None` when there are fewer than [`SAMPLES_MIN`], or when those that were left out shrink by
    /// less than a twentieth more with it.
    pub fn learn(samples: &[Vec<u8>]) -> Result<Option<Self>, StoreError> {
        if samples.len() < SAMPLES_MIN {
            return Ok(None);
        }
        let is_held_out = |place: usize| place.is_multiple_of(HELD_OUT);
        let part = |held_out: bool| {
            let places = samples.iter().enumerate();
            let some = places.filter(move |(place, _)| is_held_out(*place) == held_out);
            some.map(|(_, sample)| sample)
        };
        let learned: Vec<&[u8]> = part(false).map(Vec::as_slice).collect();
        // Samples of one form, or of none, give nothing to learn.
        let Ok(bytes) = zstd::dict::from_samples(&learned, DICTIONARY_BYTES) else {
            return Ok(None);
        };
        let dictionary = Self::new(bytes)?;
        let (mut plain, mut shorter) = (0, 0);
        let (mut without, mut with) = (Compressor::plain()?, dictionary.new_compressor()?);
        for sample in part(true) {
            plain += without.pack(sample)?.len();
            shorter += with.pack(sample)?.len();
        }
        Ok(Some(dictionary).filter(|_| shorter + plain / GAIN_MIN < plain))
    }

    /// The number by which compressed blocks name it.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The form in which it is kept.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn new_compressor(&self) -> Result<Compressor, StoreError> {
        let zstd = zstd::bulk::Compressor::with_dictionary(DICTIONARY_LEVEL, &self.bytes)?;
        Ok(Compressor::over(zstd))
    }
}

/// A compressor with the room it writes to.
struct Compressor {
    zstd: zstd::bulk::Compressor<'static>,
    packed: Vec<u8>,
}

impl Compressor {
    fn over(zstd: zstd::bulk::Compressor<'static>) -> Self {
        let packed = Vec::new();
        Self { zstd, packed }
    }

    fn plain() -> Result<Self, StoreError> {
        Ok(Self::over(zstd::bulk::Compressor::new(LEVEL)?))
    }

    fn pack(&mut self, block: &[u8]) -> Result<&[u8], StoreError> {
        self.packed.clear();
        let room = zstd::zstd_safe::compress_bound(block.len());
        self.packed.reserve(room);
        self.zstd.compress_to_buffer(block, &mut self.packed)?;
        Ok(&self.packed)
    }
}

/// Contexts of one kind that wait for their next block; making one costs more than a letter.
///
/// Nobody waits for the lists of them: who holds one may be a thread that stands back, put aside by
/// the system meanwhile, and a new context is cheaper than its next turn.
#[derive(Default)]
struct Pool {
    compressors: Mutex<Vec<Compressor>>,
    decompressors: Mutex<Vec<zstd::bulk::Decompressor<'static>>>,
}

fn take<T>(idle: &Mutex<Vec<T>>) -> Option<T> {
    idle.try_lock()?.pop()
}

fn put_back<T>(idle: &Mutex<Vec<T>>, context: T) {
    if let Some(mut all) = idle.try_lock()
        && all.len() < CONTEXTS_MAX
    {
        all.push(context);
    }
}

/// What compresses and decompresses the blocks of a store.
#[derive(Default)]
pub struct Contexts {
    plain: Pool,
    /// The last is the one that compresses.
    dictionaries: RwLock<Vec<Arc<Dictionary>>>,
}

impl std::fmt::Debug for Contexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contexts")
    }
}

impl Contexts {
    /// Contexts that know these dictionaries and use the last of them.
    pub fn with(dictionaries: Vec<Dictionary>) -> Self {
        let known = dictionaries.into_iter().map(Arc::new).collect();
        Self {
            plain: Pool::default(),
            dictionaries: RwLock::new(known),
        }
    }

    /// Uses a dictionary from now on. What it compresses can be read only where it is known, so it
    /// must be on disk before.
    pub fn use_dictionary(&self, dictionary: Dictionary) {
        self.dictionaries.write().push(Arc::new(dictionary));
    }

    /// Whether a dictionary of this number is known.
    pub fn knows(&self, number: u32) -> bool {
        let known = self.dictionaries.read();
        known.iter().any(|known| known.number == number)
    }

    /// How many dictionaries are known.
    pub fn dictionaries(&self) -> usize {
        self.dictionaries.read().len()
    }

    /// Appends a block to `out`; true when it was stored raw.
    pub fn compress(&self, block: &[u8], out: &mut Vec<u8>) -> Result<bool, StoreError> {
        let newest = || self.dictionaries.read().last().cloned();
        let dictionary = (block.len() <= DICTIONARY_BLOCK_MAX).then(newest).flatten();
        let pool = dictionary
            .as_ref()
            .map_or(&self.plain, |known| &known.contexts);
        let mut compressor = match (take(&pool.compressors), &dictionary) {
            (Some(compressor), _) => compressor,
            (None, Some(dictionary)) => dictionary.new_compressor()?,
            (None, None) => Compressor::plain()?,
        };
        let packed = compressor.pack(block)?;
        let raw = packed.len().saturating_add(block.len() / SHRINK_MIN) > block.len();
        out.extend_from_slice(if raw { block } else { packed });
        put_back(&pool.compressors, compressor);
        Ok(raw)
    }

    /// The `len` bytes of a compressed block.
    ///
    /// Errors: [`StoreError::Corrupt`] where it is damaged, or its dictionary is missing.
    pub fn decompress(&self, block: &[u8], len: usize) -> Result<Vec<u8>, StoreError> {
        let dictionary = self.dictionary_of(block)?;
        let pool = dictionary
            .as_ref()
            .map_or(&self.plain, |known| &known.contexts);
        let mut decompressor = match (take(&pool.decompressors), &dictionary) {
            (Some(decompressor), _) => decompressor,
            (None, Some(dictionary)) => {
                zstd::bulk::Decompressor::with_dictionary(&dictionary.bytes)?
            }
            (None, None) => zstd::bulk::Decompressor::new()?,
        };
        let raw = decompressor
            .decompress(block, len)
            .map_err(|_| damaged("block"))?;
        put_back(&pool.decompressors, decompressor);
        if raw.len() == len {
            Ok(raw)
        } else {
            Err(damaged("block length"))
        }
    }

    fn dictionary_of(&self, block: &[u8]) -> Result<Option<Arc<Dictionary>>, StoreError> {
        let Some(number) = zstd::zstd_safe::get_dict_id_from_frame(block) else {
            return Ok(None);
        };
        let known = self.dictionaries.read();
        let found = known.iter().find(|known| known.number == number.get());
        let missing = || StoreError::Corrupt(format!("the dictionary {number} is missing"));
        found.cloned().map(Some).ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Letters that have their fields in common and little else.
    fn letters(count: usize) -> Vec<Vec<u8>> {
        let noise = |seed: usize, len| {
            let mut bytes = vec![0; len];
            let mut reader = blake3::Hasher::new()
                .update(&seed.to_be_bytes())
                .finalize_xof();
            reader.fill(&mut bytes);
            bytes
                .iter()
                .map(|byte| b'a' + byte % 26)
                .collect::<Vec<_>>()
        };
        let letter = |seed| {
            let fields = (0..12).map(|field| {
                let name = noise(field, 120 + field);
                [&name[..], b": ", &noise(seed * 31 + field, 9), b"\r\n"].concat()
            });
            fields.collect::<Vec<_>>().concat()
        };
        (0..count).map(|seed| letter(seed + 100)).collect()
    }

    fn packed(contexts: &Contexts, block: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        assert!(!contexts.compress(block, &mut out).unwrap());
        out
    }

    #[test]
    fn a_dictionary_makes_letters_shorter_and_older_ones_stay_readable() {
        let letters = letters(SAMPLES_MIN + 2);
        let dictionary = Dictionary::learn(&letters[2..]).unwrap().unwrap();
        let (letter, contexts) = (&letters[0], Contexts::default());
        let before = packed(&contexts, letter);
        contexts.use_dictionary(dictionary);
        let after = packed(&contexts, letter);
        assert!(after.len() * 2 < before.len());
        for stored in [before, after] {
            assert_eq!(&contexts.decompress(&stored, letter.len()).unwrap(), letter);
        }
    }

    #[test]
    fn a_block_whose_dictionary_is_missing_is_told_as_such() {
        let letters = letters(SAMPLES_MIN);
        let contexts = Contexts::default();
        contexts.use_dictionary(Dictionary::learn(&letters).unwrap().unwrap());
        let stored = packed(&contexts, &letters[0]);
        let error = Contexts::default()
            .decompress(&stored, letters[0].len())
            .unwrap_err();
        assert!(error.to_string().contains("dictionary"), "{error}");
    }

    #[test]
    fn large_blocks_are_compressed_by_themselves() {
        let letters = letters(SAMPLES_MIN);
        let large = letters.concat();
        let large = &large[..=DICTIONARY_BLOCK_MAX];
        let contexts = Contexts::default();
        let before = packed(&contexts, large);
        contexts.use_dictionary(Dictionary::learn(&letters).unwrap().unwrap());
        assert_eq!(packed(&contexts, large), before);
    }

    #[test]
    fn nothing_is_learned_from_too_few_letters_or_from_what_has_nothing_in_common() {
        assert!(
            Dictionary::learn(&letters(SAMPLES_MIN - 1))
                .unwrap()
                .is_none()
        );
        let mut noise = vec![0; 500 * SAMPLES_MIN];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        let noise: Vec<_> = noise.chunks(500).map(<[u8]>::to_vec).collect();
        assert!(Dictionary::learn(&noise).unwrap().is_none());
        assert!(
            Dictionary::learn(&vec![b"x".to_vec(); SAMPLES_MIN])
                .unwrap()
                .is_none()
        );
        assert!(Dictionary::new(b"no dictionary".to_vec()).is_err());
    }
}
