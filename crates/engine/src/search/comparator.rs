//! How texts are compared: which letters count as alike, and which text stands before which.
//!
//! A text is folded once; folded texts are then compared byte by byte, for order, equality and
//! substrings alike.
//!
//! Start at [`Comparator::fold`]. Standards: RFC 4790 §9 (collations over ASCII and octets), RFC
//! 5051 (Unicode).

use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

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

    /// True if upper and lower case of A to Z are alike, so that ASCII is folded byte by byte.
    pub(super) fn folds_case(self) -> bool {
        self != Self::Octet
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
    fn the_ascii_collation_leaves_other_letters_as_they_are() {
        assert_eq!(Comparator::Ascii.fold("aé"), "Aé");
        assert_eq!(Comparator::Octet.fold("aé"), "aé");
    }
}
