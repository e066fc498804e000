//! Whole messages and folders on their way out of a mailbox, and into one.
//!
//! Pure: [`source`] turns messages and folders into a stream, [`destination`] takes a stream apart
//! and says what is to be made of it. What they read and make is in `command::transfer`.
//!
//! Only copies: what changed since (synchronisation) is told in the same words, but not here.
//!
//! Source: [MS-OXCFXICS] 2.2.4.2 to 2.2.4.4 (what may stand where), 3.2.5.8 (how it is told).

pub mod destination;
pub mod source;

/// Properties that stand in streams only. Source: [MS-OXCFXICS] 2.2.4.1.5.
pub mod meta {
    /// The beginning of distinguished names.
    pub const NAME_PREFIX: u16 = 0x4008;
    /// Something was left out.
    pub const WARNING: u16 = 0x400f;
    /// The folder has no messages of its own.
    pub const NEW_FOLDER: u16 = 0x4011;
    /// What is there of this collection goes.
    pub const DELETE: u16 = 0x4016;
}

/// Collections of messages and folders, named like properties.
pub mod held {
    /// Recipients of a message.
    pub const RECIPIENTS: u16 = 0x0e12;
    /// Attachments of a message.
    pub const ATTACHMENTS: u16 = 0x0e13;
    /// Folders in a folder.
    pub const FOLDERS: u16 = 0x360e;
    /// Messages of a folder.
    pub const MESSAGES: u16 = 0x360f;
    /// Settings in a folder.
    pub const ASSOCIATED: u16 = 0x3610;
    /// All of them.
    pub const ALL: [u16; 5] = [RECIPIENTS, ATTACHMENTS, FOLDERS, MESSAGES, ASSOCIATED];
}

/// The number of a recipient's row, and its kind.
const ROW: u16 = 0x3000;
const RECIPIENT_KIND: u16 = 0x0c15;
/// The number of an attachment.
const ATTACHMENT_NUMBER: u16 = 0x0e21;
