//! A client makes, moves, searches and empties folders, and finds again what was deleted.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, deliver, house, number, text};
use engine::rehearsal::{Rehearsal, letters};
use engine::{Flags, Reading, User};
use mapi::codec::data::{
    Cell, Content, ObjectId, Outcome, PropertyTag, Restriction, TaggedValue, Value,
};
use mapi::codec::rop::folder::{
    CopyFolder, CreateFolder, DeleteFolder, DeleteMessages, EmptyFolder, FolderText, FolderTexts,
    MoveCopyMessages, MoveFolder, OpenFolder, OpenTable, SearchCriteriaRequest, SetSearchCriteria,
};
use mapi::codec::rop::{Reply, Request, Response, logon, message, property};
use mapi::codec::wire::{Form, Nothing, decode};

const NAME: PropertyTag = PropertyTag(0x3001_001f);
const SUBJECT: PropertyTag = PropertyTag(0x0037_001f);
const MESSAGE: PropertyTag = PropertyTag(0x674a_0014);
const DUPLICATE: u32 = 0x8004_0604;
const ACCESS_DENIED: u32 = 0x8007_0005;
const NOT_FOUND: u32 = 0x8004_010f;
/// Of tables, and of folders and messages that are opened: what was deleted.
const DELETED: u8 = 0x20;
const EVEN_DELETED: u8 = 0x04;

const LOGON: u8 = 0;
const PARENT: u8 = 1;
const FOLDER: u8 = 2;
const TABLE: u8 = 3;

fn ida() -> (Rehearsal, User, Client) {
    let house = house();
    let user = house.person("ida@example.test").unwrap();
    let mut client = Client::new(&house, &user, &user);
    let subtree = special(&client, 3);
    client.open_folder(subtree, PARENT);
    (house, user, client)
}

fn special(client: &Client, which: usize) -> ObjectId {
    client.logon.as_ref().unwrap().folders[which]
}

fn making(name: &str, folder_type: u8, open_existing: bool) -> Request {
    Request::CreateFolder(CreateFolder {
        folder_type,
        open_existing,
        reserved: 0,
        texts: FolderTexts::Unicode([name.to_owned(), String::new()]),
    })
}

fn create(client: &mut Client, name: &str) -> ObjectId {
    match client.ask(PARENT, FOLDER, making(name, 1, false)) {
        Response::CreateFolder(made) => made.folder,
        other => panic!("{other:?}"),
    }
}

fn names(client: &mut Client, flags: u8) -> Vec<String> {
    client.ask(PARENT, TABLE, Request::HierarchyTable(OpenTable { flags }));
    let rows = client.rows(TABLE, &[NAME]);
    rows.iter().map(|row| text(&row[0]).to_owned()).collect()
}

#[track_caller]
fn refused(client: &mut Client, input: u8, target: u8, request: Request) -> u32 {
    match client.call(input, target, request, &[]) {
        Reply::Refused { code, .. } | Reply::Said { code, .. } if code != 0 => code,
        other => panic!("{other:?}"),
    }
}

fn id(cell: &Cell) -> ObjectId {
    decode(&number(cell).to_le_bytes(), Form::Rop).unwrap()
}

fn letter(subject: &str) -> Vec<u8> {
    format!("From: a@x.org\r\nSubject: {subject}\r\n\r\nx\r\n").into_bytes()
}

/// Messages that a folder's table of these flags shows, with their subjects.
fn messages(client: &mut Client, folder: u8, flags: u8) -> Vec<(ObjectId, String)> {
    client.ask(folder, TABLE, Request::ContentsTable(OpenTable { flags }));
    let rows = client.rows(TABLE, &[MESSAGE, SUBJECT]);
    let row = |row: &Vec<Cell>| (id(&row[0]), text(&row[1]).to_owned());
    rows.iter().map(row).collect()
}

fn subjects(client: &mut Client, folder: u8) -> Vec<String> {
    let all = messages(client, folder, 0x40);
    all.into_iter().map(|(_, subject)| subject).collect()
}

#[test]
fn a_folder_is_made_once_and_opened_again_by_its_name() {
    let (_, _, mut client) = ida();
    let made = create(&mut client, "Projekte");
    assert_eq!(
        refused(&mut client, PARENT, FOLDER, making("Projekte", 1, false)),
        DUPLICATE
    );
    let Response::CreateFolder(again) = client.ask(PARENT, FOLDER, making("Projekte", 1, true))
    else {
        panic!()
    };
    assert_eq!(again.folder, made);
    assert!(again.existing.is_some());
    assert!(names(&mut client, 4).contains(&"Projekte".to_owned()));
}

