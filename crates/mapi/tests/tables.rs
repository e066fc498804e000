//! Tables with headings, and places in them that a client comes back to.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

mod client;

use bytes::Bytes;
use client::{Client, deliver, house, number, text};
use engine::Flags;
use engine::rehearsal::Rehearsal;
use mapi::codec::data::{Outcome, PropertyTag, SortOrder, SortOrderSet, Value};
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
