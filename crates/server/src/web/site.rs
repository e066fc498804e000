//! Who answers which path.
//!
//! Start at [`usual`], where everything that this server says over HTTPS has its place.

use super::exchange::{Request, Response, plain};
use super::{autoconfig, health, mapi, mta_sts};
use crate::configuration::Addresses;
use crate::driver::Surroundings;
use crate::house::House;
use hyper::StatusCode;
use hyper::header::{HeaderValue, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long an answer may take to begin, where a page does not need longer.
const PATIENCE: Duration = Duration::from_mins(1);

/// An answer in the making.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Response> + Send + 'a>>;

/// Answers the requests for some paths.
pub trait Page: Send + Sync {
    /// Answers one request, whatever its method.
    fn answer(&self, request: Request) -> Answering<'_>;

    /// How long the answer may take to begin.
    fn patience(&self) -> Duration {
        PATIENCE
    }
}

/// All pages with their paths.
#[derive(Default)]
pub struct Site {
    pages: Vec<(&'static str, Arc<dyn Page>)>,
}

impl Site {
    /// Puts a page at a path; one that ends in `/` stands for all below it.
    #[must_use]
    pub fn with(mut self, path: &'static str, page: Arc<dyn Page>) -> Self {
        self.pages.push((path, page));
        self
    }

    /// The page of the longest path that fits, in letters of either case: Outlook writes its paths
    /// in more ways than one.
    fn page(&self, path: &str) -> Option<&Arc<dyn Page>> {
        let fits = |known: &str| {
            let beginning = if known.ends_with('/') {
                path.get(..known.len())
            } else {
                Some(path)
            };
            beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(known))
        };
        let fitting = self.pages.iter().filter(|(known, _)| fits(known));
        let longest = fitting.max_by_key(|(known, _)| known.len());
        longest.map(|(_, page)| page)
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request) -> Response {
        let mut response = match self.page(request.path()) {
            None => plain(StatusCode::NOT_FOUND, "not found\n"),
            Some(page) => {
                let answer = timeout(page.patience(), page.answer(request)).await;
                answer.unwrap_or_else(|_| plain(StatusCode::SERVICE_UNAVAILABLE, "too slow\n"))
            }
        };
        let headers = response.headers_mut();
        let nosniff = HeaderValue::from_static("nosniff");
        headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(nosniff);
        let always = HeaderValue::from_static("max-age=31536000");
        headers.entry(STRICT_TRANSPORT_SECURITY).or_insert(always);
        response
    }
}

/// What this server says over HTTPS. Must be called where tasks can be started.
pub fn usual(house: &Arc<House>, addresses: &Addresses, surroundings: &Arc<Surroundings>) -> Site {
    let settings = Arc::new(autoconfig::Autoconfig::new(house, addresses));
    let site = Site::default()
        .with("/healthz", Arc::new(health::Health::new(Arc::clone(house))))
        .with(mta_sts::PATH, Arc::new(mta_sts::Policy::new(house)))
        .with(autoconfig::OWN_PATH, settings.clone())
        .with(autoconfig::WELL_KNOWN_PATH, settings);
    mapi::pages(site, house, addresses, surroundings)
}
