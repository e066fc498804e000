//! What a client is told without asking, while others change its mailbox.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, deliver, house};
use engine::{Account, Flags, FolderId, Location, Reading, Role, Transfer, User};
use mapi::codec::data::ObjectId;
use mapi::codec::rop::notify::{
    NewMailClass, Notification, Notify, ObjectEvent, RegisterNotification, kind,
};
use mapi::codec::rop::{Call, Reply, Request};
use mapi::identity;

const LETTER: &[u8] = b"From: a@b.test\r\nSubject: x\r\n\r\ny\r\n";
const EVERYTHING: u16 = 0x007e;
/// Large enough for all, and small enough that it does not hold much.
const ROOMY: u32 = 0x1_0008;

/// Opens the mailbox and asks to be told; the subscription's handle is the third.
fn told(user: &User, house: &engine::rehearsal::Rehearsal, kinds: u16, scope: Scope) -> Client {
    let mut client = Client::new(house, user, user);
    client.ask(
        0,
        2,
        Request::RegisterNotification(RegisterNotification { kinds, scope }),
    );
    assert_eq!(news(&mut client, ROOMY), (vec![], false));
    client
}

type Scope = Option<(ObjectId, ObjectId)>;

/// All that an Execute without operations brings, and whether there is more.
fn news(client: &mut Client, max: u32) -> (Vec<Notify>, bool) {
    let (mut all, mut is_pending) = (Vec::new(), false);
    for reply in client.send(&[], max, &[]) {
        match reply {
            Reply::Notify(notify) => all.push(notify),
            Reply::Pending { .. } => is_pending = true,
            other => panic!("{other:?}"),
        }
    }
    (all, is_pending)
}

fn events(client: &mut Client) -> Vec<ObjectEvent> {
    let handle = client.handles[2];
    let (all, is_pending) = news(client, ROOMY);
    assert!(!is_pending);
    let event = |notify: Notify| match notify.notification {
        Notification::Object(event) => {
            assert_eq!((notify.handle, notify.logon_id), (handle, 0));
            event
        }
        Notification::Table(event) => panic!("{event:?}"),
    };
    all.into_iter().map(event).collect()
}

fn kinds(events: &[ObjectEvent]) -> Vec<(u16, bool)> {
    let short = events.iter().map(|one| (one.kind, one.message.is_some()));
    short.collect()
}

fn folder(account: &Account, role: Role) -> FolderId {
    let view = account.read().unwrap();
    view.folder_with_role(role).unwrap().unwrap().0
}

#[test]
fn a_delivery_is_told_as_new_mail_and_with_the_counts_of_its_folder() {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    let mut client = told(&ida, &house, EVERYTHING, None);
    let envelope = house.envelope("a@b.test", &["ida@example.test"]).unwrap();
    let staged = house.staged(LETTER).unwrap();
    let delivered = house.engine.deliver(&envelope, &staged).unwrap();
    delivered.wait().unwrap();
    assert!(client.session.has_news().unwrap());
    let told = events(&mut client);
    let expected = [
        (kind::NEW_MAIL, true),
        (kind::CREATED, true),
        (kind::MODIFIED, false),
    ];
    assert_eq!(kinds(&told), expected);
    let inbox = client.logon.as_ref().unwrap().folders[4];
    assert!(told.iter().all(|event| event.folder == inbox));
    let mail = told[0].mail.as_ref().unwrap();
    assert_eq!(mail.message_class, NewMailClass::Narrow("IPM.Note".into()));
    assert_eq!(
        (told[2].total_count, told[2].unread_count),
        (Some(1), Some(1))
    );
    assert!(!client.session.has_news().unwrap(), "it is told once");
    assert_eq!(events(&mut client), []);
}

