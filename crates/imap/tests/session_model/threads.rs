//! Which messages belong together, by the model's own reckoning: all were written at one time, and
//! an answer names what it answers.
//!
//! Standards: RFC 5256 §3 (ORDEREDSUBJECT, REFERENCES), draft-ietf-morg-inthread §4 (REFS).

use crate::Session;
use crate::model::{Key, Message};
use std::collections::BTreeMap;

/// A message, or a place for one that is not there, with what stands below it.
#[derive(Debug)]
struct Tree {
    /// Its place in the mailbox.
    at: Option<usize>,
    below: Vec<Tree>,
}

impl Tree {
    fn of(at: usize, below: Vec<Self>) -> Self {
        let at = Some(at);
        Self { at, below }
    }

    fn place(below: Vec<Self>) -> Self {
        Self { at: None, below }
    }

    /// The message that it is known by, and by which it is sorted.
    fn face(&self) -> usize {
        self.at.unwrap_or_else(|| self.below[0].face())
    }

    fn newest(&self) -> usize {
        let below = self.below.iter().map(Self::newest).max();
        self.at.max(below).unwrap()
    }

    fn sort(&mut self) {
        self.below.iter_mut().for_each(Self::sort);
        self.below.sort_by_key(Self::face);
    }

    /// One after the other until they branch. Source: RFC 5256 §4.
    fn told(&self, number: &impl Fn(usize) -> u32) -> String {
        let (mut line, mut tree) = (Vec::new(), self);
        loop {
            line.extend(tree.at.map(|at| number(at).to_string()));
            match tree.below.as_slice() {
                [only] => tree = only,
                [] => break,
                branches => {
                    line.push(branches.iter().map(|branch| branch.told(number)).collect());
                    break;
                }
            }
        }
        format!("({})", line.join(" "))
    }
}

impl Session {
    pub fn thread(&mut self, algorithm: &str, key: &Key) {
        let verb = self.by_uid("THREAD");
        let text = format!("{verb} {algorithm} UTF-8 {}", key.text());
        let Some(opened) = self.opened() else {
            return self.refused(&text, "BAD ");
        };
        let (searched, lowest) = self.searched(key);
        if lowest.is_some() {
            return self.refused(&text, "NO [MESSAGELIMIT ");
        }
        let messages = &opened.messages;
        let found = searched.into_iter();
        let found = found.filter(|at| key.fits(&messages[*at], &self.saved));
        let found: Vec<usize> = found.collect();
        let mut trees = match algorithm {
            "ORDEREDSUBJECT" => by_subject(messages, &found),
            _ => by_answer(messages, &found),
        };
        trees.sort_by_key(Tree::face);
        if algorithm == "REFERENCES" {
            trees = joined(messages, trees);
        }
        trees.iter_mut().for_each(Tree::sort);
        match algorithm {
            "REFS" => trees.sort_by_key(Tree::newest),
            _ => trees.sort_by_key(Tree::face),
        }
        let is_uid = verb.starts_with("UID");
        let number = |at: usize| match is_uid {
            true => messages[at].uid,
            false => u32::try_from(at + 1).unwrap(),
        };
        let told: String = trees.iter().map(|tree| tree.told(&number)).collect();
        let wanted = format!("* THREAD {told}").trim_end().to_owned();
        let (told, _) = self.ok(&text);
        self.expect(&text, &told, &[wanted]);
    }
}

/// Those of one subject below the first of them.
fn by_subject(messages: &[Message], found: &[usize]) -> Vec<Tree> {
    let mut all: BTreeMap<Option<char>, Tree> = BTreeMap::new();
    for at in found {
        let tree = Tree::of(*at, Vec::new());
        match all.get_mut(&messages[*at].subject()) {
            Some(first) => first.below.push(tree),
            None => _ = all.insert(messages[*at].subject(), tree),
        }
    }
    all.into_values().collect()
}

/// Answers below what they answer. If that was not found there is a place for it, unless one answer
/// would stand there alone. Source: RFC 5256 §3, steps 1 to 3.
fn by_answer(messages: &[Message], found: &[usize]) -> Vec<Tree> {
    let mut answers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut roots = Vec::new();
    for at in found {
        match messages[*at].answered() {
            Some(answered) => answers.entry(answered).or_default().push(*at),
            None => roots.push(*at),
        }
    }
    // Of messages with one id only the first has it.
    let mut firsts: BTreeMap<&str, usize> = BTreeMap::new();
    for at in found {
        let id = messages[*at].id();
        id.map(|id| *firsts.entry(id).or_insert(*at));
    }
    let tree = |at: usize| tree(at, messages, &answers, &firsts);
    let orphans = answers.iter().filter(|(id, _)| !firsts.contains_key(*id));
    let orphans = orphans.map(|(_, answers)| match answers.as_slice() {
        [only] => tree(*only),
        several => Tree::place(several.iter().map(|at| tree(*at)).collect()),
    });
    roots.iter().map(|at| tree(*at)).chain(orphans).collect()
}

fn tree(
    at: usize,
    messages: &[Message],
    answers: &BTreeMap<&str, Vec<usize>>,
    firsts: &BTreeMap<&str, usize>,
) -> Tree {
    let id = messages[at].id().filter(|id| firsts[id] == at);
    let below = id.and_then(|id| answers.get(id)).into_iter().flatten();
    let below = below.map(|at| tree(*at, messages, answers, firsts));
    Tree::of(at, below.collect())
}

/// Puts those of one subject together. Source: RFC 5256 §3, step 5.
fn joined(messages: &[Message], trees: Vec<Tree>) -> Vec<Tree> {
    let mut all: BTreeMap<Option<char>, Vec<Tree>> = BTreeMap::new();
    for tree in trees {
        let subject = messages[tree.face()].subject();
        all.entry(subject).or_default().push(tree);
    }
    let is_answer = |tree: &Tree| tree.at.is_some_and(|at| messages[at].is_answer());
    let join = |mut trees: Vec<Tree>| {
        let place = trees.iter().position(|tree| tree.at.is_none());
        let original = trees.iter().position(|tree| !is_answer(tree));
        let mut leader = trees.remove(place.or(original).unwrap_or(0));
        for tree in trees {
            let is_below = leader.at.is_none() || (is_answer(&tree) && !is_answer(&leader));
            match tree.at {
                None => leader.below.extend(tree.below),
                Some(_) if is_below => leader.below.push(tree),
                Some(_) => leader = Tree::place(vec![leader, tree]),
            }
        }
        leader
    };
    all.into_values().map(join).collect()
}
