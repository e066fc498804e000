//! Places in tables that clients come back to.
//!
//! A bookmark knows what stood there: where that has gone, it is the place itself.
//!
//! Source: [MS-OXCTABL] 3.2.5.9 to 3.2.5.12.

use super::{Done, Place, table};
use crate::codec::rop::Response;
use crate::codec::rop::table::{
    Bookmark as BookmarkBytes, Fraction, RowSoughtBookmark, SeekRowBookmark,
};
use crate::codec::wire::Nothing;
use crate::refusal::Refusal;
use crate::request::Session;
use crate::table::{Bookmark, Mark, Table};

/// Bookmarks that one table has at most.
const BOOKMARKS_MAX: usize = 10_000;

/// Marks a place of a table; answers the bookmark as the client has it.
pub(super) fn put(
    table: &mut Table,
    mark: Option<Mark>,
    position: usize,
) -> Result<BookmarkBytes, Refusal> {
    if table.bookmarks.len() >= BOOKMARKS_MAX {
        return Err(Refusal::TooBig);
    }
    let number = table.next_bookmark;
    table.next_bookmark = number.wrapping_add(1);
    table.bookmarks.insert(number, Bookmark { mark, position });
    let bookmark = number.to_le_bytes().to_vec().into();
    Ok(BookmarkBytes { bookmark })
}

fn number(bookmark: &[u8]) -> Result<u32, Refusal> {
    let bytes = bookmark.try_into().map_err(|_| Refusal::InvalidBookmark)?;
    Ok(u32::from_le_bytes(bytes))
}

/// Where a bookmark is by now, and whether what it marked is still there.
pub(super) fn place(table: &Table, bookmark: &[u8]) -> Result<(usize, bool), Refusal> {
    let found = table.bookmarks.get(&number(bookmark)?);
    let bookmark = found.ok_or(Refusal::InvalidBookmark)?;
    let end = table.len();
    let Some(mark) = bookmark.mark else {
        return Ok((end, true));
    };
    if table.mark(bookmark.position) == Some(mark) {
        return Ok((bookmark.position, true));
    }
    let found = table.place_of(mark);
    Ok(found.map_or((bookmark.position.min(end), false), |place| (place, true)))
}

/// `RopCreateBookmark`
pub(super) fn create(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    let table = table::fresh(session, at)?;
    let position = table.position;
    let bookmark = put(table, table.mark(position), position)?;
    Ok(Done::said(Response::CreateBookmark(bookmark)))
}

/// `RopFreeBookmark`
pub(super) fn free(
    session: &mut Session,
    at: Place,
    request: &BookmarkBytes,
) -> Result<Done, Refusal> {
    let table = table::fresh(session, at)?;
    let known = table.bookmarks.remove(&number(&request.bookmark)?);
    known.ok_or(Refusal::InvalidBookmark)?;
    Ok(Done::said(Response::FreeBookmark(Nothing)))
}

/// `RopSeekRowBookmark`
pub(super) fn seek(
    session: &mut Session,
    at: Place,
    request: &SeekRowBookmark,
) -> Result<Done, Refusal> {
    let table = table::fresh(session, at)?;
    let (start, is_there) = place(table, &request.bookmark)?;
    let (has_sought_less, moved) = table::sought(table, start, request.row_count);
    Ok(Done::said(Response::SeekRowBookmark(RowSoughtBookmark {
        row_no_longer_visible: !is_there,
        has_sought_less,
        rows_sought: if request.want_row_moved_count {
            moved
        } else {
            0
        },
    })))
}

/// `RopSeekRowFractional`
pub(super) fn seek_fraction(
    session: &mut Session,
    at: Place,
    request: &Fraction,
) -> Result<Done, Refusal> {
    let table = table::fresh(session, at)?;
    let [part, whole] = [request.numerator, request.denominator].map(u64::from);
    let place = (table.len() as u64).saturating_mul(part.min(whole));
    let place = place.checked_div(whole).ok_or(Refusal::InvalidBookmark)?;
    table.position = usize::try_from(place).unwrap_or(usize::MAX);
    Ok(Done::said(Response::SeekRowFractional(Nothing)))
}
