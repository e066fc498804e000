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

/// Source: RFC 5524 §3.1.
const TWICE: Fault = Fault::Syntax("Each parameter once, and either BODY or BINARY");

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
            let is_new = match self.cursor.word()?.to_ascii_uppercase().as_str() {
                "BODYPARTSTRUCTURE" => !std::mem::replace(&mut wanted.structure, true),
                "BODY" => wanted.bytes.replace(UrlBytes::AsStored).is_none(),
                "BINARY" => wanted.bytes.replace(UrlBytes::Decoded).is_none(),
                _ => return Err(Fault::Syntax("Unknown URLFETCH parameter")),
            };
            if !is_new {
                return Err(TWICE);
            }
        }
        // One without parameters is answered as if no list stood around it (RFC 5524 §3.1).
        let wanted = Some(wanted).filter(|wanted| *wanted != UrlParts::default());
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
