//! What the other server offers.
//!
//! Sources: RFC 5321 §4.1.1.1 (EHLO), and the standard of each extension.

use super::reply::Reply;

/// The extensions that make a difference here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Each is offered by itself.
pub struct Capabilities {
    /// Commands may be sent without waiting.
    pub pipelining: bool,
    /// Largest letter; 0 is without limit, absent when SIZE is not known at all.
    pub size_bytes_max: Option<u64>,
    /// Octets above 127.
    pub eight_bit: bool,
    /// Any octets.
    pub binary: bool,
    /// BDAT.
    pub chunking: bool,
    /// UTF-8 in addresses and headers.
    pub utf8: bool,
    /// Notifications are understood.
    pub dsn: bool,
    /// STARTTLS.
    pub start_tls: bool,
    /// REQUIRETLS.
    pub require_tls: bool,
    /// DELIVERBY, with the least number of seconds; 0 when none was named.
    pub deliver_by: Option<i64>,
    /// MT-PRIORITY.
    pub priority: bool,
    /// Recipients of one letter.
    pub recipients_max: Option<usize>,
    /// Letters of one connection.
    pub letters_max: Option<u32>,
    /// Ways to sign in, in upper case.
    pub mechanisms: Vec<String>,
}

impl Capabilities {
    /// Reads the answer to EHLO. The first line is the greeting; what is not known is passed over.
    pub fn of(reply: &Reply) -> Self {
        let mut found = Self::default();
        for line in reply.lines.iter().skip(1) {
            let mut words = line.split_ascii_whitespace();
            if let Some(keyword) = words.next() {
                found.add(&keyword.to_ascii_uppercase(), words);
            }
        }
        found
    }

    fn add<'a>(&mut self, keyword: &str, mut words: impl Iterator<Item = &'a str>) {
        match keyword {
            "PIPELINING" => self.pipelining = true,
            "8BITMIME" => self.eight_bit = true,
            "BINARYMIME" => self.binary = true,
            "CHUNKING" => self.chunking = true,
            "SMTPUTF8" => self.utf8 = true,
            "DSN" => self.dsn = true,
            "STARTTLS" => self.start_tls = true,
            "REQUIRETLS" => self.require_tls = true,
            "MT-PRIORITY" => self.priority = true,
            "SIZE" => {
                let size = words.next().and_then(|word| word.parse().ok());
                self.size_bytes_max = Some(size.unwrap_or(0));
            }
            "DELIVERBY" => {
                let least = words.next().and_then(|word| word.parse().ok());
                self.deliver_by = Some(least.unwrap_or(0));
            }
            "LIMITS" => words.for_each(|word| self.limit(word)),
            "AUTH" => self.mechanisms.extend(words.map(str::to_ascii_uppercase)),
            // An old spelling that some still use.
            _ => {
                if let Some(first) = keyword.strip_prefix("AUTH=") {
                    self.mechanisms.push(first.to_owned());
                    self.mechanisms.extend(words.map(str::to_ascii_uppercase));
                }
            }
        }
    }

    /// Source: RFC 9422 §3.
    fn limit(&mut self, word: &str) {
        let Some((name, value)) = word.split_once('=') else {
            return;
        };
        let Ok(value) = value.parse::<u32>() else {
            return;
        };
        if name.eq_ignore_ascii_case("RCPTMAX") {
            self.recipients_max = usize::try_from(value.max(1)).ok();
        } else if name.eq_ignore_ascii_case("MAILMAX") {
            self.letters_max = Some(value.max(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_are_read_whatever_their_case_and_the_greeting_is_none() {
        let lines = [
            "PIPELINING greets you",
            "size 1000",
            "Pipelining",
            "AUTH PLAIN login",
            "LIMITS MAILMAX=20 RCPTMAX=50 X=1",
            "DELIVERBY 240",
            "XFOO",
        ];
        let found = Capabilities::of(&Reply {
            code: 250,
            lines: lines.map(str::to_owned).into(),
        });
        let expected = Capabilities {
            pipelining: true,
            size_bytes_max: Some(1000),
            recipients_max: Some(50),
            letters_max: Some(20),
            deliver_by: Some(240),
            mechanisms: vec!["PLAIN".to_owned(), "LOGIN".to_owned()],
            ..Capabilities::default()
        };
        assert_eq!(found, expected);
    }
}
