//! Tells systemd how far we are: `sd_notify(3)` without its library.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// A state that systemd knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// All listeners are open.
    Ready,
    /// The stop has begun.
    Stopping,
}

/// Sends a state to the service manager, if there is one.
pub fn notify(state: State) {
    let Some(place) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let message = match state {
        State::Ready => "READY=1",
        State::Stopping => "STOPPING=1",
    };
    if let Err(error) = send(&place.to_string_lossy(), message) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}

/// A name that begins with `@` lies in the abstract namespace.
fn send(place: &str, message: &str) -> std::io::Result<()> {
    let address = match place.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(place)?,
    };
    UnixDatagram::unbound()?
        .send_to_addr(message.as_bytes(), &address)
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_reaches_a_socket_in_the_abstract_namespace() {
        let name = format!("facteur-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        send(&format!("@{name}"), "READY=1").unwrap();
        let mut message = [0; 16];
        let count = manager.recv(&mut message).unwrap();
        assert_eq!(&message[..count], b"READY=1");
    }
}
