//! Tables with headings, and places in them that a client comes back to.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, deliver, house, number, text};
use bytes::Bytes;
use engine::rehearsal::Rehearsal;
use engine::{Flags, Location, Reading, Role, User};
use mapi::codec::data::{
    Content, Outcome, Property, PropertyTag, Relation, Restriction, SortOrder, SortOrderSet,
    TaggedValue, Value,
};
use mapi::codec::rop::folder::OpenTable;
use mapi::codec::rop::{Reply, Request, Response, table};
use mapi::codec::wire::Nothing;

const SUBJECT: PropertyTag = PropertyTag(0x0037_001f);
const SENDER: PropertyTag = PropertyTag(0x0065_001f);
const ROW_TYPE: PropertyTag = PropertyTag(0x0ff5_0003);
const COUNT: PropertyTag = PropertyTag(0x3602_0003);
const UNREAD: PropertyTag = PropertyTag(0x3603_0003);
const INSTANCE: PropertyTag = PropertyTag(0x674d_0014);
const TABLE: u8 = 2;

/// A table of five letters of two people.
fn opened() -> (Rehearsal, Client) {
    let house = house();
    let user = house.person("ida@example.test").unwrap();
    let letters = [("b", "1"), ("a", "2"), ("b", "3"), ("a", "4"), ("b", "5")];
    for (sender, subject) in letters {
        let letter = format!("From: {sender}@x.org\r\nSubject: {subject}\r\n\r\nx\r\n");
        let flags = if subject == "4" {
            Flags::SEEN
        } else {
            Flags::NONE
        };
        deliver(&house, &user, letter.as_bytes(), flags);
    }
    let mut client = Client::new(&house, &user, &user);
    let inbox = client.logon.as_ref().unwrap().folders[4];
    client.open_folder(inbox, 1);
    client.ask(1, TABLE, Request::ContentsTable(OpenTable { flags: 0x40 }));
    (house, client)
}

fn sort(client: &mut Client, expanded_count: u16, orders: &[(PropertyTag, u8)]) {
    let order = |(tag, order): &(PropertyTag, u8)| SortOrder {
        tag: *tag,
        order: *order,
    };
    let orders = SortOrderSet {
        category_count: 1,
        expanded_count,
        orders: orders.iter().map(order).collect(),
    };
    client.ask(
        TABLE,
        TABLE,
        Request::SortTable(table::SortTable { flags: 0, orders }),
    );
}

/// What is shown: headings as `sender*count/unread`, rows by their subjects.
fn shown(client: &mut Client) -> Vec<String> {
    seek(client, 0, 0);
    let rows = client.rows(TABLE, &[ROW_TYPE, SUBJECT, SENDER, COUNT, UNREAD]);
    let told = rows.iter().map(|row| match number(&row[0]) {
        1 => text(&row[1]).to_owned(),
        kind => {
            let open = if kind == 3 { "-" } else { "+" };
            let (count, unread) = (number(&row[3]), number(&row[4]));
            format!("{open}{} {count}/{unread}", text(&row[2]))
        }
    });
    told.collect()
}

fn seek(client: &mut Client, origin: u8, row_count: i32) {
    let request = table::SeekRow {
        origin,
        row_count,
        want_row_moved_count: true,
    };
    client.ask(TABLE, TABLE, Request::SeekRow(request));
}

fn heading(client: &mut Client, which: usize) -> u64 {
    seek(client, 0, 0);
    let rows = client.rows(TABLE, &[INSTANCE]);
    number(&rows[which][0]).cast_unsigned()
}

#[test]
fn rows_stand_below_the_value_they_have_in_common() {
    let (_, mut client) = opened();
    sort(&mut client, 1, &[(SENDER, 0), (SUBJECT, 1)]);
    assert_eq!(
        shown(&mut client),
        ["-a@x.org 2/1", "4", "2", "-b@x.org 3/3", "5", "3", "1"]
    );
    sort(&mut client, 0, &[(SENDER, 1), (SUBJECT, 0)]);
    assert_eq!(shown(&mut client), ["+b@x.org 3/3", "+a@x.org 2/1"]);
}

#[test]
fn headings_may_be_sorted_by_the_greatest_below_them() {
    let (_, mut client) = opened();
    sort(&mut client, 0, &[(SENDER, 0), (SUBJECT, 4)]);
    assert_eq!(shown(&mut client), ["+a@x.org 2/1", "+b@x.org 3/3"]);
    sort(&mut client, 0, &[(SENDER, 1), (SUBJECT, 4)]);
    assert_eq!(shown(&mut client), ["+b@x.org 3/3", "+a@x.org 2/1"]);
}

