//! The address book: whom one may see of those who have an address here.
//!
//! People see who has an address in a domain in which they have one too: a server may hold domains
//! that know nothing of one another. In order of names, as a dictionary of some language has them:
//! Swedes look for Å behind Z, Germans before B.
//!
//! Start at [`Directory::book`]. Standard: UTS #10, with the orders of CLDR.

use super::cache::Entry;
use super::record::{AccountKind, AccountRecord, ListRecord};
use super::{Address, Directory};
use crate::error::EngineError;
use icu_collator::options::{CollatorOptions, Strength};
use icu_collator::{Collator, CollatorBorrowed};
use icu_locale_core::Locale;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use store::id::AccountId;
use store::model::{DirectoryKind, Reads};

/// The name of no language in particular.
pub const ANY_LANGUAGE: &str = "und";

/// What an entry of the address book stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BookKind {
    /// An account.
    Account(AccountKind),
    /// A group, with those of its members that stand in the same book, in its order.
    Group(Vec<AccountId>),
}

/// Someone or something with an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookEntry {
    /// Its number in the directory, which accounts and groups share.
    pub number: AccountId,
    /// What it is.
    pub kind: BookKind,
    /// The name people read; the address where it has none.
    pub name: String,
    /// Its first address.
    pub address: String,
    /// Further addresses of its own.
    pub other_addresses: Vec<String>,
}

/// An address book in the order of one language.
#[derive(Debug, Default)]
pub struct Book {
    entries: Vec<Arc<BookEntry>>,
    places: HashMap<AccountId, usize>,
    order: NameOrder,
}

impl Book {
    /// A book of these entries in that order.
    pub fn new(mut entries: Vec<Arc<BookEntry>>, order: NameOrder) -> Self {
        entries.sort_by(|left, right| {
            let by_name = order.compare(&left.name, &right.name);
            by_name.then(left.number.cmp(&right.number))
        });
        let places = entries.iter().enumerate();
        let places = places.map(|(place, entry)| (entry.number, place)).collect();
        Self {
            entries,
            places,
            order,
        }
    }

    /// All entries, by name.
    pub fn entries(&self) -> &[Arc<BookEntry>] {
        &self.entries
    }

    /// How two names stand to one another in this book's order.
    pub fn compare(&self, left: &str, right: &str) -> Ordering {
        self.order.compare(left, right)
    }

    /// Where an entry stands among them.
    pub fn place(&self, number: AccountId) -> Option<usize> {
        self.places.get(&number).copied()
    }

    /// An entry by its number.
    pub fn entry(&self, number: AccountId) -> Option<&BookEntry> {
        let entry = self.entries.get(self.place(number)?)?;
        Some(entry)
    }
}

/// The order of names in a language. Letters come first, then what stands on or below them; upper
/// and lower case are alike.
#[derive(Debug, Default)]
pub struct NameOrder(Option<CollatorBorrowed<'static>>);

impl NameOrder {
    /// Of a language by its name (BCP 47); of none in particular where it is unknown.
    pub fn of(language: &str) -> Self {
        let mut options = CollatorOptions::default();
        options.strength = Some(Strength::Secondary);
        let locale = Locale::try_from_str(language).unwrap_or(Locale::UNKNOWN);
        Self(Collator::try_new((&locale).into(), options).ok())
    }

    /// How two names stand to one another.
    pub fn compare(&self, left: &str, right: &str) -> Ordering {
        match &self.0 {
            Some(collator) => collator.compare(left, right),
            None => left.cmp(right),
        }
    }

    /// Appends bytes of a name that compare as names do; none of them is 0. For many names that
    /// are compared often this is less work than [`NameOrder::compare`].
    pub fn write_key(&self, name: &str, key: &mut Vec<u8>) {
        match &self.0 {
            // Its error is that of writing to a vector: there is none.
            Some(collator) => _ = collator.write_sort_key_to(name, key),
            None => key.extend(name.bytes().filter(|byte| *byte != 0)),
        }
    }
}

fn domain(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain)
}

impl Directory {
    /// The address book of an account, in the order of a language (BCP 47, `und` for none in
    /// particular); empty for one that is not there.
    pub fn book(&self, viewer: AccountId, language: &str) -> Result<Arc<Book>, EngineError> {
        let Some(entry) = self.account(viewer)? else {
            return Ok(Arc::default());
        };
        let domains = domains(&entry.record);
        let key = domains.iter().cloned().collect::<Vec<_>>().join(" ");
        let any = self.cache.book(&key, || self.read_book(&domains))?;
        if language == ANY_LANGUAGE {
            return Ok(any);
        }
        // The entries themselves are shared by all orders.
        let sorted = || Ok(Book::new(any.entries.clone(), NameOrder::of(language)));
        self.cache.book(&format!("{key} {language}"), sorted)
    }

