//! How much of everything one connection may take.

/// Bounds of a session; the server fills them from its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Errors of one connection before it is closed.
    pub errors_max: u32,
    /// Wrong passwords of one connection before it is closed.
    pub sign_ins_max: u32,
    /// Seconds in which a peer must sign in.
    pub sign_in_seconds: i64,
    /// Seconds without a byte once signed in; at least 600 (RFC 1939 §3).
    pub idle_seconds: i64,
    /// Letters in one maildrop; the oldest are shown. Each takes 24 bytes of memory as long as the
    /// session lasts.
    pub letters_max: usize,
    /// Sessions that may read letters before they are asked for, all at the same time; each may take
    /// 320 KiB of memory for that. Others have each letter read when it is asked for.
    pub readers_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            errors_max: 50,
            sign_ins_max: 5,
            sign_in_seconds: 60,
            idle_seconds: 600,
            letters_max: 1_000_000,
            readers_max: 128,
        }
    }
}
