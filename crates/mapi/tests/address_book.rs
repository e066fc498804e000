//! The address book as a client sees it: every request over a directory of people, a group, a room
//! and a shared mailbox.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use bytes::Bytes;
use engine::directory::AccountKind;
use engine::directory::administration::AccountChange;
use engine::rehearsal::Rehearsal;
use engine::{AccountId, Settings, User};
use mapi::address_book::{self, Session};
use mapi::autodiscover::response::Place;
use mapi::codec::data::{
    Cell, Guid, Outcome, Property, PropertyTag, Relation, Restriction, TaggedValue, Value,
};
use mapi::codec::nspi::{ColumnsAndRows, PropertyNameInSet, Request, Response, Stat, request};
use mapi::codec::transport::body::Answer;
use mapi::codec::transport::header::RequestType;
use mapi::identity;
use std::sync::Arc;

const SERVER: Guid = Guid(*b"a server's GUID.");
const NAME: PropertyTag = PropertyTag(0x3001_001f);
const ADDRESS: PropertyTag = PropertyTag(0x39fe_001f);
const KIND: PropertyTag = PropertyTag(0x3905_0003);
const ANYTHING: PropertyTag = PropertyTag(0x360c_001f);
const MEMBERS: u32 = 0x8009_000d;
const NOT_FOUND: u32 = 0x8004_010f;
const ACCESS_DENIED: u32 = 0x8007_0005;
const ERRORS_RETURNED: u32 = 0x0004_0380;

const STAT: Stat = Stat {
    sort_type: 0,
    container: 0,
    current_record: 0,
    delta: 0,
    numerical_position: 0,
    total_records: 0,
    code_page: 1252,
    template_locale: 0x409,
    sort_locale: 0x409,
};

struct Town {
    session: Session,
    people: Vec<User>,
}

fn add(house: &Rehearsal, address: &str, kind: AccountKind, name: &str) {
    let engine = &house.engine;
    let account = engine.add_account(address, kind, None).unwrap().wait();
    called(house, account.unwrap(), name);
}

fn called(house: &Rehearsal, account: AccountId, name: &str) {
    let change = AccountChange {
        display_name: Some(name.to_owned()),
        ..AccountChange::default()
    };
    let changed = house.engine.change_account(account, &change).unwrap();
    changed.wait().unwrap();
}

/// Bound as Ida; in order of names: Ida Blå, Öland (a room), Otto von Ida, Sales (shared), Team (a
/// group of Otto and Ida).
fn town() -> Town {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let people = ["ida@example.test", "otto@example.test"].map(|one| house.person(one).unwrap());
    for (user, name) in people.iter().zip(["Ida Blå", "Otto von Ida"]) {
        called(&house, user.account, name);
    }
    add(&house, "sales@example.test", AccountKind::Shared, "Sales");
    add(&house, "oland@example.test", AccountKind::Resource, "Öland");
    let members = ["otto@example.test", "ida@example.test"];
    let engine = &house.engine;
    let made = engine.add_list("team@example.test", Some("Team"), &members);
    made.unwrap().wait().unwrap();
    let place = Arc::new(Place {
        origin: "https://mx.example.test".to_owned(),
        deployment: String::new(),
    });
    let bind = request::Bind {
        flags: 0,
        stat: Some(STAT),
        auxiliary: Bytes::new(),
    };
    let (response, session) = address_book::bind(&bind, &people[0], engine, SERVER, &place);
    let expected = [[0; 8].as_slice(), &SERVER.0, &[0; 4]].concat();
    assert_eq!(response.write().unwrap(), expected);
    Town {
        session: session.unwrap(),
        people: people.to_vec(),
    }
}

impl Town {
    /// What is said to a request, as bytes both ways.
    fn ask(&self, request: &Request) -> Response {
        let kind = request.kind();
        let read = Request::read(kind, &request.write().unwrap()).unwrap();
        let response = self.session.answer(&read).unwrap();
        let bytes = response.write().unwrap();
        assert_eq!(Response::read(kind, &bytes).unwrap(), response);
        response
    }

