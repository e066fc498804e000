//! The algorithms beside a model that follows the words of RFC 5256 step by step, however slowly.

use super::*;
use crate::search::rehearsed_row;
use formats::message::Summary;
use proptest::prelude::*;
use std::collections::HashMap;

/// A letter as the tests write it down.
#[derive(Debug, Clone)]
struct Mail {
    id: Option<u8>,
    references: Vec<u8>,
    subject: &'static str,
    /// Hours.
    date: u8,
}

fn mail(id: u8, references: &[u8], subject: &'static str, date: u8) -> Mail {
    Mail {
        id: Some(id),
        references: references.to_vec(),
        subject,
        date,
    }
}

impl Mail {
    fn text(&self) -> String {
        use std::fmt::Write;
        let mut text = format!("Date: 1 Jan 2020 {:02}:00:00 +0000\r\n", self.date);
        if let Some(id) = self.id {
            let _ = write!(text, "Message-ID: <m{id}@x>\r\n");
        }
        if !self.references.is_empty() {
            text.push_str("References:");
            for id in &self.references {
                let _ = write!(text, " <m{id}@x>");
            }
            text.push_str("\r\n");
        }
        let _ = write!(text, "Subject: {}\r\n\r\n", self.subject);
        text
    }
}

/// The threads in the notation of RFC 5256 §4, message numbers from 1.
fn told(mails: &[Mail], threading: Threading) -> String {
    let mut conversations = Conversations::new(Comparator::Unicode, mails.len());
    for (uid, mail) in (1..).zip(mails) {
        let summary = Summary::of(mail.text().as_bytes()).encode();
        let row = rehearsed_row(u64::from(uid));
        let found = Found {
            uid: Uid(uid),
            row: &row,
            summary: &summary,
            annotations: &[],
            relevance: 0,
        };
        conversations.take(&found).unwrap();
    }
    let forest = conversations.forest(threading);
    let roots = forest.roots().iter();
    roots.map(|root| written(&forest, *root)).collect()
}

fn written(forest: &Forest, node: u32) -> String {
    let own = forest.uid(node).map(|uid| uid.0.to_string());
    let (mut out, mut at) = (own.unwrap_or_default(), node);
    while let [only] = forest.children(at) {
        if !out.is_empty() {
            out.push(' ');
        }
        out += &forest.uid(*only).unwrap().0.to_string();
        at = *only;
    }
    let branches: String = forest
        .children(at)
        .iter()
        .map(|child| written(forest, *child))
        .collect();
    if !out.is_empty() && !branches.is_empty() {
        out.push(' ');
    }
    format!("({out}{branches})")
}

#[test]
fn answers_stand_below_what_they_answer() {
    let mails = [
        mail(1, &[], "a", 1),
        mail(2, &[1], "Re: a", 2),
        mail(3, &[1, 2], "Re: a", 3),
        mail(4, &[1], "Re: a", 4),
        mail(5, &[], "b", 5),
    ];
    for threading in [Threading::ReferencesAndSubject, Threading::References] {
        assert_eq!(told(&mails, threading), "(1 (2 3)(4))(5)");
    }
    assert_eq!(told(&mails, Threading::Subject), "(1 (2)(3)(4))(5)");
}

#[test]
fn answers_to_a_letter_that_is_not_there_stand_together() {
    let mails = [
        mail(1, &[9], "Re: a", 1),
        mail(2, &[9], "Re: b", 2),
        mail(3, &[8, 7], "Re: c", 3),
    ];
    assert_eq!(told(&mails, Threading::References), "((1)(2))(3)");
}

#[test]
fn conversations_of_one_subject_are_joined() {
    let mails = [
        mail(1, &[], "Re: a", 1),
        mail(2, &[], "a", 2),
        mail(3, &[], "a", 3),
        mail(4, &[], "", 4),
        mail(5, &[], "", 5),
    ];
    // The answer stands below the letter of that subject; two that answer nothing stand side by
    // side.
    let joined = told(&mails, Threading::ReferencesAndSubject);
    assert_eq!(joined, "((2 1)(3))(4)(5)");
    assert_eq!(told(&mails, Threading::References), "(1)(2)(3)(4)(5)");
}

