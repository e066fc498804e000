//! A client looks at a mailbox: it logs on, walks the folders, reads letters.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, deliver, house, logon_request, number, text};
use engine::rehearsal::Rehearsal;
use engine::{Flags, User};
use mapi::codec::data::{
    Cell, Content, EntryId, ObjectId, Outcome, PropertyTag, Restriction, SortOrder, SortOrderSet,
    TaggedValue, TypedString, Value,
};
use mapi::codec::rop::{
    Call, Reply, Request, Response, folder, logon, message, stream, table, transfer,
};
use mapi::codec::wire::{Form, Nothing, decode};
use proptest::prelude::*;

const NAME: PropertyTag = PropertyTag(0x3001_001f);
const FOLDER: PropertyTag = PropertyTag(0x6748_0014);
const MESSAGE: PropertyTag = PropertyTag(0x674a_0014);
const SUBJECT: PropertyTag = PropertyTag(0x0037_001f);
const NOT_FOUND: u32 = 0x8004_010f;
const NULL_OBJECT: u32 = 0x0000_04b9;

const HELLO: &[u8] = b"From: =?utf-8?q?Bj=C3=B6rn?= <bob@example.org>\r\n\
To: Ida <ida@example.test>, otto@example.test\r\nCc: Carol <c@y.net>\r\n\
Subject: RE: Hello\r\nDate: Wed, 18 Nov 2026 10:15:30 +0000\r\nMessage-ID: <1@example.org>\r\n\
MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n\
--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
Gr=C3=BC=C3=9Fe\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Hi</p>\r\n--b--\r\n";

fn ida() -> (Rehearsal, User, Client) {
    let house = house();
    let user = house.person("ida@example.test").unwrap();
    deliver(&house, &user, HELLO, Flags(0));
    let client = Client::new(&house, &user, &user);
    (house, user, client)
}

fn inbox(client: &Client) -> ObjectId {
    client.logon.as_ref().unwrap().folders[4]
}

fn open_inbox(client: &mut Client) -> u32 {
    let inbox = inbox(client);
    client.open_folder(inbox, 1);
    let table = Request::ContentsTable(folder::OpenTable { flags: 0x40 });
    match client.ask(1, 2, table) {
        Response::ContentsTable(count) => count.row_count,
        other => panic!("{other:?}"),
    }
}

fn id(cell: &Cell) -> ObjectId {
    decode(&number(cell).to_le_bytes(), Form::Rop).unwrap()
}

fn open_message(client: &mut Client, message: ObjectId) -> message::MessageHead {
    let request = message::OpenMessage {
        code_page: 0x0fff,
        folder: inbox(client),
        open_mode: 3,
        message,
    };
    match client.ask(0, 3, Request::OpenMessage(request)) {
        Response::OpenMessage(head) => head,
        other => panic!("{other:?}"),
    }
}

fn open_hello(client: &mut Client) -> message::MessageHead {
    open_inbox(client);
    let rows = client.rows(2, &[MESSAGE]);
    open_message(client, id(&rows[0][0]))
}

#[test]
fn a_logon_tells_thirteen_folders_that_stay_the_same() {
    let (house, user, client) = ida();
    let first = client.logon.unwrap();
    let mut counters: Vec<_> = first.folders.iter().map(|id| id.counter.number()).collect();
    counters.sort_unstable();
    counters.dedup();
    assert_eq!(counters.len(), 13);
    assert!(!counters.contains(&0));
    assert_eq!(first.response_flags, 7);
    let again = Client::new(&house, &user, &user).logon.unwrap();
    assert_eq!(
        (again.folders, again.mailbox),
        (first.folders, first.mailbox)
    );
}

#[test]
fn nobody_else_opens_a_mailbox_that_shares_nothing() {
    let (house, ida, _) = ida();
    let otto = house.person("otto@example.test").unwrap();
    let mut client = Client::connected(&house, &otto);
    let refused =
        |client: &mut Client, request| match client.call(0, 0, Request::Logon(request), &[]) {
            Reply::Refused { code, .. } => code,
            other => panic!("{other:?}"),
        };
    assert_eq!(refused(&mut client, logon_request(&ida)), 0x8007_0005);
    let mut unknown = logon_request(&ida);
    unknown.name = Some("/o=elsewhere/cn=ida".into());
    assert_eq!(refused(&mut client, unknown), 0x0000_03eb);
}

