//! Who has read what in a folder that keeps it for each reader: everyone sees their own, in rows,
//! counts and searches alike.

// The lints know tests by their attribute; what helps them stands outside of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use engine::rehearsal::Rehearsal;
use engine::search::{Plan, Query, Run, Test};
use engine::{
    Account, EngineError, FlagChange, Flags, FolderChange, FolderId, Grant, Grantee, Location,
    NewLetter, Reading, Rights, Role, Settings, Shelf, Transfer, Uid, UidSet, User,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

const LETTER: &[u8] = b"Subject: hello\r\n\r\nHow are you?\r\n";
/// Alice, who owns it, and two guests.
const READERS: usize = 3;

struct House {
    rehearsal: Rehearsal,
    /// Alice's mailbox as each reader may use it.
    views: Vec<Account>,
    users: Vec<User>,
    folders: [FolderId; 2],
}

impl House {
    /// Two folders that both guests may use, with what was read kept for each.
    fn new() -> Self {
        let rehearsal = Rehearsal::new(Settings::default()).unwrap();
        let names = [
            "alice@example.test",
            "bob@example.test",
            "carol@example.test",
        ];
        let users: Vec<User> = names.map(|name| rehearsal.person(name).unwrap()).into();
        let alice = rehearsal.engine.account(&users[0], 1);
        let grants: Vec<Grant> = (1..)
            .zip(&users[1..])
            .map(|(member, user)| Grant {
                member,
                grantee: Grantee::Account(user.account),
                rights: Rights::ALL,
            })
            .collect();
        let folders = ["News", "Old"].map(|name| {
            let made = alice.write(|txn| txn.create_path(&[name], Role::None));
            let folder = made.unwrap().wait().unwrap();
            let change = FolderChange {
                read_by_each: Some(true),
                ..FolderChange::default()
            };
            let set = alice.write(|txn| {
                txn.set_grants(folder, grants.clone())?;
                txn.update_folder(folder, &change)
            });
            set.unwrap().wait().unwrap();
            folder
        });
        let as_guest = |user: &User| {
            let engine = &rehearsal.engine;
            engine.account_of(user, users[0].account, 1).unwrap()
        };
        let mut views = vec![alice.clone()];
        views.extend(users[1..].iter().map(as_guest));
        Self {
            rehearsal,
            views,
            users,
            folders,
        }
    }

    fn append(&self, who: usize, folder: FolderId, flags: Flags) -> Uid {
        let staged = self.rehearsal.staged(LETTER).unwrap();
        let letter = NewLetter {
            flags: flags.into(),
            ..NewLetter::new(folder, &staged)
        };
        let put = self.views[who].write(|txn| txn.append(&letter));
        put.unwrap().wait().unwrap().at.uid
    }

    fn mark(&self, who: usize, folder: FolderId, uid: Uid, is_read: bool) {
        let change = if is_read {
            FlagChange::add(Flags::SEEN)
        } else {
            FlagChange::remove(Flags::SEEN)
        };
        let at = Location::mail(folder, uid);
        let outcome = self.views[who].write(|txn| txn.set_flags(at, &change));
        let outcome = outcome.unwrap().wait().unwrap();
        assert_eq!(outcome.row.flags.contains(Flags::SEEN), is_read);
    }

    fn transfer(&self, who: usize, how: Transfer, from: FolderId, uid: Uid, to: FolderId) -> Uid {
        let at = Location::mail(from, uid);
        let moved = self.views[who].write(|txn| txn.transfer(how, at, to));
        moved.unwrap().wait().unwrap().at.uid
    }

    fn unseen_found(&self, who: usize, folder: FolderId) -> BTreeSet<u32> {
        let account = &self.views[who];
        let uids = account.read().unwrap().uids(folder, Shelf::Mail).unwrap();
        let seen = Query::Test(Test::Flags(Flags::SEEN));
        let plan = Plan::new(Query::Not(Box::new(seen))).unwrap();
        let mut run = Run::new(plan, folder, Shelf::Mail, uids);
        let mut found: Vec<Uid> = Vec::new();
        while !run.step(account, &mut found).unwrap() {}
        found.into_iter().map(|uid| uid.0).collect()
    }

    /// Everything that one reader is told agrees with the model.
    fn check(&self, who: usize, folder: FolderId, model: &BTreeMap<u32, [bool; READERS]>) {
        let view = self.views[who].read().unwrap();
        let mut told = BTreeMap::new();
        view.items(folder, Shelf::Mail, 1..=u32::MAX, &mut |uid, row| {
            told.insert(uid.0, row.flags.contains(Flags::SEEN));
            ControlFlow::Continue(())
        })
        .unwrap();
        let wanted: BTreeMap<u32, bool> =
            model.iter().map(|(uid, read)| (*uid, read[who])).collect();
        assert_eq!(told, wanted, "reader {who}");
        for (uid, read) in &wanted {
            let at = Location::mail(folder, Uid(*uid));
            let row = view.item(at).unwrap().unwrap();
            assert_eq!(row.flags.contains(Flags::SEEN), *read);
        }
        let unseen: BTreeSet<u32> = wanted
            .iter()
            .filter(|(_, read)| !**read)
            .map(|(uid, _)| *uid)
            .collect();
        let row = view.folder(folder).unwrap();
        let count = view.unseen(folder, &row).unwrap();
        assert_eq!(usize::try_from(count).unwrap(), unseen.len());
        assert_eq!(self.unseen_found(who, folder), unseen, "reader {who}");
    }
}

#[derive(Debug, Clone)]
enum Deed {
    Append {
        who: usize,
        is_read: bool,
    },
    Mark {
        who: usize,
        nth: usize,
        is_read: bool,
    },
    Transfer {
        who: usize,
        nth: usize,
        how: Transfer,
    },
    Expunge {
        nth: usize,
    },
}

fn deed() -> impl Strategy<Value = Deed> {
    let who = 0..READERS;
    prop_oneof![
        (who.clone(), any::<bool>()).prop_map(|(who, is_read)| Deed::Append { who, is_read }),
        (who.clone(), 0..9_usize, any::<bool>()).prop_map(|(who, nth, is_read)| Deed::Mark {
            who,
            nth,
            is_read
        }),
        (
            who,
            0..9_usize,
            prop::sample::select(vec![Transfer::Copy, Transfer::Move])
        )
            .prop_map(|(who, nth, how)| Deed::Transfer { who, nth, how }),
        (0..9_usize).prop_map(|nth| Deed::Expunge { nth }),
    ]
}

/// What each has read of the letters in both folders.
type Model = [BTreeMap<u32, [bool; READERS]>; 2];

fn carry_out(house: &House, model: &mut Model, deed: &Deed) {
    let [news, old] = house.folders;
    let nth_of = |model: &Model, nth: usize| model[0].keys().nth(nth).copied();
    match *deed {
        Deed::Append { who, is_read } => {
            let flags = if is_read { Flags::SEEN } else { Flags::NONE };
            let uid = house.append(who, news, flags);
            let mut read = [false; READERS];
            read[who] = is_read;
            model[0].insert(uid.0, read);
        }
        Deed::Mark { who, nth, is_read } => {
            let Some(uid) = nth_of(model, nth) else {
                return;
            };
            house.mark(who, news, Uid(uid), is_read);
            model[0].get_mut(&uid).unwrap()[who] = is_read;
        }
        Deed::Transfer { who, nth, how } => {
            let Some(uid) = nth_of(model, nth) else {
                return;
            };
            let new = house.transfer(who, how, news, Uid(uid), old);
            let before = model[0][&uid];
            if how == Transfer::Move {
                model[0].remove(&uid);
            }
            // The owner's goes with the letter, that of the one who moved it too.
            let mut read = [before[0], false, false];
            read[who] = before[who];
            model[1].insert(new.0, read);
        }
        Deed::Expunge { nth } => {
            let Some(uid) = nth_of(model, nth) else {
                return;
            };
            let at = Location::mail(news, Uid(uid));
            let gone = house.views[0].write(|txn| txn.expunge(at));
            gone.unwrap().wait().unwrap();
            model[0].remove(&uid);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn everyone_sees_what_they_have_read_themselves(deeds in prop::collection::vec(deed(), 1..20)) {
        let house = House::new();
        let mut model = Model::default();
        for deed in &deeds {
            carry_out(&house, &mut model, deed);
            for who in 0..READERS {
                house.check(who, house.folders[0], &model[0]);
            }
        }
        for who in 0..READERS {
            house.check(who, house.folders[1], &model[1]);
        }
    }
}

#[test]
fn a_letter_that_a_reader_takes_home_is_as_read_as_it_was_for_them() {
    let house = House::new();
    let [news, _] = house.folders;
    for is_read in [true, false] {
        let uid = house.append(0, news, Flags::SEEN);
        house.mark(1, news, uid, is_read);
        let home = house.rehearsal.engine.account(&house.users[1], 2);
        let (inbox, _) = home
            .read()
            .unwrap()
            .folder_with_role(Role::Inbox)
            .unwrap()
            .unwrap();
        let uids: UidSet = std::iter::once(uid).collect();
        let copied =
            house.views[1].transfer_to(Transfer::Copy, (news, &uids), (&home, inbox), |_| {
                Ok::<_, EngineError>(())
            });
        let (_, new) = copied.unwrap().wait().unwrap()[0];
        let at = Location::mail(inbox, new);
        let row = home.read().unwrap().item(at).unwrap().unwrap();
        assert_eq!(row.flags.contains(Flags::SEEN), is_read);
    }
}

#[test]
fn who_may_not_keep_it_has_read_nothing_for_ever() {
    let house = House::new();
    let [news, _] = house.folders;
    let uid = house.append(0, news, Flags::NONE);
    let grants = vec![Grant {
        member: 1,
        grantee: Grantee::Account(house.users[1].account),
        rights: Rights::VISIBLE | Rights::READ,
    }];
    let set = house.views[0].write(|txn| txn.set_grants(news, grants.clone()));
    set.unwrap().wait().unwrap();
    let at = Location::mail(news, uid);
    let change = FlagChange::add(Flags::SEEN);
    let marked = house.views[1].write(|txn| txn.set_flags(at, &change));
    assert_eq!(marked.map(|_| ()), Err(EngineError::Denied));
}

#[test]
fn a_folder_below_keeps_it_likewise() {
    let house = House::new();
    let made = house.views[0].write(|txn| txn.create_path(&["News", "Local"], Role::None));
    let below = made.unwrap().wait().unwrap();
    let row = house.views[1].read().unwrap().folder(below).unwrap();
    assert!(row.read_by_each);
}