#[test]
fn loops_and_doubles_lead_nowhere() {
    let mails = [
        mail(1, &[2], "", 1),
        mail(2, &[1], "", 2),
        mail(2, &[1], "", 3),
        mail(4, &[4], "", 4),
    ];
    let threads = told(&mails, Threading::References);
    for number in ["1", "2", "3", "4"] {
        assert_eq!(threads.matches(number).count(), 1, "{threads}");
    }
}

#[test]
fn the_newest_letter_decides_where_a_conversation_stands() {
    let mails = [
        mail(1, &[], "a", 1),
        mail(2, &[], "b", 2),
        mail(3, &[1], "Re: a", 3),
    ];
    assert_eq!(told(&mails, Threading::References), "(2)(1 3)");
    assert_eq!(told(&mails, Threading::ReferencesAndSubject), "(1 3)(2)");
}

#[test]
fn quotes_make_no_other_id() {
    assert_eq!(
        id_hash(b"\"01KF\\8J\"@x.example"),
        id_hash(b"01KF8J@x.example")
    );
    assert_ne!(id_hash(b"a@x"), id_hash(b"A@x"));
}

#[test]
fn a_conversation_of_a_hundred_thousand_is_quick() {
    let mut builder = Conversations::new(Comparator::Unicode, 0);
    let row = rehearsed_row(1);
    // Backwards, so that each letter refers to one that is not there yet.
    for uid in 0..20_000_u32 {
        let text = format!(
            "Message-ID: <{uid}@x>\r\nReferences: <{}@x>\r\n\r\n",
            uid + 1
        );
        let summary = Summary::of(text.as_bytes()).encode();
        let found = Found {
            uid: Uid(uid + 1),
            row: &row,
            summary: &summary,
            annotations: &[],
            relevance: 0,
        };
        builder.take(&found).unwrap();
    }
    let forest = builder.forest(Threading::References);
    let [root] = forest.roots() else {
        panic!("{:?}", forest.roots().len())
    };
    assert_eq!(forest.uid(*root), Some(Uid(20_000)));
}

/// A message or a dummy of the model.
#[derive(Debug, Clone, Default)]
struct Container {
    mail: Option<usize>,
    parent: Option<usize>,
}

struct Model<'a> {
    mails: &'a [Mail],
    containers: Vec<Container>,
    names: Vec<String>,
}

/// A tree of the model.
#[derive(Debug, Clone)]
struct Tree {
    mail: Option<usize>,
    children: Vec<Tree>,
}

impl Model<'_> {
    fn named(&mut self, name: &str) -> usize {
        if let Some(known) = self.names.iter().position(|known| known == name) {
            return known;
        }
        self.names.push(name.to_owned());
        self.containers.push(Container::default());
        self.names.len() - 1
    }

    fn is_above(&self, above: usize, below: usize) -> bool {
        let mut at = Some(below);
        while let Some(here) = at {
            if here == above {
                return true;
            }
            at = self.containers[here].parent;
        }
        false
    }

    fn step_1(&mut self) {
        let mut own = Vec::new();
        for (number, mail) in self.mails.iter().enumerate() {
            let name = mail.id.map(|id| format!("{id}")).unwrap_or_default();
            let taken = name.is_empty() || {
                let container = self.named(&name);
                self.containers[container].mail.is_some()
            };
            let name = if taken {
                format!("unique {number}")
            } else {
                name
            };
            let container = self.named(&name);
            self.containers[container].mail = Some(number);
            own.push(container);
        }
        for (number, mail) in self.mails.iter().enumerate() {
            let references: Vec<usize> = mail
                .references
                .iter()
                .map(|id| self.named(&format!("{id}")))
                .collect();
            for pair in references.windows(2) {
                if self.containers[pair[1]].parent.is_none() && !self.is_above(pair[1], pair[0]) {
                    self.containers[pair[1]].parent = Some(pair[0]);
                }
            }
            self.containers[own[number]].parent = None;
            if let Some(&last) = references.last()
                && !self.is_above(own[number], last)
            {
                self.containers[own[number]].parent = Some(last);
            }
        }
    }

    fn below(&self, parent: Option<usize>) -> Vec<Tree> {
        let of_parent = |at: &usize| self.containers[*at].parent == parent;
        let mut trees = Vec::new();
        for at in (0..self.containers.len()).filter(of_parent) {
            let children = self.below(Some(at));
            match self.containers[at].mail {
                None if children.is_empty() => {}
                None if parent.is_some() || children.len() == 1 => trees.extend(children),
                mail => trees.push(Tree { mail, children }),
            }
        }
        trees
    }
}

