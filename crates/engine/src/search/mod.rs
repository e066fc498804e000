//! Which items match: a question as a tree, tested against one item at a time.
//!
//! A question is turned into a [`Plan`] once. The plan asks an item first for what its row tells (flags, size,
//! dates), then for its fields, and reads its body only when nothing cheaper has decided. Matching of text is by
//! substring, without regard to case, on decoded text.
//!
//! [`Candidate`] is how an item is looked at, [`Letter`] a letter looked at so. Start at [`Plan::new`]; [`Run`]
//! takes a plan through a folder in bounded steps.

mod letter;
mod needle;
mod plan;
mod run;

pub use letter::Letter;
pub use needle::Needle;
pub use plan::{Candidate, Plan, Query, TESTS_MAX, Test, TooComplex};
pub use run::Run;
