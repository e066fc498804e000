//! Faults of clients that are tolerated, each by its name.

use crate::codec::transport::header::ClientVersion;

/// True for clients that take only the first piece of a stream whose answer comes in several
/// buffers, though they say that they can read those: Outlook 2013, and 2016 before its build
/// 10000 (seen by grommunio/gromox, which does the same). They read piece by piece instead.
pub fn misreads_long_streams(client: Option<ClientVersion>) -> bool {
    const OUTLOOK_2013: u16 = 15;
    let first_good = ClientVersion([16, 0, 10_000, 0]);
    client.is_some_and(|client| {
        client >= ClientVersion([OUTLOOK_2013, 0, 0, 0]) && client < first_good
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_outlooks_get_streams_piece_by_piece() {
        let misreads = |client| misreads_long_streams(ClientVersion::parse(client));
        for old in ["Outlook/15.0.4569.1503", "Outlook/16.0.5332.1000"] {
            assert!(misreads(old), "{old}");
        }
        for good in ["Outlook/16.0.15928.20006", "Other/1.2.3.4", "unreadable"] {
            assert!(!misreads(good), "{good}");
        }
    }
}
