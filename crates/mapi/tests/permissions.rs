//! Who may do what in a folder, seen and changed row by row.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, house, number, text};
use engine::{Reading, Rights, Role, User};
use mapi::codec::data::{AddressBookEntryId, EntryId, PropertyTag, TaggedValue, Value};
use mapi::codec::rop::folder::OpenTable;
use mapi::codec::rop::stream::{ModifyRows, RowChange};
use mapi::codec::rop::{Reply, Request};
use mapi::identity;

const MEMBER: PropertyTag = PropertyTag(0x6671_0014);
const NAME: PropertyTag = PropertyTag(0x6672_001f);
const RIGHTS: PropertyTag = PropertyTag(0x6673_0003);
const ENTRY: PropertyTag = PropertyTag(0x0fff_0102);

const FOLDER: u8 = 1;
const TABLE: u8 = 2;

fn rows(client: &mut Client) -> Vec<(i64, String, i64)> {
    let open = OpenTable { flags: 2 };
    client.ask(FOLDER, TABLE, Request::PermissionsTable(open));
    let rows = client.rows(TABLE, &[MEMBER, NAME, RIGHTS]);
    let row = |row: &Vec<_>| (number(&row[0]), text(&row[1]).to_owned(), number(&row[2]));
    rows.iter().map(row).collect()
}

fn change(flags: u8, values: Vec<(PropertyTag, Value)>) -> Request {
    let values = values.into_iter();
    let values = values.map(|(tag, value)| TaggedValue::new(tag, value));
    let row = RowChange {
        flags,
        values: values.collect(),
    };
    Request::ModifyPermissions(ModifyRows {
        flags: 2,
        rows: vec![row],
    })
}

fn entry(user: &User) -> Value {
    let entry = AddressBookEntryId::new(0, &identity::legacy_name(user.account));
    Value::Binary(EntryId::AddressBook(entry).to_bytes().into())
}

#[test]
fn members_are_added_changed_and_removed() {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    let otto = house.person("otto@example.test").unwrap();
    let mut client = Client::new(&house, &ida, &ida);
    let inbox = client.logon.as_ref().unwrap().folders[4];
    client.open_folder(inbox, FOLDER);
    let reserved = [(0, String::new(), 0), (-1, "Anonymous".to_owned(), 0)];
    assert_eq!(rows(&mut client), reserved);
    let reviewer = vec![(ENTRY, entry(&otto)), (RIGHTS, Value::Integer32(0x401))];
    client.ask(FOLDER, FOLDER, change(1, reviewer));
    let all = rows(&mut client);
    let (member, name, rights) = all[2].clone();
    assert_eq!((name.as_str(), rights), ("otto@example.test", 0x401));
    // It holds for whatever way the other comes.
    let shared = house.engine.account_of(&otto, ida.account, 5).unwrap();
    let view = shared.read().unwrap();
    let (folder, _) = view.folder_with_role(Role::Inbox).unwrap().unwrap();
    assert!(view.rights(folder).unwrap().contains(Rights::READ));
    assert!(!view.rights(folder).unwrap().contains(Rights::INSERT));
    drop(view);
    let editor = vec![
        (MEMBER, Value::Integer64(member)),
        (RIGHTS, Value::Integer32(0x47b)),
    ];
    client.ask(FOLDER, FOLDER, change(2, editor));
    assert_eq!(rows(&mut client)[2].2, 0x47b);
    client.ask(
        FOLDER,
        FOLDER,
        change(4, vec![(MEMBER, Value::Integer64(member))]),
    );
    assert_eq!(rows(&mut client), reserved);
    let unknown = change(4, vec![(MEMBER, Value::Integer64(member))]);
    assert!(matches!(
        client.call(FOLDER, FOLDER, unknown, &[]),
        Reply::Refused {
            code: 0x8004_010f,
            ..
        }
    ));
}
