use super::{Extension, Limits, Script};
use proptest::prelude::*;

fn faults(source: &str) -> Vec<String> {
    match Script::parse(source.as_bytes(), &Limits::default()) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

#[track_caller]
fn accepted(source: &str) -> Script {
    Script::parse(source.as_bytes(), &Limits::default()).unwrap()
}

#[test]
fn the_example_of_rfc_5228_is_read() {
    let script = accepted(
        r#"
        require ["fileinto"];
        # Handle messages from known mailing lists
        if header :is "Sender" "owner-ietf-mta-filters@imc.org"
                {
                fileinto "filter";  # move to "filter" mailbox
                }
        elsif address :DOMAIN :is ["From", "To"] "example.com"
                {
                keep;               # keep in "In" mailbox
                }
        elsif anyof (NOT address :all :contains
                       ["To", "Cc", "Bcc"] "me@example.com",
                     header :matches "subject"
                       ["*make*money*fast*", "*university*dipl*mas*"])
                {
                fileinto "spam";    # move to "spam" mailbox
                }
        else
                {
                fileinto "personal";
                }
        "#,
    );
    assert!(script.extensions().has(Extension::FileInto));
    assert!(script.warnings().is_empty());
}

/// What is wrong with some scripts.
const FAULTS: &[(&str, &str)] = &[
    (
        "keep",
        "line 1, column 5: `;` or a block must follow `keep` and its arguments",
    ),
    ("kep;", "line 1, column 1: there is no command `kep`"),
    (
        "fileinto \"x\";",
        "line 1, column 1: `fileinto` needs `require \"fileinto\";`",
    ),
    (
        "keep;\n  stop\nkeep;",
        "line 2, column 3: `stop` takes no test; is a `;` or `,` missing?",
    ),
    (
        "if true { keep;",
        "line 1, column 16: the block of `if` in line 1 is never closed",
    ),
    ("keep; }", "line 1, column 7: this `}` closes no block"),
    (
        "else { }",
        "line 1, column 1: no `if` stands before this `else`",
    ),
    (
        "if keep { }",
        "line 1, column 4: `keep` is a command; is a `;` missing before it?",
    ),
    (
        "header \"a\" \"b\";",
        "line 1, column 1: `header` is a test",
    ),
    (
        "redirect \"nobody\";",
        "line 1, column 1: `nobody`: not an address",
    ),
    (
        "keep; require \"copy\";",
        "line 1, column 7: `require` must stand before all other commands",
    ),
    (
        "require \"x-y\";",
        "line 1, column 9: this server does not know the extension \"x-y\"",
    ),
    (
        "if header :is :contains \"a\" \"b\" {}",
        "line 1, column 15: `:is` and `:contains` exclude each other",
    ),
    (
        "if size 10 {}",
        "line 1, column 9: `size` has too many arguments",
    ),
    (
        "if size {}",
        "line 1, column 4: `size` needs `:over` or `:under` and a number",
    ),
    (
        "if size :over \"a\" {}",
        "line 1, column 15: `:over` needs a number here",
    ),
    (
        "if header \"a:\" \"b\" {}",
        "line 1, column 4: `a:` is no field's name",
    ),
    (
        "if not (true) {}",
        "line 1, column 4: `not` needs exactly one test behind it",
    ),
    (
        "if header :comparator \"i;x\" \"a\" \"b\" {}",
        "line 1, column 4: there is no comparator `i;x`",
    ),
    (
        "require \"envelope\"; if envelope \"sender\" \"b\" {}",
        "line 1, column 24: an envelope has no `sender`",
    ),
    (
        "redirect [\"a@b.example\"];",
        "line 1, column 10: `redirect` needs a string here",
    ),
    (
        "if exists \"ü\" {} ü",
        "line 1, column 18: `ü` cannot stand here",
    ),
];

#[test]
fn every_fault_is_told_with_its_line_and_column() {
    for (source, wanted) in FAULTS {
        assert_eq!(faults(source), [*wanted], "{source}");
    }
}

#[test]
fn several_faults_are_told_at_once_in_their_order() {
    let told = faults("foo;\nif bar {\n baz; }\nkeep;");
    assert_eq!(told.len(), 3);
    assert!(told.is_sorted());
}

#[test]
fn a_regular_expression_is_tried_when_the_script_is_put_in() {
    let told = faults("require \"regex\"; if header :regex \"a\" \"(\" {}");
    assert!(
        told.iter().any(|told| told.contains("unclosed group")),
        "{told:?}"
    );
}

#[test]
fn ihave_enables_what_it_asks_for_and_hides_what_is_not_known() {
    accepted(
        "require \"ihave\";
         if ihave \"vnd.unknown\" { vnd_do_it \"x\"; }
         elsif ihave [\"fileinto\", \"copy\"] { fileinto :copy \"a\"; }",
    );
    assert!(!faults("if ihave \"fileinto\" { fileinto \"a\"; }").is_empty());
}

#[test]
fn a_loop_is_left_only_from_within() {
    accepted(
        "require \"foreverypart\"; foreverypart :name \"a\" { if true { break :name \"a\"; } }",
    );
    assert_eq!(
        faults("require \"foreverypart\"; foreverypart { } break;"),
        ["line 1, column 42: no `foreverypart` stands around this `break`"]
    );
}

#[test]
fn what_is_required_but_not_used_is_a_warning() {
    let script = accepted("require [\"copy\", \"fileinto\"]; fileinto \"a\";");
    let told: Vec<_> = script.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["line 1, column 9: \"copy\" is required but never used"]
    );
}

#[test]
fn limits_hold() {
    let limits = Limits {
        script_bytes: 100,
        nesting: 4,
        nodes: 6,
        list_length: 2,
    };
    let refused = |source: &str| Script::parse(source.as_bytes(), &limits).is_err();
    assert!(refused(&" ".repeat(101)));
    assert!(refused(
        "if true { if true { if true { if true { if true { } } } } }"
    ));
    assert!(refused("keep;keep;keep;keep;keep;keep;keep;"));
    assert!(refused("redirect [\"a\",\"b\",\"c\"];"));
    assert!(!refused("if true { if true { keep; } }"));
    let deep = "not ".repeat(100_000);
    assert!(!faults(&format!("if {deep} true {{}}")).is_empty());
}

proptest! {
    #[test]
    fn anything_is_read_or_refused(source in "(?s)[a-z:\"\\[\\](){};,#/*$ \n0-9K\\\\.]{0,120}") {
        let _ = Script::parse(source.as_bytes(), &Limits::default());
    }

    #[test]
    fn words_in_any_order_are_read_or_refused(words in prop::collection::vec(
        prop::sample::select(vec![
            "require", "if", "elsif", "else", "{", "}", "(", ")", ";", ",", "[", "]", "\"copy\"",
            "\"variables\"", "\"${a}\"", "not", "anyof", "true", "header", ":is", ":matches", "keep",
            "fileinto", ":copy", "foreverypart", "break", "set", "10K", "text:\nx\n.\n", "#\n",
        ]), 0..40)) {
        let _ = Script::parse(words.join(" ").as_bytes(), &Limits::default());
    }
}
