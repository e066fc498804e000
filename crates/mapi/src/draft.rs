//! An open message and what was changed of it since: nothing of that is kept before it is saved.
//!
//! Start at [`Message`]. What stands in an attachment belongs to that until its own saving, which
//! puts it into the message it belongs to.
//!
//! Source: [MS-OXCMSG] 3.1.4, 3.2.5.2 to 3.2.5.8.

use crate::codec::data::Value;
use crate::content::{Attachment, Content, Recipient};
use engine::{ChangeSeq, FolderId, ItemKey, Location};
use std::collections::BTreeMap;

/// An open message.
#[derive(Debug)]
pub struct Message {
    /// What it was when it was opened.
    pub base: Base,
    /// What changed since.
    pub changes: Changes,
    /// It may be changed.
    pub may_write: bool,
    /// Of its 8-bit texts.
    pub code_page: u32,
    /// The handle of the attachment that holds it.
    pub parent: Option<u32>,
    /// What all of it was copied from.
    pub copied: Option<Copied>,
}

/// A letter that a message was copied from as a whole: as long as nothing else is changed, it is kept
/// as a copy of that, byte for byte.
#[derive(Debug)]
pub struct Copied {
    /// Which.
    pub item: ItemKey,
    /// Its last change when it was copied.
    pub changed: ChangeSeq,
    /// What the copying set.
    pub changes: Changes,
}

/// What a message was when it was opened.
#[derive(Debug)]
pub enum Base {
    /// Nothing: it is to be made.
    New {
        /// Where.
        folder: FolderId,
        /// It is a setting, not a message of people.
        is_associated: bool,
    },
    /// It is kept.
    Stored {
        /// Where it stood.
        at: Location,
        /// Which it is.
        item: ItemKey,
        /// Its last change that this client knows of.
        changed: ChangeSeq,
    },
    /// It stands in an attachment.
    Content(Box<Content>),
}

impl Message {
    /// Changes a property, or removes it. The whole subject stands for its two parts.
    pub fn set(&mut self, id: u16, value: Option<Value>) {
        if id == SUBJECT {
            let parts = [SUBJECT_PREFIX, NORMALIZED_SUBJECT].map(|part| (part, None));
            self.changes.values.extend(parts);
        }
        self.changes.values.insert(id, value);
    }
}

/// `RE: Hello`, which is the next two together. Source: [MS-OXCMSG] 2.2.1.46.
pub const SUBJECT: u16 = 0x0037;
/// `RE: `
pub const SUBJECT_PREFIX: u16 = 0x003d;
/// `Hello`
pub const NORMALIZED_SUBJECT: u16 = 0x0e1d;

/// What was changed of a message.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Properties; `None` for those that were removed.
    pub values: BTreeMap<u16, Option<Value>>,
    /// All recipients, if any were changed.
    pub recipients: Option<Vec<Recipient>>,
    /// Attachments; `None` for those that were removed.
    pub attachments: BTreeMap<u32, Option<Attachment>>,
}

/// An open attachment.
#[derive(Debug)]
pub struct OpenAttachment {
    /// The handle of the message that it belongs to.
    pub parent: u32,
    /// What it is.
    pub attachment: Attachment,
    /// It may be changed.
    pub may_write: bool,
}

impl Changes {
    /// A message as these changes leave it.
    pub fn apply(&self, mut content: Content) -> Content {
        for (id, value) in &self.values {
            match value {
                Some(value) => content.values.insert(*id, value.clone()),
                None => content.values.remove(id),
            };
        }
        if let Some(recipients) = &self.recipients {
            content.recipients.clone_from(recipients);
        }
        for (number, attachment) in &self.attachments {
            content.attachments.retain(|known| known.number != *number);
            content.attachments.extend(attachment.clone());
        }
        content.attachments.sort_by_key(|known| known.number);
        content
    }

    /// Changes a recipient, or removes it.
    pub fn set_recipient(&mut self, all: Vec<Recipient>, row: u32, new: Option<Recipient>) {
        let recipients = self.recipients.get_or_insert(all);
        recipients.retain(|known| known.row != row);
        recipients.extend(new);
        recipients.sort_by_key(|known| known.row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Unicode(text.to_owned())
    }

    #[test]
    fn changes_are_laid_over_what_was_there() {
        let mut content = Content::default();
        content.values.insert(0x37, text("old"));
        content.values.insert(0x1000, text("body"));
        content.attachments.push(Attachment {
            number: 3,
            ..Attachment::default()
        });
        let mut changes = Changes::default();
        changes.values.insert(0x37, Some(text("new")));
        changes.values.insert(0x1000, None);
        changes.attachments.insert(3, None);
        changes.attachments.insert(
            1,
            Some(Attachment {
                number: 1,
                ..Attachment::default()
            }),
        );
        let changed = changes.apply(content);
        assert_eq!(changed.text(0x37), Some("new"));
        assert_eq!(changed.text(0x1000), None);
        let numbers: Vec<_> = changed.attachments.iter().map(|one| one.number).collect();
        assert_eq!(numbers, [1]);
    }

    #[test]
    fn a_recipient_is_known_by_its_row() {
        let recipient = |row, kind| Recipient {
            row,
            kind,
            ..Recipient::default()
        };
        let mut changes = Changes::default();
        changes.set_recipient(vec![recipient(0, 1)], 4, Some(recipient(4, 2)));
        changes.set_recipient(Vec::new(), 0, Some(recipient(0, 3)));
        changes.set_recipient(Vec::new(), 4, None);
        assert_eq!(changes.recipients, Some(vec![recipient(0, 3)]));
    }
}
