//! When it is all done, in a running server: once a minute what was seen is put into the store, once
//! an hour it is looked which reports are owed, and where others send theirs.
//!
//! Reports of a day begin at a time after midnight that differs from server to server, so that not
//! all of the world writes at once (RFC 8460 §4.1). Start at [`run`].

use super::destination::{Place, named_for_letters, of_sessions};
use super::rounds::{self, Until, World};
use super::tally::DAY;
use super::told::Addresses;
use crate::house::House;
use crate::outbound::fetch::Web;
use crate::outbound::names::Names;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// How often what was seen is put into the store.
const FLUSH: Duration = Duration::from_mins(1);
/// Minutes between two rounds.
const ROUND_MINUTES: i64 = 60;
/// Seconds after midnight within which reports begin (RFC 8460 §4.1 proposes four hours).
const SPREAD: u64 = 4 * 3_600;

/// Works until the server stops. `dice` is any number.
pub async fn run(
    house: Arc<House>,
    web: Arc<Web>,
    addresses: Arc<Addresses>,
    dice: u64,
    mut stopping: watch::Receiver<bool>,
) {
    let spread = i64::try_from(dice % SPREAD).unwrap_or_default();
    let mut minutes = 0;
    while !*stopping.borrow() {
        let is_round = minutes % ROUND_MINUTES == 0;
        let (house, web, addresses) =
            (Arc::clone(&house), Arc::clone(&web), Arc::clone(&addresses));
        let (runtime, stopped) = (Handle::current(), stopping.clone());
        let work = move || {
            let world = World {
                house: &house,
                names: web.names.as_ref(),
                web: &web,
                runtime: &runtime,
                stopping: stopped,
            };
            let is_time = house.engine.now().seconds().rem_euclid(DAY) >= spread;
            step(&world, is_round, is_time, &addresses);
        };
        // A panic there was reported by its own thread.
        let _ = tokio::task::spawn_blocking(work).await;
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => {}
            () = tokio::time::sleep(FLUSH) => {}
        }
        minutes += 1;
    }
}

fn step(world: &World<'_>, is_round: bool, is_time: bool, addresses: &Addresses) {
    let done = if is_round && is_time {
        rounds::round(world, Until::Midnight).map(drop)
    } else {
        rounds::flush(world.house)
    };
    if let Err(error) = done {
        tracing::error!(%error, "reports");
    }
    let keeps = is_round && world.house.configuration.reports.keep;
    if keeps && let Some(named) = world.wait(named(world.house, world.names)) {
        addresses.set(named);
    }
}

/// The addresses that our domains name for reports. What cannot be looked up is left out: the usual
/// address counts always.
async fn named(house: &House, names: &dyn Names) -> HashSet<String> {
    let mut all = HashSet::new();
    for domain in house.engine.domains().unwrap_or_default() {
        let mut places = named_for_letters(names, &domain.name)
            .await
            .unwrap_or_default();
        places.extend(of_sessions(names, &domain.name).await.unwrap_or_default());
        all.extend(places.into_iter().filter_map(|place| match place {
            Place::Mail(address, _) => Some(address.to_lowercase()),
            Place::Web(_) => None,
        }));
    }
    all
}
