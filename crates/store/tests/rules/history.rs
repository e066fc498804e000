//! The heart of the store: from any earlier change number, what the log tells turns an old picture
//! of an account into the present one; and whatever verbs run, numbers are consecutive, UIDs
//! ascend, counters are counts.

use crate::world::{ACCOUNT, Fixture, Opened, embedded};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use store::backend::Direction;
use store::id::{ChangeSeq, ContentId, FolderId, ItemKey, PlaceId, Timestamp, Uid};
use store::model::{
    Changes, FlagChange, FlagSet, Flags, FolderChange, ItemChange, ItemRow, Location, ModelError,
    NewBody, NewFolder, NewItem, Object, OverlayInput, OverlayObject, OverlayValue, Reads, Shelf,
    Txn, Value, View, check,
};

/// What a random client does. Indices are taken modulo what there is.
#[derive(Debug, Clone)]
enum Deed {
    CreateFolder(u8),
    RenameFolder(u8, u8),
    RemoveFolder(u8),
    RestoreFolder(u8),
    Insert(u8, u8, bool),
    Flags(u8, u8, bool),
    Keyword(u8, u8),
    Copy(u8, u8),
    Move(u8, u8),
    Remove(u8),
    Restore(u8),
    Purge(u8),
    PurgeOld(u8),
    Replace(u8, u8),
    Overlay(u8, u16),
    Note(u8, u8),
    Quota(u8),
}

fn deeds() -> impl Strategy<Value = Deed> {
    prop_oneof![
        1 => any::<u8>().prop_map(Deed::CreateFolder),
        1 => any::<(u8, u8)>().prop_map(|(a, b)| Deed::RenameFolder(a, b)),
        1 => any::<u8>().prop_map(Deed::RemoveFolder),
        1 => any::<u8>().prop_map(Deed::RestoreFolder),
        8 => any::<(u8, u8, bool)>().prop_map(|(a, b, c)| Deed::Insert(a, b, c)),
        6 => any::<(u8, u8, bool)>().prop_map(|(a, b, c)| Deed::Flags(a, b, c)),
        2 => any::<(u8, u8)>().prop_map(|(a, b)| Deed::Keyword(a, b)),
        3 => any::<(u8, u8)>().prop_map(|(a, b)| Deed::Copy(a, b)),
        5 => any::<(u8, u8)>().prop_map(|(a, b)| Deed::Move(a, b)),
        4 => any::<u8>().prop_map(Deed::Remove),
        2 => any::<u8>().prop_map(Deed::Restore),
        1 => any::<u8>().prop_map(Deed::Purge),
        1 => any::<u8>().prop_map(Deed::PurgeOld),
        3 => any::<(u8, u8)>().prop_map(|(a, b)| Deed::Replace(a, b)),
        2 => any::<(u8, u16)>().prop_map(|(a, b)| Deed::Overlay(a, b)),
        2 => any::<(u8, u8)>().prop_map(|(a, b)| Deed::Note(a, b)),
        1 => any::<u8>().prop_map(Deed::Quota),
    ]
}

/// Everything that a client may know of an account: folders, and each item where it stands.
#[derive(Debug, Clone, PartialEq, Default)]
struct Picture {
    head: ChangeSeq,
    folders: BTreeMap<FolderId, (String, Option<Timestamp>, ChangeSeq)>,
    items: BTreeMap<ItemKey, (Location, ItemRow)>,
}

fn picture(view: &View<'_>) -> Picture {
    let mut picture = Picture {
        head: view.account_row(ACCOUNT).unwrap().unwrap().head,
        ..Picture::default()
    };
    for (folder, row) in view.folders(ACCOUNT).unwrap() {
        picture
            .folders
            .insert(folder, (row.name, row.removed, row.changed));
        for (at, row) in rows(view, folder) {
            picture.items.insert(row.item, (at, row));
        }
    }
    picture
}

