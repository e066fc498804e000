//! Import and export against an engine in memory and a folder of the test's own.

// The lints know tests by their attribute; what helps them stands outside of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::administration::{Export, Progress};
use engine::rehearsal::Rehearsal;
use engine::{
    EngineError, FlagSet, Flags, FolderId, Keywords, Location, NewLetter, Reading, RetrievalNames,
    Role, Settings, Shelf, Uid,
};
use proptest::prelude::*;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

static PLACES: AtomicU32 = AtomicU32::new(0);

/// A folder that is gone behind the test.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        let name = format!("facteur-import-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    #[allow(clippy::disallowed_methods, reason = "makes the source of an import")]
    fn file(&self, name: &str, bytes: &[u8]) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = std::fs::File::create(path).unwrap();
        file.write_all(bytes).unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn person(house: &Rehearsal, name: &str) -> Account {
    let user = house.person(&format!("{name}@example.test")).unwrap();
    house.engine.account_as_server(user.account)
}

fn import(account: &Account, format: Format, source: &Path) -> Result<Reply, Failure> {
    let import = Import {
        account: "test".to_owned(),
        format,
        into: None,
        source: source.to_owned(),
    };
    take_all(account.clone(), &import, &mut |_: &Progress| true)
}

fn export(account: &Account, format: Format, target: &Path) -> Reply {
    let export = Export {
        account: "test".to_owned(),
        format,
        target: target.to_owned(),
    };
    crate::export::write_all(account.clone(), &export, &mut |_: &Progress| true).unwrap()
}

fn put(account: &Account, path: &[&str], bytes: &[u8], flags: Flags, keyword: &str, ticks: i64) {
    let mut upload = account.upload().unwrap();
    upload.write(bytes).unwrap();
    let staged = upload.finish().unwrap();
    let done = account.write(|txn| {
        let folder = match txn.folder_at(path)? {
            Some((id, _)) => id,
            None => txn.create_path(path, Role::None)?,
        };
        let number = txn.intern_keyword(keyword)?;
        let keywords: Keywords = [number].into_iter().collect();
        txn.append(&NewLetter {
            flags: FlagSet { flags, keywords },
            received: Some(Timestamp(ticks)),
            ..NewLetter::new(folder, &staged)
        })?;
        Ok::<_, EngineError>(())
    });
    done.unwrap().wait().unwrap();
}

/// All that makes a mailbox: folder, second of receipt, flags, keywords, bytes.
type Contents = Vec<(String, i64, u32, Vec<String>, Vec<u8>)>;

fn contents(account: &Account) -> Contents {
    let view = account.read().unwrap();
    let mut found = Vec::new();
    for folder in view.folders().unwrap() {
        for uid in view.uids(folder.id, Shelf::Mail).unwrap().iter() {
            let row = view.item(Location::mail(folder.id, uid)).unwrap().unwrap();
            let bytes = account.read_message(&row, 0..row.size).unwrap().to_vec();
            let keywords = row.keywords.numbers().iter();
            let keywords = keywords.map(|number| view.keyword(*number).unwrap().unwrap());
            found.push((
                folder.path.join("\n"),
                row.received.seconds(),
                row.flags.0,
                keywords.collect(),
                bytes,
            ));
        }
    }
    found.sort();
    found
}

fn inbox(account: &Account) -> FolderId {
    let view = account.read().unwrap();
    view.folder_with_role(Role::Inbox).unwrap().unwrap().0
}

/// Letters that formats of lines find hard.
const HARD: [&[u8]; 12] = [
    b"",
    b"no line end",
    b"Subject: x\r\n\r\n",
    b"From a@b Thu Aug 22 12:36:23 2002\r\n>From c\r\nSubject: x\r\n\r\nFrom d\r\n>>From e\r\n",
    b"Subject: x\r\n\r\n\r\n\r\n",
    b"Subject: bare LF\n\nFrom me\n",
    b"Subject: mixed\r\n\r\na\nb\r\nc\rd\r\r\ne",
    b"Status: RO\r\nX-Status: A\r\nX-Keywords: none\r\n\r\nx\r\n",
    b"X-Facteur-Letter: 1 2\r\nStatus: RO\r\nX-Status: A\r\nX-Keywords: none\r\n\r\nx\r\n",
    b"\r\n\r\nFrom a@b Thu Aug 22 12:36:23 2002\r\n\r\n",
    b"Subject: NUL\r\n\r\n\0\0\r\n",
    b"\n",
];

