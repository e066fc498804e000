//! Properties, and what objects hold, copied from one open object to another.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, binary, deliver, house, text, unicode};
use engine::rehearsal::{Rehearsal, letters};
use engine::{Flags, User};
use mapi::codec::data::{Cell, ObjectId, Outcome, PropertyTag, Value};
use mapi::codec::rop::{Request, Response, folder, message, property, stream};
use mapi::codec::wire::Nothing;

const SUBJECT: u32 = 0x0037_001f;
const BODY: u32 = 0x1000_001f;
const DATA: u32 = 0x3701_0102;
const NAME: u32 = 0x3707_001f;
const SHOWN_TO: u32 = 0x0e04_001f;

/// Places of handles.
const LOGON: u8 = 0;
const SOURCE: u8 = 1;
const TARGET: u8 = 2;
const PART: u8 = 3;
const TABLE: u8 = 4;
const OTHER: u8 = 5;

const MOVE: u8 = 1;
const NO_OVERWRITE: u8 = 2;

fn ida() -> (Rehearsal, User, Client) {
    let house = house();
    let user = house.person("ida@example.test").unwrap();
    let client = Client::new(&house, &user, &user);
    (house, user, client)
}

fn inbox(client: &Client) -> ObjectId {
    client.special(4)
}

const LETTER: &str = "From: Otto <otto@example.test>\r\nTo: Ida <ida@example.test>\r\n\
    Subject: Minutes\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain\r\n\r\nAs agreed.\r\n\
    --b\r\nContent-Type: application/pdf; name=minutes.pdf\r\n\
    Content-Disposition: attachment; filename=minutes.pdf\r\n\r\n%PDF\r\n--b--\r\n";

/// A letter that came, open at [`SOURCE`], and a new message at [`TARGET`].
fn came(house: &Rehearsal, user: &User, client: &mut Client) {
    deliver(house, user, LETTER.as_bytes(), Flags(0));
    let folder = inbox(client);
    client.open_folder(folder, OTHER);
    let id = client.messages(OTHER, 0, TABLE)[0];
    client.open_message(id, SOURCE);
    client.create_message(folder, false, TARGET);
}