fn rows(view: &View<'_>, folder: FolderId) -> Vec<(Location, ItemRow)> {
    let mut found = Vec::new();
    for shelf in Shelf::ALL {
        let all = 0..=u32::MAX;
        view.items(
            ACCOUNT,
            folder,
            shelf,
            all,
            Direction::Forward,
            &mut |uid, row| {
                found.push((Location { folder, shelf, uid }, row));
                ControlFlow::Continue(())
            },
        )
        .unwrap();
    }
    found
}

/// What a client does that has an old picture: asks for the log since, and looks at what the log
/// names.
fn catch_up(view: &View<'_>, mut old: Picture, page: usize) -> Picture {
    loop {
        let Changes::Page { records, more } = view.changes(ACCOUNT, old.head, page).unwrap() else {
            panic!("nothing was forgotten")
        };
        for (change, record) in records {
            assert_eq!(change.0, old.head.0 + 1, "numbers are consecutive");
            old.head = change;
            match record.object {
                Object::Folder(folder) => look_at_folder(view, &mut old, folder),
                Object::Item(item) => look_at_item(view, &mut old, item),
                _ => {}
            }
        }
        if !more {
            return old;
        }
    }
}

fn look_at_folder(view: &View<'_>, old: &mut Picture, folder: FolderId) {
    match view.folder(ACCOUNT, folder).unwrap() {
        Some(row) => old
            .folders
            .insert(folder, (row.name, row.removed, row.changed)),
        None => old.folders.remove(&folder),
    };
}

fn look_at_item(view: &View<'_>, old: &mut Picture, item: ItemKey) {
    match view.location(ACCOUNT, item).unwrap() {
        Some(at) => {
            let row = view
                .item_row(ACCOUNT, at)
                .unwrap()
                .expect("a location leads to an item");
            old.items.insert(item, (at, row));
        }
        None => _ = old.items.remove(&item),
    }
}

/// What a client of single folders does: drops what departed, takes what has a later stamp.
fn catch_up_by_folder(view: &View<'_>, old: &Picture) -> BTreeMap<Location, ItemRow> {
    let mut items: BTreeMap<_, _> = old.items.values().cloned().collect();
    for (folder, row) in view.folders(ACCOUNT).unwrap() {
        if row.contents_changed <= old.head {
            continue; // A client does not even ask.
        }
        for gone in view
            .departed(ACCOUNT, folder, old.head, usize::MAX)
            .unwrap()
            .unwrap()
        {
            items.remove(&Location {
                folder,
                shelf: gone.shelf,
                uid: gone.uid,
            });
        }
        let changed = rows(view, folder).into_iter();
        items.extend(changed.filter(|(_, row)| row.last_change() > old.head));
    }
    let folders: BTreeSet<_> = view
        .folders(ACCOUNT)
        .unwrap()
        .into_iter()
        .map(|f| f.0)
        .collect();
    items.retain(|at, _| folders.contains(&at.folder));
    items
}

fn pick<T: Copy>(all: &[T], index: u8) -> Option<T> {
    all.get(usize::from(index) % all.len().max(1)).copied()
}

fn folders(txn: &Txn<'_>, removed: bool) -> Vec<FolderId> {
    let all = txn.folders(ACCOUNT).unwrap().into_iter();
    all.filter(|(_, row)| row.removed.is_some() == removed)
        .map(|(id, _)| id)
        .collect()
}

/// The items of living folders, on one shelf or on all but that.
fn items(txn: &Txn<'_>, recoverable: bool) -> Vec<Location> {
    let mut found = Vec::new();
    for folder in folders(txn, false) {
        for shelf in Shelf::ALL {
            if (shelf == Shelf::Recoverable) == recoverable {
                let uids = txn.uids(ACCOUNT, folder, shelf).unwrap();
                found.extend(uids.iter().map(|uid| Location { folder, shelf, uid }));
            }
        }
    }
    found
}