#[test]
fn a_heading_is_opened_and_closed() {
    let (_, mut client) = opened();
    sort(&mut client, 0, &[(SENDER, 0), (SUBJECT, 0)]);
    let first = heading(&mut client, 0);
    let columns = [SUBJECT];
    let chosen = table::SetColumns {
        flags: 0,
        columns: columns.to_vec(),
    };
    client.ask(TABLE, TABLE, Request::SetColumns(chosen));
    let expand = Request::ExpandRow(table::ExpandRow {
        max_row_count: 1,
        category: first,
    });
    let Reply::Said {
        response: Response::ExpandRow(came),
        ..
    } = client.call(TABLE, TABLE, expand.clone(), &columns)
    else {
        panic!()
    };
    assert_eq!((came.expanded_row_count, came.rows.len()), (2, 1));
    assert_eq!(text(&came.rows[0].0[0]), "2");
    assert!(matches!(
        client.call(TABLE, TABLE, expand, &columns),
        Reply::Refused {
            code: 0x0000_04f8,
            ..
        }
    ));
    assert_eq!(
        shown(&mut client),
        ["-a@x.org 2/1", "2", "4", "+b@x.org 3/3"]
    );
    let collapse = Request::CollapseRow(table::CollapseRow { category: first });
    let Response::CollapseRow(went) = client.ask(TABLE, TABLE, collapse) else {
        panic!()
    };
    assert_eq!(went.collapsed_row_count, 2);
    assert_eq!(shown(&mut client).len(), 2);
}

#[test]
fn which_headings_are_open_is_kept_and_brought_back() {
    let (_, mut client) = opened();
    let orders = [(SENDER, 0), (SUBJECT, 0)];
    sort(&mut client, 0, &orders);
    let second = heading(&mut client, 1);
    let expand = table::ExpandRow {
        max_row_count: 0,
        category: second,
    };
    client.ask(TABLE, TABLE, Request::ExpandRow(expand));
    let open = shown(&mut client);
    let request = table::CollapseStateRequest {
        row: second,
        row_instance: 0,
    };
    let Response::CollapseState(state) = client.ask(TABLE, TABLE, Request::CollapseState(request))
    else {
        panic!()
    };
    client.ask(TABLE, TABLE, Request::ResetTable(Nothing));
    sort(&mut client, 0, &orders);
    assert_eq!(shown(&mut client).len(), 2);
    let Response::SetCollapseState(bookmark) =
        client.ask(TABLE, TABLE, Request::SetCollapseState(state))
    else {
        panic!()
    };
    assert_eq!(shown(&mut client), open);
    assert_eq!(sought(&mut client, bookmark.bookmark, 0), Ok((false, 0)));
    assert_eq!(position(&mut client), (1, 5));
}

fn sought(client: &mut Client, bookmark: Bytes, row_count: i32) -> Result<(bool, i32), u32> {
    let request = Request::SeekRowBookmark(table::SeekRowBookmark {
        bookmark,
        row_count,
        want_row_moved_count: true,
    });
    match client.call(TABLE, TABLE, request, &[]) {
        Reply::Said {
            response: Response::SeekRowBookmark(told),
            ..
        } => Ok((told.row_no_longer_visible, told.rows_sought)),
        Reply::Refused { code, .. } => Err(code),
        other => panic!("{other:?}"),
    }
}

