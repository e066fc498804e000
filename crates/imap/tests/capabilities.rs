//! Every capability that is offered has dialogues that show it, its standard's own examples among
//! them.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may fail.

use crate::tokens::OnlyOne;
use crate::wire::{open, stage};
use engine::{Limits, Settings};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Each capability up to its `=`, or with what stands behind it where that is another extension;
/// and what shows it: dialogues, tests of this crate, or of real clients.
const SHOWN: &[(&str, &[&str])] = &[
    ("IMAP4rev2", &["rev2.txt", "sample_connection.txt"]),
    (
        "IMAP4rev1",
        &["flags.txt", "mailboxes.txt", "fetch.txt", "search.txt"],
    ),
    ("LITERAL+", &["enable.txt", "append.txt", "limits.txt"]),
    ("LITERAL-", &["limits.txt", "strangers.txt"]),
    ("SASL-IR", &["authenticate.txt", "signing_in.txt"]),
    ("STARTTLS", &["starttls_injection.txt"]),
    ("LOGINDISABLED", &["signing_in.txt"]),
    ("AUTH=PLAIN", &["authenticate.txt"]),
    ("AUTH=LOGIN", &["authenticate.txt"]),
    ("AUTH=SCRAM-SHA-256", &["../scram.rs"]),
    (
        "AUTH=SCRAM-SHA-256-PLUS",
        &["../../../../tests/clients/test_auth.py"],
    ),
    (
        "AUTH=OAUTHBEARER",
        &["../tokens.rs", "../../../../tests/clients/test_tokens.py"],
    ),
    ("AUTH=XOAUTH2", &["../tokens.rs"]),
    ("ENABLE", &["enable.txt", "rev2.txt"]),
    ("ID", &["rev2.txt", "mailboxes.txt"]),
    ("LANGUAGE", &["language.txt"]),
    ("IDLE", &["idle.txt", "two_clients.txt"]),
    ("NAMESPACE", &["mailboxes.txt", "other_users.txt"]),
    ("UNSELECT", &["enable.txt", "flags.txt"]),
    (
        "UIDPLUS",
        &["places.txt", "append.txt", "copy_and_move.txt"],
    ),
    ("MOVE", &["copy_and_move.txt"]),
    ("CHILDREN", &["mailboxes.txt"]),
    ("SPECIAL-USE", &["special_uses.txt"]),
    ("CREATE-SPECIAL-USE", &["special_uses.txt"]),
    (
        "LIST-EXTENDED",
        &["list_extended.txt", "list_recursive.txt"],
    ),
    ("LIST-STATUS", &["status_items.txt", "list_recursive.txt"]),
    ("STATUS=SIZE", &["status_items.txt"]),
    ("ESEARCH", &["search.txt"]),
    ("SEARCHRES", &["saved_results.txt"]),
    ("WITHIN", &["within.txt"]),
    ("BINARY", &["fetch.txt", "append.txt", "../binary.rs"]),
    ("MULTIAPPEND", &["places.txt", "append.txt"]),
    ("CONDSTORE", &["condstore.txt", "flags.txt"]),
    ("QRESYNC", &["quick_resync.txt", "resync.txt"]),
    ("OBJECTID", &["object_ids.txt", "../object_ids.rs"]),
    ("PREVIEW", &["preview.txt", "saved_results.txt"]),
    ("SORT", &["sort.txt"]),
    ("SORT=DISPLAY", &["sort.txt"]),
    ("THREAD=ORDEREDSUBJECT", &["thread.txt"]),
    ("THREAD=REFERENCES", &["thread.txt"]),
    ("THREAD=REFS", &["thread.txt"]),
    ("ESORT", &["sort.txt"]),
    ("CONTEXT=SEARCH", &["context.txt"]),
    ("CONTEXT=SORT", &["context.txt"]),
    ("PARTIAL", &["partial.txt"]),
    ("MULTISEARCH", &["multi_search.txt"]),
    ("INPROGRESS", &["progress.txt", "../progress.rs"]),
    ("SAVEDATE", &["save_date.txt"]),
    ("SEARCH=FUZZY", &["fuzzy.txt", "fuzzy_scripts.txt"]),
    ("I18NLEVEL=1", &["language.txt"]),
    ("I18NLEVEL=2", &["language.txt"]),
    ("COMPRESS=DEFLATE", &["compress.txt"]),
    ("NOTIFY", &["notify.txt", "notify_others.txt"]),
    ("REPLACE", &["replace.txt", "catenate_examples.txt"]),
    ("CATENATE", &["catenate_examples.txt", "catenate.txt"]),
    (
        "URLAUTH",
        &["url_auth_examples.txt", "url_auth.txt", "../url_auth.rs"],
    ),
    ("URLAUTH=BINARY", &["url_auth.txt", "../url_auth.rs"]),
    ("URL-PARTIAL", &["catenate.txt", "../url_auth.rs"]),
    ("UIDONLY", &["uid_only.txt"]),
    ("UIDBATCHES", &["uid_batches.txt"]),
    ("FILTERS", &["filters.txt"]),
    ("ACL", &["rights.txt", "other_users.txt"]),
    ("RIGHTS", &["rights.txt"]),
    ("LIST-MYRIGHTS", &["rights.txt", "list_recursive.txt"]),
    ("QUOTA", &["quota.txt"]),
    ("QUOTA=RES-STORAGE", &["quota.txt"]),
    ("QUOTA=RES-MESSAGE", &["quota.txt"]),
    ("QUOTA=RES-MAILBOX", &["quota_of_more.txt"]),
    ("QUOTA=RES-ANNOTATION-STORAGE", &["quota_of_more.txt"]),
    ("QUOTASET", &["quota.txt"]),
    ("XLIST", &["special_uses.txt"]),
    ("METADATA", &["metadata.txt", "metadata_enabled.txt"]),
    ("METADATA-SERVER", &["metadata.txt", "metadata_enabled.txt"]),
    ("LIST-METADATA", &["metadata.txt"]),
    (
        "ANNOTATE-EXPERIMENT-1",
        &["annotate.txt", "annotate_others.txt"],
    ),
    ("UTF8=ACCEPT", &["mailboxes.txt"]),
    ("UTF8=ONLY", &["utf8_only.txt"]),
    ("UNAUTHENTICATE", &["unauthenticate.txt"]),
    ("APPENDLIMIT", &["enable.txt", "limits.txt"]),
    ("MESSAGELIMIT", &["message_limit.txt"]),
    ("SAVELIMIT", &["save_limit.txt"]),
    ("IMAPSIEVE", &["metadata.txt"]),
];

