//! `/healthz`: whether mail is taken, for load balancers and watchdogs. Says no more than that.

use super::exchange::{Request, plain};
use super::site::{Answering, Page};
use crate::house::House;
use hyper::StatusCode;
use std::sync::Arc;
use store::backend::embedded::Condition;

/// The page.
pub struct Health {
    house: Arc<House>,
}

impl Health {
    /// About this house.
    pub fn new(house: Arc<House>) -> Self {
        Self { house }
    }
}

impl Page for Health {
    fn answer(&self, _: Request) -> Answering<'_> {
        let response = match self.house.backend.condition() {
            Condition::Sound => plain(StatusCode::OK, "ok\n"),
            Condition::Failed(_) | Condition::Full => {
                plain(StatusCode::SERVICE_UNAVAILABLE, "not taking mail\n")
            }
        };
        Box::pin(std::future::ready(response))
    }
}
