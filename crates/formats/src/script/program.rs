//! A script that was read and checked: steps with jumps between them.
//!
//! Standards: RFC 5228.

use super::compare::Matching;
use super::extension::Extensions;
use super::fault::Fault;
use super::grammar::Verb;
use super::text::Text;
use super::{Limits, compile};

/// A script that can be run.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub(super) code: Vec<Op>,
    pub(super) extensions: Extensions,
    pub(super) warnings: Vec<Fault>,
}

/// One step. Tests leave their answer, which jumps look at.
#[derive(Clone, Debug)]
pub enum Op {
    /// Asks something.
    Test(Node),
    /// Answers this.
    Answer(bool),
    /// Turns the answer round.
    Not,
    /// Goes on elsewhere.
    Jump(usize),
    /// Goes on elsewhere if the answer was yes.
    JumpIfTrue(usize),
    /// Goes on elsewhere if the answer was no.
    JumpIfFalse(usize),
    /// Does something.
    Act(Node),
    /// Begins to look at each part (RFC 5703 §3).
    EnterParts,
    /// Looks at the next part, or goes on elsewhere, with the innermost loop ended, when there is
    /// none.
    NextPart(usize),
    /// Ends so many loops, the innermost first.
    LeaveParts(usize),
    /// Something that this server does not know, in the shade of an `ihave` (RFC 5463 §4).
    Unknown(String),
}

/// A command or test with its arguments.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it does.
    pub verb: Verb,
    /// Its line in the source, from 1.
    pub line: u32,
    /// How it compares; the default where it does not.
    pub matching: Matching,
    pub(super) positional: Vec<Value>,
    pub(super) tagged: Vec<(&'static str, Value)>,
}

/// An argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Left out, or a tag without an argument.
    Nothing,
    /// A number.
    Number(u64),
    /// Strings; a single one where a list could stand is a list of one.
    Texts(Vec<Text>),
}

impl Script {
    /// Reads and checks a script.
    ///
    /// Errors: everything that is wrong with it, at most [`FAULTS_MAX`] faults, in the order of
    /// their places.
    pub fn parse(source: &[u8], limits: &Limits) -> Result<Self, Vec<Fault>> {
        compile::compile(source, limits)
    }

    /// The steps; the script ends behind the last.
    pub fn code(&self) -> &[Op] {
        &self.code
    }

    /// What it required.
    pub fn extensions(&self) -> Extensions {
        self.extensions
    }

    /// What is allowed but probably not meant.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }
}

/// Faults that are told of one script.
pub const FAULTS_MAX: usize = 10;

impl Node {
    /// Whether this tag (`:copy`) was given.
    pub fn has(&self, tag: &str) -> bool {
        self.tagged.iter().any(|(name, _)| *name == tag)
    }

    /// The strings behind a tag; empty when it was not given.
    pub fn tagged_texts(&self, tag: &str) -> &[Text] {
        self.tagged_value(tag).map_or(&[], Value::texts)
    }

    /// The string behind a tag.
    pub fn tagged_text(&self, tag: &str) -> Option<&Text> {
        self.tagged_texts(tag).first()
    }

    /// The number behind a tag.
    pub fn tagged_number(&self, tag: &str) -> Option<u64> {
        match self.tagged_value(tag) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The strings at a position, counted from 0 with those that may be left out; empty when they
    /// were.
    pub fn texts(&self, position: usize) -> &[Text] {
        self.positional.get(position).map_or(&[], Value::texts)
    }

    fn tagged_value(&self, tag: &str) -> Option<&Value> {
        self.tagged
            .iter()
            .find(|(name, _)| *name == tag)
            .map(|(_, value)| value)
    }
}

impl Value {
    fn texts(&self) -> &[Text] {
        match self {
            Self::Texts(texts) => texts,
            _ => &[],
        }
    }
}
