//! A session with mailboxes, and what it makes of the requests that carry operations.
//!
//! Pure: a request and what the session has open go in, a response comes out. Operations that are
//! not done here yet are read and answered `ecNotSupported`.
//!
//! Start at [`Session::execute`]; what each operation does is in `command`.
//!
//! Source: [MS-OXCMAPIHTTP] 2.2.4.2, [MS-OXCRPC] 3.1.4.2, [MS-OXCROPS] 3.1.4.

use crate::chain;
use crate::codec::data::{Guid, language};
use crate::codec::rop::buffer::{self, NO_HANDLE, PlacedCall};
use crate::codec::rop::notify::ObjectEvent;
use crate::codec::rop::{Call, Indices, Reply, Request, Response, indices};
use crate::codec::transport::body::{
    Answer, ConnectRequest, ExecuteRequest, ExecuteResponse, Failure, execute_flags,
};
use crate::codec::transport::extended::{self, PAYLOAD_BYTES_MAX, Packing, Position};
use crate::codec::transport::header::ClientVersion;
use crate::codec::wire::{Form, Writer};
use crate::command::per_user::Writing;
use crate::command::{self, Done};
use crate::notification::Outbox;
use crate::object::{Object, Objects};
use crate::quirk;
use crate::refusal::{CallFailure, Refusal};
use crate::table::follow::follow;
pub use crate::table::lists::Lists;
use bytes::Bytes;
use engine::examination::Examine;
use engine::{Account, Watch};
use std::sync::Arc;

/// Bytes of an extended buffer's header.
const HEADER_BYTES: usize = 8;
/// The most that a client may ask for. Source: [MS-OXCRPC] 3.1.4.2.
const ANSWER_BYTES_MAX: usize = 0x4_0000;
/// Room for the answer to any operation that does not fit its answer to the room.
const ANSWER_ROOM_BYTES: usize = 512;
/// Bytes of the size before a list, and of a handle behind it.
const LIST_SIZE_BYTES: usize = 2;
const HANDLE_BYTES: usize = 4;
/// Bytes that say that there is more to tell. Source: [MS-OXCROPS] 2.2.14.3.1.
const PENDING_BYTES: usize = 3;

/// One session.
#[derive(Debug)]
pub struct Session {
    /// The mailbox of who signed in.
    pub(crate) own: Account,
    /// Tells this server's mailboxes from all others.
    pub(crate) server: Guid,
    /// Of 8-bit texts.
    pub(crate) code_page: u32,
    /// In whose order texts are sorted (BCP 47).
    pub(crate) language: &'static str,
    pub(crate) objects: Objects,
    /// Sorted lists, which others use too.
    pub(crate) lists: Arc<Lists>,
    /// It takes streams in several buffers of one answer.
    takes_long_streams: bool,
    /// What a client writes piece by piece about what it has read elsewhere.
    pub(crate) writing: Option<Writing>,
    /// Who looks at what is sent, if anyone does.
    pub(crate) examiner: Option<Arc<dyn Examine>>,
    /// What is to be told.
    outbox: Outbox,
}

/// A buffer that is being answered.
struct Answering<'a> {
    list: &'a [u8],
    handles: Vec<u32>,
    answers: Vec<u8>,
    bytes_max: usize,
    /// What asks for the rest of what the operation answered last reads.
    further: Option<Call>,
}

/// What asks for the rest, and the handles by then.
type Further = (Call, Vec<u32>);

/// Bytes that one payload may have where so many are left: sizes in it have 16 bits, and it has a
/// bound of its own.
fn payload_bytes(left: usize) -> usize {
    left.saturating_sub(HEADER_BYTES).min(PAYLOAD_BYTES_MAX - 1)
}

impl Session {
    /// The session that a Connect began. `server` must be the same for ever.
    pub fn new(own: Account, server: Guid, connect: &ConnectRequest) -> Self {
        Self {
            own,
            server,
            code_page: connect.default_code_page,
            language: language(connect.sort_locale),
            objects: Objects::default(),
            lists: Arc::default(),
            takes_long_streams: true,
            writing: None,
            examiner: None,
            outbox: Outbox::default(),
        }
    }

