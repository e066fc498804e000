//! The address book: who is there, by name, and who is meant.
//!
//! Pure: what is asked for goes in, what is said comes out. It is the directory as its user may see
//! it ([`engine::directory::Book`]); nothing in it can be changed from here.
//!
//! Start at [`bind`], which begins a [`Session`], and [`Session::answer`]: one line for each
//! request. What an entry says of itself is in `entry`, tables and places in them in `table`, who
//! is meant by what was typed in `ambiguous`, what goes by names alone in `lookup`, the dialogs in which
//! entries are shown in `template`.
//!
//! Source: [MS-OXNSPI] 3.1.4; [MS-OXCMAPIHTTP] 2.2.5.

mod ambiguous;
mod entry;
mod lookup;
mod search;
mod table;
mod template;

use crate::autodiscover::response::Place;
use crate::codec::data::{Guid, language};
use crate::codec::nspi::{Request, Response, Stat, request, response};
use crate::codec::transport::body::Answer;
use crate::refusal::Refusal;
use bytes::Bytes;
use engine::directory::Book;
use engine::{AccountId, Engine, User};
use std::sync::Arc;

/// UTF-16 as a code page of 8-bit texts, which it is not.
const CODE_PAGE_UTF_16: u32 = 1200;
/// What was asked for is there in part. Source: [MS-OXNSPI] 2.2.1.2.
const ERRORS_RETURNED: u32 = 0x0004_0380;
/// The code of an unbind that went well. Source: [MS-OXNSPI] 2.2.1.2.
const UNBOUND: u32 = 1;
/// Minimal ids below stand for something else. Source: [MS-OXNSPI] 2.2.1.9.
const FIRST_MINIMAL_ID: u32 = 0x10;

/// One session with the address book.
pub struct Session {
    engine: Engine,
    viewer: AccountId,
    server: Guid,
    place: Arc<Place>,
}

/// What a request is answered from.
struct Shelf<'a> {
    book: Arc<Book>,
    server: Guid,
    place: &'a Place,
    viewer: AccountId,
}

/// Begins a session for someone who has signed in, or says why not; the response is sent either
/// way. That one wants to be nobody is passed over: it was said with whose name.
pub fn bind(
    request: &request::Bind,
    user: &User,
    engine: &Engine,
    server: Guid,
    place: &Arc<Place>,
) -> (Response, Option<Session>) {
    let is_utf_16 = |stat: &Stat| stat.code_page == CODE_PAGE_UTF_16;
    let is_refused = request.stat.as_ref().is_some_and(is_utf_16);
    let refusal = is_refused.then_some(Refusal::InvalidCodePage);
    let session = refusal.is_none().then(|| Session {
        engine: engine.clone(),
        viewer: user.account,
        server,
        place: Arc::clone(place),
    });
    let code = refusal.map_or(0, Refusal::code);
    (Response::Bind(Answer::Said(bound(server, code))), session)
}

fn bound(server: Guid, error_code: u32) -> response::Bind {
    response::Bind {
        error_code,
        server,
        auxiliary: Bytes::new(),
    }
}

/// What is said when a session ends.
pub fn unbound() -> Response {
    Response::Unbind(Answer::Said(response::Unbind {
        error_code: UNBOUND,
        auxiliary: Bytes::new(),
    }))
}

impl Session {
    /// Answers a request. Errors: of the store.
    pub fn answer(&self, asked: &Request) -> Result<Response, engine::EngineError> {
        let locale = asked.stat().map_or(0, |stat| stat.sort_locale);
        let language = language(locale);
        let shelf = Shelf {
            book: self.engine.directory().book(self.viewer, language)?,
            server: self.server,
            place: &self.place,
            viewer: self.viewer,
        };
        Ok(shelf.answer(asked))
    }
}

/// Code and content of what was done or refused.
fn outcome<T>(done: Result<T, Refusal>) -> (u32, Option<T>) {
    match done {
        Ok(done) => (0, Some(done)),
        Err(refusal) => (refusal.code(), None),
    }
}

impl Shelf<'_> {
    fn answer(&self, asked: &Request) -> Response {
        use Answer::Said;
        match asked {
            Request::Bind(_) => Response::Bind(Said(bound(self.server, 0))),
            Request::Unbind(_) => unbound(),
            Request::CompareMinimalIds(one) => Response::CompareMinimalIds(Said(self.compare(one))),
            Request::NameToMinimalId(one) => {
                Response::NameToMinimalId(Said(self.names_to_ids(one)))
            }
            Request::FindMatches(one) => Response::FindMatches(Said(self.find_matches(one))),
            Request::PropertyList(one) => Response::PropertyList(Said(self.property_list(one))),
            Request::Properties(one) => Response::Properties(Said(self.properties(one))),
            Request::SpecialTable(one) => Response::SpecialTable(Said(lookup::special_table(one))),
            Request::TemplateInfo(one) => Response::TemplateInfo(Said(template::info(one))),
            Request::ModifyLinks(_) => Response::ModifyLinks(Said(lookup::links_refused())),
            Request::ModifyProperties(_) => {
                Response::ModifyProperties(Said(lookup::changes_refused()))
            }
            Request::QueryColumns(one) => Response::QueryColumns(Said(lookup::columns(one))),
            Request::QueryRows(one) => Response::QueryRows(Said(self.query_rows(one))),
            Request::ResolveNames(one) => Response::ResolveNames(Said(self.resolve_names(one))),
            Request::ResortRestriction(one) => Response::ResortRestriction(Said(self.resort(one))),
            Request::SeekEntries(one) => Response::SeekEntries(Said(self.seek_entries(one))),
            Request::UpdateStat(one) => Response::UpdateStat(Said(self.update_stat(one))),
            Request::MailboxUrl(one) => Response::MailboxUrl(Said(self.mailbox_url(one))),
            Request::AddressBookUrl(one) => {
                Response::AddressBookUrl(Said(self.address_book_url(one)))
            }
        }
    }
}

/// The minimal id of an object of the directory: the same for ever.
fn minimal_id(number: AccountId) -> u32 {
    number.0.saturating_add(FIRST_MINIMAL_ID)
}

/// The object behind a minimal id.
fn number_of(minimal_id: u32) -> Option<AccountId> {
    minimal_id.checked_sub(FIRST_MINIMAL_ID).map(AccountId)
}