/// The folder above all mail is hidden from mail programs, but what is made in it is mail.
#[test]
fn a_folder_made_at_the_top_is_seen_by_other_programs() {
    let (house, user, mut client) = ida();
    create(&mut client, "Projekte");
    let account = house.engine.account(&user, 7);
    let view = account.read().unwrap();
    let (_, row) = view.folder_at(&["Projekte"]).unwrap().unwrap();
    assert!(!row.hidden);
    let hidden = client.properties(FOLDER, &[0x10f4_000b]);
    assert_eq!(hidden[0].outcome, Outcome::Value(Value::Boolean(false)));
}

#[test]
fn what_is_set_of_a_folder_shows_at_once_and_to_all() {
    let (house, user, mut client) = ida();
    let made = create(&mut client, "one");
    let values = vec![
        TaggedValue::new(NAME, Value::Unicode("two".to_owned())),
        TaggedValue::new(
            PropertyTag(0x3613_001f),
            Value::Unicode("IPF.Contact".to_owned()),
        ),
        TaggedValue::new(
            PropertyTag(0x3004_001f),
            Value::Unicode("a comment".to_owned()),
        ),
        TaggedValue::new(PropertyTag(0x3602_0003), Value::Integer32(5)),
    ];
    let values = property::Properties { values };
    let request = Request::SetProperties(property::SetProperties { values });
    let Response::SetProperties(said) = client.ask(FOLDER, FOLDER, request) else {
        panic!()
    };
    assert_eq!(said.problems.len(), 1);
    let mut other = Client::new(&house, &user, &user);
    other.open_folder(made, FOLDER);
    let told = other.properties(FOLDER, &[0x3001_001f, 0x3613_001f, 0x3004_001f]);
    let texts: Vec<_> = told.iter().map(text).collect();
    assert_eq!(texts, ["two", "IPF.Contact", "a comment"]);
}

#[test]
fn folders_are_moved_copied_and_removed_with_what_is_in_them() {
    let (_, _, mut client) = ida();
    let inbox = special(&client, 4);
    let one = create(&mut client, "one");
    // A folder within it, and a letter in that.
    let Response::CreateFolder(inner) = client.ask(FOLDER, 4, making("inner", 1, false)) else {
        panic!()
    };
    let create = message::CreateMessage {
        code_page: 0x0fff,
        folder: inner.folder,
        is_associated: false,
    };
    client.ask(LOGON, 5, Request::CreateMessage(create));
    client.ask(
        5,
        5,
        Request::SaveChangesMessage(message::SaveChanges { flags: 2 }),
    );
    client.open_folder(inbox, 6);
    let copy = CopyFolder {
        want_asynchronous: false,
        want_recursive: true,
        folder: one,
        new_name: FolderText::Unicode("copy".to_owned()),
    };
    client.ask(PARENT, 6, Request::CopyFolder(copy));
    let moving = MoveFolder {
        want_asynchronous: false,
        folder: one,
        new_name: FolderText::Unicode("moved".to_owned()),
    };
    client.ask(PARENT, 6, Request::MoveFolder(moving));
    assert!(!names(&mut client, 0).contains(&"one".to_owned()));
    client.ask(6, TABLE, Request::HierarchyTable(OpenTable { flags: 4 }));
    let count = PropertyTag(0x3602_0003);
    let rows = client.rows(TABLE, &[NAME, count]);
    let told: Vec<_> = rows
        .iter()
        .map(|row| (text(&row[0]), number(&row[1])))
        .collect();
    assert_eq!(
        told,
        [("copy", 0), ("inner", 1), ("inner", 1), ("moved", 0)]
    );
    // With folders in it, it stays unless these may go too.
    for (flags, is_left) in [(1, true), (5, false)] {
        let delete = Request::DeleteFolder(DeleteFolder { flags, folder: one });
        let Response::DeleteFolder(said) = client.ask(6, 6, delete) else {
            panic!()
        };
        assert_eq!(said.is_partial, is_left);
    }
    client.ask(6, TABLE, Request::HierarchyTable(OpenTable { flags: 4 }));
    assert_eq!(client.rows(TABLE, &[NAME]).len(), 2);
    let delete = Request::DeleteFolder(DeleteFolder {
        flags: 5,
        folder: inbox,
    });
    assert_eq!(refused(&mut client, PARENT, PARENT, delete), ACCESS_DENIED);
}