const FLAGS: [Flags; 4] = [Flags::SEEN, Flags::DELETED, Flags::FLAGGED, Flags::DRAFT];
const SHELVES: [Shelf; 3] = [Shelf::Mail, Shelf::Other, Shelf::Associated];

/// Does one deed; what has nothing to act on does nothing.
fn act(fixture: &Opened, txn: &mut Txn<'_>, deed: &Deed) -> Result<(), ModelError> {
    match *deed {
        Deed::CreateFolder(name) => allow(
            txn.create_folder(
                ACCOUNT,
                &NewFolder {
                    name: format!("f{name}"),
                    parent: pick(&folders(txn, false), name).filter(|_| name % 2 == 0),
                    ..NewFolder::default()
                },
            )
            .map(drop),
        ),
        Deed::RenameFolder(folder, name) => with(pick(&folders(txn, false), folder), |folder| {
            let parent = pick(&folders(txn, false), name);
            let name = Some(format!("f{name}"));
            allow(txn.update_folder(
                ACCOUNT,
                folder,
                &FolderChange {
                    parent,
                    name,
                    ..FolderChange::default()
                },
            ))
        }),
        Deed::RemoveFolder(folder) => with(pick(&folders(txn, false), folder), |folder| {
            allow(txn.remove_folder(ACCOUNT, folder))
        }),
        Deed::RestoreFolder(folder) => with(pick(&folders(txn, true), folder), |folder| {
            allow(txn.restore_folder(ACCOUNT, folder, None, &format!("back{}", folder.0)))
        }),
        Deed::Insert(folder, bits, bound) => with(pick(&folders(txn, false), folder), |folder| {
            insert(fixture, txn, folder, bits, bound)
        }),
        Deed::PurgeOld(limit) => {
            let before = Timestamp(txn.now().0 - 20 * Timestamp::PER_SECOND);
            txn.purge_recoverable(ACCOUNT, before, usize::from(limit % 8))
                .map(drop)
        }
        Deed::Quota(quota) => txn.set_quota(ACCOUNT, Some(u64::from(quota % 3))),
        _ => act_on_item(fixture, txn, deed),
    }
}

fn act_on_item(fixture: &Opened, txn: &mut Txn<'_>, deed: &Deed) -> Result<(), ModelError> {
    match *deed {
        Deed::Flags(item, flag, set) => with(pick(&items(txn, item > 200), item), |at| {
            let flags = FLAGS[usize::from(flag % 4)] | FLAGS[usize::from(flag / 4 % 4)];
            let change = if set {
                FlagChange::add(flags)
            } else {
                FlagChange::remove(flags)
            };
            txn.set_flags(ACCOUNT, at, &change).map(drop)
        }),
        Deed::Keyword(item, name) => with(pick(&items(txn, false), item), |at| {
            let name = store::model::Name::Keyword(format!("word{}", name % 5));
            let number = txn.intern(ACCOUNT, &name)?;
            let set = FlagSet {
                flags: Flags::SEEN,
                keywords: [number].into_iter().collect(),
            };
            txn.set_flags(ACCOUNT, at, &FlagChange::Replace(set))
                .map(drop)
        }),
        Deed::Copy(item, folder) => with(pick(&items(txn, item > 250), item), |at| {
            let to = pick(&folders(txn, false), folder).unwrap_or(at.folder);
            txn.copy_item(ACCOUNT, at, ACCOUNT, to).map(drop)
        }),
        Deed::Move(item, folder) => with(pick(&items(txn, false), item), |at| {
            let to = pick(&folders(txn, false), folder).unwrap_or(at.folder);
            txn.move_item(ACCOUNT, at, to).map(drop)
        }),
        Deed::Remove(item) => with(pick(&items(txn, false), item), |at| {
            txn.remove_item(ACCOUNT, at)
        }),
        Deed::Restore(item) => with(pick(&items(txn, true), item), |at| {
            txn.restore_item(ACCOUNT, at, None).map(drop)
        }),
        Deed::Purge(item) => with(pick(&items(txn, item % 2 == 0), item), |at| {
            txn.purge_item(ACCOUNT, at)
        }),
        Deed::Replace(item, content) => with(pick(&items(txn, false), item), |at| {
            let body = Some(staged(fixture, content));
            txn.replace_body(
                ACCOUNT,
                at,
                &NewBody {
                    body,
                    ..NewBody::default()
                },
            )
            .map(drop)
        }),
        Deed::Overlay(item, len) => with(pick(&items(txn, false), item), |at| {
            set_value(txn, at, usize::from(len))
        }),
        Deed::Note(item, bytes) => with(pick(&items(txn, false), item), |at| {
            note(txn, at, bytes % 3)
        }),
        _ => Ok(()),
    }
}

