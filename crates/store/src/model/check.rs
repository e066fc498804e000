//! Holding an account against itself: what is derived must follow from what is true.
//!
//! Reads only. Bodies and the log are checked by the backend; this is about the rows. Start at
//! [`check`].

use super::codec::Row;
use super::derived::{Derived, REBUILT};
use super::key::{self, tag};
use super::reads::Reads;
use super::row::Name;
use super::scan::{Interned, each, fetch};
use crate::error::StoreError;
use crate::id::{AccountId, BodyNumber, ItemKey, Timestamp};
use std::fmt::{self, Write};
use std::ops::ControlFlow;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A folder's counters are not the count of its items.
    Counters,
    /// A block of UIDs does not name the items that are there.
    Uids,
    /// An item's location does not lead to it, or leads nowhere.
    Location,
    /// A place or content id does not lead to its item.
    Alias,
    /// A folder's name, role or UIDVALIDITY does not lead to it, or leads elsewhere.
    Way,
    /// A conversation's items and names do not lead to each other.
    Conversation,
    /// A tombstone is missing, or stands for nothing in the log.
    Tombstone,
    /// A body is used without a reference, or referred to by nothing.
    Reference,
    /// The account's use is not the sum of its items.
    Use,
    /// A stamp or id lies beyond the account's counter.
    Number,
    /// A name and its number do not lead to each other.
    Name,
    /// An item has no details, or details have no item.
    Details,
    /// An item stands in a folder that does not exist.
    Homeless,
    /// The queue's schedule and its entries differ.
    Schedule,
}

/// Something wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whose it is.
    pub account: AccountId,
    /// What is wrong.
    pub fault: Fault,
    /// The object or key, for a person to read.
    pub subject: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "account {}: {:?}: {}",
            self.account.0, self.fault, self.subject
        )
    }
}

/// Checks all accounts, and that every reference to a body is needed. Answers what is wrong; empty
/// is right.
pub fn check<R: Reads>(read: &R) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    for account in read.accounts()? {
        findings.extend(check_account(read, account)?);
    }
    findings.extend(check_references(read)?);
    findings.extend(check_schedule(read)?);
    Ok(findings)
}

/// Checks one account.
pub fn check_account<R: Reads>(read: &R, account: AccountId) -> Result<Vec<Finding>, StoreError> {
    let derived = Derived::of(read, account)?;
    let mut report = Report {
        account,
        findings: Vec::new(),
    };
    report.rows(read, &derived)?;
    report.counters(read, &derived)?;
    report.numbers(read, &derived)?;
    report.details(read, &derived)?;
    report.names(read)?;
    for at in &derived.homeless {
        report.add(Fault::Homeless, format!("{at:?}"));
    }
    for key in &derived.references {
        if read.get(key)?.is_none() {
            report.add(Fault::Reference, format!("missing {}", hex(key)));
        }
    }
    Ok(report.findings)
}

struct Report {
    account: AccountId,
    findings: Vec<Finding>,
}

impl Report {
    fn add(&mut self, fault: Fault, subject: String) {
        self.findings.push(Finding {
            account: self.account,
            fault,
            subject,
        });
    }

    fn rows<R: Reads>(&mut self, read: &R, derived: &Derived) -> Result<(), StoreError> {
        for tag in REBUILT {
            let fault = match tag {
                tag::UIDS => Fault::Uids,
                tag::LOCATION => Fault::Location,
                tag::ALIAS => Fault::Alias,
                tag::WAY => Fault::Way,
                tag::CONVERSATION_NAME | tag::CONVERSATION => Fault::Conversation,
                _ => Fault::Tombstone,
            };
            for (key, value) in derived.differences(read, self.account, tag)? {
                let how = if value.is_some() {
                    "missing or different"
                } else {
                    "needless"
                };
                self.add(fault, format!("{how} {}", hex(&key)));
            }
        }
        Ok(())
    }

    fn counters<R: Reads>(&mut self, read: &R, derived: &Derived) -> Result<(), StoreError> {
        for (folder, row) in read.folders(self.account)? {
            let wanted = derived.counters_of(folder, &row);
            if row.shelves != wanted {
                let subject = format!("{folder:?} has {:?}, not {wanted:?}", row.shelves);
                self.add(Fault::Counters, subject);
            }
        }
        Ok(())
    }

    fn numbers<R: Reads>(&mut self, read: &R, derived: &Derived) -> Result<(), StoreError> {
        let row = read.account_row(self.account)?.unwrap_or_default();
        if row.head < derived.newest || row.horizon > row.head {
            self.add(
                Fault::Number,
                format!("head {:?} below {:?}", row.head, derived.newest),
            );
        }
        if row.next_id <= derived.highest_id {
            self.add(Fault::Number, format!("next id {} is used", row.next_id));
        }
        if row.folders != derived.folders {
            let subject = format!("{} folders, not {}", row.folders, derived.folders);
            self.add(Fault::Counters, subject);
        }
        let used = (row.used_bytes, row.recoverable_bytes);
        let wanted = (derived.used_bytes, derived.recoverable_bytes);
        if used != wanted {
            self.add(Fault::Use, format!("{used:?}, not {wanted:?}"));
        }
        Ok(())
    }

