//! What is to be done with messages that come to a folder: kept and told, not acted upon.
//!
//! A rule is kept beside its folder, its condition and actions as the bytes they came in, so that
//! it goes with the folder into every backup. Rules of the other kind are settings among the
//! folder's messages and need nothing of their own.
//!
//! Start at [`table`] and [`modify`].
//!
//! Source: [MS-OXORULE] 2.2.1 to 2.2.3, 3.2.5.1 to 3.2.5.3.

use super::attributes::{OF_RULES, stored};
use super::{Done, Place, folder, table};
use crate::codec::data::{PropertyType, Value};
use crate::codec::rop::Response;
use crate::codec::rop::folder::OpenTable;
use crate::codec::rop::stream::{ModifyRows, RowChange, UpdateDeferredActionMessages};
use crate::codec::wire::{Form, Nothing, Reader, Writer};
use crate::content::Values;
use crate::object::{Logon, Rows};
use crate::property::in_unicode;
use crate::property::item::ItemProperties;
use crate::property::kept;
use crate::refusal::Refusal;
use crate::request::Session;
use engine::account::values::{self, Holder, PartChanges};
use engine::{FolderId, Location, PathStep, ROOT, Reading, Rights, Shelf, Txn, View};
use std::ops::ControlFlow;

/// Properties of a rule. Source: [MS-OXORULE] 2.2.1.3.1.
mod of_rule {
    pub const ID: u16 = 0x6674;
    pub const SEQUENCE: u16 = 0x6676;
    pub const STATE: u16 = 0x6677;
    pub const CONDITION: u16 = 0x6679;
    pub const ACTIONS: u16 = 0x6680;
    pub const PROVIDER: u16 = 0x6681;
    pub const LEVEL: u16 = 0x6683;
    /// Those that a client gives, with their types.
    pub const GIVEN: [(u16, u16); 9] = [
        (SEQUENCE, 0x0003),
        (STATE, 0x0003),
        (0x6678, 0x0003),
        (CONDITION, 0x00fd),
        (ACTIONS, 0x00fe),
        (PROVIDER, 0x001f),
        (0x6682, 0x001f),
        (LEVEL, 0x0003),
        (0x6684, 0x0102),
    ];
}

/// `PidTagHasRules`, which stands among the folder's own properties.
pub(super) const HAS_RULES: u16 = 0x663a;
/// Rules of one folder: people have some dozens.
const RULES_MAX: usize = 1000;
/// Bytes of all rules of one folder. Source: [MS-OXORULE] note on 3.2.5.2 (256 KiB elsewhere).
const RULES_BYTES_MAX: usize = 512 * 1024;
/// Bytes of an action before what depends on its type: type, flavour, flags.
const ACTION_HEAD_BYTES: usize = 9;

/// A rule with its number, which no other rule of the folder ever has.
#[derive(Debug, Clone, PartialEq)]
struct Rule {
    number: u32,
    values: Values,
}

/// The rules of a folder, and the number that the next one gets.
#[derive(Debug, Clone, PartialEq)]
struct Rules {
    all: Vec<Rule>,
    next: u32,
}

impl Rules {
    fn read(logon: &Logon, view: &impl Reading, folder: FolderId) -> Result<Self, Refusal> {
        let mut rules = Self {
            all: Vec::new(),
            next: 1,
        };
        let tree = values::value_tree(view, Holder::Folder(folder))?;
        for (path, all) in &tree {
            let Some(rest) = path.strip_prefix(&OF_RULES) else {
                continue;
            };
            let values = kept::read(&logon.account, &logon.names, view, all)?.values;
            match rest {
                [] => {
                    if let Some(Value::Integer64(next)) = values.get(&of_rule::ID) {
                        rules.next = u32::try_from(*next).unwrap_or(u32::MAX);
                    }
                }
                [PathStep::Part(number)] => rules.all.push(Rule {
                    number: *number,
                    values,
                }),
                _ => {}
            }
        }
        Ok(rules)
    }

    /// Adds, changes or removes one.
    fn apply(&mut self, change: &RowChange, code_page: u32) -> Result<(), Refusal> {
        const ADD: u8 = 0x01;
        const MODIFY: u8 = 0x02;
        const REMOVE: u8 = 0x04;
        match change.flags {
            ADD => {
                let mut values = given(change, code_page)?;
                let needed = [of_rule::PROVIDER, of_rule::ACTIONS];
                if !needed.iter().all(|id| values.contains_key(id)) {
                    return Err(Refusal::InvalidParameter);
                }
                for id in [of_rule::SEQUENCE, of_rule::STATE, of_rule::LEVEL] {
                    values.entry(id).or_insert(Value::Integer32(0));
                }
                let number = self.next;
                self.next = self.next.checked_add(1).ok_or(Refusal::TooManyRules)?;
                self.all.push(Rule { number, values });
            }
            MODIFY => {
                let values = given(change, code_page)?;
                let place = self.place_of(change)?;
                let rule = self.all.get_mut(place).ok_or(Refusal::NotFound)?;
                rule.values.extend(values);
            }
            REMOVE => {
                let place = self.place_of(change)?;
                self.all.remove(place);
            }
            _ => return Err(Refusal::InvalidParameter),
        }
        Ok(())
    }

