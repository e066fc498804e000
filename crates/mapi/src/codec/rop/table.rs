//! Tables: columns, order, conditions, rows, places in them.
//!
//! Rows of responses are read with the columns that the table has, which its caller must know.
//!
//! Source: [MS-OXCROPS] 2.2.5.

use crate::codec::data::{PropertyRow, PropertyTag, Restriction, SortOrderSet};
use crate::codec::wire::{Counted, Has, Measured, Plain, wire};
use bytes::Bytes;

wire! {
    /// Chooses the columns. Source: [MS-OXCROPS] 2.2.5.1.1.
    pub struct SetColumns {
        /// 1: the answer may come before the work is done.
        flags: u8,
        columns: Vec<PropertyTag> as Counted<u16>,
    }

    /// Chooses the order. Source: [MS-OXCROPS] 2.2.5.2.1.
    pub struct SortTable {
        flags: u8,
        orders: SortOrderSet,
    }

    /// Chooses which rows there are. Source: [MS-OXCROPS] 2.2.5.3.1.
    pub struct Restrict {
        flags: u8,
        restriction: Option<Restriction> as Measured<u16>,
    }

    /// How far the table is; 0 complete.
    pub struct TableStatus {
        table_status: u8,
    }

    /// Asks for rows. Source: [MS-OXCROPS] 2.2.5.4.1.
    pub struct QueryRows {
        /// 1: stay where it is; 2: several buffers.
        flags: u8,
        is_forward: bool,
        row_count: u16,
    }

    /// Rows. Source: [MS-OXCROPS] 2.2.5.4.2.
    pub struct Rows {
        /// Where the table then stands: 0 at its beginning, 1 within, 2 at its end.
        origin: u8,
        rows: Vec<PropertyRow> as Counted<u16>,
    }

    /// Where a table stands, as a part of its length.
    pub struct Fraction {
        numerator: u32,
        denominator: u32,
    }

    /// Moves. Source: [MS-OXCROPS] 2.2.5.8.1.
    pub struct SeekRow {
        /// 0 from the beginning, 1 from here, 2 from the end.
        origin: u8,
        row_count: i32,
        want_row_moved_count: bool,
    }

    /// How far it moved.
    pub struct RowSought {
        has_sought_less: bool,
        rows_sought: i32,
    }

    /// Moves from a bookmark. Source: [MS-OXCROPS] 2.2.5.9.1.
    pub struct SeekRowBookmark {
        bookmark: Bytes as Measured<u16>,
        row_count: i32,
        want_row_moved_count: bool,
    }

    /// How far it moved from a bookmark.
    pub struct RowSoughtBookmark {
        row_no_longer_visible: bool,
        has_sought_less: bool,
        rows_sought: i32,
    }

    /// A place that was marked.
    pub struct Bookmark {
        bookmark: Bytes as Measured<u16>,
    }

    /// Names of columns.
    pub struct Columns {
        columns: Vec<PropertyTag> as Counted<u16>,
    }

    /// Looks for a row. Source: [MS-OXCROPS] 2.2.5.13.1.
    pub struct FindRow {
        /// 1: backwards.
        flags: u8,
        restriction: Option<Restriction> as Measured<u16>,
        /// 0 from the beginning, 1 from here, 2 from the end, 3 from the bookmark.
        origin: u8,
        bookmark: Bytes as Measured<u16>,
    }

    /// The row that was looked for.
    pub struct FoundRow {
        row_no_longer_visible: bool,
        row: Option<PropertyRow> as Has<Plain, 1>,
    }

    /// Opens a heading. Source: [MS-OXCROPS] 2.2.5.16.1.
    pub struct ExpandRow {
        max_row_count: u16,
        category: u64,
    }

    /// What stands below an opened heading.
    pub struct ExpandedRow {
        expanded_row_count: u32,
        rows: Vec<PropertyRow> as Counted<u16>,
    }

    /// Closes a heading.
    pub struct CollapseRow {
        category: u64,
    }

    /// What stood below it.
    pub struct CollapsedRow {
        collapsed_row_count: u32,
    }

    /// Asks which headings are open. Source: [MS-OXCROPS] 2.2.5.18.1.
    pub struct CollapseStateRequest {
        row: u64,
        row_instance: u32,
    }

    /// Which headings are open.
    pub struct CollapseState {
        collapse_state: Bytes as Measured<u16>,
    }
}