fn check_round_trip(format: Format, letters: &[&[u8]]) {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let (old, new) = (person(&house, "old"), person(&house, "new"));
    let sets = [
        Flags::NONE,
        Flags::SEEN | Flags::DRAFT | Flags::FORWARDED,
        Flags::FLAGGED | Flags::ANSWERED | Flags::DELETED | Flags::JUNK,
    ];
    let paths: [&[&str]; 4] = [
        &["Inbox"],
        &["Work", "a.b/c%", "日本 & more"],
        &["Inbox", "below"],
        &["..", ".mbox"],
    ];
    for (number, letter) in letters.iter().enumerate() {
        let flags = sets[number % sets.len()];
        let path = paths[number % paths.len()];
        let keyword = format!("keyword-{number}");
        let second = 1_000_000 * i64::try_from(number).unwrap();
        put(&old, path, letter, flags, &keyword, second * 10_000_000 + 7);
    }
    let place = Place::new();
    export(&old, format, &place.0);
    import(&new, format, &place.0).unwrap();
    assert_eq!(contents(&new), contents(&old));
    import(&new, format, &place.0).unwrap();
    assert_eq!(contents(&new).len(), letters.len(), "taken twice");
}

#[test]
fn hard_letters_come_back_through_maildir() {
    check_round_trip(Format::Maildir, &HARD);
}

#[test]
fn hard_letters_come_back_through_mbox() {
    check_round_trip(Format::Mbox, &HARD);
}

#[test]
fn more_keywords_than_a_maildir_has_letters_for_come_back() {
    let letters: Vec<Vec<u8>> = (0..120)
        .map(|n| format!("Subject: {n}\r\n").into())
        .collect();
    let letters: Vec<&[u8]> = letters.iter().map(Vec::as_slice).collect();
    check_round_trip(Format::Maildir, &letters);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_letters_come_back(
        letters in prop::collection::vec("[a:\r\n>]{0,12}(From |\r\n){0,3}[x\r\n]{0,4}", 1..6),
    ) {
        let letters: Vec<&[u8]> = letters.iter().map(String::as_bytes).collect();
        check_round_trip(Format::Mbox, &letters);
        check_round_trip(Format::Maildir, &letters);
    }
}

#[test]
fn letters_that_a_source_has_twice_stay_two() {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let account = person(&house, "alice");
    let letter = "From a@b Thu Aug 22 12:36:23 2002\nSubject: x\n\ntext\n\n";
    let place = Place::new();
    place.file("box", letter.repeat(2).as_bytes());
    for _ in 0..2 {
        import(&account, Format::Mbox, &place.0.join("box")).unwrap();
        assert_eq!(contents(&account).len(), 2);
    }
}

/// An mbox of two letters; the first has this body there, and says that it has this length.
fn mbox(length: Option<usize>, body: &str) -> String {
    let length = length.map_or(String::new(), |length| {
        format!("Content-Length: {length}\n")
    });
    format!(
        "From a@b Thu Aug 22 12:36:23 2002\nSubject: 1\n{length}\n{body}\n\
         From a@b Thu Aug 22 12:36:24 2002\nSubject: 2\n\nlast\n\n"
    )
}

