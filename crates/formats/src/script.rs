//! Sieve scripts: what people have decided about their mail, read and checked.
//!
//! Never runs anything: this knows the language, not letters; the engine has the interpreter. A
//! script that passed [`Script::parse`] cannot be malformed any more: every command and test has
//! the arguments that its form demands, every extension was required, every constant was looked at.
//! Nothing recurses, and [`Limits`] bounds whatever a script can make large.
//!
//! Start at [`Script::parse`]: `lexer` makes words, `syntax` a tree, `check` holds each node
//! against its form in `grammar` (one small file for each extension), `compile` makes the tree a
//! list of steps with jumps. [`compare`] has the comparators and match types.
//!
//! Standards: RFC 5228 (Sieve); each file of `grammar` names its own.

mod check;
pub mod compare;
mod compile;
mod extension;
mod fault;
mod grammar;
mod lexer;
mod program;
mod syntax;
mod text;

#[cfg(test)]
mod tests;

pub use extension::{Extension, Extensions};
pub use fault::Fault;
pub use grammar::Verb;
pub use program::{Node, Op, Script, Value};
pub use text::{MATCH_VARIABLES_MAX, Piece, Text};

/// What a script may cost to read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the whole script.
    pub script_bytes: usize,
    /// Blocks and tests inside of one another; RFC 5228 §2.10.5 demands 15.
    pub nesting: usize,
    /// Commands and tests of the whole script.
    pub nodes: usize,
    /// Strings of one list.
    pub list_length: usize,
}

impl Default for Limits {
    /// Ten times what the largest scripts in use need, and still read within milliseconds.
    fn default() -> Self {
        Self {
            script_bytes: 1024 * 1024,
            nesting: 32,
            nodes: 16 * 1024,
            list_length: 8 * 1024,
        }
    }
}