    fn ida(&self) -> u32 {
        self.people[0].account.0 + 0x10
    }

    fn otto(&self) -> u32 {
        self.people[1].account.0 + 0x10
    }

    /// Minimal ids by address, as names resolve to them.
    fn id(&self, address: &str) -> u32 {
        let (results, rows) = self.resolve(&[address], &[PropertyTag(0x0ff6_0102)]);
        assert_eq!(results, [2], "{address}");
        match &rows[0][0] {
            Value::Binary(bytes) => u32::from_le_bytes(bytes.as_ref().try_into().unwrap()),
            other => panic!("{other:?}"),
        }
    }

    fn rows(&self, stat: Stat, count: u32) -> (u32, Option<Stat>, Vec<String>) {
        let request = Request::QueryRows(request::QueryRows {
            flags: 0,
            stat: Some(stat),
            explicit_table: vec![],
            row_count: count,
            columns: Some(vec![NAME]),
            auxiliary: Bytes::new(),
        });
        let Response::QueryRows(Answer::Said(told)) = self.ask(&request) else {
            panic!("another response");
        };
        (told.error_code, told.stat, names(told.rows))
    }

    fn resolve(&self, typed: &[&str], columns: &[PropertyTag]) -> (Vec<u32>, Vec<Vec<Value>>) {
        let request = Request::ResolveNames(request::ResolveNames {
            reserved: 0x8000_0000,
            stat: Some(STAT),
            tags: Some(columns.to_vec()),
            names: Some(typed.iter().map(|&name| name.to_owned()).collect()),
            auxiliary: Bytes::new(),
        });
        let Response::ResolveNames(Answer::Said(told)) = self.ask(&request) else {
            panic!("another response");
        };
        assert_eq!(told.error_code, 0);
        (told.minimal_ids.unwrap(), cells(told.rows))
    }

    fn matches(&self, asked: request::FindMatches) -> (u32, Vec<String>) {
        match self.ask(&Request::FindMatches(asked)) {
            Response::FindMatches(Answer::Said(told)) => (told.error_code, names(told.rows)),
            other => panic!("{other:?}"),
        }
    }

    fn values(&self, id: u32, tags: Option<Vec<PropertyTag>>) -> (u32, Vec<TaggedValue>) {
        let request = Request::Properties(request::Properties {
            flags: 0,
            stat: Some(Stat {
                current_record: id,
                ..STAT
            }),
            tags,
            auxiliary: Bytes::new(),
        });
        match self.ask(&request) {
            Response::Properties(Answer::Said(told)) => {
                (told.error_code, told.values.unwrap_or_default())
            }
            other => panic!("{other:?}"),
        }
    }
}

fn cells(rows: Option<ColumnsAndRows>) -> Vec<Vec<Value>> {
    let rows = rows.map(|found| found.rows).unwrap_or_default();
    let value = |cell: &Cell| match &cell.outcome {
        Outcome::Value(value) => value.clone(),
        Outcome::Error(code) => Value::ErrorCode(*code),
        Outcome::Absent => Value::Null,
    };
    rows.iter()
        .map(|row| row.0.iter().map(value).collect())
        .collect()
}

fn names(rows: Option<ColumnsAndRows>) -> Vec<String> {
    let name = |row: Vec<Value>| match row.into_iter().next() {
        Some(Value::Unicode(name)) => name,
        other => panic!("{other:?}"),
    };
    cells(rows).into_iter().map(name).collect()
}

const ALL: [&str; 5] = ["Ida Blå", "Öland", "Otto von Ida", "Sales", "Team"];

