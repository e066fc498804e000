//! What is to be done with messages that come: seen and changed row by row.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, binary, house, number, unicode};
use bytes::Bytes;
use engine::rehearsal::Rehearsal;
use engine::{Grant, Grantee, Reading, Rights, Role, User};
use mapi::codec::data::{Cell, ObjectId, Outcome, PropertyTag, Restriction, TaggedValue, Value};
use mapi::codec::rop::folder::{OpenFolder, OpenTable};
use mapi::codec::rop::stream::{ModifyRows, RowChange, UpdateDeferredActionMessages};
use mapi::codec::rop::{Reply, Request, Response};

const ID: PropertyTag = PropertyTag(0x6674_0014);
const SEQUENCE: PropertyTag = PropertyTag(0x6676_0003);
const STATE: PropertyTag = PropertyTag(0x6677_0003);
const USER_FLAGS: PropertyTag = PropertyTag(0x6678_0003);
const CONDITION: PropertyTag = PropertyTag(0x6679_00fd);
const ACTIONS: PropertyTag = PropertyTag(0x6680_00fe);
const PROVIDER: PropertyTag = PropertyTag(0x6681_001f);
const NAME: PropertyTag = PropertyTag(0x6682_001f);
const LEVEL: PropertyTag = PropertyTag(0x6683_0003);
const PROVIDER_DATA: PropertyTag = PropertyTag(0x6684_0102);

const FOLDER: u8 = 1;
const TABLE: u8 = 2;
const MESSAGE: u8 = 3;

const ADD: u8 = 1;
const MODIFY: u8 = 2;
const REMOVE: u8 = 4;
const REPLACE: u8 = 1;

fn ida() -> (Rehearsal, User, Client) {
    let house = house();
    let user = house.person("ida@example.test").unwrap();
    let mut client = Client::new(&house, &user, &user);
    let inbox = client.special(4);
    client.open_folder(inbox, FOLDER);
    (house, user, client)
}

type Values = Vec<(PropertyTag, Value)>;

fn change(flags: u8, rows: Vec<(u8, Values)>) -> Request {
    let row = |(flags, values): (u8, Values)| RowChange {
        flags,
        values: values
            .into_iter()
            .map(|(tag, value)| TaggedValue::new(tag, value))
            .collect(),
    };
    Request::ModifyRules(ModifyRows {
        flags,
        rows: rows.into_iter().map(row).collect(),
    })
}

/// Forwards to someone: an action with a list of recipients in it.
fn forward() -> Value {
    let block = [
        &[0x07][..],
        &[0; 8],
        &[
            0x01, 0x00, 0x01, 0x01, 0x00, 0x1f, 0x00, 0x01, 0x30, 0x41, 0x00, 0x00, 0x00,
        ],
    ];
    Value::RuleActions(vec![Bytes::from(block.concat()), delete_block()])
}

fn delete_block() -> Bytes {
    Bytes::from_static(&[0x0a, 0, 0, 0, 0, 0, 0, 0, 0])
}

fn condition() -> Value {
    Value::Restriction(Box::new(Restriction::And(vec![
        Restriction::Exist(PropertyTag(0x0037_001f)),
        Restriction::Not(Box::new(Restriction::Exist(PropertyTag(0x007d_001f)))),
    ])))
}

fn rule(name: &str, sequence: i32) -> Values {
    vec![
        (PROVIDER, unicode("RuleOrganizer")),
        (NAME, unicode(name)),
        (SEQUENCE, Value::Integer32(sequence)),
        (STATE, Value::Integer32(0x11)),
        (USER_FLAGS, Value::Integer32(4)),
        (LEVEL, Value::Integer32(0)),
        (CONDITION, condition()),
        (ACTIONS, forward()),
        (PROVIDER_DATA, binary(b"\x01\x00opaque")),
    ]
}

fn rows(client: &mut Client, columns: &[PropertyTag]) -> Vec<Vec<Cell>> {
    client.ask(
        FOLDER,
        TABLE,
        Request::RulesTable(OpenTable { flags: 0x40 }),
    );
    client.rows(TABLE, columns)
}

