//! Enhanced status codes: what became of a letter, in three numbers that programs understand.
//!
//! Start at [`Status`].
//!
//! Standards: RFC 3463 (the codes), RFC 5248 (their registry).

use std::fmt;

/// A status: class, subject, detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status {
    /// 2 success, 4 not yet, 5 never.
    pub class: u8,
    /// What it is about: 0 … 999.
    pub subject: u16,
    /// What exactly: 0 … 999.
    pub detail: u16,
}

impl Status {
    /// Delivered or passed on; nothing more to say.
    pub const DONE: Self = Self::new(2, 0, 0);
    /// The host did not answer.
    pub const NO_ANSWER: Self = Self::new(4, 4, 1);
    /// The connection broke.
    pub const BROKEN: Self = Self::new(4, 4, 2);
    /// The directory of names did not answer.
    pub const NO_NAMES: Self = Self::new(4, 4, 3);
    /// There is no way to that domain.
    pub const NO_ROUTE: Self = Self::new(5, 4, 4);
    /// The way leads back here.
    pub const LOOP: Self = Self::new(5, 4, 6);
    /// The time is up.
    pub const EXPIRED: Self = Self::new(5, 4, 7);
    /// No such domain.
    pub const NO_DOMAIN: Self = Self::new(5, 1, 2);
    /// The domain takes no mail (RFC 7505 §4.2).
    pub const NULL_EXCHANGE: Self = Self::new(5, 1, 10);
    /// The other server answered in a way that is not understood.
    pub const PROTOCOL: Self = Self::new(4, 5, 0);
    /// Someone asked that the letter be taken back.
    pub const CANCELLED: Self = Self::new(5, 7, 0);

    /// A status.
    pub const fn new(class: u8, subject: u16, detail: u16) -> Self {
        Self {
            class,
            subject,
            detail,
        }
    }

    /// Reads `5.1.1` at the beginning of a text: the status, and what follows it.
    pub fn take(text: &str) -> Option<(Self, &str)> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let mut numbers = word.split('.');
        let class = number(numbers.next()?, 1)?;
        let (subject, detail) = (number(numbers.next()?, 3)?, number(numbers.next()?, 3)?);
        let is_whole = numbers.next().is_none() && matches!(class, 2 | 4 | 5);
        let class = u8::try_from(class).ok().filter(|_| is_whole)?;
        Some((Self::new(class, subject, detail), rest))
    }

    /// The same of another class: a refusal for now that became one for good.
    #[must_use]
    pub const fn with_class(self, class: u8) -> Self {
        Self { class, ..self }
    }

    /// What the code says, in plain words.
    ///
    /// Source: RFC 3463 §3.
    pub fn words(self) -> &'static str {
        match (self.subject, self.detail) {
            (1, 1) => "there is no such mailbox",
            (1, 2) => "there is no such domain",
            (1, 10) => "the domain takes no mail",
            (1, _) => "the address was not accepted",
            (2, 1) => "the mailbox is closed",
            (2, 2) => "the mailbox is full",
            (2, 3) | (3, 4) => "the letter is too large",
            (2, _) => "the mailbox cannot take it",
            (3, _) => "the other server cannot take it",
            (4, 1) => "the other server did not answer",
            (4, 2) => "the connection to the other server broke",
            (4, 3) => "the name of the other server could not be looked up",
            (4, 4) => "there is no way to the domain",
            (4, 6) => "the letter goes in circles",
            (4, 7) => "it could not be delivered in time",
            (4, _) => "the other server could not be reached",
            (5, _) => "the other server answered in a way that is not understood",
            (6, _) => "the other server cannot carry what the letter holds",
            (7, _) => "it was refused by policy",
            _ if self.class == 2 => "it was accepted",
            _ if self.class == 4 => "it was not accepted yet",
            _ => "it was refused",
        }
    }
}

fn number(text: &str, digits_max: usize) -> Option<u16> {
    let is_number =
        (1..=digits_max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_from_the_beginning_of_an_answer() {
        assert_eq!(
            Status::take("5.1.1 no such user"),
            Some((Status::new(5, 1, 1), "no such user"))
        );
        assert_eq!(Status::take("2.0.0"), Some((Status::DONE, "")));
    }

    #[test]
    fn what_only_looks_like_a_status_is_none() {
        for text in [
            "",
            "3.1.1 x",
            "5.1",
            "5.1.1.1 x",
            "5.1.1000 x",
            "5..1",
            "55.1.1",
            "x.1.1",
        ] {
            assert_eq!(Status::take(text), None, "{text}");
        }
    }
}