#[test]
fn rows_come_by_name_and_the_place_moves_behind_them() {
    let town = town();
    let (code, stat, told) = town.rows(STAT, 2);
    assert_eq!(
        (code, told),
        (0, vec![ALL[0].to_owned(), ALL[1].to_owned()])
    );
    let next = stat.unwrap();
    assert_eq!(next.current_record, town.otto());
    assert_eq!((next.numerical_position, next.total_records), (2, 5));
    let (_, stat, told) = town.rows(next, 50);
    assert_eq!(told, &ALL[2..]);
    let end = stat.unwrap();
    assert_eq!((end.current_record, end.numerical_position), (2, 5));
    assert_eq!(town.rows(end, 1).2, Vec::<String>::new());
    let back = Stat { delta: -1, ..end };
    assert_eq!(town.rows(back, 1).2, &ALL[4..]);
    let half = Stat {
        current_record: 1,
        numerical_position: 1,
        total_records: 2,
        ..STAT
    };
    assert_eq!(town.rows(half, 1).2, [ALL[2]]);
}

#[test]
fn places_that_are_none_are_refused_with_their_code() {
    let town = town();
    let place = |current_record| Stat {
        current_record,
        ..STAT
    };
    assert_eq!(town.rows(place(0xffff), 1).0, NOT_FOUND);
    assert_eq!(town.rows(place(1), 1).0, 0x8007_0057);
    assert_eq!(town.rows(STAT, 0).0, 0x8000_4005);
    let elsewhere = Stat {
        container: 0x77,
        ..STAT
    };
    assert_eq!(town.rows(elsewhere, 1).0, 0x8004_0405);
    let wide = Stat {
        code_page: 1200,
        ..STAT
    };
    assert_eq!(town.rows(wide, 1).0, 0x8004_0102);
}

#[test]
fn rows_of_chosen_entries_tell_of_those_that_are_gone_too() {
    let town = town();
    let request = Request::QueryRows(request::QueryRows {
        flags: 0,
        stat: Some(STAT),
        explicit_table: vec![town.otto(), 0xffff],
        row_count: 0,
        columns: Some(vec![NAME, PropertyTag(0x3a17_001f)]),
        auxiliary: Bytes::new(),
    });
    let Response::QueryRows(Answer::Said(told)) = town.ask(&request) else {
        panic!("another response");
    };
    let missing = Value::ErrorCode(NOT_FOUND);
    let rows = cells(told.rows);
    assert_eq!(
        rows[0],
        [Value::Unicode(ALL[2].to_owned()), missing.clone()]
    );
    assert_eq!(rows[1], [missing.clone(), missing]);
}

#[test]
fn a_move_tells_how_far_it_went() {
    let town = town();
    let request = |delta, current_record| {
        Request::UpdateStat(request::UpdateStat {
            reserved: 0,
            stat: Some(Stat {
                delta,
                current_record,
                ..STAT
            }),
            is_delta_requested: true,
            auxiliary: Bytes::new(),
        })
    };
    for (delta, from, moved, row) in [(3, 0, 3, 3), (9, town.otto(), 3, 5), (-9, 2, -5, 0)] {
        let Response::UpdateStat(Answer::Said(told)) = town.ask(&request(delta, from)) else {
            panic!("another response");
        };
        assert_eq!((told.error_code, told.delta), (0, Some(moved)));
        assert_eq!(told.stat.unwrap().numerical_position, row);
    }
}

#[test]
fn one_seeks_by_the_beginning_of_a_name() {
    let town = town();
    let seek = |name: &str, explicit_table| {
        let target = TaggedValue::new(NAME, Value::Unicode(name.to_owned()));
        let request = Request::SeekEntries(request::SeekEntries {
            reserved: 0,
            stat: Some(STAT),
            target: Some(target),
            explicit_table,
            columns: Some(vec![NAME]),
            auxiliary: Bytes::new(),
        });
        match town.ask(&request) {
            Response::SeekEntries(Answer::Said(told)) => (told.error_code, names(told.rows)),
            other => panic!("{other:?}"),
        }
    };
    let told = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(seek("o", None), (0, told(&ALL[1..])));
    assert_eq!(seek("ott", None), (0, told(&ALL[2..])));
    assert_eq!(seek("zz", None), (NOT_FOUND, vec![]));
    let few = vec![town.id("team@example.test"), town.ida()];
    assert_eq!(seek("p", Some(few)), (0, told(&ALL[4..])));
}

