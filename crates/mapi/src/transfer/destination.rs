//! A stream taken apart.
//!
//! [`Destination`] keeps what was begun and is not whole; each element leads to at most one
//! [`Deed`], which whoever drives it does at once. What stands directly in the stream belongs to
//! the object that it is put into, everything else to what was begun last.
//!
//! Source: [MS-OXCFXICS] 2.2.4.2 to 2.2.4.4.

use super::{ATTACHMENT_NUMBER, RECIPIENT_KIND, ROW};
use crate::codec::data::Value;
use crate::codec::fasttransfer::{Key, Lexer, Marker};
use crate::content::{Attachment, Content, Recipient, Values};
use crate::draft::{NORMALIZED_SUBJECT, SUBJECT, SUBJECT_PREFIX};
use crate::property::bytes_of;
use crate::refusal::Refusal;
use engine::FolderId;

/// Things that may be begun within one another: folders, and messages within messages.
const DEPTH_MAX: usize = 64;
/// Messages within messages.
const EMBEDDED_MAX: usize = 7;
/// Bytes that a property or object takes besides its value.
const ENTRY_BYTES: usize = 64;

/// What the stream is put into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// A folder.
    Folder(FolderId),
    /// An open message.
    Message,
    /// An open attachment.
    Attachment,
}

/// Something that was begun.
#[derive(Debug)]
enum Open {
    /// A folder that is not made before its properties are known.
    NewFolder {
        parent: FolderId,
        values: Values,
    },
    Folder(FolderId),
    Message {
        folder: FolderId,
        is_associated: bool,
        content: Content,
    },
    Embedded(Content),
    Recipient(Recipient),
    Attachment(Attachment),
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Deed {
    /// A property of the object itself.
    Set(u16, Value),
    /// A recipient of the message itself.
    Recipient(Recipient),
    /// An attachment of the message itself.
    Attachment(Attachment),
    /// The message in the attachment itself.
    Embedded(Content),
    /// A message is whole.
    Message {
        /// Where it goes.
        folder: FolderId,
        /// It is a setting.
        is_associated: bool,
        /// What it is.
        content: Content,
    },
    /// A folder is to be made; [`Destination::made`] must be told of it.
    Folder {
        /// Where.
        parent: FolderId,
        /// What it is.
        values: Values,
    },
}

/// A stream on its way in.
#[derive(Debug)]
pub struct Destination {
    /// The bytes that came and make no element yet.
    pub lexer: Lexer,
    /// What it is put into, and its handle.
    pub root: Root,
    /// The handle of that.
    pub handle: u32,
    /// A value that comes in pieces, and how long it will be.
    pub long: Option<(Key, usize, Vec<u8>)>,
    /// Something in it could not be taken: nothing more is.
    pub is_broken: bool,
    open: Vec<Open>,
    bytes: usize,
}

impl Destination {
    /// Nothing came yet.
    pub fn new(root: Root, handle: u32) -> Self {
        Self {
            lexer: Lexer::default(),
            root,
            handle,
            long: None,
            is_broken: false,
            open: Vec::new(),
            bytes: 0,
        }
    }

    /// Bytes that it holds.
    pub fn size(&self) -> usize {
        let long = self.long.as_ref().map_or(0, |(_, _, bytes)| bytes.len());
        self.bytes + long + self.lexer.size()
    }

    /// Takes a property of what was begun last; its texts are in Unicode.
    pub fn property(&mut self, id: u16, value: Value) -> Result<Option<Deed>, Refusal> {
        let bytes = ENTRY_BYTES + bytes_of(&value);
        match self.open.last_mut() {
            None => return Ok(Some(Deed::Set(id, value))),
            Some(Open::Folder(_)) => return Err(Refusal::CorruptData),
            Some(Open::NewFolder { values, .. }) => {
                values.insert(id, value);
            }
            Some(Open::Message { content, .. } | Open::Embedded(content)) => {
                content.values.insert(id, value);
            }
            Some(Open::Recipient(recipient)) => of_recipient(recipient, id, value),
            Some(Open::Attachment(attachment)) => match (id, value) {
                (ATTACHMENT_NUMBER, Value::Integer32(number)) => {
                    attachment.number = number.cast_unsigned();
                }
                (id, value) => {
                    attachment.values.insert(id, value);
                }
            },
        }
        self.bytes += bytes;
        Ok(None)
    }

    /// The folder that is to be made before this marker can be taken, if there is one.
    pub fn folder_before(&mut self, marker: Marker) -> Option<Deed> {
        let needs_folder = matches!(
            marker,
            Marker::StartSubFolder
                | Marker::StartMessage
                | Marker::StartAssociatedMessage
                | Marker::EndFolder
        );
        match self.open.last_mut() {
            Some(Open::NewFolder { parent, values }) if needs_folder => Some(Deed::Folder {
                parent: *parent,
                values: std::mem::take(values),
            }),
            _ => None,
        }
    }