fn note(txn: &mut Txn<'_>, at: Location, bytes: u8) -> Result<(), ModelError> {
    let change = ItemChange {
        annotation_bytes: Some(u32::from(bytes)),
        ..ItemChange::default()
    };
    txn.alter_item(ACCOUNT, at, &change).map(drop)
}

/// The verb refused because the state does not allow it: that is a rule, not a fault.
fn allow(result: Result<(), ModelError>) -> Result<(), ModelError> {
    match result {
        Err(ModelError::Store(error)) => Err(ModelError::Store(error)),
        _ => Ok(()),
    }
}

fn with<T>(
    found: Option<T>,
    act: impl FnOnce(T) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    found.map_or(Ok(()), act)
}

fn staged(fixture: &Opened, content: u8) -> store::model::Body {
    let mut spool = fixture.store.spool().unwrap();
    spool
        .write(&vec![content; usize::from(content) + 1])
        .unwrap();
    store::model::Body::Staged(Arc::new(spool.finish().unwrap()))
}

fn insert(
    fixture: &Opened,
    txn: &mut Txn<'_>,
    folder: FolderId,
    bits: u8,
    with_body: bool,
) -> Result<(), ModelError> {
    let reserved = if bits > 250 {
        Some(txn.reserve_ids(ACCOUNT, 3)?.first + 1)
    } else {
        None
    };
    let new = NewItem {
        shelf: SHELVES[usize::from(bits % 3)],
        flags: FLAGS[usize::from(bits / 4 % 4)].into(),
        body: with_body.then(|| staged(fixture, bits)),
        prefix: bytes::Bytes::from_static(b"Received: x\r\n"),
        id: reserved,
        names: vec![u64::from(bits % 16), u64::from(bits % 5)],
        ..NewItem::mail(folder)
    };
    let receipt = txn.insert_item(ACCOUNT, &new)?;
    assert_eq!(
        receipt.place,
        PlaceId(receipt.item.0),
        "a new item has one number"
    );
    assert_eq!(
        receipt.content,
        ContentId(receipt.item.0),
        "a new item has one number"
    );
    Ok(())
}

fn set_value(txn: &mut Txn<'_>, at: Location, len: usize) -> Result<(), ModelError> {
    let value = Value::Text("v".repeat(len % 6000)); // Some of them too long for a row.
    let binding = store::model::Binding::Free;
    let set = OverlayInput::Set(OverlayValue {
        property: 1 + len as u32 % 3,
        value,
        binding,
    });
    txn.set_overlay(ACCOUNT, OverlayObject::Item(at), &[], &[set])
}

/// UIDs that were ever given, by folder and shelf: the highest.
type Highest = BTreeMap<(FolderId, Shelf), Uid>;

