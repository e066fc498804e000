//! Which identifiers the properties of one mailbox have: those of the specification are their own,
//! those with names get one from 0x8000 on that is never given twice.
//!
//! The store numbers all names of an account; an identifier follows from such a number, so nothing
//! else is kept.
//!
//! Source: [MS-OXCPRPT] 3.2.5.9, [MS-OXPROPS] 1.3.2 (property sets).

use crate::codec::data::{Guid, NameKind, PropertyName};
use crate::content::Content;
use crate::convert::set;
use crate::refusal::Refusal;
use engine::account::values;
use engine::{Account, Reading, Txn};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The set of the properties without names: the number in it is the identifier.
pub const PS_MAPI: Guid = Guid([
    0x28, 0x03, 0x02, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46,
]);
/// The set of what this view keeps for itself.
const OWN: engine::Guid = engine::Guid(*b"facteur mapi\0\0\0\0");
/// The first identifier of a property with a name.
pub const FIRST_NAMED: u16 = 0x8000;

/// What a property's number in the store stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// A property of that identifier.
    Property(u16),
    /// Which of a letter's parts has an attachment's data.
    Part,
    /// The recipients are those that are kept, not those of the letter's header.
    Recipients,
    /// The attachments are those that are kept, not all of the letter.
    Attachments,
    /// Another's, not to be shown.
    Foreign,
}

const OWN_NAMES: [(Meaning, u32); 3] = [
    (Meaning::Part, 1),
    (Meaning::Recipients, 2),
    (Meaning::Attachments, 3),
];

/// What is known of the numbers of one account. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Names {
    known: Arc<Mutex<BTreeMap<u32, Meaning>>>,
    by_id: Arc<Mutex<BTreeMap<u16, PropertyName>>>,
}

impl Names {
    fn known(&self) -> MutexGuard<'_, BTreeMap<u32, Meaning>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a number stands for.
    pub fn meaning(&self, view: &impl Reading, number: u32) -> Result<Meaning, Refusal> {
        if let Some(meaning) = self.known().get(&number) {
            return Ok(*meaning);
        }
        let Some((set, name)) = values::property_name(view, number)? else {
            return Ok(Meaning::Foreign);
        };
        let meaning = meaning(number, set, &name);
        self.known().insert(number, meaning);
        Ok(meaning)
    }

    /// The name of an identifier, if it has one. A name that was given once stays.
    pub fn name(&self, account: &Account, id: u16) -> Result<Option<PropertyName>, Refusal> {
        let by_id = || self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = by_id().get(&id) {
            return Ok(Some(name.clone()));
        }
        let name = name_of_id(&account.read()?, id)?;
        if name.kind == NameKind::Nameless {
            return Ok(None);
        }
        by_id().insert(id, name.clone());
        Ok(Some(name))
    }
}

/// The number of a property, given now if it has none.
///
/// Errors: as for [`Txn::intern_property`].
pub fn number(txn: &mut Txn<'_, '_>, meaning: Meaning) -> Result<u32, engine::EngineError> {
    match name_of(meaning) {
        Name::Given(number) => Ok(number),
        Name::Of(set, name) => txn.intern_property(set, &name),
    }
}

enum Name {
    /// The number follows from the identifier.
    Given(u32),
    Of(engine::Guid, engine::PropertyName),
}

fn name_of(meaning: Meaning) -> Name {
    let own = OWN_NAMES.iter().find(|(own, _)| *own == meaning);
    match meaning {
        Meaning::Property(id) if id >= FIRST_NAMED => Name::Given(u32::from(id - FIRST_NAMED) + 1),
        Meaning::Property(id) => {
            let name = engine::PropertyName::Number(id.into());
            Name::Of(engine::Guid(PS_MAPI.0), name)
        }
        _ => {
            let number = own.map_or(0, |(_, number)| *number);
            Name::Of(OWN, engine::PropertyName::Number(number))
        }
    }
}

fn meaning(number: u32, set: engine::Guid, name: &engine::PropertyName) -> Meaning {
    match name {
        engine::PropertyName::Number(own) if set == OWN => OWN_NAMES
            .iter()
            .find(|(_, known)| known == own)
            .map_or(Meaning::Foreign, |(meaning, _)| *meaning),
        engine::PropertyName::Number(id) if set.0 == PS_MAPI.0 => {
            u16::try_from(*id).map_or(Meaning::Foreign, Meaning::Property)
        }
        _ => identifier(number).map_or(Meaning::Foreign, Meaning::Property),
    }
}

