//! What each operation does.
//!
//! Start at [`run`]: the families below it have one line for each operation that is done here; all
//! others are refused.

mod attachment;
pub(crate) mod attributes;
mod bookmark;
mod copy;
pub(crate) mod folder;
mod grouping;
mod letters;
mod logon;
mod message;
mod naming;
mod notify;
pub(crate) mod per_user;
mod permission;
mod property;
mod receipt;
mod receive;
mod recipient;
mod rules;
mod save;
pub(crate) mod search;
mod stream;
mod submit;
mod table;
mod transfer;
mod tree;

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
    /// 0, or that something was not as it was asked for.
    pub code: u32,
}

impl Done {
    fn said(response: Response) -> Self {
        Self {
            response,
            opened: None,
            handle: None,
            code: 0,
        }
    }

    fn with_warning(self, code: u32) -> Self {
        Self { code, ..self }
    }

    fn opened(response: Response, object: Object) -> Self {
        Self {
            response,
            opened: Some(object),
            handle: None,
            code: 0,
        }
    }
}

/// Where an operation is run: which logon, which object, and the bytes its answer may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    logon_id: u8,
    /// The place of the object's handle in the buffer's table.
    input: u8,
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
        input: call.input,
        handle,
        target,
        room,
    };
    if puts_more(&call.request) && stream::room(session) == 0 {
        return Err(Refusal::TooBig);
    }
    for family in [
        mailbox, folders, tables, messages, sending, properties, transfers,
    ] {
        if let Some(outcome) = family(session, at, &call.request) {
            return outcome;
        }
    }
    Err(Refusal::NotSupported)
}

/// Whether an operation puts more into what is open, beside those that count what they put there.
fn puts_more(which: &Request) -> bool {
    matches!(
        which,
        Request::SetProperties(_)
            | Request::SetPropertiesNoReplicate(_)
            | Request::ModifyRecipients(_)
            | Request::CopyTo(_)
            | Request::CopyProperties(_)
            | Request::CreateAttachment(_)
            | Request::SaveChangesAttachment(_)
            | Request::OpenEmbeddedMessage(_)
    )
}

/// What became of an operation; none of one that is of another family.
type Outcome = Option<Result<Done, Refusal>>;

/// Mailboxes, ids and names.
fn mailbox(session: &mut Session, at: Place, which: &Request) -> Outcome {
    Some(match which {
        Request::Logon(request) => logon::log_on(session, at, request),
        Request::ReceiveFolder(request) => receive::folder(session, at, request),
        Request::SetReceiveFolder(request) => receive::set(session, at, request),
        Request::ReceiveFolderTable(_) => receive::table(session, at),
        Request::LongTermIdFromId(request) => logon::long_term_id(session, at, request),
        Request::IdFromLongTermId(request) => logon::short_term_id(session, at, request),
        Request::PropertyIdsFromNames(request) => naming::ids(session, at, request),
        Request::NamesFromPropertyIds(request) => naming::names(session, at, request),
        Request::QueryNamedProperties(request) => naming::query(session, at, request),
        Request::PublicFolderIsGhosted(request) => logon::is_ghosted(session, at, request),
        // Servers should not do it. Source: [MS-OXCSTOR] 3.2.5.5.
        Request::StoreState(_) => Err(Refusal::NotImplemented),
        Request::RegisterNotification(request) => notify::register(session, at, request),
        Request::ReadPerUserInformation(request) => per_user::read(session, at, request),
        Request::WritePerUserInformation(request) => per_user::write(session, at, request),
        Request::PerUserLongTermIds(request) => per_user::folders(session, at, request),
        Request::PerUserGuid(request) => per_user::database(session, at, request),
        _ => return None,
    })
}

