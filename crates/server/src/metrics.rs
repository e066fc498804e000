//! What the server counts, in the text format of Prometheus.
//!
//! Counters only grow and are read without stopping anybody. Start at [`Metrics::render`].

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper bounds of the histogram's buckets in microseconds: from a fast SSD's sync to a stalled
/// disk's.
const BUCKETS_MICROSECONDS: [u64; 12] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 10_000_000,
];

/// All counters.
#[derive(Debug, Default)]
pub struct Metrics {
    services: Mutex<BTreeMap<&'static str, Arc<ServiceMetrics>>>,
    /// From the place in the log to the disk.
    pub settled: Histogram,
}

/// The counters of one service.
#[derive(Debug, Default)]
pub struct ServiceMetrics {
    connections: AtomicU64,
    open: AtomicU64,
    refused: AtomicU64,
    bytes_received: AtomicU64,
    bytes_sent: AtomicU64,
    events: Mutex<BTreeMap<&'static str, u64>>,
}

impl ServiceMetrics {
    /// A connection was accepted.
    pub fn opened(&self) {
        self.connections.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
    }

    /// A connection ended.
    pub fn closed(&self) {
        self.open.fetch_sub(1, Relaxed);
    }

    /// A connection was turned away by a limit.
    pub fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// Bytes came in, after decryption.
    pub fn received(&self, bytes: usize) {
        self.bytes_received.fetch_add(bytes as u64, Relaxed);
    }

    /// Bytes went out, before encryption.
    pub fn sent(&self, bytes: usize) {
        self.bytes_sent.fetch_add(bytes as u64, Relaxed);
    }

    /// Something happened that a dialogue finds worth a log line.
    pub fn event(&self, name: &'static str) {
        *self.events.lock().entry(name).or_default() += 1;
    }
}

/// How long something took.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS_MICROSECONDS.len()],
    count: AtomicU64,
    sum_microseconds: AtomicU64,
}

impl Histogram {
    /// Counts one.
    pub fn observe(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bounds = BUCKETS_MICROSECONDS.iter().zip(&self.buckets);
        if let Some((_, bucket)) = bounds.into_iter().find(|(bound, _)| took <= **bound) {
            bucket.fetch_add(1, Relaxed);
        }
        self.count.fetch_add(1, Relaxed);
        self.sum_microseconds.fetch_add(took, Relaxed);
    }

    fn render(&self, name: &str, help: &str, text: &mut String) {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} histogram");
        let mut below = 0;
        for (bound, bucket) in BUCKETS_MICROSECONDS.iter().zip(&self.buckets) {
            below += bucket.load(Relaxed);
            let _ = writeln!(text, "{name}_bucket{{le=\"{}\"}} {below}", Seconds(*bound));
        }
        let count = self.count.load(Relaxed);
        let sum = Seconds(self.sum_microseconds.load(Relaxed));
        let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}");
        let _ = writeln!(text, "{name}_sum {sum}\n{name}_count {count}");
    }
}

/// Microseconds, shown as seconds without rounding.
struct Seconds(u64);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// A number that is read when the page is asked for.
pub struct Gauge {
    /// The metric's name, `facteur_…`.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// Its value now.
    pub value: u64,
}

/// How one counter of a service is read.
type Read = fn(&ServiceMetrics) -> u64;

impl Metrics {
    /// The counters of a service, made at the first call.
    pub fn service(&self, name: &'static str) -> Arc<ServiceMetrics> {
        Arc::clone(self.services.lock().entry(name).or_default())
    }

    /// Bytes that all services received and sent so far.
    pub fn bytes(&self) -> u64 {
        let services = self.services.lock();
        let bytes =
            |s: &Arc<ServiceMetrics>| s.bytes_received.load(Relaxed) + s.bytes_sent.load(Relaxed);
        services.values().map(bytes).sum()
    }

    /// The page for Prometheus (text format 0.0.4).
    pub fn render(&self, gauges: &[Gauge]) -> String {
        let mut text = String::new();
        let counters: [(&str, &str, &str, Read); 5] = [
            (
                "connections_total",
                "counter",
                "Connections accepted.",
                |s| s.connections.load(Relaxed),
            ),
            ("connections_open", "gauge", "Connections open now.", |s| {
                s.open.load(Relaxed)
            }),
            (
                "connections_refused_total",
                "counter",
                "Turned away by a limit.",
                |s| s.refused.load(Relaxed),
            ),
            ("received_bytes_total", "counter", "Bytes received.", |s| {
                s.bytes_received.load(Relaxed)
            }),
            ("sent_bytes_total", "counter", "Bytes sent.", |s| {
                s.bytes_sent.load(Relaxed)
            }),
        ];
        let services = self.services.lock().clone();
        for (name, kind, help, read) in counters {
            let _ = writeln!(
                text,
                "# HELP facteur_{name} {help}\n# TYPE facteur_{name} {kind}"
            );
            for (service, counted) in &services {
                let value = read(counted);
                let _ = writeln!(text, "facteur_{name}{{service=\"{service}\"}} {value}");
            }
        }
        render_events(&services, &mut text);
        self.settled.render(
            "facteur_settled_seconds",
            "From a commit's place in the log to its being on disk.",
            &mut text,
        );
        for Gauge { name, help, value } in gauges {
            let _ = writeln!(
                text,
                "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}"
            );
        }
        text
    }
}

fn render_events(services: &BTreeMap<&'static str, Arc<ServiceMetrics>>, text: &mut String) {
    let name = "facteur_events_total";
    let _ = writeln!(
        text,
        "# HELP {name} What the log tells, by event.\n# TYPE {name} counter"
    );
    for (service, counted) in services {
        for (event, count) in counted.events.lock().iter() {
            let _ = writeln!(
                text,
                "{name}{{service=\"{service}\",event=\"{event}\"}} {count}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_each_observation_in_all_larger_buckets() {
        let metrics = Metrics::default();
        metrics.settled.observe(Duration::from_micros(300));
        metrics.settled.observe(Duration::from_mins(1));
        let page = metrics.render(&[]);
        assert!(
            page.contains("facteur_settled_seconds_bucket{le=\"0.000250\"} 0\n"),
            "{page}"
        );
        assert!(
            page.contains("facteur_settled_seconds_bucket{le=\"0.000500\"} 1\n"),
            "{page}"
        );
        assert!(
            page.contains("facteur_settled_seconds_bucket{le=\"10.000000\"} 1\n"),
            "{page}"
        );
        assert!(
            page.contains("facteur_settled_seconds_bucket{le=\"+Inf\"} 2\n"),
            "{page}"
        );
        assert!(
            page.contains("facteur_settled_seconds_sum 60.000300\n"),
            "{page}"
        );
    }

    #[test]
    fn services_are_told_apart() {
        let metrics = Metrics::default();
        metrics.service("imap").opened();
        metrics.service("smtp").event("delivered");
        let page = metrics.render(&[]);
        assert!(
            page.contains("facteur_connections_open{service=\"imap\"} 1\n"),
            "{page}"
        );
        assert!(
            page.contains("{service=\"smtp\",event=\"delivered\"} 1\n"),
            "{page}"
        );
    }
}
