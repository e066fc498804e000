//! From the tree of a script to steps with jumps.
//!
//! What is still to be done stands on a stack of work, so that nothing recurses. Jumps name labels,
//! which become positions at the end.
//!
//! Standards: RFC 5228 §3 (control commands), RFC 5463 §4 (ihave), RFC 5703 §3 (foreverypart).

use super::Limits;
use super::check::{self, Scope};
use super::extension::Extension;
use super::fault::{Complaint, Fault};
use super::grammar::{Kind, Verb};
use super::program::{FAULTS_MAX, Node, Op, Script};
use super::syntax::{self, Index, Tree};

/// Something still to be done; the last is next.
enum Work {
    /// Commands one after another, from this place of the block on.
    Block(Vec<Index>, usize),
    Test(Index),
    Emit(Op),
    Label(usize),
    /// A loop over parts ends.
    EndLoop,
}

struct Compiler<'a> {
    tree: Tree<'a>,
    work: Vec<Work>,
    code: Vec<Op>,
    labels: Vec<usize>,
    /// The loops around the command in hand: their names and the labels behind them.
    loops: Vec<(Option<String>, usize)>,
    scope: Scope,
    complaints: Vec<Complaint>,
    warnings: Vec<Complaint>,
    requires: Vec<(Extension, usize)>,
    /// Another command than `require` was seen.
    begun: bool,
}

/// Reads, checks and compiles a script.
pub(super) fn compile(source: &[u8], limits: &Limits) -> Result<Script, Vec<Fault>> {
    let whole = |text: String| {
        vec![Fault {
            line: 1,
            column: 1,
            text,
        }]
    };
    if source.len() > limits.script_bytes {
        let max = limits.script_bytes;
        return Err(whole(format!("the script is longer than {max} bytes")));
    }
    let source = std::str::from_utf8(source).map_err(|error| {
        let good = source.get(..error.valid_up_to()).unwrap_or_default();
        let text = "the script is not UTF-8 from here on";
        let good = String::from_utf8_lossy(good);
        vec![Complaint::new(good.len(), text).located(&good)]
    })?;
    let tree = syntax::parse(source, limits).map_err(|fault| vec![fault.located(source)])?;
    let mut compiler = Compiler::new(tree);
    compiler.run();
    compiler.finish(source)
}

impl<'a> Compiler<'a> {
    fn new(mut tree: Tree<'a>) -> Self {
        let top = std::mem::take(&mut tree.top);
        Self {
            tree,
            work: vec![Work::Block(top, 0)],
            code: Vec::new(),
            labels: Vec::new(),
            loops: Vec::new(),
            scope: Scope::default(),
            complaints: Vec::new(),
            warnings: Vec::new(),
            requires: Vec::new(),
            begun: false,
        }
    }

    fn run(&mut self) {
        while let Some(work) = self.work.pop() {
            match work {
                Work::Emit(op) => self.code.push(op),
                Work::Label(label) => {
                    let here = self.code.len();
                    if let Some(position) = self.labels.get_mut(label) {
                        *position = here;
                    }
                }
                Work::EndLoop => drop(self.loops.pop()),
                Work::Test(index) => self.test(index),
                Work::Block(commands, next) => self.block(commands, next),
            }
        }
    }

    fn finish(mut self, source: &str) -> Result<Script, Vec<Fault>> {
        let locate = |complaints: Vec<Complaint>| {
            let first = complaints.into_iter().take(FAULTS_MAX);
            first
                .map(|complaint| complaint.located(source))
                .collect::<Vec<_>>()
        };
        if !self.complaints.is_empty() {
            self.complaints.sort_by_key(|complaint| complaint.at);
            return Err(locate(self.complaints));
        }
        let labels = self.labels;
        for op in &mut self.code {
            if let Op::Jump(to) | Op::JumpIfTrue(to) | Op::JumpIfFalse(to) | Op::NextPart(to) = op {
                *to = labels.get(*to).copied().unwrap_or_default();
            }
        }
        for (extension, at) in self.requires {
            if has_syntax(extension) && !self.scope.used.has(extension) {
                let text = format!("\"{}\" is required but never used", extension.name());
                self.warnings.push(Complaint::new(at, text));
            }
        }
        Ok(Script {
            code: self.code,
            extensions: self.scope.extensions,
            warnings: locate(self.warnings),
        })
    }

