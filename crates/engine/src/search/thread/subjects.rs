//! Conversations by subject, alone or after the references. Source: RFC 5256 §3 (ORDEREDSUBJECT;
//! REFERENCES, step 5).

use super::forest::{Builder, Node, index, node};
use super::numbering::Numbering;
use super::{Member, NOTHING};

/// Letters of one subject: the earliest first, the others in one level below.
pub(super) fn group(builder: &mut Builder<'_>, members: &[Member]) {
    let mut letters: Vec<usize> = (0..members.len()).collect();
    letters.sort_unstable_by_key(|&letter| {
        let member = members.get(letter);
        member.map(|member| (member.subject, member.sent, member.uid))
    });
    let subject = |letter: &usize| members.get(*letter).map(|member| member.subject);
    for thread in letters.chunk_by(|a, b| subject(a) == subject(b)) {
        let Some((&first, others)) = thread.split_first() else {
            continue;
        };
        builder.add_root(node(first));
        for &other in others {
            builder.add_child(node(first), node(other));
        }
    }
}

/// Joins conversations whose subjects are the same.
pub(super) fn join(builder: &mut Builder<'_>, members: &[Member]) {
    builder.sort_roots();
    let roots = builder.take_roots();
    let subjects = roots.iter();
    let subjects = subjects.map(|root| subject_of(builder, members, *root));
    let subjects = Numbering::of(subjects.filter(|subject| *subject != NOTHING).collect());
    let mut leaders = leaders(builder, members, &roots, &subjects);
    for root in roots {
        let subject = subjects.number(subject_of(builder, members, root));
        match subject.and_then(|subject| leaders.get_mut(index(subject))) {
            Some(Some(leader)) if *leader != root => {
                *leader = merge(builder, members, *leader, root);
            }
            Some(Some(_)) => {}
            _ => builder.add_root(root),
        }
    }
    for leader in leaders.into_iter().flatten() {
        builder.add_root(leader);
    }
}

/// The conversation of each subject that the others join: step 5 B.
fn leaders(
    builder: &Builder<'_>,
    members: &[Member],
    roots: &[Node],
    subjects: &Numbering,
) -> Vec<Option<Node>> {
    let mut leaders = vec![None; subjects.len()];
    for &root in roots {
        let subject = subjects.number(subject_of(builder, members, root));
        let Some(place) = subject.and_then(|subject| leaders.get_mut(index(subject))) else {
            continue;
        };
        let leader = place.get_or_insert(root);
        let is_better =
            !builder.is_letter(root) || (is_reply(members, *leader) && !is_reply(members, root));
        if builder.is_letter(*leader) && is_better {
            *leader = root;
        }
    }
    leaders
}

/// Joins `root` to its leader and says which node leads from now on: step 5 C.
fn merge(builder: &mut Builder<'_>, members: &[Member], leader: Node, root: Node) -> Node {
    match (builder.is_letter(leader), builder.is_letter(root)) {
        (false, false) => {
            for child in builder.take_children(root) {
                builder.add_child(leader, child);
            }
            leader
        }
        (false, true) => {
            builder.add_child(leader, root);
            leader
        }
        (true, _) if is_reply(members, root) && !is_reply(members, leader) => {
            builder.add_child(leader, root);
            leader
        }
        (true, _) => {
            let place = builder.add_place();
            builder.add_child(place, leader);
            builder.add_child(place, root);
            place
        }
    }
}

fn subject_of(builder: &Builder<'_>, members: &[Member], root: Node) -> u64 {
    let member = members.get(index(builder.face(root)));
    member.map_or(NOTHING, |member| member.subject)
}

fn is_reply(members: &[Member], letter: Node) -> bool {
    members
        .get(index(letter))
        .is_some_and(|member| member.is_reply)
}
