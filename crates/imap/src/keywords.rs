//! Flags and keywords: the store's numbers ⇄ names on the wire.
//!
//! Standards: RFC 9051 §2.3.2.

use crate::codec::{FlagList, SystemFlags};
use crate::refusal::Refusal;
use bytes::{BufMut, BytesMut};
use engine::{FlagSet, Flags, ItemRow, Keywords, Reading, Rights, Txn};

/// The names of the keywords that some rows carry.
#[derive(Debug, Default)]
pub(crate) struct Names(Vec<(u32, String)>);

impl Names {
    fn of(&self, number: u32) -> Option<&str> {
        let place = self
            .0
            .binary_search_by_key(&number, |(known, _)| *known)
            .ok()?;
        self.0.get(place).map(|(_, name)| name.as_str())
    }

    /// Takes in keywords that a command has just made, which no view shows before they are settled.
    pub(crate) fn learn(&mut self, named: &[(u32, String)]) {
        for (number, name) in named {
            if self.of(*number).is_none() {
                self.0.push((*number, name.clone()));
                self.0.sort_unstable_by_key(|(number, _)| *number);
            }
        }
    }

    /// How many there are; a keyword that was made once is never forgotten.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// All keywords of the account.
    pub(crate) fn all(view: &impl Reading) -> Result<Self, Refusal> {
        let mut names = view.keywords()?;
        names.retain(|(_, name)| is_atom(name));
        names.sort_unstable_by_key(|(number, _)| *number);
        Ok(Self(names))
    }
}

/// A keyword that another protocol made may be no atom: then it can't be told here.
fn is_atom(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(crate::codec::cursor::is_atom)
}

/// The names for these rows; nothing is read if none carries a keyword.
pub(crate) fn of_rows<'a>(
    view: &impl Reading,
    mut rows: impl Iterator<Item = &'a ItemRow>,
) -> Result<Names, Refusal> {
    if rows.any(|row| !row.keywords.is_empty()) {
        Names::all(view)
    } else {
        Ok(Names::default())
    }
}

/// The flags of the store that are system flags here, with their names, in the order they are told.
const SYSTEM: [(Flags, SystemFlags, &str); 5] = [
    (Flags::ANSWERED, SystemFlags::ANSWERED, "\\Answered"),
    (Flags::FLAGGED, SystemFlags::FLAGGED, "\\Flagged"),
    (Flags::DELETED, SystemFlags::DELETED, "\\Deleted"),
    (Flags::SEEN, SystemFlags::SEEN, "\\Seen"),
    (Flags::DRAFT, SystemFlags::DRAFT, "\\Draft"),
];

/// The store's flag of a system flag.
pub(crate) fn stored(flag: SystemFlags) -> Flags {
    let mut flags = Flags::NONE;
    for (bit, system, _) in SYSTEM {
        if flag.contains(system) {
            flags = flags | bit;
        }
    }
    flags
}

/// Registered keywords have a bit in the store.
fn registered(keyword: &str) -> Option<Flags> {
    let named =
        |(_, name): &&(Flags, &str)| name.starts_with('$') && name.eq_ignore_ascii_case(keyword);
    Flags::NAMES.iter().find(named).map(|(flag, _)| *flag)
}

/// Writes `FLAGS (\Seen $Forwarded work)`.
pub(crate) fn write_flags(out: &mut BytesMut, row: &ItemRow, names: &Names) {
    out.put_slice(b"FLAGS (");
    let start = out.len();
    if row.flags != Flags::NONE {
        for (flag, _, name) in SYSTEM {
            put_if(out, start, row.flags.contains(flag), name);
        }
        if row.flags.0 > SYSTEM_BITS {
            let keywords = Flags::NAMES
                .iter()
                .filter(|(_, name)| name.starts_with('$'));
            for (flag, name) in keywords {
                put_if(out, start, row.flags.contains(*flag), name);
            }
        }
    }
    for name in row
        .keywords
        .numbers()
        .iter()
        .filter_map(|number| names.of(*number))
    {
        put_if(out, start, true, name);
    }
    out.put_u8(b')');
}