    fn place_of(&self, change: &RowChange) -> Result<usize, Refusal> {
        let id = change.values.iter().find_map(|set| match set.value {
            Value::Integer64(id) if set.tag.id() == of_rule::ID => Some(id),
            _ => None,
        });
        let id = id.ok_or(Refusal::InvalidParameter)?;
        let place = self
            .all
            .iter()
            .position(|rule| i64::from(rule.number) == id);
        place.ok_or(Refusal::NotFound)
    }

    /// Whether there may be as many and as long ones.
    fn is_bounded(&self) -> bool {
        let all = self.all.iter().flat_map(|rule| rule.values.values());
        self.all.len() <= RULES_MAX && all.map(size).sum::<usize>() <= RULES_BYTES_MAX
    }
}

fn size(value: &Value) -> usize {
    let mut writer = Writer::new(Form::Rop);
    value.write(&mut writer);
    writer.size()
}

/// What a client says of a rule. What no rule has is passed over.
fn given(change: &RowChange, code_page: u32) -> Result<Values, Refusal> {
    let mut values = Values::new();
    for set in &change.values {
        let id = set.tag.id();
        let Some((_, kind)) = of_rule::GIVEN.iter().find(|(known, _)| *known == id) else {
            continue;
        };
        let value = in_unicode(set.value.clone(), code_page);
        if value.property_type() != PropertyType(*kind) || !are_actions_whole(&value) {
            return Err(Refusal::InvalidParameter);
        }
        values.insert(id, value);
    }
    Ok(values)
}

/// Whether each action, if these are some, is of a type that there is. What it says is for who
/// does it. Source: [MS-OXORULE] 2.2.5.1.
fn are_actions_whole(value: &Value) -> bool {
    const TYPES: std::ops::RangeInclusive<u8> = 0x01..=0x0b;
    let Value::RuleActions(actions) = value else {
        return true;
    };
    let is_whole = |action: &bytes::Bytes| {
        let kind = action.first();
        action.len() >= ACTION_HEAD_BYTES && kind.is_some_and(|kind| TYPES.contains(kind))
    };
    !actions.is_empty() && actions.iter().all(is_whole)
}

/// A value as clients have it: the store has conditions and actions as bytes.
fn told(id: u16, value: Value) -> Option<Value> {
    let kind = match id {
        of_rule::CONDITION => PropertyType(0x00fd),
        of_rule::ACTIONS => PropertyType(0x00fe),
        _ => return Some(value),
    };
    match value {
        Value::Binary(bytes) => Value::read(kind, &mut Reader::new(&bytes, Form::Rop)).ok(),
        other => Some(other),
    }
}

/// Whether a folder has rules, by its own properties.
pub(super) fn has_rules(values: &Values) -> bool {
    values.get(&HAS_RULES) == Some(&Value::Boolean(true))
}

/// `RopGetRulesTable`: in the order in which they are to be tried.
pub(super) fn table(
    session: &mut Session,
    at: Place,
    request: &OpenTable,
) -> Result<Done, Refusal> {
    /// Texts are told in UTF-16 or not, as the columns say.
    const UNICODE: u8 = 0x40;
    if request.flags & !UNICODE != 0 {
        return Err(Refusal::NotSupported);
    }
    let folder = folder::folder_of(session, at)?;
    let logon = session.objects.logon(at.logon_id)?;
    let mut rules = Rules::read(logon, &logon.account.read()?, folder)?.all;
    rules.sort_by_key(|rule| match rule.values.get(&of_rule::SEQUENCE) {
        Some(Value::Integer32(sequence)) => (*sequence, rule.number),
        _ => (0, rule.number),
    });
    let row = |rule: Rule| {
        let id = (of_rule::ID, Value::Integer64(rule.number.into()));
        let values = rule.values.into_iter();
        let values = values.filter_map(|(id, value)| Some((id, told(id, value)?)));
        values.chain([id]).collect::<Values>()
    };
    let rows = rules.into_iter().map(row).collect();
    Ok(Done::opened(
        Response::RulesTable(Nothing),
        table::opened(Rows::Values(rows)),
    ))
}

