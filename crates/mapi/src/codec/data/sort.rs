//! How a table is sorted and grouped.
//!
//! Source: [MS-OXCDATA] 2.13.

use super::tag::PropertyTag;
use crate::codec::wire::{Count, Malformed, Reader, Wire, Writer, wire};

wire! {
    /// One key.
    pub struct SortOrder {
        tag: PropertyTag,
        /// 0 ascending, 1 descending; 4: of the category before, by the greatest of its values.
        order: u8,
    }
}

/// All keys, the first of which may be headings.
#[derive(Debug, Clone, PartialEq)]
pub struct SortOrderSet {
    /// How many of the keys are headings.
    pub category_count: u16,
    /// How many of the headings are shown open; at most `category_count`.
    pub expanded_count: u16,
    /// The keys.
    pub orders: Vec<SortOrder>,
}

impl Wire for SortOrderSet {
    const LEAST: usize = 6;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let order_count = u16::read(reader)?;
        let category_count = u16::read(reader)?;
        let expanded_count = u16::read(reader)?;
        if category_count > order_count || expanded_count > category_count {
            return Err(Malformed::Length);
        }
        Ok(Self {
            category_count,
            expanded_count,
            orders: reader.list(order_count.to_size())?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        writer.count::<u16>(self.orders.len());
        self.category_count.write(writer);
        self.expanded_count.write(writer);
        writer.values(&self.orders);
    }
}