/// All five system flags.
const SYSTEM_BITS: u32 =
    Flags::SEEN.0 | Flags::ANSWERED.0 | Flags::FLAGGED.0 | Flags::DELETED.0 | Flags::DRAFT.0;

fn put_if(out: &mut BytesMut, start: usize, is_set: bool, name: &str) {
    if is_set {
        if out.len() > start {
            out.put_u8(b' ');
        }
        out.put_slice(name.as_bytes());
    }
}

/// Writes `(\Answered … $Forwarded work)`: every flag that a mailbox of this account may show.
pub(crate) fn write_known(out: &mut BytesMut, names: &Names) {
    out.put_u8(b'(');
    let start = out.len();
    put_known(out, start, names, Rights::ALL);
    out.put_u8(b')');
}

/// Tells `* FLAGS (…)` anew before an answer may show a keyword that is not among the `told`.
/// Names are all that there are, or none. Source: RFC 9051 §7.3.5.
pub(crate) fn tell_newer(out: &mut BytesMut, told: &mut usize, names: &Names) {
    if names.count() <= *told {
        return;
    }
    *told = names.count();
    out.put_slice(b"* FLAGS ");
    write_known(out, names);
    out.put_slice(b"\r\n");
}

/// The same with `\*`, as far as these rights let one set them. Source: RFC 4314 §4, §5.1.1.
pub(crate) fn write_permanent(out: &mut BytesMut, names: &Names, rights: Rights) {
    out.put_u8(b'(');
    let start = out.len();
    put_known(out, start, names, rights);
    put_if(out, start, rights.contains(Rights::WRITE_FLAGS), "\\*");
    out.put_u8(b')');
}

fn put_known(out: &mut BytesMut, start: usize, names: &Names, rights: Rights) {
    for (flag, _, name) in SYSTEM {
        let needed = match flag {
            Flags::SEEN => Rights::KEEP_SEEN,
            Flags::DELETED => Rights::DELETE_ANY,
            _ => Rights::WRITE_FLAGS,
        };
        put_if(out, start, rights.contains(needed), name);
    }
    if !rights.contains(Rights::WRITE_FLAGS) {
        return;
    }
    for (_, name) in Flags::NAMES
        .iter()
        .filter(|(_, name)| name.starts_with('$'))
    {
        put_if(out, start, true, name);
    }
    for (_, name) in &names.0 {
        put_if(out, start, true, name);
    }
}

/// A command's flags as the store has them.
pub(crate) struct Translated {
    /// Bits and numbers.
    pub(crate) set: FlagSet,
    /// The numbers with the names that the command gave.
    pub(crate) named: Vec<(u32, String)>,
}

/// What a command's flags are in the store; new keywords get a number.
pub(crate) fn to_store(list: &FlagList, txn: &mut Txn<'_, '_>) -> Result<Translated, Refusal> {
    let mut flags = stored(list.system);
    let mut named = Vec::new();
    for keyword in &list.keywords {
        match registered(keyword) {
            Some(flag) => flags = flags | flag,
            None => named.push((txn.intern_keyword(keyword)?, keyword.clone())),
        }
    }
    let keywords = named
        .iter()
        .map(|(number, _)| *number)
        .collect::<Keywords>();
    Ok(Translated {
        set: FlagSet { flags, keywords },
        named,
    })
}

/// A keyword as a search compares it with rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// It has a bit.
    Flag(Flags),
    /// It has a number.
    Number(u32),
    /// No message of the account ever carried it.
    Nowhere,
}

/// Looks a keyword up without making it.
pub(crate) fn look_up(view: &impl Reading, keyword: &str) -> Result<Known, Refusal> {
    Ok(match (registered(keyword), view.keyword_number(keyword)?) {
        (Some(flag), _) => Known::Flag(flag),
        (None, Some(number)) => Known::Number(number),
        (None, None) => Known::Nowhere,
    })
}
