//! Text to look for, folded as its comparator wants.

use super::{Comparator, words};
use memchr::memmem::Finder;
use std::sync::Arc;

/// Bytes of ASCII text folded at once, so that a long text is not copied as a whole.
const WINDOW_BYTES: usize = 64 * 1024;

/// Letters of the shortest word that may be misspelt: of shorter ones too many are near.
const MISSPELT_LETTERS_MIN: usize = 5;

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
    /// The same, and one letter of a longer word may be wrong.
    Misspelt,
}

#[derive(Debug, Clone)]
struct Piece {
    /// Shared, since plans are cloned and searchers are large.
    finder: Arc<Finder<'static>>,
    is_ascii: bool,
    /// Long enough to be misspelt, where that is allowed.
    is_long: bool,
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
        let words = words::of(text).into_iter();
        let folded = words.map(|word| comparator.fold_loosely(&word));
        // Some signs are folded to what has a space in it.
        let pieces = |folded: String| {
            folded
                .split_whitespace()
                .map(Piece::new)
                .collect::<Vec<_>>()
        };
        Self {
            comparator,
            pieces: folded.flat_map(pieces).collect(),
            looseness: Looseness::Loose,
        }
    }

    /// The same, where each word of some length is also found if one of its letters is another, too
    /// many or missing, or if two have changed places.
    pub fn misspelt(text: &str, comparator: Comparator) -> Self {
        Self {
            looseness: Looseness::Misspelt,
            ..Self::loose(text, comparator)
        }
    }

    /// The same text as one phrase, still without regard to accents: what is nearer to what was
    /// meant than its words alone.
    pub fn loose_phrase(text: &str, comparator: Comparator) -> Self {
        Self {
            comparator,
            pieces: vec![Piece::new(&comparator.fold_loosely(text))],
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
        if self.looseness != Looseness::Exact && self.comparator != Comparator::Unicode {
            return Vec::new();
        }
        let is_sure = |piece: &&Piece| !(self.looseness == Looseness::Misspelt && piece.is_long);
        let folded = |piece: &Piece| String::from_utf8_lossy(piece.finder.needle()).into_owned();
        let grams = |piece: &Piece| super::grams::of_piece(&folded(piece), self.comparator);
        self.pieces.iter().filter(is_sure).flat_map(grams).collect()
    }

    /// True if the text contains the needle, as the comparator sees both.
    pub fn is_in(&self, text: &str) -> bool {
        if self.looseness == Looseness::Misspelt {
            return self.is_nearly_in(text);
        }
        if self.comparator.folds_case() && text.is_ascii() {
            let text = text.as_bytes();
            let is_there = |piece: &Piece| piece.is_ascii && piece.is_in_ascii(text);
            return self.pieces.iter().all(is_there);
        }
        let folded = match self.looseness {
            Looseness::Loose => self.comparator.fold_loosely(text).into(),
            _ => self.comparator.fold(text),
        };
        let is_there = |piece: &Piece| piece.finder.find(folded.as_bytes()).is_some();
        self.pieces.iter().all(is_there)
    }

    /// The same, also for words that are nearly there.
    fn is_nearly_in(&self, text: &str) -> bool {
        let folded = self.comparator.fold_loosely(text);
        self.pieces.iter().all(|piece| {
            let is_there = piece.finder.find(folded.as_bytes()).is_some();
            is_there || (piece.is_long && piece.is_near_a_word_of(&folded))
        })
    }
}

/// True if at most one letter is another, too many or missing, or two neighbours have changed places.
fn is_near(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.chars(), b.chars());
    while let (Some(first), Some(other)) = (a.clone().next(), b.clone().next()) {
        if first != other {
            break;
        }
        a.next();
        b.next();
    }
    while let (Some(last), Some(other)) = (a.clone().next_back(), b.clone().next_back()) {
        if last != other {
            break;
        }
        a.next_back();
        b.next_back();
    }
    let mut differ = [(); 3].map(|()| (a.next(), b.next())).into_iter();
    match (differ.next(), differ.next(), differ.next()) {
        (_, Some((None, None)), _) => true,
        (Some(first), Some((second_a, second_b)), Some((None, None))) => {
            first == (second_b, second_a)
        }
        _ => false,
    }
}

/// True for a word so long that it is likely to be meant where one of its letters is wrong.
///
/// A Korean syllable is two letters and more; a wrong one of five makes another word.
fn may_be_misspelt(folded: &str) -> bool {
    let weight = |letter| match letter {
        '\u{1100}'..='\u{1112}' => 2,
        '\u{1161}'..='\u{11ff}' => 0,
        _ => 1,
    };
    !folded.chars().any(words::is_never_misspelt)
        && folded.chars().map(weight).sum::<usize>() >= MISSPELT_LETTERS_MIN
}

impl Piece {
    fn new(folded: &str) -> Self {
        Self {
            is_ascii: folded.is_ascii(),
            is_long: may_be_misspelt(folded),
            finder: Arc::new(Finder::new(folded.as_bytes()).into_owned()),
        }
    }

