//! Which short runs of characters a text has, in a form in which all ways to compare texts agree.
//!
//! What a [`Comparator`] finds to be part of a text has all its grams there: the form is coarser
//! than each of them and made character by character, and whether a run counts depends on the run
//! alone. That is why a sketch of the grams may say "certainly not". Nothing here knows words, so
//! scripts that write none between spaces need no dictionary.
//!
//! A gram is three and four characters, in Han and kana two; none contains a space. Those of the
//! fields that are searched most are kept a second time, as grams of that field ([`mark`]).

use super::Comparator;
use super::comparator::coarse;
use std::borrow::Cow;
use store::sketch::Grams;
use unicode_normalization::char::is_combining_mark;

/// Grams of a question that are asked for; more would not rule out more.
const ASKED_MAX: usize = 32;
/// Characters of the longest gram.
const LONGEST: u32 = 4;
/// Grams that end with one character, mostly.
const GRAMS_PER_LETTER: usize = 2;
/// Bytes of plain text for whose grams room is made at once.
const PIECE_BYTES: usize = 1024;
/// The fields whose grams are told from those of other texts.
const FIELDS: [&str; 4] = ["subject", "from", "to", "cc"];
/// What the grams of each are marked by (2^32 by the golden ratio, and what it is times two and so
/// on).
const MARKS: [u32; FIELDS.len()] = [0x9e37_79b9, 0x3c6e_f372, 0xdaa6_6d2b, 0x78dd_e6e4];

/// What tells the grams of a header field from those of any text, which have 0; `None` for a field
/// whose grams are those of any text.
pub(super) fn mark(field: &[u8]) -> Option<u32> {
    let is_it = |name: &str| field.eq_ignore_ascii_case(name.as_bytes());
    let mut marks = FIELDS.into_iter().zip(MARKS);
    marks.find_map(|(name, mark)| is_it(name).then_some(mark))
}

/// Adds the grams of a text, marked as those of its field.
pub(super) fn collect(text: &str, mark: u32, grams: &mut Grams) {
    let mut window = Window::default();
    let mut rest = text;
    // Folding looks at each letter by itself, apart from the order of marks, which no gram is made
    // of; so what is ASCII needs no more than its case.
    while !rest.is_empty() {
        let plain = rest.bytes().position(|byte| !byte.is_ascii());
        let (plain, other) = rest.split_at(plain.unwrap_or(rest.len()));
        for piece in plain.as_bytes().chunks(PIECE_BYTES) {
            let mut adding = grams.adding(piece.len() * GRAMS_PER_LETTER);
            window.push_ascii(piece, &mut |gram| adding.add(gram ^ mark));
        }
        let other_len = other.bytes().position(|byte| byte.is_ascii());
        let (other, behind) = other.split_at(other_len.unwrap_or(other.len()));
        if !other.is_empty() {
            let folded = Comparator::Unicode.fold(other);
            for letter in letters(&folded) {
                let mut adding = grams.adding(GRAMS_PER_LETTER);
                window.push(letter.into(), &mut |_, gram| adding.add(gram ^ mark));
            }
        }
        rest = behind;
    }
}

/// The grams that every text has which contains this piece, as far as the comparator sees; the
/// rarest first. None if the piece is too short.
pub(super) fn of_piece(folded: &str, comparator: Comparator) -> Vec<u32> {
    let mut window = Window::default();
    let mut found: Vec<(usize, u32)> = Vec::new();
    let mut add = |length, gram| found.push((length, gram));
    // What Unicode has folded must not be folded again: that is not the same for every letter.
    let folded = match comparator {
        Comparator::Unicode => Cow::Borrowed(folded),
        Comparator::Ascii | Comparator::Octet => Comparator::Unicode.fold(folded),
    };
    letters(&folded).for_each(|letter| window.push(letter.into(), &mut add));
    found.sort_by_key(|&(length, _)| std::cmp::Reverse(length));
    found.dedup();
    found.truncate(ASKED_MAX);
    found.into_iter().map(|(_, gram)| gram).collect()
}

/// What grams are made of. No mark is, since not all ways to compare see marks in one order.
fn letters(folded: &str) -> impl Iterator<Item = char> {
    coarse(folded).filter(|&letter| !is_combining_mark(letter))
}

/// The last characters that were read.
#[derive(Debug, Default)]
struct Window {
    /// Their numbers, 16 bits apart, the last one lowest. Numbers that take more lie over those
    /// before them.
    recent: u64,
    /// Whether they are of a script in which two say as much as a word: a bit for each.
    dense: u8,
    /// How many of them belong to one run without spaces.
    run: u32,
}

impl Window {
    /// Tells the grams that end with this character, with their lengths.
    fn push(&mut self, letter: u32, add: &mut impl FnMut(usize, u32)) {
        let is_gap = char::from_u32(letter).is_none_or(|l| l.is_whitespace() || l.is_control());
        if is_gap {
            self.run = 0;
        } else {
            self.extend(letter, is_dense(letter), add);
        }
    }

    /// The same for a piece of ASCII, where less has to be asked.
    #[inline]
    fn push_ascii(&mut self, piece: &[u8], add: &mut impl FnMut(u32)) {
        let mut letters = piece.iter().map(|&byte| folded(byte));
        // Until nothing of another script counts any more.
        while self.run > 0 && self.dense > 0 {
            match letters.next() {
                Some(0) => self.run = 0,
                Some(letter) => self.extend(letter.into(), false, &mut |_, gram| add(gram)),
                None => return,
            }
        }
        let (mut recent, mut run) = (self.recent, self.run);
        for letter in letters {
            if letter == 0 {
                run = 0;
                continue;
            }
            recent = recent << 16 ^ u64::from(letter);
            run += 1;
            if run >= 3 {
                add(hash(recent & 0xffff_ffff_ffff, 3));
            }
            if run >= LONGEST {
                run = LONGEST;
                add(hash(recent, 4));
            }
        }
        (self.recent, self.dense, self.run) = (recent, 0, run);
    }

