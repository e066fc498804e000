//! Reads `SEARCH`, `SORT`, `THREAD` and `ESEARCH`.
//!
//! Standards: RFC 9051 §6.4.4; RFC 5256 §3; RFC 7377 §3; RFC 5182 §2.1 (what a refusal means).

use super::super::Fault;
use super::super::command::{Command, Numbering};
use super::super::cursor::{Cursor, Parsed};
use super::super::scope::Scope;
use super::super::search::{Options, SearchRequest};
use super::super::sort::{SortRequest, ThreadRequest};
use super::Arguments;

impl Arguments<'_> {
    /// `SEARCH`
    pub(super) fn search(&mut self, numbering: Numbering) -> Parsed<Command> {
        let start = self.cursor;
        let read = SearchRequest::read(&mut self.cursor);
        self.or_unsaved(
            start,
            read.map(|request| Command::Search(numbering, request)),
        )
    }

    /// `SORT`
    pub(super) fn sort(&mut self, numbering: Numbering) -> Parsed<Command> {
        let start = self.cursor;
        let read = SortRequest::read(&mut self.cursor);
        self.or_unsaved(start, read.map(|request| Command::Sort(numbering, request)))
    }

    /// `THREAD`
    pub(super) fn thread(&mut self, numbering: Numbering) -> Parsed<Command> {
        let request = ThreadRequest::read(&mut self.cursor)?;
        Ok(Command::Thread(numbering, request))
    }

    /// `[IN (scopes)] [RETURN (…)] [CHARSET …] keys`. Source: RFC 7377 §3.
    pub(super) fn multi_search(&mut self) -> Parsed<Command> {
        self.cursor.space()?;
        let scopes = Scope::read_all(&mut self.cursor, self.form)?;
        let start = self.cursor;
        let read = SearchRequest::read(&mut self.cursor);
        self.or_unsaved(
            start,
            read.map(|request| Command::MultiSearch(scopes, request)),
        )
    }

    /// What follows the grammar and can't be done leaves nothing saved, if it was to be saved.
    fn or_unsaved(&mut self, mut start: Cursor<'_>, read: Parsed<Command>) -> Parsed<Command> {
        let fault = match read {
            Err(fault) if !matches!(fault, Fault::Syntax(_)) => fault,
            read => return read,
        };
        let returned = Options::read(&mut start)?.returned;
        if !returned.is_some_and(|returned| returned.save) {
            return Err(fault);
        }
        self.cursor = Cursor::new(b"");
        Ok(Command::Unsaved(fault))
    }
}
