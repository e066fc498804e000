//! Which rows a table could have, and what each of them says.
//!
//! A table keeps what its rows are; what a row says is read when it is asked for. Where all of a
//! folder must be looked at, as for sorting, messages are read many at a time, and no more of each
//! than is asked for.
//!
//! Start at [`RowReader::each`] and [`RowReader::cells`].
//!
//! Source: [MS-OXCTABL] 3.2.5.

use super::key::{Key, LONG, Plan, element, is_instance};
use super::list::{Entry, List, RowId};
use crate::codec::data::{Cell, Outcome, PropertyRow, PropertyTag, Restriction, Value};
use crate::codec::rop::notify::{MessageInRow, RowPlace};
use crate::command::folder::depth_below;
use crate::command::{attributes, search};
use crate::condition::{Judge, Lists, counted};
use crate::content::Values;
use crate::identity;
use crate::object::Logon;
use crate::property::folder::FolderProperties;
use crate::property::item::{BareProperties, ItemProperties, OF_BARE_ROW};
use crate::property::kept;
use crate::property::message::tags_of;
use crate::property::{Properties, Wanted, cell};
use crate::refusal::Refusal;
use engine::account::values;
use engine::{Flags, FolderId, FolderRow, ItemKey, ItemRow, Location, Reading, Shelf, Uid, View};
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

/// Bytes of one value in a row: texts have at most 255 units there, binaries twice as many bytes.
/// Source: [MS-OXCTABL] 3.2.5.5.4.
const CELL_BYTES_MAX: usize = 510;
/// Units of a text in a row.
const CELL_UNITS_MAX: usize = 255;
/// Messages that are read at a time: their details are some hundred bytes each.
const MESSAGES_AT_ONCE: usize = 1024;
/// `PidTagInstanceNum`
const INSTANCE: u16 = 0x674e;
/// What a table could show.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// Folders.
    Folders {
        /// Those below this one.
        above: FolderId,
        /// On all levels.
        is_deep: bool,
        /// Those that were removed.
        is_removed: bool,
    },
    /// What stands in a folder.
    Messages {
        /// Which.
        folder: FolderId,
        /// Settings, which no letter is.
        is_associated: bool,
    },
    /// What was deleted from a folder and can be brought back.
    Removed {
        /// Which.
        folder: FolderId,
        /// What were settings.
        is_associated: bool,
    },
    /// What a search shows.
    Found(FolderId),
    /// What is all there is to know of each: attachments, permissions, rules.
    Values(Vec<Values>),
}

impl Rows {
    /// The shelves that messages in a table of this kind stand on.
    fn shelves(&self) -> &'static [Shelf] {
        match self {
            Self::Messages { is_associated, .. } if *is_associated => &[Shelf::Associated],
            Self::Messages { .. } => &[Shelf::Mail, Shelf::Other],
            Self::Removed { .. } => &[Shelf::Recoverable],
            Self::Found(_) | Self::Folders { .. } | Self::Values(_) => &[],
        }
    }

    /// The folder whose messages are the rows, wherever they stand.
    pub fn folder(&self) -> Option<FolderId> {
        match self {
            Self::Messages { folder, .. } | Self::Removed { folder, .. } | Self::Found(folder) => {
                Some(*folder)
            }
            Self::Folders { .. } | Self::Values(_) => None,
        }
    }

    /// Whether what stands there could be a row; of a search only its members say.
    pub fn may_show(&self, at: Location) -> bool {
        matches!(self, Self::Found(_))
            || self.folder() == Some(at.folder) && self.shelves().contains(&at.shelf)
    }

    /// Whether this message is a row of such a table where it stands.
    fn shows(&self, row: &ItemRow) -> bool {
        match self {
            Self::Removed { is_associated, .. } => {
                let from = row.removed.as_ref().map(|was| was.from);
                (from == Some(Shelf::Associated)) == *is_associated
            }
            _ => true,
        }
    }
}

