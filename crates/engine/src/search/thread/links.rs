//! Who answers whom, by message ids. Source: RFC 5256 §3 (REFERENCES), steps 1 to 3; the algorithm
//! is J. Zawinski's.

use super::forest::{Builder, Node, index, node};
use super::numbering::Numbering;
use super::{Member, NOTHING, place};

/// Nobody, or nothing.
const NONE: u32 = u32::MAX;

/// Steps up a conversation in search of a loop. Only a letter that has answers already can close
/// one, so conversations that grow as letters come are as deep as they like; the bound is for those
/// made up to waste time.
const STEPS_MAX: usize = 1024;

/// Finds the parents and gives the builder its trees.
pub(super) fn link(builder: &mut Builder<'_>, members: &[Member], references: &[u64]) {
    let own = members.iter().map(|member| member.id);
    let own = own.filter(|id| *id != NOTHING);
    let ids = Numbering::of(own.chain(references.iter().copied()).collect());
    let mut links = Links::new(members, &ids);
    let mut start = 0;
    for (letter, member) in members.iter().enumerate() {
        let end = place(member.references_end);
        let own = references.get(start..end).unwrap_or_default();
        links.add(letter, own, &ids);
        start = end;
    }
    drop(ids);
    links.plant(builder, members.len());
}

/// Each id has a container, and so has each letter whose id is missing or taken.
struct Links {
    /// The container of each letter.
    container: Vec<u32>,
    /// The letter in each container.
    letter: Vec<u32>,
    parent: Vec<u32>,
    /// False for containers that nothing was ever put below.
    has_children: Vec<bool>,
}

impl Links {
    fn new(members: &[Member], ids: &Numbering) -> Self {
        let mut links = Self {
            container: Vec::with_capacity(members.len()),
            letter: vec![NONE; ids.len()],
            parent: Vec::new(),
            has_children: Vec::new(),
        };
        for (letter, member) in members.iter().enumerate() {
            links.place(node(letter), ids.number(member.id));
        }
        links.parent = vec![NONE; links.letter.len()];
        links.has_children = vec![false; links.letter.len()];
        links
    }

    /// Of letters with the same id the first bears it.
    fn place(&mut self, letter: Node, id: Option<u32>) {
        let free = id.filter(|id| self.letter.get(index(*id)) == Some(&NONE));
        let container = free.unwrap_or_else(|| {
            self.letter.push(NONE);
            node(self.letter.len() - 1)
        });
        if let Some(place) = self.letter.get_mut(index(container)) {
            *place = letter;
        }
        self.container.push(container);
    }

    /// Step 1 for one letter.
    fn add(&mut self, letter: usize, references: &[u64], ids: &Numbering) {
        let Some(&own) = self.container.get(letter) else {
            return;
        };
        let mut above = NONE;
        let references = references.iter().filter_map(|id| ids.number(*id));
        for reference in references {
            // What one letter says of others counts only where nothing was said before.
            if self.parent_of(reference) == NONE {
                self.set_parent(reference, above);
            }
            above = reference;
        }
        self.clear_parent(own);
        self.set_parent(own, above);
    }

    fn parent_of(&self, child: u32) -> u32 {
        self.parent.get(index(child)).copied().unwrap_or(NONE)
    }

    fn clear_parent(&mut self, child: u32) {
        if let Some(place) = self.parent.get_mut(index(child)) {
            *place = NONE;
        }
    }

    fn set_parent(&mut self, child: u32, parent: u32) {
        if parent == NONE || self.would_loop(child, parent) {
            return;
        }
        if let Some(place) = self.parent.get_mut(index(child)) {
            *place = parent;
        }
        if let Some(flag) = self.has_children.get_mut(index(parent)) {
            *flag = true;
        }
    }

    fn would_loop(&self, child: u32, parent: u32) -> bool {
        if child == parent {
            return true;
        }
        if self.has_children.get(index(child)) != Some(&true) {
            return false;
        }
        let mut above = parent;
        for _ in 0..STEPS_MAX {
            above = self.parent_of(above);
            if above == NONE {
                return false;
            }
            if above == child {
                return true;
            }
        }
        true
    }

    /// Steps 2 and 3: containers without a letter go, and what was below them moves up; only at the
    /// top one stays, when it holds several together.
    fn plant(mut self, builder: &mut Builder<'_>, letters: usize) {
        let mut tops = Vec::new();
        for letter in 0..letters {
            let own = self.container.get(letter).copied().unwrap_or(NONE);
            let above = self.nearest(self.parent_of(own));
            match self.letter.get(index(above)) {
                None => builder.add_root(node(letter)),
                Some(&NONE) => tops.push((above, node(letter))),
                Some(&parent) => builder.add_child(parent, node(letter)),
            }
        }
        tops.sort_unstable();
        for group in tops.chunk_by(|a, b| a.0 == b.0) {
            match group {
                [(_, only)] => builder.add_root(*only),
                several => {
                    let place = builder.add_place();
                    builder.add_root(place);
                    let children = several.iter().map(|(_, child)| *child);
                    children.for_each(|child| builder.add_child(place, child));
                }
            }
        }
    }

    /// The nearest container with a letter from this one upwards, else the topmost; `NONE` for
    /// none. Paths through empty containers are shortened on the way, so that each is walked once.
    fn nearest(&mut self, from: u32) -> u32 {
        let is_empty = |links: &Self, at: u32| links.letter.get(index(at)) == Some(&NONE);
        let mut at = from;
        while at != NONE && is_empty(self, at) && self.parent_of(at) != NONE {
            at = self.parent_of(at);
        }
        let mut walked = from;
        while walked != at && walked != NONE {
            let next = self.parent_of(walked);
            if let Some(place) = self.parent.get_mut(index(walked)) {
                *place = at;
            }
            walked = next;
        }
        at
    }
}
