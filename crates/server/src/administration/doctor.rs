//! `facteur doctor`: what is well, what is not, and what to do next.

use super::{Failure, Reply, zone};
use crate::doctor::{Check, State, World, examine};
use crate::house::House;
use crate::outbound::names::Resolver;
use crate::zone::Facts;
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::Arc;
use tokio::runtime::Handle;

pub fn show(house: &House, domain: &str) -> Result<Reply, Failure> {
    let wanted = zone::wanted(house, domain)?;
    let facts = Facts::of(house);
    let checks = in_runtime(async {
        let names = Resolver::new(&house.configuration.dns).map_err(Failure)?;
        let world = World {
            asker: names.asker(),
            names: Arc::new(names),
            https_port: house.configuration.delivery.https_port,
        };
        Ok(examine(&facts, &wanted, &world).await)
    })?;
    let data = checks.iter().map(|check| {
        json!({
            "state": check.state.word(),
            "what": check.what,
            "found": check.found,
            "advice": check.advice,
        })
    });
    let data = Value::Array(data.collect());
    Ok(Reply::new(text(&checks), data))
}

/// Runs something that waits for the network.
fn in_runtime<T: Send>(
    work: impl Future<Output = Result<T, Failure>> + Send,
) -> Result<T, Failure> {
    with_runtime(|runtime| runtime.block_on(work))
}

/// Runs something that blocks until the network answers, on a thread of its own: who calls this may
/// be a thread that must not.
pub fn with_runtime<T: Send>(
    work: impl FnOnce(&Handle) -> Result<T, Failure> + Send,
) -> Result<T, Failure> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build();
            let runtime = runtime.map_err(|error| Failure::of("threads", error))?;
            work(runtime.handle())
        });
        let broken = |_| Failure("it broke off".to_owned());
        thread.join().map_err(broken)?
    })
}

fn text(checks: &[Check]) -> String {
    let mut text = String::new();
    for check in checks {
        let (state, what, found) = (check.state.word(), &check.what, &check.found);
        // Writing to a string never fails.
        _ = writeln!(text, "{state:<8}{what}: {found}");
    }
    let of = |state| checks.iter().filter(move |check| check.state == state);
    let next = of(State::Bad).chain(of(State::Weak)).next();
    let unknown = of(State::Unknown).count();
    match next.or_else(|| of(State::Unknown).next()) {
        Some(check) => _ = write!(text, "\nNext: {}\n  {}", check.what, check.advice),
        None => text.push_str("\nNothing is left to do."),
    }
    if next.is_some() && unknown > 0 {
        _ = write!(text, "\n{unknown} could not be found out.");
    }
    text
}
