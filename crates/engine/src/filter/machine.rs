//! Steps through a script.
//!
//! One loop, no recursion: scripts within scripts are frames on a stack, blocks are jumps. Start at
//! [`Machine::run`].
//!
//! Standards: RFC 5228 §2.10, RFC 5229 (variables), RFC 5703 §3 (loops over parts), RFC 6609
//! (scripts within scripts).

use super::letter::{Content, Letter};
use super::outcome::{Action, Outcome};
use super::{Budget, Circumstances, Library, Surroundings, action, question};
use crate::error::EngineError;
use formats::script::compare::{Comparator, MatchKind, Matching, regular_expression, wildcards};
use formats::script::{Extension, MATCH_VARIABLES_MAX, Node, Op, Piece, Script, Text, Verb};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

/// Bytes that are compared or copied for one step.
const BYTES_PER_STEP: usize = 16;

/// Why a script does not come to its end.
#[derive(Debug)]
pub(super) enum Failure {
    /// In words for the owner.
    Script(String),
    /// The letter or the account could not be read.
    Engine(EngineError),
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl Failure {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self::Script(text.into())
    }
}

/// A loop over parts: which are still to come.
#[derive(Debug)]
struct Parts {
    range: Range<usize>,
    current: usize,
}

/// A script being run.
struct Frame {
    script: Arc<Script>,
    next: usize,
    variables: HashMap<String, String>,
    /// Names that `global` declared here.
    globals: HashSet<String>,
    matches: Vec<String>,
    loops: Vec<Parts>,
    /// What `include` called it.
    name: Option<(bool, String)>,
}

impl Frame {
    fn new(script: Arc<Script>, name: Option<(bool, String)>) -> Self {
        Self {
            script,
            next: 0,
            variables: HashMap::new(),
            globals: HashSet::new(),
            matches: Vec::new(),
            loops: Vec::new(),
            name,
        }
    }
}

/// Whether the script goes on.
pub(super) enum Flow {
    /// With the next step.
    Next,
    /// Not at all.
    Stop,
    /// In the script that included this one.
    Return,
}