#[test]
fn what_was_deleted_is_found_and_brought_back_until_it_is_dropped() {
    let (house, user, mut client) = ida();
    for subject in ["one", "two"] {
        deliver(&house, &user, &letter(subject), Flags::NONE);
    }
    let inbox = special(&client, 4);
    client.open_folder(inbox, FOLDER);
    let doomed: Vec<_> = messages(&mut client, FOLDER, 0x40)
        .into_iter()
        .map(|one| one.0)
        .collect();
    let delete = |messages| DeleteMessages {
        want_asynchronous: false,
        notify_non_read: false,
        messages,
    };
    client.ask(FOLDER, FOLDER, Request::DeleteMessages(delete(doomed)));
    assert_eq!(subjects(&mut client, FOLDER), Vec::<String>::new());
    let deleted = messages(&mut client, FOLDER, 0x60);
    assert_eq!(deleted.len(), 2);
    let (first, subject) = deleted[0].clone();
    let back = MoveCopyMessages {
        messages: vec![first],
        want_asynchronous: false,
        want_copy: false,
    };
    client.ask(FOLDER, FOLDER, Request::MoveCopyMessages(back));
    assert_eq!(subjects(&mut client, FOLDER), [subject]);
    let rest = vec![deleted[1].0];
    client.ask(FOLDER, FOLDER, Request::HardDeleteMessages(delete(rest)));
    assert_eq!(messages(&mut client, FOLDER, 0x60), []);
}

/// A folder with one within it, which has a letter; that one is open as [`FOLDER`].
fn nested(client: &mut Client) -> [ObjectId; 2] {
    let outer = create(client, "outer");
    let Response::CreateFolder(inner) = client.ask(FOLDER, 4, making("inner", 1, false)) else {
        panic!()
    };
    let create = message::CreateMessage {
        code_page: 0x0fff,
        folder: inner.folder,
        is_associated: false,
    };
    client.ask(LOGON, 5, Request::CreateMessage(create));
    let save = message::SaveChanges { flags: 2 };
    client.ask(5, 5, Request::SaveChangesMessage(save));
    client.open_folder(inner.folder, FOLDER);
    [outer, inner.folder]
}

fn delete_folder(client: &mut Client, folder: ObjectId, flags: u8) {
    let delete = Request::DeleteFolder(DeleteFolder { flags, folder });
    let Response::DeleteFolder(said) = client.ask(PARENT, PARENT, delete) else {
        panic!()
    };
    assert!(!said.is_partial);
}

fn opening(folder: ObjectId, open_mode: u8) -> Request {
    Request::OpenFolder(OpenFolder { folder, open_mode })
}

#[test]
fn a_deleted_folder_is_listed_and_opened_as_deleted_only() {
    let (_, _, mut client) = ida();
    let [outer, inner] = nested(&mut client);
    delete_folder(&mut client, outer, 5);
    assert!(!names(&mut client, 4).contains(&"outer".to_owned()));
    assert_eq!(names(&mut client, DELETED), ["outer"]);
    assert_eq!(names(&mut client, DELETED | 4), ["inner", "outer"]);
    assert_eq!(refused(&mut client, LOGON, 6, opening(inner, 0)), NOT_FOUND);
    client.ask(LOGON, 6, opening(inner, EVEN_DELETED));
    let inside = messages(&mut client, 6, 0x40);
    assert_eq!(inside.len(), 1);
    let open = |open_mode| {
        Request::OpenMessage(message::OpenMessage {
            code_page: 0x0fff,
            folder: inner,
            open_mode,
            message: inside[0].0,
        })
    };
    assert_eq!(refused(&mut client, LOGON, 7, open(0)), NOT_FOUND);
    client.ask(LOGON, 7, open(EVEN_DELETED));
    // It can be read, not changed.
    assert_eq!(
        refused(&mut client, 6, 7, making("new", 1, false)),
        NOT_FOUND
    );
    let comment = TaggedValue::new(
        PropertyTag(0x3004_001f),
        Value::Unicode("a comment".to_owned()),
    );
    let values = property::Properties {
        values: vec![comment],
    };
    let set = Request::SetProperties(property::SetProperties { values });
    assert_eq!(refused(&mut client, 6, 6, set), NOT_FOUND);
}

