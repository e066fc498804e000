//! Whom addresses lead to, and who may be added, changed and removed.

// The lints know tests by their attribute; what helps them stands outside of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use engine::directory::administration::AccountChange;
use engine::directory::{AccountKind, FetchPolicy, Mailbox, May, Posting, Resolution};
use engine::rehearsal::Rehearsal;
use engine::{AccountId, EngineError, Settings};

fn house() -> Rehearsal {
    Rehearsal::new(Settings::default()).unwrap()
}

/// The accounts and forwards behind an address.
fn behind(house: &Rehearsal, address: &str) -> (Vec<AccountId>, Vec<String>) {
    match &*house.engine.directory().resolve(address).unwrap() {
        Resolution::Local {
            mailboxes,
            forwards,
        } => (
            mailboxes.iter().map(|mailbox| mailbox.account).collect(),
            forwards.clone(),
        ),
        other => panic!("{address} is {other:?}"),
    }
}

fn is_unknown(house: &Rehearsal, address: &str) -> bool {
    *house.engine.directory().resolve(address).unwrap() == Resolution::Unknown
}

#[test]
fn an_address_here_leads_to_its_account_whatever_its_case() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    assert_eq!(
        behind(&house, "ALICE@Example.Test"),
        (vec![alice.account], vec![])
    );
    assert!(is_unknown(&house, "bob@example.test"));
}

#[test]
fn an_address_elsewhere_keeps_its_local_part_and_has_a_canonical_domain() {
    let house = house();
    let found = house
        .engine
        .directory()
        .resolve("Bob@b\u{fc}cher.example")
        .unwrap();
    assert_eq!(
        *found,
        Resolution::Remote("Bob@xn--bcher-kva.example".to_owned())
    );
}

#[test]
fn a_tag_is_kept_and_leads_to_the_same_account() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let found = house
        .engine
        .directory()
        .resolve("alice+Lists@example.test")
        .unwrap();
    let mailbox = Mailbox {
        account: alice.account,
        address: "alice@example.test".to_owned(),
        tag: Some("lists".to_owned()),
    };
    assert_eq!(
        *found,
        Resolution::Local {
            mailboxes: vec![mailbox],
            forwards: vec![]
        }
    );
}

#[test]
fn a_change_of_the_directory_is_seen_at_once() {
    let house = house();
    assert!(is_unknown(&house, "alice@example.test"));
    let alice = house.person("alice@example.test").unwrap();
    assert_eq!(behind(&house, "alice@example.test").0, [alice.account]);
    house
        .engine
        .remove_account(alice.account)
        .unwrap()
        .wait()
        .unwrap();
    assert!(is_unknown(&house, "alice@example.test"));
}

#[test]
fn groups_may_hold_one_another_and_reach_each_account_once() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let bob = house.person("bob@example.test").unwrap();
    let add = |address, targets: &[&str]| {
        house
            .engine
            .add_list(address, Some("Group"), targets)
            .unwrap()
            .wait()
            .unwrap();
    };
    add(
        "all@example.test",
        &[
            "team@example.test",
            "alice@example.test",
            "X@elsewhere.test",
        ],
    );
    add(
        "team@example.test",
        &["all@example.test", "bob@example.test", "alice@example.test"],
    );
    let (mut accounts, forwards) = behind(&house, "all@example.test");
    accounts.sort();
    assert_eq!(accounts, [alice.account, bob.account]);
    assert_eq!(forwards, ["X@elsewhere.test"]);
}

#[test]
fn postmaster_and_abuse_always_reach_someone() {
    let house = house();
    assert!(
        is_unknown(&house, "postmaster@example.test"),
        "nobody is here yet"
    );
    let alice = house.person("alice@example.test").unwrap();
    let bob = house.person("bob@example.test").unwrap();
    assert_eq!(behind(&house, "Postmaster@example.test").0, [alice.account]);
    let change = AccountChange {
        administrator: Some(true),
        ..AccountChange::default()
    };
    house
        .engine
        .change_account(bob.account, &change)
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!(behind(&house, "abuse@example.test").0, [bob.account]);
}

#[test]
fn a_catch_all_gets_what_nobody_else_does() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let bob = house.person("bob@example.test").unwrap();
    let target = Some("alice@example.test");
    house
        .engine
        .set_catch_all("example.test", target)
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!(behind(&house, "nobody@example.test").0, [alice.account]);
    assert_eq!(behind(&house, "bob@example.test").0, [bob.account]);
}

#[test]
fn a_user_owns_its_addresses_tags_and_aliases_but_no_groups() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    house.person("bob@example.test").unwrap();
    let engine = &house.engine;
    engine
        .add_list("sales@example.test", None, &["alice@example.test"])
        .unwrap()
        .wait()
        .unwrap();
    engine
        .add_list("all@example.test", Some("All"), &["alice@example.test"])
        .unwrap()
        .wait()
        .unwrap();
    let owns = |address| engine.directory().owns(alice.account, address).unwrap();
    assert!(owns("alice@example.test") && owns("Alice+x@example.test"));
    assert!(owns("sales@example.test"));
    assert!(!owns("all@example.test"));
    assert!(!owns("bob@example.test"));
    assert!(!owns("alice@elsewhere.test"));
    assert!(!owns("") && !owns("postmaster"));
}