#[track_caller]
fn copy_to(
    client: &mut Client,
    want_sub_objects: bool,
    flags: u8,
    excluded: &[u32],
) -> Vec<(u16, u32)> {
    let request = Request::CopyTo(property::CopyTo {
        want_asynchronous: true,
        want_sub_objects,
        flags,
        excluded: excluded.iter().copied().map(PropertyTag).collect(),
    });
    match client.ask(SOURCE, TARGET, request) {
        Response::CopyTo(said) => problems(said),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn copy(client: &mut Client, flags: u8, tags: &[u32]) -> Vec<(u16, u32)> {
    match client.ask(SOURCE, TARGET, copying(flags, tags)) {
        Response::CopyProperties(said) => problems(said),
        other => panic!("{other:?}"),
    }
}

fn copying(flags: u8, tags: &[u32]) -> Request {
    Request::CopyProperties(property::CopyProperties {
        want_asynchronous: false,
        flags,
        tags: tags.iter().copied().map(PropertyTag).collect(),
    })
}

fn problems(said: property::Problems) -> Vec<(u16, u32)> {
    let all = said.problems.into_iter();
    all.map(|one| (one.index, one.error_code)).collect()
}

fn attachments(client: &mut Client, message: u8) -> Vec<u32> {
    let Response::ValidAttachments(told) =
        client.ask(message, message, Request::ValidAttachments(Nothing))
    else {
        panic!()
    };
    told.attachments
}

fn is_missing(cell: &Cell) -> bool {
    cell.outcome == Outcome::Error(0x8004_010f)
}

#[test]
fn a_letter_is_copied_with_recipients_and_attachments() {
    let (house, user, mut client) = ida();
    came(&house, &user, &mut client);
    assert_eq!(copy_to(&mut client, true, 0, &[]), []);
    // Nothing is kept before it is saved.
    assert_eq!(
        letters(&house.engine.account(&user, 7), &["Inbox"])
            .unwrap()
            .len(),
        1
    );
    client.save(TARGET);
    let told = client.properties(TARGET, &[SUBJECT, BODY, SHOWN_TO, 0x0042_001f]);
    let texts: Vec<_> = told.iter().map(text).collect();
    assert_eq!(texts, ["Minutes", "As agreed.", "Ida", "Otto"]);
    assert_eq!(attachments(&mut client, TARGET), [0]);
    let open = message::OpenAttachment {
        open_mode: 0,
        attachment: 0,
    };
    client.ask(TARGET, PART, Request::OpenAttachment(open));
    let told = client.properties(PART, &[NAME, DATA]);
    assert_eq!(text(&told[0]), "minutes.pdf");
    assert_eq!(told[1].outcome, Outcome::Value(binary(b"%PDF")));
    let all = letters(&house.engine.account(&user, 7), &["Inbox"]).unwrap();
    assert!(
        all.iter().all(|(_, letter)| letter.contains("minutes.pdf")),
        "{all:?}"
    );
    // What came is no draft, and neither is its copy.
    assert!(
        all.iter().all(|(flags, _)| *flags == Flags::NONE),
        "{all:?}"
    );
}

/// What stands in the Inbox, the oldest first.
fn inbox_letters(house: &Rehearsal, user: &User) -> Vec<String> {
    let all = letters(&house.engine.account(user, 7), &["Inbox"]).unwrap();
    all.into_iter().map(|(_, letter)| letter).collect()
}

#[test]
fn the_copy_of_a_letter_is_the_same_letter_until_it_is_changed() {
    let (house, user, mut client) = ida();
    came(&house, &user, &mut client);
    copy_to(&mut client, true, 0, &[]);
    client.save(TARGET);
    let [first, copy] = inbox_letters(&house, &user).try_into().unwrap();
    assert_eq!(first, copy);
    let folder = inbox(&client);
    client.create_message(folder, false, TARGET);
    copy_to(&mut client, true, 0, &[]);
    client.set_property(TARGET, SUBJECT, unicode("Mine"));
    client.save(TARGET);
    let [_, _, changed] = inbox_letters(&house, &user).try_into().unwrap();
    assert!(changed.contains("Subject: Mine\r\n") && changed != first);
}

#[test]
fn what_is_excluded_and_what_others_hold_stays_out() {
    let (house, user, mut client) = ida();
    came(&house, &user, &mut client);
    copy_to(&mut client, true, 0, &[BODY, 0x0e13_000d]);
    let told = client.properties(TARGET, &[SUBJECT, BODY, SHOWN_TO]);
    assert_eq!(text(&told[0]), "Minutes");
    assert!(is_missing(&told[1]));
    assert_eq!(text(&told[2]), "Ida");
    assert!(attachments(&mut client, TARGET).is_empty());
    let folder = inbox(&client);
    client.create_message(folder, false, TARGET);
    copy_to(&mut client, false, 0, &[]);
    assert_eq!(text(&client.properties(TARGET, &[SHOWN_TO])[0]), "");
    assert!(attachments(&mut client, TARGET).is_empty());
}

#[test]
fn what_is_there_stays_if_the_client_says_so() {
    let (house, user, mut client) = ida();
    came(&house, &user, &mut client);
    client.set(TARGET, &[(SUBJECT, unicode("Mine"))]);
    copy_to(&mut client, false, NO_OVERWRITE, &[]);
    let told = client.properties(TARGET, &[SUBJECT, BODY]);
    assert_eq!([text(&told[0]), text(&told[1])], ["Mine", "As agreed."]);
    copy_to(&mut client, false, 0, &[]);
    assert_eq!(text(&client.properties(TARGET, &[SUBJECT])[0]), "Minutes");
}

#[test]
fn only_named_properties_are_copied_and_what_can_not_be_is_told() {
    let (house, user, mut client) = ida();
    came(&house, &user, &mut client);
    // Not there, copied, told by each message itself, and the recipients.
    let tags = [0x3ff8_001f, SUBJECT, 0x0e08_0003, 0x0e12_000d];
    let refused = copy(&mut client, 0, &tags);
    assert_eq!(refused, [(0, 0x8004_010f), (2, 0x8004_010f)]);
    let told = client.properties(TARGET, &[SUBJECT, BODY, SHOWN_TO]);
    assert_eq!(text(&told[0]), "Minutes");
    assert!(is_missing(&told[1]));
    assert_eq!(text(&told[2]), "Ida");
}

#[test]
fn what_is_moved_is_gone_from_where_it_was() {
    let (_, _, mut client) = ida();
    let folder = inbox(&client);
    client.create_message(folder, false, SOURCE);
    client.create_message(folder, false, TARGET);
    client.set(SOURCE, &[(SUBJECT, unicode("One")), (BODY, unicode("Two"))]);
    copy(&mut client, MOVE, &[BODY]);
    assert_eq!(text(&client.properties(TARGET, &[BODY])[0]), "Two");
    let left = client.properties(SOURCE, &[SUBJECT, BODY]);
    assert_eq!(text(&left[0]), "One");
    assert!(is_missing(&left[1]));
}

#[test]
fn attachments_are_copied_with_the_message_in_them() {
    let (_, _, mut client) = ida();
    let folder = inbox(&client);
    client.create_message(folder, false, OTHER);
    for place in [SOURCE, TARGET] {
        client.ask(OTHER, place, Request::CreateAttachment(Nothing));
    }
    let open = |open_mode| {
        Request::OpenEmbeddedMessage(message::OpenEmbeddedMessage {
            code_page: 0x0fff,
            open_mode,
        })
    };
    client.ask(SOURCE, PART, open(2));
    client.set(PART, &[(SUBJECT, unicode("Within"))]);
    client.save(PART);
    client.set(SOURCE, &[(NAME, unicode("letter.eml"))]);
    copy_to(&mut client, false, 0, &[]);
    assert_eq!(text(&client.properties(TARGET, &[NAME])[0]), "letter.eml");
    client.ask(TARGET, TABLE, open(0));
    assert_eq!(text(&client.properties(TABLE, &[SUBJECT])[0]), "Within");
    // Of the other number: it stays the second.
    let number = client.properties(TARGET, &[0x0e21_0003]);
    assert_eq!(number[0].outcome, Outcome::Value(Value::Integer32(1)));
    // A message can't be put into one that stands in it.
    client.handles[usize::from(SOURCE)] = client.handles[usize::from(OTHER)];
    client.handles[usize::from(TARGET)] = client.handles[usize::from(PART)];
    assert_eq!(
        client.code(SOURCE, TARGET, copying(0, &[SUBJECT])),
        0x0000_0504
    );
}

#[test]
fn only_like_is_copied_to_like_and_unknown_flags_are_refused() {
    let (house, user, mut client) = ida();
    came(&house, &user, &mut client);
    assert_eq!(
        client.code(SOURCE, OTHER, copying(0, &[SUBJECT])),
        0x8004_0102
    );
    assert_eq!(
        client.code(LOGON, LOGON, copying(0, &[SUBJECT])),
        0x8004_0102
    );
    assert_eq!(
        client.code(SOURCE, TARGET, copying(4, &[SUBJECT])),
        0x8007_0057
    );
    assert_eq!(client.code(SOURCE, 7, copying(0, &[SUBJECT])), 0x0000_0503);
    let progress = Request::Progress(property::ProgressRequest { want_cancel: false });
    assert_eq!(client.code(SOURCE, SOURCE, progress), 0x8004_0102);
}

fn create_folder(client: &mut Client, parent: u8, name: &str, target: u8) {
    let request = Request::CreateFolder(folder::CreateFolder {
        folder_type: 1,
        open_existing: false,
        reserved: 0,
        texts: folder::FolderTexts::Unicode([name.to_owned(), String::new()]),
    });
    client.ask(parent, target, request);
}

#[test]
fn folders_are_copied_with_what_is_in_them() {
    let (house, user, mut client) = ida();
    let top = client.special(3);
    client.open_folder(top, OTHER);
    create_folder(&mut client, OTHER, "From", SOURCE);
    create_folder(&mut client, OTHER, "To", TARGET);
    create_folder(&mut client, SOURCE, "Below", PART);
    client.set(SOURCE, &[(0x3004_001f, unicode("A comment"))]);
    // It can't be called like its sister, which keeps nothing else from being copied.
    let refused = copy_to(&mut client, true, 0, &[]);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].1, 0x8004_0604);
    let told = client.properties(TARGET, &[0x3001_001f, 0x3004_001f]);
    assert_eq!([text(&told[0]), text(&told[1])], ["To", "A comment"]);
    let account = house.engine.account(&user, 7);
    assert_eq!(letters(&account, &["To", "Below"]).unwrap(), []);
    // Once more would make a second of that name.
    let copy = |excluded: &[u32]| {
        Request::CopyTo(property::CopyTo {
            want_asynchronous: false,
            want_sub_objects: true,
            flags: 0,
            excluded: excluded.iter().copied().map(PropertyTag).collect(),
        })
    };
    assert_eq!(client.code(SOURCE, TARGET, copy(&[])), 0x8004_0604);
    assert_eq!(client.code(SOURCE, TARGET, copy(&[0x360e_000d])), 0);
    assert_eq!(client.code(SOURCE, PART, copy(&[])), 0x8004_060b);
}

