//! Signing in within a dialogue, whatever its lines look like.
//!
//! Adds to [`SignIn`] what every dialogue does alike: base64 around each message, `=` for an empty
//! first one, `*` to break off, the question before a slow check, and the count of failures after
//! which the connection ends. Never writes or cuts a line: the session puts a [`Turn::Challenge`]
//! into its protocol's form and takes the text of the answer out of it, be that the rest of a line,
//! a quoted string or a literal.
//!
//! Start at [`SigningIn::begin`].
//!
//! Standards: RFC 4422 §4 (what a protocol adds to SASL), RFC 4648 §4 (base64), RFC 4954 §4 (`=`
//! and `*`).

use crate::dialogue::{Answer, Effort, Peer, Question};
use crate::engine::Engine;
use crate::sign_in::{SignIn, SignInRefusal, SignInStep, User, allows_passwords};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a session does next.
#[derive(Debug)]
pub enum Turn {
    /// Send this base64 and give what the client answers to [`SigningIn::answer`].
    Challenge(String),
    /// Ask this, and give the answer to [`SigningIn::check`].
    Ask(Question),
    /// Signed in.
    Done(User),
    /// Someone tried and was refused; see [`SigningIn::has_failed_too_often`].
    Refused(SignInRefusal),
    /// It did not come to an attempt.
    Fault(Fault),
}

/// Why it did not come to an attempt; such faults are not counted against anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Passwords are not taken over this connection until it is encrypted.
    EncryptFirst,
    /// No such mechanism here.
    Mechanism,
    /// The message is not base64.
    Coding,
    /// The client broke off.
    Cancelled,
}

/// The sign-ins of one connection: at most one is under way.
#[derive(Debug)]
pub struct SigningIn {
    open: Option<Box<SignIn>>,
    failures: u32,
    failures_max: u32,
}

impl SigningIn {
    /// For a connection that ends after so many failures; the engine counts them across connections
    /// besides.
    pub fn new(failures_max: u32) -> Self {
        Self {
            open: None,
            failures: 0,
            failures_max,
        }
    }

    /// A name and password given at once.
    pub fn password(&mut self, engine: &Engine, peer: &Peer, user: &str, password: &str) -> Turn {
        if !allows_passwords(engine, peer) {
            return Turn::Fault(Fault::EncryptFirst);
        }
        let (sign_in, step) = SignIn::password(engine, peer, user, password);
        self.go_on(Box::new(sign_in), step)
    }

    /// Begins an exchange, with the client's first message in base64 if the command carried one.
    pub fn begin(
        &mut self,
        engine: &Engine,
        peer: &Peer,
        mechanism: &str,
        initial: Option<&[u8]>,
    ) -> Turn {
        let initial = match initial.map(first_message).transpose() {
            Ok(initial) => initial,
            Err(fault) => return Turn::Fault(fault),
        };
        match SignIn::start(engine, peer, mechanism, initial.as_deref()) {
            Some((sign_in, step)) => self.go_on(Box::new(sign_in), step),
            None if allows_passwords(engine, peer) => Turn::Fault(Fault::Mechanism),
            None => Turn::Fault(Fault::EncryptFirst),
        }
    }

    /// Takes the client's answer to a challenge as it came.
    pub fn answer(&mut self, engine: &Engine, text: &[u8]) -> Turn {
        let open = self.open.take().filter(|_| text != b"*");
        let Some(mut sign_in) = open else {
            return Turn::Fault(Fault::Cancelled);
        };
        match decoded(text) {
            Ok(message) => {
                let step = sign_in.take(engine, &message);
                self.go_on(sign_in, step)
            }
            Err(fault) => Turn::Fault(fault),
        }
    }

    /// Takes the answer to [`Turn::Ask`] and checks what was given, which takes long.
    pub fn check(&mut self, engine: &Engine, answer: &Answer) -> Turn {
        let Some(mut sign_in) = self.open.take() else {
            return Turn::Fault(Fault::Cancelled);
        };
        let step = match answer {
            Answer::Busy => SignInStep::Refused(SignInRefusal::Unavailable),
            _ => sign_in.verify(engine),
        };
        self.go_on(sign_in, step)
    }

    /// Forgets the exchange under way, if there is one.
    pub fn break_off(&mut self) {
        self.open = None;
    }

    /// True once the connection must end.
    pub fn has_failed_too_often(&self) -> bool {
        self.failures >= self.failures_max
    }

    fn go_on(&mut self, sign_in: Box<SignIn>, step: SignInStep) -> Turn {
        match step {
            SignInStep::Challenge(challenge) => {
                self.open = Some(sign_in);
                Turn::Challenge(STANDARD.encode(challenge))
            }
            SignInStep::Verify => {
                self.open = Some(sign_in);
                Turn::Ask(Question::Work(Effort::Password))
            }
            SignInStep::Done(user) => Turn::Done(user),
            SignInStep::Refused(refusal) => {
                self.failures = self.failures.saturating_add(1);
                Turn::Refused(refusal)
            }
        }
    }
}

fn first_message(text: &[u8]) -> Result<Vec<u8>, Fault> {
    if text == b"=" {
        Ok(Vec::new())
    } else {
        decoded(text)
    }
}

fn decoded(text: &[u8]) -> Result<Vec<u8>, Fault> {
    STANDARD.decode(text).map_err(|_| Fault::Coding)
}