#[test]
fn renaming_keeps_the_number_and_the_old_address() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    house
        .engine
        .rename_account(alice.account, "al@example.test")
        .unwrap()
        .wait()
        .unwrap();
    for address in ["alice@example.test", "al@example.test"] {
        assert_eq!(behind(&house, address).0, [alice.account], "{address}");
    }
    let entry = house
        .engine
        .directory()
        .account(alice.account)
        .unwrap()
        .unwrap();
    assert_eq!(entry.record.address, "al@example.test");
    assert_eq!(entry.record.other_addresses, ["alice@example.test"]);
    house
        .engine
        .rename_account(alice.account, "alice@example.test")
        .unwrap()
        .wait()
        .unwrap();
    let entry = house
        .engine
        .directory()
        .account(alice.account)
        .unwrap()
        .unwrap();
    assert_eq!(entry.record.other_addresses, ["al@example.test"]);
}

#[test]
fn names_are_taken_once_and_only_in_domains_of_ours() {
    let house = house();
    house.person("alice@example.test").unwrap();
    let add = |address| {
        house
            .engine
            .add_account(address, AccountKind::Person, None)
            .map(|_| ())
    };
    assert_eq!(add("ALICE@example.test"), Err(EngineError::NameTaken));
    assert_eq!(add("alice@elsewhere.test"), Err(EngineError::NoSuchDomain));
    assert!(matches!(add("alice"), Err(EngineError::NameRefused(_))));
    let list = house
        .engine
        .add_list("alice@example.test", None, &["x@y.test"])
        .map(|_| ());
    assert_eq!(list, Err(EngineError::NameTaken));
}

#[test]
fn a_domain_with_addresses_cannot_be_removed() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let remove = || house.engine.remove_domain("example.test").map(|_| ());
    assert_eq!(remove(), Err(EngineError::HasChildren));
    house
        .engine
        .remove_account(alice.account)
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!(remove(), Ok(()));
    assert!(house.engine.domains().unwrap().is_empty());
}

#[test]
fn changes_of_an_account_are_listed() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let change = AccountChange {
        display_name: Some("Alice".to_owned()),
        fetch_policy: Some(FetchPolicy::KeepDays(7)),
        quota_bytes: Some(Some(1000)),
        ..AccountChange::default()
    };
    house
        .engine
        .change_account(alice.account, &change)
        .unwrap()
        .wait()
        .unwrap();
    let states = house.engine.accounts().unwrap();
    let [state] = states.as_slice() else {
        panic!("{states:?}")
    };
    assert_eq!(state.record.display_name, "Alice");
    assert_eq!(state.record.fetch_policy, FetchPolicy::KeepDays(7));
    assert_eq!(state.quota_bytes, Some(1000));
}

#[test]
fn a_closed_group_takes_letters_of_its_members_only() {
    let house = house();
    house.person("alice@example.test").unwrap();
    house.person("bob@example.test").unwrap();
    let engine = &house.engine;
    let targets = ["alice@example.test", "carol@far.test"];
    let added = engine.add_list("team@example.test", Some("Team"), &targets);
    added.unwrap().wait().unwrap();
    let may = |sender: &str| {
        engine
            .directory()
            .may_write(sender, "Team@example.test")
            .unwrap()
    };
    assert_eq!(may("stranger@far.test"), May::Yes);
    engine
        .set_posting("team@example.test", &Posting::Members)
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!(may("alice+tag@example.test"), May::Yes);
    assert_eq!(may("Carol@far.test"), May::Yes);
    assert_eq!(may("bob@example.test"), May::No);
    assert_eq!(may(""), May::No);
}

#[test]
fn a_moderated_group_sends_strangers_letters_to_its_moderators() {
    let house = house();
    house.person("alice@example.test").unwrap();
    let bob = house.person("bob@example.test").unwrap();
    let engine = &house.engine;
    let targets = ["alice@example.test", "bob@example.test"];
    let added = engine.add_list("team@example.test", Some("Team"), &targets);
    added.unwrap().wait().unwrap();
    let moderators = Posting::Moderators(vec!["bob@example.test".to_owned()]);
    engine
        .set_posting("team@example.test", &moderators)
        .unwrap()
        .wait()
        .unwrap();
    let may = |sender: &str| {
        engine
            .directory()
            .may_write(sender, "team@example.test")
            .unwrap()
    };
    assert_eq!(may("bob@example.test"), May::Yes);
    let May::Moderated(to) = may("alice@example.test") else {
        panic!("not moderated")
    };
    let reached: Vec<_> = to
        .mailboxes()
        .iter()
        .map(|mailbox| mailbox.account)
        .collect();
    assert_eq!(reached, [bob.account]);
}
