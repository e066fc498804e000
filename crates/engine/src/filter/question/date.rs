//! Tests of dates.
//!
//! Standards: RFC 5260 §4 (date), §5 (currentdate).

use super::fields::keep_indexed;
use crate::filter::machine::{Failure, Machine};
use formats::date::Date;
use formats::script::compare::{date_part, zone_minutes};
use formats::script::{Node, Text};

pub(super) fn date(machine: &mut Machine<'_>, node: &Node) -> Result<bool, Failure> {
    let name = machine.expand_first(node.texts(0))?;
    let mut values = machine.letter()?.raw_values(&name);
    keep_indexed(node, &mut values);
    // In a trace line the date is what follows the last semicolon.
    let found = values
        .first()
        .map(|value| value.rsplit(|&byte| byte == b';').next());
    let Some(date) = found.flatten().and_then(Date::parse) else {
        return Ok(false);
    };
    let date = if node.has(":originalzone") {
        date
    } else {
        in_zone(machine, node, date)?
    };
    compare(machine, node, date, node.texts(1), node.texts(2))
}

pub(super) fn current(machine: &mut Machine<'_>, node: &Node) -> Result<bool, Failure> {
    let date = Date {
        seconds: machine.circumstances.now.seconds(),
        zone_minutes: 0,
    };
    let date = in_zone(machine, node, date)?;
    compare(machine, node, date, node.texts(0), node.texts(1))
}

/// The same moment in the zone that the test names; the server's own is UTC.
pub(super) fn in_zone(machine: &mut Machine<'_>, node: &Node, date: Date) -> Result<Date, Failure> {
    let zone = machine.tagged(node, ":zone")?;
    let zone_minutes = zone.as_deref().and_then(zone_minutes).unwrap_or(0);
    Ok(Date {
        zone_minutes,
        ..date
    })
}

fn compare(
    machine: &mut Machine<'_>,
    node: &Node,
    date: Date,
    part: &[Text],
    keys: &[Text],
) -> Result<bool, Failure> {
    let part = machine.expand_first(part)?;
    let value = date_part(date, &part);
    value.map_or(Ok(false), |value| machine.matches(node, &[value], keys))
}