/// In Swedish Ö is the last letter, and for who reads English or German a kind of O.
#[test]
fn rows_stand_in_the_order_of_the_language_asked_for() {
    let town = town();
    let swedish = Stat {
        sort_locale: 0x041d,
        ..STAT
    };
    let (_, stat, told) = town.rows(swedish, 50);
    let order = [ALL[0], ALL[2], ALL[3], ALL[4], ALL[1]];
    assert_eq!(told, order);
    assert_eq!(stat.unwrap().numerical_position, 5);
    let seek = |sort_type, sort_locale, name: &str| {
        let target = TaggedValue::new(NAME, Value::Unicode(name.to_owned()));
        let request = Request::SeekEntries(request::SeekEntries {
            reserved: 0,
            stat: Some(Stat {
                sort_type,
                sort_locale,
                ..STAT
            }),
            target: Some(target),
            explicit_table: None,
            columns: Some(vec![NAME]),
            auxiliary: Bytes::new(),
        });
        match town.ask(&request) {
            Response::SeekEntries(Answer::Said(told)) => (told.error_code, names(told.rows)),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(seek(0, 0x041d, "zz").1, [ALL[1]]);
    assert_eq!(seek(0, 0x0407, "ö").1, &ALL[1..]);
    // Nobody keeps how names sound.
    assert_eq!(seek(3, 0x0407, "o").0, 0x8000_4005);
}

#[test]
fn what_is_typed_means_one_several_or_nobody() {
    let town = town();
    let typed = [
        "ida@example.test",
        "=SMTP:OTTO@example.test",
        "ida",
        "von",
        "ida bl",
        "öl",
        "nobody",
        "",
        "Te",
    ];
    let (results, rows) = town.resolve(&typed, &[ADDRESS]);
    // "ida" begins a word of two names.
    assert_eq!(results, [2, 2, 1, 2, 2, 2, 0, 0, 2]);
    let address = |local: &str| vec![Value::Unicode(format!("{local}@example.test"))];
    let expected = ["ida", "otto", "otto", "ida", "oland", "team"].map(address);
    assert_eq!(rows, expected);
    let name = identity::legacy_name(town.people[1].account).to_uppercase();
    assert_eq!(town.resolve(&[&name], &[ADDRESS]).0, [2]);
}

#[test]
fn conditions_choose_rows_and_too_many_are_refused() {
    let town = town();
    let filter = |filter, row_count| request::FindMatches {
        reserved: 0,
        stat: Some(STAT),
        minimal_ids: None,
        interface_option_flags: 0,
        filter,
        property_name: None,
        row_count,
        columns: Some(vec![NAME]),
        auxiliary: Bytes::new(),
    };
    let anything = |text: &str| {
        Restriction::Property(Property {
            relation: Relation::Equal,
            property: ANYTHING,
            value: TaggedValue::new(ANYTHING, Value::Unicode(text.to_owned())),
        })
    };
    let rooms = Restriction::Property(Property {
        relation: Relation::Equal,
        property: KIND,
        value: TaggedValue::new(KIND, Value::Integer32(0x4000_0007)),
    });
    let told = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        town.matches(filter(Some(anything("ida")), 50)),
        (0, told(&[ALL[0], ALL[2]]))
    );
    assert_eq!(
        town.matches(filter(Some(rooms.clone()), 50)),
        (0, told(&[ALL[1]]))
    );
    let both = Restriction::And(vec![rooms, anything("ida")]);
    assert_eq!(town.matches(filter(Some(both), 50)), (0, vec![]));
    assert_eq!(town.matches(filter(None, 50)), (0, told(&ALL)));
    assert_eq!(town.matches(filter(None, 4)), (0x8004_0403, vec![]));
}

#[test]
fn members_and_memberships_are_tables() {
    let town = town();
    let belonging = |current_record, container, property| request::FindMatches {
        reserved: 0,
        stat: Some(Stat {
            current_record,
            container,
            ..STAT
        }),
        minimal_ids: None,
        interface_option_flags: 0,
        filter: None,
        property_name: property,
        row_count: 50,
        columns: Some(vec![NAME]),
        auxiliary: Bytes::new(),
    };
    let team = town.id("team@example.test");
    let told = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };
    let named = |id| {
        Some(PropertyNameInSet {
            set: Guid::default(),
            id,
        })
    };
    let members = (0, told(&[ALL[0], ALL[2]]));
    assert_eq!(town.matches(belonging(team, MEMBERS, None)), members);
    assert_eq!(town.matches(belonging(team, 0, named(0x8009))), members);
    let lists = town.matches(belonging(town.ida(), 0, named(0x8008)));
    assert_eq!(lists, (0, told(&[ALL[4]])));
    let other = town.matches(belonging(team, 0, named(0x8015)));
    assert_eq!(other.0, 0x8004_0405);
}

