//! Text to look for, and the folding that makes upper and lower case alike.

use unicode_normalization::UnicodeNormalization;

/// A folded text to look for. The empty text is in every text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needle(String);

impl Needle {
    /// Folds the text once, so that each comparison need not.
    pub fn new(text: &str) -> Self {
        Self(fold(text))
    }

    /// True for the text that is in every text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if the text contains the needle, whatever the case of either.
    pub fn is_in(&self, text: &str) -> bool {
        if text.is_ascii() {
            return self.0.is_ascii() && is_in_ascii(self.0.as_bytes(), text.as_bytes());
        }
        fold(text).contains(&self.0)
    }
}

/// Lower case, in one normal form (NFKC), so that composed and decomposed accents and wide letters meet.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkc().flat_map(char::to_lowercase).collect()
}

/// `needle` is in lower case already. Candidates are found by their first letter in either case.
fn is_in_ascii(needle: &[u8], text: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else {
        return true;
    };
    let upper = first.to_ascii_uppercase();
    let mut left = text;
    while let Some(at) = left.iter().position(|byte| byte == first || *byte == upper) {
        left = left.get(at + 1..).unwrap_or_default();
        match left.get(..rest.len()) {
            None => return false,
            Some(tail) if tail.eq_ignore_ascii_case(rest) => return true,
            Some(_) => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_accents_and_width_do_not_matter() {
        for (needle, text) in [
            ("hello", "Say HELLO there"),
            ("", ""),
            ("RÉUNION", "la re\u{301}union de mardi"),
            ("ａｂｃ", "xabcx"),
            ("STRASSE", "an der strasse"),
        ] {
            assert!(Needle::new(needle).is_in(text), "{needle} in {text}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for (needle, text) in [("hello", "hell"), ("aab", "aaac"), ("é", "e"), ("x", "")] {
            assert!(!Needle::new(needle).is_in(text), "{needle} in {text}");
        }
    }

    proptest! {
        #[test]
        fn the_fast_path_for_ascii_agrees_with_folding(needle in "[aAbB]{0,4}", text in "[aAbBc]{0,30}") {
            let folded = text.to_lowercase().contains(&needle.to_lowercase());
            prop_assert_eq!(Needle::new(&needle).is_in(&text), folded);
        }
    }
}