/// A UID never comes twice: what stands above the highest is new, what stands below must have been
/// there.
fn check_uids(before: &Picture, after: &Picture, highest: &mut Highest) {
    let old: BTreeMap<Location, ItemKey> = before
        .items
        .iter()
        .map(|(&item, (at, _))| (*at, item))
        .collect();
    let mut reached = highest.clone();
    for (&item, (at, _)) in &after.items {
        let top = highest
            .get(&(at.folder, at.shelf))
            .copied()
            .unwrap_or_default();
        if at.uid <= top {
            assert_eq!(
                old.get(at),
                Some(&item),
                "a UID names one item for ever: {at:?}"
            );
        }
        let reached = reached.entry((at.folder, at.shelf)).or_default();
        *reached = at.uid.max(*reached);
    }
    *highest = reached;
}

fn run(fixture: &Opened, commits: &[Vec<Deed>], pages: usize) {
    let mut pictures = vec![picture(&fixture.store.view(ACCOUNT).unwrap())];
    let mut highest = Highest::new();
    for (session, deeds) in commits.iter().enumerate() {
        fixture.clock.advance_seconds(3);
        fixture
            .write_as(session as u64, |txn| {
                deeds.iter().try_for_each(|deed| act(fixture, txn, deed))
            })
            .unwrap();
        let view = fixture.store.view(ACCOUNT).unwrap();
        let now = picture(&view);
        check_uids(pictures.last().unwrap(), &now, &mut highest);
        pictures.push(now);
    }
    let view = fixture.store.view(ACCOUNT).unwrap();
    let now = pictures.last().unwrap();
    let by_place: BTreeMap<_, _> = now.items.values().cloned().collect();
    for old in &pictures {
        assert_eq!(&catch_up(&view, old.clone(), pages), now);
        assert_eq!(catch_up_by_folder(&view, old), by_place);
    }
    assert_eq!(check(&view).unwrap(), []);
    let rebuilt = fixture.write(|txn| txn.rebuild_derived(ACCOUNT)).unwrap();
    assert_eq!(rebuilt, 0, "what is right is not rewritten");
}

/// Several writers at once: nothing may be lost between them.
fn run_at_once(fixture: &Opened, writers: &[Vec<Deed>]) {
    fixture
        .write(|txn| act(fixture, txn, &Deed::CreateFolder(1)))
        .unwrap();
    let before = picture(&fixture.store.view(ACCOUNT).unwrap());
    std::thread::scope(|scope| {
        for (session, deeds) in writers.iter().enumerate() {
            scope.spawn(move || {
                for deed in deeds {
                    fixture
                        .write_as(session as u64, |txn| act(fixture, txn, deed))
                        .unwrap();
                }
            });
        }
    });
    let view = fixture.store.view(ACCOUNT).unwrap();
    let now = picture(&view);
    assert_eq!(catch_up(&view, before.clone(), 7), now);
    let by_place: BTreeMap<_, _> = now.items.values().cloned().collect();
    assert_eq!(catch_up_by_folder(&view, &before), by_place);
    assert_eq!(check(&view).unwrap(), []);
}

fn commits() -> impl Strategy<Value = Vec<Vec<Deed>>> {
    let commits = prop::collection::vec(prop::collection::vec(deeds(), 1..6), 1..40);
    commits.prop_map(|rest| [vec![vec![Deed::CreateFolder(1)]], rest].concat())
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        max_shrink_iters: 400,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn any_earlier_number_leads_to_the_present(commits in commits(), pages in 1_usize..20) {
        run(&Fixture::new(), &commits, pages);
    }
}

proptest! {
    #![proptest_config(cases(10))]

    #[test]
    fn any_earlier_number_leads_to_the_present_on_disk(commits in commits(), pages in 1_usize..20) {
        let (backend, _threads) = embedded(&Arc::default());
        run(&Opened::on(backend, Arc::default()), &commits, pages);
    }

    #[test]
    fn writers_at_once_lose_nothing(
        writers in prop::collection::vec(prop::collection::vec(deeds(), 30..60), 4),
    ) {
        run_at_once(&Fixture::new(), &writers);
        let (backend, _threads) = embedded(&Arc::default());
        run_at_once(&Opened::on(backend, Arc::default()), &writers);
    }
}
