//! The log: one line on standard error for each thing that happened, as text or as a JSON object.
//!
//! Values come from outside and are escaped, so that a line is always one line. Never blocks on
//! anything but the write itself. Start at [`start`]; dialogues' [`Record`]s go through [`record`].

use crate::configuration::{Log, LogFormat, LogLevel};
use crate::world::SystemClock;
use engine::dialogue::{Level as Weight, Record};
use formats::moment::rfc3339;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use store::world::Clock;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Longest value in a line, in bytes; what a peer sends is cut here.
const VALUE_BYTES_MAX: usize = 1024;

/// Starts the log for this process; a second call changes nothing.
pub fn start(settings: &Log) {
    let lines = Lines {
        format: settings.format,
    };
    let _ = tracing_subscriber::registry()
        .with(heard(settings.level))
        .with(lines)
        .try_init();
}

/// What is written. Libraries warn of what peers do, as often as these do it: that is for who looks
/// for faults.
fn heard(level: LogLevel) -> Targets {
    let (ours, libraries) = match level {
        LogLevel::Error => (LevelFilter::ERROR, LevelFilter::ERROR),
        LogLevel::Warn => (LevelFilter::WARN, LevelFilter::ERROR),
        LogLevel::Info => (LevelFilter::INFO, LevelFilter::ERROR),
        LogLevel::Debug => (LevelFilter::DEBUG, LevelFilter::DEBUG),
    };
    Targets::new()
        .with_target("facteur", ours)
        .with_default(libraries)
}

/// Writes a dialogue's record, with the service and connection that it belongs to.
pub fn record(service: &'static str, connection: u64, record: &Record) {
    let facts = Facts(&record.facts);
    match record.level {
        Weight::Info => tracing::info!(service, connection, ?facts, "{}", record.event),
        Weight::Warn => tracing::warn!(service, connection, ?facts, "{}", record.event),
        Weight::Error => tracing::error!(service, connection, ?facts, "{}", record.event),
    }
}

/// A record's facts as one field: ` key=value …`, or in the alternate form `,"key":"value"…`.
struct Facts<'a>(&'a [(&'static str, String)]);

impl fmt::Debug for Facts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = if f.alternate() {
            LogFormat::Json
        } else {
            LogFormat::Text
        };
        let mut line = String::new();
        for (name, value) in self.0 {
            append(&mut line, format, name, value);
        }
        f.write_str(&line)
    }
}

/// Writes each event as one line.
struct Lines {
    format: LogFormat,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut found = Fields {
            format: self.format,
            ..Fields::default()
        };
        event.record(&mut found);
        let line = found.line(*event.metadata().level(), event.metadata().target());
        // A log that can't be written must not stop the mail.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

/// The parts of one line.
#[derive(Default)]
struct Fields {
    format: LogFormat,
    message: String,
    rest: String,
}

impl Fields {
    fn line(&self, level: Level, target: &str) -> String {
        let time = rfc3339(SystemClock.now().seconds());
        let rest = &self.rest;
        match self.format {
            LogFormat::Text => format!("{time} {level:5} {}{rest}\n", one_line(&self.message)),
            LogFormat::Json => {
                let event = json(&self.message);
                let level = level.as_str().to_ascii_lowercase();
                let target = json(target);
                format!(
                    "{{\"time\":\"{time}\",\"level\":\"{level}\",\"target\":{target},\
                     \"event\":{event}{rest}}}\n"
                )
            }
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match (field.name(), self.format) {
            // Where a library's source lay when it was built.
            ("log.module_path" | "log.file" | "log.line", _) => {}
            ("message", _) => self.message = format!("{value:?}"),
            ("facts", LogFormat::Text) => _ = write!(self.rest, "{value:?}"),
            ("facts", LogFormat::Json) => _ = write!(self.rest, "{value:#?}"),
            (name, format) => append(&mut self.rest, format, name, &format!("{value:?}")),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            "log.module_path" | "log.file" => {}
            name => append(&mut self.rest, self.format, name, value),
        }
    }
}

/// Adds one fact to a line.
fn append(line: &mut String, format: LogFormat, name: &str, value: &str) {
    let value = cut(value);
    let _ = match format {
        LogFormat::Json => write!(line, ",{}:{}", json(name), json(value)),
        LogFormat::Text if is_plain(value) => write!(line, " {name}={value}"),
        LogFormat::Text => write!(line, " {name}={}", json(value)),
    };
}

fn cut(value: &str) -> &str {
    let mut end = value.len().min(VALUE_BYTES_MAX);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    value.get(..end).unwrap_or_default()
}

/// True when a value needs no quotes.
fn is_plain(value: &str) -> bool {
    !value.is_empty()
        && value
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'=')
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_from_outside_cannot_break_the_line() {
        let mut line = String::new();
        append(&mut line, LogFormat::Text, "helo", "a b\r\nfake line");
        assert_eq!(line, " helo=\"a b\\r\\nfake line\"");
    }

    #[test]
    fn what_libraries_say_of_peers_is_heard_by_who_looks_for_faults_only() {
        let warns = |level, target| heard(level).would_enable(target, &Level::WARN);
        assert!(warns(LogLevel::Info, "facteur::serve"));
        assert!(!warns(LogLevel::Info, "rustls::msgs::handshake"));
        assert!(warns(LogLevel::Debug, "rustls::msgs::handshake"));
    }

    #[test]
    fn facts_become_members_of_the_json_object() {
        let facts = [("to", "a@b".to_owned()), ("size", "12".to_owned())];
        let shown = format!("{:#?}", Facts(&facts));
        assert_eq!(shown, ",\"to\":\"a@b\",\"size\":\"12\"");
    }
}
