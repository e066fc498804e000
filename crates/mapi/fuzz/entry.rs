//! What is fuzzed: each function takes any bytes and checks what must hold.
//!
//! The targets beside it hand over what libFuzzer finds; `tests/fuzz_briefly.rs` hands over mutated
//! examples in every run of the tests.

#[path = "../tests/client/mod.rs"]
mod client;

use bytes::Bytes;
use mapi::address_book::{self, Session};
use mapi::autodiscover::request;
use mapi::autodiscover::response::Place;
use mapi::codec::data::{
    EntryId, FlatEntryList, PredecessorChangeList, PropertyName, PropertyTag, RecipientRow,
    Restriction, ServerId, SortOrderSet, TaggedValue,
};
use mapi::codec::fasttransfer::{Element, Lexer, Producer};
use mapi::codec::nspi;
use mapi::codec::rop::transfer::{
    BufferSize, DestinationConfigure, SourceBufferRequest, SourceCopyTo, TransferData,
};
use mapi::codec::rop::{Request, Response, buffer};
use mapi::codec::transport::body::{
    Answer, ConnectRequest, ConnectResponse, ExecuteRequest, ExecuteResponse,
};
use mapi::codec::transport::framing::Framed;
use mapi::codec::transport::header::RequestType;
use mapi::codec::transport::{auxiliary, extended, lz77};
use mapi::codec::wire::{Form, Reader, Wire, Writer};
use std::sync::{Arc, OnceLock};

const FORMS: [Form; 3] = [Form::Rop, Form::Wide, Form::AddressBook];
/// Columns of every kind that rows may have.
const COLUMNS: [PropertyTag; 4] = [
    PropertyTag(0x0037_001f),
    PropertyTag(0x0e08_0003),
    PropertyTag(0x1000_0000),
    PropertyTag(0x8001_301f),
];

/// What was read and written again is read and written as the same.
fn settles<T: Wire>(bytes: &[u8], form: Form) {
    let read = |bytes: &[u8]| {
        let mut reader = Reader::new(bytes, form).with_columns(&COLUMNS);
        T::read(&mut reader).ok()
    };
    let written = |value: &T| {
        let mut writer = Writer::new(form);
        value.write(&mut writer);
        writer.finish()
    };
    let Some(once) = read(bytes) else { return };
    let once = written(&once);
    let twice = once.as_deref().ok().and_then(read);
    assert_eq!(twice.as_ref().map(written), Some(once));
}

/// Values and what is made of them.
pub fn data(bytes: &[u8]) {
    for form in FORMS {
        settles::<TaggedValue>(bytes, form);
        settles::<Restriction>(bytes, form);
        settles::<mapi::codec::data::PropertyRow>(bytes, form);
    }
    settles::<RecipientRow>(bytes, Form::Rop);
    settles::<PropertyName>(bytes, Form::Rop);
    settles::<SortOrderSet>(bytes, Form::Rop);
}

/// Identifiers in the form of properties.
pub fn identifiers(bytes: &[u8]) {
    if let Ok(id) = EntryId::from_bytes(bytes) {
        assert_eq!(EntryId::from_bytes(&id.to_bytes()), Ok(id));
    }
    if let Ok(id) = ServerId::from_bytes(bytes) {
        assert_eq!(ServerId::from_bytes(&id.to_bytes()), Ok(id));
    }
    if let Ok(list) = PredecessorChangeList::from_bytes(bytes) {
        assert_eq!(
            PredecessorChangeList::from_bytes(&list.to_bytes()),
            Ok(list)
        );
    }
    if let Ok(list) = FlatEntryList::from_bytes(bytes) {
        let written = list.to_bytes().unwrap_or_default();
        assert_eq!(FlatEntryList::from_bytes(&written), Ok(list));
    }
}