/// What is needed to read rows of one table.
pub struct RowReader<'a> {
    logon: &'a Logon,
    /// What is settled now.
    pub view: View<'a>,
    rows: &'a Rows,
    /// All folders, where they are the rows; where removed ones are, these and all above them.
    pub folders: Vec<(FolderId, FolderRow)>,
    code_page: u32,
}

/// A row that is looked at.
struct Seen<'a> {
    row: RowId,
    source: &'a dyn Properties,
    is_read: bool,
    /// Decides among equals.
    natural: &'a [u8],
}

/// What looks at rows.
type Look<'a> = dyn FnMut(&Seen<'_>) -> Result<(), Refusal> + 'a;

impl<'a> RowReader<'a> {
    /// A reader of what could be rows now. A search is brought up to date first.
    pub fn new(logon: &'a Logon, code_page: u32, rows: &'a Rows) -> Result<Self, Refusal> {
        if let Rows::Found(folder) = rows {
            search::refresh(logon, *folder, code_page)?;
        }
        let view = logon.account.read()?;
        let folders = match rows {
            Rows::Folders { is_removed, .. } => {
                let mut all = view.all_folders()?;
                if *is_removed {
                    all.extend(view.removed_folders()?);
                    all.sort_unstable_by_key(|(id, _)| *id);
                }
                all
            }
            _ => Vec::new(),
        };
        Ok(Self {
            logon,
            view,
            rows,
            folders,
            code_page,
        })
    }

