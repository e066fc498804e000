//! Sending a letter on, or back.
//!
//! Standards: RFC 5228 §4.2 (redirect), RFC 3894 (`:copy`), RFC 6134 §2.4 (`:list`), RFC 6009
//! (what is asked of the servers after us), RFC 5429 (reject, ereject).

use crate::filter::machine::{Failure, Machine};
use crate::filter::outcome::{Action, Submission};
use crate::queue::{Notify, Return};
use formats::address::Mailbox;
use formats::date::Date;
use formats::script::{Node, Verb};

pub(super) fn redirect(machine: &mut Machine<'_>, node: &Node) -> Result<(), Failure> {
    super::not_after_reject(machine)?;
    let named = machine.expand_first(node.texts(0))?;
    let addresses = if node.has(":list") {
        machine.surroundings.listed(&named)
    } else {
        vec![named]
    };
    let submission = submission(machine, node)?;
    let version = machine.letter()?.version()?;
    for address in addresses {
        let mailbox = Mailbox::parse(address.trim().as_bytes())
            .map_err(|error| Failure::new(format!("`{address}`: {error}")))?;
        let sent = machine
            .actions
            .iter()
            .filter(|a| matches!(a, Action::Redirect { .. }))
            .count();
        if sent >= machine.budget.redirects {
            return Err(Failure::new(
                "the script sends the letter to too many addresses",
            ));
        }
        machine.act(Action::Redirect {
            address: mailbox.to_string(),
            submission: submission.clone(),
            version: version.clone(),
        })?;
    }
    if !node.has(":copy") {
        machine.implicit_keep = false;
    }
    Ok(())
}

fn submission(machine: &mut Machine<'_>, node: &Node) -> Result<Submission, Failure> {
    let notify = machine
        .tagged(node, ":notify")?
        .map(|words| notify(&words))
        .transpose()?;
    let returning = match machine.tagged(node, ":ret")? {
        None => None,
        Some(word) if word.eq_ignore_ascii_case("full") => Some(Return::Full),
        Some(word) if word.eq_ignore_ascii_case("hdrs") => Some(Return::Headers),
        Some(_) => return Err(Failure::new("`:ret` is \"FULL\" or \"HDRS\"")),
    };
    let relative = node.tagged_number(":bytimerelative");
    let now = machine.circumstances.now.seconds();
    let absolute = machine.tagged(node, ":bytimeabsolute")?;
    let absolute = match absolute.as_deref().map(rfc_3339) {
        None => None,
        Some(Some(date)) => Some(date.seconds.saturating_sub(now)),
        Some(None) => return Err(Failure::new("`:bytimeabsolute` is a date like RFC 3339's")),
    };
    let return_when_late = match machine.tagged(node, ":bymode")? {
        Some(mode) if mode.eq_ignore_ascii_case("return") => true,
        Some(mode) if !mode.eq_ignore_ascii_case("notify") => {
            return Err(Failure::new("`:bymode` is \"notify\" or \"return\""));
        }
        _ => false,
    };
    Ok(Submission {
        notify,
        returning,
        deliver_by_seconds: relative.and_then(|by| i64::try_from(by).ok()).or(absolute),
        return_when_late,
        traces: node.has(":bytrace"),
    })
}

/// `NEVER`, or some of the others with commas between them. Source: RFC 3461 §4.1.
fn notify(words: &str) -> Result<Notify, Failure> {
    let mut notify = Notify::default();
    for word in words.split(',') {
        match word.trim().to_ascii_uppercase().as_str() {
            "NEVER" => notify.never = true,
            "SUCCESS" => notify.success = true,
            "FAILURE" => notify.failure = true,
            "DELAY" => notify.delay = true,
            _ => {
                return Err(Failure::new(
                    "`:notify` is NEVER, or of SUCCESS, FAILURE, DELAY",
                ));
            }
        }
    }
    if notify.never && (notify.success || notify.failure || notify.delay) {
        return Err(Failure::new(
            "`:notify` is NEVER, or of SUCCESS, FAILURE, DELAY",
        ));
    }
    Ok(notify)
}

/// `2008-07-03T10:01:42Z`, or with a zone like `+02:00`. Source: RFC 3339 §5.6.
fn rfc_3339(text: &str) -> Option<Date> {
    let (date, time) = text.split_once(['T', 't'])?;
    let mut days = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (days.next()?.ok()?, days.next()?.ok()?, days.next()?.ok()?);
    let zone_at = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at_checked(zone_at)?;
    let zone_minutes = match zone {
        "Z" | "z" => 0,
        zone => formats::script::compare::zone_minutes(&zone.replace(':', ""))?,
    };
    let mut clock = clock.split(['.', ':']).map(str::parse::<i64>);
    let (hour, minute, second) = (
        clock.next()?.ok()?,
        clock.next()?.ok()?,
        clock.next()?.ok()?,
    );
    let in_range = (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    let days = in_range.then(|| formats::date::days_from_civil(year, month, day))?;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - i64::from(zone_minutes) * 60;
    Some(Date {
        seconds,
        zone_minutes,
    })
}

/// Source: RFC 5429 §2: nothing else may deliver or answer the letter.
pub(super) fn reject(machine: &mut Machine<'_>, node: &Node) -> Result<(), Failure> {
    let conflict = machine
        .actions
        .iter()
        .any(|action| !matches!(action, Action::Remember { .. }));
    if conflict {
        return Err(Failure::new(
            "a letter that is kept, sent on or answered cannot be rejected",
        ));
    }
    let reason = machine.expand_first(node.texts(0))?;
    machine.implicit_keep = false;
    machine.act(Action::Reject {
        reason,
        in_dialogue: node.verb == Verb::EReject,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_rfc_3339_are_read() {
        let seconds = |text: &str| rfc_3339(text).map(|date| date.seconds);
        assert_eq!(seconds("1970-01-02T00:00:00Z"), Some(86_400));
        assert_eq!(seconds("1970-01-01T02:00:01.5+02:00"), Some(1));
        assert_eq!(seconds("1970-13-01T00:00:00Z"), None);
        assert_eq!(seconds("yesterday"), None);
    }
}