fn date(mails: &[Mail], tree: &Tree) -> (u8, usize) {
    match tree.mail {
        Some(number) => (mails[number].date, number),
        None => date(mails, &tree.children[0]),
    }
}

fn sort(mails: &[Mail], trees: &mut [Tree]) {
    for tree in &mut *trees {
        sort(mails, &mut tree.children);
    }
    trees.sort_by_key(|tree| date(mails, tree));
}

fn subject(mails: &[Mail], tree: &Tree) -> BaseSubject {
    match tree.mail {
        Some(number) => BaseSubject::of(mails[number].subject.as_bytes()),
        None => subject(mails, &tree.children[0]),
    }
}

fn step_5(mails: &[Mail], trees: Vec<Tree>) -> Vec<Tree> {
    let mut trees: Vec<Option<Tree>> = trees.into_iter().map(Some).collect();
    let mut table: HashMap<String, usize> = HashMap::new();
    for at in 0..trees.len() {
        let tree = trees[at].as_ref().unwrap();
        let base = subject(mails, tree);
        if base.text.is_empty() {
            continue;
        }
        let leader = *table.entry(base.text.clone()).or_insert(at);
        let led = trees[leader].as_ref().unwrap();
        let leader_replies = subject(mails, led).is_reply;
        let replace = tree.mail.is_none() || (leader_replies && !base.is_reply);
        if led.mail.is_some() && replace {
            table.insert(base.text, at);
        }
    }
    for at in 0..trees.len() {
        let base = subject(mails, trees[at].as_ref().unwrap());
        let Some(&leader) = table.get(&base.text).filter(|leader| **leader != at) else {
            continue;
        };
        let current = trees[at].take().unwrap();
        let mut led = trees[leader].take().unwrap();
        let leader_replies = led.mail.is_some() && subject(mails, &led).is_reply;
        match (led.mail, current.mail) {
            (None, None) => led.children.extend(current.children),
            (None, Some(_)) => led.children.push(current),
            (Some(_), _) if base.is_reply && !leader_replies => led.children.push(current),
            _ => {
                led = Tree {
                    mail: None,
                    children: vec![led, current],
                }
            }
        }
        trees[leader] = Some(led);
    }
    trees.into_iter().flatten().collect()
}

fn written_tree(tree: &Tree) -> String {
    let own = tree.mail.map(|number| (number + 1).to_string());
    let (mut out, mut at) = (own.unwrap_or_default(), tree);
    while let [only] = &at.children[..] {
        if !out.is_empty() {
            out.push(' ');
        }
        out += &(only.mail.unwrap() + 1).to_string();
        at = only;
    }
    let branches: String = at.children.iter().map(written_tree).collect();
    if !out.is_empty() && !branches.is_empty() {
        out.push(' ');
    }
    format!("({out}{branches})")
}

fn by_the_book(mails: &[Mail]) -> String {
    let mut model = Model {
        mails,
        containers: Vec::new(),
        names: Vec::new(),
    };
    model.step_1();
    let mut trees = model.below(None);
    sort(mails, &mut trees);
    let mut trees = step_5(mails, trees);
    sort(mails, &mut trees);
    trees.iter().map(written_tree).collect()
}

fn any_mail() -> impl Strategy<Value = Mail> {
    let subjects =
        proptest::sample::select(vec!["", "a", "Re: a", "b", "[l] Fwd: B", "re: a (fwd)"]);
    let references = proptest::collection::vec(0_u8..9, 0..4);
    (
        proptest::option::weighted(0.9, 0_u8..7),
        references,
        subjects,
        0_u8..5,
    )
        .prop_map(|(id, references, subject, date)| Mail {
            id,
            references,
            subject,
            date,
        })
}

proptest! {
    #[test]
    fn threads_are_those_of_the_standard(mails in proptest::collection::vec(any_mail(), 0..9)) {
        // The model compares subjects byte by byte: in the samples that makes no difference but for
        // B.
        let mails: Vec<Mail> = mails
            .into_iter()
            .map(|mail| if mail.subject == "[l] Fwd: B" { Mail { subject: "[l] Fwd: b", ..mail } } else { mail })
            .collect();
        prop_assert_eq!(told(&mails, Threading::ReferencesAndSubject), by_the_book(&mails));
    }
}
