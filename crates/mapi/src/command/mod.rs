//! What each operation does.
//!
//! Start at [`run`]: one line for each operation that is done here; all others are refused.

mod folder;
mod letters;
mod logon;
mod message;
mod property;
mod stream;
mod table;

use crate::codec::rop::{Call, Request, Response};
use crate::object::Object;
use crate::refusal::Refusal;
use crate::request::Session;

/// What an operation leads to.
#[derive(Debug)]
pub(crate) struct Done {
    /// What is said.
    pub response: Response,
    /// What was opened and is to get a handle.
    pub opened: Option<Object>,
    /// The handle of what was opened, where it has one already.
    pub handle: Option<u32>,
}

impl Done {
    fn said(response: Response) -> Self {
        Self {
            response,
            opened: None,
            handle: None,
        }
    }

    fn opened(response: Response, object: Object) -> Self {
        Self {
            response,
            opened: Some(object),
            handle: None,
        }
    }
}

/// Where an operation is run: which logon, which object, and the bytes its answer may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    logon_id: u8,
    handle: u32,
    /// The second handle, where there is one: a destination.
    target: u32,
    room: usize,
}

/// Runs one operation on the objects of these handles: of its input, and of its target.
///
/// Errors: [`Refusal::NotSupported`] also for operations that are not done here yet.
pub(crate) fn run(
    session: &mut Session,
    call: &Call,
    [handle, target]: [u32; 2],
    room: usize,
) -> Result<Done, Refusal> {
    let at = Place {
        logon_id: call.logon_id,
        handle,
        target,
        room,
    };
    match &call.request {
        Request::Logon(request) => logon::log_on(session, at, request),
        Request::ReceiveFolder(request) => logon::receive_folder(session, at, request),
        Request::LongTermIdFromId(request) => logon::long_term_id(session, at, request),
        Request::IdFromLongTermId(request) => logon::short_term_id(session, at, request),
        Request::OpenFolder(request) => folder::open(session, at, request),
        Request::HierarchyTable(request) => folder::hierarchy(session, at, request),
        Request::ContentsTable(request) => folder::contents(session, at, request),
        Request::SetReadFlags(request) => letters::set_read_flags(session, at, request),
        Request::SetMessageReadFlag(request) => {
            letters::set_message_read_flag(session, at, request)
        }
        Request::DeleteMessages(request) => letters::delete(session, at, request),
        Request::MoveCopyMessages(request) => letters::move_or_copy(session, at, request),
        Request::SetColumns(request) => table::set_columns(session, at, request),
        Request::SortTable(request) => table::sort(session, at, request),
        Request::Restrict(request) => table::restrict(session, at, request),
        Request::ResetTable(_) => table::reset(session, at),
        Request::FindRow(request) => table::find_row(session, at, request),
        Request::QueryRows(request) => table::query_rows(session, at, request),
        Request::QueryPosition(_) => table::query_position(session, at),
        Request::SeekRow(request) => table::seek_row(session, at, request),
        Request::Status(_) => table::status(session, at),
        Request::OpenMessage(request) => message::open(session, at, request),
        Request::ReadRecipients(request) => message::recipients(session, at, request),
        Request::PropertiesSpecific(request) => property::specific(session, at, request),
        Request::PropertiesAll(request) => property::all(session, at, request),
        Request::PropertiesList(_) => property::list(session, at),
        Request::OpenStream(request) => stream::open(session, at, request),
        Request::ReadStream(request) => stream::read(session, at, request),
        Request::StreamSize(_) => stream::size(session, at),
        Request::SeekStream(request) => stream::seek(session, at, request),
        _ => Err(Refusal::NotSupported),
    }
}
