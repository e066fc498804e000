//! Messages as MAPI has them and as the Internet has them, each made of the other.
//!
//! Pure: ids, boundaries and times come from the caller, bytes go to it. Nothing here asks who
//! may send what. What one form cannot say and the other can is listed in `ARCHITECTURE.md`.
//!
//! Start at [`letter`], which writes a letter of a message's properties, and at [`read`], which is
//! the way back; [`best`] makes each form of the text of another, and [`tnef`] reads what Outlook
//! could not say in a letter.
//!
//! Source: [MS-OXCMAIL] 2.1 and 2.2, [MS-OXOSMIME], [MS-OXBBODY].

pub mod best;
pub mod class;
mod compose;
pub mod read;
pub mod receipt;
pub mod set;
pub(crate) mod spelling;
pub mod tnef;
mod values;

pub(crate) use compose::one_off;
pub use compose::{Blind, Frame, letter, pieces};
pub use values::Values;