#[test]
fn the_hierarchy_shows_the_folders_of_people() {
    let (_, _, mut client) = ida();
    let subtree = client.logon.as_ref().unwrap().folders[3];
    client.open_folder(subtree, 1);
    client.ask(
        1,
        2,
        Request::HierarchyTable(folder::OpenTable { flags: 0x04 }),
    );
    let class = PropertyTag(0x3613_001f);
    let rows = client.rows(2, &[NAME, FOLDER, class]);
    let names: Vec<_> = rows.iter().map(|row| text(&row[0])).collect();
    assert_eq!(
        names,
        ["Drafts", "Inbox", "Junk", "Outbox", "Sent", "Trash"]
    );
    assert!(rows.iter().all(|row| text(&row[2]) == "IPF.Note"));
    let inbox = inbox(&client);
    assert_eq!(id(&rows[1][1]), inbox);
}

#[test]
fn a_folder_counts_its_letters_and_names_itself_by_entry_id() {
    let (_, _, mut client) = ida();
    let inbox = inbox(&client);
    client.open_folder(inbox, 1);
    let told = client.properties(
        1,
        &[
            0x3602_0003,
            0x3603_0003,
            0x0fff_0102,
            0x36d7_0102,
            0x9999_001f,
        ],
    );
    assert_eq!((number(&told[0]), number(&told[1])), (1, 1));
    let Outcome::Value(Value::Binary(entry)) = &told[2].outcome else {
        panic!("{told:?}")
    };
    let Ok(EntryId::Folder(entry)) = EntryId::from_bytes(entry) else {
        panic!("{entry:?}")
    };
    assert_eq!(entry.counter, inbox.counter);
    assert_eq!(entry.provider, client.logon.as_ref().unwrap().mailbox);
    assert!(
        matches!(&told[3].outcome, Outcome::Value(Value::Binary(drafts)) if drafts.len() == 46)
    );
    assert_eq!(told[4].outcome, Outcome::Error(NOT_FOUND));
}

#[test]
fn a_letter_shows_what_a_list_needs() {
    let (_, _, mut client) = ida();
    assert_eq!(open_inbox(&mut client), 1);
    let columns = [
        SUBJECT,
        PropertyTag(0x0042_001f),
        PropertyTag(0x0065_001f),
        PropertyTag(0x0e04_001f),
        PropertyTag(0x0e03_001f),
        PropertyTag(0x0e07_0003),
        PropertyTag(0x001a_001f),
        PropertyTag(0x1000_001f),
    ];
    let rows = client.rows(2, &columns);
    let texts: Vec<_> = rows[0][..5].iter().map(text).collect();
    assert_eq!(
        texts,
        [
            "RE: Hello",
            "Björn",
            "bob@example.org",
            "Ida; otto@example.test",
            "Carol"
        ]
    );
    assert_eq!(number(&rows[0][5]), 0x0002);
    assert_eq!(text(&rows[0][6]), "IPM.Note");
    // Bodies are read from the letter itself.
    assert_eq!(rows[0][7].outcome, Outcome::Error(NOT_FOUND));
}

#[test]
fn an_opened_letter_tells_subject_recipients_and_text() {
    let (_, _, mut client) = ida();
    let head = open_hello(&mut client);
    assert_eq!(head.subject_prefix, TypedString::new("RE: "));
    assert_eq!(head.normalized_subject, TypedString::new("Hello"));
    let kinds: Vec<_> = head
        .recipients
        .iter()
        .map(|row| row.recipient_type)
        .collect();
    assert_eq!((head.recipient_count, kinds), (3, vec![1, 1, 2]));
    let told = client.properties(
        3,
        &[
            0x1000_001f,
            0x1000_001e,
            0x1013_0102,
            0x1035_001f,
            0x0037_0000,
        ],
    );
    assert_eq!(text(&told[0]).trim_end(), "Grüße");
    assert!(matches!(
        &told[1].outcome,
        Outcome::Value(Value::String8(narrow)) if narrow.0.starts_with(b"Gr\xfc\xdfe")
    ));
    assert!(matches!(
        &told[2].outcome,
        Outcome::Value(Value::Binary(html)) if html.starts_with(b"<p>Hi</p>")
    ));
    assert_eq!(text(&told[3]), "<1@example.org>");
    assert_eq!(text(&told[4]), "RE: Hello");
}