    fn is_near_a_word_of(&self, folded: &str) -> bool {
        let Ok(piece) = str::from_utf8(self.finder.needle()) else {
            return false;
        };
        // A letter is at most four bytes.
        let is_about_as_long = |word: &&str| word.len().abs_diff(piece.len()) <= 4;
        let words = folded.split(|letter| !words::is_of_spaced_word(letter));
        words
            .filter(is_about_as_long)
            .any(|word| is_near(word, piece))
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
    fn accents_marks_and_width_do_not_matter_to_a_loose_needle_in_any_script() {
        for (wanted, text) in [
            ("viet nam", "Tiếng Việt Nam"),
            ("ελλαδα", "ΕΛΛΆΔΑ"),
            ("йод", "ИОД и йод"),
            ("елка", "ёлка"),
            ("مرحبا", "مَرْحَبًا"),
            ("שלום", "שָׁלוֹם"),
            ("カタカナ", "ｶﾀｶﾅ"),
            ("ガス", "ｶﾞｽ"),
            ("ＡＢＣ１２３", "abc123"),
            ("한글", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
            ("हिन्दी", "हिन्दी भाषा"),
            ("ภาษาไทย", "เรียนภาษาไทยกัน"),
            ("angstrom", "Ångström"),
        ] {
            assert!(
                Needle::loose(wanted, Comparator::Unicode).is_in(text),
                "{wanted}"
            );
            let misspelt = Needle::misspelt(wanted, Comparator::Unicode);
            assert!(misspelt.is_in(text), "{wanted}");
        }
        assert!(!Needle::loose("elka", Comparator::Unicode).is_in("ёлка"));
        assert!(
            !needle("angstrom").is_in("Ångström"),
            "only where looseness is asked for"
        );
    }

    #[test]
    fn words_are_found_in_any_order_where_no_spaces_divide_them() {
        for (wanted, text) in [
            ("図書館東京", "東京大学の附属図書館からのお知らせ"),
            ("会議の資料", "資料は明日の会議までに送ります。"),
            ("预算会议", "关于下周会议的通知：请各部门提交预算。"),
            ("預算會議", "會議中討論明年度預算"),
            ("กรุงเทพประชุม", "ขอเชิญประชุมที่กรุงเทพมหานครวันจันทร์"),
            ("ｺﾝﾋﾟｭｰﾀ会議", "会議用のコンピュータ"),
        ] {
            let loose = Needle::loose(wanted, Comparator::Unicode);
            assert!(loose.is_in(text), "{wanted}");
            let phrase = Needle::loose_phrase(wanted, Comparator::Unicode);
            assert!(
                !phrase.is_in(text),
                "{wanted}: so what stands as it was given is nearer"
            );
        }
        for (wanted, text) in [
            ("東京会議", "京都で会議"),
            ("图书馆预算", "图书馆通知"),
            ("กรุงเทพประชุม", "ขอเชิญประชุมที่เชียงใหม่"),
        ] {
            let loose = Needle::loose(wanted, Comparator::Unicode);
            assert!(!loose.is_in(text), "{wanted}");
        }
    }

    #[test]
    fn what_is_another_word_in_its_script_is_no_misspelt_one() {
        for (wanted, text) in [
            ("中华人民共和国", "中华人民共和园"),
            ("東京都庁舎", "東京都庁前"),
            ("ありがとう", "ありがたう"),
            ("เชียงใหม่", "เชียงใหญ่"),
            ("사랑", "사람"),
        ] {
            let misspelt = Needle::misspelt(wanted, Comparator::Unicode);
            assert!(!misspelt.is_in(text), "{wanted}");
        }
        for (wanted, text) in [
            ("コンピューター", "第3回コンピュータ会議"),
            ("데이터베이스", "데이타베이스 설계"),
            ("Müllerstrase", "in der Müllerstraße 5"),
            ("привте", "Всем привет!"),
        ] {
            let misspelt = Needle::misspelt(wanted, Comparator::Unicode);
            assert!(misspelt.is_in(text), "{wanted}");
        }
    }

    #[test]
    fn one_letter_of_a_longer_word_may_be_wrong() {
        let text = "We will receive the Réunion's agenda on Friday.";
        for wanted in [
            "recieve",
            "receeve",
            "receve",
            "reeceive",
            "agendas fryday",
            "reunoin",
        ] {
            assert!(
                Needle::misspelt(wanted, Comparator::Unicode).is_in(text),
                "{wanted}"
            );
            assert!(
                !Needle::loose(wanted, Comparator::Unicode).is_in(text),
                "{wanted}"
            );
        }
        for wanted in [
            "recive receive x",
            "rceieve",
            "wil thee",
            "agenta fridai mondey",
            "teh",
        ] {
            assert!(
                !Needle::misspelt(wanted, Comparator::Unicode).is_in(text),
                "{wanted}"
            );
        }
    }

    #[test]
    fn a_match_across_windows_is_found() {
        for start in WINDOW_BYTES - 8..WINDOW_BYTES + 2 {
            let text = format!("{}NeedLe{}", "x".repeat(start), "y".repeat(WINDOW_BYTES));
            assert!(needle("nEEDlE").is_in(&text), "{start}");
            assert!(!needle("needles").is_in(&text), "{start}");
        }
    }

    /// Edits that turn one word into the other: letters changed, added, dropped, neighbours swapped.
    fn distance(a: &[char], b: &[char]) -> usize {
        let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                if i == 0 || j == 0 {
                    rows[i][j] = i + j;
                    continue;
                }
                let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let best = change.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                let swaps = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                let swap = if swaps { rows[i - 2][j - 2] + 1 } else { best };
                rows[i][j] = best.min(swap);
            }
        }
        rows[a.len()][b.len()]
    }

    proptest! {
        #[test]
        fn words_are_near_that_are_one_edit_apart(a in "[abé]{0,6}", b in "[abé]{0,6}") {
            let letters = |word: &str| word.chars().collect::<Vec<_>>();
            prop_assert_eq!(is_near(&a, &b), distance(&letters(&a), &letters(&b)) <= 1);
        }

        #[test]
        fn the_fast_path_for_ascii_agrees_with_folding(wanted in "[aAbB]{0,4}", text in "[aAbBc]{0,30}") {
            let folded = text.to_lowercase().contains(&wanted.to_lowercase());
            prop_assert_eq!(needle(&wanted).is_in(&text), folded);
        }
    }
}
