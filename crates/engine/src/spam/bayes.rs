//! How likely it is that nobody wants a letter with these words, by what people did with others.
//!
//! Each word has a probability of its own, drawn towards the middle as long as it was seen seldom;
//! those that say most are joined by Fisher's method, once for and once against the letter, so that
//! a letter full of contradictions comes out in the middle. Pure arithmetic; start at
//! [`probability`].
//!
//! Source: Gary Robinson, "A Statistical Approach to the Spam Problem" (Linux Journal, 2003).

use super::Points;

/// How many letters were seen of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Letters that nobody wanted.
    pub unwanted: u32,
    /// Letters that someone wanted.
    pub wanted: u32,
}

/// Letters of each kind that must be known before anything is said.
pub const LETTERS_MIN: u32 = 20;
/// What is assumed of a word never seen, and how many letters that assumption is worth.
const ASSUMED: f64 = 0.5;
const ASSUMED_WEIGHT: f64 = 0.5;
/// Words closer to the middle than this say nothing.
const DISTANCE_MIN: f64 = 0.1;
/// Words that are joined: those that say most.
const JOINED_MAX: usize = 60;
/// Words that must say something.
const JOINED_MIN: usize = 3;

/// From 0, surely wanted, to 1, surely not. `None` when too little is known.
pub fn probability(letters: Counts, words: impl Iterator<Item = Counts>) -> Option<f64> {
    if letters.unwanted < LETTERS_MIN || letters.wanted < LETTERS_MIN {
        return None;
    }
    let mut known: Vec<f64> = words
        .filter_map(|word| of_word(letters, word))
        .filter(|one| (one - 0.5).abs() >= DISTANCE_MIN)
        .collect();
    known.sort_by(|one, other| (other - 0.5).abs().total_cmp(&(one - 0.5).abs()));
    known.truncate(JOINED_MAX);
    if known.len() < JOINED_MIN {
        return None;
    }
    let against = joined(known.iter().map(|one| 1.0 - one));
    let wanted = joined(known.iter().copied());
    Some(f64::midpoint(1.0 + against, -wanted))
}

/// How surely a letter with this word is unwanted.
fn of_word(letters: Counts, word: Counts) -> Option<f64> {
    let seen = f64::from(word.unwanted.saturating_add(word.wanted));
    let share = |count: u32, of: u32| f64::from(count.min(of)) / f64::from(of.max(1));
    let unwanted = share(word.unwanted, letters.unwanted);
    let wanted = share(word.wanted, letters.wanted);
    if seen < 1.0 || unwanted + wanted <= 0.0 {
        return None;
    }
    let raw = unwanted / (unwanted + wanted);
    Some((ASSUMED_WEIGHT * ASSUMED + seen * raw) / (ASSUMED_WEIGHT + seen))
}

/// How surely these probabilities are not all chance: one minus the tail of the chi-squared
/// distribution with two degrees for each.
fn joined(probabilities: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0_u32);
    for one in probabilities {
        sum -= one.clamp(1e-9, 1.0).ln();
        count += 1;
    }
    // The tail is a sum of terms of Poisson's distribution; e^-sum is at least e^-1250, which is 0
    // for a float, and then nothing is chance.
    let mut term = (-sum).exp();
    let mut tail = term;
    for step in 1..count {
        term *= sum / f64::from(step);
        tail += term;
    }
    1.0 - tail.min(1.0)
}

/// What a probability counts. Someone's own letters say more of what they want than those of all.
pub fn points(probability: f64, is_own: bool) -> Points {
    let tenths = match probability {
        p if p >= 0.99 => 55,
        p if p >= 0.95 => 35,
        p if p >= 0.80 => 15,
        p if p <= 0.01 => -25,
        p if p <= 0.05 => -15,
        p if p <= 0.20 => -5,
        _ => 0,
    };
    Points(if is_own { tenths } else { tenths * 5 / 6 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Counts = Counts {
        unwanted: 100,
        wanted: 100,
    };

    fn of(words: &[(u32, u32)]) -> Option<f64> {
        let counts = |&(unwanted, wanted)| Counts { unwanted, wanted };
        probability(KNOWN, words.iter().map(counts))
    }

    #[test]
    fn words_of_unwanted_letters_speak_against_and_others_for_a_letter() {
        assert!(of(&[(30, 0); 10]).unwrap() > 0.99);
        assert!(of(&[(0, 30); 10]).unwrap() < 0.01);
    }

    #[test]
    fn contradictions_come_out_in_the_middle() {
        let mixed = [[(30, 0); 10], [(0, 30); 10]].concat();
        let middle = of(&mixed).unwrap();
        assert!((0.4..=0.6).contains(&middle), "{middle}");
    }

    #[test]
    fn nothing_is_said_with_too_few_letters_or_words() {
        let few = Counts {
            unwanted: 19,
            wanted: 1000,
        };
        let word = Counts {
            unwanted: 19,
            wanted: 0,
        };
        assert_eq!(probability(few, [word; 50].into_iter()), None);
        assert_eq!(of(&[(50, 50); 40]), None);
        assert_eq!(of(&[(30, 0); 2]), None);
    }

    #[test]
    fn the_answer_is_a_probability_whatever_the_counts() {
        let odd = [0, 1, 7, 100, u32::MAX];
        for unwanted in odd {
            for wanted in odd {
                let found = of(&[(unwanted, wanted); 100]);
                assert!(found.is_none_or(|p| (0.0..=1.0).contains(&p)), "{found:?}");
            }
        }
    }
}
