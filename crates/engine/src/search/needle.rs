//! Text to look for, folded as its comparator wants.

use super::Comparator;
use memchr::memmem::Finder;
use std::sync::Arc;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Bytes of ASCII text folded at once, so that a long text is not copied as a whole.
const WINDOW_BYTES: usize = 64 * 1024;

/// A folded text to look for. The empty text is in every text.
#[derive(Debug, Clone)]
pub struct Needle {
    comparator: Comparator,
    /// All of them must be there.
    pieces: Vec<Piece>,
    looseness: Looseness,
}

/// How exactly a text must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looseness {
    /// Letter by letter.
    Exact,
    /// Letters with and without accents are alike.
    Loose,
}

#[derive(Debug, Clone)]
struct Piece {
    /// Shared, since plans are cloned and searchers are large.
    finder: Arc<Finder<'static>>,
    is_ascii: bool,
}

impl Needle {
    /// Folds the text once, so that each comparison need not.
    pub fn new(text: &str, comparator: Comparator) -> Self {
        Self {
            comparator,
            pieces: vec![Piece::new(&comparator.fold(text))],
            looseness: Looseness::Exact,
        }
    }

    /// A text whose words may stand anywhere and in any order, with or without their accents.
    pub fn loose(text: &str, comparator: Comparator) -> Self {
        let folded = without_accents(&comparator.fold(text));
        Self {
            comparator,
            pieces: folded.split_whitespace().map(Piece::new).collect(),
            looseness: Looseness::Loose,
        }
    }

    /// The same text as one phrase, still without regard to accents: what is nearer to what was
    /// meant than its words alone.
    pub fn loose_phrase(text: &str, comparator: Comparator) -> Self {
        Self {
            comparator,
            pieces: vec![Piece::new(&without_accents(&comparator.fold(text)))],
            looseness: Looseness::Loose,
        }
    }

    /// True for the text that is in every text.
    pub fn is_empty(&self) -> bool {
        let is_empty = |piece: &Piece| piece.finder.needle().is_empty();
        self.pieces.iter().all(is_empty)
    }

    /// Grams that every text has which contains the needle; none if that can't be said.
    pub(super) fn grams(&self) -> Vec<u32> {
        // Without accents, the other ways to compare see letters that no gram is made of.
        if self.looseness == Looseness::Loose && self.comparator != Comparator::Unicode {
            return Vec::new();
        }
        let folded = |piece: &Piece| String::from_utf8_lossy(piece.finder.needle()).into_owned();
        let grams = |piece: &Piece| super::grams::of_piece(&folded(piece), self.comparator);
        self.pieces.iter().flat_map(grams).collect()
    }

    /// True if the text contains the needle, as the comparator sees both.
    pub fn is_in(&self, text: &str) -> bool {
        if self.comparator.folds_case() && text.is_ascii() {
            let text = text.as_bytes();
            let is_there = |piece: &Piece| piece.is_ascii && piece.is_in_ascii(text);
            return self.pieces.iter().all(is_there);
        }
        let mut folded = self.comparator.fold(text);
        if self.looseness == Looseness::Loose {
            folded = without_accents(&folded).into();
        }
        let is_there = |piece: &Piece| piece.finder.find(folded.as_bytes()).is_some();
        self.pieces.iter().all(is_there)
    }
}

/// Decomposes and drops the marks that stand with letters.
fn without_accents(text: &str) -> String {
    text.nfd()
        .filter(|&letter| !is_combining_mark(letter))
        .collect()
}

impl Piece {
    fn new(folded: &str) -> Self {
        Self {
            is_ascii: folded.is_ascii(),
            finder: Arc::new(Finder::new(folded.as_bytes()).into_owned()),
        }
    }

    /// Looks into text that is not folded yet.
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
    fn a_loose_needle_is_its_words_in_any_order_without_accents() {
        let text = "Le café de la Réunion";
        for wanted in ["reunion cafe", "CAFÉ", "é", "", "de  la"] {
            assert!(
                Needle::loose(wanted, Comparator::Unicode).is_in(text),
                "{wanted}"
            );
        }
        assert!(!Needle::loose("cafe noir", Comparator::Unicode).is_in(text));
        assert!(!Needle::loose_phrase("reunion cafe", Comparator::Unicode).is_in(text));
        assert!(Needle::loose_phrase("cafe de la", Comparator::Unicode).is_in(text));
        assert!(Needle::loose("cafe", Comparator::Unicode).is_in("one cafe"));
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