    fn details<R: Reads>(&mut self, read: &R, derived: &Derived) -> Result<(), StoreError> {
        let mut missing = derived.items.clone();
        let mut needless = Vec::new();
        each(
            read,
            &key::of_account(tag::DETAILS, self.account),
            &mut |key, value| {
                super::row::Details::decode(value)?;
                let item = ItemKey(key::tail48(key)?);
                if !missing.remove(&item) {
                    needless.push(item);
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
        for item in missing.into_iter().chain(needless) {
            self.add(Fault::Details, format!("{item:?}"));
        }
        Ok(())
    }

    /// Every number leads to a name that leads back, and every name to a number.
    fn names<R: Reads>(&mut self, read: &R) -> Result<(), StoreError> {
        let account = self.account;
        let mut by_number = 0_usize;
        let mut wrong = Vec::new();
        each(
            read,
            &key::of_account(tag::NAME, account),
            &mut |key, value| {
                by_number += 1;
                let name = Name::decode(value)?;
                let back = key::name_number(account, name.space(), &name.key_bytes());
                let number = fetch::<Interned, _>(read, &back)?.map(|number| number.0);
                if number != Some(key::tail32(key)?) {
                    wrong.push(name);
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
        let mut by_name = 0_usize;
        each(
            read,
            &key::of_account(tag::NAME_NUMBER, account),
            &mut |_, _| {
                by_name += 1;
                Ok(ControlFlow::Continue(()))
            },
        )?;
        for name in wrong {
            self.add(Fault::Name, format!("{name:?}"));
        }
        if by_name != by_number {
            self.add(Fault::Name, format!("{by_number} numbers, {by_name} names"));
        }
        Ok(())
    }
}

/// Every reference row must be needed by the object it names.
fn check_references<R: Reads>(read: &R) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    each(read, &[tag::REFERENCE], &mut |key, _| {
        let body = BodyNumber(key::field(key, 1, 8)?);
        let account = AccountId(key::field32(key, 9)?);
        if !uses(read, account, key::tail48(key)?, body)? {
            let subject = format!("needless {}", hex(key));
            findings.push(Finding {
                account,
                fault: Fault::Reference,
                subject,
            });
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(findings)
}

fn uses<R: Reads>(
    read: &R,
    account: AccountId,
    object: u64,
    body: BodyNumber,
) -> Result<bool, StoreError> {
    if let Some(at) = read.location(account, ItemKey(object))?
        && read
            .item_row(account, at)?
            .is_some_and(|row| row.body == Some(body))
    {
        return Ok(true);
    }
    let queued = read
        .queue_entry(account, object)?
        .and_then(|entry| entry.body);
    if queued.is_some_and(|(queued, _)| queued == body) {
        return Ok(true);
    }
    let tree = read.overlay_tree(account, object)?;
    Ok(tree
        .iter()
        .flat_map(|(_, values)| values)
        .any(|entry| entry.value.body() == Some(body)))
}

/// Every line of the schedule has its entry and the other way round.
fn check_schedule<R: Reads>(read: &R) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    let mut scheduled = 0_usize;
    for due in read.queue_due(Timestamp(i64::MAX), usize::MAX)? {
        scheduled += 1;
        if read
            .queue_entry(due.account, due.id)?
            .is_none_or(|entry| entry.due != due.at)
        {
            let subject = format!("{due:?}");
            findings.push(Finding {
                account: due.account,
                fault: Fault::Schedule,
                subject,
            });
        }
    }
    let mut entries = 0_usize;
    each(read, &[tag::QUEUE], &mut |_, _| {
        entries += 1;
        Ok(ControlFlow::Continue(()))
    })?;
    if entries != scheduled {
        let subject = format!("{entries} entries, {scheduled} times");
        let account = AccountId::DIRECTORY;
        findings.push(Finding {
            account,
            fault: Fault::Schedule,
            subject,
        });
    }
    Ok(findings)
}

/// A key for a person to read: its tag and the rest in hexadecimal.
fn hex(key: &[u8]) -> String {
    let (tag, rest) = key
        .split_first()
        .map_or((b'?', key), |(&tag, rest)| (tag, rest));
    let mut text = String::from(char::from(tag));
    for byte in rest {
        _ = write!(text, "{byte:02x}"); // Writing to a string cannot fail.
    }
    text
}