#[test]
fn locks_and_copies_of_streams() {
    let (_, _, mut client) = ida();
    let folder = inbox(&client);
    client.create_message(folder, false, OTHER);
    client.set(OTHER, &[(BODY, unicode("0123456789"))]);
    let open = |tag, open_mode| {
        let tag = PropertyTag(tag);
        Request::OpenStream(stream::OpenStream { tag, open_mode })
    };
    client.ask(OTHER, SOURCE, open(BODY, 0));
    client.ask(OTHER, TARGET, open(0x1013_0102, 2));
    let region = stream::StreamRegion {
        region_offset: 0,
        region_size: 4,
        lock_flags: 1,
    };
    client.ask(SOURCE, SOURCE, Request::LockRegionStream(region.clone()));
    client.ask(SOURCE, SOURCE, Request::UnlockRegionStream(region.clone()));
    assert_eq!(
        client.code(OTHER, OTHER, Request::LockRegionStream(region)),
        0x8004_0102
    );
    let count = |byte_count| Request::CopyToStream(stream::CopyToStream { byte_count });
    let Response::CopyToStream(copied) = client.ask(SOURCE, TARGET, count(8)) else {
        panic!()
    };
    assert_eq!((copied.read_byte_count, copied.written_byte_count), (8, 8));
    client.ask(SOURCE, PART, Request::CloneStream(Nothing));
    let Response::CopyToStream(copied) = client.ask(PART, TARGET, count(u64::MAX)) else {
        panic!()
    };
    assert_eq!(copied.read_byte_count, 12);
    assert_eq!(client.code(TARGET, SOURCE, count(1)), 0x8007_0005);
    assert_eq!(client.code(SOURCE, 7, count(1)), 0x0000_0503);
    client.ask(TARGET, TARGET, Request::CommitStream(Nothing));
    let told = client.properties(OTHER, &[0x1013_0102]);
    let wanted: Vec<u8> = "0123456789"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(told[0].outcome, Outcome::Value(binary(&wanted)));
}