fn position(client: &mut Client) -> (u32, u32) {
    match client.ask(TABLE, TABLE, Request::QueryPosition(Nothing)) {
        Response::QueryPosition(at) => (at.numerator, at.denominator),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bookmark_leads_back_until_it_is_freed_or_the_order_changes() {
    let (_, mut client) = opened();
    seek(&mut client, 0, 3);
    let create =
        |client: &mut Client| match client.ask(TABLE, TABLE, Request::CreateBookmark(Nothing)) {
            Response::CreateBookmark(made) => made.bookmark,
            other => panic!("{other:?}"),
        };
    let bookmark = create(&mut client);
    seek(&mut client, 0, 0);
    assert_eq!(sought(&mut client, bookmark.clone(), 1), Ok((false, 1)));
    assert_eq!(position(&mut client), (4, 5));
    assert_eq!(sought(&mut client, bookmark.clone(), -9), Ok((false, -3)));
    let free = table::Bookmark {
        bookmark: bookmark.clone(),
    };
    client.ask(TABLE, TABLE, Request::FreeBookmark(free));
    assert_eq!(sought(&mut client, bookmark, 0), Err(0x8004_0405));
    let other = create(&mut client);
    sort(&mut client, 1, &[(SENDER, 0)]);
    assert_eq!(sought(&mut client, other, 0), Err(0x8004_0405));
}

#[test]
fn a_part_of_a_table_is_a_place_in_it() {
    let (_, mut client) = opened();
    for (numerator, denominator, place) in [(1, 2, 2), (0, 7, 0), (9, 9, 5), (9, 8, 5)] {
        let part = table::Fraction {
            numerator,
            denominator,
        };
        client.ask(TABLE, TABLE, Request::SeekRowFractional(part));
        assert_eq!(position(&mut client), (place, 5));
    }
    let Response::QueryColumnsAll(all) =
        client.ask(TABLE, TABLE, Request::QueryColumnsAll(Nothing))
    else {
        panic!()
    };
    assert!(all.columns.contains(&SUBJECT));
    let rows = client.rows(TABLE, &[ROW_TYPE]);
    assert!(rows.is_empty());
    seek(&mut client, 0, 0);
    let rows = client.rows(TABLE, &[ROW_TYPE]);
    let is_row = |outcome: &Outcome| *outcome == Outcome::Value(Value::Integer32(1));
    assert!(rows.iter().all(|row| is_row(&row[0].outcome)));
}

fn ida(house: &Rehearsal) -> User {
    let address = "ida@example.test";
    User {
        account: house.number(address).unwrap(),
        address: address.to_owned(),
        administrator: false,
    }
}

fn code(client: &mut Client, request: Request) -> u32 {
    client.code(TABLE, TABLE, request)
}

/// Looks for a letter of that subject; where it stands, or the error.
fn found(client: &mut Client, (flags, origin): (u8, u8), bookmark: &Bytes, wanted: &str) -> u32 {
    let restriction = Restriction::Property(Property {
        relation: Relation::Equal,
        property: SUBJECT,
        value: TaggedValue::new(SUBJECT, Value::Unicode(wanted.to_owned())),
    });
    let request = Request::FindRow(table::FindRow {
        flags,
        restriction: Some(restriction),
        origin,
        bookmark: bookmark.clone(),
    });
    match client.call(TABLE, TABLE, request, &[SUBJECT]) {
        Reply::Said {
            response: Response::FindRow(found),
            ..
        } => {
            assert_eq!(text(&found.row.unwrap().0[0]), wanted);
            position(client).0
        }
        Reply::Refused { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_row_is_looked_for_from_either_end_from_here_and_from_a_bookmark() {
    const NOT_FOUND: u32 = 0x8004_010f;
    const INVALID_BOOKMARK: u32 = 0x8004_0405;
    let (_, mut client) = opened();
    client.rows(TABLE, &[SUBJECT]);
    sort_plainly(&mut client, SUBJECT);
    let none = Bytes::new();
    assert_eq!(found(&mut client, (0, 0), &none, "4"), 3);
    assert_eq!(found(&mut client, (0, 1), &none, "5"), 4, "from here");
    assert_eq!(
        found(&mut client, (0, 1), &none, "4"),
        NOT_FOUND,
        "it stands before"
    );
    assert_eq!(found(&mut client, (1, 1), &none, "4"), 3, "backwards");
    assert_eq!(
        found(&mut client, (1, 2), &none, "1"),
        0,
        "backwards from the end"
    );
    seek(&mut client, 0, 2);
    let bookmark = match client.ask(TABLE, TABLE, Request::CreateBookmark(Nothing)) {
        Response::CreateBookmark(made) => made.bookmark,
        other => panic!("{other:?}"),
    };
    seek(&mut client, 0, 0);
    assert_eq!(found(&mut client, (0, 3), &bookmark, "3"), 2);
    assert_eq!(found(&mut client, (0, 3), &bookmark, "2"), NOT_FOUND);
    assert_eq!(found(&mut client, (1, 3), &bookmark, "2"), 1);
    assert_eq!(found(&mut client, (0, 3), &none, "2"), INVALID_BOOKMARK);
}

fn sort_plainly(client: &mut Client, tag: PropertyTag) {
    let orders = SortOrderSet {
        category_count: 0,
        expanded_count: 0,
        orders: vec![SortOrder { tag, order: 0 }],
    };
    let request = table::SortTable { flags: 0, orders };
    client.ask(TABLE, TABLE, Request::SortTable(request));
}

#[test]
fn a_bookmark_of_a_row_that_went_leads_to_its_place_and_says_so() {
    let (house, mut client) = opened();
    client.rows(TABLE, &[SUBJECT]);
    seek(&mut client, 0, 1);
    let Response::CreateBookmark(made) = client.ask(TABLE, TABLE, Request::CreateBookmark(Nothing))
    else {
        panic!()
    };
    let user = ida(&house);
    let account = house.engine.account(&user, 9);
    let (uid, _) = house.inbox("ida@example.test").unwrap()[3];
    let inbox = account.read().unwrap().folder_with_role(Role::Inbox);
    let inbox = inbox.unwrap().unwrap().0;
    let done = account.write(|txn| txn.expunge(Location::mail(inbox, uid)));
    done.unwrap().wait().unwrap();
    assert_eq!(sought(&mut client, made.bookmark, 1), Ok((true, 1)));
    assert_eq!(position(&mut client), (2, 4));
}

#[test]
fn work_on_a_table_is_done_at_once_so_that_none_is_to_be_ended() {
    let (_, mut client) = opened();
    match client.ask(TABLE, TABLE, Request::Status(Nothing)) {
        Response::Status(status) => assert_eq!(status.table_status, 0, "TBLSTAT_COMPLETE"),
        other => panic!("{other:?}"),
    }
    assert_eq!(code(&mut client, Request::Abort(Nothing)), 0x8004_0114);
    for request in [Request::Status(Nothing), Request::Abort(Nothing)] {
        assert_eq!(
            client.code(1, 1, request),
            0x8004_0102,
            "a folder is no table"
        );
    }
}

#[test]
fn a_table_that_is_reset_is_as_it_was_when_it_was_opened() {
    let (_, mut client) = opened();
    sort(&mut client, 0, &[(SENDER, 0)]);
    let about = Restriction::Exist(SUBJECT);
    let request = table::Restrict {
        flags: 0,
        restriction: Some(about),
    };
    client.ask(TABLE, TABLE, Request::Restrict(request));
    client.rows(TABLE, &[SUBJECT]);
    client.ask(TABLE, TABLE, Request::ResetTable(Nothing));
    assert_eq!(position(&mut client), (0, 5));
    let rows = Request::QueryRows(table::QueryRows {
        flags: 0,
        is_forward: true,
        row_count: 1,
    });
    assert_eq!(code(&mut client, rows), 0x0000_04b9, "it has no columns");
    assert_eq!(
        shown(&mut client),
        ["5", "4", "3", "2", "1"],
        "the latest first"
    );
}

#[test]
fn what_has_no_parts_has_no_fraction() {
    let (_, mut client) = opened();
    let part = table::Fraction {
        numerator: 1,
        denominator: 0,
    };
    assert_eq!(
        code(&mut client, Request::SeekRowFractional(part)),
        0x8004_0405
    );
}

#[test]
fn a_heading_is_closed_once_and_only_where_there_are_some() {
    const NOT_SUPPORTED: u32 = 0x8004_0102;
    let (_, mut client) = opened();
    client.rows(TABLE, &[SUBJECT]);
    let close = |category| Request::CollapseRow(table::CollapseRow { category });
    assert_eq!(code(&mut client, close(1)), NOT_SUPPORTED);
    let request = table::CollapseStateRequest {
        row: 0,
        row_instance: 0,
    };
    assert_eq!(
        code(&mut client, Request::CollapseState(request)),
        NOT_SUPPORTED
    );
    sort(&mut client, 1, &[(SENDER, 0), (SUBJECT, 0)]);
    let first = heading(&mut client, 0);
    assert_eq!(code(&mut client, close(first)), 0);
    assert_eq!(code(&mut client, close(first)), 0x0000_04f7, "it is closed");
    assert_eq!(
        code(&mut client, close(first ^ 1)),
        0x8004_010f,
        "there is none of that name"
    );
}

/// The subjects of what fulfils a condition, or the error.
fn restricted(client: &mut Client, restriction: Restriction) -> Result<Vec<String>, u32> {
    let request = table::Restrict {
        flags: 0,
        restriction: Some(restriction),
    };
    match code(client, Request::Restrict(request)) {
        0 => Ok(shown(client)),
        code => Err(code),
    }
}

#[test]
fn a_count_shows_the_first_rows_that_fulfil_the_condition() {
    let (house, mut client) = opened();
    sort_plainly(&mut client, SUBJECT);
    let sender = Restriction::Content(Content {
        fuzzy_low: 2,
        fuzzy_high: 1,
        property: SENDER,
        value: TaggedValue::new(SENDER, Value::Unicode("B@".to_owned())),
    });
    let count = |count, inner: &Restriction| Restriction::Count(count, Box::new(inner.clone()));
    assert_eq!(
        restricted(&mut client, count(2, &sender)).unwrap(),
        ["1", "3"]
    );
    let user = ida(&house);
    deliver(
        &house,
        &user,
        b"From: b@x.org\r\nSubject: 0\r\n\r\nx\r\n",
        Flags::NONE,
    );
    assert_eq!(shown(&mut client), ["0", "1"], "it is alive");
    assert_eq!(
        restricted(&mut client, count(9, &sender)).unwrap(),
        ["0", "1", "3", "5"]
    );
    assert!(
        restricted(&mut client, count(0, &sender))
            .unwrap()
            .is_empty()
    );
    let within = Restriction::Not(Box::new(count(2, &sender)));
    assert_eq!(
        restricted(&mut client, within),
        Err(0x8004_0117),
        "MAPI_E_TOO_COMPLEX"
    );
    assert_eq!(shown(&mut client).len(), 0, "it stays as it was");
}
