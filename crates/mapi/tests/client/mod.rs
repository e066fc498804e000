//! A small MAPI client, made of the codec from the other side.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.
#![allow(dead_code)] // Each test file uses its part.

use bytes::Bytes;
use engine::rehearsal::Rehearsal;
use engine::{Flags, NewLetter, Reading, Role, Settings, Staged, User};
use mapi::codec::data::{
    Cell, GlobalCounter, Guid, ObjectId, Outcome, PropertyName, PropertyTag, TaggedValue, Value,
};
use mapi::codec::rop::buffer::{self, NO_HANDLE};
use mapi::codec::rop::{Call, Reply, Request, Response, folder, logon, message, property, table};
use mapi::codec::transport::body::{Answer, ConnectRequest, ExecuteRequest, execute_flags};
use mapi::codec::transport::extended::{self, Packing, Position};
use mapi::codec::wire::{Form, decode};
use mapi::identity;
use mapi::request::Session;

pub const SERVER: Guid = Guid(*b"a server's GUID.");

pub fn house() -> Rehearsal {
    Rehearsal::new(Settings::default()).unwrap()
}

/// Puts a letter into someone's Inbox, as IMAP or SMTP would.
pub fn deliver(house: &Rehearsal, user: &User, letter: &[u8], flags: Flags) {
    let account = house.engine.account(user, 9);
    let mut upload = account.upload().unwrap();
    upload.write(letter).unwrap();
    let staged: Staged = upload.finish().unwrap();
    let inbox = account
        .read()
        .unwrap()
        .folder_with_role(Role::Inbox)
        .unwrap()
        .unwrap()
        .0;
    let written = account.write(|txn| {
        let mut new = NewLetter::new(inbox, &staged);
        new.flags.flags = flags;
        txn.append(&new)
    });
    written.unwrap().wait().unwrap();
}

/// A client with one logon.
pub struct Client {
    pub session: Session,
    /// Handles by the places that the test gives them; the logon is at 0.
    pub handles: Vec<u32>,
    pub logon: Option<logon::PrivateLogon>,
}

impl Client {
    /// Connects and opens the mailbox of `owner`.
    pub fn new(house: &Rehearsal, user: &User, owner: &User) -> Self {
        let mut client = Self::connected(house, user);
        let reply = client.call(0, 0, Request::Logon(logon_request(owner)), &[]);
        let Reply::Said {
            response: Response::Logon(opened),
            ..
        } = reply
        else {
            panic!("{reply:?}");
        };
        let logon::LoggedOnStore::Private(store) = opened.store else {
            panic!("{opened:?}");
        };
        client.logon = Some(store);
        client
    }

    pub fn connected(house: &Rehearsal, user: &User) -> Self {
        let connect = ConnectRequest {
            user_name: identity::legacy_name(user.account).as_str().into(),
            flags: 0,
            default_code_page: 1252,
            sort_locale: 0x409,
            string_locale: 0x409,
            auxiliary: Bytes::new(),
        };
        Self {
            session: Session::new(house.engine.account(user, 1), SERVER, &connect),
            handles: vec![NO_HANDLE; 8],
            logon: None,
        }
    }

    /// Sends a whole buffer; `columns` are those of all rows in the answers.
    pub fn send(&mut self, calls: &[Call], max: u32, columns: &[PropertyTag]) -> Vec<Reply> {
        let mut replies = self.exchange((0, Packing::Compressed), calls, max, columns);
        replies.swap_remove(0)
    }

    /// The same, with an answer in several buffers: the replies of each.
    pub fn send_for_chain(
        &mut self,
        calls: &[Call],
        max: u32,
        columns: &[PropertyTag],
    ) -> Vec<Vec<Reply>> {
        self.exchange((execute_flags::CHAIN, Packing::Plain), calls, max, columns)
    }

    /// The replies in each buffer of the answer.
    fn exchange(
        &mut self,
        (flags, packing): (u32, Packing),
        calls: &[Call],
        max: u32,
        columns: &[PropertyTag],
    ) -> Vec<Vec<Reply>> {
        let list = buffer::write_calls(calls).unwrap();
        let payload = buffer::join(&list, &self.handles).unwrap();
        let request = ExecuteRequest {
            flags,
            rop_buffer: extended::pack(&payload, packing, Position::Last)
                .unwrap()
                .into(),
            rop_out_bytes_max: max,
            auxiliary: Bytes::new(),
        };
        let Answer::Said(answer) = self.session.execute(&request) else {
            panic!("failed");
        };
        assert!(answer.rop_buffer.len() <= usize::try_from(max).unwrap());
        let payloads = extended::unpack(&answer.rop_buffer).unwrap();
        let replies = payloads.iter().map(|payload| {
            let (list, handles) = buffer::split(payload).unwrap();
            self.handles = handles;
            buffer::read_replies(list, &mut |_, _| columns.to_vec()).unwrap()
        });
        replies.collect()
    }