#[test]
fn each_dialect_of_mbox_gives_the_letter_that_went_in() {
    // mboxcl2 quotes nothing, so that only the length keeps the second line from being a separator.
    let plain = "one\n\nFrom me Thu Aug 22 12:36:23 2002\n>From you\nend\n";
    let quoted = "one\n\n>From me Thu Aug 22 12:36:23 2002\nend\n";
    let twice = "one\n\n>From me Thu Aug 22 12:36:23 2002\n>>From you\nend\n";
    let dequoted = "one\n\nFrom me Thu Aug 22 12:36:23 2002\nend\n";
    for (dialect, length, body, wanted) in [
        ("mboxo", None, quoted, dequoted),
        ("mboxrd", None, twice, plain),
        ("mboxcl", Some(quoted.len()), quoted, dequoted),
        ("mboxcl2", Some(plain.len()), plain, plain),
        (
            "mboxcl2, the empty line counted",
            Some(plain.len() + 1),
            plain,
            plain,
        ),
        (
            "mboxrd with the length of another form",
            Some(twice.len() + 7),
            twice,
            plain,
        ),
    ] {
        let house = Rehearsal::new(Settings::default()).unwrap();
        let account = person(&house, "alice");
        let place = Place::new();
        place.file("box", mbox(length, body).as_bytes());
        import(&account, Format::Mbox, &place.0.join("box")).unwrap();
        let taken = contents(&account);
        assert_eq!(taken.len(), 2, "{dialect}");
        let wanted = wanted.replace('\n', "\r\n");
        let is_there = taken.iter().any(|letter| {
            String::from_utf8_lossy(&letter.4)
                .trim_end()
                .ends_with(wanted.trim_end())
        });
        assert!(is_there, "{dialect}: {taken:?}");
    }
}

const UIDLIST: &str = "3 V1700000000 N60 Gdeadbeef\n41 Ppop-one :1.a\n50 :2.b\n";

fn dovecot() -> Place {
    let place = Place::new();
    place.file("cur/1.a:2,Sa", b"Subject: one\n\n");
    place.file("cur/2.b:2,F", b"Subject: two\n\n");
    place.file("new/3.c", b"Subject: three\n\n");
    place.file("dovecot-uidlist", UIDLIST.as_bytes());
    place.file("dovecot-keywords", b"0 $Important\n");
    place
}

fn uids(account: &Account) -> Vec<u32> {
    let view = account.read().unwrap();
    let uids = view.uids(inbox(account), Shelf::Mail).unwrap();
    uids.iter().map(|uid| uid.0).collect()
}

#[test]
fn a_dovecot_maildir_keeps_what_clients_know_letters_by() {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let account = person(&house, "alice");
    import(&account, Format::Maildir, &dovecot().0).unwrap();
    assert_eq!(uids(&account), [41, 50, 60]);
    let view = account.read().unwrap();
    let row = view.folder(inbox(&account)).unwrap();
    assert_eq!(row.uid_validity, 1_700_000_000);
    let names = RetrievalNames::of(&view).unwrap();
    let known_as = |uid| {
        let at = Location::mail(inbox(&account), Uid(uid));
        let row = view.item(at).unwrap().unwrap();
        names.name(&view, &row).unwrap()
    };
    assert_eq!(known_as(41).as_deref(), Some("pop-one"));
    assert_eq!(known_as(50).as_deref(), Some("000000326553f100"));
    assert_eq!(known_as(60), None);
}

#[test]
fn numbers_and_names_come_back_through_maildir() {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let (old, new) = (person(&house, "old"), person(&house, "new"));
    import(&old, Format::Maildir, &dovecot().0).unwrap();
    let place = Place::new();
    export(&old, Format::Maildir, &place.0);
    import(&new, Format::Maildir, &place.0).unwrap();
    assert_eq!(uids(&new), uids(&old));
    let known_as = |account: &Account| {
        let view = account.read().unwrap();
        let names = RetrievalNames::of(&view).unwrap();
        let mut found = Vec::new();
        for uid in uids(account) {
            let at = Location::mail(inbox(account), Uid(uid));
            let row = view.item(at).unwrap().unwrap();
            let name = names.name(&view, &row).unwrap();
            found.push(name.unwrap_or_else(|| RetrievalNames::own(row.content)));
        }
        found
    };
    assert_eq!(known_as(&new), known_as(&old));
    let validity = |account: &Account| {
        let view = account.read().unwrap();
        view.folder(inbox(account)).unwrap().uid_validity
    };
    assert_eq!(validity(&new), validity(&old));
}

#[test]
fn uids_are_new_in_a_folder_that_held_mail() {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let account = person(&house, "alice");
    put(
        &account,
        &["Inbox"],
        b"Subject: first\r\n",
        Flags::NONE,
        "k",
        0,
    );
    let reply = import(&account, Format::Maildir, &dovecot().0).unwrap();
    assert_eq!(uids(&account), [1, 2, 3, 4]);
    assert!(reply.text.contains("UIDs are new"), "{}", reply.text);
}

