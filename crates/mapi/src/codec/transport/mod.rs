//! What stands in the HTTP requests and responses of both endpoints.
//!
//! From the outside in: [`header`] (the `X-` headers), [`framing`] (PROCESSING, PENDING, DONE),
//! [`body`] (the structures behind them), [`extended`] (the buffers in these, which may be
//! compressed with [`lz77`]), [`auxiliary`] (what client and server tell each other besides).
//!
//! Source: [MS-OXCMAPIHTTP], [MS-OXCRPC] 2.2.2.

pub mod auxiliary;
pub mod body;
pub mod extended;
pub mod framing;
pub mod header;
pub mod lz77;