/// What a server of these settings offers before and after signing in.
fn offered(settings: Settings, encrypted: bool) -> BTreeSet<String> {
    let house = stage(settings);
    house.engine.use_tokens(Arc::new(OnlyOne));
    let mut wire = open(&house, encrypted);
    wire.send(b"a CAPABILITY\r\nb LOGIN alice@example.test alice\r\nc CAPABILITY\r\n");
    let told = wire.take();
    let lists = told
        .lines()
        .filter_map(|line| line.strip_prefix("* CAPABILITY "));
    lists
        .flat_map(|list| list.split(' ').map(str::to_owned))
        .collect()
}

/// The entry of a capability: its own, or that of what stands before its `=`.
fn shown(capability: &str) -> Option<&'static [&'static str]> {
    let family = capability.split('=').next().unwrap_or(capability);
    let named = |wanted: &str| SHOWN.iter().find(|(name, _)| *name == wanted);
    named(capability)
        .or_else(|| named(family))
        .map(|(_, files)| *files)
}

#[test]
fn whatever_is_offered_is_shown_by_dialogues() {
    let settings = Settings {
        scripts_at: Some("mail.example.test".to_owned()),
        ..Settings::default()
    };
    let utf8_only = Settings {
        utf8_only: true,
        ..Settings::default()
    };
    let limited = Settings {
        limits: Limits {
            limits_all_requests: true,
            ..Limits::default()
        },
        ..Settings::default()
    };
    let mut all = offered(settings.clone(), true);
    all.extend(offered(limited, true));
    all.extend(offered(settings, false));
    all.extend(offered(utf8_only, true));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues");
    for capability in &all {
        let files = shown(capability).unwrap_or_else(|| panic!("nothing shows {capability}"));
        for file in files {
            assert!(
                folder.join(file).is_file(),
                "{capability}: {file} is missing"
            );
        }
    }
    let is_offered = |name: &str| {
        let family = format!("{name}=");
        all.iter()
            .any(|each| each == name || each.starts_with(&family))
    };
    let gone: Vec<_> = SHOWN.iter().filter(|(name, _)| !is_offered(name)).collect();
    assert!(gone.is_empty(), "not offered any more: {gone:?}");
}