    /// The same, which shares the sorted lists of tables with others.
    #[must_use]
    pub fn sharing(self, lists: &Arc<Lists>) -> Self {
        Self {
            lists: Arc::clone(lists),
            ..self
        }
    }

    /// The same, with a client of that version.
    #[must_use]
    pub fn with_client(self, client: Option<ClientVersion>) -> Self {
        Self {
            takes_long_streams: !quirk::misreads_long_streams(client),
            ..self
        }
    }

    /// The same, with someone who looks at all that is sent before it is taken.
    #[must_use]
    pub fn examined_by(self, examiner: Arc<dyn Examine>) -> Self {
        Self {
            examiner: Some(examiner),
            ..self
        }
    }

    /// Looks at what happened, for who asked to be told of it.
    pub(crate) fn look(&mut self) -> Result<(), Refusal> {
        for (logon_id, logon, wishes) in self.objects.subscriptions() {
            self.outbox.collect(logon_id, &logon, &wishes)?;
        }
        for (logon_id, handle) in self.objects.told_tables() {
            self.follow(logon_id, handle)?;
        }
        let objects = &self.objects;
        self.outbox.retain(|handle| objects.is_open(handle));
        Ok(())
    }

    /// Notes what the log does not say, for who asked to be told of it.
    pub(crate) fn happened(&mut self, logon_id: u8, event: &ObjectEvent) {
        for (id, _, wishes) in self.objects.subscriptions() {
            if id == logon_id {
                self.outbox.tell(logon_id, event, &wishes);
            }
        }
    }

    /// Moves a table on to what is there now, and notes what is to be told of its rows.
    pub(crate) fn follow(&mut self, logon_id: u8, handle: u32) -> Result<(), Refusal> {
        let told = self.objects.told_of_table(handle);
        let logon = self.objects.logon(logon_id)?.clone();
        let Object::Table(table) = self.objects.object(logon_id, handle)? else {
            return Ok(());
        };
        table.is_known &= !told.is_empty();
        for event in follow(table, &logon, self.code_page)? {
            for &handle in &told {
                let has_room = self.outbox.tell_of_table(handle, logon_id, event.clone());
                table.is_known &= has_room;
            }
        }
        Ok(())
    }

    /// Whether there is something to tell. Errors: of the store.
    pub fn has_news(&mut self) -> Result<bool, Refusal> {
        self.look()?;
        Ok(!self.outbox.is_empty())
    }

    /// What wakes who waits for news: all mailboxes in which something is to be told of.
    pub fn watches(&self) -> Vec<Watch> {
        let all = self.objects.subscriptions().into_iter();
        let told = self.objects.told_tables();
        let wanted = all.filter(|(id, _, wishes)| {
            !wishes.is_empty() || told.iter().any(|(logon_id, _)| logon_id == id)
        });
        wanted.map(|(_, logon, _)| logon.account.watch()).collect()
    }

    /// Puts what waits behind the answers, as far as there is room, and says whether there is more.
    /// Source: [MS-OXCROPS] 2.2.14.2, 2.2.14.3.
    fn tell(&mut self, answering: &mut Answering<'_>) {
        while let Some(notify) = self.outbox.next() {
            if !answering.append(&Reply::Notify(notify.clone()), PENDING_BYTES) {
                if answering.answers.is_empty() && self.outbox.shorten() {
                    continue;
                }
                // There is always room for this: it was kept free.
                answering.append(&Reply::Pending { session: 0 }, 0);
                return;
            }
            self.outbox.told();
        }
    }

    /// Does what a request asks for.
    pub fn execute(&mut self, request: &ExecuteRequest) -> Answer<ExecuteResponse> {
        match self.payload(request) {
            Ok(rop_buffer) => Answer::Said(ExecuteResponse {
                error_code: 0,
                flags: 0,
                rop_buffer: rop_buffer.into(),
                auxiliary: Bytes::new(),
            }),
            Err(failure) => Answer::Failed(Failure {
                status_code: failure.code(),
                auxiliary: Bytes::new(),
            }),
        }
    }