    fn label(&mut self) -> usize {
        self.labels.push(0);
        self.labels.len() - 1
    }

    fn complain(&mut self, complaint: Complaint) {
        // A few more than are told, so that the first of them in the source are.
        if self.complaints.len() < FAULTS_MAX * 10 {
            self.complaints.push(complaint);
        }
    }

    /// Puts work on the stack so that it is done in the order given.
    fn then(&mut self, work: impl DoubleEndedIterator<Item = Work>) {
        self.work.extend(work.rev());
    }

    fn verb(&self, index: Index, kind: Kind) -> Option<Verb> {
        let raw = self.tree.nodes.get(index)?;
        check::form(raw, kind).map(|form| form.verb)
    }

    /// The checked node; faults are noted.
    fn node(&mut self, index: Index, kind: Kind) -> Option<Node> {
        let raw = self.tree.nodes.get_mut(index)?;
        let Some(form) = check::form(raw, kind) else {
            let complaint = check::unknown(raw, kind);
            if self.scope.extensions.has(Extension::IHave) {
                self.code.push(Op::Unknown(complaint.text));
            } else {
                self.complain(complaint);
            }
            return None;
        };
        match check::node(raw, form, &mut self.scope) {
            Ok(node) => Some(node),
            Err(complaint) => {
                self.complain(complaint);
                None
            }
        }
    }

    fn tests_of(&mut self, index: Index) -> Vec<Index> {
        self.tree
            .nodes
            .get_mut(index)
            .map(|raw| std::mem::take(&mut raw.tests))
            .unwrap_or_default()
    }

    fn block_of(&mut self, index: Index) -> Vec<Index> {
        let raw = self.tree.nodes.get_mut(index);
        raw.and_then(|raw| raw.block.take()).unwrap_or_default()
    }

    /// Takes the next command of a block, with the `elsif` and `else` that belong to it.
    fn block(&mut self, commands: Vec<Index>, next: usize) {
        let Some(&index) = commands.get(next) else {
            return;
        };
        let verb = self.verb(index, Kind::Command);
        if verb == Some(Verb::If) {
            self.begun = true;
            return self.branches(commands, next);
        }
        self.work.push(Work::Block(commands, next + 1));
        self.command(index, verb);
    }

    /// `if`, `elsif` and `else` from this place on. Source: RFC 5228 §3.1.
    fn branches(&mut self, commands: Vec<Index>, next: usize) {
        let end = self.label();
        let (mut work, mut until) = (Vec::new(), next);
        while let Some(&index) = commands.get(until) {
            let verb = self.verb(index, Kind::Command);
            let is_first = until == next;
            if !is_first && !matches!(verb, Some(Verb::ElsIf | Verb::Else)) {
                break;
            }
            until += 1;
            let tests = self.tests_in_branch(index);
            if let [test] = tests.as_slice() {
                let otherwise = self.label();
                work.push(Work::Test(*test));
                work.push(Work::Emit(Op::JumpIfFalse(otherwise)));
                work.push(Work::Block(self.block_of(index), 0));
                work.push(Work::Emit(Op::Jump(end)));
                work.push(Work::Label(otherwise));
            } else {
                work.push(Work::Block(self.block_of(index), 0));
            }
            if verb == Some(Verb::Else) {
                break;
            }
        }
        work.push(Work::Label(end));
        work.push(Work::Block(commands, until));
        self.then(work.into_iter());
    }

    /// Checks a branch and answers the tests behind it.
    fn tests_in_branch(&mut self, index: Index) -> Vec<Index> {
        self.node(index, Kind::Command);
        self.tests_of(index)
    }

    fn command(&mut self, index: Index, verb: Option<Verb>) {
        let (name, at) = self
            .tree
            .nodes
            .get(index)
            .map_or(("", 0), |raw| (raw.name, raw.at.offset));
        if matches!(verb, Some(Verb::ElsIf | Verb::Else)) {
            let text = format!("no `if` stands before this `{name}`");
            return self.complain(Complaint::new(at, text));
        }
        if verb == Some(Verb::Require) && self.begun {
            let text = "`require` must stand before all other commands";
            return self.complain(Complaint::new(at, text));
        }
        self.begun |= verb != Some(Verb::Require);
        let arguments = self
            .tree
            .nodes
            .get(index)
            .map_or(at, |raw| raw.arguments.first().map_or(at, |(_, at)| *at));
        let Some(node) = self.node(index, Kind::Command) else {
            return;
        };
        match node.verb {
            Verb::Require => self.require(&node, arguments),
            Verb::ForEveryPart => self.for_every_part(index, &node),
            Verb::Break => self.break_out(&node, at),
            _ => self.code.push(Op::Act(node)),
        }
    }

