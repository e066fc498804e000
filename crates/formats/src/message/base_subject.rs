//! The base subject: what a Subject says once "Re:", "Fwd:" and the names of lists are taken off.
//!
//! Letters with the same base subject, compared without regard to case, are taken for one
//! conversation where nothing better is known. Never folds case: that is the reader's choice.
//!
//! Start at [`BaseSubject::of`]. Standards: RFC 5256 §2.1 (the rules, by their numbers).

use super::encoded_word;
use std::borrow::Cow;

/// A subject without what replying and forwarding put around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BaseSubject {
    /// What is left; it may be empty.
    pub text: String,
    /// Whether a mark of replying or forwarding was taken off.
    pub is_reply: bool,
}

impl BaseSubject {
    /// Reads the value of a Subject field, encoded words and all.
    pub fn of(value: &[u8]) -> Self {
        Self::of_text(&encoded_word::decode(value))
    }

    /// The same for a subject that is decoded already.
    pub fn of_text(subject: &str) -> Self {
        let line = on_one_line(subject);
        let mut stripped = Stripped {
            text: &line,
            is_reply: false,
        };
        loop {
            stripped.trailers();
            stripped.leaders();
            if !stripped.forward_brackets() {
                break;
            }
        }
        Self {
            text: stripped.text.to_owned(),
            is_reply: stripped.is_reply,
        }
    }
}

/// Rule 1: tabs and line ends are spaces, and several of them are one.
fn on_one_line(subject: &str) -> Cow<'_, str> {
    let has_others = subject
        .bytes()
        .any(|byte| matches!(byte, b'\t' | b'\r' | b'\n'));
    if !has_others && !subject.contains("  ") {
        return Cow::Borrowed(subject);
    }
    let mut line = String::with_capacity(subject.len());
    for character in subject.chars() {
        match character {
            ' ' | '\t' | '\r' | '\n' if line.ends_with(' ') => {}
            ' ' | '\t' | '\r' | '\n' => line.push(' '),
            other => line.push(other),
        }
    }
    Cow::Owned(line)
}

/// What is left of a subject on its way through the rules.
struct Stripped<'a> {
    text: &'a str,
    is_reply: bool,
}

impl Stripped<'_> {
    /// Rule 2: `(fwd)` and spaces at the end.
    fn trailers(&mut self) {
        loop {
            self.text = self.text.trim_end_matches(' ');
            let Some(before) = without_suffix(self.text, "(fwd)") else {
                return;
            };
            self.text = before;
            self.is_reply = true;
        }
    }

    /// Rules 3 to 5: `Re:`, `Fwd:`, and names in brackets as long as something stays behind them.
    ///
    /// Names that no reply mark follows are taken off together, so that each byte is looked at a
    /// few times only, however many there are.
    fn leaders(&mut self) {
        loop {
            self.text = self.text.trim_start_matches(' ');
            let (mut behind, mut before_last) = (self.text, self.text);
            while let Some(rest) = without_blob(behind) {
                (before_last, behind) = (behind, rest);
            }
            if let Some(rest) = without_reply_mark(behind) {
                self.text = rest;
                self.is_reply = true;
                continue;
            }
            self.text = if behind.is_empty() {
                before_last
            } else {
                behind
            };
            return;
        }
    }

    /// Rule 6: `[fwd: …]` around it all. True if it was there.
    fn forward_brackets(&mut self) -> bool {
        let inner = without_prefix(self.text, "[fwd:").and_then(|rest| rest.strip_suffix(']'));
        if let Some(inner) = inner {
            self.text = inner;
            self.is_reply = true;
        }
        inner.is_some()
    }
}

/// `"[" *BLOBCHAR "]" *WSP`
fn without_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    let behind = inner.get(end..)?.strip_prefix(']')?;
    Some(behind.trim_start_matches(' '))
}

/// `("re" / ("fw" ["d"])) *WSP [subj-blob] ":"`
fn without_reply_mark(text: &str) -> Option<&str> {
    let marks = ["re", "fwd", "fw"];
    let behind = marks.iter().find_map(|mark| without_prefix(text, mark))?;
    let behind = behind.trim_start_matches(' ');
    let behind = without_blob(behind).unwrap_or(behind);
    behind.strip_prefix(':')
}

/// Like `strip_prefix`, in any case; `prefix` is ASCII.
fn without_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Like `strip_suffix`, in any case; `suffix` is ASCII.
fn without_suffix<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let start = text.len().checked_sub(suffix.len())?;
    let (rest, tail) = text.split_at_checked(start)?;
    tail.eq_ignore_ascii_case(suffix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn base(subject: &str) -> (String, bool) {
        let base = BaseSubject::of(subject.as_bytes());
        (base.text, base.is_reply)
    }

    #[test]
    fn marks_of_replying_and_forwarding_are_taken_off() {
        for (subject, wanted, is_reply) in [
            ("lunch", "lunch", false),
            ("Re: lunch", "lunch", true),
            ("RE: FWD: fw : re[2]: lunch", "lunch", true),
            ("Re: Re: [list] Re: [other] lunch", "lunch", true),
            ("lunch (fwd) (FWD) ", "lunch", true),
            ("[Fwd: lunch]", "lunch", true),
            ("[Fwd: [fwd: re: lunch (fwd)]]", "lunch", true),
            ("[list] lunch", "lunch", false),
            ("[a] [b] lunch [c]", "lunch [c]", false),
            ("=?utf-8?Q?Re=3A_l=C3=BCnch?=", "lünch", true),
            ("Re:\r\n\tlunch \t  today", "lunch today", true),
            ("Aw: lunch", "Aw: lunch", false),
            ("Refund: lunch", "Refund: lunch", false),
            ("re [x] [y]: z", "re [x] [y]: z", false),
        ] {
            assert_eq!(base(subject), (wanted.to_owned(), is_reply), "{subject}");
        }
    }

    #[test]
    fn a_name_in_brackets_stays_when_nothing_else_would() {
        assert_eq!(base("[list]"), ("[list]".to_owned(), false));
        assert_eq!(base("[a] [list]"), ("[list]".to_owned(), false));
        assert_eq!(base("Re: [list]"), ("[list]".to_owned(), true));
        // But a reply mark takes the names before it along.
        assert_eq!(base("[list] Re:"), (String::new(), true));
        for empty in ["", " ", "Re:", "(fwd)", "[fwd:]", "Re: Fwd: (fwd)"] {
            assert_eq!(base(empty).0, "", "{empty}");
        }
    }

    #[test]
    fn long_chains_take_no_long_time() {
        for piece in ["[a]", "[", "[fwd:", "re:", "(fwd)", "[a] re", "]"] {
            let _ = base(&piece.repeat(50_000));
        }
    }

    proptest! {
        #[test]
        fn a_base_subject_is_its_own_base_subject(
            pieces in proptest::collection::vec(proptest::sample::select(vec![
                "re", "fwd", ":", "[", "]", " ", "x", "(fwd)", "[fwd:", "é", "[l]", "Re: ", "\t",
            ]), 0..12)
        ) {
            let once = BaseSubject::of_text(&pieces.concat());
            let again = BaseSubject::of_text(&once.text);
            prop_assert_eq!(&again.text, &once.text);
            prop_assert!(!again.is_reply);
        }
    }
}