#[test]
fn a_deleted_folder_comes_back_with_what_was_deleted_with_it() {
    let (_, _, mut client) = ida();
    let [outer, inner] = nested(&mut client);
    delete_folder(&mut client, outer, 5);
    let moving = MoveFolder {
        want_asynchronous: false,
        folder: outer,
        new_name: FolderText::Unicode("again".to_owned()),
    };
    client.ask(PARENT, PARENT, Request::MoveFolder(moving));
    let living = names(&mut client, 4);
    assert!(living.contains(&"again".to_owned()) && living.contains(&"inner".to_owned()));
    assert_eq!(names(&mut client, DELETED | 4), Vec::<String>::new());
    client.open_folder(inner, FOLDER);
    assert_eq!(messages(&mut client, FOLDER, 0x40).len(), 1);
}

#[test]
fn what_is_in_a_deleted_folder_can_be_moved_out_and_the_folder_copied() {
    let (_, _, mut client) = ida();
    let [outer, inner] = nested(&mut client);
    delete_folder(&mut client, outer, 5);
    let copy = CopyFolder {
        want_asynchronous: false,
        want_recursive: true,
        folder: outer,
        new_name: FolderText::Unicode("copy".to_owned()),
    };
    client.ask(PARENT, PARENT, Request::CopyFolder(copy));
    let living = names(&mut client, 4);
    assert!(living.contains(&"copy".to_owned()) && living.contains(&"inner".to_owned()));
    client.ask(LOGON, 6, opening(inner, EVEN_DELETED));
    let inside = messages(&mut client, 6, 0x40);
    client.open_folder(special(&client, 4), FOLDER);
    let moving = MoveCopyMessages {
        messages: vec![inside[0].0],
        want_asynchronous: false,
        want_copy: false,
    };
    client.ask(6, FOLDER, Request::MoveCopyMessages(moving));
    assert_eq!(messages(&mut client, FOLDER, 0x40).len(), 1);
    assert_eq!(messages(&mut client, 6, 0x40), []);
}

#[test]
fn what_is_deleted_for_good_is_not_found_again() {
    let (_, _, mut client) = ida();
    let [outer, _] = nested(&mut client);
    delete_folder(&mut client, outer, 5);
    // Once more is no way to be rid of it, unless for good.
    let again = |flags| {
        Request::DeleteFolder(DeleteFolder {
            flags,
            folder: outer,
        })
    };
    assert_eq!(refused(&mut client, PARENT, PARENT, again(5)), NOT_FOUND);
    delete_folder(&mut client, outer, 0x15);
    assert_eq!(names(&mut client, DELETED | 4), Vec::<String>::new());
    assert_eq!(
        refused(&mut client, LOGON, 6, opening(outer, EVEN_DELETED)),
        NOT_FOUND
    );
    let [outer, _] = nested(&mut client);
    delete_folder(&mut client, outer, 0x15);
    assert_eq!(names(&mut client, DELETED | 4), Vec::<String>::new());
}

#[test]
fn a_folder_emptied_for_good_loses_also_what_was_deleted_before() {
    let (house, user, mut client) = ida();
    let above = create(&mut client, "above");
    client.open_folder(above, 6);
    let Response::CreateFolder(below) = client.ask(6, FOLDER, making("below", 1, false)) else {
        panic!()
    };
    let delete = DeleteFolder {
        flags: 5,
        folder: below.folder,
    };
    client.ask(6, 6, Request::DeleteFolder(delete));
    deliver(&house, &user, &letter("one"), Flags::NONE);
    let inbox = special(&client, 4);
    client.open_folder(inbox, 7);
    let letters = messages(&mut client, 7, 0x40);
    let moving = MoveCopyMessages {
        messages: letters.into_iter().map(|one| one.0).collect(),
        want_asynchronous: false,
        want_copy: false,
    };
    client.ask(7, 6, Request::MoveCopyMessages(moving));
    let empty = EmptyFolder {
        want_asynchronous: false,
        want_delete_associated: false,
    };
    let deleted = |client: &mut Client| {
        let folders = OpenTable { flags: DELETED };
        client.ask(6, TABLE, Request::HierarchyTable(folders));
        let folders = client.rows(TABLE, &[NAME]).len();
        (folders, messages(client, 6, 0x60).len())
    };
    client.ask(6, 6, Request::EmptyFolder(empty.clone()));
    assert_eq!(deleted(&mut client), (1, 1));
    client.ask(6, 6, Request::HardDeleteMessagesAndSubfolders(empty));
    assert_eq!(deleted(&mut client), (0, 0));
}