/// `RopModifyRules`: all changes or none. Only who may say who else may use the folder may do so.
pub(super) fn modify(
    session: &mut Session,
    at: Place,
    request: &ModifyRows,
) -> Result<Done, Refusal> {
    const REPLACE: u8 = 0x01;
    if request.flags & !REPLACE != 0 {
        return Err(Refusal::InvalidParameter);
    }
    let folder = folder::folder_of(session, at)?;
    let code_page = session.code_page;
    let logon = session.objects.logon(at.logon_id)?;
    let done = logon.account.write(|txn| {
        txn.folder_with_rights(folder, Rights::ADMINISTER)?;
        let old = Rules::read(logon, txn, folder)?;
        let mut new = old.clone();
        if request.flags & REPLACE != 0 {
            new.all.clear();
        }
        for change in &request.rows {
            new.apply(change, code_page)?;
        }
        if !new.is_bounded() {
            return Err(Refusal::TooManyRules);
        }
        keep(txn, folder, &old, &new)
    })?;
    done.wait()?;
    Ok(Done::said(Response::ModifyRules(Nothing)))
}

fn keep(txn: &mut Txn<'_, '_>, folder: FolderId, old: &Rules, new: &Rules) -> Result<(), Refusal> {
    let of_number = |rules: &Rules, number| {
        let found = rules.all.iter().find(|rule| rule.number == number);
        found.map(|rule| rule.values.clone())
    };
    let mut set = |path: &[PathStep], values: Option<&Values>| {
        let changes = values.map(|values| {
            let all: Vec<_> = values
                .iter()
                .map(|(id, value)| (*id, Some(value.clone())))
                .collect();
            stored(txn, &all)
        });
        let part = PartChanges {
            path: path.to_vec(),
            changes: changes.transpose()?,
        };
        txn.set_folder_values(folder, &part)
    };
    let path_of = |number| [OF_RULES.as_slice(), &[PathStep::Part(number)]].concat();
    for rule in &old.all {
        if of_number(new, rule.number).is_none() {
            set(&path_of(rule.number), None)?;
        }
    }
    for rule in &new.all {
        if of_number(old, rule.number).as_ref() != Some(&rule.values) {
            set(&path_of(rule.number), Some(&rule.values))?;
        }
    }
    let next = Values::from([(of_rule::ID, Value::Integer64(new.next.into()))]);
    set(&OF_RULES, Some(&next))?;
    let has_rules = Values::from([(HAS_RULES, Value::Boolean(!new.all.is_empty()))]);
    set(&[], Some(&has_rules))?;
    Ok(())
}

/// Messages about what a rule left to the client that are looked through.
const DEFERRED_MAX: usize = 10_000;
/// The message that such a message is about, and whether the client has found it.
const ORIGINAL: u16 = 0x6646;
const IS_PATCHED: u16 = 0x6647;

/// `RopUpdateDeferredActionMessages`: where a message that a rule left to the client has gone.
///
/// Source: [MS-OXORULE] 2.2.3, 3.2.5.1.
pub(super) fn update_deferred(
    session: &mut Session,
    at: Place,
    request: &UpdateDeferredActionMessages,
) -> Result<Done, Refusal> {
    let logon = session.objects.logon(at.logon_id)?;
    let wanted = Value::Binary(request.server_entry_id.clone());
    let view = logon.account.read()?;
    let mut found = Vec::new();
    for place in deferred(&view)? {
        let Some(row) = view.item(place)? else {
            continue;
        };
        let item = row.item;
        let properties = ItemProperties::load(logon, &view, place, row)?;
        let original = properties
            .as_ref()
            .and_then(|one| one.kept().values.get(&ORIGINAL));
        if original == Some(&wanted) {
            found.push(item);
        }
    }
    drop(view);
    let changes = [
        (
            ORIGINAL,
            Some(Value::Binary(request.client_entry_id.clone())),
        ),
        (IS_PATCHED, Some(Value::Boolean(true))),
    ];
    let done = logon.account.write(|txn| {
        for item in &found {
            let Some(place) = txn.location(*item)? else {
                continue;
            };
            let part = PartChanges {
                path: Vec::new(),
                changes: Some(stored(txn, &changes)?),
            };
            txn.set_values(place, &[part], None)?;
        }
        Ok::<_, Refusal>(())
    })?;
    done.wait()?;
    Ok(Done::said(Response::UpdateDeferredActionMessages(Nothing)))
}

/// Where the messages stand that rules left to the client.
fn deferred(view: &View<'_>) -> Result<Vec<Location>, Refusal> {
    let all = view.all_folders()?;
    let folder = all
        .iter()
        .find(|(_, row)| row.parent == Some(ROOT) && row.name == "Deferred Action");
    let Some((folder, _)) = folder else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for shelf in [Shelf::Mail, Shelf::Other] {
        view.items(*folder, shelf, 0..=u32::MAX, &mut |uid, _| {
            found.push(Location {
                folder: *folder,
                shelf,
                uid,
            });
            if found.len() < DEFERRED_MAX {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
    }
    Ok(found)
}