    fn judge(&self) -> Judge<'_> {
        Judge {
            code_page: self.code_page,
            lists: Lists::Of(&self.logon.account),
        }
    }

    /// The rows of a table: what fulfils the restriction, in the order planned.
    pub fn list(&self, restriction: Option<&Restriction>, plan: &Plan) -> Result<List, Refusal> {
        let (most, restriction) = counted(restriction);
        let is_natural = restriction.is_none() && plan.properties().next().is_none();
        if let (true, Rows::Messages { folder, .. }) = (is_natural, self.rows) {
            return self.unsorted(*folder);
        }
        let mut entries = Vec::new();
        let needs_details =
            restriction.is_some() || !plan.properties().all(|id| OF_BARE_ROW.contains(&id));
        self.each(needs_details, &mut |seen| {
            self.put(seen, restriction, plan, &mut entries)
        })?;
        let mut list = List::sorted(entries);
        list.truncate(most);
        Ok(list)
    }

    /// All of a folder as it stands there: nothing needs to be read of it.
    fn unsorted(&self, folder: FolderId) -> Result<List, Refusal> {
        let mut entries = Vec::new();
        for &shelf in self.rows.shelves() {
            let uids = self.view.uids(folder, shelf)?;
            entries.extend(uids.iter().map(|uid| Entry {
                row: RowId::Message(Location { folder, shelf, uid }),
                instance: 0,
                is_read: false,
                key: Key::NONE,
            }));
        }
        Ok(List::sorted(entries))
    }

    /// Puts what a row becomes to the others.
    fn put(
        &self,
        seen: &Seen<'_>,
        restriction: Option<&Restriction>,
        plan: &Plan,
        entries: &mut Vec<Entry>,
    ) -> Result<(), Refusal> {
        if let Some(restriction) = restriction
            && !self.judge().holds(restriction, seen.source)?
        {
            return Ok(());
        }
        plan.keys(seen.source, seen.natural, &mut |instance, key| {
            entries.push(Entry {
                row: seen.row,
                instance,
                is_read: seen.is_read,
                key,
            });
        })
    }

    /// The rows that a message has where it stands now; none if it is no row of the table.
    pub fn entries(
        &self,
        at: Location,
        restriction: Option<&Restriction>,
        plan: &Plan,
    ) -> Result<Vec<Entry>, Refusal> {
        let mut entries = Vec::new();
        let Some(row) = self.view.item(at)? else {
            return Ok(entries);
        };
        if self.rows.may_show(at) && self.rows.shows(&row) {
            self.each_of(&[(at, row)], true, &mut |seen| {
                self.put(seen, restriction, plan, &mut entries)
            })?;
        }
        Ok(entries)
    }

    /// Lets `look` see all that could be rows; without details, only what [`OF_BARE_ROW`] names.
    fn each(&self, needs_details: bool, look: &mut Look<'_>) -> Result<(), Refusal> {
        match self.rows {
            Rows::Folders { .. } => self.each_folder(look),
            Rows::Values(rows) => (0..).zip(rows).try_for_each(|(row, values)| {
                look(&Seen::plain(RowId::Fixed(row), &Told(values), &[]))
            }),
            Rows::Found(folder) => {
                let members = values::members(&self.view, *folder)?;
                // What stands in a folder that was removed is found again when that comes back.
                let all = self.view.all_folders()?;
                let living: BTreeSet<FolderId> = all.into_iter().map(|(id, _)| id).collect();
                for chunk in members.chunks(MESSAGES_AT_ONCE) {
                    let mut all = Vec::new();
                    for item in chunk {
                        let at = self.view.location(*item)?;
                        let at = at.filter(|at| living.contains(&at.folder));
                        let row = at.map(|at| self.view.item(at)).transpose()?.flatten();
                        all.extend(at.zip(row));
                    }
                    self.each_of(&all, needs_details, look)?;
                }
                Ok(())
            }
            Rows::Messages { folder, .. } | Rows::Removed { folder, .. } => {
                for &shelf in self.rows.shelves() {
                    let uids: Vec<Uid> = self.view.uids(*folder, shelf)?.iter().collect();
                    for chunk in uids.chunks(MESSAGES_AT_ONCE) {
                        let all = self.stretch(*folder, shelf, chunk)?;
                        self.each_of(&all, needs_details, look)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn each_folder(&self, look: &mut Look<'_>) -> Result<(), Refusal> {
        let Rows::Folders {
            above,
            is_deep,
            is_removed,
        } = self.rows
        else {
            return Ok(());
        };
        let is_meant = |row: &FolderRow| row.removed.is_some() == *is_removed;
        for (id, row) in self.folders.iter().filter(|(_, row)| is_meant(row)) {
            let is_row = if *is_deep {
                depth_below(&self.folders, *above, row).is_some()
            } else {
                row.parent == Some(*above)
            };
            if is_row {
                let natural = row.name.to_lowercase();
                let source = self.folder(*id, row)?;
                look(&Seen::plain(
                    RowId::Folder(*id),
                    &source,
                    natural.as_bytes(),
                ))?;
            }
        }
        Ok(())
    }

    fn folder<'b>(
        &'b self,
        id: FolderId,
        row: &'b FolderRow,
    ) -> Result<FolderProperties<'b>, Refusal> {
        let top = match self.rows {
            Rows::Folders { above, .. } => *above,
            _ => engine::MAIL_ROOT,
        };
        Ok(FolderProperties {
            id,
            row,
            all: &self.folders,
            identity: &self.logon.identity,
            depth: depth_below(&self.folders, top, row).unwrap_or_default(),
            kept: attributes::of_folder(self.logon, id)?,
        })
    }

    /// The rows of the store from the first to the last of these.
    fn stretch(
        &self,
        folder: FolderId,
        shelf: Shelf,
        uids: &[Uid],
    ) -> Result<Vec<(Location, ItemRow)>, Refusal> {
        let mut all = Vec::new();
        if let (Some(first), Some(last)) = (uids.first(), uids.last()) {
            self.view
                .items(folder, shelf, first.0..=last.0, &mut |uid, row| {
                    if self.rows.shows(&row) {
                        all.push((Location { folder, shelf, uid }, row));
                    }
                    ControlFlow::Continue(())
                })?;
        }
        Ok(all)
    }

    /// Lets `look` see these messages.
    fn each_of(
        &self,
        all: &[(Location, ItemRow)],
        needs_details: bool,
        look: &mut Look<'_>,
    ) -> Result<(), Refusal> {
        let items: Vec<ItemKey> = all.iter().map(|(_, row)| row.item).collect();
        let mut kept = HashMap::new();
        let account = &self.logon.account;
        values::values_of(&self.view, &items, &mut |item, values| {
            kept.insert(item, values);
        })?;
        let mut details = Vec::new();
        if needs_details {
            self.view
                .details_of(&items, &mut |_, found| details.push(found))?;
        }
        let mut details = details.into_iter();
        for (at, row) in all {
            let kept = match kept.remove(&row.item) {
                Some(values) => kept::read(account, &self.logon.names, &self.view, &values)?,
                None => kept::Kept::default(),
            };
            let natural = self.natural(row);
            let is_read = row.flags.contains(Flags::SEEN);
            if !needs_details {
                let kept = &kept.values;
                let source = BareProperties { row, kept };
                look(&Seen {
                    is_read,
                    ..Seen::plain(RowId::Message(*at), &source, &natural)
                })?;
            } else if let Some(details) = details.next().flatten() {
                let source = ItemProperties::of(self.logon, *at, row.clone(), details, kept);
                look(&Seen {
                    is_read,
                    ..Seen::plain(RowId::Message(*at), &source, &natural)
                })?;
            }
        }
        Ok(())
    }

    /// What decides among equals: a search shows what came last first, wherever it stands.
    fn natural(&self, row: &ItemRow) -> Vec<u8> {
        match self.rows {
            Rows::Found(_) => (!row.item.0).to_be_bytes().to_vec(),
            _ => Vec::new(),
        }
    }

    /// The columns of one row.
    pub fn cells(
        &self,
        entry: &Entry,
        plan: &Plan,
        columns: &[PropertyTag],
    ) -> Result<PropertyRow, Refusal> {
        let wanted = self.wanted();
        self.look_at(entry.row, &|source| {
            let cells = columns.iter().map(|&tag| {
                // Long texts are for streams; a table is never made to wait for them.
                if LONG.contains(&tag.id()) {
                    return cell(&Gone, tag, wanted);
                }
                let source = Instance {
                    source,
                    number: entry.instance,
                    expanded: plan.expanded(),
                    is_single: is_instance(tag),
                };
                let kind = tag.property_type().of_value();
                cell(&source, tag.with_type(kind), wanted).map(shortened)
            });
            cells.collect::<Result<_, Refusal>>().map(PropertyRow)
        })
    }

    /// The columns of what is no row of the store.
    pub fn cells_of(
        &self,
        values: &Values,
        columns: &[PropertyTag],
    ) -> Result<PropertyRow, Refusal> {
        let told = Told(values);
        let told = columns.iter().map(|&tag| {
            let kind = tag.property_type().of_value();
            cell(&told, tag.with_type(kind), self.wanted())
        });
        told.collect::<Result<_, Refusal>>().map(PropertyRow)
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            code_page: self.code_page,
            bytes_max: usize::MAX,
        }
    }

    /// Whether a row fulfils a restriction.
    pub fn fulfils(&self, row: RowId, restriction: &Restriction) -> Result<bool, Refusal> {
        self.look_at(row, &|source| self.judge().holds(restriction, source))
    }

    /// A property of a row; of several values the one that it stands for.
    pub fn value(&self, entry: &Entry, plan: &Plan, id: u16) -> Result<Option<Value>, Refusal> {
        self.look_at(entry.row, &|source| {
            let source = Instance {
                source,
                number: entry.instance,
                expanded: plan.expanded(),
                is_single: plan.expanded() == Some(id),
            };
            source.value(id)
        })
    }

    /// All that a row can be asked for.
    pub fn tags(&self, row: RowId) -> Result<Vec<PropertyTag>, Refusal> {
        self.look_at(row, &|source| Ok(source.tags()))
    }

    /// Lets `tell` see the properties of one row; none of what is gone.
    fn look_at<T>(
        &self,
        row: RowId,
        tell: &dyn Fn(&dyn Properties) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        match (row, self.rows) {
            (RowId::Folder(id), _) => match self.folders.iter().find(|(known, _)| *known == id) {
                Some((_, row)) => tell(&self.folder(id, row)?),
                None => tell(&Gone),
            },
            (RowId::Message(at), _) => match self.message(at)? {
                Some(item) => tell(&item),
                None => tell(&Gone),
            },
            (RowId::Fixed(row), Rows::Values(rows)) => match rows.get(row) {
                Some(values) => tell(&Told(values)),
                None => tell(&Gone),
            },
            (RowId::Fixed(_), _) => tell(&Gone),
        }
    }

    fn message(&self, at: Location) -> Result<Option<ItemProperties<'_>>, Refusal> {
        match self.view.item(at)? {
            Some(row) => ItemProperties::load(self.logon, &self.view, at, row),
            None => Ok(None),
        }
    }

    /// What clients are told a row is called.
    pub fn named(&self, entry: &Entry) -> Result<RowPlace, Refusal> {
        Ok(match entry.row {
            RowId::Folder(folder) => RowPlace {
                folder: identity::folder_id(folder),
                message: None,
            },
            RowId::Message(at) => {
                let row = self.view.item(at)?.ok_or(Refusal::NotFound)?;
                RowPlace {
                    folder: identity::folder_id(at.folder),
                    message: Some(MessageInRow {
                        message: identity::message_id(row.place),
                        instance: entry.instance,
                    }),
                }
            }
            RowId::Fixed(_) => RowPlace::default(),
        })
    }
}

