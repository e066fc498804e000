//! Can others fetch the policy that the domain has announced (MTA-STS), and does it name this server?
//!
//! Source: RFC 8461 §3.3 (where it is fetched), §4.1 (names).

use super::{Check, State, World};
use crate::outbound::fetch::{Source, Web};
use crate::outbound::sts::{Mode, Policy};
use crate::outbound::tls::Keys;
use crate::zone::{Facts, Record};
use std::sync::Arc;

/// Fetches the policy as another server does, if the domain has announced one.
pub async fn check(facts: &Facts, wanted: &[Record], world: &World) -> Option<Check> {
    let mut names = wanted.iter().map(|record| record.name.as_str());
    let announced = names.find(|name| name.starts_with("_mta-sts."))?;
    let is_policy = |text: &String| text.starts_with("v=STSv1");
    let found = world.names.texts(announced).await.ok()?;
    if !found.iter().any(is_policy) {
        return None; // That the record is missing is told already.
    }
    let domain = announced.strip_prefix("_mta-sts.")?;
    let what = format!("MTA-STS policy of {domain}");
    let web = Web {
        names: Arc::clone(&world.names),
        keys: Arc::new(Keys::new().ok()?),
        port: world.https_port,
    };
    let text = match web.policy(domain).await {
        Ok(text) => text,
        Err(why) => {
            let advice = format!(
                "Others pass the policy over. https://mta-sts.{domain}/ must lead here, with a \
                 certificate for that name: [tls] also names further ones"
            );
            return Some(Check::new(State::Weak, what, why.to_string(), advice));
        }
    };
    Some(judged(what, &text, &facts.hostname))
}

fn judged(what: String, text: &str, hostname: &str) -> Check {
    let Some(policy) = Policy::parse(text) else {
        let advice = "Have this server answer there, or mend the text";
        return Check::new(State::Weak, what, "not a policy", advice);
    };
    if policy.allows(hostname) || policy.mode == Mode::None {
        let mode = policy
            .lines()
            .into_iter()
            .find(|line| line.starts_with("mode"));
        return Check::good(what, mode.unwrap_or_default());
    }
    let state = match policy.mode {
        Mode::Enforce => State::Bad,
        _ => State::Weak,
    };
    let advice = format!("Others that keep to it do not deliver here: it must name {hostname}");
    Check::new(state, what, "of other servers", advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_names_other_servers_only_keeps_letters_away() {
        let state = |mode: &str, host: &str| {
            let text =
                format!("version: STSv1\r\nmode: {mode}\r\nmx: {host}\r\nmax_age: 86400\r\n");
            judged("it".to_owned(), &text, "mx.example.test").state
        };
        assert_eq!(state("enforce", "mx.example.test"), State::Good);
        assert_eq!(state("enforce", "*.example.test"), State::Good);
        assert_eq!(state("enforce", "mx.other.test"), State::Bad);
        assert_eq!(state("testing", "mx.other.test"), State::Weak);
        assert_eq!(state("none", "mx.other.test"), State::Good);
        assert_eq!(
            judged("it".to_owned(), "<html>", "mx.a.test").state,
            State::Weak
        );
    }
}
