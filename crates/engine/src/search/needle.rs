//! Text to look for, folded as its comparator wants.

use super::Comparator;
use memchr::memmem::Finder;
use std::sync::Arc;

/// Bytes of ASCII text folded at once, so that a long text is not copied as a whole.
const WINDOW_BYTES: usize = 64 * 1024;

/// A folded text to look for. The empty text is in every text.
#[derive(Debug, Clone)]
pub struct Needle {
    comparator: Comparator,
    /// Shared, since plans are cloned and searchers are large.
    finder: Arc<Finder<'static>>,
    is_ascii: bool,
}

impl Needle {
    /// Folds the text once, so that each comparison need not.
    pub fn new(text: &str, comparator: Comparator) -> Self {
        let folded = comparator.fold(text);
        Self {
            comparator,
            is_ascii: folded.is_ascii(),
            finder: Arc::new(Finder::new(folded.as_bytes()).into_owned()),
        }
    }

    /// True for the text that is in every text.
    pub fn is_empty(&self) -> bool {
        self.finder.needle().is_empty()
    }

    /// True if the text contains the needle, as the comparator sees both.
    pub fn is_in(&self, text: &str) -> bool {
        if !self.comparator.folds_case() {
            return self.finder.find(text.as_bytes()).is_some();
        }
        if text.is_ascii() {
            return self.is_ascii && self.is_in_ascii(text.as_bytes());
        }
        self.finder
            .find(self.comparator.fold(text).as_bytes())
            .is_some()
    }

    fn is_in_ascii(&self, text: &[u8]) -> bool {
        let needle_bytes = self.finder.needle().len();
        let window_bytes = WINDOW_BYTES.max(needle_bytes.saturating_mul(2));
        let mut window = Vec::with_capacity(window_bytes.min(text.len()));
        let mut rest = text;
        loop {
            let (now, _) = rest.split_at_checked(window_bytes).unwrap_or((rest, &[]));
            window.clear();
            window.extend_from_slice(now);
            window.make_ascii_uppercase();
            if self.finder.find(&window).is_some() {
                return true;
            }
            if now.len() == rest.len() {
                return false;
            }
            // A match may begin in one window and end in the next.
            let next = now.len().saturating_sub(needle_bytes.saturating_sub(1));
            rest = rest.get(next..).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn needle(text: &str) -> Needle {
        Needle::new(text, Comparator::Unicode)
    }

    #[test]
    fn case_accents_and_width_do_not_matter() {
        for (text, wanted) in [
            ("Say HELLO there", "hello"),
            ("", ""),
            ("la re\u{301}union de mardi", "RÉUNION"),
            ("xabcx", "ａｂｃ"),
            ("an der strasse", "STRASSE"),
        ] {
            assert!(needle(wanted).is_in(text), "{wanted} in {text}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for (wanted, text) in [("hello", "hell"), ("aab", "aaac"), ("é", "e"), ("x", "")] {
            assert!(!needle(wanted).is_in(text), "{wanted} in {text}");
        }
    }

    #[test]
    fn the_octet_collation_knows_no_case() {
        assert!(!Needle::new("a", Comparator::Octet).is_in("A"));
        assert!(Needle::new("é", Comparator::Octet).is_in("é"));
    }

    #[test]
    fn a_match_across_windows_is_found() {
        for start in WINDOW_BYTES - 8..WINDOW_BYTES + 2 {
            let text = format!("{}NeedLe{}", "x".repeat(start), "y".repeat(WINDOW_BYTES));
            assert!(needle("nEEDlE").is_in(&text), "{start}");
            assert!(!needle("needles").is_in(&text), "{start}");
        }
    }

    proptest! {
        #[test]
        fn the_fast_path_for_ascii_agrees_with_folding(wanted in "[aAbB]{0,4}", text in "[aAbBc]{0,30}") {
            let folded = text.to_lowercase().contains(&wanted.to_lowercase());
            prop_assert_eq!(needle(&wanted).is_in(&text), folded);
        }
    }
}
