//! How much of everything one connection may take.

/// Bounds of a session; the server fills them from its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Recipients of one letter; at least 100 (RFC 5321 §4.5.3.1.8).
    pub recipients_max: usize,
    /// Letters of one connection, refused ones too.
    pub letters_max: u32,
    /// Errors of one connection before it is closed; unknown recipients and wrong passwords count.
    pub errors_max: u32,
    /// Wrong passwords of one connection before it is closed.
    pub sign_ins_max: u32,
    /// Seconds without a byte; at least 300 (RFC 5321 §4.5.3.2.7).
    pub idle_seconds: i64,
    /// Seconds from greeting to end, whatever happens: nobody feeds us a byte a minute for ever.
    pub session_seconds: i64,
    /// Seconds for which a letter can be held before it is sent (RFC 4865).
    pub hold_seconds_max: i64,
    /// Milliseconds between connection and greeting for peers on other machines that begin in clear;
    /// who speaks in them is no mail server. What is sent without waiting comes with or right behind
    /// the connection, so they need not be many.
    pub greeting_pause_milliseconds: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            recipients_max: 1_000,
            letters_max: 100_000,
            errors_max: 20,
            sign_ins_max: 5,
            idle_seconds: 300,
            session_seconds: 4 * 3600,
            hold_seconds_max: 90 * 24 * 3600,
            greeting_pause_milliseconds: 100,
        }
    }
}
