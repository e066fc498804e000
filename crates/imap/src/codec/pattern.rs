//! LIST's wildcards.
//!
//! Standards: RFC 9051 §6.3.9: `*` matches anything, `%` anything but the separator.

use super::mailbox::SEPARATOR;

/// Wildcards in one pattern; each costs a pass over every name.
pub const WILDCARDS_MAX: usize = 64;

/// A reference and pattern joined, ready to be compared with names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
}

impl Pattern {
    /// Joins a reference with a pattern in it. `None` if there are more wildcards than are
    /// sensible.
    pub fn new(reference: &str, pattern: &str) -> Option<Self> {
        let text = format!("{reference}{pattern}");
        let wildcards = text.chars().filter(|c| matches!(c, '*' | '%')).count();
        (wildcards <= WILDCARDS_MAX).then_some(Self { text })
    }

    /// True if names that begin like this may match.
    pub fn may_reach(&self, prefix: &str) -> bool {
        let plain = self.text.split(['*', '%']).next().unwrap_or("");
        plain.starts_with(prefix) || prefix.starts_with(plain)
    }

    /// True if the whole of `name` matches.
    ///
    /// Keeps the set of places in the pattern that the text so far may have reached, so that the
    /// work is at most the product of both lengths whatever the wildcards are.
    pub fn matches(&self, name: &str) -> bool {
        let pattern: Vec<char> = normal_inbox(&self.text).chars().collect();
        let mut reached = vec![false; pattern.len() + 1];
        if let Some(start) = reached.first_mut() {
            *start = true;
        }
        pass_wildcards(&pattern, &mut reached);
        for c in name.chars() {
            let mut next = vec![false; reached.len()];
            for (index, wanted) in pattern.iter().enumerate() {
                if !reached.get(index).copied().unwrap_or(false) {
                    continue;
                }
                let to = match wanted {
                    '*' => index,
                    '%' if c != SEPARATOR => index,
                    wanted if *wanted == c => index + 1,
                    _ => continue,
                };
                if let Some(place) = next.get_mut(to) {
                    *place = true;
                }
            }
            pass_wildcards(&pattern, &mut next);
            reached = next;
        }
        reached.last().copied().unwrap_or(false)
    }
}

/// A wildcard may also stand for nothing.
fn pass_wildcards(pattern: &[char], reached: &mut [bool]) {
    for (index, wanted) in pattern.iter().enumerate() {
        let passes = matches!(wanted, '*' | '%') && reached.get(index).copied().unwrap_or(false);
        if let Some(place) = reached.get_mut(index + 1).filter(|_| passes) {
            *place = true;
        }
    }
}

/// INBOX is compared without case (RFC 9051 §5.1), also where more levels follow.
fn normal_inbox(text: &str) -> String {
    match text.split_at_checked(5) {
        Some((head, rest))
            if head.eq_ignore_ascii_case("INBOX")
                && (rest.is_empty() || rest.starts_with([SEPARATOR, '*', '%'])) =>
        {
            format!("INBOX{rest}")
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new("", pattern).unwrap().matches(name)
    }

    #[test]
    fn percent_stops_at_a_level_and_star_does_not() {
        assert!(matches("%", "Work"));
        assert!(!matches("%", "Work/Old"));
        assert!(matches("*", "Work/Old"));
        assert!(matches("%/%", "Work/Old"));
        assert!(matches("W*d", "Work/Old"));
        assert!(!matches("W%d", "Work/Old"));
        assert!(matches("Work/*", "Work/"));
        assert!(!matches("", "Work"));
    }

    #[test]
    fn inbox_is_matched_in_any_case() {
        assert!(matches("inbox", "INBOX"));
        assert!(matches("inbox/%", "INBOX/a"));
        assert!(!matches("work", "Work"));
    }

    #[test]
    fn many_wildcards_cost_no_more_than_their_number() {
        let pattern = "%*".repeat(32);
        assert!(matches(&pattern, &"a/".repeat(500)));
        assert!(!matches(&format!("{}b", "*".repeat(60)), &"a".repeat(1000)));
        assert!(Pattern::new("", &"*".repeat(65)).is_none());
    }
}
