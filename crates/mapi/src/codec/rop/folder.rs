//! Folders: opening, making, moving, searching, emptying.
//!
//! Source: [MS-OXCROPS] 2.2.4.

use super::logon::Ghost;
use crate::codec::data::{ObjectId, Restriction};
use crate::codec::wire::{
    Counted, Has, Malformed, Measured, Plain, Reader, String8, Wire, Writer, wire,
};

wire! {
    /// Opens a folder. Source: [MS-OXCROPS] 2.2.4.1.1.
    pub struct OpenFolder {
        folder: ObjectId,
        /// 4: also one that was deleted.
        open_mode: u8,
    }

    /// What an opened folder has.
    pub struct FolderOpened {
        has_rules: bool,
        ghost: Ghost,
    }

    /// What a made folder is. Source: [MS-OXCROPS] 2.2.4.2.2.
    pub struct FolderCreated {
        folder: ObjectId,
        existing: Option<FolderOpened> as Has<Plain, 1>,
    }

    /// Deletes a folder. Source: [MS-OXCROPS] 2.2.4.3.1.
    pub struct DeleteFolder {
        /// 1 with its messages, 4 with its folders, 0x10 for good.
        flags: u8,
        folder: ObjectId,
    }

    /// Whether something was left out.
    pub struct Completion {
        is_partial: bool,
    }

    /// What a search folder shows. Source: [MS-OXCROPS] 2.2.4.4.1.
    pub struct SetSearchCriteria {
        restriction: Option<Restriction> as Measured<u16>,
        folders: Vec<ObjectId> as Counted<u16>,
        flags: u32,
    }

    /// Asks what a search folder shows. Source: [MS-OXCROPS] 2.2.4.5.1.
    pub struct SearchCriteriaRequest {
        use_unicode: bool,
        include_restriction: bool,
        include_folders: bool,
    }

    /// What a search folder shows. Source: [MS-OXCROPS] 2.2.4.5.2.
    pub struct SearchCriteria {
        restriction: Option<Restriction> as Measured<u16>,
        logon_id: u8,
        folders: Vec<ObjectId> as Counted<u16>,
        flags: u32,
    }

    /// Moves or copies messages. Source: [MS-OXCROPS] 2.2.4.6.1.
    pub struct MoveCopyMessages {
        messages: Vec<ObjectId> as Counted<u16>,
        want_asynchronous: bool,
        want_copy: bool,
    }

    /// Empties a folder. Source: [MS-OXCROPS] 2.2.4.9.1.
    pub struct EmptyFolder {
        want_asynchronous: bool,
        want_delete_associated: bool,
    }

    /// Deletes messages. Source: [MS-OXCROPS] 2.2.4.11.1.
    pub struct DeleteMessages {
        want_asynchronous: bool,
        notify_non_read: bool,
        messages: Vec<ObjectId> as Counted<u16>,
    }

    /// Opens a table. Source: [MS-OXCROPS] 2.2.4.13.1, 2.2.4.14.1.
    pub struct OpenTable {
        /// 2 settings, 4 all levels, 8 errors later, 0x10 no notifications, 0x20 deleted ones,
        /// 0x40 Unicode.
        flags: u8,
    }

    /// Rows of an opened table.
    pub struct RowCount {
        row_count: u32,
    }
}

/// A text whose form is told before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FolderText {
    /// In UTF-16.
    Unicode(String),
    /// In the code page of the session.
    Narrow(String8),
}

impl FolderText {
    fn read(is_unicode: bool, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        if is_unicode {
            return String::read(reader).map(Self::Unicode);
        }
        String8::read(reader).map(Self::Narrow)
    }

    fn is_unicode(&self) -> bool {
        matches!(self, Self::Unicode(_))
    }

    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Unicode(text) => text.write(writer),
            Self::Narrow(text) => text.write(writer),
        }
    }
}

/// Name and comment of a folder, both in one form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FolderTexts {
    /// In UTF-16.
    Unicode([String; 2]),
    /// In the code page of the session.
    Narrow([String8; 2]),
}

/// Makes a folder. Source: [MS-OXCROPS] 2.2.4.2.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateFolder {
    /// 1 for messages, 2 a search.
    pub folder_type: u8,
    /// One of that name is as good.
    pub open_existing: bool,
    /// 0.
    pub reserved: u8,
    /// Name and comment.
    pub texts: FolderTexts,
}

impl Wire for CreateFolder {
    const LEAST: usize = 6;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let folder_type = u8::read(reader)?;
        let is_unicode = bool::read(reader)?;
        let open_existing = bool::read(reader)?;
        let reserved = u8::read(reader)?;
        let texts = if is_unicode {
            FolderTexts::Unicode([String::read(reader)?, String::read(reader)?])
        } else {
            FolderTexts::Narrow([String8::read(reader)?, String8::read(reader)?])
        };
        Ok(Self {
            folder_type,
            open_existing,
            reserved,
            texts,
        })
    }

    fn write(&self, writer: &mut Writer) {
        self.folder_type.write(writer);
        matches!(self.texts, FolderTexts::Unicode(_)).write(writer);
        self.open_existing.write(writer);
        self.reserved.write(writer);
        match &self.texts {
            FolderTexts::Unicode(texts) => writer.values(texts),
            FolderTexts::Narrow(texts) => writer.values(texts),
        }
    }
}

/// Moves a folder. Source: [MS-OXCROPS] 2.2.4.7.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveFolder {
    /// The answer may come later.
    pub want_asynchronous: bool,
    /// Which folder.
    pub folder: ObjectId,
    /// What it is called there.
    pub new_name: FolderText,
}

impl Wire for MoveFolder {
    const LEAST: usize = 11;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let want_asynchronous = bool::read(reader)?;
        let is_unicode = bool::read(reader)?;
        Ok(Self {
            want_asynchronous,
            folder: ObjectId::read(reader)?,
            new_name: FolderText::read(is_unicode, reader)?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        self.want_asynchronous.write(writer);
        self.new_name.is_unicode().write(writer);
        self.folder.write(writer);
        self.new_name.write(writer);
    }
}

/// Copies a folder. Source: [MS-OXCROPS] 2.2.4.8.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyFolder {
    /// The answer may come later.
    pub want_asynchronous: bool,
    /// With the folders below it.
    pub want_recursive: bool,
    /// Which folder.
    pub folder: ObjectId,
    /// What the copy is called.
    pub new_name: FolderText,
}

impl Wire for CopyFolder {
    const LEAST: usize = 12;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let want_asynchronous = bool::read(reader)?;
        let want_recursive = bool::read(reader)?;
        let is_unicode = bool::read(reader)?;
        Ok(Self {
            want_asynchronous,
            want_recursive,
            folder: ObjectId::read(reader)?,
            new_name: FolderText::read(is_unicode, reader)?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        self.want_asynchronous.write(writer);
        self.want_recursive.write(writer);
        self.new_name.is_unicode().write(writer);
        self.folder.write(writer);
        self.new_name.write(writer);
    }
}
