//! Markers: numbers of four bytes that no property has as its tag.
//!
//! Source: [MS-OXCFXICS] 2.2.4.1.4.

macro_rules! markers {
    ($($(#[$note:meta])* $name:ident = $number:literal;)*) => {
        /// Says what begins or ends here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Marker {
            $($(#[$note])* $name = $number,)*
        }

        impl Marker {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The marker of this number.
            pub fn of(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Its number.
            pub fn number(self) -> u32 {
                self as u32
            }
        }
    };
}

markers! {
    /// The folder that is copied.
    StartTopFolder = 0x4009_0003;
    /// A folder in it.
    StartSubFolder = 0x400a_0003;
    /// Ends either.
    EndFolder = 0x400b_0003;
    /// A message.
    StartMessage = 0x400c_0003;
    /// A message that is not for people.
    StartAssociatedMessage = 0x4010_0003;
    /// Ends either.
    EndMessage = 0x400d_0003;
    /// The message in an attachment.
    StartEmbedded = 0x4001_0003;
    /// Ends it.
    EndEmbedded = 0x4002_0003;
    /// A recipient.
    StartRecipient = 0x4003_0003;
    /// Ends it.
    EndRecipient = 0x4004_0003;
    /// An attachment.
    NewAttachment = 0x4000_0003;
    /// Ends it.
    EndAttachment = 0x400e_0003;
    /// A change of a message or folder.
    Change = 0x4012_0003;
    /// A change of parts of a message.
    PartialChange = 0x407d_0003;
    /// What is gone.
    Deletions = 0x4013_0003;
    /// Ends a synchronisation.
    EndSync = 0x4014_0003;
    /// The message that a change is about.
    ChangedMessage = 0x4015_0003;
    /// What was read or is not.
    ReadStates = 0x402f_0003;
    /// The state that the client has then.
    StateBegin = 0x403a_0003;
    /// Ends it.
    StateEnd = 0x403b_0003;
    /// How much there is.
    ProgressTotal = 0x4074_000b;
    /// How much the next message is.
    ProgressOfMessage = 0x4075_000b;
    /// Groups of properties.
    GroupInfo = 0x407b_0102;
    /// What went wrong.
    ErrorInfo = 0x4018_0003;
}