    fn read_book(&self, domains: &BTreeSet<String>) -> Result<Book, EngineError> {
        let is_shown = |address: &str| domain(address).is_some_and(|one| domains.contains(one));
        let view = self.view()?;
        let mut entries = Vec::new();
        let mut numbers = HashMap::new();
        for (number, row) in view.directory_records(DirectoryKind::Account)? {
            let Entry { record, .. } = Entry::decode(AccountId(number), &row)?;
            if is_shown(&record.address) {
                numbers.insert(record.address.clone(), AccountId(number));
                let others = record.other_addresses.iter().cloned();
                numbers.extend(others.map(|address| (address, AccountId(number))));
                entries.push(of_account(AccountId(number), record));
            }
        }
        let mut groups = Vec::new();
        for (number, row) in view.directory_records(DirectoryKind::Group)? {
            let group = ListRecord::decode(&row.payload)?;
            if is_shown(&group.address) {
                numbers.insert(group.address.clone(), AccountId(number));
                groups.push((AccountId(number), group));
            }
        }
        let groups = groups.into_iter();
        entries.extend(groups.map(|(number, group)| of_group(number, group, &numbers)));
        let entries = entries.into_iter().map(Arc::new).collect();
        Ok(Book::new(entries, NameOrder::of(ANY_LANGUAGE)))
    }
}

fn domains(record: &AccountRecord) -> BTreeSet<String> {
    let all = record.other_addresses.iter().chain([&record.address]);
    all.filter_map(|address| domain(address).map(str::to_owned))
        .collect()
}

fn named(name: String, address: &str) -> String {
    if name.is_empty() {
        address.to_owned()
    } else {
        name
    }
}

fn of_account(number: AccountId, record: AccountRecord) -> BookEntry {
    BookEntry {
        number,
        kind: BookKind::Account(record.kind),
        name: named(record.display_name, &record.address),
        address: record.address,
        other_addresses: record.other_addresses,
    }
}

fn of_group(
    number: AccountId,
    group: ListRecord,
    numbers: &HashMap<String, AccountId>,
) -> BookEntry {
    let known = |target: &String| {
        let address = Address::parse(target).ok()?;
        numbers.get(address.as_str()).copied()
    };
    BookEntry {
        number,
        kind: BookKind::Group(group.targets.iter().filter_map(known).collect()),
        name: named(group.display_name, &group.address),
        address: group.address,
        other_addresses: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::Rehearsal;
    use crate::settings::Settings;

    #[test]
    fn names_are_sorted_as_in_a_dictionary_of_a_language() {
        let sorted = |language: &str| {
            let order = NameOrder::of(language);
            let mut names = ["Zoë", "Ärger", "Öl", "arbeit", "Zoe", "Oz", "Art", "ärger"];
            names.sort_by(|left, right| order.compare(left, right));
            names
        };
        let usual = ["arbeit", "Ärger", "ärger", "Art", "Öl", "Oz", "Zoe", "Zoë"];
        assert_eq!(sorted("und"), usual);
        assert_eq!(sorted("de"), usual);
        assert_eq!(sorted("no such language"), usual);
        assert_eq!(
            sorted("sv"),
            ["arbeit", "Art", "Oz", "Zoe", "Zoë", "Ärger", "ärger", "Öl"]
        );
        // A telephone book has Ä as AE and Ö as OE.
        assert_eq!(
            sorted("de-u-co-phonebk"),
            ["Ärger", "ärger", "arbeit", "Art", "Öl", "Oz", "Zoe", "Zoë"]
        );
    }

    #[test]
    fn one_sees_people_and_groups_of_ones_own_domains() {
        let house = Rehearsal::new(Settings::default()).unwrap();
        let engine = &house.engine;
        let ida = house.person("ida@example.test").unwrap();
        let otto = house.person("otto@example.test").unwrap();
        engine.add_domain("other.test").unwrap().wait().unwrap();
        engine
            .add_list(
                "team@example.test",
                Some("A team"),
                &["otto@example.test", "ida@example.test", "x@elsewhere.test"],
            )
            .unwrap()
            .wait()
            .unwrap();
        engine
            .add_list("team@other.test", Some("Others"), &["ida@example.test"])
            .unwrap()
            .wait()
            .unwrap();
        let book = engine.directory().book(ida.account, ANY_LANGUAGE).unwrap();
        let names: Vec<_> = book.entries().iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["A team", "ida@example.test", "otto@example.test"]);
        assert_eq!(
            book.entries()[0].kind,
            BookKind::Group(vec![otto.account, ida.account])
        );
        assert_eq!(book.place(otto.account), Some(2));
        let again = engine.directory().book(otto.account, ANY_LANGUAGE).unwrap();
        assert!(Arc::ptr_eq(&book, &again), "made once for all who see it");
    }
}
