//! Messages: opening, making, saving, recipients, marks, attachments.
//!
//! Source: [MS-OXCROPS] 2.2.6.

use crate::codec::data::{ObjectId, PropertyTag, RecipientRow, TypedString};
use crate::codec::wire::{
    Count, Counted, Filled, Has, Layout, Malformed, Measured, Plain, Reader, Wire, Writer, wire,
};

wire! {
    /// Opens a message. Source: [MS-OXCROPS] 2.2.6.1.1.
    pub struct OpenMessage {
        /// Of its 8-bit texts; 0x0FFF that of the session.
        code_page: u16,
        folder: ObjectId,
        /// 0 to read, 1 to write, 3 whatever is allowed; 4 also a deleted one.
        open_mode: u8,
        message: ObjectId,
    }

    /// A recipient of an opened message. Source: [MS-OXCROPS] 2.2.6.1.2.1.
    pub struct OpenRecipientRow {
        /// 1 To, 2 Cc, 3 Bcc.
        recipient_type: u8,
        code_page: u16,
        reserved: u16,
        recipient: RecipientRow as Filled<u16>,
    }

    /// Makes a message. Source: [MS-OXCROPS] 2.2.6.2.1.
    pub struct CreateMessage {
        code_page: u16,
        folder: ObjectId,
        is_associated: bool,
    }

    /// Its number, if it has one before it is saved.
    pub struct MessageCreated {
        message: Option<ObjectId> as Has<Plain, 1>,
    }

    /// Saves a message. Source: [MS-OXCROPS] 2.2.6.3.1.
    pub struct SaveChanges {
        /// 1 go on reading, 2 go on writing, 4 in spite of what others changed.
        flags: u8,
    }

    /// A saved message. Source: [MS-OXCROPS] 2.2.6.3.2.
    pub struct MessageSaved {
        input_handle: u8,
        message: ObjectId,
    }

    /// Removes all recipients.
    pub struct RemoveAllRecipients {
        reserved: u32,
    }

    /// A recipient that is changed, or removed. Source: [MS-OXCROPS] 2.2.6.5.1.1.
    pub struct ModifyRecipientRow {
        row: u32,
        recipient_type: u8,
        /// None removes it.
        recipient: Option<RecipientRow> as Measured<u16>,
    }

    /// Asks for recipients from a row on. Source: [MS-OXCROPS] 2.2.6.6.1.
    pub struct ReadRecipients {
        row: u32,
        reserved: u16,
    }

    /// A recipient. Source: [MS-OXCROPS] 2.2.6.6.2.1.
    pub struct ReadRecipientRow {
        row: u32,
        recipient_type: u8,
        code_page: u16,
        reserved: u16,
        recipient: RecipientRow as Filled<u16>,
    }

    /// Recipients, of the columns that the message was opened with.
    pub struct Recipients {
        rows: Vec<ReadRecipientRow> as Counted<u8>,
    }

    /// Asks for what an opened message says of itself.
    pub struct ReloadCachedInformation {
        reserved: u16,
    }

    /// Marks a message in its folder. Source: [MS-OXCROPS] 2.2.6.8.1.
    pub struct SetMessageStatus {
        message: ObjectId,
        status: u32,
        mask: u32,
    }

    /// Asks for a message's marks.
    pub struct MessageStatusRequest {
        message: ObjectId,
    }

    /// A message's marks: before the change, where there was one.
    pub struct MessageStatus {
        status: u32,
    }

    /// Marks messages read or unread. Source: [MS-OXCROPS] 2.2.6.10.1.
    pub struct SetReadFlags {
        want_asynchronous: bool,
        read_flags: u8,
        messages: Vec<ObjectId> as Counted<u16>,
    }

    /// Marks a message read or unread. Source: [MS-OXCROPS] 2.2.6.11.1.
    pub struct SetMessageReadFlag {
        read_flags: u8,
    }

    /// Whether that changed anything: with what a client of public folders needs.
    pub struct ReadFlagSet {
        changed: Option<ReadFlagChange> as Has<Plain, 1>,
    }

    /// Source: [MS-OXCROPS] 2.2.6.11.2.
    #[derive(Eq)]
    pub struct ReadFlagChange {
        logon_id: u8,
        client_data: [u8; 24],
    }

    /// Opens an attachment. Source: [MS-OXCROPS] 2.2.6.12.1.
    pub struct OpenAttachment {
        /// 0 to read, 1 to write, 3 whatever is allowed.
        open_mode: u8,
        attachment: u32,
    }

    /// An attachment's number in its message.
    pub struct Attachment {
        attachment: u32,
    }

    /// Opens the message in an attachment. Source: [MS-OXCROPS] 2.2.6.16.1.
    pub struct OpenEmbeddedMessage {
        code_page: u16,
        /// 0 to read, 1 to write, 2 make it.
        open_mode: u8,
    }

    /// The message in an attachment. Source: [MS-OXCROPS] 2.2.6.16.2.
    pub struct EmbeddedMessageOpened {
        reserved: u8,
        message: ObjectId,
        head: MessageHead,
    }

    /// The attachments that a message has.
    pub struct ValidAttachments {
        attachments: Vec<u32> as Counted<u16>,
    }
}

/// What an opened message says of itself. Source: [MS-OXCROPS] 2.2.6.1.2.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageHead {
    /// It has properties with names.
    pub has_named_properties: bool,
    /// `RE: ` and its like.
    pub subject_prefix: TypedString,
    /// The rest of the subject.
    pub normalized_subject: TypedString,
    /// All recipients, of which the first follow.
    pub recipient_count: u16,
    /// What their rows tell beyond name and address.
    pub recipient_columns: Vec<PropertyTag>,
    /// The first of them; at most 255.
    pub recipients: Vec<OpenRecipientRow>,
}

impl Wire for MessageHead {
    const LEAST: usize = 8;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let has_named_properties = bool::read(reader)?;
        let subject_prefix = TypedString::read(reader)?;
        let normalized_subject = TypedString::read(reader)?;
        let recipient_count = u16::read(reader)?;
        let recipient_columns: Vec<PropertyTag> = Counted::<u16>::read(reader)?;
        let recipients = reader.rows(&recipient_columns, Counted::<u8>::read)?;
        Ok(Self {
            has_named_properties,
            subject_prefix,
            normalized_subject,
            recipient_count,
            recipient_columns,
            recipients,
        })
    }

    fn write(&self, writer: &mut Writer) {
        self.has_named_properties.write(writer);
        self.subject_prefix.write(writer);
        self.normalized_subject.write(writer);
        self.recipient_count.write(writer);
        Counted::<u16>::write(&self.recipient_columns, writer);
        Counted::<u8>::write(&self.recipients, writer);
    }
}

/// Changes recipients. Source: [MS-OXCROPS] 2.2.6.5.1.
#[derive(Debug, Clone, PartialEq)]
pub struct ModifyRecipients {
    /// What the rows tell beyond name and address.
    pub columns: Vec<PropertyTag>,
    /// The rows.
    pub rows: Vec<ModifyRecipientRow>,
}

impl Wire for ModifyRecipients {
    const LEAST: usize = 4;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let columns: Vec<PropertyTag> = Counted::<u16>::read(reader)?;
        let count = u16::read(reader)?.to_size();
        let rows = reader.rows(&columns, |rows| rows.list(count))?;
        Ok(Self { columns, rows })
    }

    fn write(&self, writer: &mut Writer) {
        Counted::<u16>::write(&self.columns, writer);
        writer.count::<u16>(self.rows.len());
        writer.values(&self.rows);
    }
}