#[test]
fn what_other_protocols_do_is_told() {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    deliver(&house, &ida, LETTER, Flags(0));
    let mut client = told(&ida, &house, EVERYTHING, None);
    let account = house.engine.account(&ida, 5);
    let (inbox, trash) = (folder(&account, Role::Inbox), folder(&account, Role::Trash));
    let uids = account
        .read()
        .unwrap()
        .uids(inbox, engine::Shelf::Mail)
        .unwrap();
    let uid = uids.iter().next().unwrap();
    let made = account.write(|txn| {
        txn.create_folder(&engine::NewFolder {
            name: "Work".to_owned(),
            ..engine::NewFolder::default()
        })
    });
    made.unwrap().wait().unwrap();
    assert_eq!(kinds(&events(&mut client)), [(kind::CREATED, false)]);
    let at = Location::mail(inbox, uid);
    let moved = account.write(|txn| txn.transfer(Transfer::Move, at, trash));
    moved.unwrap().wait().unwrap();
    let told = events(&mut client);
    assert_eq!(
        kinds(&told),
        [
            (kind::MOVED, true),
            (kind::MODIFIED, false),
            (kind::MODIFIED, false)
        ]
    );
    let old = told[0].old.unwrap();
    assert_eq!(old.folder, identity::folder_id(inbox));
    assert_eq!(told[0].folder, identity::folder_id(trash));
    assert_ne!(Some(old.other), told[0].message);
}

#[test]
fn only_what_was_asked_for_is_told() {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    let account = house.engine.account(&ida, 5);
    let trash = identity::folder_id(folder(&account, Role::Trash));
    let elsewhere = Some((trash, ObjectId::default()));
    let mut other_folder = told(&ida, &house, EVERYTHING, elsewhere);
    let mut only_deletions = told(&ida, &house, kind::DELETED, None);
    deliver(&house, &ida, LETTER, Flags(0));
    assert_eq!(events(&mut other_folder), []);
    assert_eq!(events(&mut only_deletions), []);
}

#[test]
fn what_has_no_room_is_pending_and_comes_next() {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    let mut client = told(&ida, &house, EVERYTHING, None);
    for _ in 0..40 {
        deliver(&house, &ida, LETTER, Flags(0));
    }
    let mut count = 0;
    loop {
        let (some, is_pending) = news(&mut client, 600);
        count += some.len();
        if !is_pending {
            break;
        }
        assert!(!some.is_empty());
    }
    // Each was made, and the folder's counts are told once.
    assert_eq!(count, 41);
}

#[test]
fn who_no_longer_listens_is_not_told() {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    let mut client = told(&ida, &house, EVERYTHING, None);
    assert_eq!(client.session.watches().len(), 1);
    deliver(&house, &ida, LETTER, Flags(0));
    assert!(client.session.has_news().unwrap());
    let release = Call {
        logon_id: 0,
        input: 2,
        target: 0,
        request: Request::Release(mapi::codec::wire::Nothing),
    };
    assert_eq!(client.send(&[release], ROOMY, &[]), []);
    assert!(!client.session.has_news().unwrap());
    assert!(client.session.watches().is_empty());
}

#[test]
fn who_waits_for_a_search_is_told_when_it_is_complete() {
    use mapi::codec::data::Restriction;
    use mapi::codec::rop::folder::{CreateFolder, FolderTexts, SetSearchCriteria};
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    let mut client = told(&ida, &house, kind::SEARCH_COMPLETED, None);
    let [subtree, inbox] = [3, 4].map(|which| client.logon.as_ref().unwrap().folders[which]);
    client.open_folder(subtree, 3);
    let request = CreateFolder {
        folder_type: 2,
        open_existing: false,
        reserved: 0,
        texts: FolderTexts::Unicode(["All".to_owned(), String::new()]),
    };
    client.ask(3, 4, Request::CreateFolder(request));
    let criteria = SetSearchCriteria {
        restriction: Some(Restriction::Null),
        folders: vec![inbox],
        flags: 0x0002_0002,
    };
    let call = Call {
        logon_id: 0,
        input: 4,
        target: 4,
        request: Request::SetSearchCriteria(criteria),
    };
    let replies = client.send(&[call], ROOMY, &[]);
    let [_, Reply::Notify(notify)] = replies.as_slice() else {
        panic!("{replies:?}");
    };
    assert_eq!(notify.handle, client.handles[2]);
    assert!(matches!(
        &notify.notification,
        Notification::Object(event) if event.kind == kind::SEARCH_COMPLETED
    ));
}