#[test]
fn an_entry_says_what_clients_need_to_write_to_it() {
    let town = town();
    let wanted = [
        0x3001_001f,
        0x3002_001f,
        0x39fe_001f,
        0x3a00_001e,
        0x800f_101f,
        0x3900_0003,
    ];
    let (code, told) = town.values(town.ida(), Some(wanted.map(PropertyTag).to_vec()));
    assert_eq!(code, 0);
    let told: Vec<Value> = told.into_iter().map(|one| one.value).collect();
    let text = |text: &str| Value::Unicode(text.to_owned());
    assert_eq!(
        told,
        [
            text("Ida Blå"),
            text("EX"),
            text("ida@example.test"),
            Value::String8("ida".into()),
            Value::MultipleUnicode(vec!["SMTP:ida@example.test".to_owned()]),
            Value::Integer32(0),
        ]
    );
    let (code, told) = town.values(town.ida(), Some(vec![PropertyTag(0x3a17_001f)]));
    assert_eq!(code, ERRORS_RETURNED);
    assert_eq!(told[0].tag, PropertyTag(0x3a17_000a));
    assert_eq!(town.values(0xffff, Some(vec![NAME])).0, ERRORS_RETURNED);
    let (code, all) = town.values(town.id("team@example.test"), None);
    assert!(
        code == 0 && all.iter().any(|one| one.tag.0 == MEMBERS),
        "{all:?}"
    );
    let entry = |one: &&TaggedValue| one.tag.0 == 0x0fff_0102;
    let Value::Binary(id) = &all.iter().find(entry).unwrap().value else {
        panic!("no entry id");
    };
    let name = identity::legacy_name(AccountId(town.id("team@example.test") - 0x10));
    let expected = crate::notation::bytes(&format!(
        "00 00 00 00 DC A7 40 C8 C0 42 10 1A B4 B9 08 00 2B 2F E1 82 01 00 00 00 01 00 00 00 \
         \"{name}\" 00"
    ));
    assert_eq!(id.as_ref(), expected);
}

/// What a request that needs no typed look is answered with.
fn said(town: &Town, kind: RequestType, asked: &str) -> Vec<u8> {
    let request = Request::read(kind, &crate::notation::bytes(asked)).unwrap();
    town.ask(&request).write().unwrap()
}

