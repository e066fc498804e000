//! Properties of folders.
//!
//! Source: [MS-OXCFOLD] 2.2.2.2, [MS-OXOSFLD] 2.2.3 (special folders by entry id).

use super::message::tags_of;
use super::{Properties, integer};
use crate::codec::data::{FileTime, PropertyTag, Value};
use crate::content::Values;
use crate::identity::{self, MailboxIdentity};
use crate::refusal::Refusal;
use engine::{FolderForm, FolderId, FolderRow, Kind, MAIL_ROOT, ROOT, Role, Shelf, ShelfCounters};

/// A folder among all that can be seen.
#[derive(Debug, Clone)]
pub struct FolderProperties<'a> {
    /// Which.
    pub id: FolderId,
    /// What the store says of it.
    pub row: &'a FolderRow,
    /// All folders that this user may see.
    pub all: &'a [(FolderId, FolderRow)],
    /// The mailbox's GUIDs.
    pub identity: &'a MailboxIdentity,
    /// Below the folder whose table this is a row of; 0 elsewhere.
    pub depth: u32,
    /// What clients set.
    pub kept: Values,
}

const TAGS: [u32; 30] = [
    0x0e08_0003,
    0x0e09_0102,
    0x0ff4_0003,
    0x0ffe_0003,
    0x0fff_0102,
    0x10f4_000b,
    0x3001_001f,
    0x3005_0003,
    0x3007_0040,
    0x3008_0040,
    0x3601_0003,
    0x3602_0003,
    0x3603_0003,
    0x360a_000b,
    0x3613_001f,
    0x3617_0003,
    0x36d0_0102,
    0x36d1_0102,
    0x36d2_0102,
    0x36d3_0102,
    0x36d4_0102,
    0x36d7_0102,
    0x65e0_0102,
    0x65e1_0102,
    0x65e2_0102,
    0x6638_0003,
    0x670a_0040,
    0x6748_0014,
    0x6749_0014,
    0x67a4_0014,
];

/// Special folders that the root and the Inbox name. Source: [MS-OXOSFLD] 2.2.3.
const SPECIAL: [(u16, Role); 6] = [
    (0x36d0, Role::Calendar),
    (0x36d1, Role::Contacts),
    (0x36d2, Role::Journal),
    (0x36d3, Role::Notes),
    (0x36d4, Role::Tasks),
    (0x36d7, Role::Drafts),
];

impl FolderProperties<'_> {
    /// What it is called. The two topmost have no name that people gave.
    fn name(&self) -> String {
        match self.id {
            ROOT => String::new(),
            MAIL_ROOT => "Top of Information Store".to_owned(),
            _ => self.row.name.clone(),
        }
    }

    fn counters(&self, shelves: &[Shelf], count: impl Fn(&ShelfCounters) -> u64) -> Value {
        let all = Shelf::ALL.iter().zip(&self.row.shelves);
        let wanted = all.filter(|(shelf, _)| shelves.contains(shelf));
        integer(wanted.map(|(_, counters)| count(counters)).sum())
    }

    fn children(&self) -> usize {
        let parents = self.all.iter().filter_map(|(_, row)| row.parent);
        parents.filter(|parent| *parent == self.id).count()
    }

    /// The kind of items that Outlook may put into it. Source: [MS-OXOSFLD] 2.2.1.
    fn container_class(&self) -> Option<Value> {
        if let Some(class) = self.kept.get(&0x3613) {
            return Some(class.clone());
        }
        let class = match self.row.kind {
            _ if [ROOT, MAIL_ROOT].contains(&self.id) => return None,
            Kind::Mail => "IPF.Note",
            Kind::Event => "IPF.Appointment",
            Kind::Contact => "IPF.Contact",
            Kind::Task => "IPF.Task",
            Kind::Note => "IPF.StickyNote",
            Kind::Other => return None,
        };
        Some(Value::Unicode(class.to_owned()))
    }

    fn special(&self, id: u16) -> Option<Value> {
        let names_them = self.id == ROOT || self.row.role == Role::Inbox;
        let (_, role) = SPECIAL
            .iter()
            .find(|(special, _)| *special == id && names_them)?;
        let found = self.all.iter().find(|(_, row)| row.role == *role);
        found.map(|(folder, _)| Value::Binary(self.identity.folder_entry(*folder).into()))
    }

    fn parent(&self) -> FolderId {
        // The root names itself, as in [MS-OXCFOLD] 2.2.2.2.1.
        self.row.parent.unwrap_or(self.id)
    }
}

