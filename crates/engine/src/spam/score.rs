//! The sum for a letter that is at hand but was not just received.
//!
//! How it came is not known, so that no rule about that holds for it or against it. Nothing is
//! noted, learned or delivered. Start at [`Engine::score_letter`].

use super::content::Content;
use super::{Assessment, Case, assess};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::examination::Examination;
use crate::examination::authentication::{Authentication, Outcome};
use bytes::Bytes;
use formats::message::header;
use store::id::AccountId;

/// A greeting that no rule is about: an address in place of a name (RFC 5321 §4.1.3).
const NO_GREETING: &str = "[]";

impl Engine {
    /// What speaks for and against a letter by its content, as one account sees it, or as everyone
    /// does.
    ///
    /// Errors: it is larger than letters may be; those of the store.
    pub fn score_letter(
        &self,
        letter: &Bytes,
        account: Option<AccountId>,
    ) -> Result<Assessment, EngineError> {
        let mut upload = self.upload()?;
        upload.write(letter)?;
        let staged = upload.finish()?;
        let arrival = Examination {
            peer: None,
            greeting: NO_GREETING.to_owned(),
            sender: String::new(),
            recipients: Vec::new(),
            submitter: None,
            is_encrypted: true,
            header: letter.slice(..header::length(letter)),
            letter: staged,
        };
        // As if the names could not be asked: else the lack of an answer would count.
        let authentication = Authentication {
            spf: Outcome::TemporaryError,
            ..Authentication::default()
        };
        let read = |range| self.read_staged(&arrival.letter, range);
        let content = Content::read(&arrival.header, arrival.letter.summary(), &read)?;
        let case = Case {
            arrival: &arrival,
            authentication: &authentication,
            content: &content,
            hostname: &self.settings().hostname,
            now: self.now(),
        };
        let (words, by_words) = self.words_of_all(&content)?;
        let known: Vec<_> = by_words.into_iter().collect();
        let mut sum = assess(&case, &known, &self.settings().spam);
        sum.words = words.into();
        sum.author.clone_from(&content.author.address);
        let own = account.map(|account| self.own_assessment(account, &sum));
        Ok(own.transpose()?.flatten().unwrap_or(sum))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Opinion, bayes};
    use crate::rehearsal::Rehearsal;
    use bytes::Bytes;

    fn letter(name: u32, text: &str) -> Bytes {
        Bytes::from(format!(
            "From: Alice <alice@example.test>\r\nTo: bob@here.test\r\n\
             Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nMessage-ID: <{name}@example.test>\r\n\
             Subject: news\r\n\r\n{text} It is long enough to be no mere link, as one may see \
             from how it goes on and on.\r\n"
        ))
    }

    #[test]
    fn a_letter_at_hand_is_scored_by_what_it_holds_and_not_by_how_it_came() {
        let house = Rehearsal::new(crate::Settings::default()).unwrap();
        let plain = house.engine.score_letter(&letter(1, "Hello Bob."), None);
        let names: Vec<_> = plain.unwrap().reasons;
        let names: Vec<_> = names.iter().map(|reason| reason.name.as_str()).collect();
        assert!(
            names.iter().all(|name| name.starts_with("DATE_")),
            "{names:?}"
        );
        let fraud = letter(2, "Ten million dollars for the next of kin.");
        let fraud = house.engine.score_letter(&fraud, None).unwrap();
        assert!(fraud.reasons.iter().any(|one| one.name == "FRAUD_PHRASES"));
    }

    #[test]
    fn what_one_has_taught_counts_for_oneself_and_not_for_others() {
        let house = Rehearsal::new(crate::Settings::default()).unwrap();
        let engine = &house.engine;
        let alice = house.person("alice@example.test").unwrap().account;
        for name in 0..bayes::LETTERS_MIN {
            let (bad, good) = (
                letter(name, "Cheap watches, replica jewels."),
                letter(name + 1000, "The drawings for the bridge."),
            );
            engine
                .learn_letter(&bad, Opinion::Unwanted, Some(alice))
                .unwrap();
            engine
                .learn_letter(&good, Opinion::Wanted, Some(alice))
                .unwrap();
        }
        let asked = letter(5000, "Cheap watches, replica jewels.");
        let has_words = |account| {
            let sum = engine.score_letter(&asked, account).unwrap();
            sum.reasons
                .iter()
                .any(|one| one.name == "WORDS_OWN" && one.points.0 > 0)
        };
        assert!(has_words(Some(alice)));
        assert!(!has_words(None));
    }
}
