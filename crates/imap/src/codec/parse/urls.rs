//! Reads `RESETKEY`, `GENURLAUTH` and `URLFETCH`.
//!
//! Standards: RFC 4467 §7, §9.

use super::super::Fault;
use super::super::command::Command;
use super::super::cursor::Parsed;
use super::super::url::is_known_mechanism;
use super::Arguments;

/// URLs in one command.
pub const URLS_MAX: usize = 64;

const UNKNOWN: Fault = Fault::Syntax("Only the mechanism INTERNAL is known");

impl Arguments<'_> {
    pub(super) fn reset_key(&mut self) -> Parsed<Command> {
        if self.cursor.at_end() {
            return Ok(Command::ResetKey(None));
        }
        let mailbox = self.next_mailbox()?;
        while !self.cursor.at_end() {
            self.mechanism()?;
        }
        Ok(Command::ResetKey(Some(mailbox)))
    }

    pub(super) fn authorize_urls(&mut self) -> Parsed<Command> {
        let urls = self.urls(Self::mechanism)?;
        Ok(Command::AuthorizeUrls(urls))
    }

    pub(super) fn fetch_urls(&mut self) -> Parsed<Command> {
        self.urls(|_| Ok(())).map(Command::FetchUrls)
    }

    /// At least one URL; `behind` reads what stands behind each.
    fn urls(&mut self, behind: fn(&mut Self) -> Parsed<()>) -> Parsed<Vec<String>> {
        let mut urls = Vec::new();
        loop {
            urls.push(self.text()?);
            behind(self)?;
            if urls.len() > URLS_MAX {
                return Err(Fault::Limit("Too many URLs"));
            }
            if self.cursor.at_end() {
                return Ok(urls);
            }
        }
    }

    fn mechanism(&mut self) -> Parsed<()> {
        self.cursor.space()?;
        let is_known = is_known_mechanism(self.cursor.word()?);
        is_known.then_some(()).ok_or(UNKNOWN)
    }
}