fn names(client: &mut Client) -> Vec<(i64, String)> {
    let rows = rows(client, &[ID, NAME]);
    let row = |row: &Vec<Cell>| (number(&row[0]), crate::client::text(&row[1]).to_owned());
    rows.iter().map(row).collect()
}

fn has_rules(client: &mut Client) -> bool {
    let folder = client.special(4);
    let open = OpenFolder {
        folder,
        open_mode: 0,
    };
    match client.ask(0, FOLDER, Request::OpenFolder(open)) {
        Response::OpenFolder(opened) => opened.has_rules,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_rule_comes_back_byte_for_byte() {
    let (house, user, mut client) = ida();
    assert!(!has_rules(&mut client));
    client.ask(FOLDER, FOLDER, change(0, vec![(ADD, rule("One", 10))]));
    assert!(has_rules(&mut client));
    // Another session finds it, too.
    let mut client = Client::new(&house, &user, &user);
    let inbox = client.special(4);
    client.open_folder(inbox, FOLDER);
    let wanted = rule("One", 10);
    let columns: Vec<_> = wanted.iter().map(|(tag, _)| *tag).collect();
    let told = rows(&mut client, &columns);
    let values = wanted.into_iter().map(|(_, value)| Outcome::Value(value));
    let outcomes: Vec<_> = told[0].iter().map(|cell| cell.outcome.clone()).collect();
    assert_eq!(outcomes, values.collect::<Vec<_>>());
    let told = client.properties(FOLDER, &[0x663a_000b]);
    assert_eq!(told[0].outcome, Outcome::Value(Value::Boolean(true)));
}

#[test]
fn rules_are_added_changed_removed_and_told_in_their_order() {
    let (_, _, mut client) = ida();
    let both = vec![(ADD, rule("Second", 20)), (ADD, rule("First", 10))];
    client.ask(FOLDER, FOLDER, change(0, both));
    let all = names(&mut client);
    let of = |all: &[(i64, String)]| all.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>();
    assert_eq!(of(&all), ["First", "Second"]);
    let id = |place: usize| (ID, Value::Integer64(all[place].0));
    let later = vec![id(0), (SEQUENCE, Value::Integer32(30))];
    client.ask(FOLDER, FOLDER, change(0, vec![(MODIFY, later)]));
    assert_eq!(of(&names(&mut client)), ["Second", "First"]);
    client.ask(FOLDER, FOLDER, change(0, vec![(REMOVE, vec![id(1)])]));
    assert_eq!(of(&names(&mut client)), ["First"]);
    // No number is given twice.
    client.ask(FOLDER, FOLDER, change(REPLACE, vec![(ADD, rule("New", 1))]));
    let replaced = names(&mut client);
    assert_eq!(of(&replaced), ["New"]);
    assert!(all.iter().all(|(id, _)| *id < replaced[0].0));
    client.ask(FOLDER, FOLDER, change(REPLACE, Vec::new()));
    assert_eq!(names(&mut client), []);
    assert!(!has_rules(&mut client));
}

#[test]
fn what_is_no_rule_is_refused_with_all_that_came_with_it() {
    let (_, _, mut client) = ida();
    let without = |tag: PropertyTag| {
        let mut values = rule("Wrong", 1);
        values.retain(|(known, _)| *known != tag);
        values
    };
    let with = |tag: PropertyTag, value: Value| {
        let mut values = without(tag);
        values.push((tag, value));
        values
    };
    let unknown = vec![(ID, Value::Integer64(77))];
    let no_action = Value::RuleActions(vec![Bytes::from_static(&[0x0c, 0, 0, 0, 0, 0, 0, 0, 0])]);
    let wrong = [
        (ADD, without(PROVIDER), 0x8007_0057),
        (ADD, without(ACTIONS), 0x8007_0057),
        (ADD, with(ACTIONS, no_action), 0x8007_0057),
        (
            ADD,
            with(ACTIONS, Value::RuleActions(Vec::new())),
            0x8007_0057,
        ),
        (3, rule("Both", 1), 0x8007_0057),
        (MODIFY, without(ID), 0x8007_0057),
        (MODIFY, unknown.clone(), 0x8004_010f),
        (REMOVE, unknown, 0x8004_010f),
    ];
    for (flags, values, code) in wrong {
        let rows = vec![(ADD, rule("Right", 1)), (flags, values)];
        let refused = client.call(FOLDER, FOLDER, change(0, rows), &[]);
        let Reply::Refused { code: told, .. } = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(told, code);
        assert_eq!(names(&mut client), []);
    }
    let flags = Request::RulesTable(OpenTable { flags: 1 });
    assert_eq!(client.code(FOLDER, TABLE, flags), 0x8004_0102);
}

#[test]
fn a_folder_has_only_so_many_rules() {
    let (_, _, mut client) = ida();
    let long = || {
        let mut values = rule("Long", 1);
        values.push((PROVIDER_DATA, binary(&vec![7; 20_000])));
        values
    };
    let mut codes = Vec::new();
    for _ in 0..40 {
        codes.push(client.code(FOLDER, FOLDER, change(0, vec![(ADD, long())])));
    }
    assert_eq!((codes[0], codes[39]), (0, 0x8007_000e));
    let kept = codes.iter().filter(|code| **code == 0).count();
    assert_eq!(names(&mut client).len(), kept);
}

#[test]
fn who_may_only_write_into_a_folder_makes_no_rules_for_it() {
    let (house, ida, _) = ida();
    let otto = house.person("otto@example.test").unwrap();
    let own = house.engine.account(&ida, 7);
    let inbox = own
        .read()
        .unwrap()
        .folder_with_role(Role::Inbox)
        .unwrap()
        .unwrap()
        .0;
    let rights = Rights(Rights::READ.0 | Rights::VISIBLE.0 | Rights::WRITE_FLAGS.0);
    let grant = Grant {
        member: 1,
        grantee: Grantee::Account(otto.account),
        rights,
    };
    own.write(|txn| txn.set_grants(inbox, vec![grant]))
        .unwrap()
        .wait()
        .unwrap();
    let mut guest = Client::new(&house, &otto, &ida);
    let folder = guest.special(4);
    guest.open_folder(folder, FOLDER);
    let added = change(0, vec![(ADD, rule("Mine", 1))]);
    assert_eq!(guest.code(FOLDER, FOLDER, added), 0x8007_0005);
}

#[test]
fn what_a_rule_left_to_the_client_is_told_where_its_message_went() {
    let (_, _, mut client) = ida();
    let deferred: ObjectId = client.special(1);
    let class = "IPC.Microsoft Exchange 4.0.Deferred Action";
    for original in [b"here", b"else"] {
        client.create_message(deferred, false, MESSAGE);
        let values = [
            (0x001a_001f, unicode(class)),
            (0x6646_0102, binary(original)),
        ];
        client.set(MESSAGE, &values);
        client.save(MESSAGE);
    }
    let moved = UpdateDeferredActionMessages {
        server_entry_id: Bytes::from_static(b"here"),
        client_entry_id: Bytes::from_static(b"there"),
    };
    client.ask(0, 0, Request::UpdateDeferredActionMessages(moved));
    client.open_folder(deferred, FOLDER);
    let mut told = Vec::new();
    for message in client.messages(FOLDER, 0, TABLE) {
        client.open_message(message, MESSAGE);
        let cells = client.properties(MESSAGE, &[0x6646_0102, 0x6647_000b]);
        told.push([cells[0].outcome.clone(), cells[1].outcome.clone()]);
    }
    let missing = Outcome::Error(0x8004_010f);
    let left = [Outcome::Value(binary(b"else")), missing];
    let patched = [
        Outcome::Value(binary(b"there")),
        Outcome::Value(Value::Boolean(true)),
    ];
    assert!(told.contains(&left) && told.contains(&patched), "{told:?}");
}