#[test]
fn a_maildir_imported_again_after_mail_came_keeps_its_new_uids_too() {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let account = person(&house, "alice");
    let place = dovecot();
    import(&account, Format::Maildir, &place.0).unwrap();
    place.file("cur/4.d:2,S", b"Subject: four\n\n");
    let list = UIDLIST.replace("N60", "N63") + "62 :4.d\n";
    place.file("dovecot-uidlist", list.as_bytes());
    import(&account, Format::Maildir, &place.0).unwrap();
    assert_eq!(uids(&account), [41, 50, 60, 62]);
}

#[test]
fn what_cannot_be_taken_is_counted_and_the_rest_is_taken() {
    let settings = Settings {
        limits: engine::Limits {
            message_bytes_max: 100,
            ..engine::Limits::default()
        },
        ..Settings::default()
    };
    let house = Rehearsal::new(settings).unwrap();
    let account = person(&house, "alice");
    let place = Place::new();
    place.file("a/good.eml", b"Subject: good\n\n");
    place.file("a/large.eml", &[b'x'; 200]);
    place.file("a/picture.png", b"");
    let outside = Place::new();
    outside.file("secret.eml", b"Subject: secret\n\n");
    std::os::unix::fs::symlink(outside.0.join("secret.eml"), place.0.join("a/link.eml")).unwrap();
    std::os::unix::fs::symlink(&outside.0, place.0.join("a/folder")).unwrap();
    let reply = import(&account, Format::Eml, &place.0).unwrap();
    let found = contents(&account);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].0.as_str(), found[0].4.as_slice()),
        ("a", &b"Subject: good\r\n\r\n"[..])
    );
    assert!(
        reply
            .text
            .contains("not taken: 1: the letter is too large (large.eml)")
    );
    assert!(
        reply.text.contains("not taken: 3: not an .eml file"),
        "{}",
        reply.text
    );
}

#[test]
fn folders_that_were_not_subscribed_stay_so() {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let account = person(&house, "alice");
    let place = dovecot();
    place.file(".Lists.rust/cur/1.x:2,", b"Subject: x\n\n");
    place.file(".Old/cur/1.x:2,", b"Subject: x\n\n");
    place.file("subscriptions", b"V\t2\n\nLists\trust\n");
    import(&account, Format::Maildir, &place.0).unwrap();
    let view = account.read().unwrap();
    let subscribed = |path: &[&str]| view.folder_at(path).unwrap().unwrap().1.subscribed;
    assert!(subscribed(&["Lists", "rust"]));
    assert!(!subscribed(&["Old"]));
}

#[test]
fn what_is_no_mailbox_is_a_failure() {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let account = person(&house, "alice");
    let place = Place::new();
    place.file("text", b"this is no mailbox\n");
    for (format, source) in [
        (Format::Mbox, place.0.join("text")),
        (Format::Maildir, place.0.clone()),
        (Format::Eml, place.0.join("nothing")),
    ] {
        assert!(import(&account, format, &source).is_err(), "{format:?}");
    }
}

#[test]
fn an_export_never_writes_into_a_folder_that_holds_something() {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let account = person(&house, "alice");
    let place = Place::new();
    place.file("precious", b"");
    let export = Export {
        account: "test".to_owned(),
        format: Format::Mbox,
        target: place.0.clone(),
    };
    let outcome = crate::export::write_all(account, &export, &mut |_: &Progress| true);
    assert!(outcome.is_err());
}

#[test]
fn the_newest_hop_tells_when_a_letter_was_received() {
    let head = b"Received: from a by b;\r\n Thu, 22 Aug 2002 12:36:23 +0000\r\n\
        Received: from c by a; Wed, 21 Aug 2002 00:00:00 +0000\r\n\
        Date: Tue, 20 Aug 2002 00:00:00 +0000\r\n\r\n";
    assert_eq!(received(head), Some(Timestamp::from_seconds(1_030_019_783)));
    let sent = b"Date: Thu, 22 Aug 2002 14:36:23 +0200\r\n\r\n";
    assert_eq!(received(sent), Some(Timestamp::from_seconds(1_030_019_783)));
    assert_eq!(received(b"Subject: none\r\n\r\n"), None);
}
