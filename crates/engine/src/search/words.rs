//! The words of what is looked for, also in scripts that write none apart.
//!
//! Only the question is taken apart, never the text: a word is looked for wherever it stands, so a
//! text need not have been divided in the same way, and the index knows nothing of words. Han, kana,
//! Thai, Lao, Khmer and Burmese are divided by dictionary.
//!
//! Start at [`of`].
//!
//! Sources: Unicode Standard Annex 29 §4 (words) with the dictionaries of ICU.

use icu_segmenter::WordSegmenter;
use icu_segmenter::options::WordBreakInvariantOptions;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Words of one question; more would hardly rule out more, and each is looked for by itself.
const WORDS_MAX: usize = 64;

/// What stands between spaces, and the words in it where they are written without spaces.
pub(super) fn of(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for run in text.split_whitespace() {
        if run.chars().any(is_unspaced) {
            add_words(run, &mut words);
        } else {
            words.push(run.to_owned());
        }
    }
    words.truncate(WORDS_MAX);
    words
}

/// Divides a run of letters. The dictionaries know the usual width only.
fn add_words(run: &str, words: &mut Vec<String>) {
    let run: String = run.nfkc().collect();
    let segmenter = WordSegmenter::new_dictionary(WordBreakInvariantOptions::default());
    let mut found = Vec::new();
    let mut start = 0;
    for (end, kind) in segmenter.segment_str(&run).iter_with_word_type() {
        let word = run.get(start..end).filter(|_| kind.is_word_like());
        found.extend(word.map(str::to_owned));
        start = end;
    }
    // A particle between others says nothing: who asks for one thing of another means both.
    if !found.iter().all(|word| is_particle(word)) {
        found.retain(|word| !is_particle(word));
    }
    if found.is_empty() {
        found.push(run); // Signs only.
    }
    words.append(&mut found);
}

/// A single hiragana letter.
fn is_particle(word: &str) -> bool {
    let mut letters = word.chars();
    matches!(
        (letters.next(), letters.next()),
        (Some('\u{3041}'..='\u{3096}'), None)
    )
}

/// True for letters of scripts that put no spaces between words.
fn is_unspaced(letter: char) -> bool {
    is_never_misspelt(letter) || matches!(letter, '\u{30a0}'..='\u{30ff}' | '\u{ff66}'..='\u{ff9f}')
}

/// True for letters of which another one makes another word, or of which no spaces say where a word
/// ends, so that a text's words cannot be held against a misspelt one: Han, hiragana, Thai, Lao,
/// Burmese and Khmer. Words from abroad in katakana are spelt in many ways.
pub(super) fn is_never_misspelt(letter: char) -> bool {
    matches!(
        letter,
        '\u{0e00}'..='\u{0eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{2e80}'..='\u{2fdf}'
            | '\u{3005}'..='\u{3007}'
            | '\u{3041}'..='\u{3096}'
            | '\u{309d}'..='\u{309f}'
            | '\u{3100}'..='\u{312f}'
            | '\u{31f0}'..='\u{31ff}'
            | '\u{3400}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{2_0000}'..='\u{3_ffff}'
    )
}

/// True for letters of words that stand by themselves in a text, and for their marks.
pub(super) fn is_of_spaced_word(letter: char) -> bool {
    (letter.is_alphanumeric() || is_combining_mark(letter)) && !is_never_misspelt(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_without_spaces_are_found_by_dictionary() {
        let words = |text| of(text).join(" ");
        assert_eq!(words("东京大学的学生"), "东京 大学 的 学生");
        assert_eq!(words("明天下午開會討論預算"), "明天 下午 開會 討論 預算");
        assert_eq!(words("来週の会議の資料"), "来週 会議 資料");
        assert_eq!(words("ｺﾝﾋﾟｭｰﾀを買う"), "コンピュータ 買う");
        assert_eq!(words("ประชุมที่กรุงเทพ"), "ประชุม ที่ กรุงเทพ");
        assert_eq!(words("ພາສາລາວ"), "ພາສາ ລາວ");
        assert_eq!(words("第3回ABC会議"), "第 3 回 ABC 会議");
    }

    #[test]
    fn words_between_spaces_stay_as_they_are() {
        assert_eq!(
            of(" a-b  한국어로 쓴\u{3000}x@y.z "),
            ["a-b", "한국어로", "쓴", "x@y.z"]
        );
        assert!(of("").is_empty() && of(" \t").is_empty());
    }

    #[test]
    fn what_has_no_words_is_looked_for_as_it_is() {
        assert_eq!(of("。、"), ["。、"]);
        assert_eq!(of("の"), ["の"]);
        assert_eq!(of("のは"), ["の", "は"]);
    }

    #[test]
    fn a_question_has_a_bounded_number_of_words() {
        assert_eq!(of(&"東京 ".repeat(WORDS_MAX * 2)).len(), WORDS_MAX);
        assert_eq!(of(&"東京会議".repeat(WORDS_MAX * 2)).len(), WORDS_MAX);
    }
}