    fn extend(&mut self, letter: u32, is_dense: bool, add: &mut impl FnMut(usize, u32)) {
        self.recent = self.recent << 16 ^ u64::from(letter);
        self.dense = self.dense << 1 | u8::from(is_dense);
        self.run = (self.run + 1).min(LONGEST);
        if self.run >= 2 && self.dense & 0b10 != 0 {
            add(2, hash(self.recent & 0xffff_ffff, 2));
        }
        if self.run >= 3 && self.dense & 0b100 == 0 {
            add(3, hash(self.recent & 0xffff_ffff_ffff, 3));
        }
        if self.run >= 4 && self.dense & 0b1000 == 0 {
            add(4, hash(self.recent, 4));
        }
    }
}

/// What of ASCII is part of grams, in one case; 0 is what is not.
const FOLDED: [u8; 256] = {
    let mut all = [0; 256];
    let mut rest: &mut [u8] = &mut all;
    let mut byte = 0_u8;
    while let [folded, behind @ ..] = rest {
        if byte.is_ascii_graphic() {
            *folded = byte.to_ascii_uppercase();
        }
        byte = byte.wrapping_add(1);
        rest = behind;
    }
    all
};

fn folded(byte: u8) -> u8 {
    FOLDED.get(usize::from(byte)).copied().unwrap_or_default()
}

/// True for scripts in which two characters say as much as a word: Han and kana.
fn is_dense(letter: u32) -> bool {
    matches!(letter, 0x3040..=0x312f | 0x31f0..=0x31ff | 0x3400..=0x9fff | 0x2_0000..=0x3_ffff)
}

/// A gram's number mixed so that the lower bits depend on all characters (by a factor of
/// `MurmurHash3`). It is part of the form of stored sketches.
fn hash(number: u64, length: u64) -> u32 {
    let number = number ^ length << 60;
    let mixed = (number ^ number >> 32).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let [.., a, b, c] = mixed.to_le_bytes();
    u32::from_le_bytes([a, b, c, 0])
}

#[cfg(test)]
mod tests {
    use super::super::Needle;
    use super::*;
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization;

    fn may_contain(text: &str, needle: &Needle) -> bool {
        let mut grams = Grams::default();
        collect(text, 0, &mut grams);
        grams.take().may_have(&needle.grams())
    }

    fn needles(wanted: &str) -> Vec<Needle> {
        let all = [Comparator::Unicode, Comparator::Ascii, Comparator::Octet];
        all.into_iter()
            .flat_map(|comparator| {
                [
                    Needle::new(wanted, comparator),
                    Needle::loose(wanted, comparator),
                    Needle::loose_phrase(wanted, comparator),
                ]
            })
            .collect()
    }

    #[test]
    fn what_is_not_there_is_ruled_out_in_every_script() {
        let text = "Dear Mr. Müller, die Straßenbahn kommt. 東京都に行きます。 ไปกรุงเทพ Привет";
        for wanted in ["xylograph", "大阪城公園", "สิงคโปร์", "Покаяние", "Mülheimer"]
        {
            assert!(
                !may_contain(text, &Needle::new(wanted, Comparator::Unicode)),
                "{wanted}"
            );
        }
        for wanted in ["MULLER", "straßenb", "京都", "กรุงเทพ", "приВЕТ", "Dear Mr."]
        {
            assert!(
                may_contain(text, &Needle::loose(wanted, Comparator::Unicode)),
                "{wanted}"
            );
            assert!(
                !Needle::new(wanted, Comparator::Unicode).grams().is_empty(),
                "{wanted}"
            );
        }
    }

    #[test]
    fn too_short_a_needle_rules_nothing_out() {
        for wanted in ["", "ab", "a b", "京"] {
            assert!(
                Needle::new(wanted, Comparator::Unicode).grams().is_empty(),
                "{wanted}"
            );
        }
    }

    /// Letters that fold in strange ways, and some that don't.
    const STRANGE: &str = " aAbsSﬁﬀßẞſøæŁ\u{ad}\u{200d}ىیıİéÉe\u{301}\u{345}\u{327}\u{e38}\u{e48}\u{3099}ᾳᾼΑαΙιǆǅ①İıi가각ᄀ京カガｶﾞกำﷺ½㎏\r\n";

    fn strange_text() -> impl Strategy<Value = String> {
        let letters: Vec<char> = STRANGE.chars().collect();
        let some = prop::collection::vec(prop::sample::select(letters), 0..40);
        some.prop_map(|letters| letters.into_iter().collect())
    }

    proptest! {
        #[test]
        fn what_contains_a_needle_has_its_grams(
            text in strange_text(), start in 0_usize..40, len in 0_usize..12,
        ) {
            let wanted: String = text.chars().skip(start).take(len).collect();
            let other_case = [wanted.to_uppercase(), wanted.to_lowercase(), wanted.nfd().collect()];
            for wanted in other_case.iter().chain([&wanted]) {
                for needle in needles(wanted) {
                    prop_assert!(!needle.is_in(&text) || may_contain(&text, &needle), "{:?}", needle);
                }
            }
        }

        #[test]
        fn any_letters_at_all(text in "\\PC{0,30}", start in 0_usize..30, len in 0_usize..9) {
            let wanted: String = text.chars().skip(start).take(len).collect();
            for needle in needles(&wanted) {
                prop_assert!(!needle.is_in(&text) || may_contain(&text, &needle), "{:?}", needle);
            }
        }
    }
}
