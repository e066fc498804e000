//! A small MAPI client, made of the codec from the other side.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.
#![allow(dead_code)] // Each test file uses its part.

use bytes::Bytes;
use engine::rehearsal::Rehearsal;
use engine::{Flags, NewLetter, Reading, Role, Settings, Staged, User};
use mapi::codec::data::{Cell, Guid, ObjectId, Outcome, PropertyTag, Value};
use mapi::codec::rop::buffer::{self, NO_HANDLE};
use mapi::codec::rop::{Call, Reply, Request, Response, folder, logon, property, table};
use mapi::codec::transport::body::{Answer, ConnectRequest, ExecuteRequest};
use mapi::codec::transport::extended::{self, Packing, Position};
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
        let list = buffer::write_calls(calls).unwrap();
        let payload = buffer::join(&list, &self.handles).unwrap();
        let request = ExecuteRequest {
            flags: 0,
            rop_buffer: extended::pack(&payload, Packing::Compressed, Position::Last)
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
        let (list, handles) = buffer::split(&payloads[0]).unwrap();
        self.handles = handles;
        buffer::read_replies(list, &mut |_, _| columns.to_vec()).unwrap()
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