#[test]
fn the_copy_of_a_folder_says_what_the_folder_said() {
    let (_, _, mut client) = ida();
    let one = create(&mut client, "one");
    let texts = [(0x3004_001f, "a comment"), (0x3613_001f, "IPF.Contact")];
    let values = texts
        .map(|(tag, text)| TaggedValue::new(PropertyTag(tag), Value::Unicode(text.to_owned())));
    let values = property::Properties {
        values: values.to_vec(),
    };
    let set = Request::SetProperties(property::SetProperties { values });
    client.ask(FOLDER, FOLDER, set);
    let copy = CopyFolder {
        want_asynchronous: false,
        want_recursive: false,
        folder: one,
        new_name: FolderText::Unicode("copy".to_owned()),
    };
    client.ask(PARENT, PARENT, Request::CopyFolder(copy));
    client.ask(PARENT, FOLDER, making("copy", 1, true));
    let told = client.properties(FOLDER, &[0x3001_001f, 0x3004_001f, 0x3613_001f]);
    let told: Vec<_> = told.iter().map(text).collect();
    assert_eq!(told, ["copy", "a comment", "IPF.Contact"]);
}

#[test]
fn an_emptied_folder_keeps_its_settings() {
    let (house, user, mut client) = ida();
    deliver(&house, &user, &letter("one"), Flags::NONE);
    let inbox = special(&client, 4);
    let create = message::CreateMessage {
        code_page: 0x0fff,
        folder: inbox,
        is_associated: true,
    };
    client.ask(LOGON, 5, Request::CreateMessage(create));
    client.ask(
        5,
        5,
        Request::SaveChangesMessage(message::SaveChanges { flags: 2 }),
    );
    client.open_folder(inbox, FOLDER);
    for (want_delete_associated, settings) in [(false, 1), (true, 0)] {
        let request = EmptyFolder {
            want_asynchronous: false,
            want_delete_associated,
        };
        client.ask(FOLDER, FOLDER, Request::EmptyFolder(request));
        assert_eq!(messages(&mut client, FOLDER, 0x40), []);
        assert_eq!(messages(&mut client, FOLDER, 0x42).len(), settings);
    }
}

fn about(words: &str) -> Restriction {
    Restriction::Content(Content {
        fuzzy_low: 1,
        fuzzy_high: 1,
        property: SUBJECT,
        value: TaggedValue::new(SUBJECT, Value::Unicode(words.to_owned())),
    })
}

/// A search below the Finder, in a mailbox with three letters.
fn searching() -> (Rehearsal, User, Client, ObjectId) {
    let (house, user, mut client) = ida();
    for subject in ["apple", "pear", "apple pie"] {
        deliver(&house, &user, &letter(subject), Flags::NONE);
    }
    let finder = special(&client, 10);
    client.open_folder(finder, 5);
    let Response::CreateFolder(made) = client.ask(5, FOLDER, making("found", 2, false)) else {
        panic!()
    };
    (house, user, client, made.folder)
}

fn search(folder: ObjectId, restriction: Restriction) -> Request {
    Request::SetSearchCriteria(SetSearchCriteria {
        restriction: Some(restriction),
        folders: vec![folder],
        flags: 0x0002_0006,
    })
}

fn criteria() -> Request {
    Request::SearchCriteria(SearchCriteriaRequest {
        use_unicode: true,
        include_restriction: true,
        include_folders: true,
    })
}

