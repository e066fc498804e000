//! `ID`: who is who, for the log and for the curious.
//!
//! Standards: RFC 2971.

/// The answer; no version, so that nobody learns which faults to try.
pub(crate) const ANSWER: &[u8] = b"* ID (\"name\" \"facteur\")\r\n";

/// Bytes of each name and value that are logged. Source: RFC 2971 §3.3 (names of 30, values of
/// 1024).
const LOGGED_BYTES_MAX: usize = 100;

/// What a client says of itself, for one line of the log.
pub(crate) fn facts(pairs: &[(String, Option<String>)]) -> String {
    let known = ["name", "version", "vendor", "os"];
    let named = pairs
        .iter()
        .filter(|(name, _)| known.contains(&name.to_ascii_lowercase().as_str()));
    let values = named.filter_map(|(_, value)| value.as_deref());
    let short = values.map(|value| value.chars().take(LOGGED_BYTES_MAX).collect::<String>());
    short.collect::<Vec<_>>().join(" ")
}