    fn payload(&mut self, request: &ExecuteRequest) -> Result<Vec<u8>, CallFailure> {
        let bytes_max = usize::try_from(request.rop_out_bytes_max).unwrap_or(usize::MAX);
        if bytes_max < HEADER_BYTES {
            return Err(CallFailure::RpcFailed);
        }
        if bytes_max > ANSWER_BYTES_MAX {
            return Err(CallFailure::BadStubData);
        }
        let payloads = extended::unpack(&request.rop_buffer).map_err(|_| CallFailure::RpcFormat)?;
        // More than one is only for operations that this server does not say it takes so.
        let [payload] = payloads.as_slice() else {
            return Err(CallFailure::RpcFormat);
        };
        let (first, further) = self.answer(payload, payload_bytes(bytes_max))?;
        let mut answers = vec![first];
        if request.flags & execute_flags::CHAIN != 0 {
            self.go_on(further, bytes_max, &mut answers)?;
        }
        let packing = if request.flags & execute_flags::NO_COMPRESSION == 0 {
            Packing::Compressed
        } else {
            Packing::Plain
        };
        let mut packed = Vec::new();
        for (place, answer) in answers.iter().enumerate() {
            let position = if place + 1 == answers.len() {
                Position::Last
            } else {
                Position::Followed
            };
            let one = extended::pack(answer, packing, position);
            packed.extend(one.ok_or(CallFailure::BufferTooSmall)?);
        }
        Ok(packed)
    }

    /// Goes on with an operation as long as there is more to read and room for it.
    fn go_on(
        &mut self,
        further: Option<Further>,
        bytes_max: usize,
        answers: &mut Vec<Vec<u8>>,
    ) -> Result<(), CallFailure> {
        let mut further = further;
        while let Some((call, handles)) = further.take() {
            let taken: usize = answers
                .iter()
                .map(|answer| HEADER_BYTES + answer.len())
                .sum();
            let left = bytes_max.saturating_sub(taken);
            let is_stream = matches!(call.request, Request::ReadStream(_));
            let is_enough = left < chain::room_min(&call) || answers.len() > chain::BUFFERS_MAX;
            if is_enough || is_stream && !self.takes_long_streams {
                return Ok(());
            }
            let mut answering = Answering {
                list: &[],
                handles,
                answers: Vec::new(),
                bytes_max: payload_bytes(left),
                further: None,
            };
            let start = 0;
            if !self.answer_one(&PlacedCall { start, call }, &mut answering) {
                return Ok(());
            }
            answers.push(answering.joined()?);
            further = answering.further.map(|call| (call, answering.handles));
        }
        Ok(())
    }

    /// The answer to a list of operations, and what asks for the rest of what the last one reads.
    fn answer(
        &mut self,
        payload: &[u8],
        bytes_max: usize,
    ) -> Result<(Vec<u8>, Option<Further>), CallFailure> {
        let (list, handles) = buffer::split(payload).map_err(|_| CallFailure::RpcFormat)?;
        let calls = buffer::read_calls(list).map_err(|_| CallFailure::RpcFormat)?;
        let mut answering = Answering {
            list,
            handles,
            answers: Vec::new(),
            bytes_max,
            further: None,
        };
        for placed in &calls {
            if !self.answer_one(placed, &mut answering) {
                answering.further = None;
                answering.give_back(placed.start)?;
                break;
            }
        }
        // What can't be looked at now is told the next time.
        if self.look().is_ok() {
            self.tell(&mut answering);
        }
        let joined = answering.joined()?;
        let Answering {
            further, handles, ..
        } = answering;
        Ok((joined, further.map(|call| (call, handles))))
    }

    /// Answers one operation, or does nothing where there is no room.
    fn answer_one(&mut self, placed: &PlacedCall, answering: &mut Answering<'_>) -> bool {
        let call = &placed.call;
        let handle = answering.handle(call.input);
        if !call.is_answered() {
            self.objects.release(call.logon_id, handle);
            answering.set(call.input, NO_HANDLE);
            answering.further = None;
            return true;
        }
        let room = answering.room();
        if room < ANSWER_ROOM_BYTES {
            return false;
        }
        let handles = [handle, answering.handle(call.target)];
        let outcome = command::run(self, call, handles, room);
        let outcome = outcome.and_then(|done| self.open(call, done, answering));
        let reply = reply(call, outcome, answering);
        answering.further = match &reply {
            Reply::Said { response, .. } => chain::further(call, response),
            _ => None,
        };
        let mut writer = Writer::new(Form::Rop);
        reply.write(&mut writer);
        match writer.finish() {
            Ok(bytes) if bytes.len() <= room => {
                answering.answers.extend_from_slice(&bytes);
                true
            }
            // Only what reads can be longer than the room that any answer finds.
            _ => false,
        }
    }

