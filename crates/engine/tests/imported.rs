//! What an import brings along: the folder's numbers and the names that programs know a letter by.

// The lints know tests by their attribute; what helps them stands outside of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use engine::rehearsal::Rehearsal;
use engine::{
    Account, EngineError, FolderId, FolderRow, Location, NewLetter, Reading, Receipt,
    RetrievalNames, Role, Settings, Shelf, Transfer, Uid,
};

const OLD_VALIDITY: u32 = 1_700_000_000;

fn account(house: &Rehearsal) -> Account {
    let user = house.person("alice@example.test").unwrap();
    house.engine.account(&user, 1)
}

fn folder(account: &Account, role: Role) -> (FolderId, FolderRow) {
    let view = account.read().unwrap();
    view.folder_with_role(role).unwrap().unwrap()
}

fn append(account: &Account, to: FolderId, uid: Option<Uid>) -> Result<Receipt, EngineError> {
    let mut upload = account.upload().unwrap();
    upload.write(b"Subject: old\r\n\r\ntext\r\n").unwrap();
    let staged = upload.finish().unwrap();
    let letter = NewLetter {
        uid,
        ..NewLetter::new(to, &staged)
    };
    Ok(account.write(|txn| txn.append(&letter))?.wait().unwrap())
}

fn adopt(account: &Account, folder: FolderId, validity: u32) -> Result<(), EngineError> {
    account
        .write(|txn| txn.adopt_numbers(folder, validity))?
        .wait()
        .map_err(EngineError::from)
}

fn name(account: &Account, at: Location) -> Option<String> {
    let view = account.read().unwrap();
    let row = view.item(at).unwrap().unwrap();
    RetrievalNames::of(&view)
        .unwrap()
        .name(&view, &row)
        .unwrap()
}

#[test]
fn a_folder_that_never_held_mail_takes_the_numbers_it_had_elsewhere() {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let account = account(&house);
    let (inbox, _) = folder(&account, Role::Inbox);
    adopt(&account, inbox, OLD_VALIDITY).unwrap();
    append(&account, inbox, Some(Uid(41))).unwrap();
    let raised = account.write(|txn| txn.raise_uid_next(inbox, Uid(50)));
    raised.unwrap().wait().unwrap();
    let (_, row) = folder(&account, Role::Inbox);
    assert_eq!(row.uid_validity, OLD_VALIDITY);
    assert_eq!(row.shelf(Shelf::Mail).uid_next, Uid(50));
    assert_eq!(append(&account, inbox, None).unwrap().at.uid, Uid(50));
}

#[test]
fn numbers_are_not_adopted_where_uids_already_mean_something() {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let account = account(&house);
    let (inbox, _) = folder(&account, Role::Inbox);
    append(&account, inbox, None).unwrap();
    assert_eq!(
        adopt(&account, inbox, OLD_VALIDITY),
        Err(EngineError::NumberRefused)
    );
}

#[test]
fn two_folders_never_have_the_same_uidvalidity() {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let account = account(&house);
    let (inbox, _) = folder(&account, Role::Inbox);
    let (sent, before) = folder(&account, Role::Sent);
    append(&account, sent, None).unwrap();
    let adopted = adopt(&account, inbox, before.uid_validity);
    assert_eq!(adopted, Err(EngineError::NumberRefused));
}

#[test]
fn a_folder_that_never_held_mail_makes_way() {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let account = account(&house);
    let (inbox, _) = folder(&account, Role::Inbox);
    let (_, before) = folder(&account, Role::Sent);
    adopt(&account, inbox, before.uid_validity).unwrap();
    let (_, after) = folder(&account, Role::Sent);
    assert!(after.uid_validity > before.uid_validity);
    let (_, row) = folder(&account, Role::Inbox);
    assert_eq!(row.uid_validity, before.uid_validity);
}

#[test]
fn forgotten_numbers_give_a_uidvalidity_that_never_was() {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let account = account(&house);
    let (inbox, before) = folder(&account, Role::Inbox);
    append(&account, inbox, None).unwrap();
    let forgotten = account.write(|txn| txn.forget_numbers(inbox));
    forgotten.unwrap().wait().unwrap();
    assert!(folder(&account, Role::Inbox).1.uid_validity > before.uid_validity);
}

#[test]
fn a_retrieval_name_stays_with_the_letter_and_not_with_its_copies() {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let account = account(&house);
    let (inbox, _) = folder(&account, Role::Inbox);
    let (sent, _) = folder(&account, Role::Sent);
    let at = append(&account, inbox, None).unwrap().at;
    assert_eq!(name(&account, at), None);
    let named = account.write(|txn| txn.set_retrieval_name(at, "pop-one"));
    named.unwrap().wait().unwrap();
    assert_eq!(name(&account, at).as_deref(), Some("pop-one"));
    let copied = account.write(|txn| txn.transfer(Transfer::Copy, at, sent));
    assert_eq!(name(&account, copied.unwrap().wait().unwrap().at), None);
    let moved = account.write(|txn| txn.transfer(Transfer::Move, at, sent));
    let moved = moved.unwrap().wait().unwrap().at;
    assert_eq!(name(&account, moved).as_deref(), Some("pop-one"));
}

#[test]
fn a_retrieval_name_is_short_and_visible() {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let account = account(&house);
    let (inbox, _) = folder(&account, Role::Inbox);
    let at = append(&account, inbox, None).unwrap().at;
    for bad in ["", "two words", "ä", &"x".repeat(71)] {
        let named = account.write(|txn| txn.set_retrieval_name(at, bad));
        assert!(matches!(named, Err(EngineError::NameRefused(_))), "{bad}");
    }
}