#[test]
fn a_search_tells_what_it_looks_for() {
    let (_, _, mut client, found) = searching();
    let (subtree, inbox) = (special(&client, 3), special(&client, 4));
    assert_eq!(
        refused(&mut client, FOLDER, FOLDER, criteria()),
        0x8004_0605
    );
    let itself = search(found, about("apple"));
    assert_eq!(refused(&mut client, FOLDER, FOLDER, itself), 0x0000_0490);
    client.ask(FOLDER, FOLDER, search(subtree, about("apple")));
    let Response::SearchCriteria(told) = client.ask(FOLDER, FOLDER, criteria()) else {
        panic!()
    };
    assert_eq!(
        (told.restriction, told.folders),
        (Some(about("apple")), vec![subtree])
    );
    client.open_folder(inbox, 6);
    assert_eq!(refused(&mut client, 6, 6, criteria()), 0x0000_0461);
}

#[test]
fn a_search_shows_nothing_of_a_deleted_folder() {
    let (_, _, mut client, _) = searching();
    let (subtree, inbox) = (special(&client, 3), special(&client, 4));
    client.ask(FOLDER, FOLDER, search(subtree, about("apple")));
    client.open_folder(inbox, 6);
    let Response::CreateFolder(made) = client.ask(PARENT, 7, making("one", 1, false)) else {
        panic!()
    };
    let all = messages(&mut client, 6, 0x40);
    let apple = all.iter().find(|(_, subject)| subject == "apple").unwrap();
    let moving = MoveCopyMessages {
        messages: vec![apple.0],
        want_asynchronous: false,
        want_copy: false,
    };
    client.ask(6, 7, Request::MoveCopyMessages(moving));
    assert_eq!(subjects(&mut client, FOLDER).len(), 2);
    delete_folder(&mut client, made.folder, 5);
    assert_eq!(subjects(&mut client, FOLDER), ["apple pie"]);
}

#[test]
fn a_search_for_a_number_of_letters_shows_the_latest() {
    let (house, user, mut client, _) = searching();
    let (subtree, inbox) = (special(&client, 3), special(&client, 4));
    let first = |most| Restriction::Count(most, Box::new(about("apple")));
    let sorted = |client: &mut Client| {
        let mut all = subjects(client, FOLDER);
        all.sort();
        all
    };
    client.ask(FOLDER, FOLDER, search(subtree, first(2)));
    assert_eq!(sorted(&mut client), ["apple", "apple pie"]);
    house.pass(1);
    deliver(&house, &user, &letter("an apple"), Flags::NONE);
    let shown = sorted(&mut client);
    assert!(
        shown.len() == 2 && shown.contains(&"an apple".to_owned()),
        "{shown:?}"
    );
    // Where one goes, there is room for the next.
    client.open_folder(inbox, 6);
    let all = messages(&mut client, 6, 0x40);
    let gone = all.iter().filter(|(_, subject)| shown.contains(subject));
    let delete = DeleteMessages {
        want_asynchronous: false,
        notify_non_read: false,
        messages: gone.map(|(id, _)| *id).collect(),
    };
    client.ask(6, 6, Request::DeleteMessages(delete));
    assert_eq!(sorted(&mut client).len(), 1);
    let Response::SearchCriteria(told) = client.ask(FOLDER, FOLDER, criteria()) else {
        panic!()
    };
    assert_eq!(told.restriction, Some(first(2)));
    // How many of what: that only the outermost condition can say.
    let within = Restriction::Not(Box::new(first(2)));
    let refused = refused(&mut client, FOLDER, FOLDER, search(subtree, within));
    assert_eq!(refused, 0x8004_0117);
}

#[test]
fn a_search_asks_for_recipients_and_passes_over_comments() {
    let (house, user, mut client, _) = searching();
    let subtree = special(&client, 3);
    let to = b"Subject: to her\r\nTo: Bo <bo@example.test>\r\n\r\nx\r\n";
    deliver(&house, &user, to, Flags::NONE);
    let name = PropertyTag(0x3001_001f);
    let is_bo = Restriction::Content(Content {
        fuzzy_low: 0,
        fuzzy_high: 1,
        property: name,
        value: TaggedValue::new(name, Value::Unicode("bo".to_owned())),
    });
    let recipient = Restriction::SubObject(PropertyTag(0x0e12_000d), Box::new(is_bo));
    let note = vec![TaggedValue::new(name, Value::Unicode("of whom".to_owned()))];
    let wanted = Restriction::Comment(note.clone(), Some(Box::new(recipient)));
    client.ask(FOLDER, FOLDER, search(subtree, wanted.clone()));
    assert_eq!(subjects(&mut client, FOLDER), ["to her"]);
    let Response::SearchCriteria(told) = client.ask(FOLDER, FOLDER, criteria()) else {
        panic!()
    };
    assert_eq!(told.restriction, Some(wanted));
    // A comment alone asks for nothing.
    let all = Restriction::Comment(note, None);
    client.ask(FOLDER, FOLDER, search(subtree, all));
    assert_eq!(subjects(&mut client, FOLDER).len(), 4);
}

