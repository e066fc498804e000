//! A client sends.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

mod client;

use client::{Client, house};
use engine::rehearsal::{Rehearsal, letters};
use engine::{Flags, User};
use mapi::codec::data::{
    AddressKind, AddressTexts, PropertyRow, PropertyTag, RecipientRow, RecipientTexts, TaggedValue,
    Value, X500Address,
};
use mapi::codec::rop::{Reply, Request, Response, message, property};
use mapi::codec::wire::Nothing;
use mapi::identity;

const LOGON: u8 = 0;
const MESSAGE: u8 = 1;

fn ida_and_otto() -> (Rehearsal, User, User, Client) {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    let otto = house.person("otto@example.test").unwrap();
    let client = Client::new(&house, &ida, &ida);
    (house, ida, otto, client)
}

fn write(client: &mut Client, values: &[(u32, &str)]) {
    let folder = client.logon.as_ref().unwrap().folders[5];
    let create = message::CreateMessage {
        code_page: 0x0fff,
        folder,
        is_associated: false,
    };
    client.ask(LOGON, MESSAGE, Request::CreateMessage(create));
    let text = |(tag, text): &(u32, &str)| {
        TaggedValue::new(PropertyTag(*tag), Value::Unicode((*text).to_owned()))
    };
    let values = property::Properties {
        values: values.iter().map(text).collect(),
    };
    let request = property::SetProperties { values };
    client.ask(MESSAGE, MESSAGE, Request::SetProperties(request));
}

fn to(client: &mut Client, people: Vec<(u8, AddressKind, Option<&str>)>) {
    let row = |(row, (recipient_type, kind, address)): (u32, (u8, AddressKind, Option<&str>))| {
        let texts = AddressTexts {
            email: address.map(str::to_owned),
            display_name: Some("Someone".to_owned()),
            simple_name: None,
            transmittable_name: None,
        };
        message::ModifyRecipientRow {
            row,
            recipient_type,
            recipient: Some(RecipientRow {
                kind,
                texts: RecipientTexts::Unicode(texts),
                is_transmittable_same: true,
                is_responsible: false,
                has_no_rich_info: false,
                properties: PropertyRow::default(),
            }),
        }
    };
    let request = message::ModifyRecipients {
        columns: Vec::new(),
        rows: (0..).zip(people).map(row).collect(),
    };
    client.ask(MESSAGE, MESSAGE, Request::ModifyRecipients(request));
}

fn submit(client: &mut Client) -> u32 {
    let request = Request::SubmitMessage(property::SubmitMessage { flags: 0 });
    match client.call(MESSAGE, MESSAGE, request, &[]) {
        Reply::Said { code, .. } | Reply::Refused { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

fn of(house: &Rehearsal, user: &User, folder: &str) -> Vec<(Flags, String)> {
    letters(&house.engine.account(user, 7), &[folder]).unwrap()
}

#[test]
fn a_message_goes_to_all_and_only_the_senders_copy_tells_who_was_hidden() {
    let (house, ida, otto, mut client) = ida_and_otto();
    write(
        &mut client,
        &[(0x0037_001f, "Hello"), (0x1000_001f, "Dear both\r\n")],
    );
    let x500 = X500Address {
        prefix_used: 0,
        display_type: 0,
        name: identity::legacy_name(otto.account).as_str().into(),
    };
    to(
        &mut client,
        vec![
            (1, AddressKind::X500(x500), None),
            (3, AddressKind::Smtp, Some("hidden@elsewhere.example")),
        ],
    );
    assert_eq!(submit(&mut client), 0);
    let came = of(&house, &otto, "Inbox");
    let letter = &came[0].1;
    assert_eq!((came.len(), came[0].0), (1, Flags::NONE));
    assert!(
        letter.contains("Dear both") && letter.contains("ida@example.test"),
        "{letter}"
    );
    assert!(
        letter.contains("otto@example.test") && !letter.contains("hidden@"),
        "{letter}"
    );
    let sent = of(&house, &ida, "Sent");
    assert_eq!((sent.len(), sent[0].0), (1, Flags::SEEN));
    assert!(
        sent[0].1.contains("hidden@elsewhere.example"),
        "{}",
        sent[0].1
    );
    assert_eq!(of(&house, &ida, "Outbox"), []);
    // The one elsewhere waits in the queue of who sent it.
    let queued = house.engine.queue_length().unwrap();
    assert_eq!(queued, 1);
}

#[test]
fn nobody_writes_in_the_name_of_another_here() {
    let (house, _, otto, mut client) = ida_and_otto();
    let from = [(0x0064_001f, "SMTP"), (0x0065_001f, "otto@example.test")];
    write(&mut client, &from);
    to(
        &mut client,
        vec![(1, AddressKind::Smtp, Some("otto@example.test"))],
    );
    assert_eq!(submit(&mut client), 0x0000_04dc);
    assert_eq!(of(&house, &otto, "Inbox"), []);
}

#[test]
fn a_message_to_nobody_or_to_who_is_not_known_stays() {
    let (house, ida, _, mut client) = ida_and_otto();
    write(&mut client, &[]);
    assert_eq!(submit(&mut client), 0x8004_0607);
    to(
        &mut client,
        vec![(1, AddressKind::Smtp, Some("nobody@example.test"))],
    );
    assert_eq!(submit(&mut client), 0x0000_0467);
    assert_eq!(of(&house, &ida, "Sent"), []);
}

#[test]
fn a_spooler_finds_what_it_asks_for() {
    let (_, _, _, mut client) = ida_and_otto();
    let outbox = client.logon.as_ref().unwrap().folders[5];
    let Response::TransportFolder(told) =
        client.ask(LOGON, LOGON, Request::TransportFolder(Nothing))
    else {
        panic!()
    };
    assert_eq!(told.folder, outbox);
    let Response::AddressTypes(types) = client.ask(LOGON, LOGON, Request::AddressTypes(Nothing))
    else {
        panic!()
    };
    assert_eq!(types.0.len(), 2);
    client.ask(LOGON, LOGON, Request::SetSpooler(Nothing));
}