/// Folders and what is done to the messages in them.
fn folders(session: &mut Session, at: Place, which: &Request) -> Outcome {
    Some(match which {
        Request::OpenFolder(request) => folder::open(session, at, request),
        Request::CreateFolder(request) => tree::create(session, at, request),
        Request::DeleteFolder(request) => tree::delete(session, at, request),
        Request::MoveFolder(request) => tree::move_folder(session, at, request),
        Request::CopyFolder(request) => tree::copy_folder(session, at, request),
        Request::EmptyFolder(request) | Request::HardDeleteMessagesAndSubfolders(request) => {
            tree::empty(session, at, request, which)
        }
        Request::SetSearchCriteria(request) => search::set(session, at, request),
        Request::SearchCriteria(request) => search::criteria(session, at, request),
        Request::PermissionsTable(request) => permission::table(session, at, request),
        Request::ModifyPermissions(request) => permission::modify(session, at, request),
        Request::RulesTable(request) => rules::table(session, at, request),
        Request::ModifyRules(request) => rules::modify(session, at, request),
        Request::UpdateDeferredActionMessages(request) => {
            rules::update_deferred(session, at, request)
        }
        Request::HierarchyTable(request) => folder::hierarchy(session, at, request),
        Request::ContentsTable(request) => folder::contents(session, at, request),
        Request::SetReadFlags(request) => letters::set_read_flags(session, at, request),
        Request::SetMessageReadFlag(request) => {
            letters::set_message_read_flag(session, at, request)
        }
        Request::DeleteMessages(request) | Request::HardDeleteMessages(request) => {
            letters::delete(session, at, request, which)
        }
        Request::SetMessageStatus(request) => letters::set_status(session, at, request),
        Request::MessageStatus(request) => letters::status(session, at, request),
        Request::MoveCopyMessages(request) => letters::move_or_copy(session, at, request),
        _ => return None,
    })
}

/// Tables.
fn tables(session: &mut Session, at: Place, which: &Request) -> Outcome {
    Some(match which {
        Request::SetColumns(request) => table::set_columns(session, at, request),
        Request::SortTable(request) => table::sort(session, at, request),
        Request::Restrict(request) => table::restrict(session, at, request),
        Request::ResetTable(_) => table::reset(session, at),
        Request::FindRow(request) => table::find_row(session, at, request),
        Request::QueryRows(request) => table::query_rows(session, at, request),
        Request::QueryPosition(_) => table::query_position(session, at),
        Request::SeekRow(request) => table::seek_row(session, at, request),
        Request::Status(_) => table::status(session, at),
        Request::Abort(_) => table::abort(session, at),
        Request::QueryColumnsAll(_) => table::all_columns(session, at),
        Request::CreateBookmark(_) => bookmark::create(session, at),
        Request::FreeBookmark(request) => bookmark::free(session, at, request),
        Request::SeekRowBookmark(request) => bookmark::seek(session, at, request),
        Request::SeekRowFractional(request) => bookmark::seek_fraction(session, at, request),
        Request::ExpandRow(request) => grouping::expand(session, at, request),
        Request::CollapseRow(request) => grouping::collapse(session, at, request),
        Request::CollapseState(request) => grouping::state(session, at, request),
        Request::SetCollapseState(request) => grouping::set_state(session, at, request),
        _ => return None,
    })
}

/// Open messages and what belongs to them.
fn messages(session: &mut Session, at: Place, which: &Request) -> Outcome {
    Some(match which {
        Request::OpenMessage(request) => message::open(session, at, request),
        Request::CreateMessage(request) => message::create(session, at, request),
        Request::ReloadCachedInformation(_) => message::reload(session, at),
        Request::SaveChangesMessage(request) => save::save(session, at, request),
        Request::ReadRecipients(request) => recipient::read(session, at, request),
        Request::ModifyRecipients(request) => recipient::modify(session, at, request),
        Request::RemoveAllRecipients(_) => recipient::remove_all(session, at),
        Request::AttachmentTable(request) => attachment::table(session, at, request),
        Request::ValidAttachments(_) => attachment::valid(session, at),
        Request::OpenAttachment(request) => attachment::open(session, at, request),
        Request::CreateAttachment(_) => attachment::create(session, at),
        Request::DeleteAttachment(request) => attachment::delete(session, at, request),
        Request::SaveChangesAttachment(_) => attachment::save(session, at),
        Request::OpenEmbeddedMessage(request) => attachment::open_message(session, at, request),
        _ => return None,
    })
}

