//! A client sends.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, house, text};
use engine::directory::administration::AccountChange;
use engine::examination::{Decision, Examination, Examine, Examined, Refusal};
use engine::queue::{Attempt, EntryKey, NextHop, Reason, RecipientResult, Status, Verdict};
use engine::rehearsal::{Rehearsal, letters};
use engine::{
    EngineError, FlagChange, FlagSet, Flags, Grant, Grantee, Location, Reading, Rights, Role,
    Settings, Shelf, Timestamp, Transfer, User,
};
use mapi::codec::data::{
    AddressKind, AddressTexts, FileTime, ObjectId, PropertyRow, PropertyTag, RecipientRow,
    RecipientTexts, TaggedValue, Value, X500Address,
};
use mapi::codec::rop::{Reply, Request, Response, folder, message, property};
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
    to_more(client, 0, people);
}

/// The same, where others stand before them.
fn to_more(client: &mut Client, first: u32, people: Vec<(u8, AddressKind, Option<&str>)>) {
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
        rows: (first..).zip(people).map(row).collect(),
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

/// Lets another do this among the letters that someone has sent.
fn grant(house: &Rehearsal, owner: &User, to: &User, rights: Rights) {
    let account = house.engine.account(owner, 5);
    let view = account.read().unwrap();
    let (sent, _) = view.folder_with_role(Role::Sent).unwrap().unwrap();
    drop(view);
    let grant = Grant {
        member: 1,
        grantee: Grantee::Account(to.account),
        rights,
    };
    let done = account.write(|txn| txn.set_grants(sent, vec![grant]));
    done.unwrap().wait().unwrap();
}

const FILING: Rights = Rights(Rights::VISIBLE.0 | Rights::INSERT.0 | Rights::POST.0);

/// A message of Otto's that Ida writes.
fn write_for_otto(client: &mut Client) {
    let from = [
        (0x0064_001f, "SMTP"),
        (0x0065_001f, "otto@example.test"),
        (0x0042_001f, "Otto"),
        (0x1000_001f, "For him\r\n"),
    ];
    write(client, &from);
    to(
        client,
        vec![(1, AddressKind::Smtp, Some("otto@example.test"))],
    );
}

/// The field of that name in the only letter that came to someone.
fn field(house: &Rehearsal, user: &User, name: &str) -> Option<String> {
    let came = of(house, user, "Inbox");
    assert_eq!(came.len(), 1);
    let mut lines = came[0].1.lines().take_while(|line| !line.is_empty());
    lines.find_map(|line| line.strip_prefix(name).map(str::to_owned))
}

#[test]
fn who_may_file_what_another_sent_writes_on_their_behalf_and_says_so() {
    let (house, ida, otto, mut client) = ida_and_otto();
    grant(&house, &otto, &ida, FILING);
    write_for_otto(&mut client);
    assert_eq!(submit(&mut client), 0);
    let from = field(&house, &otto, "From: ").unwrap();
    let sender = field(&house, &otto, "Sender: ").unwrap();
    assert!(from.contains("otto@example.test"), "{from}");
    assert!(sender.contains("ida@example.test"), "{sender}");
}

#[test]
fn who_also_says_who_may_writes_as_that_other() {
    let (house, ida, otto, mut client) = ida_and_otto();
    grant(&house, &otto, &ida, FILING | Rights::ADMINISTER);
    write_for_otto(&mut client);
    assert_eq!(submit(&mut client), 0);
    let from = field(&house, &otto, "From: ").unwrap();
    assert!(from.contains("otto@example.test"), "{from}");
    assert_eq!(field(&house, &otto, "Sender: "), None);
}

#[test]
fn who_may_only_read_what_another_sent_does_not_write_for_them() {
    let (house, ida, otto, mut client) = ida_and_otto();
    grant(&house, &otto, &ida, Rights::VISIBLE | Rights::READ);
    write_for_otto(&mut client);
    assert_eq!(submit(&mut client), 0x0000_04dc);
    assert_eq!(of(&house, &otto, "Inbox"), []);
}

/// Finds fault with letters that say so.
#[derive(Debug)]
struct Suspicious;

impl Examine for Suspicious {
    fn examine(&self, letter: &Examination) -> Examined {
        let header = String::from_utf8_lossy(&letter.header).into_owned();
        assert!(header.ends_with("\r\n\r\n"), "{header}");
        assert_eq!(letter.submitter.as_ref().unwrap().address, letter.sender);
        let no = Refusal::new("7.1", "no");
        let decision = match header {
            header if header.contains("Subject: virus") => Decision::Refuse(no),
            header if header.contains("Subject: later") => Decision::Defer(no),
            _ => Decision::Accept,
        };
        Examined {
            decision,
            ..Examined::default()
        }
    }
}

#[test]
fn what_is_sent_is_looked_at_before_it_is_taken() {
    let (house, ida, otto, mut client) = ida_and_otto();
    let session = std::mem::replace(&mut client.session, Client::connected(&house, &ida).session);
    client.session = session.examined_by(std::sync::Arc::new(Suspicious));
    for (subject, code) in [("virus", 0x0000_07ee), ("later", 0x0000_0480), ("fine", 0)] {
        write(&mut client, &[(0x0037_001f, subject)]);
        let otto = vec![(1, AddressKind::Smtp, Some("otto@example.test"))];
        to(&mut client, otto);
        assert_eq!(submit(&mut client), code, "{subject}");
    }
    // What was refused stays where it was written, still a draft.
    assert_eq!(of(&house, &otto, "Inbox").len(), 1);
    assert_eq!(of(&house, &ida, "Sent").len(), 1);
    let left = of(&house, &ida, "Outbox");
    assert_eq!(left.len(), 2);
    assert!(
        left.iter()
            .all(|(flags, _)| *flags == Flags::DRAFT | Flags::SEEN)
    );
}

#[test]
fn a_letter_that_can_not_be_filed_is_not_sent() {
    let (house, ida, otto, mut client) = ida_and_otto();
    let folder = identity::folder_id(engine::FolderId(0xffff));
    let mut server_id = vec![1_u8];
    server_id.extend(folder.replica.to_le_bytes());
    server_id.extend(folder.counter.bytes());
    server_id.extend([0; 12]);
    write(&mut client, &[(0x0037_001f, "Nowhere")]);
    let nowhere = (0x6740_00fb, Value::ServerId(server_id.into()));
    assert_eq!(client.set(MESSAGE, &[nowhere]), []);
    let otto_too = vec![(1, AddressKind::Smtp, Some("otto@example.test"))];
    to(&mut client, otto_too);
    assert_eq!(submit(&mut client), 0x8004_010f);
    assert_eq!(of(&house, &otto, "Inbox"), []);
    assert_eq!(of(&house, &ida, "Sent"), []);
}

/// A message of Ida's to Otto with these values.
fn write_to_otto(client: &mut Client, values: &[(u32, Value)]) {
    write(client, &[(0x0037_001f, "Filed")]);
    assert_eq!(client.set(MESSAGE, values), []);
    let otto = vec![(1, AddressKind::Smtp, Some("otto@example.test"))];
    to(client, otto);
}

/// `RopTransportSend`, which is answered without properties.
fn transport_send(client: &mut Client) -> property::TransportSent {
    match client.ask(MESSAGE, MESSAGE, Request::TransportSend(Nothing)) {
        Response::TransportSend(sent) => sent,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_copy_goes_to_the_folder_that_the_message_names() {
    let (house, ida, otto, mut client) = ida_and_otto();
    let made = house
        .engine
        .account(&ida, 7)
        .write(|txn| txn.create_path(&["Projects"], Role::None));
    let folder = made.unwrap().wait().unwrap();
    let id = identity::folder_id(folder);
    let mut server_id = vec![1_u8];
    server_id.extend(id.replica.to_le_bytes());
    server_id.extend(id.counter.bytes());
    server_id.extend([0; 12]);
    write_to_otto(
        &mut client,
        &[(0x6740_00fb, Value::ServerId(server_id.into()))],
    );
    assert_eq!(transport_send(&mut client).0, None);
    assert_eq!(of(&house, &otto, "Inbox").len(), 1);
    assert_eq!(of(&house, &ida, "Projects").len(), 1);
    assert_eq!(of(&house, &ida, "Sent"), []);
    assert_eq!(of(&house, &ida, "Outbox"), []);
}

#[test]
fn a_message_that_is_to_be_deleted_afterwards_leaves_no_copy() {
    let (house, ida, otto, mut client) = ida_and_otto();
    write_to_otto(&mut client, &[(0x0e01_000b, Value::Boolean(true))]);
    assert_eq!(submit(&mut client), 0);
    assert_eq!(of(&house, &otto, "Inbox").len(), 1);
    assert_eq!(of(&house, &ida, "Sent"), []);
    assert_eq!(of(&house, &ida, "Outbox"), []);
}

/// Lets a mailbox hold no more than this.
fn limit(house: &Rehearsal, user: &User, bytes: u64) {
    let change = AccountChange {
        quota_bytes: Some(Some(bytes)),
        ..AccountChange::default()
    };
    let done = house.engine.change_account(user.account, &change);
    done.unwrap().wait().unwrap();
}

#[test]
fn who_has_no_room_can_not_send_and_who_is_full_can_not_be_written_to() {
    let (house, ida, otto, mut client) = ida_and_otto();
    limit(&house, &otto, 1);
    write_to_otto(&mut client, &[]);
    assert_eq!(submit(&mut client), 0x0000_0467);
    limit(&house, &ida, 1);
    write_to_otto(&mut client, &[]);
    limit(&house, &otto, 10_000);
    assert_eq!(submit(&mut client), 0x0000_04dd);
    assert_eq!(of(&house, &otto, "Inbox"), []);
}

#[test]
fn a_message_that_is_longer_than_may_be_is_not_sent() {
    let mut settings = Settings::default();
    settings.limits.message_bytes_max = 4_000;
    let house = Rehearsal::new(settings).unwrap();
    let ida = house.person("ida@example.test").unwrap();
    let otto = house.person("otto@example.test").unwrap();
    let mut client = Client::new(&house, &ida, &ida);
    let text = "ten bytes.".repeat(500);
    write_to_otto(&mut client, &[(0x1000_001f, Value::Unicode(text))]);
    assert_eq!(submit(&mut client), 0x0000_04da);
    assert_eq!(of(&house, &otto, "Inbox"), []);
}

const WANTS_RECEIPT: &[u8] = b"From: Otto <otto@example.test>\r\nTo: ida@example.test\r\n\
    Subject: Urgent\r\nMessage-ID: <7@example.test>\r\n\
    Disposition-Notification-To: Otto <otto@example.test>\r\n\r\nRead me\r\n";

const INBOX: u8 = 2;

/// Marks all messages of the Inbox, one by one.
fn mark(client: &mut Client, read_flags: u8) {
    let inbox = client.special(4);
    client.open_folder(inbox, INBOX);
    let messages = client.messages(INBOX, 0, 3);
    let request = message::SetReadFlags {
        want_asynchronous: false,
        read_flags,
        messages,
    };
    client.ask(INBOX, INBOX, Request::SetReadFlags(request));
}

#[test]
fn who_asked_is_told_once_that_their_letter_was_read() {
    let (house, ida, otto, mut client) = ida_and_otto();
    crate::client::deliver(&house, &ida, WANTS_RECEIPT, Flags::NONE);
    crate::client::deliver(
        &house,
        &ida,
        b"Subject: No one asked\r\n\r\nx\r\n",
        Flags::NONE,
    );
    mark(&mut client, 0);
    let told = of(&house, &otto, "Inbox");
    assert_eq!(told.len(), 1);
    assert!(told[0].1.contains("Subject: Read: Urgent"), "{}", told[0].1);
    assert!(told[0].1.contains("<7@example.test>"), "{}", told[0].1);
    let marked = of(&house, &ida, "Inbox");
    let flags: Vec<_> = marked.iter().map(|(flags, _)| *flags).collect();
    assert_eq!(flags, [Flags::SEEN | Flags::MDN_SENT, Flags::SEEN]);
    // Unread and read again, it is the same letter.
    mark(&mut client, 4);
    mark(&mut client, 0);
    assert_eq!(of(&house, &otto, "Inbox").len(), 1);
}

#[test]
fn a_reader_need_not_tell_and_may_tell_that_nobody_read_it() {
    let (house, ida, otto, mut client) = ida_and_otto();
    crate::client::deliver(&house, &ida, WANTS_RECEIPT, Flags::NONE);
    mark(&mut client, 1);
    mark(&mut client, 4);
    // From now on nobody is told any more.
    mark(&mut client, 0x20);
    mark(&mut client, 0);
    assert_eq!(of(&house, &otto, "Inbox"), []);
    crate::client::deliver(&house, &ida, WANTS_RECEIPT, Flags::NONE);
    let messages = client.messages(INBOX, 0, 3);
    let delete = folder::DeleteMessages {
        want_asynchronous: false,
        notify_non_read: true,
        messages,
    };
    let Response::DeleteMessages(done) = client.ask(INBOX, INBOX, Request::DeleteMessages(delete))
    else {
        panic!()
    };
    assert!(!done.is_partial);
    let told = of(&house, &otto, "Inbox");
    assert_eq!(told.len(), 1);
    assert!(told[0].1.contains("Not read: Urgent"), "{}", told[0].1);
}

const SUBMITTED: u32 = 0x8004_0608;
const NOT_IN_QUEUE: u32 = 0x8004_0601;
const UNABLE_TO_ABORT: u32 = 0x8004_0114;
const HOUR: i64 = 3600;

/// A message to someone elsewhere, to be sent in an hour, and its number.
fn put_off(house: &Rehearsal, client: &mut Client) -> ObjectId {
    write(client, &[(0x0037_001f, "Later")]);
    let address = Some("someone@elsewhere.example");
    to(client, vec![(1, AddressKind::Smtp, address)]);
    let time = house.engine.now().0 + HOUR * Timestamp::PER_SECOND;
    let time = Value::Time(FileTime::from_unix(time));
    client.set_property(MESSAGE, 0x3fef_0040, time);
    let message = client.save(MESSAGE);
    assert_eq!(submit(client), 0);
    message
}

fn take_back(client: &mut Client, message: ObjectId) -> u32 {
    let folder = client.special(5);
    let request = property::AbortSubmit { folder, message };
    client.code(LOGON, LOGON, Request::AbortSubmit(request))
}

fn is_there(house: &Rehearsal, user: &User, folder: &str) -> Vec<Flags> {
    let all = of(house, user, folder).into_iter();
    all.map(|(flags, _)| flags).collect()
}

#[test]
fn what_is_to_be_sent_later_waits_in_the_outbox_and_can_be_taken_back() {
    let (house, ida, _, mut client) = ida_and_otto();
    let message = put_off(&house, &mut client);
    let waiting = Flags::DRAFT | Flags::SEEN | Flags::SUBMIT_PENDING;
    assert_eq!(is_there(&house, &ida, "Outbox"), [waiting]);
    assert_eq!(is_there(&house, &ida, "Sent"), []);
    assert_eq!(house.engine.queue_length().unwrap(), 1);
    assert_eq!(submit(&mut client), SUBMITTED);
    assert_eq!(take_back(&mut client, message), 0);
    assert_eq!(
        is_there(&house, &ida, "Outbox"),
        [Flags::DRAFT | Flags::SEEN]
    );
    assert_eq!(house.engine.queue_length().unwrap(), 0);
    assert_eq!(take_back(&mut client, message), NOT_IN_QUEUE);
    // It is a draft like any other.
    assert_eq!(submit(&mut client), 0);
}

/// Another server says this of the only letter that waits for it.
fn settle(house: &Rehearsal, verdict: Verdict) {
    let entry = house.engine.queue().unwrap().remove(0);
    let key = EntryKey {
        account: entry.account,
        id: entry.id,
    };
    let attempt = Attempt {
        host: "mx.elsewhere.example".to_owned(),
        tls: String::new(),
        results: vec![RecipientResult {
            address: "someone@elsewhere.example".to_owned(),
            verdict,
        }],
        put_off_until: None,
    };
    let settled = house.engine.queue_settle(key, &attempt, 0).unwrap();
    settled.wait().unwrap();
}

#[test]
fn who_refuses_a_message_is_told_of_in_a_report_that_outlook_knows() {
    let (house, ida, _, mut client) = ida_and_otto();
    write(&mut client, &[(0x0037_001f, "Refused")]);
    let address = Some("someone@elsewhere.example");
    to(&mut client, vec![(1, AddressKind::Smtp, address)]);
    assert_eq!(submit(&mut client), 0);
    assert_eq!(is_there(&house, &ida, "Sent"), [Flags::SEEN]);
    settle(&house, Verdict::Never(Reason::ours(Status::CANCELLED)));
    assert_eq!(is_there(&house, &ida, "Inbox"), [Flags::NONE]);
    client.open_first(2, 3);
    let told = client.properties(3, &[0x001a_001f, 0x1000_001f, 0x6820_001f]);
    assert_eq!(text(&told[0]), "REPORT.IPM.Note.NDR");
    assert!(text(&told[1]).contains("someone@elsewhere.example"));
    assert!(!text(&told[2]).is_empty());
}

#[test]
fn what_is_being_sent_is_not_taken_back_and_filed_when_it_went() {
    let (house, ida, _, mut client) = ida_and_otto();
    let message = put_off(&house, &mut client);
    house.pass(HOUR);
    assert_eq!(take_back(&mut client, message), UNABLE_TO_ABORT);
    settle(
        &house,
        Verdict::Accepted(NextHop::Informs, "250 OK".to_owned()),
    );
    assert_eq!(is_there(&house, &ida, "Outbox"), []);
    assert_eq!(is_there(&house, &ida, "Sent"), [Flags::SEEN]);
    assert_eq!(house.engine.queue_length().unwrap(), 0);
}

#[test]
fn what_an_administrator_takes_out_of_the_queue_is_a_draft_again() {
    let (house, ida, _, mut client) = ida_and_otto();
    put_off(&house, &mut client);
    let entry = house.engine.queue().unwrap().remove(0);
    let removed = house.engine.queue_remove(entry.account, entry.id);
    removed.unwrap().wait().unwrap();
    assert_eq!(
        is_there(&house, &ida, "Outbox"),
        [Flags::DRAFT | Flags::SEEN]
    );
}

/// Another program removes all of a folder; answers how many went.
fn expunge(house: &Rehearsal, user: &User, role: Role) -> u32 {
    let account = house.engine.account(user, 7);
    let removed = account.write(|txn| {
        let (folder, _) = txn.folder_with_role(role)?.unwrap();
        let all = txn.uids(folder, Shelf::Mail)?;
        txn.expunge_all(folder, &all)
    });
    removed.unwrap().wait().unwrap().len()
}

/// A way to delete what waits in the Outbox; it answers whether something was left.
type Deletion = fn(&Rehearsal, &User, &mut Client, ObjectId) -> bool;

/// All of them.
const DELETIONS: [Deletion; 6] = [
    |_, _, client, message| delete(client, message, Request::DeleteMessages),
    |_, _, client, message| delete(client, message, Request::HardDeleteMessages),
    |_, _, client, _| empty(client, Request::EmptyFolder),
    |_, _, client, _| empty(client, Request::HardDeleteMessagesAndSubfolders),
    |house, ida, _, _| expunge(house, ida, Role::Outbox) == 0,
    |_, _, client, message| throw_away(client, message),
];

fn delete(
    client: &mut Client,
    message: ObjectId,
    which: fn(folder::DeleteMessages) -> Request,
) -> bool {
    client.open_folder(client.special(5), INBOX);
    let doomed = folder::DeleteMessages {
        want_asynchronous: false,
        notify_non_read: false,
        messages: vec![message],
    };
    match client.ask(INBOX, INBOX, which(doomed)) {
        Response::DeleteMessages(done) | Response::HardDeleteMessages(done) => done.is_partial,
        other => panic!("{other:?}"),
    }
}

fn empty(client: &mut Client, which: fn(folder::EmptyFolder) -> Request) -> bool {
    client.open_folder(client.special(5), INBOX);
    let request = folder::EmptyFolder {
        want_asynchronous: false,
        want_delete_associated: false,
    };
    match client.ask(INBOX, INBOX, which(request)) {
        Response::EmptyFolder(done) | Response::HardDeleteMessagesAndSubfolders(done) => {
            done.is_partial
        }
        other => panic!("{other:?}"),
    }
}

/// As the key "Delete" does.
fn throw_away(client: &mut Client, message: ObjectId) -> bool {
    client.open_folder(client.special(5), INBOX);
    client.open_folder(client.special(7), INBOX + 1);
    let request = folder::MoveCopyMessages {
        messages: vec![message],
        want_asynchronous: false,
        want_copy: false,
    };
    match client.ask(INBOX, INBOX + 1, Request::MoveCopyMessages(request)) {
        Response::MoveCopyMessages(done) => done.is_partial,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_deletes_what_waits_takes_it_back() {
    for delete in DELETIONS {
        let (house, ida, _, mut client) = ida_and_otto();
        let message = put_off(&house, &mut client);
        assert!(!delete(&house, &ida, &mut client, message));
        assert_eq!(is_there(&house, &ida, "Outbox"), []);
        assert_eq!(house.engine.queue_length().unwrap(), 0);
        // It is a draft, wherever it is now.
        let thrown_away = is_there(&house, &ida, "Trash");
        let draft = Flags::DRAFT | Flags::SEEN;
        assert!(thrown_away.iter().all(|flags| *flags == draft));
        assert_ne!(take_back(&mut client, message), 0);
    }
}

#[test]
fn a_copy_that_was_filed_with_one_part_of_a_letter_waits_for_no_other() {
    let (house, ida, _, mut client) = ida_and_otto();
    write(&mut client, &[(0x0037_001f, "To many")]);
    for first in (0..600).step_by(100) {
        let some = first..first + 100;
        let some = some.map(|n| format!("a-person-with-a-long-name-{n}@elsewhere.example"));
        let some: Vec<String> = some.collect();
        let people = some
            .iter()
            .map(|one| (1, AddressKind::Smtp, Some(one.as_str())));
        to_more(&mut client, first, people.collect());
    }
    let time = house.engine.now().0 + HOUR * Timestamp::PER_SECOND;
    let time = Value::Time(FileTime::from_unix(time));
    client.set_property(MESSAGE, 0x3fef_0040, time);
    assert_eq!(submit(&mut client), 0);
    let parts = house.engine.queue_length().unwrap();
    assert!(parts > 1);
    house.pass(HOUR);
    let entry = house.engine.queue().unwrap().remove(0);
    let accepted = entry.letter.recipients.iter().map(|one| RecipientResult {
        address: one.address.clone(),
        verdict: Verdict::Accepted(NextHop::Informs, "250 OK".to_owned()),
    });
    let attempt = Attempt {
        host: "mx.elsewhere.example".to_owned(),
        tls: String::new(),
        results: accepted.collect(),
        put_off_until: None,
    };
    let key = EntryKey {
        account: entry.account,
        id: entry.id,
    };
    let settled = house.engine.queue_settle(key, &attempt, 0).unwrap();
    settled.wait().unwrap();
    assert_eq!(is_there(&house, &ida, "Sent"), [Flags::SEEN]);
    // What was sent is deleted like any other letter, and the rest of it still goes.
    assert_eq!(expunge(&house, &ida, Role::Sent), 1);
    assert_eq!(house.engine.queue_length().unwrap(), parts - 1);
}

#[test]
fn what_waits_is_known_whatever_others_do_to_its_flags() {
    for is_deleted in [true, false] {
        let (house, ida, _, mut client) = ida_and_otto();
        put_off(&house, &mut client);
        let account = house.engine.account(&ida, 7);
        let marked = account.write(|txn| {
            let (outbox, _) = txn.folder_with_role(Role::Outbox)?.unwrap();
            let uid = txn.uids(outbox, Shelf::Mail)?.iter().next().unwrap();
            let only_seen = FlagChange::Replace(FlagSet::from(Flags::SEEN));
            txn.set_flags(Location::mail(outbox, uid), &only_seen)
        });
        marked.unwrap().wait().unwrap();
        if is_deleted {
            assert_eq!(expunge(&house, &ida, Role::Outbox), 1);
        } else {
            house.pass(HOUR);
            settle(
                &house,
                Verdict::Accepted(NextHop::Informs, "250 OK".to_owned()),
            );
            assert_eq!(is_there(&house, &ida, "Sent"), [Flags::SEEN]);
        }
        assert_eq!(is_there(&house, &ida, "Outbox"), []);
        assert_eq!(house.engine.queue_length().unwrap(), 0);
    }
}

#[test]
fn what_is_being_sent_is_left_until_it_went_whoever_deletes_it() {
    for (at, delete) in DELETIONS.into_iter().enumerate() {
        let (house, ida, _, mut client) = ida_and_otto();
        let message = put_off(&house, &mut client);
        house.pass(HOUR);
        // What is thrown away is filed from there.
        let is_moved = at == 5;
        assert_eq!(delete(&house, &ida, &mut client, message), !is_moved);
        assert_eq!(house.engine.queue_length().unwrap(), 1);
        settle(
            &house,
            Verdict::Accepted(NextHop::Informs, "250 OK".to_owned()),
        );
        assert_eq!(is_there(&house, &ida, "Outbox"), []);
        assert_eq!(is_there(&house, &ida, "Sent"), [Flags::SEEN]);
    }
}

#[test]
fn who_deletes_a_folder_takes_back_what_waits_in_it() {
    let (house, ida, _, mut client) = ida_and_otto();
    put_off(&house, &mut client);
    let account = house.engine.account(&ida, 7);
    let moved = account.write(|txn| {
        let (outbox, _) = txn.folder_with_role(Role::Outbox)?.unwrap();
        let later = txn.create_path(&["Later"], Role::None)?;
        let all = txn.uids(outbox, Shelf::Mail)?;
        txn.transfer_all(Transfer::Move, outbox, &all, later)?;
        Ok::<_, EngineError>(later)
    });
    let later = moved.unwrap().wait().unwrap();
    assert_eq!(house.engine.queue_length().unwrap(), 1);
    let removed = account.write(|txn| txn.remove_folder(later));
    removed.unwrap().wait().unwrap();
    assert_eq!(house.engine.queue_length().unwrap(), 0);
}

/// Otto lets Ida write in his mailbox; she opens it.
fn in_ottos_mailbox(house: &Rehearsal, ida: &User, otto: &User) -> Client {
    Client::new(house, otto, otto); // Who was never there has no Outbox.
    let account = house.engine.account(otto, 5);
    let editing = FILING | Rights::READ | Rights::DELETE_ANY | Rights::EXPUNGE | Rights::EDIT_ANY;
    let grant = Grant {
        member: 1,
        grantee: Grantee::Account(ida.account),
        rights: editing | Rights::WRITE_FLAGS | Rights::KEEP_SEEN,
    };
    let done = account.write(|txn| {
        for role in [Role::Outbox, Role::Sent] {
            let (folder, _) = txn.folder_with_role(role)?.unwrap();
            txn.set_grants(folder, vec![grant])?;
        }
        Ok::<_, EngineError>(())
    });
    done.unwrap().wait().unwrap();
    Client::new(house, ida, otto)
}

#[test]
fn what_is_written_for_another_to_be_sent_later_waits_in_their_outbox() {
    let (house, ida, otto, _) = ida_and_otto();
    let mut client = in_ottos_mailbox(&house, &ida, &otto);
    let waiting = Flags::DRAFT | Flags::SEEN | Flags::SUBMIT_PENDING;
    let message = put_off(&house, &mut client);
    assert_eq!(is_there(&house, &otto, "Outbox"), [waiting]);
    assert_eq!(is_there(&house, &otto, "Sent"), []);
    // She may take it back, and so may he.
    assert_eq!(take_back(&mut client, message), 0);
    assert_eq!(submit(&mut client), 0);
    assert_eq!(expunge(&house, &otto, Role::Outbox), 1);
    assert_eq!(house.engine.queue_length().unwrap(), 0);
    // What goes is filed among what he has sent.
    put_off(&house, &mut client);
    house.pass(HOUR);
    settle(
        &house,
        Verdict::Accepted(NextHop::Informs, "250 OK".to_owned()),
    );
    assert_eq!(is_there(&house, &otto, "Outbox"), []);
    assert_eq!(is_there(&house, &otto, "Sent"), [Flags::SEEN]);
    assert_eq!(is_there(&house, &ida, "Sent"), []);
}

#[test]
fn what_could_not_be_filed_later_is_not_taken() {
    let (house, ida, otto, _) = ida_and_otto();
    let mut client = in_ottos_mailbox(&house, &ida, &otto);
    grant(&house, &otto, &ida, Rights::VISIBLE | Rights::READ);
    write(&mut client, &[(0x0037_001f, "Later")]);
    let address = Some("someone@elsewhere.example");
    to(&mut client, vec![(1, AddressKind::Smtp, address)]);
    let time = house.engine.now().0 + HOUR * Timestamp::PER_SECOND;
    let time = Value::Time(FileTime::from_unix(time));
    client.set_property(MESSAGE, 0x3fef_0040, time);
    assert_eq!(submit(&mut client), 0x8007_0005);
    assert_eq!(house.engine.queue_length().unwrap(), 0);
}
