//! Who is it? Passwords, SASL, and how often one may guess.
//!
//! Pure: random bytes, the time and the stored secrets are arguments. Hashing takes tens of milliseconds, so
//! callers run [`password::verify`] where that is allowed ([`crate::dialogue::Effort::Password`]).
//! Start at [`sasl::Exchange`]; `engine::sign_in` joins it with the directory.
//!
//! Standards: RFC 4422 (SASL), RFC 4616 (PLAIN), RFC 5802 and RFC 7677 (SCRAM), RFC 9266 (tls-exporter).

pub mod attempts;
pub mod cache;
pub mod imported;
pub mod password;
pub mod sasl;
pub mod scram;
pub mod scram_client;