/// Bodies, extended buffers, auxiliary blocks; what is compressed is unpacked.
pub fn transport(bytes: &[u8]) {
    settles::<ConnectRequest>(bytes, Form::Rop);
    settles::<ExecuteRequest>(bytes, Form::Rop);
    settles::<Answer<ConnectResponse>>(bytes, Form::Rop);
    settles::<Answer<ExecuteResponse>>(bytes, Form::Rop);
    let _ = auxiliary::read(bytes);
    let _ = Framed::read(bytes);
    if let Ok(payloads) = extended::unpack(bytes) {
        let sum: usize = payloads.iter().map(Vec::len).sum();
        assert!(sum <= extended::CHAIN_BYTES_MAX);
    }
    if let Ok(plain) = lz77::decompress(bytes, extended::PAYLOAD_BYTES_MAX) {
        assert_eq!(plain.len(), extended::PAYLOAD_BYTES_MAX);
    }
    let packed = lz77::compress(bytes);
    assert_eq!(lz77::decompress(&packed, bytes.len()).as_deref(), Ok(bytes));
}

/// Lists of operations.
pub fn calls(bytes: &[u8]) {
    let list = |bytes: &[u8]| {
        let calls = buffer::read_calls(bytes).ok()?;
        let calls: Vec<_> = calls.into_iter().map(|placed| placed.call).collect();
        buffer::write_calls(&calls).ok()
    };
    let _ = buffer::split(bytes);
    if let Some(once) = list(bytes) {
        assert_eq!(list(&once), Some(once));
    }
}

/// Lists of answers.
pub fn replies(bytes: &[u8]) {
    let list = |bytes: &[u8]| {
        let replies = buffer::read_replies(bytes, &mut |_, _| COLUMNS.to_vec()).ok()?;
        buffer::write_replies(&replies).ok()
    };
    if let Some(once) = list(bytes) {
        assert_eq!(list(&once), Some(once));
    }
}

/// Bodies of the address book.
pub fn address_book(bytes: &[u8]) {
    for &kind in RequestType::ALL {
        if let Ok(request) = nspi::Request::read(kind, bytes) {
            let once = request.write().unwrap_or_default();
            let twice = nspi::Request::read(kind, &once).map(|request| request.write());
            assert_eq!(twice, Ok(Ok(once)));
            answered(&request);
        }
        if let Ok(response) = nspi::Response::read(kind, bytes) {
            let once = response.write().unwrap_or_default();
            let twice = nspi::Response::read(kind, &once).map(|response| response.write());
            assert_eq!(twice, Ok(Ok(once)));
        }
    }
}

/// Streams of whole messages: what was read is written and read as the same, however it is cut.
pub fn fasttransfer(bytes: &[u8]) {
    let once = elements(bytes, 13);
    let mut producer = Producer::default();
    for element in &once {
        match element {
            Element::Marker(marker) => producer.marker(*marker),
            Element::Property(property) => {
                let _ = producer.property(property);
            }
            Element::Long(key, size) => {
                let _ = producer.begin_long(key, *size);
            }
            Element::Piece(piece) => producer.piece(piece.clone()),
        }
    }
    let written = producer.take(usize::MAX);
    let twice = elements(&written, 17);
    let markers = |elements: &[Element]| {
        let markers = elements.iter().filter(|e| matches!(e, Element::Marker(_)));
        markers.cloned().collect::<Vec<_>>()
    };
    assert_eq!(markers(&once), markers(&twice));
}

/// As far as the stream can be read.
fn elements(bytes: &[u8], piece: usize) -> Vec<Element> {
    let (mut lexer, mut elements) = (Lexer::default(), Vec::new());
    for piece in bytes.chunks(piece) {
        lexer.push(piece);
        loop {
            match lexer.next_element() {
                Ok(Some(element)) => elements.push(element),
                Ok(None) => break,
                Err(_) => return elements,
            }
        }
    }
    elements
}

/// Letters as messages and back.
pub fn convert(bytes: &[u8]) {
    let message = mapi::convert::read::content(bytes);
    let frame = mapi::convert::Frame {
        message_id: "<1@x>",
        boundary: "fuzz",
        now: mapi::codec::data::FileTime::default(),
        blind: mapi::convert::Blind::Kept,
    };
    let mut letter = Vec::new();
    let done: Result<(), ()> = mapi::convert::letter(&message, &frame, &mut |piece| {
        letter.extend_from_slice(piece);
        Ok(())
    });
    assert_eq!(done, Ok(()));
    let again = mapi::convert::read::content(&letter);
    assert!(again.recipients.len() <= message.recipients.len());
}

