//! Conversations as trees, while they are made and when they are told.

use super::Member;
use store::id::Uid;

/// A node: below the number of letters a letter, above a place that only holds others together.
pub(super) type Node = u32;

/// No node.
const NONE: Node = Node::MAX;

/// Trees of letters. Their nodes are told by numbers.
#[derive(Debug, Default)]
pub struct Forest {
    uids: Vec<Uid>,
    /// What stands below the nodes, one node after the other.
    below: Vec<Node>,
    /// By node, where in `below` its own end; they begin where those of the node before end.
    ends: Vec<u32>,
    roots: Vec<Node>,
}

impl Forest {
    /// The first node of each conversation, in order.
    pub fn roots(&self) -> &[u32] {
        &self.roots
    }

    /// What stands directly below a node, in order.
    pub fn children(&self, node: u32) -> &[u32] {
        let end = |node: Node| self.ends.get(index(node)).copied().map_or(0, index);
        let start = node.checked_sub(1).map_or(0, end);
        self.below.get(start..end(node)).unwrap_or_default()
    }

    /// The letter of a node; none where those below answer a letter that is not there.
    pub fn uid(&self, node: u32) -> Option<Uid> {
        self.uids.get(index(node)).copied()
    }

    /// About how much memory it takes, in bytes.
    pub(in crate::search) fn bytes(&self) -> usize {
        let nodes = self.uids.len() + self.below.len() + self.ends.len() + self.roots.len();
        nodes.saturating_mul(size_of::<Node>())
    }
}

/// A forest under construction. Nodes without a letter are roots only.
pub(super) struct Builder<'a> {
    members: &'a [Member],
    places: Vec<Place>,
    roots: Vec<Node>,
}

/// What stands below a node, as a list through the nodes themselves.
#[derive(Clone, Copy)]
struct Place {
    first: Node,
    last: Node,
    /// The next below the same node.
    next: Node,
}

const EMPTY: Place = Place {
    first: NONE,
    last: NONE,
    next: NONE,
};

pub(super) fn index(node: Node) -> usize {
    usize::try_from(node).unwrap_or(usize::MAX)
}

pub(super) fn node(index: usize) -> Node {
    Node::try_from(index).unwrap_or(NONE)
}

impl<'a> Builder<'a> {
    /// The letters alone, none of them anywhere.
    pub(super) fn new(members: &'a [Member]) -> Self {
        Self {
            members,
            places: vec![EMPTY; members.len()],
            roots: Vec::new(),
        }
    }

    /// Adds a place for others to stand below.
    pub(super) fn add_place(&mut self) -> Node {
        self.places.push(EMPTY);
        node(self.places.len() - 1)
    }

    pub(super) fn is_letter(&self, node: Node) -> bool {
        index(node) < self.members.len()
    }

    pub(super) fn add_root(&mut self, root: Node) {
        self.roots.push(root);
    }

    pub(super) fn take_roots(&mut self) -> Vec<Node> {
        std::mem::take(&mut self.roots)
    }

    pub(super) fn add_child(&mut self, parent: Node, child: Node) {
        let before = self.place(parent).last;
        if let Some(place) = self.places.get_mut(index(before)) {
            place.next = child;
        }
        if let Some(place) = self.places.get_mut(index(parent)) {
            place.last = child;
            if before == NONE {
                place.first = child;
            }
        }
        if let Some(place) = self.places.get_mut(index(child)) {
            place.next = NONE;
        }
    }

    fn place(&self, node: Node) -> Place {
        self.places.get(index(node)).copied().unwrap_or(EMPTY)
    }

    fn children(&self, node: Node) -> impl Iterator<Item = Node> {
        let first = Some(self.place(node).first);
        std::iter::successors(first, |child| Some(self.place(*child).next))
            .take_while(|child| *child != NONE)
    }

    pub(super) fn take_children(&mut self, node: Node) -> Vec<Node> {
        let children = self.children(node).collect();
        if let Some(place) = self.places.get_mut(index(node)) {
            (place.first, place.last) = (NONE, NONE);
        }
        children
    }

    /// The letter that a root is known by: itself, or the first of those below a place.
    pub(super) fn face(&self, root: Node) -> Node {
        if self.is_letter(root) {
            return root;
        }
        self.children(root).next().unwrap_or(root)
    }

    /// By sent date, then by place in the folder: how brothers and sisters are ordered.
    fn key(&self, root: Node) -> (i64, Uid) {
        let member = self.members.get(index(self.face(root)));
        member.map_or((i64::MAX, Uid(u32::MAX)), |member| {
            (member.sent, member.uid)
        })
    }

    /// Orders what stands below each place, then the roots. Source: RFC 5256 §3, step 4.
    pub(super) fn sort_roots(&mut self) {
        for place in self.members.len()..self.places.len() {
            self.sort_children(node(place));
        }
        let mut roots = self.take_roots();
        roots.sort_by_cached_key(|root| self.key(*root));
        self.roots = roots;
    }

    fn sort_children(&mut self, parent: Node) {
        let place = self.place(parent);
        if place.first == place.last {
            return;
        }
        let mut children = self.take_children(parent);
        children.sort_by_key(|child| self.key(*child));
        for child in children {
            self.add_child(parent, child);
        }
    }

    /// Orders everything. Source: RFC 5256 §3, step 6.
    pub(super) fn finish(mut self) -> Forest {
        for letter in 0..self.members.len() {
            self.sort_children(node(letter));
        }
        self.sort_roots();
        let mut forest = Forest {
            uids: self.members.iter().map(|member| member.uid).collect(),
            below: Vec::with_capacity(self.places.len()),
            ends: Vec::with_capacity(self.places.len()),
            roots: self.take_roots(),
        };
        for place in 0..self.places.len() {
            forest.below.extend(self.children(node(place)));
            forest.ends.push(node(forest.below.len()));
        }
        forest
    }
}

/// Orders everything, and conversations by their newest letter.
pub(super) fn by_arrival(builder: Builder<'_>) -> Forest {
    let members = builder.members;
    let mut forest = builder.finish();
    let roots = std::mem::take(&mut forest.roots).into_iter();
    let mut keyed: Vec<_> = roots
        .map(|root| (newest(&forest, root, members), root))
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