    fn require(&mut self, node: &Node, at: usize) {
        for name in node.texts(0).iter().filter_map(|name| name.as_constant()) {
            let Some(extension) = Extension::named(name) else {
                let text = format!("this server does not know the extension \"{name}\"");
                self.complain(Complaint::new(at, text));
                continue;
            };
            self.requires.push((extension, at));
            self.enable(extension);
        }
    }

    fn enable(&mut self, extension: Extension) {
        self.scope.extensions.add(extension);
        extension
            .implied()
            .into_iter()
            .for_each(|other| self.scope.extensions.add(other));
    }

    fn for_every_part(&mut self, index: Index, node: &Node) {
        let name = node
            .tagged_text(":name")
            .and_then(|name| name.as_constant());
        let (again, end) = (self.label(), self.label());
        self.loops.push((name.map(str::to_owned), end));
        let block = self.block_of(index);
        let work = [
            Work::Emit(Op::EnterParts),
            Work::Label(again),
            Work::Emit(Op::NextPart(end)),
            Work::Block(block, 0),
            Work::Emit(Op::Jump(again)),
            Work::Label(end),
            Work::EndLoop,
        ];
        self.then(work.into_iter());
    }

    fn break_out(&mut self, node: &Node, at: usize) {
        let name = node
            .tagged_text(":name")
            .and_then(|name| name.as_constant());
        let depth = self
            .loops
            .iter()
            .rev()
            .position(|(known, _)| name.is_none() || known.as_deref() == name);
        let Some(depth) = depth else {
            let text = match name {
                Some(name) => format!("no `foreverypart` around this is named \"{name}\""),
                None => "no `foreverypart` stands around this `break`".to_owned(),
            };
            return self.complain(Complaint::new(at, text));
        };
        let end = self
            .loops
            .iter()
            .rev()
            .nth(depth)
            .map_or(0, |(_, end)| *end);
        self.code.push(Op::LeaveParts(depth + 1));
        self.code.push(Op::Jump(end));
    }

    fn test(&mut self, index: Index) {
        let Some(node) = self.node(index, Kind::Test) else {
            return;
        };
        let tests = self.tests_of(index);
        match node.verb {
            Verb::True => self.code.push(Op::Answer(true)),
            Verb::False => self.code.push(Op::Answer(false)),
            Verb::Not => {
                let tests = tests.into_iter().map(Work::Test);
                self.then(tests.chain([Work::Emit(Op::Not)]));
            }
            Verb::AllOf => self.each_test(tests, Op::JumpIfFalse),
            Verb::AnyOf => self.each_test(tests, Op::JumpIfTrue),
            Verb::IHave => {
                let names = node.texts(0).iter().filter_map(|name| name.as_constant());
                let known: Vec<_> = names.filter_map(Extension::named).collect();
                for extension in known {
                    self.enable(extension);
                }
                self.code.push(Op::Test(node));
            }
            _ => self.code.push(Op::Test(node)),
        }
    }

    /// Tests one after another, until one decides.
    fn each_test(&mut self, tests: Vec<Index>, decide: fn(usize) -> Op) {
        let end = self.label();
        let work: Vec<_> = tests
            .into_iter()
            .flat_map(|test| [Work::Test(test), Work::Emit(decide(end))])
            .chain([Work::Label(end)])
            .collect();
        self.then(work.into_iter());
    }
}

/// Whether requiring it without naming anything of it is pointless.
fn has_syntax(extension: Extension) -> bool {
    !matches!(
        extension,
        Extension::EncodedCharacter
            | Extension::Variables
            | Extension::EnvelopeDsn
            | Extension::EnvelopeDeliverBy
            | Extension::VacationSeconds
            | Extension::SpamTestPlus
            | Extension::OctetComparator
            | Extension::AsciiCasemapComparator
            | Extension::Mailbox
            | Extension::Environment
            | Extension::IHave
    )
}
