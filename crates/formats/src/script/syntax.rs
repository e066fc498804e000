//! From tokens to a tree that knows no command: names, arguments, tests and blocks.
//!
//! The tree's nodes lie in one list and name each other by index, so that neither reading nor
//! dropping it recurses.
//!
//! Standards: RFC 5228 §8.2 (grammar).

use super::Limits;
use super::fault::Complaint;
use super::lexer::{At, Lexer, Token};

/// Index of a node.
pub(super) type Index = usize;

/// A command or test as it was written.
#[derive(Debug, Default)]
pub(super) struct Raw<'a> {
    pub name: &'a str,
    pub at: At,
    pub arguments: Vec<(Argument<'a>, usize)>,
    pub tests: Vec<Index>,
    /// The tests stood in parentheses.
    pub has_list: bool,
    pub block: Option<Vec<Index>>,
}

/// An argument as it was written.
#[derive(Debug)]
pub(super) enum Argument<'a> {
    Tag(&'a str),
    Number(u64),
    Text(String),
    Texts(Vec<String>),
}

/// All nodes, and which of them are the script's own commands.
#[derive(Debug, Default)]
pub(super) struct Tree<'a> {
    pub nodes: Vec<Raw<'a>>,
    pub top: Vec<Index>,
}

/// What is not complete yet.
#[derive(Clone, Copy)]
enum Open {
    /// Commands of a block; without an owner, of the script.
    Block(Option<Index>),
    /// A command behind its arguments.
    Command(Index),
    /// A test behind its arguments.
    Test(Index),
    /// The tests in parentheses behind this node.
    List(Index),
}

/// Reads a whole script.
pub(super) fn parse<'a>(source: &'a str, limits: &Limits) -> Result<Tree<'a>, Complaint> {
    let mut parser = Parser {
        lexer: Lexer::new(source),
        token: Token::End,
        at: At::default(),
        tree: Tree::default(),
        open: vec![Open::Block(None)],
        limits,
    };
    parser.step()?;
    while let Some(&open) = parser.open.last() {
        match open {
            Open::Block(owner) => parser.in_block(owner)?,
            Open::Command(node) => parser.behind_command(node)?,
            Open::Test(node) => parser.behind_test(node)?,
            Open::List(node) => parser.in_list(node)?,
        }
    }
    Ok(parser.tree)
}

struct Parser<'a, 'l> {
    lexer: Lexer<'a>,
    token: Token<'a>,
    at: At,
    tree: Tree<'a>,
    open: Vec<Open>,
    limits: &'l Limits,
}