#[test]
fn a_search_shows_what_there_is_and_what_comes() {
    let (house, user, mut client, _) = searching();
    let (subtree, inbox) = (special(&client, 3), special(&client, 4));
    client.ask(FOLDER, FOLDER, search(subtree, about("apple")));
    let sorted = |client: &mut Client| {
        let mut all = subjects(client, FOLDER);
        all.sort();
        all
    };
    assert_eq!(sorted(&mut client), ["apple", "apple pie"]);
    // What comes is found, what goes is not.
    deliver(&house, &user, &letter("an apple"), Flags::NONE);
    client.open_folder(inbox, 6);
    let all = messages(&mut client, 6, 0x40);
    let doomed = all
        .iter()
        .find(|(_, subject)| subject == "apple")
        .unwrap()
        .0;
    let delete = DeleteMessages {
        want_asynchronous: false,
        notify_non_read: false,
        messages: vec![doomed],
    };
    client.ask(6, 6, Request::DeleteMessages(delete));
    assert_eq!(sorted(&mut client), ["an apple", "apple pie"]);
    client.ask(FOLDER, FOLDER, search(inbox, about("pear")));
    assert_eq!(sorted(&mut client), ["pear"]);
    // It shows letters, it holds none.
    assert_eq!(
        letters(&house.engine.account(&user, 7), &["Inbox"])
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn a_class_has_the_folder_of_its_longest_part() {
    let (_, _, mut client) = ida();
    let made = create(&mut client, "forms");
    let inbox = special(&client, 4);
    let ask = |client: &mut Client, class: &str| {
        let message_class = class.into();
        let request = Request::ReceiveFolder(logon::MessageClass { message_class });
        match client.ask(LOGON, LOGON, request) {
            Response::ReceiveFolder(told) => told.folder,
            other => panic!("{other:?}"),
        }
    };
    let set = |folder, class: &str| {
        let message_class = class.into();
        Request::SetReceiveFolder(logon::ReceiveFolder {
            folder,
            message_class,
        })
    };
    client.ask(LOGON, LOGON, set(made, "IPM.Form"));
    assert_eq!(ask(&mut client, "ipm.form.one"), made);
    assert_eq!(ask(&mut client, "IPM.Formal"), inbox);
    let Response::ReceiveFolderTable(table) =
        client.ask(LOGON, LOGON, Request::ReceiveFolderTable(Nothing))
    else {
        panic!()
    };
    assert_eq!(table.0.len(), 5);
    client.ask(LOGON, LOGON, set(ObjectId::default(), "IPM.Form"));
    assert_eq!(ask(&mut client, "IPM.Form.One"), inbox);
    assert_eq!(
        refused(&mut client, LOGON, LOGON, set(made, "IPM")),
        ACCESS_DENIED
    );
}

#[test]
fn marks_of_a_message_are_kept_bit_by_bit() {
    let (house, user, mut client) = ida();
    deliver(&house, &user, &letter("one"), Flags::NONE);
    let inbox = special(&client, 4);
    client.open_folder(inbox, FOLDER);
    let message = messages(&mut client, FOLDER, 0x40)[0].0;
    let set = |status, mask| {
        Request::SetMessageStatus(message::SetMessageStatus {
            message,
            status,
            mask,
        })
    };
    let asked = |client: &mut Client, request| match client.ask(FOLDER, FOLDER, request) {
        Response::SetMessageStatus(told) => told.status,
        other => panic!("{other:?}"),
    };
    assert_eq!(asked(&mut client, set(0x1000, 0x1000)), 0);
    assert_eq!(asked(&mut client, set(0x0800, 0x0800)), 0x1000);
    let request = Request::MessageStatus(message::MessageStatusRequest { message });
    assert_eq!(asked(&mut client, request), 0x1800);
    assert!(matches!(
        client.properties(FOLDER, &[0x3602_0003])[0].outcome,
        Outcome::Value(Value::Integer32(1))
    ));
}
