//! What must hold for any bytes; shared by the fuzz targets and the ordinary test.

use engine::Settings;
use engine::dialogue::{Answer, Dialogue, Input, Output, Question, RECEIVE_BYTES_MAX};
use engine::rehearsal::Rehearsal;
use imap::Session;
use imap::codec::frame::{COMMAND_BYTES_MAX, Frame, Framer};
use imap::codec::mailbox::NameForm;
use imap::codec::parse;

/// Steps after which a dialogue is stuck.
const STEPS_MAX: usize = 20_000;

/// Cutting and reading end, take no more than they are given, and cut alike however the bytes
/// arrive.
pub fn command(bytes: &[u8]) {
    let whole = cut(bytes, bytes.len().max(1));
    assert_eq!(
        whole,
        cut(bytes, 7),
        "the pieces in which bytes come make no difference"
    );
    for command in &whole {
        let _ = parse::command(command, NameForm::Utf7);
        let _ = parse::command(command, NameForm::Utf8);
        let _ = parse::append_head(command, NameForm::Utf8);
    }
}

fn cut(bytes: &[u8], piece: usize) -> Vec<Vec<u8>> {
    let (mut framer, mut buffer, mut commands) = (Framer::default(), Vec::new(), Vec::new());
    for chunk in bytes.chunks(piece) {
        buffer.extend_from_slice(chunk);
        loop {
            let (taken, frame) = framer.next(&buffer);
            let mut goes_on = taken > 0;
            match frame {
                Frame::Command(command) => commands.push(command.to_vec()),
                Frame::Literal(..) => {
                    goes_on = framer.collect(COMMAND_BYTES_MAX) || framer.refuse();
                }
                Frame::Lost(_) => return commands,
                Frame::Partial | Frame::Refused => {}
            }
            buffer.drain(..taken);
            if !goes_on || buffer.is_empty() {
                break;
            }
        }
    }
    commands
}

/// A signed-in session takes anything: it answers or closes, asks one question at a time, and never
/// stops taking while the buffer is full.
pub fn dialogue(bytes: &[u8]) {
    let stage = Rehearsal::new(Settings::default()).expect("an engine in memory");
    stage.person("a@example.test").expect("a person");
    let mut session = Session::new(stage.engine.clone());
    let mut question = None;
    let mut sent = false;
    let mut input = b"a LOGIN a@example.test a\r\nb SELECT INBOX\r\n".to_vec();
    input.extend_from_slice(bytes);
    let mut offered = input.as_slice();
    let mut next = Some(Input::Opened(stage.peer(true)));
    for _ in 0..STEPS_MAX {
        let now = stage.engine.now();
        let mut outputs = Vec::new();
        let step = next.take().unwrap_or_else(|| match question.take() {
            Some(Question::Work(_)) => Input::Answer(Answer::Work),
            Some(Question::Settled(settlement)) => {
                Input::Answer(Answer::Settled(settlement.wait()))
            }
            None if sent => Input::Sent,
            None => Input::Bytes(offered.get(..RECEIVE_BYTES_MAX).unwrap_or(offered)),
        });
        let was_offered = matches!(step, Input::Bytes(_));
        if matches!(step, Input::Sent) {
            sent = false;
        }
        let taken = session.advance(step, now, &mut outputs);
        offered = offered
            .get(taken..)
            .expect("no more is taken than was offered");
        for output in outputs {
            match output {
                Output::Send(_) => sent = true,
                Output::Ask(asked) => {
                    assert!(question.is_none(), "one question at a time");
                    question = Some(asked);
                }
                Output::Close | Output::StartTls => return,
                _ => {}
            }
        }
        let is_quiet = question.is_none() && !sent && was_offered;
        if is_quiet && (offered.is_empty() || taken == 0) {
            assert!(
                offered.len() < RECEIVE_BYTES_MAX,
                "a full buffer is taken or refused"
            );
            return;
        }
    }
    panic!("the dialogue does not come to rest");
}
