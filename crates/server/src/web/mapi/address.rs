//! The address at which clients are told to come.

use crate::configuration::{Addresses, Endpoint, Service};

/// The port that addresses need not name.
const USUAL_PORT: u16 = 443;

/// `https://` and the name of this server, with the port where it is not the usual one.
pub fn origin(host_name: &str, addresses: &Addresses) -> String {
    let port = addresses.iter().find_map(|(service, place)| match place {
        Endpoint::Tcp(address) if *service == Service::Https => Some(address.port()),
        _ => None,
    });
    match port {
        Some(port) if port != USUAL_PORT => format!("https://{host_name}:{port}"),
        _ => format!("https://{host_name}"),
    }
}
