//! MAPI over HTTP and Autodiscover: what Outlook for Windows asks for.
//!
//! The crate `mapi` says what is answered; here are its paths, headers, sessions and the stream that
//! keeps a client patient. Served only if the configuration says so.
//!
//! Start at [`pages`]; [`endpoint::Page`] is what mailbox and address book have in common.
//!
//! Sources: [MS-OXCMAPIHTTP] 2.2, 3.2; [MS-OXDSCLI] 3.2.

mod address;
mod address_book;
mod autodiscover;
mod endpoint;
mod frame;
mod head;
mod mailbox;
mod settings;
mod waiting;

pub use settings::Settings;

use super::exchange::{Request, plain, reply};
use super::sign_in::Door;
use super::site::{Answering, Page, Site};
use crate::configuration::Addresses;
use crate::driver::Surroundings;
use crate::house::House;
use ::mapi::autodiscover::response::Place;
use ::mapi::codec::data::Guid;
use ::mapi::codec::transport::header::ResponseCode;
use engine::Engine;
use hyper::StatusCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Sessions are counted from here on, so that none has the number of a connection.
const FIRST_SESSION: u64 = 1 << 48;

/// What all pages share.
struct Shared {
    engine: Engine,
    surroundings: Arc<Surroundings>,
    door: Door,
    settings: Settings,
    /// Tells this server's objects from those of all others.
    server: Guid,
    place: Arc<Place>,
    sessions: AtomicU64,
}

impl Shared {
    fn new(house: &House, addresses: &Addresses, surroundings: &Arc<Surroundings>) -> Self {
        let server = Guid(house.engine.installation().0);
        let settings = house.configuration.mapi.clone();
        let own = || address::origin(&house.configuration.host_name(), addresses);
        let place = Place {
            origin: settings.address.clone().unwrap_or_else(own),
            deployment: server.to_string(),
        };
        Self {
            engine: house.engine.clone(),
            surroundings: Arc::clone(surroundings),
            door: Door::new(&house.engine, surroundings),
            settings,
            server,
            place: Arc::new(place),
            sessions: AtomicU64::new(FIRST_SESSION),
        }
    }

    fn next_session(&self) -> u64 {
        self.sessions.fetch_add(1, Ordering::Relaxed)
    }

    fn is_stopping(&self) -> bool {
        *self.surroundings.stopping.borrow()
    }
}

/// Puts the pages on a site, if they are wanted.
pub fn pages(
    site: Site,
    house: &House,
    addresses: &Addresses,
    surroundings: &Arc<Surroundings>,
) -> Site {
    if !house.configuration.mapi.enabled {
        return site;
    }
    let shared = Arc::new(Shared::new(house, addresses, surroundings));
    let mailbox = endpoint::Page::new(mailbox::Mailboxes::new(&shared), &shared);
    let book = endpoint::Page::new(address_book::AddressBook::new(&shared), &shared);
    site.with("/mapi/", Arc::new(Nothing(Arc::clone(&shared))))
        .with("/mapi/healthcheck.htm", Arc::new(HealthCheck))
        .with("/mapi/emsmdb/", Arc::new(mailbox))
        .with("/mapi/nspi/", Arc::new(book))
        .with("/autodiscover/", Arc::new(autodiscover::Page::new(shared)))
}

/// What load balancers look at.
struct HealthCheck;

impl Page for HealthCheck {
    fn answer(&self, _: Request) -> Answering<'_> {
        let response = reply(StatusCode::OK, "text/html; charset=utf-8", "200 OK<br/>");
        Box::pin(std::future::ready(response))
    }
}

/// Below `/mapi/`, where nothing is.
struct Nothing(Arc<Shared>);

impl Page for Nothing {
    fn answer(&self, request: Request) -> Answering<'_> {
        let response = if request.headers().contains_key("x-requesttype") {
            frame::Frame::of(&request, self.0.engine.now()).refused(ResponseCode::InvalidPath)
        } else {
            plain(StatusCode::NOT_FOUND, "not found\n")
        };
        Box::pin(std::future::ready(response))
    }
}
