//! Folders and items: the names they keep and the names they get anew.

use crate::world::*;
use store::id::{Timestamp, Uid};
use store::model::*;

#[test]
fn each_changed_object_takes_one_number_and_read_state_its_own() {
    let fixture = Fixture::new();
    let inbox = folder(&fixture, "a");
    let at = letter(&fixture, inbox, "x").at;
    let head = account(&fixture).head;
    fixture
        .write_as(5, |txn| {
            txn.set_flags(ACCOUNT, at, &FlagChange::add(Flags::SEEN | Flags::FLAGGED))?;
            txn.set_flags(ACCOUNT, at, &FlagChange::add(Flags::ANSWERED))
        })
        .unwrap();
    let records = log(&fixture, head);
    assert_eq!(
        records
            .iter()
            .map(|(n, _)| n.0 - head.0)
            .collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(records[0].1.what, What::READ);
    assert_eq!(records[1].1.what, What::FLAGS);
    assert!(records.iter().all(|(_, record)| record.origin.session == 5));
    let item = row(&fixture, at);
    assert_eq!(
        (item.read_changed, item.changed),
        (records[0].0, records[1].0)
    );
    let folder = view(&fixture).folder(ACCOUNT, inbox).unwrap().unwrap();
    assert_eq!(
        folder.contents_changed, records[1].0,
        "the last number of what changed inside"
    );
    assert!(
        folder.changed < head,
        "a folder's own stamp does not move with its contents"
    );
}

#[test]
fn a_move_keeps_the_content_id_and_gives_uid_and_place_anew() {
    let fixture = Fixture::new();
    let (a, b) = (folder(&fixture, "a"), folder(&fixture, "b"));
    let old = letter(&fixture, a, "x");
    let new = fixture
        .write(|txn| txn.move_item(ACCOUNT, old.at, b))
        .unwrap();
    assert_eq!((new.item, new.content), (old.item, old.content));
    assert_ne!(new.place, old.place);
    assert_eq!(new.at, Location::mail(b, Uid(1)));
    let view = view(&fixture);
    assert_eq!(view.item_at_place(ACCOUNT, old.place).unwrap(), None);
    assert_eq!(
        view.item_at_place(ACCOUNT, new.place).unwrap().unwrap().0,
        new.at
    );
    assert_eq!(
        view.item_with_content(ACCOUNT, old.content)
            .unwrap()
            .unwrap()
            .0,
        new.at
    );
    let gone = view.departed(ACCOUNT, a, old.change, 9).unwrap().unwrap();
    assert_eq!(
        (gone[0].uid, gone[0].place, gone[0].change),
        (old.at.uid, old.place, new.change)
    );
}

#[test]
fn new_bytes_give_a_letter_a_new_uid_and_content_id_and_drop_bound_values() {
    let fixture = Fixture::new();
    let a = folder(&fixture, "a");
    let old = letter(&fixture, a, "first");
    let first = stage(&fixture, b"first").hash;
    let value = |property, binding| {
        OverlayInput::Set(OverlayValue {
            property,
            value: Value::Boolean(true),
            binding,
        })
    };
    let values = [value(1, Binding::Free), value(2, Binding::Bound(first))];
    let object = OverlayObject::Item(old.at);
    fixture
        .write(|txn| txn.set_overlay(ACCOUNT, object, &[], &values))
        .unwrap();
    let body = Some(Body::Staged(stage(&fixture, b"second")));
    let new = NewBody {
        body,
        ..NewBody::default()
    };
    let new = fixture
        .write(|txn| txn.replace_body(ACCOUNT, old.at, &new))
        .unwrap();
    assert_eq!((new.item, new.place), (old.item, old.place));
    assert_ne!(new.content, old.content);
    assert_eq!(new.at.uid, Uid(2));
    let view = view(&fixture);
    let left = view.overlay(ACCOUNT, new.item.0, &[]).unwrap();
    assert_eq!(
        left.iter().map(|value| value.property).collect::<Vec<_>>(),
        [1]
    );
    assert_eq!(view.item_with_content(ACCOUNT, old.content).unwrap(), None);
    assert_eq!(
        fixture.backend.living_bodies(),
        1,
        "the old bytes are referred to no more"
    );
    assert_eq!(check(&view).unwrap(), []);
}

#[test]
fn removed_items_come_back_with_their_content_id_until_they_are_purged() {
    let fixture = Fixture::new();
    let a = folder(&fixture, "a");
    let old = letter(&fixture, a, "x");
    fixture
        .write(|txn| txn.remove_item(ACCOUNT, old.at))
        .unwrap();
    let used = account(&fixture);
    assert_eq!((used.used_bytes, used.recoverable_bytes), (0, 1));
    let shelved = Location {
        folder: a,
        shelf: Shelf::Recoverable,
        uid: Uid(1),
    };
    assert_eq!(
        row(&fixture, shelved).place,
        old.place,
        "a removed item keeps its place id"
    );
    let back = fixture
        .write(|txn| txn.restore_item(ACCOUNT, shelved, None))
        .unwrap();
    assert_eq!(
        (back.content, back.at),
        (old.content, Location::mail(a, Uid(2)))
    );
    fixture
        .write(|txn| txn.remove_item(ACCOUNT, back.at))
        .unwrap();
    let purge = |before| {
        fixture
            .write(|txn| txn.purge_recoverable(ACCOUNT, before, 10))
            .unwrap()
    };
    let now = fixture.write(|txn| Ok(txn.now())).unwrap();
    assert_eq!(purge(now), 0, "not yet old enough");
    assert_eq!(purge(Timestamp(now.0 + 1)), 1);
    assert_eq!(fixture.backend.living_bodies(), 0);
    assert_eq!(account(&fixture).recoverable_bytes, 0);
    assert_eq!(check(&view(&fixture)).unwrap(), []);
}

#[test]
fn removing_a_folder_is_one_small_commit_and_its_purge_can_be_resumed() {
    let fixture = Fixture::new();
    let a = folder(&fixture, "a");
    (0..10).for_each(|number| _ = letter(&fixture, a, &format!("{number}")));
    let head = account(&fixture).head;
    fixture.write(|txn| txn.remove_folder(ACCOUNT, a)).unwrap();
    assert_eq!(log(&fixture, head).len(), 1);
    assert_eq!(account(&fixture).used_bytes, 0);
    let refused = fixture.write(|txn| txn.insert_item(ACCOUNT, &NewItem::mail(a)));
    assert_eq!(refused, Err(ModelError::NoSuchFolder));
    fixture
        .write(|txn| txn.restore_folder(ACCOUNT, a, None, "again"))
        .unwrap();
    assert_eq!(account(&fixture).used_bytes, 10);
    fixture.write(|txn| txn.remove_folder(ACCOUNT, a)).unwrap();
    fixture.clock.advance_seconds(60);
    let purge = || {
        fixture
            .write(|txn| txn.purge_recoverable(ACCOUNT, txn.now(), 4))
            .unwrap()
    };
    assert_eq!(
        [purge(), purge(), purge(), purge()],
        [4, 4, 3, 0],
        "ten items and the folder"
    );
    assert_eq!(view(&fixture).folder(ACCOUNT, a).unwrap(), None);
    assert_eq!(check(&view(&fixture)).unwrap(), []);
}

#[test]
fn folders_cannot_share_a_name_or_a_role_or_stand_below_themselves() {
    let fixture = Fixture::new();
    let a = folder(&fixture, "a");
    let below = NewFolder {
        name: "b".to_owned(),
        parent: Some(a),
        role: Role::Sent,
        ..NewFolder::default()
    };
    let b = fixture
        .write(|txn| txn.create_folder(ACCOUNT, &below))
        .unwrap();
    let change = |folder, change: FolderChange| {
        fixture
            .write(|txn| txn.update_folder(ACCOUNT, folder, &change))
            .unwrap_err()
    };
    let create = |new: &NewFolder| fixture.write(|txn| txn.create_folder(ACCOUNT, new));
    let parent = Some(b);
    let named = |name: &str| NewFolder {
        name: name.to_owned(),
        ..NewFolder::default()
    };
    assert_eq!(create(&named("a")), Err(ModelError::NameTaken));
    assert!(
        create(&named("A")).is_ok(),
        "names are compared byte for byte"
    );
    let sent = NewFolder {
        role: Role::Sent,
        ..named("c")
    };
    assert_eq!(create(&sent), Err(ModelError::RoleTaken));
    let into_itself = FolderChange {
        parent,
        ..FolderChange::default()
    };
    assert_eq!(change(a, into_itself), ModelError::WouldLoop);
    let remove = fixture.write(|txn| txn.remove_folder(ACCOUNT, a));
    assert_eq!(remove, Err(ModelError::HasChildren));
    let view = view(&fixture);
    assert_eq!(
        view.folder_at(ACCOUNT, None, &["a", "b"])
            .unwrap()
            .unwrap()
            .0,
        b
    );
    assert_eq!(
        view.folder_with_role(ACCOUNT, Role::Sent)
            .unwrap()
            .unwrap()
            .0,
        b
    );
}

#[test]
fn an_import_may_bring_uids_that_are_not_below_the_next() {
    let fixture = Fixture::new();
    let new = NewFolder {
        name: "a".to_owned(),
        uid_validity: Some(12345),
        ..NewFolder::default()
    };
    let a = fixture
        .write(|txn| txn.create_folder(ACCOUNT, &new))
        .unwrap();
    let bring = |uid| {
        let new = NewItem {
            uid: Some(Uid(uid)),
            ..NewItem::mail(a)
        };
        fixture.write(|txn| txn.insert_item(ACCOUNT, &new))
    };
    assert_eq!(bring(5000).unwrap().at.uid, Uid(5000));
    assert_eq!(bring(5000), Err(ModelError::NumberRefused));
    assert_eq!(bring(u32::MAX), Err(ModelError::NumberRefused));
    let row = view(&fixture).folder(ACCOUNT, a).unwrap().unwrap();
    assert_eq!(
        (row.uid_validity, row.shelf(Shelf::Mail).uid_next),
        (12345, Uid(5001))
    );
}

#[test]
fn a_copy_to_another_account_takes_its_names_along() {
    let fixture = Fixture::new();
    let a = folder(&fixture, "a");
    let at = letter(&fixture, a, "x").at;
    let copied = fixture
        .store
        .write::<_, ModelError>(&[ACCOUNT, OTHER], Origin::default(), |txn| {
            txn.create_account(OTHER)?;
            txn.intern(OTHER, &Name::Keyword("unrelated".to_owned()))?;
            let number = txn.intern(ACCOUNT, &Name::Keyword("Mine".to_owned()))?;
            let keywords = [number].into_iter().collect();
            let set = FlagSet {
                flags: Flags::SEEN,
                keywords,
            };
            txn.set_flags(ACCOUNT, at, &FlagChange::Replace(set))?;
            let folder = NewFolder {
                name: "in".to_owned(),
                ..NewFolder::default()
            };
            let folder = txn.create_folder(OTHER, &folder)?;
            txn.copy_item(ACCOUNT, at, OTHER, folder)
        })
        .unwrap()
        .wait()
        .unwrap();
    let view = view(&fixture);
    let copy = view.item_row(OTHER, copied.at).unwrap().unwrap();
    let [keyword] = copy.keywords.numbers() else {
        panic!("one keyword")
    };
    assert_eq!(view.keyword(OTHER, *keyword).unwrap().unwrap(), "Mine");
    assert_eq!(
        view.number_of(OTHER, &Name::Keyword("mINE".to_owned()))
            .unwrap(),
        Some(*keyword)
    );
    assert_eq!(check(&view).unwrap(), []);
}

#[test]
fn copies_share_the_name_of_their_bytes_until_these_change() {
    let fixture = Fixture::new();
    let (a, b) = (folder(&fixture, "a"), folder(&fixture, "b"));
    let first = letter(&fixture, a, "x");
    let (second, third) = fixture
        .write(|txn| {
            let second = txn.copy_item(ACCOUNT, first.at, ACCOUNT, b)?;
            let moved = txn.move_item(ACCOUNT, second.at, a)?;
            Ok((moved, txn.copy_item(ACCOUNT, moved.at, ACCOUNT, b)?))
        })
        .unwrap();
    assert_ne!(first.content, second.content);
    assert_ne!(second.content, third.content);
    let shared = |receipt: &Receipt| {
        let details = view(&fixture).details(ACCOUNT, receipt.item).unwrap();
        details.unwrap().shared_content(receipt.content)
    };
    for each in [&first, &second, &third] {
        assert_eq!(shared(each), first.content);
    }
    let rewritten = fixture
        .write(|txn| txn.replace_body(ACCOUNT, second.at, &NewBody::default()))
        .unwrap();
    assert_eq!(shared(&rewritten), rewritten.content);
    assert_eq!(shared(&third), first.content);
    assert_eq!(check(&view(&fixture)).unwrap(), []);
}

#[test]
fn long_values_become_bodies_and_go_with_their_object() {
    let fixture = Fixture::new();
    let a = folder(&fixture, "a");
    let at = letter(&fixture, a, "x").at;
    let object = OverlayObject::Item(at);
    let path = [PathStep::Attachment(3), PathStep::Embedded];
    let long = "l".repeat(100_000);
    let values: Vec<_> = (1..=20)
        .map(|property| {
            let len = if property == 1 { long.len() } else { 4000 };
            let value = Value::Text(long[..len - property as usize].to_owned());
            OverlayInput::Set(OverlayValue {
                property,
                value,
                binding: Binding::Free,
            })
        })
        .collect();
    fixture
        .write(|txn| txn.set_overlay(ACCOUNT, object, &path, &values))
        .unwrap();
    let item = row(&fixture, at).item.0;
    let stored = view(&fixture).overlay(ACCOUNT, item, &path).unwrap();
    let Value::TextBody(body, len) = stored[0].value else {
        panic!("{:?}", stored[0])
    };
    assert_eq!(len, 99_999);
    assert_eq!(
        fixture.store.read_body(body, 0..len).unwrap(),
        long.as_bytes()[1..]
    );
    assert!(
        stored
            .iter()
            .filter(|value| value.value.body().is_some())
            .count()
            > 10
    );
    assert_eq!(check(&view(&fixture)).unwrap(), []);
    fixture
        .write(|txn| txn.remove_overlay(ACCOUNT, object, &[PathStep::Attachment(3)]))
        .unwrap();
    assert_eq!(
        fixture.backend.living_bodies(),
        1,
        "only the letter's own is left"
    );
    assert_eq!(check(&view(&fixture)).unwrap(), []);
}

#[test]
fn details_are_told_in_the_order_asked_whether_or_not_they_are_there() {
    let fixture = Fixture::new();
    let inbox = folder(&fixture, "a");
    let letters: Vec<Receipt> = ["a", "b", "c", "d"]
        .iter()
        .map(|text| letter(&fixture, inbox, text))
        .collect();
    fixture
        .write(|txn| txn.purge_item(ACCOUNT, letters[1].at))
        .unwrap();
    let far = store::id::ItemKey(letters[3].item.0 + 1000);
    let key = |index: usize| letters[index].item;
    for asked in [
        vec![key(0), key(1), key(2), key(3)],
        vec![key(3), key(0), key(2)],
        vec![key(2), key(2)],
        vec![key(0), far],
        vec![key(1)],
        vec![],
    ] {
        let mut told = Vec::new();
        let view = view(&fixture);
        view.details_of(ACCOUNT, &asked, &mut |item, details| {
            told.push((item, details));
        })
        .unwrap();
        let wanted: Vec<_> = asked
            .iter()
            .map(|&item| (item, view.details(ACCOUNT, item).unwrap()))
            .collect();
        assert_eq!(told, wanted);
    }
}

#[test]
fn values_of_many_items_are_those_of_each_without_those_of_its_parts() {
    let fixture = Fixture::new();
    let inbox = folder(&fixture, "a");
    let letters: Vec<Receipt> = ["a", "b", "c", "d"]
        .iter()
        .map(|text| letter(&fixture, inbox, text))
        .collect();
    let set = |property| {
        [OverlayInput::Set(OverlayValue {
            property,
            value: Value::Boolean(true),
            binding: Binding::Free,
        })]
    };
    fixture
        .write(|txn| {
            let object = |index: usize| OverlayObject::Item(letters[index].at);
            txn.set_overlay(ACCOUNT, object(0), &[], &set(1))?;
            txn.set_overlay(ACCOUNT, object(1), &[PathStep::Attachment(0)], &set(2))?;
            txn.set_overlay(ACCOUNT, object(3), &[], &set(3))?;
            txn.set_overlay(ACCOUNT, OverlayObject::Folder(inbox), &[], &set(4))
        })
        .unwrap();
    let key = |index: usize| letters[index].item;
    for asked in [
        vec![key(0), key(1), key(2), key(3)],
        vec![key(3), key(0)],
        vec![key(1), key(2)],
        vec![],
    ] {
        let mut told = Vec::new();
        let view = view(&fixture);
        view.overlays_of(ACCOUNT, &asked, &mut |item, values| {
            told.push((item, values));
        })
        .unwrap();
        let of_each = asked
            .iter()
            .map(|&item| (item, view.overlay(ACCOUNT, item.0, &[]).unwrap()));
        let wanted: Vec<_> = of_each.filter(|(_, values)| !values.is_empty()).collect();
        assert_eq!(told, wanted);
    }
}
