//! The commands: arguments, work, reply.

pub(crate) mod authenticate;
pub(crate) mod capability;
pub(crate) mod scripts;
pub(crate) mod start_tls;