#[test]
fn the_container_is_told_once() {
    let town = town();
    let stat =
        "FF 00000000 00000000 00000000 00000000 00000000 00000000 E4040000 09040000 09040000";
    let first = said(
        &town,
        RequestType::SpecialTable,
        &format!("04 00 00 00 {stat} 00 00 00 00 00"),
    );
    // The example that the reference gives, with its version.
    assert_eq!(
        first,
        crate::notation::bytes(
            "00 00 00 00 | 00 00 00 00 | E4 04 00 00 | FF 01 00 00 00 | FF 01 00 00 00 | 06 00 00 00 |
             02 01 FF 0F FF 1E 00 00 00 00 00 00 00 DC A7 40 C8 C0 42 10 1A B4 B9 08 00 2B 2F E1 82
             01 00 00 00 00 01 00 00 2F 00 | 03 00 00 36 09 00 00 00 | 03 00 05 30 00 00 00 00 |
             03 00 FD FF 00 00 00 00 | 1F 00 01 30 00 | 0B 00 FB FF 00 | 00 00 00 00"
        )
    );
    let known = said(
        &town,
        RequestType::SpecialTable,
        &format!("04 00 00 00 {stat} FF 01 00 00 00 00 00 00 00"),
    );
    assert_eq!(
        known,
        crate::notation::bytes("00000000 00000000 E4040000 FF 01000000 00 00000000")
    );
}