impl<'a> Parser<'a, '_> {
    /// Goes to the next token; answers the one before.
    fn step(&mut self) -> Result<Token<'a>, Complaint> {
        let (token, at) = self.lexer.next()?;
        self.at = at;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn complain<T>(&self, text: impl Into<String>) -> Result<T, Complaint> {
        Err(Complaint::new(self.at.offset, text))
    }

    fn name_of(&self, node: Index) -> &'a str {
        self.tree.nodes.get(node).map_or("", |node| node.name)
    }

    fn in_block(&mut self, owner: Option<Index>) -> Result<(), Complaint> {
        match (&self.token, owner) {
            (Token::End, None) => {
                self.open.pop();
                Ok(())
            }
            (Token::End, Some(owner)) => {
                let opened = self.tree.nodes.get(owner).map_or(0, |node| node.at.line);
                let name = self.name_of(owner);
                self.complain(format!(
                    "the block of `{name}` in line {opened} is never closed"
                ))
            }
            (Token::Mark(b'}'), Some(_)) => {
                self.open.pop();
                self.step().map(drop)
            }
            (Token::Mark(b'}'), None) => self.complain("this `}` closes no block"),
            (Token::Mark(b';'), _) => self.complain("no command stands before this `;`"),
            (Token::Word(_), _) => {
                let node = self.node()?;
                match owner.and_then(|owner| self.tree.nodes.get_mut(owner)) {
                    Some(owner) => owner.block.get_or_insert_default().push(node),
                    None => self.tree.top.push(node),
                }
                self.enter(Open::Command(node))
            }
            _ => self.complain("a command must begin here"),
        }
    }

    fn behind_command(&mut self, node: Index) -> Result<(), Complaint> {
        if self.begin_tests(node)? {
            return Ok(());
        }
        match self.token {
            Token::Mark(b';') => {
                self.open.pop();
                self.step().map(drop)
            }
            Token::Mark(b'{') => {
                self.step()?;
                self.open.pop();
                if let Some(node) = self.tree.nodes.get_mut(node) {
                    node.block = Some(Vec::new());
                }
                self.enter(Open::Block(Some(node)))
            }
            _ => {
                let name = self.name_of(node);
                self.complain(format!(
                    "`;` or a block must follow `{name}` and its arguments"
                ))
            }
        }
    }

    fn behind_test(&mut self, node: Index) -> Result<(), Complaint> {
        if !self.begin_tests(node)? {
            self.open.pop();
        }
        Ok(())
    }

    /// Begins the test or the list of tests behind a node's arguments, if one follows.
    fn begin_tests(&mut self, node: Index) -> Result<bool, Complaint> {
        let has_tests = self
            .tree
            .nodes
            .get(node)
            .is_none_or(|node| node.has_list || !node.tests.is_empty());
        match self.token {
            _ if has_tests => Ok(false),
            Token::Word(_) => self.begin_test(node).map(|()| true),
            Token::Mark(b'(') => {
                self.step()?;
                if let Some(node) = self.tree.nodes.get_mut(node) {
                    node.has_list = true;
                }
                self.enter(Open::List(node))?;
                self.begin_test(node).map(|()| true)
            }
            _ => Ok(false),
        }
    }

    fn begin_test(&mut self, owner: Index) -> Result<(), Complaint> {
        if !matches!(self.token, Token::Word(_)) {
            return self.complain("a test must begin here");
        }
        let test = self.node()?;
        if let Some(owner) = self.tree.nodes.get_mut(owner) {
            owner.tests.push(test);
        }
        self.enter(Open::Test(test))
    }

    fn in_list(&mut self, node: Index) -> Result<(), Complaint> {
        match self.step()? {
            Token::Mark(b',') => self.begin_test(node),
            Token::Mark(b')') => {
                self.open.pop();
                Ok(())
            }
            _ => {
                let name = self.name_of(node);
                self.complain(format!("`,` or `)` is missing in the tests of `{name}`"))
            }
        }
    }

    fn enter(&mut self, open: Open) -> Result<(), Complaint> {
        // A command within a block counts twice: itself, and its block's owner.
        if self.open.len() > 2 * self.limits.nesting {
            return self.complain("too many blocks or tests inside of one another");
        }
        self.open.push(open);
        Ok(())
    }

    /// Reads a name and its arguments.
    fn node(&mut self) -> Result<Index, Complaint> {
        let mut raw = Raw {
            at: self.at,
            ..Raw::default()
        };
        if let Token::Word(name) = self.step()? {
            raw.name = name;
        }
        loop {
            let at = self.at.offset;
            let argument = match &self.token {
                Token::Tag(_) | Token::Number(_) | Token::Text(_) => match self.step()? {
                    Token::Tag(tag) => Argument::Tag(tag),
                    Token::Number(number) => Argument::Number(number),
                    Token::Text(text) => Argument::Text(text),
                    _ => break,
                },
                Token::Mark(b'[') => {
                    self.step()?;
                    Argument::Texts(self.texts()?)
                }
                _ => break,
            };
            if raw.arguments.len() >= ARGUMENTS_MAX {
                return self.complain("too many arguments");
            }
            raw.arguments.push((argument, at));
        }
        if self.tree.nodes.len() >= self.limits.nodes {
            return self.complain("the script has too many commands and tests");
        }
        self.tree.nodes.push(raw);
        Ok(self.tree.nodes.len() - 1)
    }

    /// A list of strings behind its bracket.
    fn texts(&mut self) -> Result<Vec<String>, Complaint> {
        let mut texts = Vec::new();
        if self.token == Token::Mark(b']') {
            self.step()?;
            return Ok(texts); // Not in the grammar, but written by programs.
        }
        loop {
            if texts.len() >= self.limits.list_length {
                return self.complain("too many strings in a list");
            }
            match &mut self.token {
                Token::Text(text) => texts.push(std::mem::take(text)),
                _ => return self.complain("a string must stand here"),
            }
            self.step()?;
            match self.token {
                Token::Mark(b',') => drop(self.step()?),
                Token::Mark(b']') => {
                    self.step()?;
                    return Ok(texts);
                }
                _ => return self.complain("`,` or `]` is missing in a list of strings"),
            }
        }
    }
}

/// Arguments of one command; the most that any form takes is under 30.
const ARGUMENTS_MAX: usize = 64;
