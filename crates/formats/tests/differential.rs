//! The scanner against another parser of letters, on generated ones.
//!
//! Only letters that both must read alike: CRLF, distinct boundaries, no letters inside of letters
//! (the other parser keeps those apart).

#![allow(clippy::unwrap_used, reason = "a test")]

use formats::message::{PartKind, Summary};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Tree {
    Leaf { header: String, body: String },
    Multipart(Vec<Tree>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let header = prop::sample::select(vec![
        "",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "Content-Type: text/html\r\nContent-Transfer-Encoding: 8bit\r\n",
        "Content-Type: image/png;\r\n\tname=\"x.png\"\r\nContent-Disposition: attachment\r\n",
    ]);
    let body = "([a-z-]{0,8} ?(\r\n)?){0,6}";
    let leaf = (header, body).prop_map(|(header, body)| Tree::Leaf {
        header: header.to_owned(),
        body,
    });
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop::collection::vec(inner, 1..4).prop_map(Tree::Multipart)
    })
}

/// Writes the tree; each multipart has a boundary that occurs nowhere else.
fn render(tree: &Tree, number: &mut u32, out: &mut String) {
    match tree {
        Tree::Leaf { header, body } => *out += &[header.as_str(), "\r\n", body].concat(),
        Tree::Multipart(children) => {
            *number += 1;
            let boundary = format!("=_{number}_=");
            let content_type = "Content-Type: multipart/mixed; boundary=";
            *out += &[content_type, "\"", &boundary, "\"\r\n\r\n"].concat();
            for child in children {
                *out += &["\r\n--", &boundary, "\r\n"].concat();
                render(child, number, out);
            }
            *out += &["\r\n--", &boundary, "--\r\n"].concat();
        }
    }
}

proptest! {
    #[test]
    fn parts_lie_where_another_parser_finds_them(tree in tree()) {
        let mut letter = "From: a@b.test\r\n".to_owned();
        render(&tree, &mut 0, &mut letter);
        let ours = Summary::of(letter.as_bytes());
        let theirs = mail_parser::MessageParser::new().parse(letter.as_bytes()).unwrap();
        prop_assert_eq!(ours.parts.len(), theirs.parts.len());
        for (ours, theirs) in ours.parts.iter().zip(&theirs.parts) {
            prop_assert_eq!(ours.body_start, u64::from(theirs.offset_body));
            if ours.kind == PartKind::Leaf && ours.parent.is_some() {
                prop_assert_eq!(ours.body_end, u64::from(theirs.offset_end));
            }
        }
    }
}
