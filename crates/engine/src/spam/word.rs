//! The words of a letter that are learned from: of its subject, author, text, links and files.
//!
//! Each place has words of its own, since "free" in a subject means more than in a text. Start at
//! [`words`].

use super::content::Content;
use std::collections::BTreeSet;

/// Different words of one letter; further ones tell little.
const WORDS_MAX: usize = 200;
/// Characters of a word. Shorter ones are in every letter, longer ones in one only.
const CHARS: std::ops::RangeInclusive<usize> = 3..=24;
/// From here on scripts are written without blanks; pairs of characters stand for words.
const UNSPACED: char = '\u{2e80}';
/// Words of the subject.
const SUBJECT_MAX: usize = 30;

/// The words, each once.
pub fn words(content: &Content) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let author = &content.author;
    words.insert(format!("from:{}", author.address));
    words.insert(format!("domain:{}", author.domain()));
    words.extend(
        content
            .links
            .iter()
            .take(20)
            .map(|link| format!("link:{}", link.host)),
    );
    let endings = content.attachments.iter().take(20);
    words.extend(endings.map(|file| format!("file:{}", file.ending())));
    let subject = content.subject.as_deref().unwrap_or_default();
    let subject = pieces(subject).take(SUBJECT_MAX);
    words.extend(subject.map(|word| format!("subject:{word}")));
    for word in pieces(&content.text) {
        if words.len() >= WORDS_MAX {
            break;
        }
        words.insert(word);
    }
    words
}

fn pieces(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '\'');
    words.flat_map(|word| {
        if word.contains(|c| c >= UNSPACED) {
            return pairs(word);
        }
        let fits = CHARS.contains(&word.chars().count());
        fits.then(|| word.to_lowercase()).into_iter().collect()
    })
}

fn pairs(word: &str) -> Vec<String> {
    let following = word.chars().skip(1);
    let pairs = word.chars().zip(following);
    pairs.map(|(one, next)| format!("{one}{next}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_tell_where_they_stand_and_are_bounded() {
        let text = (0..1000).fold(String::new(), |text, number| {
            text + "word" + &number.to_string() + " "
        });
        let content = Content {
            subject: Some("Free money, a LOT".to_owned()),
            text: format!("Free offers to you 你好吗 {text}"),
            ..Content::default()
        };
        let words = words(&content);
        for word in [
            "subject:free",
            "subject:lot",
            "free",
            "offers",
            "你好",
            "好吗",
        ] {
            assert!(words.contains(word), "{word}");
        }
        assert!(!words.contains("to"));
        assert_eq!(words.len(), WORDS_MAX);
    }
}