/// Whatever is asked gets an answer that can be sent.
fn answered(request: &nspi::Request) {
    static SESSION: OnceLock<Option<Session>> = OnceLock::new();
    let session = SESSION.get_or_init(|| {
        let house = client::house();
        let user = house.person("ida@example.test").ok()?;
        let bind = nspi::request::Bind {
            flags: 0,
            stat: None,
            auxiliary: Bytes::new(),
        };
        let place = Arc::new(Place {
            origin: String::new(),
            deployment: String::new(),
        });
        address_book::bind(&bind, &user, &house.engine, client::SERVER, &place).1
    });
    if let Some(session) = session {
        let answer = session.answer(request).map(|answer| answer.write().is_ok());
        assert!(answer.unwrap_or_default(), "{request:?}");
    }
}

/// Messages in `winmail.dat`.
pub fn tnef(bytes: &[u8]) {
    if let Some(message) = mapi::convert::tnef::message(bytes) {
        assert!(
            message.attachments.len() <= bytes.len() && message.recipients.len() <= bytes.len()
        );
    }
}

/// Questions of Autodiscover.
pub fn autodiscover(bytes: &[u8]) {
    if let Ok(request::Asked::Address(text) | request::Asked::LegacyName(text)) =
        request::read(bytes)
    {
        assert!(!text.is_empty() && text.len() <= bytes.len());
    }
}

/// Any operations in a session with a mailbox.
pub fn session(bytes: &[u8]) {
    let house = client::house();
    let Ok(user) = house.person("ida@example.test") else {
        return;
    };
    client::deliver(
        &house,
        &user,
        b"Subject: x\r\nTo: a@b\r\n\r\ny\r\n",
        engine::Flags(0),
    );
    let mut client = client::Client::new(&house, &user, &user);
    // Three rounds, since the handles that one opens are the next one's.
    for _ in 0..3 {
        client.send_list(bytes);
    }
}

/// Streams that a client puts into a folder and into an open message, and what is then told of
/// them.
pub fn transfer(bytes: &[u8]) {
    /// Places of handles.
    const FOLDER: u8 = 1;
    const MESSAGE: u8 = 2;
    const STREAM: u8 = 3;
    let house = client::house();
    let Ok(user) = house.person("ida@example.test") else {
        return;
    };
    let mut client = client::Client::new(&house, &user, &user);
    let inbox = client.special(4);
    client.open_folder(inbox, FOLDER);
    client.create_message(inbox, false, MESSAGE);
    for target in [FOLDER, MESSAGE] {
        let begin = DestinationConfigure {
            source_operation: 1,
            copy_flags: 0,
        };
        client.ask(
            target,
            STREAM,
            Request::FastTransferDestinationConfigure(begin),
        );
        for piece in bytes.chunks(5000) {
            let data = Bytes::copy_from_slice(piece);
            let put = Request::FastTransferDestinationPutBuffer(TransferData { data });
            client.call(STREAM, STREAM, put, &[]);
        }
        let told = Request::FastTransferSourceCopyTo(SourceCopyTo {
            level: 0,
            copy_flags: 0,
            send_options: 1,
            excluded: Vec::new(),
        });
        client.ask(target, STREAM, told);
        assert!(told_whole(&mut client, STREAM));
    }
}

/// Whether a source comes to its end, and what it tells can be read.
fn told_whole(client: &mut client::Client, stream: u8) -> bool {
    let mut lexer = Lexer::default();
    loop {
        let request = Request::FastTransferSourceGetBuffer(SourceBufferRequest {
            buffer_size: BufferSize::Max(30_000),
        });
        let Response::FastTransferSourceGetBuffer(told) = client.ask(stream, stream, request)
        else {
            return false;
        };
        lexer.push(&told.data);
        while let Ok(Some(_)) = lexer.next_element() {}
        match told.transfer_status {
            1 => {}
            other => return other == 3 && lexer.finish().is_ok(),
        }
    }
}