    /// The folder that was to be made is there.
    pub fn made(&mut self, folder: FolderId) {
        if let Some(open @ Open::NewFolder { .. }) = self.open.last_mut() {
            *open = Open::Folder(folder);
        }
        self.bytes = 0;
    }

    /// Takes a marker.
    pub fn marker(&mut self, marker: Marker) -> Result<Option<Deed>, Refusal> {
        let begun = match marker {
            Marker::StartTopFolder | Marker::StartSubFolder => Open::NewFolder {
                parent: self.folder()?,
                values: Values::new(),
            },
            Marker::StartMessage | Marker::StartAssociatedMessage => Open::Message {
                folder: self.folder()?,
                is_associated: marker == Marker::StartAssociatedMessage,
                content: Content::default(),
            },
            Marker::StartRecipient if self.is_in_message() => Open::Recipient(Recipient {
                row: u32::MAX,
                ..Recipient::default()
            }),
            Marker::NewAttachment if self.is_in_message() => {
                Open::Attachment(Attachment::default())
            }
            Marker::StartEmbedded if self.is_in_attachment() => Open::Embedded(Content::default()),
            _ => return self.end(marker),
        };
        let embedded = |open: &&Open| matches!(open, Open::Embedded(_));
        if self.open.len() >= DEPTH_MAX || self.open.iter().filter(embedded).count() > EMBEDDED_MAX
        {
            return Err(Refusal::TooComplex);
        }
        self.open.push(begun);
        self.bytes += ENTRY_BYTES;
        Ok(None)
    }

    /// The folder that something stands in here.
    fn folder(&self) -> Result<FolderId, Refusal> {
        match (self.open.last(), &self.root) {
            (Some(Open::Folder(folder)), _) | (None, Root::Folder(folder)) => Ok(*folder),
            _ => Err(Refusal::CorruptData),
        }
    }

    fn is_in_message(&self) -> bool {
        match self.open.last() {
            None => self.root == Root::Message,
            Some(open) => matches!(open, Open::Message { .. } | Open::Embedded(_)),
        }
    }

    fn is_in_attachment(&self) -> bool {
        match self.open.last() {
            None => self.root == Root::Attachment,
            Some(open) => matches!(open, Open::Attachment(_)),
        }
    }

    /// What was begun last is whole.
    fn end(&mut self, marker: Marker) -> Result<Option<Deed>, Refusal> {
        let open = self.open.pop().ok_or(Refusal::CorruptData)?;
        match (marker, open) {
            (Marker::EndFolder, Open::Folder(_)) => Ok(None),
            (
                Marker::EndMessage,
                Open::Message {
                    folder,
                    is_associated,
                    content,
                },
            ) => {
                self.bytes = 0;
                Ok(Some(Deed::Message {
                    folder,
                    is_associated,
                    content: with_subject(content),
                }))
            }
            (Marker::EndRecipient, Open::Recipient(recipient)) => self.add_recipient(recipient),
            (Marker::EndAttachment, Open::Attachment(attachment)) => {
                self.add_attachment(attachment)
            }
            (Marker::EndEmbedded, Open::Embedded(content)) => {
                self.add_embedded(with_subject(content))
            }
            _ => Err(Refusal::CorruptData),
        }
    }

    fn add_recipient(&mut self, mut recipient: Recipient) -> Result<Option<Deed>, Refusal> {
        match self.open.last_mut() {
            Some(Open::Message { content, .. } | Open::Embedded(content)) => {
                let rows = content.recipients.iter().map(|known| known.row);
                recipient.row = free_number(recipient.row, rows);
                content.recipients.push(recipient);
                Ok(None)
            }
            None => Ok(Some(Deed::Recipient(recipient))),
            _ => Err(Refusal::CorruptData),
        }
    }

    fn add_attachment(&mut self, mut attachment: Attachment) -> Result<Option<Deed>, Refusal> {
        match self.open.last_mut() {
            Some(Open::Message { content, .. } | Open::Embedded(content)) => {
                let numbers = content.attachments.iter().map(|known| known.number);
                attachment.number = free_number(attachment.number, numbers);
                content.attachments.push(attachment);
                Ok(None)
            }
            None => Ok(Some(Deed::Attachment(attachment))),
            _ => Err(Refusal::CorruptData),
        }
    }

    fn add_embedded(&mut self, content: Content) -> Result<Option<Deed>, Refusal> {
        match self.open.last_mut() {
            Some(Open::Attachment(attachment)) => {
                attachment.embedded = Some(Box::new(content));
                Ok(None)
            }
            None => Ok(Some(Deed::Embedded(content))),
            _ => Err(Refusal::CorruptData),
        }
    }

    /// Whether what comes next belongs to the object itself.
    pub fn is_at_root(&self) -> bool {
        self.open.is_empty()
    }