    /// Sends a list as it is; whatever comes of it stays within its bound.
    pub fn send_list(&mut self, list: &[u8]) {
        let Ok(payload) = buffer::join(list, &self.handles) else {
            return;
        };
        let Some(packed) = extended::pack(&payload, Packing::Plain, Position::Last) else {
            return;
        };
        let request = ExecuteRequest {
            flags: 0,
            rop_buffer: packed.into(),
            rop_out_bytes_max: 5000,
            auxiliary: Bytes::new(),
        };
        if let Answer::Said(answer) = self.session.execute(&request) {
            assert!(answer.rop_buffer.len() <= 5000);
            let payloads = extended::unpack(&answer.rop_buffer).unwrap();
            self.handles = buffer::split(&payloads[0]).unwrap().1;
        }
    }

    /// One operation: on the object at `input`, what it opens goes to `target`.
    pub fn call(
        &mut self,
        input: u8,
        target: u8,
        request: Request,
        columns: &[PropertyTag],
    ) -> Reply {
        let call = Call {
            logon_id: 0,
            input,
            target,
            request,
        };
        self.send(&[call], 0x1_0008, columns).remove(0)
    }

    /// The same, where nothing else than success will do.
    #[track_caller]
    pub fn ask(&mut self, input: u8, target: u8, request: Request) -> Response {
        match self.call(input, target, request, &[]) {
            Reply::Said {
                code: 0, response, ..
            } => response,
            other => panic!("{other:?}"),
        }
    }

    pub fn open_folder(&mut self, folder: ObjectId, target: u8) {
        self.ask(
            0,
            target,
            Request::OpenFolder(folder::OpenFolder {
                folder,
                open_mode: 0,
            }),
        );
    }

    /// All rows of a table.
    pub fn rows(&mut self, table: u8, columns: &[PropertyTag]) -> Vec<Vec<Cell>> {
        let chosen = table::SetColumns {
            flags: 0,
            columns: columns.to_vec(),
        };
        self.ask(table, table, Request::SetColumns(chosen));
        let mut all = Vec::new();
        loop {
            let wanted = Request::QueryRows(table::QueryRows {
                flags: 0,
                is_forward: true,
                row_count: 100,
            });
            let reply = self.call(table, table, wanted, columns);
            let Reply::Said {
                response: Response::QueryRows(told),
                ..
            } = reply
            else {
                panic!("{reply:?}");
            };
            if told.rows.is_empty() {
                assert_eq!(told.origin, 2);
                return all;
            }
            all.extend(told.rows.into_iter().map(|row| row.0));
        }
    }

    /// Properties of what is open.
    #[track_caller]
    pub fn properties(&mut self, input: u8, tags: &[u32]) -> Vec<Cell> {
        let tags: Vec<_> = tags.iter().copied().map(PropertyTag).collect();
        let request = Request::PropertiesSpecific(property::PropertiesSpecific {
            property_bytes_max: 0,
            want_unicode: 1,
            tags: tags.clone(),
        });
        match self.call(input, input, request, &tags) {
            Reply::Said {
                response: Response::PropertiesSpecific(told),
                ..
            } => told.row.0,
            other => panic!("{other:?}"),
        }
    }
}

/// What a client does with a message that is open.
impl Client {
    /// Opens the first message of the Inbox, to change it too.
    #[track_caller]
    pub fn open_first(&mut self, table: u8, target: u8) -> message::MessageHead {
        let inbox = self.logon.as_ref().unwrap().folders[4];
        self.open_folder(inbox, table);
        let request = Request::ContentsTable(folder::OpenTable { flags: 0x40 });
        self.ask(table, target, request);
        let rows = self.rows(target, &[PropertyTag(0x674a_0014)]);
        let open = message::OpenMessage {
            code_page: 0x0fff,
            folder: inbox,
            open_mode: 3,
            message: decode(&number(&rows[0][0]).to_le_bytes(), Form::Rop).unwrap(),
        };
        match self.ask(0, target, Request::OpenMessage(open)) {
            Response::OpenMessage(head) => head,
            other => panic!("{other:?}"),
        }
    }

    /// The identifiers of these names, given if they have none.
    pub fn identifiers(&mut self, names: &[PropertyName]) -> Vec<u16> {
        let request = property::PropertyIdsFromNames {
            flags: 2,
            names: names.to_vec(),
        };
        match self.ask(0, 0, Request::PropertyIdsFromNames(request)) {
            Response::PropertyIdsFromNames(told) => told.ids,
            other => panic!("{other:?}"),
        }
    }