impl<'a> Seen<'a> {
    /// A row of which all is at hand.
    fn plain(row: RowId, source: &'a dyn Properties, natural: &'a [u8]) -> Self {
        Self {
            row,
            source,
            is_read: true,
            natural,
        }
    }
}

/// What a row says by itself.
pub(crate) struct Told<'a>(pub &'a Values);

impl Properties for Told<'_> {
    fn tags(&self) -> Vec<PropertyTag> {
        tags_of(self.0).collect()
    }

    fn value(&self, id: u16) -> Result<Option<Value>, Refusal> {
        Ok(self.0.get(&id).cloned())
    }
}

/// What is no longer there.
struct Gone;

impl Properties for Gone {
    fn tags(&self) -> Vec<PropertyTag> {
        Vec::new()
    }

    fn value(&self, _: u16) -> Result<Option<Value>, Refusal> {
        Ok(None)
    }
}

/// A row that stands for one of several values.
struct Instance<'a> {
    source: &'a dyn Properties,
    number: u32,
    /// The property that it is one value of.
    expanded: Option<u16>,
    /// One value is asked for.
    is_single: bool,
}

impl Properties for Instance<'_> {
    fn tags(&self) -> Vec<PropertyTag> {
        self.source.tags()
    }

    fn value(&self, id: u16) -> Result<Option<Value>, Refusal> {
        if id == INSTANCE && self.expanded.is_some() {
            return Ok(Some(Value::Integer32(self.number.cast_signed())));
        }
        let value = self.source.value(id)?;
        if !self.is_single {
            return Ok(value);
        }
        let number = if self.expanded == Some(id) {
            self.number
        } else {
            0
        };
        let number = usize::try_from(number).unwrap_or_default();
        Ok(value.and_then(|value| element(&value, number)))
    }
}

/// A cell with no more than a table tells of a value.
fn shortened(mut cell: Cell) -> Cell {
    if let Outcome::Value(value) = &mut cell.outcome {
        match value {
            Value::Unicode(text) => {
                let mut units = 0;
                let end = text.char_indices().find(|(_, character)| {
                    units += character.len_utf16();
                    units > CELL_UNITS_MAX
                });
                if let Some((end, _)) = end {
                    text.truncate(end);
                }
            }
            Value::String8(text) => text.0.truncate(CELL_UNITS_MAX),
            Value::Binary(bytes) => bytes.truncate(CELL_BYTES_MAX),
            _ => {}
        }
    }
    cell
}