#[test]
fn names_lead_to_entries_and_entries_have_an_order() {
    let town = town();
    let names = [&town.people[1], &town.people[0]].map(|user| identity::legacy_name(user.account));
    let asked = Request::NameToMinimalId(request::NameToMinimalId {
        reserved: 0,
        names: Some(vec![
            names[0].as_str().into(),
            "/o=x".into(),
            names[1].to_uppercase().as_str().into(),
        ]),
        auxiliary: Bytes::new(),
    });
    let Response::NameToMinimalId(Answer::Said(told)) = town.ask(&asked) else {
        panic!("another response");
    };
    assert_eq!(told.minimal_ids, Some(vec![town.otto(), 0, town.ida()]));
    let compare = |first, second| {
        let asked = Request::CompareMinimalIds(request::CompareMinimalIds {
            reserved: 0,
            stat: Some(STAT),
            minimal_id_1: first,
            minimal_id_2: second,
            auxiliary: Bytes::new(),
        });
        match town.ask(&asked) {
            Response::CompareMinimalIds(Answer::Said(told)) => (told.error_code, told.result),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(compare(town.ida(), town.otto()), (0, -1));
    assert_eq!(compare(town.otto(), town.ida()), (0, 1));
    assert_eq!(compare(town.otto(), town.otto()), (0, 0));
    assert_eq!(compare(town.otto(), 0xffff), (0x8000_4005, 0));
    let asked = Request::ResortRestriction(request::ResortRestriction {
        reserved: 0,
        stat: Some(Stat {
            current_record: town.otto(),
            ..STAT
        }),
        minimal_ids: Some(vec![town.otto(), 0xffff, town.ida()]),
        auxiliary: Bytes::new(),
    });
    let Response::ResortRestriction(Answer::Said(told)) = town.ask(&asked) else {
        panic!("another response");
    };
    assert_eq!(told.minimal_ids, Some(vec![town.ida(), town.otto()]));
    let stat = told.stat.unwrap();
    assert_eq!((stat.total_records, stat.numerical_position), (2, 1));
    assert_eq!(stat.current_record, town.otto());
}

#[test]
fn properties_and_columns_are_listed_in_the_form_that_is_wanted() {
    let town = town();
    let list = |minimal_id, flags, code_page| {
        let asked = Request::PropertyList(request::PropertyList {
            flags,
            minimal_id,
            code_page,
            auxiliary: Bytes::new(),
        });
        match town.ask(&asked) {
            Response::PropertyList(Answer::Said(told)) => {
                (told.error_code, told.tags.unwrap_or_default())
            }
            other => panic!("{other:?}"),
        }
    };
    let team = town.id("team@example.test");
    assert!(list(team, 0, 1200).1.contains(&PropertyTag(MEMBERS)));
    assert!(!list(team, 1, 1200).1.contains(&PropertyTag(MEMBERS)));
    assert!(list(team, 0, 1200).1.contains(&NAME));
    assert!(list(team, 0, 1252).1.contains(&PropertyTag(0x3001_001e)));
    assert_eq!(list(0xffff, 0, 1252), (0x8004_0108, vec![]));
    for (flags, expected) in [(0, 0x3001_001e), (0x8000_0000, 0x3001_001f)] {
        let asked = Request::QueryColumns(request::QueryColumns {
            reserved: 0,
            flags,
            auxiliary: Bytes::new(),
        });
        let Response::QueryColumns(Answer::Said(told)) = town.ask(&asked) else {
            panic!("another response");
        };
        assert!(told.columns.unwrap().contains(&PropertyTag(expected)));
    }
}

#[test]
fn addresses_of_mailboxes_follow_from_their_names() {
    let town = town();
    let (_, told) = town.values(town.otto(), Some(vec![PropertyTag(0x8006_001f)]));
    let Value::Unicode(home) = &told[0].value else {
        panic!("{told:?}");
    };
    let ask = |server_name: &str| {
        let asked = Request::MailboxUrl(request::MailboxUrl {
            flags: 0,
            server_name: server_name.to_owned(),
            auxiliary: Bytes::new(),
        });
        match town.ask(&asked) {
            Response::MailboxUrl(Answer::Said(told)) => (told.error_code, told.server_url),
            other => panic!("{other:?}"),
        }
    };
    let id = identity::mailbox_id(SERVER, town.people[1].account, "otto@example.test");
    let url = format!("https://mx.example.test/mapi/emsmdb/?MailboxId={id}");
    assert_eq!(ask(home), (0, url));
    assert_eq!(ask("/o=nobody"), (NOT_FOUND, String::new()));
    let book = |user: &User| {
        let asked = Request::AddressBookUrl(request::AddressBookUrl {
            flags: 0,
            user_name: identity::legacy_name(user.account),
            auxiliary: Bytes::new(),
        });
        match town.ask(&asked) {
            Response::AddressBookUrl(Answer::Said(told)) => (told.error_code, told.server_url),
            other => panic!("{other:?}"),
        }
    };
    let id = identity::mailbox_id(SERVER, town.people[0].account, "ida@example.test");
    let url = format!("https://mx.example.test/mapi/nspi/?MailboxId={id}");
    assert_eq!(book(&town.people[0]), (0, url));
    assert_eq!(book(&town.people[1]).0, NOT_FOUND);
}

#[test]
fn nothing_can_be_changed() {
    let town = town();
    let code = |kind, asked: &str| {
        let bytes = said(&town, kind, asked);
        u32::from_le_bytes(bytes[4..8].try_into().unwrap())
    };
    let links = "00000000 0D001580 12000000 00 00000000";
    assert_eq!(code(RequestType::ModifyLinks, links), ACCESS_DENIED);
    let changes = "00000000 00 00 00 00000000";
    assert_eq!(code(RequestType::ModifyProperties, changes), ACCESS_DENIED);
    assert_eq!(
        address_book::unbound().write().unwrap(),
        crate::notation::bytes("00000000 01000000 00000000")
    );
}

#[test]
fn a_client_is_told_how_to_show_people_and_groups() {
    let town = town();
    let code = |asked: &str| {
        let bytes = said(&town, RequestType::TemplateInfo, asked);
        u32::from_le_bytes(bytes[4..8].try_into().unwrap())
    };
    for (asked, expected) in [
        // Of the other bits nothing follows: [MS-OXOABKT] 4.2 asks with 0x61.
        ("61000000 00000000 00 E4040000 09040000 00000000", 0),
        ("01000000 01000000 00 E4040000 07040000 00000000", 0),
        ("01000000 00020000 00 E4040000 09040000 00000000", 0),
        // Of containers there is none, and nobody has one of their own.
        (
            "01000000 00010000 00 E4040000 09040000 00000000",
            0x8004_011f,
        ),
        (
            "01000000 00000000 FF 2F7800 E4040000 09040000 00000000",
            0x8004_011f,
        ),
        (
            "04000000 00000000 00 E4040000 09040000 00000000",
            0x8004_0102,
        ),
        (
            "01000000 00000000 00 B0040000 09040000 00000000",
            0x8004_011e,
        ),
    ] {
        assert_eq!(code(asked), expected, "{asked}");
    }
}