    pub fn delete_property(&mut self, input: u8, tag: u32) {
        let tags = vec![PropertyTag(tag)];
        let request = Request::DeleteProperties(property::PropertyTags { tags });
        self.ask(input, input, request);
    }

    pub fn set_property(&mut self, input: u8, tag: u32, value: Value) {
        let values = vec![TaggedValue::new(PropertyTag(tag), value)];
        let values = property::Properties { values };
        let request = Request::SetProperties(property::SetProperties { values });
        self.ask(input, input, request);
    }
}

/// Writing.
impl Client {
    /// One of the folders that the logon told.
    pub fn special(&self, place: usize) -> ObjectId {
        self.logon.as_ref().unwrap().folders[place]
    }

    pub fn create_message(&mut self, folder: ObjectId, is_associated: bool, target: u8) {
        let request = message::CreateMessage {
            code_page: 0x0fff,
            folder,
            is_associated,
        };
        self.ask(0, target, Request::CreateMessage(request));
    }

    pub fn open_message(&mut self, message: ObjectId, target: u8) {
        let request = message::OpenMessage {
            code_page: 0x0fff,
            folder: ObjectId::default(),
            open_mode: 3,
            message,
        };
        self.ask(0, target, Request::OpenMessage(request));
    }

    /// Sets properties, and answers which were refused and why.
    #[track_caller]
    pub fn set(&mut self, input: u8, values: &[(u32, Value)]) -> Vec<(u16, u32)> {
        let values = values
            .iter()
            .map(|(tag, value)| TaggedValue::new(PropertyTag(*tag), value.clone()));
        let request = property::SetProperties {
            values: property::Properties {
                values: values.collect(),
            },
        };
        match self.ask(input, input, Request::SetProperties(request)) {
            Response::SetProperties(said) => {
                let problems = said.problems.into_iter();
                problems.map(|one| (one.index, one.error_code)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub fn save(&mut self, input: u8) -> ObjectId {
        let request = Request::SaveChangesMessage(message::SaveChanges { flags: 2 });
        match self.ask(input, input, request) {
            Response::SaveChangesMessage(saved) => saved.message,
            other => panic!("{other:?}"),
        }
    }

    /// The numbers of the messages in a folder, the latest first.
    pub fn messages(&mut self, folder: u8, flags: u8, table: u8) -> Vec<ObjectId> {
        let open = folder::OpenTable { flags };
        self.ask(folder, table, Request::ContentsTable(open));
        let rows = self.rows(table, &[PropertyTag(0x674a_0014)]);
        let ids = rows.iter().map(|row| number(&row[0]));
        let id = |id| ObjectId {
            replica: 1,
            counter: GlobalCounter::new(identity::number_of_integer(id).unwrap()).unwrap(),
        };
        ids.map(id).collect()
    }

    /// All rows of a table that was read already, with other columns.
    pub fn rows_again(&mut self, table: u8, columns: &[PropertyTag]) -> Vec<Vec<Cell>> {
        let start = table::SeekRow {
            origin: 0,
            row_count: 0,
            want_row_moved_count: false,
        };
        self.ask(table, table, Request::SeekRow(start));
        self.rows(table, columns)
    }

    /// The code that an operation is answered with.
    pub fn code(&mut self, input: u8, target: u8, request: Request) -> u32 {
        match self.call(input, target, request, &[]) {
            Reply::Said { code, .. } | Reply::Refused { code, .. } => code,
            Reply::NoDestination { .. } => 0x0000_0503,
            other => panic!("{other:?}"),
        }
    }
}

pub fn unicode(text: &str) -> Value {
    Value::Unicode(text.to_owned())
}

pub fn binary(bytes: &[u8]) -> Value {
    Value::Binary(Bytes::copy_from_slice(bytes))
}

pub fn logon_request(owner: &User) -> logon::Logon {
    logon::Logon {
        logon_flags: 1,
        open_flags: 0x0100_040c,
        store_state: 0,
        name: Some(identity::legacy_name(owner.account).as_str().into()),
    }
}

/// The text in a cell.
#[track_caller]
pub fn text(cell: &Cell) -> &str {
    match &cell.outcome {
        Outcome::Value(Value::Unicode(text)) => text,
        other => panic!("{other:?}"),
    }
}

/// The number in a cell.
#[track_caller]
pub fn number(cell: &Cell) -> i64 {
    match &cell.outcome {
        Outcome::Value(Value::Integer64(number)) => *number,
        Outcome::Value(Value::Integer32(number)) => (*number).into(),
        other => panic!("{other:?}"),
    }
}
