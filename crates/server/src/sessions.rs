//! Which dialogue is spoken on which port.

use crate::configuration::Service;
use engine::Engine;
use engine::dialogue::Dialogue;

/// A new session of a service; `None` for what has no dialogue.
pub fn session(_engine: &Engine, service: Service) -> Option<Box<dyn Dialogue>> {
    match service {
        _ => None,
    }
}
