//! An open message and what was changed of it since: nothing of that is kept before it is saved.
//!
//! Start at [`Message`]. What stands in an attachment belongs to that until its own saving, which
//! puts it into the message it belongs to.
//!
//! Source: [MS-OXCMSG] 3.1.4, 3.2.5.2 to 3.2.5.8.

use crate::codec::data::Value;
use crate::content::{Attachment, Content, Recipient, held_by};
use crate::refusal::Refusal;
use engine::{ChangeSeq, FolderId, ItemKey, Location};
use std::collections::BTreeMap;

/// Recipients that a message may have while it is written: ten times what may be sent.
pub const RECIPIENTS_MAX: usize = 10_000;
/// Attachments that may be put to a message: each is looked at whenever one is opened.
pub const ATTACHMENTS_MAX: usize = 2_000;

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

    /// About how many bytes it holds until it is saved or closed.
    pub fn held_bytes(&self) -> usize {
        let base = match &self.base {
            Base::Content(content) => content.held_bytes(),
            Base::New { .. } | Base::Stored { .. } => 0,
        };
        base + self.changes.held_bytes()
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
        let is_left = |known: &Attachment| !self.attachments.contains_key(&known.number);
        content.attachments.retain(is_left);
        let new = self.attachments.values().flatten().cloned();
        content.attachments.extend(new);
        content.attachments.sort_by_key(|known| known.number);
        content
    }

    /// Changes those that are recipients now by their rows, or removes them.
    ///
    /// Errors: [`Refusal::TooManyRecipients`]; then none was changed.
    pub fn set_recipients(
        &mut self,
        now: Vec<Recipient>,
        new: Vec<(u32, Option<Recipient>)>,
    ) -> Result<(), Refusal> {
        let now = now.into_iter();
        let mut rows: BTreeMap<u32, Recipient> = now.map(|one| (one.row, one)).collect();
        for (row, recipient) in new {
            match recipient {
                Some(recipient) => rows.insert(row, recipient),
                None => rows.remove(&row),
            };
        }
        if rows.len() > RECIPIENTS_MAX {
            return Err(Refusal::TooManyRecipients);
        }
        self.recipients = Some(rows.into_values().collect());
        Ok(())
    }

    /// About how many bytes they hold.
    pub fn held_bytes(&self) -> usize {
        let values = self.values.values().flatten().map(held_by);
        let recipients = self.recipients.iter().flatten().map(Recipient::held_bytes);
        let attachments = self.attachments.values().flatten();
        values.sum::<usize>()
            + recipients.sum::<usize>()
            + attachments.map(Attachment::held_bytes).sum::<usize>()
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
        let now = vec![recipient(0, 1), recipient(2, 1)];
        let new = vec![
            (4, Some(recipient(4, 2))),
            (0, Some(recipient(0, 3))),
            (2, None),
        ];
        changes.set_recipients(now, new).unwrap();
        let changed = Some(vec![recipient(0, 3), recipient(4, 2)]);
        assert_eq!(changes.recipients, changed);
        let too_many = (0..20_000).map(|row| (row, Some(recipient(row, 1))));
        let refused = changes.set_recipients(Vec::new(), too_many.collect());
        assert_eq!(refused, Err(Refusal::TooManyRecipients));
        assert_eq!(changes.recipients, changed);
    }
}
