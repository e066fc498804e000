//! Those who follow the dialogue from its beginning: what they are told, and what a no of theirs
//! leads to.
//!
//! They hear of what was accepted here, before the peer does. Nobody is asked where nobody follows.
//! Start at [`ask`]; the answer comes to [`heeded`].

use crate::codec::command::Hello;
use crate::codec::reply::{self, Reply};
use crate::command;
use crate::session::{Followed, Mode, Role, Session};
use engine::Timestamp;
use engine::dialogue::{Level, Peer, Question};
use engine::examination::stage::{Caller, Greeting, Sender, Stage};
use engine::examination::{Decision, Refusal};

/// What waits for their word.
pub(crate) enum Waiting {
    /// The greeting.
    Connection,
    /// The answer to a greeting.
    Greeting(Hello, String),
    /// The answer to the letter's sender.
    Sender,
    /// The answer to the recipient who was added last.
    Recipient,
}

/// True when someone follows what this peer says.
pub(crate) fn is_followed(session: &Session) -> bool {
    let service = &session.service;
    service.followed == Followed::Yes
        && match service.role {
            Role::Relay => session.is_examined_as_stranger(),
            Role::Submission | Role::Submissions => true,
            Role::Lmtp | Role::Local => false,
        }
}

/// Tells them, and waits for their word.
pub(crate) fn ask(session: &mut Session, waiting: Waiting, stage: Stage) {
    session.mode = Mode::Following(waiting);
    session.link.ask(Question::Follow(Box::new(stage)));
}

/// Who is there.
pub(crate) fn caller(session: &Session, peer: &Peer) -> Stage {
    Stage::Connected(Caller {
        address: Some(peer.remote.ip().to_canonical()),
        port: peer.remote.port(),
        called: Some(peer.local.ip().to_canonical()),
        submits: session.service.role.is_submission(),
    })
}

/// What it calls itself.
pub(crate) fn greeting(session: &Session, name: &str) -> Stage {
    let peer = session.link.peer.as_ref();
    let tls = peer.and_then(|peer| peer.tls.as_ref());
    Stage::Greeted(Greeting {
        name: name.to_owned(),
        tls: tls.map(|tls| (tls.version, tls.cipher)),
    })
}

/// The letter that it begins, which gets its name for that.
pub(crate) fn sender(session: &mut Session) -> Option<Stage> {
    let letter = session.service.engine.new_letter_name();
    let submitter = session.link.user.clone();
    let transaction = session.transaction.as_mut()?;
    let sender = transaction.sender.as_ref();
    let address = sender.map(ToString::to_string).unwrap_or_default();
    transaction.name = Some(letter.clone());
    Some(Stage::Sender(Sender {
        letter,
        address,
        submitter,
    }))
}

/// They have spoken.
pub(crate) fn heeded(session: &mut Session, waiting: Waiting, decision: Decision, now: Timestamp) {
    match decision {
        Decision::Accept | Decision::Quarantine => go_on(session, waiting, now),
        Decision::Defer(no) => refuse(session, &waiting, '4', &no),
        Decision::Refuse(no) => refuse(session, &waiting, '5', &no),
    }
}

fn go_on(session: &mut Session, waiting: Waiting, now: Timestamp) {
    match waiting {
        Waiting::Connection => session.begin(now),
        Waiting::Greeting(kind, name) => command::hello::welcome(session, kind, name),
        Waiting::Sender => session.say(Reply::new(250, "2.1.0", "Ok")),
        Waiting::Recipient => session.say(Reply::new(250, "2.1.5", "Ok")),
    }
}

/// Takes back what was told, and says no. `class` is the first figure of the status.
fn refuse(session: &mut Session, waiting: &Waiting, class: char, no: &Refusal) {
    let is_final = class == '5';
    let status = format!("{class}.{}", no.status);
    let code = match (waiting, is_final) {
        // RFC 5321 §3.1, §3.8: no service, for good or for now.
        (Waiting::Connection, true) => 554,
        (Waiting::Connection, false) => 421,
        (_, true) => 550,
        (_, false) => command::deliver::deferral(no),
    };
    note(session, waiting, no);
    match waiting {
        Waiting::Connection => {}
        Waiting::Greeting(..) => session.hello = None,
        Waiting::Sender => session.transaction = None,
        Waiting::Recipient => {
            let transaction = session.transaction.as_mut();
            transaction.and_then(|all| all.recipients.pop());
        }
    }
    reply::line(&mut session.link.replies, code, &status, &[&no.text]);
    match waiting {
        Waiting::Connection => {
            session.link.log_close(&no.text);
            session.close();
        }
        _ => session.count_refusal(code),
    }
}

/// A line in the log about a letter, or someone who would have got it.
fn note(session: &mut Session, waiting: &Waiting, no: &Refusal) {
    let Some(transaction) = &session.transaction else {
        return;
    };
    let sender = transaction.sender.as_ref();
    let mut facts = vec![
        ("from", sender.map(ToString::to_string).unwrap_or_default()),
        ("why", no.text.clone()),
    ];
    let event = match (waiting, transaction.recipients.last()) {
        (Waiting::Recipient, Some(recipient)) => {
            facts.insert(1, ("to", recipient.address.clone()));
            "recipient refused"
        }
        _ => "sender refused",
    };
    session.link.log(Level::Info, event, facts);
}
