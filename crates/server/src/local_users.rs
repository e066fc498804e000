//! The users of this machine, as senders of mail.
//!
//! Whose program has opened the local socket is told by the system, never by the program. Start at
//! [`LocalUsers::user`].

use crate::configuration::Configuration;
use engine::Engine;
use engine::dialogue::LocalUser;
use nix::unistd::{Uid, User};

/// Names the users of this machine.
pub struct LocalUsers {
    engine: Engine,
    domain: Option<String>,
    hostname: String,
    trusted: Vec<String>,
}

impl LocalUsers {
    /// As the configuration says.
    pub fn new(engine: Engine, configuration: &Configuration) -> Self {
        let local = &configuration.local;
        Self {
            engine,
            domain: local.domain.clone(),
            hostname: configuration.host_name(),
            trusted: local.trusted.clone(),
        }
    }

    /// The user with this number; `None` for one whose name cannot stand in an address. May take
    /// long.
    pub fn user(&self, number: u32) -> Option<LocalUser> {
        let known = User::from_uid(Uid::from_raw(number)).ok().flatten();
        let name = known.map_or_else(|| format!("uid{number}"), |user| user.name);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
        if name.is_empty() || !name.chars().all(is_plain) || name.starts_with('.') {
            return None;
        }
        let is_server = number == nix::unistd::geteuid().as_raw();
        Some(LocalUser {
            address: format!("{name}@{}", self.domain()),
            is_trusted: number == 0 || is_server || self.trusted.contains(&name),
            name,
        })
    }

    /// The domain of their addresses.
    fn domain(&self) -> String {
        let set = self.domain.clone();
        set.unwrap_or_else(|| self.usual_domain())
    }

    /// The name of the host where mail for it is received, else a domain above it of which that is
    /// true.
    fn usual_domain(&self) -> String {
        let directory = self.engine.directory();
        let mut name = self.hostname.as_str();
        loop {
            if directory.has_domain(name).unwrap_or_default() {
                return name.to_owned();
            }
            match name.split_once('.') {
                Some((_, above)) => name = above,
                None => return self.hostname.clone(),
            }
        }
    }
}
