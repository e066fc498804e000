//! Which items match: a question as a tree, tested against one item at a time.
//!
//! A question is turned into a [`Plan`] once. The plan asks an item first for what its row tells
//! (flags, size, dates), then for its fields, and reads its body only when nothing cheaper has
//! decided. Matching of text is by substring on decoded text, as a [`Comparator`] sees it.
//!
//! [`Candidate`] is how an item is looked at, [`Letter`] a letter looked at so. Start at
//! [`Plan::new`]; [`Run`] takes a plan through a folder in bounded steps and hands what it finds to
//! a [`Harvest`]: a list, a [`Sorting`], [`Conversations`]. [`Arranging`] puts what was found in
//! order and [`Relating`] finds its conversations, from what is kept of a whole folder.
//!
//! Items that are no letters are looked at in the same way, by the texts that [`EntryTexts`] tells.
//!
//! An [`Index`] says beforehand where a text certainly is not, so that few letters are looked at;
//! it is fed by a [`Feeder`]. What is found is the same without it.

mod annotated;
mod comparator;
mod entries;
mod feeding;
mod flag_sets;
mod grams;
mod index;
mod kept;
mod letter;
mod narrowing;
mod needle;
pub mod order;
mod plan;
mod related;
mod run;
mod sorted;
pub mod thread;
mod words;

pub use annotated::{AnnotationTest, NameTest};
pub use comparator::Comparator;
pub use entries::EntryTexts;
pub use feeding::{Fed, Feeder};
pub(crate) use flag_sets::FlagCache;
pub use index::Index;
pub(crate) use kept::Keep;
pub use letter::Letter;
pub use needle::Needle;
pub use order::{Order, Ranking, SortBy, SortLevel, Sorting};
pub use plan::{Candidate, Plan, Query, TESTS_MAX, Test, TooComplex};
pub use related::Relating;
pub(crate) use related::Relations;
pub use run::{Found, Harvest, Progress, Run};
pub use sorted::Arranging;
pub(crate) use sorted::SortedList;
pub use thread::{Conversations, Forest, Threading};

pub use store::sketch::Sketches;

/// A row for the tests of this module: a letter received so many hours after 1970.
#[cfg(test)]
fn rehearsed_row(hours: u64) -> store::model::ItemRow {
    use store::id::{BodyNumber, ChangeSeq, ContentId, ItemKey, PlaceId, Timestamp};
    let received = Timestamp::from_seconds(i64::try_from(hours).unwrap_or(0) * 3600);
    store::model::ItemRow {
        item: ItemKey(hours),
        place: PlaceId(hours),
        content: ContentId(hours),
        kind: store::model::Kind::Mail,
        flags: store::model::Flags::NONE,
        keywords: store::model::Keywords::default(),
        changed: ChangeSeq(1),
        read_changed: ChangeSeq(0),
        size: 1000,
        received,
        received_zone_minutes: 0,
        modified: received,
        body: Some(BodyNumber(1)),
        removed: None,
        placed: None,
        annotation_bytes: 0,
    }
}