#[test]
fn all_properties_are_those_of_the_list() {
    let (_, _, mut client) = ida();
    open_hello(&mut client);
    let all = Request::PropertiesAll(mapi::codec::rop::property::PropertiesAll {
        property_bytes_max: 0,
        want_unicode: 1,
    });
    let Response::PropertiesAll(all) = client.ask(3, 3, all) else {
        panic!()
    };
    let Response::PropertiesList(list) = client.ask(3, 3, Request::PropertiesList(Nothing)) else {
        panic!()
    };
    let tags: Vec<_> = all.values.iter().map(|value| value.tag).collect();
    assert_eq!(tags, list.tags);
    assert!(tags.contains(&SUBJECT) && tags.contains(&PropertyTag(0x1013_0102)));
}

#[test]
fn a_stream_is_read_in_pieces_from_where_it_stands() {
    let (_, _, mut client) = ida();
    open_hello(&mut client);
    let tag = PropertyTag(0x1013_0102);
    let opened = client.ask(
        3,
        4,
        Request::OpenStream(stream::OpenStream { tag, open_mode: 0 }),
    );
    let Response::OpenStream(size) = opened else {
        panic!("{opened:?}")
    };
    let read = |client: &mut Client, count| {
        let byte_count = stream::ReadSize::Usual(count);
        match client.ask(4, 4, Request::ReadStream(stream::ReadStream { byte_count })) {
            Response::ReadStream(told) => told.data,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(read(&mut client, 3), b"<p>".as_slice());
    let rest = read(&mut client, 0xffff);
    assert_eq!(3 + rest.len(), usize::try_from(size.stream_size).unwrap());
    assert!(read(&mut client, 10).is_empty());
    client.ask(
        4,
        4,
        Request::SeekStream(stream::SeekStream {
            origin: 0,
            offset: 3,
        }),
    );
    assert_eq!(read(&mut client, 2), b"Hi".as_slice());
}

fn letter(subject: &str) -> Vec<u8> {
    format!("From: a@x.org\r\nSubject: {subject}\r\n\r\nx\r\n").into_bytes()
}

#[test]
fn a_table_is_sorted_and_read_in_buffers_that_fit() {
    let (house, user, mut client) = ida();
    for number in 0..60 {
        let subject = format!("{:02} {}", (number * 37) % 60, "long ".repeat(40));
        deliver(&house, &user, &letter(&subject), Flags(0));
    }
    assert_eq!(open_inbox(&mut client), 61);
    let orders = SortOrderSet {
        category_count: 0,
        expanded_count: 0,
        orders: vec![SortOrder {
            tag: SUBJECT,
            order: 1,
        }],
    };
    client.ask(
        2,
        2,
        Request::SortTable(table::SortTable { flags: 0, orders }),
    );
    let rows = client.rows(2, &[SUBJECT]);
    let subjects: Vec<_> = rows.iter().map(|row| text(&row[0]).to_owned()).collect();
    let mut sorted = subjects.clone();
    sorted.sort_by_key(|subject| std::cmp::Reverse(subject.to_lowercase()));
    assert_eq!(subjects, sorted);
    assert_eq!(subjects.len(), 61);
    // Rows tell no more than 255 units of a text.
    assert!(
        subjects
            .iter()
            .all(|subject| subject.encode_utf16().count() <= 255)
    );
}

#[test]
fn the_cursor_stops_at_both_ends() {
    let (_, _, mut client) = ida();
    open_inbox(&mut client);
    let seek = |client: &mut Client, origin, row_count| {
        let request = table::SeekRow {
            origin,
            row_count,
            want_row_moved_count: true,
        };
        match client.ask(2, 2, Request::SeekRow(request)) {
            Response::SeekRow(sought) => (sought.has_sought_less, sought.rows_sought),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(seek(&mut client, 0, 5), (true, 1));
    assert_eq!(seek(&mut client, 2, -1), (false, -1));
    assert_eq!(seek(&mut client, 1, -1), (true, 0));
}

#[test]
fn rows_are_not_told_before_columns_were_chosen() {
    let (_, _, mut client) = ida();
    open_inbox(&mut client);
    let rows = Request::QueryRows(table::QueryRows {
        flags: 0,
        is_forward: true,
        row_count: 1,
    });
    assert!(matches!(
        client.call(2, 2, rows, &[]),
        Reply::Refused {
            code: NULL_OBJECT,
            ..
        }
    ));
}

#[test]
fn what_builds_on_a_failed_operation_fails_alone() {
    let (_, _, mut client) = ida();
    let call = |input, target, request| Call {
        logon_id: 0,
        input,
        target,
        request,
    };
    let inbox = inbox(&client);
    let unknown = ObjectId {
        counter: mapi::codec::data::GlobalCounter::new(99_999).unwrap(),
        ..inbox
    };
    let open = |folder| {
        Request::OpenFolder(folder::OpenFolder {
            folder,
            open_mode: 0,
        })
    };
    let table = || Request::ContentsTable(folder::OpenTable { flags: 0 });
    let calls = [
        call(0, 1, open(unknown)),
        call(1, 2, table()),
        call(0, 3, open(inbox)),
        call(3, 4, table()),
        call(4, 4, Request::Release(Nothing)),
    ];
    let replies = client.send(&calls, 0x1_0008, &[]);
    let codes: Vec<_> = replies
        .iter()
        .map(|reply| match reply {
            Reply::Said { code, .. } | Reply::Refused { code, .. } => *code,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(codes, [NOT_FOUND, NULL_OBJECT, 0, 0]);
    assert_eq!(client.handles[1], u32::MAX);
    assert_eq!(client.handles[4], u32::MAX);
    assert_ne!(client.handles[3], u32::MAX);
}

#[test]
fn what_is_not_done_yet_is_refused_in_its_own_form() {
    let (_, _, mut client) = ida();
    let data = bytes::Bytes::new();
    let put = Request::FastTransferDestinationPutBuffer(transfer::TransferData { data });
    assert!(matches!(
        client.call(0, 0, put, &[]),
        Reply::Said {
            code: 0x8004_0102,
            response: Response::FastTransferDestinationPutBuffer(_),
            ..
        }
    ));
    let state = client.call(0, 0, Request::SynchronizationGetTransferState(Nothing), &[]);
    assert!(matches!(
        state,
        Reply::Refused {
            code: 0x8004_0102,
            ..
        }
    ));
}

#[test]
fn what_finds_no_room_comes_back_undone() {
    let (_, _, mut client) = ida();
    let ask = || Call {
        logon_id: 0,
        input: 0,
        target: 0,
        request: Request::LongTermIdFromId(logon::ShortId { id: inbox(&client) }),
    };
    let calls: Vec<_> = (0..60).map(|_| ask()).collect();
    let replies = client.send(&calls, 1500, &[]);
    let Some(Reply::BufferTooSmall { requests, .. }) = replies.last() else {
        panic!("{replies:?}");
    };
    let left = mapi::codec::rop::buffer::read_calls(requests).unwrap();
    assert_eq!(replies.len() - 1 + left.len(), 60);
    assert_eq!(left[0].call, calls[0]);
}

#[test]
fn classes_of_mail_are_received_in_the_inbox() {
    let (_, _, mut client) = ida();
    let inbox = inbox(&client);
    for (class, explicit) in [
        ("IPM.Note", "IPM"),
        ("", ""),
        ("report.ipm.note.ndr", "REPORT.IPM"),
        ("IPMX", ""),
    ] {
        let request = Request::ReceiveFolder(logon::MessageClass {
            message_class: class.into(),
        });
        let Response::ReceiveFolder(told) = client.ask(0, 0, request) else {
            panic!()
        };
        assert_eq!(
            (told.folder, told.message_class),
            (inbox, explicit.into()),
            "{class}"
        );
    }
    let wrong = Request::ReceiveFolder(logon::MessageClass {
        message_class: "IPM..Note".into(),
    });
    assert!(matches!(
        client.call(0, 0, wrong, &[]),
        Reply::Refused {
            code: 0x8007_0057,
            ..
        }
    ));
}

/// The ids of the letters in the Inbox, as a table tells them now.
fn ids(client: &mut Client) -> Vec<ObjectId> {
    open_inbox(client);
    let rows = client.rows(2, &[MESSAGE]);
    rows.iter().map(|row| id(&row[0])).collect()
}

fn unread(client: &mut Client) -> i64 {
    let inbox = inbox(client);
    client.open_folder(inbox, 5);
    number(&client.properties(5, &[0x3603_0003])[0])
}

#[test]
fn letters_are_marked_read_and_unread() {
    let (house, user, mut client) = ida();
    deliver(&house, &user, &letter("two"), Flags(0));
    let all = ids(&mut client);
    let mark = |client: &mut Client, read_flags, messages: &[ObjectId]| {
        let request = Request::SetReadFlags(message::SetReadFlags {
            want_asynchronous: false,
            read_flags,
            messages: messages.to_vec(),
        });
        match client.ask(1, 1, request) {
            Response::SetReadFlags(told) => told.is_partial,
            other => panic!("{other:?}"),
        }
    };
    assert!(!mark(&mut client, 1, &all[..1]));
    assert_eq!(unread(&mut client), 1);
    // Receipts alone change nothing; no list means all.
    assert!(!mark(&mut client, 0x10, &all));
    assert_eq!(unread(&mut client), 1);
    assert!(!mark(&mut client, 0, &[]));
    assert_eq!(unread(&mut client), 0);
    open_message(&mut client, all[0]);
    let flag = message::SetMessageReadFlag { read_flags: 4 };
    client.ask(3, 1, Request::SetMessageReadFlag(flag));
    assert_eq!(unread(&mut client), 1);
    // All other protocols see the same.
    let letters = house.inbox("ida@example.test").unwrap();
    let seen = letters
        .iter()
        .filter(|(_, row)| row.flags.contains(Flags::SEEN));
    assert_eq!(seen.count(), 1);
}

#[test]
fn what_is_deleted_is_gone_for_all_and_told_once() {
    let (house, _, mut client) = ida();
    let all = ids(&mut client);
    let delete = |client: &mut Client| {
        let request = Request::DeleteMessages(folder::DeleteMessages {
            want_asynchronous: false,
            notify_non_read: false,
            messages: all.clone(),
        });
        match client.ask(1, 1, request) {
            Response::DeleteMessages(told) => told.is_partial,
            other => panic!("{other:?}"),
        }
    };
    assert!(!delete(&mut client));
    assert!(house.inbox("ida@example.test").unwrap().is_empty());
    assert_eq!(ids(&mut client), []);
    assert!(delete(&mut client));
}

#[test]
fn a_moved_letter_has_a_new_number_where_it_comes_to() {
    let (house, _, mut client) = ida();
    let all = ids(&mut client);
    let trash = client.logon.as_ref().unwrap().folders[7];
    let transfer = |client: &mut Client, want_copy| {
        let request = Request::MoveCopyMessages(folder::MoveCopyMessages {
            messages: all.clone(),
            want_asynchronous: false,
            want_copy,
        });
        client.call(1, 6, request, &[])
    };
    assert!(matches!(
        transfer(&mut client, true),
        Reply::NoDestination { destination: 6, .. }
    ));
    client.open_folder(trash, 6);
    assert!(matches!(
        transfer(&mut client, true),
        Reply::Said { code: 0, .. }
    ));
    assert_eq!(ids(&mut client), all);
    assert!(matches!(
        transfer(&mut client, false),
        Reply::Said { code: 0, .. }
    ));
    assert!(house.inbox("ida@example.test").unwrap().is_empty());
    client.ask(6, 7, Request::ContentsTable(folder::OpenTable { flags: 0 }));
    let rows = client.rows(7, &[MESSAGE]);
    let there: Vec<_> = rows.iter().map(|row| id(&row[0])).collect();
    assert_eq!(there.len(), 2);
    assert!(!there.contains(&all[0]));
}

#[test]
fn recipients_that_found_no_room_are_read_afterwards() {
    let (house, user, mut client) = ida();
    let many: Vec<_> = (0..400)
        .map(|number| format!("p{number:03}@example.org"))
        .collect();
    let letter = format!("To: {}\r\nSubject: all\r\n\r\nx\r\n", many.join(",\r\n "));
    deliver(&house, &user, letter.as_bytes(), Flags(0));
    let newest = ids(&mut client)[0];
    let head = open_message(&mut client, newest);
    assert_eq!(head.recipient_count, 400);
    let mut told = head.recipients.len();
    assert!(told > 0 && told < 400);
    while told < 400 {
        let request = message::ReadRecipients {
            row: u32::try_from(told).unwrap(),
            reserved: 0,
        };
        let request = Request::ReadRecipients(request);
        let Reply::Said {
            response: Response::ReadRecipients(more),
            ..
        } = client.call(3, 3, request, &head.recipient_columns)
        else {
            panic!()
        };
        assert_eq!(usize::try_from(more.rows[0].row).unwrap(), told);
        told += more.rows.len();
    }
    assert_eq!(told, 400);
}

fn about(wanted: &str) -> Restriction {
    Restriction::Content(Content {
        fuzzy_low: 1,
        fuzzy_high: 1,
        property: SUBJECT,
        value: TaggedValue::new(SUBJECT, Value::Unicode(wanted.to_owned())),
    })
}

#[test]
fn a_table_shows_what_fulfils_its_restriction_until_it_is_reset() {
    let (house, user, mut client) = ida();
    for subject in ["apple", "Pear", "apple pie"] {
        deliver(&house, &user, &letter(subject), Flags(0));
    }
    open_inbox(&mut client);
    let mut shown = |request: Request| {
        client.ask(2, 2, request);
        let rows = client.rows(2, &[SUBJECT]);
        rows.iter()
            .map(|row| text(&row[0]).to_owned())
            .collect::<Vec<_>>()
    };
    let restrict = |restriction| {
        Request::Restrict(table::Restrict {
            flags: 0,
            restriction,
        })
    };
    assert_eq!(
        shown(restrict(Some(about("APPLE")))),
        ["apple pie", "apple"]
    );
    let not = Restriction::Not(Box::new(about("apple")));
    assert_eq!(shown(restrict(Some(not))), ["Pear", "RE: Hello"]);
    assert_eq!(shown(restrict(None)).len(), 4);
    assert_eq!(
        shown(restrict(Some(about("nothing")))),
        Vec::<String>::new()
    );
    assert_eq!(shown(Request::ResetTable(Nothing)).len(), 4);
}

#[test]
fn a_row_is_found_from_where_the_table_stands() {
    let (house, user, mut client) = ida();
    for subject in ["apple", "pear", "apple"] {
        deliver(&house, &user, &letter(subject), Flags(0));
    }
    open_inbox(&mut client);
    client.rows(2, &[SUBJECT]);
    let find = |client: &mut Client, flags, origin, wanted| {
        let request = table::FindRow {
            flags,
            restriction: Some(about(wanted)),
            origin,
            bookmark: bytes::Bytes::new(),
        };
        let reply = client.call(2, 2, Request::FindRow(request), &[SUBJECT]);
        let found = matches!(
            reply,
            Reply::Said {
                response: Response::FindRow(_),
                ..
            }
        );
        let Response::QueryPosition(at) = client.ask(2, 2, Request::QueryPosition(Nothing)) else {
            panic!()
        };
        (found, at.numerator)
    };
    assert_eq!(find(&mut client, 0, 0, "apple"), (true, 0));
    assert_eq!(find(&mut client, 0, 1, "pear"), (true, 1));
    assert_eq!(find(&mut client, 1, 2, "apple"), (true, 2));
    assert_eq!(find(&mut client, 0, 1, "pear"), (false, 2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever a client sends, it gets an answer within its bound, and the session goes on.
    #[test]
    fn any_operations_are_answered(
        picks in prop::collection::vec((0_usize..8, 0_u8..6, 0_u8..6), 0..30),
        max in 600_u32..40_000,
    ) {
        let (_, _, mut client) = ida();
        let inbox = inbox(&client);
        let requests = [
            Request::OpenFolder(folder::OpenFolder { folder: inbox, open_mode: 0 }),
            Request::HierarchyTable(folder::OpenTable { flags: 4 }),
            Request::ContentsTable(folder::OpenTable { flags: 0 }),
            Request::SetColumns(table::SetColumns { flags: 0, columns: vec![SUBJECT, MESSAGE] }),
            Request::QueryRows(table::QueryRows { flags: 0, is_forward: false, row_count: 3 }),
            Request::PropertiesList(Nothing),
            Request::Release(Nothing),
            Request::QueryPosition(Nothing),
        ];
        let calls: Vec<_> = picks
            .iter()
            // The logon at 0 stays, so that there is something to go on with.
            .filter(|(pick, input, target)| (*pick != 6 || *input != 0) && *target != 0)
            .map(|(pick, input, target)| Call {
                logon_id: 0,
                input: *input,
                target: if matches!(requests[*pick], Request::OpenFolder(_) | Request::HierarchyTable(_) | Request::ContentsTable(_)) { *target } else { *input },
                request: requests[*pick].clone(),
            })
            .collect();
        client.send(&calls, max, &[SUBJECT, MESSAGE]);
        prop_assert_eq!(open_inbox(&mut client), 1);
    }
}
