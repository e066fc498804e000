//! Tables of those who fulfil a condition, and of those who belong to someone.
//!
//! Source: [MS-OXNSPI] 3.1.4.1.11 (`NspiGetMatches`).

use super::entry::{MEMBER_OF, MEMBERS};
use super::table::{columns, placed};
use super::{Shelf, minimal_id, number_of, outcome};
use crate::codec::data::{PropertyTag, PropertyType};
use crate::codec::nspi::{ColumnsAndRows, Stat, request, response};
use crate::refusal::Refusal;
use bytes::Bytes;
use engine::directory::BookKind;

type Matches = (Stat, Vec<u32>, Option<ColumnsAndRows>);

impl Shelf<'_> {
    pub(super) fn find_matches(&self, asked: &request::FindMatches) -> response::FindMatches {
        let (error_code, found) = outcome(self.matches(asked));
        let (stat, minimal_ids, rows) = match found {
            Some((stat, ids, rows)) => (Some(stat), Some(ids), rows),
            None => (asked.stat, None, None),
        };
        response::FindMatches {
            error_code,
            stat,
            minimal_ids,
            rows,
            auxiliary: Bytes::new(),
        }
    }

    fn matches(&self, asked: &request::FindMatches) -> Result<Matches, Refusal> {
        let mut stat = placed(asked.stat)?;
        let ids = match property(asked, &stat)? {
            Some(id) => {
                let ids = self.belonging(stat.current_record, id)?;
                // The table that the client goes on with is that of the property.
                stat.container = PropertyTag::new(id, PropertyType::OBJECT).0;
                match &asked.filter {
                    Some(filter) => {
                        let fitting = self.fitting(filter, stat.code_page)?;
                        ids.into_iter().filter(|id| fitting.contains(id)).collect()
                    }
                    None => ids,
                }
            }
            None => match &asked.filter {
                Some(filter) => self.fitting(filter, stat.code_page)?,
                None => self.everyone(),
            },
        };
        let most = usize::try_from(asked.row_count).unwrap_or(usize::MAX);
        if ids.len() > most {
            return Err(Refusal::TableTooBig);
        }
        let rows = asked.columns.as_ref().map(|chosen| {
            let columns = columns(Some(chosen))?;
            self.rows(&ids, &columns, 0, stat.code_page)
        });
        let rows = rows.transpose()?;
        stat.delta = 0;
        stat.numerical_position = 0;
        stat.total_records = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        stat.current_record = ids.first().copied().unwrap_or_default();
        Ok((stat, ids, rows))
    }

    fn everyone(&self) -> Vec<u32> {
        let entries = self.book.entries().iter();
        entries.map(|entry| minimal_id(entry.number)).collect()
    }

    /// Members of a list, or the lists that someone is a member of, by name.
    fn belonging(&self, id: u32, property: u16) -> Result<Vec<u32>, Refusal> {
        let entry = number_of(id).and_then(|number| self.book.entry(number));
        let entry = entry.ok_or(Refusal::NotFound)?;
        let mut numbers = match (&entry.kind, property) {
            (BookKind::Group(members), MEMBERS) => members.clone(),
            (_, MEMBER_OF) => {
                let lists = self.book.entries().iter().filter(|list| match &list.kind {
                    BookKind::Group(members) => members.contains(&entry.number),
                    BookKind::Account(_) => false,
                });
                lists.map(|list| list.number).collect()
            }
            _ => Vec::new(),
        };
        numbers.sort_by_key(|number| self.book.place(*number));
        numbers.dedup();
        Ok(numbers.into_iter().map(minimal_id).collect())
    }
}

/// The property whose objects are asked for: by its name, or in place of the container.
fn property(asked: &request::FindMatches, stat: &Stat) -> Result<Option<u16>, Refusal> {
    let by_name = asked.property_name.map(|name| name.id);
    let wanted = match by_name {
        Some(id) => u16::try_from(id).ok(),
        None if stat.container == 0 => return Ok(None),
        None => Some(PropertyTag(stat.container).id()),
    };
    let known = wanted.filter(|id| [MEMBERS, MEMBER_OF].contains(id));
    known.map(Some).ok_or(Refusal::InvalidBookmark)
}
