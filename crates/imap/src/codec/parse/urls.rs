//! Reads `RESETKEY`, `GENURLAUTH` and `URLFETCH`.
//!
//! Standards: RFC 4467 §7, §9; RFC 5524 §5 (URLAUTH=BINARY).

use super::super::Fault;
use super::super::command::{Command, UrlBytes, UrlParts, UrlRequest};
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
        let urls = self.each_url(|arguments| {
            let url = arguments.text()?;
            arguments.mechanism().map(|()| url)
        })?;
        Ok(Command::AuthorizeUrls(urls))
    }

    pub(super) fn fetch_urls(&mut self) -> Parsed<Command> {
        let requests = self.each_url(|arguments| {
            if arguments.cursor.rest().starts_with(b" (") {
                return arguments.url_with_parts();
            }
            let url = arguments.text()?;
            Ok(UrlRequest { url, wanted: None })
        })?;
        Ok(Command::FetchUrls(requests))
    }

    /// Reads `(url BODYPARTSTRUCTURE BINARY)`. Source: RFC 5524 §5.
    fn url_with_parts(&mut self) -> Parsed<UrlRequest> {
        self.cursor.space()?;
        self.cursor.expect(b'(', "Expected a URL")?;
        let url = self.cursor.text()?;
        let mut wanted = UrlParts::default();
        while !self.cursor.accept(b')') {
            self.cursor.space()?;
            let bytes = match self.cursor.word()?.to_ascii_uppercase().as_str() {
                "BODYPARTSTRUCTURE" => {
                    wanted.structure = true;
                    continue;
                }
                "BODY" => UrlBytes::AsStored,
                "BINARY" => UrlBytes::Decoded,
                _ => return Err(Fault::Syntax("Unknown URLFETCH parameter")),
            };
            if wanted.bytes.is_some_and(|other| other != bytes) {
                return Err(Fault::Syntax("Either BODY or BINARY is possible"));
            }
            wanted.bytes = Some(bytes);
        }
        let wanted = Some(wanted);
        Ok(UrlRequest { url, wanted })
    }

    /// At least one URL, with what stands around it.
    fn each_url<T>(&mut self, read: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut urls = Vec::new();
        loop {
            urls.push(read(self)?);
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