/// A script on a letter.
pub(super) struct Machine<'a> {
    content: &'a dyn Content,
    pub(super) circumstances: &'a Circumstances,
    pub(super) surroundings: &'a dyn Surroundings,
    pub(super) budget: Budget,
    steps_left: u64,
    frames: Vec<Frame>,
    globals: HashMap<String, String>,
    included: HashSet<(bool, String)>,
    includes: usize,
    answer: bool,
    line: u32,
    letter: Option<Letter<'a>>,
    /// The letter is kept unless something cancels that (RFC 5228 §2.10.2).
    pub(super) implicit_keep: bool,
    /// The internal variable of flags (RFC 5232 §2); `None` until a script speaks of flags.
    pub(super) flags: Option<Vec<String>>,
    pub(super) actions: Vec<Action>,
    pub(super) notes: Vec<String>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(
        content: &'a dyn Content,
        circumstances: &'a Circumstances,
        surroundings: &'a dyn Surroundings,
        budget: Budget,
    ) -> Self {
        let happening = circumstances.happening.as_ref();
        Self {
            content,
            circumstances,
            surroundings,
            budget,
            steps_left: budget.steps,
            frames: Vec::new(),
            globals: HashMap::new(),
            included: HashSet::new(),
            includes: 0,
            answer: false,
            line: 1,
            letter: None,
            implicit_keep: true,
            flags: happening.map(|happening| happening.flags.clone()),
            actions: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Runs a script to its end, and adds the implicit keep.
    pub(super) fn run(mut self, script: &Arc<Script>) -> Outcome {
        self.frames.push(Frame::new(Arc::clone(script), None));
        let ended = self.check_occasion(script);
        let ended = ended.and_then(|()| self.steps());
        let ended = ended.and_then(|()| self.keep_implicitly());
        let steps = self.budget.steps.saturating_sub(self.steps_left);
        let failure = match ended {
            Ok(()) => None,
            Err(Failure::Script(text)) => Some(format!("line {}: {text}", self.line)),
            Err(Failure::Engine(error)) => Some(format!("line {}: {error}", self.line)),
        };
        if failure.is_some() {
            // Nothing that a broken script began is done (RFC 5228 §2.10.6).
            let version = super::Version::Original;
            self.actions = vec![Action::Keep {
                flags: None,
                version,
            }];
        }
        Outcome {
            actions: self.actions,
            failure,
            notes: self.notes,
            steps,
        }
    }

    /// Nobody waits for an answer to a letter that lies in a mailbox already. Source: RFC 6785 §3.11.
    fn check_occasion(&self, script: &Script) -> Result<(), Failure> {
        if self.circumstances.happening.is_none() {
            return Ok(());
        }
        let answering = [Extension::Reject, Extension::EReject, Extension::Vacation];
        match answering
            .into_iter()
            .find(|extension| script.extensions().has(*extension))
        {
            Some(extension) => Err(Failure::new(format!(
                "`{}` is for letters that are just delivered",
                extension.name()
            ))),
            None => Ok(()),
        }
    }

    fn keep_implicitly(&mut self) -> Result<(), Failure> {
        if !self.implicit_keep {
            return Ok(());
        }
        let version = self.letter()?.version()?;
        let flags = self.flags.clone();
        self.act(Action::Keep { flags, version })
    }

    fn steps(&mut self) -> Result<(), Failure> {
        while let Some(frame) = self.frames.last_mut() {
            let script = Arc::clone(&frame.script);
            let Some(op) = script.code().get(frame.next) else {
                self.frames.pop();
                continue;
            };
            frame.next += 1;
            self.spend(1)?;
            match op {
                Op::Answer(answer) => self.answer = *answer,
                Op::Not => self.answer = !self.answer,
                Op::Jump(to) => self.jump(*to),
                Op::JumpIfTrue(to) if self.answer => self.jump(*to),
                Op::JumpIfFalse(to) if !self.answer => self.jump(*to),
                Op::JumpIfTrue(_) | Op::JumpIfFalse(_) => {}
                Op::Test(node) => {
                    self.line = node.line;
                    self.answer = question::ask(self, node)?;
                }
                Op::Act(node) => {
                    self.line = node.line;
                    match action::take(self, node)? {
                        Flow::Next => {}
                        Flow::Stop => return Ok(()),
                        Flow::Return => drop(self.frames.pop()),
                    }
                }
                Op::EnterParts => self.enter_parts()?,
                Op::NextPart(end) => self.next_part(*end),
                Op::LeaveParts(count) => {
                    let loops = self.frames.last_mut().map(|frame| &mut frame.loops);
                    if let Some(loops) = loops {
                        loops.truncate(loops.len().saturating_sub(*count));
                    }
                }
                Op::Unknown(text) => return Err(Failure::new(text.clone())),
            }
        }
        Ok(())
    }

    fn jump(&mut self, to: usize) {
        if let Some(frame) = self.frames.last_mut() {
            frame.next = to;
        }
    }

    /// Takes steps from the budget.
    pub(super) fn spend(&mut self, steps: u64) -> Result<(), Failure> {
        let left = self.steps_left.checked_sub(steps);
        self.steps_left =
            left.ok_or_else(|| Failure::new("the script takes too long for this letter"))?;
        Ok(())
    }

    /// Takes what looking at so many bytes costs.
    pub(super) fn spend_bytes(&mut self, bytes: usize) -> Result<(), Failure> {
        self.spend((bytes / BYTES_PER_STEP) as u64 + 1)
    }

    /// The letter, opened when it is first asked for.
    pub(super) fn letter(&mut self) -> Result<&mut Letter<'a>, Failure> {
        let letter = match self.letter.take() {
            Some(letter) => letter,
            None => Letter::open(self.content, &self.circumstances.prefix, &self.budget)?,
        };
        Ok(self.letter.insert(letter))
    }

    /// Notes an action.
    pub(super) fn act(&mut self, action: Action) -> Result<(), Failure> {
        if self.actions.len() >= self.budget.actions {
            return Err(Failure::new("the script wants too many things done"));
        }
        self.actions.push(action);
        Ok(())
    }

    pub(super) fn has(&self, extension: Extension) -> bool {
        self.frames
            .last()
            .is_some_and(|frame| frame.script.extensions().has(extension))
    }

    // Loops over parts.

    fn enter_parts(&mut self) -> Result<(), Failure> {
        let summary = self.letter()?.summary()?;
        self.spend(summary.parts.len() as u64)?;
        let range = match self.current_part() {
            None => 0..summary.parts.len(),
            // What lies in the part in hand follows it.
            Some(current) => {
                let inside = |index: &usize| {
                    let mut above = summary.parts.get(*index).and_then(|part| part.parent);
                    while above.is_some_and(|above| above > current) {
                        above = above
                            .and_then(|a| summary.parts.get(a))
                            .and_then(|p| p.parent);
                    }
                    above == Some(current)
                };
                let first = current + 1;
                let count = (first..summary.parts.len()).take_while(inside).count();
                first..first + count
            }
        };
        if let Some(frame) = self.frames.last_mut() {
            frame.loops.push(Parts { range, current: 0 });
        }
        Ok(())
    }

    fn next_part(&mut self, end: usize) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let parts = frame.loops.last_mut();
        let next = parts.and_then(|parts| Some((parts.range.next()?, parts)));
        if let Some((next, parts)) = next {
            parts.current = next;
        } else {
            frame.loops.pop();
            frame.next = end;
        }
    }

    /// The part that the innermost loop looks at, in this script or those that include it.
    pub(super) fn current_part(&self) -> Option<usize> {
        self.frames
            .iter()
            .rev()
            .find_map(|frame| frame.loops.last())
            .map(|parts| parts.current)
    }

    // Strings and variables.

    /// Puts a string together.
    pub(super) fn expand(&mut self, text: &Text) -> Result<String, Failure> {
        if let Some(constant) = text.as_constant() {
            return Ok(constant.to_owned());
        }
        let mut expanded = String::new();
        for piece in text.pieces() {
            match piece {
                Piece::Constant(text) => expanded.push_str(text),
                Piece::Variable(name) => expanded.push_str(self.variable(name)),
                Piece::Match(number) => {
                    let matches = self.frames.last().map(|frame| &frame.matches);
                    let matched = matches.and_then(|matches| matches.get(*number));
                    expanded.push_str(matched.map_or("", String::as_str));
                }
            }
        }
        self.spend_bytes(expanded.len())?;
        Ok(expanded)
    }

    /// Puts all strings of a list together.
    pub(super) fn expand_all(&mut self, texts: &[Text]) -> Result<Vec<String>, Failure> {
        texts.iter().map(|text| self.expand(text)).collect()
    }

    /// The first string of a list, or nothing.
    pub(super) fn expand_first(&mut self, texts: &[Text]) -> Result<String, Failure> {
        texts
            .first()
            .map_or(Ok(String::new()), |text| self.expand(text))
    }

    /// The string behind a tag, if it was given.
    pub(super) fn tagged(&mut self, node: &Node, tag: &str) -> Result<Option<String>, Failure> {
        node.tagged_text(tag)
            .map(|text| self.expand(text))
            .transpose()
    }

    /// What a variable holds; nothing if it was never set. Names are in lower case.
    pub(super) fn variable(&self, name: &str) -> &str {
        let Some(frame) = self.frames.last() else {
            return "";
        };
        let value = match name.strip_prefix("global.") {
            Some(name) => self.globals.get(name),
            None if frame.globals.contains(name) => self.globals.get(name),
            None => frame.variables.get(name),
        };
        value.map_or("", String::as_str)
    }

    /// Sets a variable; a value that is too long is cut.
    pub(super) fn set_variable(&mut self, name: &str, mut value: String) -> Result<(), Failure> {
        let name = name.to_ascii_lowercase();
        value.truncate(value.floor_char_boundary(self.budget.variable_bytes));
        self.spend_bytes(value.len())?;
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        let (variables, name) = match name.strip_prefix("global.") {
            Some(bare) => (&mut self.globals, bare.to_owned()),
            None if frame.globals.contains(&name) => (&mut self.globals, name),
            None => (&mut frame.variables, name),
        };
        if variables.len() >= self.budget.variables && !variables.contains_key(&name) {
            return Err(Failure::new("the script has too many variables"));
        }
        variables.insert(name, value);
        Ok(())
    }

    /// Says that names mean the variables that all scripts share. Source: RFC 6609 §3.4.
    pub(super) fn share_variables(&mut self, names: Vec<String>) {
        if let Some(frame) = self.frames.last_mut() {
            frame
                .globals
                .extend(names.into_iter().map(|name| name.to_ascii_lowercase()));
        }
    }

    // Scripts within scripts.

    /// Goes on in another script. Source: RFC 6609 §3.2.
    pub(super) fn include(
        &mut self,
        library: Library,
        name: &str,
        once: bool,
        optional: bool,
    ) -> Result<(), Failure> {
        let key = (library == Library::Global, name.to_owned());
        if once && self.included.contains(&key) {
            return Ok(());
        }
        self.includes += 1;
        if self.frames.len() > self.budget.include_depth || self.includes > self.budget.includes {
            return Err(Failure::new("too many scripts are included"));
        }
        if self
            .frames
            .iter()
            .any(|frame| frame.name.as_ref() == Some(&key))
        {
            return Err(Failure::new(format!("the script `{name}` includes itself")));
        }
        match self.surroundings.script(library, name) {
            Some(script) => {
                self.check_occasion(&script)?;
                self.included.insert(key.clone());
                self.frames.push(Frame::new(script, Some(key)));
                Ok(())
            }
            None if optional => Ok(()),
            None => Err(Failure::new(format!(
                "there is no script `{name}`, or it is faulty"
            ))),
        }
    }

    // Comparing.

    /// Whether one of these values matches one of the keys, as the test wants it.
    pub(super) fn matches(
        &mut self,
        node: &Node,
        values: &[String],
        keys: &[Text],
    ) -> Result<bool, Failure> {
        let keys = self.expand_all(keys)?;
        let Matching { comparator, kind } = node.matching;
        if let MatchKind::Count(relation) = kind {
            let count = values.len().to_string();
            self.spend(keys.len() as u64)?;
            return Ok(keys
                .iter()
                .any(|key| relation.holds(comparator.order(&count, key))));
        }
        for value in values {
            for key in &keys {
                self.spend_bytes(value.len() + key.len())?;
                if self.one_matches(node.verb, kind, comparator, value, key)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn one_matches(
        &mut self,
        verb: Verb,
        kind: MatchKind,
        comparator: Comparator,
        value: &str,
        key: &str,
    ) -> Result<bool, Failure> {
        let captures = match kind {
            MatchKind::Is => return Ok(comparator.order(value, key).is_eq()),
            MatchKind::Contains => return Ok(comparator.contains(value, key)),
            MatchKind::Value(relation) => return Ok(relation.holds(comparator.order(value, key))),
            MatchKind::Count(_) => return Ok(false),
            MatchKind::List => return Ok(self.surroundings.is_listed(key, value)),
            MatchKind::Matches => {
                let captures = wildcards(key, value, comparator, &mut self.steps_left);
                self.spend(1)?;
                captures
            }
            MatchKind::Regex => captures_of(key, value, comparator)?,
        };
        let Some(captures) = captures else {
            return Ok(false);
        };
        // A body sets no variables (RFC 5173 §6).
        if self.has(Extension::Variables) && verb != Verb::Body {
            self.spend_bytes(value.len())?;
            self.remember_matches(captures);
        }
        Ok(true)
    }

    fn remember_matches(&mut self, mut captures: Vec<String>) {
        let bytes_max = self.budget.variable_bytes;
        captures.truncate(MATCH_VARIABLES_MAX + 1);
        for capture in &mut captures {
            capture.truncate(capture.floor_char_boundary(bytes_max));
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.matches = captures;
        }
    }
}

fn captures_of(
    pattern: &str,
    value: &str,
    comparator: Comparator,
) -> Result<Option<Vec<String>>, Failure> {
    let regex = regular_expression(pattern, comparator).map_err(Failure::Script)?;
    let captures = regex.captures(value).map(|captures| {
        let groups = captures.iter();
        groups
            .map(|group| group.map_or("", |group| group.as_str()).to_owned())
            .collect()
    });
    Ok(captures)
}