/// The identifier of a name's number.
fn identifier(number: u32) -> Option<u16> {
    let offset = u16::try_from(number.checked_sub(1)?).ok()?;
    FIRST_NAMED.checked_add(offset).filter(|id| *id < u16::MAX)
}

/// The name as the store has it.
fn stored(name: &PropertyName) -> Option<(engine::Guid, engine::PropertyName)> {
    let kind = match &name.kind {
        NameKind::Number(number) => engine::PropertyName::Number(*number),
        NameKind::Text(text) if name.set == set::INTERNET_HEADERS => {
            engine::PropertyName::Text(text.to_lowercase())
        }
        NameKind::Text(text) => engine::PropertyName::Text(text.clone()),
        NameKind::Nameless => return None,
    };
    Some((engine::Guid(name.set.0), kind))
}

/// The identifier that a name has without being kept.
fn fixed(name: &PropertyName) -> Option<u16> {
    match name.kind {
        NameKind::Number(id) if name.set == PS_MAPI => {
            u16::try_from(id).ok().filter(|id| *id < FIRST_NAMED)
        }
        _ => None,
    }
}

/// The identifier of a name, if it has one.
pub fn id_of_name(view: &impl Reading, name: &PropertyName) -> Result<Option<u16>, Refusal> {
    if let Some(id) = fixed(name) {
        return Ok(Some(id));
    }
    let Some((set, stored)) = stored(name) else {
        return Ok(None);
    };
    let number = values::property_number(view, set, &stored)?;
    Ok(number.and_then(identifier))
}

/// The identifier of a name, given now if it has none; none for what is no name, and where all are
/// used up.
pub fn give_id(
    txn: &mut Txn<'_, '_>,
    name: &PropertyName,
) -> Result<Option<u16>, engine::EngineError> {
    if let Some(id) = fixed(name) {
        return Ok(Some(id));
    }
    match stored(name) {
        // What stands in the set of all that has no name can have none.
        Some((set, _)) if [PS_MAPI.0, OWN.0].contains(&set.0) => Ok(None),
        Some((set, stored)) => Ok(identifier(txn.intern_property(set, &stored)?)),
        None => Ok(None),
    }
}

/// A message, whose properties with names stand under their identifiers as far as they have some.
///
/// What stands in its attachments stays as it is.
pub fn by_identifier(view: &impl Reading, mut content: Content) -> Result<Content, Refusal> {
    for (name, value) in std::mem::take(&mut content.named) {
        match id_of_name(view, &name)? {
            Some(id) => drop(content.values.entry(id).or_insert(value)),
            None => content.named.push((name, value)),
        }
    }
    Ok(content)
}

/// The name of an identifier; nameless for one that has none.
pub fn name_of_id(view: &impl Reading, id: u16) -> Result<PropertyName, Refusal> {
    let nameless = PropertyName {
        set: PS_MAPI,
        kind: NameKind::Nameless,
    };
    if id < FIRST_NAMED {
        return Ok(PropertyName {
            set: PS_MAPI,
            kind: NameKind::Number(id.into()),
        });
    }
    let number = u32::from(id - FIRST_NAMED) + 1;
    let Some((set, name)) = values::property_name(view, number)? else {
        return Ok(nameless);
    };
    if meaning(number, set, &name) != Meaning::Property(id) {
        return Ok(nameless);
    }
    Ok(PropertyName {
        set: Guid(set.0),
        kind: match name {
            engine::PropertyName::Number(number) => NameKind::Number(number),
            engine::PropertyName::Text(text) => NameKind::Text(text),
        },
    })
}

/// All names that have an identifier, ascending.
pub fn all(view: &impl Reading) -> Result<Vec<(u16, PropertyName)>, Refusal> {
    let end = view.state()?.next_property;
    let mut names = Vec::new();
    for id in (1..end).filter_map(identifier) {
        let name = name_of_id(view, id)?;
        if name.kind != NameKind::Nameless {
            names.push((id, name));
        }
    }
    Ok(names)
}
