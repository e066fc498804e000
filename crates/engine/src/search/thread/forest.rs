//! Conversations as trees, while they are made and when they are told.

use super::Member;
use store::id::Uid;

/// A node: below the number of letters a letter, above a place that only holds others together.
pub(super) type Node = u32;

/// Trees of letters. Their nodes are told by numbers.
#[derive(Debug, Default)]
pub struct Forest {
    uids: Vec<Option<Uid>>,
    children: Vec<Vec<Node>>,
    roots: Vec<Node>,
}

impl Forest {
    /// The first node of each conversation, in order.
    pub fn roots(&self) -> &[u32] {
        &self.roots
    }

    /// What stands directly below a node, in order.
    pub fn children(&self, node: u32) -> &[u32] {
        let children = self.children.get(index(node));
        children.map(Vec::as_slice).unwrap_or_default()
    }

    /// The letter of a node; none where those below answer a letter that is not there.
    pub fn uid(&self, node: u32) -> Option<Uid> {
        self.uids.get(index(node)).copied().flatten()
    }
}

/// A forest under construction. Nodes without a letter are roots only.
pub(super) struct Builder {
    forest: Forest,
    /// By sent date, then by place in the folder: how brothers and sisters are ordered.
    order: Vec<(i64, Uid)>,
    letters: usize,
}

pub(super) fn index(node: Node) -> usize {
    usize::try_from(node).unwrap_or(usize::MAX)
}

pub(super) fn node(index: usize) -> Node {
    Node::try_from(index).unwrap_or(Node::MAX)
}

impl Builder {
    /// The letters alone, none of them anywhere.
    pub(super) fn new(members: &[Member]) -> Self {
        let order = members.iter().map(|member| (member.sent, member.uid));
        Self {
            forest: Forest {
                uids: members.iter().map(|member| Some(member.uid)).collect(),
                children: vec![Vec::new(); members.len()],
                roots: Vec::new(),
            },
            order: order.collect(),
            letters: members.len(),
        }
    }

    /// Adds a place for others to stand below.
    pub(super) fn add_place(&mut self) -> Node {
        let place = node(self.forest.uids.len());
        self.forest.uids.push(None);
        self.forest.children.push(Vec::new());
        self.order.push((i64::MAX, Uid(u32::MAX)));
        place
    }

    pub(super) fn is_letter(&self, node: Node) -> bool {
        index(node) < self.letters
    }

    pub(super) fn add_root(&mut self, root: Node) {
        self.forest.roots.push(root);
    }

    pub(super) fn take_roots(&mut self) -> Vec<Node> {
        std::mem::take(&mut self.forest.roots)
    }

    pub(super) fn add_child(&mut self, parent: Node, child: Node) {
        if let Some(children) = self.forest.children.get_mut(index(parent)) {
            children.push(child);
        }
    }

    pub(super) fn children(&self, node: Node) -> &[Node] {
        self.forest.children(node)
    }

    pub(super) fn take_children(&mut self, node: Node) -> Vec<Node> {
        let children = self.forest.children.get_mut(index(node));
        children.map(std::mem::take).unwrap_or_default()
    }

    /// The letter that a root is known by: itself, or the first of those below a place.
    pub(super) fn face(&self, root: Node) -> Node {
        if self.is_letter(root) {
            return root;
        }
        self.children(root).first().copied().unwrap_or(root)
    }

    fn key(&self, root: Node) -> (i64, Uid) {
        let face = index(self.face(root));
        let key = self.order.get(face).copied();
        key.unwrap_or((i64::MAX, Uid(u32::MAX)))
    }

    /// Orders what stands below each place, then the roots. Source: RFC 5256 §3, step 4.
    pub(super) fn sort_roots(&mut self) {
        for place in self.letters..self.forest.uids.len() {
            self.sort_children(node(place));
        }
        let mut roots = self.take_roots();
        roots.sort_by_key(|root| self.key(*root));
        self.forest.roots = roots;
    }

    fn sort_children(&mut self, parent: Node) {
        let mut children = self.take_children(parent);
        if children.len() > 1 {
            children.sort_by_key(|child| self.key(*child));
        }
        if let Some(place) = self.forest.children.get_mut(index(parent)) {
            *place = children;
        }
    }

    fn sort_letters(&mut self) {
        for letter in 0..self.letters {
            self.sort_children(node(letter));
        }
    }

    /// Orders everything. Source: RFC 5256 §3, step 6.
    pub(super) fn finish(mut self) -> Forest {
        self.sort_letters();
        self.sort_roots();
        self.forest
    }
}

/// Orders everything, and conversations by their newest letter.
pub(super) fn by_arrival(builder: Builder, members: &[Member]) -> Forest {
    let mut forest = builder.finish();
    let mut keyed: Vec<_> = forest
        .roots
        .iter()
        .map(|&root| (newest(&forest, root, members), root))
        .collect();
    keyed.sort_unstable();
    forest.roots = keyed.into_iter().map(|(_, root)| root).collect();
    forest
}

fn newest(forest: &Forest, root: Node, members: &[Member]) -> (i64, Uid) {
    let (mut newest, mut left) = ((i64::MIN, Uid(0)), vec![root]);
    while let Some(node) = left.pop() {
        if let Some(member) = members.get(index(node)) {
            newest = newest.max((member.received, member.uid));
        }
        left.extend_from_slice(forest.children(node));
    }
    newest
}
