//! How texts are compared: which letters count as alike, and which text stands before which.
//!
//! A text is folded once; folded texts are then compared byte by byte, for order, equality and
//! substrings alike.
//!
//! Start at [`Comparator::fold`]. Standards: RFC 4790 §9 (collations over ASCII and octets), RFC
//! 5051 (Unicode).

use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A rule for comparing texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Comparator {
    /// Letters of every script in either case are alike, and so are different ways to write the
    /// same letter.
    ///
    /// Source: RFC 5051.
    #[default]
    Unicode,
    /// Letters A to Z in either case are alike. Source: RFC 4790 §9.2.
    Ascii,
    /// Every byte counts. Source: RFC 4790 §9.3.
    Octet,
}

impl Comparator {
    /// The text in the form whose bytes are compared.
    pub fn fold(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Octet => Cow::Borrowed(text),
            Self::Ascii => Cow::Owned(text.to_ascii_uppercase()),
            Self::Unicode if text.is_ascii() => Cow::Owned(text.to_ascii_uppercase()),
            Self::Unicode => Cow::Owned(text.chars().map(title_case).nfkd().collect()),
        }
    }

    /// The text in the form for those who do not mind how letters are written: without accents and
    /// other marks, and for the Unicode rule as [`coarse`] has it.
    pub fn fold_loosely(self, text: &str) -> String {
        let folded = self.fold(text);
        match self {
            Self::Unicode => coarse(&folded).collect(),
            Self::Ascii | Self::Octet => {
                let letters = folded.nfd().filter(|&letter| !is_combining_mark(letter));
                letters.collect()
            }
        }
    }

    /// True if upper and lower case of A to Z are alike, so that ASCII is folded byte by byte.
    pub(super) fn folds_case(self) -> bool {
        self != Self::Octet
    }
}

/// Folded text in one case throughout (folding leaves the parts of ligatures small), without
/// accents and what is not seen, and with each letter that some keyboards lack as others write it.
///
/// Made letter by letter, so that a part of a text stays a part of it.
pub(super) fn coarse(folded: &str) -> impl Iterator<Item = char> {
    let seen = folded.nfd().filter(|&letter| !is_unseen(letter));
    let letters = seen.flat_map(|letter| {
        let (first, second) = spelt_out(title_case(letter));
        [Some(first), second]
    });
    letters.flatten()
}

/// Accents, what only says where a line may end or in which direction it runs, and the stroke that
/// makes an Arabic word longer.
fn is_unseen(letter: char) -> bool {
    match letter {
        '\0'..='\u{7f}' => false,
        '\u{ad}'
        | '\u{640}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}' => true,
        other => is_combining_mark(other) && !is_half_a_letter(other),
    }
}

/// True for marks without which a word is another: the vowels and tones of India's and Indochina's
/// scripts, and what makes a voiced kana of another.
fn is_half_a_letter(mark: char) -> bool {
    matches!(
        mark,
        '\u{900}'..='\u{1aaf}'
            | '\u{1b00}'..='\u{1cff}'
            | '\u{3099}'..='\u{309a}'
            | '\u{a800}'..='\u{abff}'
            | '\u{1_1000}'..='\u{1_1fff}'
    )
}

/// Letters that no decomposition takes apart, as they are written where they are not at hand.
fn spelt_out(letter: char) -> (char, Option<char>) {
    match letter {
        'ß' | 'ẞ' => ('S', Some('S')),
        'Æ' => ('A', Some('E')),
        'Œ' => ('O', Some('E')),
        'Þ' => ('T', Some('H')),
        'Ø' => ('O', None),
        'Đ' | 'Ð' => ('D', None),
        'Ł' => ('L', None),
        'Ħ' => ('H', None),
        'Ŧ' => ('T', None),
        // Arabic and Persian kaf and yeh, and the letters that only ends of words have.
        '\u{6a9}' => ('\u{643}', None),
        '\u{649}' | '\u{6cc}' => ('\u{64a}', None),
        '\u{629}' => ('\u{647}', None),
        other => (other, None),
    }
}

/// The simple mapping to title case of `UnicodeData.txt`: one letter for one.
///
/// It is the mapping to upper case except where that has no single letter, where two letters are
/// written as one, and in Georgian, whose capitals are not used for titles.
pub(super) fn title_case(letter: char) -> char {
    match letter {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        '\u{10d0}'..='\u{10ff}' => letter,
        // Greek vowels with an iota below: the title form stands eight places on, or keeps the
        // iota.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => {
            char::from_u32(u32::from(letter) + 8).unwrap_or(letter)
        }
        '\u{1fb3}' => '\u{1fbc}',
        '\u{1fc3}' => '\u{1fcc}',
        '\u{1ff3}' => '\u{1ffc}',
        other => {
            let mut upper = other.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(single), None) => single,
                _ => other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(a: &str, b: &str) -> bool {
        Comparator::Unicode.fold(a) == Comparator::Unicode.fold(b)
    }

    #[test]
    fn case_and_ways_of_writing_do_not_matter_in_any_script() {
        for (a, b) in [
            ("réunion", "RE\u{301}UNION"),
            ("ａｂｃ", "ABC"),
            ("привет", "ПРИВЕТ"),
            ("ǆ", "Ǆ"),
            ("ᾳ", "ᾼ"),
            ("ﬁ", "ﬁ"),
            ("①", "1"),
        ] {
            assert!(alike(a, b), "{a} {b}");
        }
        // One letter for one: the sharp s has no capital of one letter that all agree on.
        assert!(!alike("straße", "STRASSE"));
        assert!(!alike("e", "é"));
    }

    #[test]
    fn letters_are_alike_to_the_loose_however_they_are_written() {
        for (a, b) in [
            ("Straße", "STRASSE"),
            ("STRAẞE", "strasse"),
            ("cœur", "COEUR"),
            ("Ærøskøbing", "aeroskobing"),
            ("Łódź", "lodz"),
            ("Đà Nẵng", "da nang"),
            ("þing", "THING"),
            ("ISTANBUL", "ıstanbul"),
            ("İstanbul", "istanbul"),
            ("ΟΔΟΣ", "οδός"),
            ("οδος", "οδοσ"),
            ("ﬁnal", "FINAL"),
            ("Ｆｕｌｌ　ｗｉｄｔｈ", "full width"),
            ("ﾊﾝｶｸ", "ハンカク"),
            ("ﻣﺮﺣﺒﺎ", "مرحبا"),
            ("مـــرحبا", "مرحبا"),
            ("کتابخانه‌ی", "كتابخانهي"),
            ("مكتبة", "مكتبه"),
            ("한글", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
            ("Donau\u{ad}dampf\u{200b}schiff", "donaudampfschiff"),
            ("ﬀ№㎏①", "FFNOKG1"),
        ] {
            let fold = |text| Comparator::Unicode.fold_loosely(text);
            assert_eq!(fold(a), fold(b), "{a} {b}");
        }
        let fold = |text| Comparator::Unicode.fold_loosely(text);
        for (a, b) in [
            ("ガス", "カス"),
            ("シ", "ツ"),
            ("กิน", "กัน"),
            ("की", "कु"),
            ("ب", "ت"),
            ("e", "a"),
        ] {
            assert_ne!(fold(a), fold(b), "{a} {b}");
        }
    }

    #[test]
    fn the_ascii_collation_leaves_other_letters_as_they_are() {
        assert_eq!(Comparator::Ascii.fold("aé"), "Aé");
        assert_eq!(Comparator::Octet.fold("aé"), "aé");
    }
}