/// Sending.
fn sending(session: &mut Session, at: Place, which: &Request) -> Outcome {
    Some(match which {
        Request::SubmitMessage(_) | Request::TransportSend(_) => submit::submit(session, at, which),
        Request::AbortSubmit(request) => submit::abort(session, at, request),
        Request::AddressTypes(_) => submit::address_types(session, at),
        Request::TransportFolder(_) => submit::folder(session, at),
        Request::OptionsData(_) => submit::options(session, at),
        Request::SetSpooler(_) | Request::SpoolerLockMessage(_) | Request::TransportNewMail(_) => {
            submit::spooler(session, at, which)
        }
        _ => return None,
    })
}

/// Properties and streams of whatever is open.
fn properties(session: &mut Session, at: Place, which: &Request) -> Outcome {
    Some(match which {
        Request::PropertiesSpecific(request) => property::specific(session, at, request),
        Request::PropertiesAll(request) => property::all(session, at, request),
        Request::PropertiesList(_) => property::list(session, at),
        Request::SetProperties(request) | Request::SetPropertiesNoReplicate(request) => {
            property::set(session, at, request, which)
        }
        Request::DeleteProperties(request) | Request::DeletePropertiesNoReplicate(request) => {
            property::delete(session, at, request, which)
        }
        Request::CopyProperties(request) => copy::some(session, at, request),
        Request::CopyTo(request) => copy::all(session, at, request),
        // What is asked for asynchronously is done and answered at once, as servers may
        // ([MS-OXCFOLD] 3.2.5.9); so no operation is ever under way.
        Request::Progress(_) => Err(Refusal::NotSupported),
        Request::OpenStream(request) => stream::open(session, at, request),
        Request::ReadStream(request) => stream::read(session, at, request),
        Request::StreamSize(_) => stream::size(session, at),
        Request::SeekStream(request) => stream::seek(session, at, request),
        Request::WriteStream(request)
        | Request::WriteStreamExtended(request)
        | Request::WriteAndCommitStream(request) => {
            stream::write(session, at, &request.data, which)
        }
        Request::CommitStream(_) => stream::commit(session, at),
        Request::SetStreamSize(request) => stream::set_size(session, at, request),
        Request::CopyToStream(request) => stream::copy(session, at, request),
        Request::CloneStream(_) => stream::clone(session, at),
        Request::LockRegionStream(_) | Request::UnlockRegionStream(_) => {
            stream::lock(session, at, which)
        }
        _ => return None,
    })
}

/// Whole messages and folders. What changed since is not told here, nor are there replicas of
/// public folders elsewhere: `ecNotSupported`.
fn transfers(session: &mut Session, at: Place, which: &Request) -> Outcome {
    Some(match which {
        Request::FastTransferSourceCopyTo(request) => transfer::copy_to(session, at, request),
        Request::FastTransferSourceCopyProperties(request) => {
            transfer::copy_properties(session, at, request)
        }
        Request::FastTransferSourceCopyMessages(request) => {
            transfer::copy_messages(session, at, request)
        }
        Request::FastTransferSourceCopyFolder(request) => {
            transfer::copy_folder(session, at, request)
        }
        Request::FastTransferSourceGetBuffer(request) => transfer::get_buffer(session, at, request),
        Request::FastTransferDestinationConfigure(request) => {
            transfer::configure(session, at, request)
        }
        Request::FastTransferDestinationPutBuffer(request)
        | Request::FastTransferDestinationPutBufferExtended(request) => {
            transfer::put_buffer(session, at, request, which)
        }
        Request::TellVersion(_) => transfer::tell_version(session, at),
        Request::OwningServers(_)
        | Request::SynchronizationConfigure(_)
        | Request::SynchronizationImportMessageChange(_)
        | Request::SynchronizationImportHierarchyChange(_)
        | Request::SynchronizationImportDeletes(_)
        | Request::SynchronizationUploadStateStreamBegin(_)
        | Request::SynchronizationUploadStateStreamContinue(_)
        | Request::SynchronizationUploadStateStreamEnd(_)
        | Request::SynchronizationImportMessageMove(_)
        | Request::SynchronizationOpenCollector(_)
        | Request::LocalReplicaIds(_)
        | Request::SynchronizationImportReadStateChanges(_)
        | Request::SynchronizationGetTransferState(_)
        | Request::SetLocalReplicaMidsetDeleted(_) => Err(Refusal::NotSupported),
        _ => return None,
    })
}