    /// What was done took these bytes away.
    pub fn emptied(&mut self) {
        if self.open.is_empty() {
            self.bytes = 0;
        }
    }
}

/// A number, or where something has it already, the next that nothing has.
pub fn free_number(wanted: u32, taken: impl Iterator<Item = u32> + Clone) -> u32 {
    let is_taken = wanted == u32::MAX || taken.clone().any(|number| number == wanted);
    if is_taken {
        taken.max().map_or(0, |last| last.saturating_add(1))
    } else {
        wanted
    }
}

fn of_recipient(recipient: &mut Recipient, id: u16, value: Value) {
    match (id, value) {
        (ROW, Value::Integer32(row)) => recipient.row = row.cast_unsigned(),
        (RECIPIENT_KIND, Value::Integer32(kind)) => {
            recipient.kind = u8::try_from(kind & 0xff).unwrap_or_default();
        }
        (id, value) => {
            recipient.values.insert(id, value);
        }
    }
}

/// A message whose subject came in its two parts has the whole, too.
fn with_subject(mut content: Content) -> Content {
    if content.values.contains_key(&SUBJECT) || !content.values.contains_key(&NORMALIZED_SUBJECT) {
        return content;
    }
    let part = |id| content.text(id).unwrap_or_default();
    let whole = format!("{}{}", part(SUBJECT_PREFIX), part(NORMALIZED_SUBJECT));
    content.values.insert(SUBJECT, Value::Unicode(whole));
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Unicode(text.to_owned())
    }

    #[test]
    fn a_message_is_made_when_it_is_whole() {
        let mut stream = Destination::new(Root::Folder(FolderId(9)), 0);
        let quiet = |stream: &mut Destination, marker| {
            assert_eq!(stream.marker(marker), Ok(None), "{marker:?}");
        };
        quiet(&mut stream, Marker::StartMessage);
        assert_eq!(stream.property(0x003d, text("RE: ")), Ok(None));
        assert_eq!(stream.property(0x0e1d, text("Hello")), Ok(None));
        for kind in [1, 2] {
            quiet(&mut stream, Marker::StartRecipient);
            assert_eq!(
                stream.property(RECIPIENT_KIND, Value::Integer32(kind)),
                Ok(None)
            );
            quiet(&mut stream, Marker::EndRecipient);
        }
        quiet(&mut stream, Marker::NewAttachment);
        quiet(&mut stream, Marker::StartEmbedded);
        quiet(&mut stream, Marker::EndEmbedded);
        quiet(&mut stream, Marker::EndAttachment);
        let Ok(Some(Deed::Message {
            folder, content, ..
        })) = stream.marker(Marker::EndMessage)
        else {
            panic!("{stream:?}");
        };
        assert_eq!(folder, FolderId(9));
        assert_eq!(content.text(SUBJECT), Some("RE: Hello"));
        let rows: Vec<_> = content
            .recipients
            .iter()
            .map(|one| (one.row, one.kind))
            .collect();
        assert_eq!(rows, [(0, 1), (1, 2)]);
        assert_eq!(content.attachments.len(), 1);
        assert!(content.attachments.iter().all(|one| one.embedded.is_some()));
        assert_eq!(stream.size(), 0);
    }

    #[test]
    fn a_folder_is_made_before_what_is_in_it() {
        let mut stream = Destination::new(Root::Folder(FolderId(9)), 0);
        assert_eq!(stream.marker(Marker::StartTopFolder), Ok(None));
        assert_eq!(stream.property(0x3001, text("New")), Ok(None));
        let values = Values::from([(0x3001, text("New"))]);
        let wanted = Deed::Folder {
            parent: FolderId(9),
            values,
        };
        assert_eq!(stream.folder_before(Marker::StartMessage), Some(wanted));
        stream.made(FolderId(20));
        assert_eq!(stream.folder_before(Marker::StartMessage), None);
        assert_eq!(stream.marker(Marker::StartMessage), Ok(None));
        let made = stream.marker(Marker::EndMessage);
        assert!(matches!(
            made,
            Ok(Some(Deed::Message {
                folder: FolderId(20),
                ..
            }))
        ));
        assert_eq!(stream.marker(Marker::EndFolder), Ok(None));
    }

    #[test]
    fn what_stands_where_it_must_not_is_refused() {
        let marker = |root, marker| Destination::new(root, 0).marker(marker);
        let folder = Root::Folder(FolderId(9));
        assert_eq!(
            marker(folder, Marker::NewAttachment),
            Err(Refusal::CorruptData)
        );
        assert_eq!(
            marker(folder, Marker::EndMessage),
            Err(Refusal::CorruptData)
        );
        assert_eq!(
            marker(Root::Message, Marker::StartMessage),
            Err(Refusal::CorruptData)
        );
        assert_eq!(
            marker(Root::Attachment, Marker::StateBegin),
            Err(Refusal::CorruptData)
        );
        let mut deep = Destination::new(Root::Message, 0);
        let mut steps = [Marker::NewAttachment, Marker::StartEmbedded]
            .into_iter()
            .cycle();
        let refused = std::iter::from_fn(|| Some(deep.marker(steps.next()?)))
            .take(2 * EMBEDDED_MAX + 4)
            .find(Result::is_err);
        assert_eq!(refused, Some(Err(Refusal::TooComplex)));
    }
}
