//! Examples with faults put into them: a little of what fuzzing gives, the same in each run.
//!
//! Start at [`run`], or at [`fuzz_briefly!`](crate::fuzz_briefly) where the targets and seeds lie in
//! the crate's folder `fuzz`.

use crate::dialogue::lines::{Line, Lines};

/// Faults put into one input.
const FAULTS_MAX: usize = 6;

/// Longest piece that is dropped, doubled or moved, in bytes.
const PIECE_BYTES_MAX: usize = 40;

/// Makes a test of each of a crate's fuzz targets: a short run on its seeds, which lie in
/// `../fuzz/seeds`. `loved` are the bytes that mean something to what is fuzzed, and behind each
/// target stands how many inputs it is given.
///
/// ```ignore
/// engine::fuzz_briefly! {
///     seeds: "sign_in" "everything";
///     loved: b"\r\n";
///     commands = entry::commands, 12_000;
/// }
/// ```
#[macro_export]
macro_rules! fuzz_briefly {
    (seeds: $($seed:literal)*; loved: $loved:expr; $($name:ident = $target:path, $rounds:expr;)*) => {
        const SEEDS: &[&[u8]] = &[$(include_bytes!(concat!("../fuzz/seeds/", $seed))),*];
        $(#[test]
        fn $name() {
            $crate::rehearsal::mutation::run(SEEDS, $loved, $rounds, $target);
        })*
    };
}

/// Hands each example to `target` as it is, and then so many made of them. `loved` are the bytes
/// that mean something to what reads them.
pub fn run(examples: &[&[u8]], loved: &[u8], rounds: u64, target: fn(&[u8])) {
    for example in examples {
        target(example);
    }
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for _ in 0..rounds {
        target(&dice.mutated(examples, loved));
    }
}

/// Octets of the pieces in which an input comes, as its own first byte has it.
pub fn piece_bytes(input: &[u8]) -> usize {
    input.first().map_or(1, |&first| usize::from(first) + 1)
}

/// Hands each whole line at the front of `input` to `read`.
///
/// # Panics
///
/// If a line is not what stands there up to the first CRLF.
pub fn each_line(input: &[u8], bytes_max: usize, mut read: impl FnMut(&[u8])) {
    let (mut rest, mut lines) = (input, Lines::default());
    while let (taken, Line::Whole(text)) = lines.take(rest, bytes_max) {
        assert!(taken == text.len() + 2 && !text.contains(&b'\n'));
        read(text);
        rest = rest.get(taken..).unwrap_or_default();
    }
}

/// Numbers that look random: xorshift (G. Marsaglia, 2003).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % below.max(1)
    }

    fn pick<'a>(&mut self, examples: &[&'a [u8]]) -> &'a [u8] {
        examples
            .get(self.roll(examples.len()))
            .copied()
            .unwrap_or_default()
    }

    /// Some examples in a row with bytes changed, dropped, doubled or taken from one another.
    fn mutated(&mut self, examples: &[&[u8]], loved: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..=self.roll(3) {
            bytes.extend_from_slice(self.pick(examples));
        }
        for _ in 0..self.roll(FAULTS_MAX) {
            let other = if self.roll(2) == 0 {
                bytes.clone()
            } else {
                self.pick(examples).to_vec()
            };
            let piece = self.piece(&other).to_vec();
            let from = self.roll(bytes.len());
            let (dropped, put) = match self.roll(4) {
                0 => (
                    1,
                    loved
                        .get(self.roll(loved.len()))
                        .copied()
                        .into_iter()
                        .collect(),
                ),
                1 => (
                    0,
                    loved
                        .get(self.roll(loved.len()))
                        .copied()
                        .into_iter()
                        .collect(),
                ),
                2 => (self.roll(PIECE_BYTES_MAX), Vec::new()),
                _ => (self.roll(2) * piece.len(), piece),
            };
            let until = (from + dropped).min(bytes.len());
            bytes.splice(from..until, put);
        }
        bytes
    }

    fn piece<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let from = self.roll(bytes.len());
        let until = (from + self.roll(PIECE_BYTES_MAX)).min(bytes.len());
        bytes.get(from..until).unwrap_or_default()
    }
}
