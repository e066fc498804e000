//! Is the clock right? Signatures and certificates depend on it.

use super::{Check, State, World};
use crate::world::SystemClock;
use std::net::SocketAddr;
use std::time::Duration;
use store::world::Clock;
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// Who is asked.
const SERVER: &str = "pool.ntp.org";
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(3);
/// Seconds by which a clock may be wrong.
const WRONG_SECONDS: i64 = 10;
/// Seconds from 1900, where the protocol begins, to 1970.
const FROM_1900: i64 = 2_208_988_800;

/// Compares this machine's clock with another one.
pub async fn check(world: &World) -> Check {
    let what = "the clock";
    let Some(theirs) = ask(world).await else {
        return Check::new(State::Unknown, what, "no time server answers", "");
    };
    let wrong = SystemClock.now().seconds() - theirs;
    if wrong.abs() <= WRONG_SECONDS {
        return Check::good(what, "right");
    }
    let advice = "Let a time service set the clock: chrony, or systemd-timesyncd";
    Check::new(
        State::Bad,
        what,
        format!("wrong by {wrong} seconds"),
        advice,
    )
}

/// The time in seconds since 1970. Source: RFC 4330 §5.
async fn ask(world: &World) -> Option<i64> {
    let address = *world.names.addresses(SERVER).await.ok()?.records.last()?;
    let from = if address.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let socket = UdpSocket::bind(from).await.ok()?;
    socket.connect(SocketAddr::new(address, 123)).await.ok()?;
    let mut question = [0_u8; 48];
    if let Some(first) = question.first_mut() {
        *first = 0x23; // Version 4, a client.
    }
    socket.send(&question).await.ok()?;
    let mut answer = [0; 48];
    let length = timeout(ANSWER, socket.recv(&mut answer)).await.ok()?.ok()?;
    seconds(answer.get(..length)?)
}

/// The transmit time of an answer.
fn seconds(answer: &[u8]) -> Option<i64> {
    let field: [u8; 4] = answer.get(40..44)?.try_into().ok()?;
    let seconds = i64::from(u32::from_be_bytes(field));
    (seconds > 0).then_some(seconds - FROM_1900)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_an_answer_is_read() {
        let mut answer = [0; 48];
        answer[40..44].copy_from_slice(&3_976_000_000_u32.to_be_bytes());
        assert_eq!(seconds(&answer), Some(1_767_011_200));
        assert_eq!(seconds(&answer[..43]), None);
        assert_eq!(seconds(&[0; 48]), None);
    }
}