/// What stands in a folder's table of messages.
const CONTENTS: [Shelf; 2] = [Shelf::Mail, Shelf::Other];
/// All rights of an owner. Source: [MS-OXCMSG] 2.2.1.2.
const ACCESS: i32 = 0x3f;

/// Properties that a client can't set. Source: [MS-OXCFOLD] 2.2.2.2.
pub const COMPUTED: [u16; 32] = [
    0x0e08, 0x0e09, 0x0ff4, 0x0ff9, 0x0ffa, 0x0ffe, 0x0fff, 0x3005, 0x3007, 0x3008, 0x3601, 0x3602,
    0x3603, 0x360a, 0x3617, 0x4082, 0x65e0, 0x65e1, 0x65e2, 0x65e3, 0x6638, 0x6639, 0x663a, 0x663e,
    0x6641, 0x668f, 0x66a8, 0x6709, 0x670a, 0x6748, 0x6749, 0x67a4,
];

impl Properties for FolderProperties<'_> {
    fn tags(&self) -> Vec<PropertyTag> {
        let mut tags = TAGS.map(PropertyTag).to_vec();
        tags.extend(tags_of(&self.kept));
        tags.sort_unstable();
        tags.dedup_by_key(|tag| tag.id());
        tags
    }

    fn value(&self, id: u16) -> Result<Option<Value>, Refusal> {
        let binary = |bytes: Vec<u8>| Value::Binary(bytes.into());
        let time = |time: engine::Timestamp| Value::Time(FileTime::from_unix(time.0));
        let fid = |folder| Value::Integer64(identity::as_integer(identity::folder_id(folder)));
        let count = |counters: &ShelfCounters| u64::from(counters.count);
        Ok(Some(match id {
            0x0e08 => self.counters(&CONTENTS, |counters| counters.bytes),
            0x0e09 => binary(self.identity.folder_entry(self.parent())),
            0x0ff4 => Value::Integer32(ACCESS),
            0x0ffe => Value::Integer32(3),
            0x0fff => binary(self.identity.folder_entry(self.id)),
            0x10f4 => Value::Boolean(self.row.hidden),
            0x3001 => Value::Unicode(self.name()),
            0x3005 => integer(self.depth.into()),
            0x3007 => time(self.row.created),
            0x3008 | 0x4082 => time(self.row.modified),
            0x3601 => Value::Integer32(match (&self.row.form, self.id) {
                (_, ROOT) => 0,
                (FolderForm::Normal, _) => 1,
                (FolderForm::Search(_), _) => 2,
            }),
            0x3602 => self.counters(&CONTENTS, count),
            0x3603 => self.counters(&CONTENTS, |counters| counters.unseen.into()),
            0x360a => Value::Boolean(self.children() > 0),
            0x3613 => return Ok(self.container_class()),
            0x3617 => self.counters(&[Shelf::Associated], count),
            0x36d0..=0x36d7 => {
                let kept = || self.kept.get(&id).cloned();
                return Ok(self.special(id).or_else(kept));
            }
            0x65e0 => binary(self.identity.key(self.id.0)),
            0x65e1 => binary(self.identity.key(self.parent().0)),
            0x6638 => integer(self.children() as u64),
            0x670a => time(self.row.contents_changed_at),
            0x6748 => fid(self.id),
            0x6749 => fid(self.parent()),
            0x65e2 => binary(self.identity.key(self.row.changed.0)),
            0x67a4 => Value::Integer64(identity::as_integer(identity::change_number(
                self.row.changed,
            ))),
            _ => return Ok(self.kept.get(&id).cloned()),
        }))
    }
}