    /// Gives what an operation opened a handle.
    fn open(
        &mut self,
        call: &Call,
        done: Done,
        answering: &mut Answering<'_>,
    ) -> Result<(u32, Response), Refusal> {
        let handle = match (done.opened, done.handle) {
            (_, Some(handle)) => handle,
            (Some(object), None) => self.objects.open(call.logon_id, object)?,
            (None, None) => return Ok((done.code, done.response)),
        };
        if !answering.set(call.target, handle) {
            self.objects.release(call.logon_id, handle);
            return Err(Refusal::NullObject);
        }
        Ok((done.code, done.response))
    }
}

fn reply(
    call: &Call,
    outcome: Result<(u32, Response), Refusal>,
    answering: &mut Answering<'_>,
) -> Reply {
    let handle = call.answer_index();
    let refusal = match outcome {
        Ok((code, response)) => {
            return Reply::Said {
                handle,
                code,
                response,
            };
        }
        Err(refusal) => refusal,
    };
    let opens = matches!(
        indices(call.request.number()),
        Some(Indices::Output | Indices::InputOutput)
    );
    if opens {
        answering.set(call.target, NO_HANDLE);
    }
    let (number, code) = (call.answer_number(), refusal.code());
    if refusal == Refusal::NullDestination {
        return Reply::NoDestination {
            number,
            handle,
            destination: call.target.into(),
            response: Response::of_failure(number),
        };
    }
    match Response::of_failure(number) {
        Some(response) => Reply::Said {
            handle,
            code,
            response,
        },
        None => Reply::Refused {
            number,
            handle,
            code,
        },
    }
}

impl Answering<'_> {
    /// The payload.
    fn joined(&self) -> Result<Vec<u8>, CallFailure> {
        buffer::join(&self.answers, &self.handles).map_err(|_| CallFailure::BufferTooSmall)
    }

    /// The handle at a place; none where there is no such place.
    fn handle(&self, place: u8) -> u32 {
        let handle = self.handles.get(usize::from(place));
        handle.copied().unwrap_or(NO_HANDLE)
    }

    /// Whether there is such a place.
    fn set(&mut self, place: u8, handle: u32) -> bool {
        let known = self.handles.get_mut(usize::from(place));
        known.map(|known| *known = handle).is_some()
    }

    /// Puts a reply behind the others, unless less than so many bytes would be left.
    fn append(&mut self, reply: &Reply, left_bytes: usize) -> bool {
        let mut writer = Writer::new(Form::Rop);
        reply.write(&mut writer);
        let bytes = writer.finish().unwrap_or_default();
        let fits = bytes.len() + left_bytes <= self.room();
        if fits {
            self.answers.extend_from_slice(&bytes);
        }
        fits
    }

    /// Bytes left for answers.
    fn room(&self) -> usize {
        let taken = LIST_SIZE_BYTES + HANDLE_BYTES * self.handles.len() + self.answers.len();
        self.bytes_max.saturating_sub(taken)
    }

    /// Says that from here on nothing was done. Source: [MS-OXCROPS] 3.2.5.1.2.
    fn give_back(&mut self, start: usize) -> Result<(), CallFailure> {
        let rest = self.list.get(start..).unwrap_or_default();
        let reply = Reply::BufferTooSmall {
            size_needed: u16::try_from(PAYLOAD_BYTES_MAX - 1).unwrap_or(u16::MAX),
            requests: Bytes::copy_from_slice(rest),
        };
        let mut writer = Writer::new(Form::Rop);
        reply.write(&mut writer);
        let bytes = writer.finish().map_err(|_| CallFailure::BufferTooSmall)?;
        // The first operation must get further than this, or the client would ask for ever.
        if start == 0 || bytes.len() > self.room() {
            return Err(CallFailure::BufferTooSmall);
        }
        self.answers.extend_from_slice(&bytes);
        Ok(())
    }
}
