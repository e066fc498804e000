//! Signing in: joins the SASL mechanisms with the directory, the caches and the limits.
//!
//! A session makes a [`SignIn`] and does what each [`SignInStep`] says. Only [`SignIn::verify`] is
//! slow; everything else may run where sockets are read. Names that do not exist cost the same as
//! those that do.
//!
//! Start at [`SignIn::password`] for a name and password in one command, at [`SignIn::start`] for
//! SASL.
//!
//! Standards: RFC 4422 §3 (SASL), appendix A (EXTERNAL), RFC 4616 §2 (authorization identity), RFC
//! 7628 §3.2 (what a refused token is answered).

use crate::authentication::attempts::Network;
use crate::authentication::password::{self, Verdict};
use crate::authentication::sasl::{Exchange, Identity, Mechanism, Offer, Password, Step, Token};
use crate::authentication::scram::Verifier;
use crate::dialogue::Peer;
use crate::directory::{AccountKind, Entry};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::settings::Cleartext;
use std::sync::Arc;
use store::id::AccountId;
use subtle::ConstantTimeEq;

/// Who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The account.
    pub account: AccountId,
    /// Its first address, in canonical form; for the log and for trace lines.
    pub address: String,
    /// May use the administration.
    pub administrator: bool,
}

/// Checks bearer tokens; without one ([`Engine::use_tokens`]) those mechanisms are not offered.
pub trait TokenVerifier: Send + Sync {
    /// The address of the user whom the token stands for, if it is good now. May take long.
    ///
    /// Whether this user may act as the one that the client names is not its business.
    fn verify(&self, token: &str) -> Option<String>;
}

/// What a client is told before its token is refused; the same for every reason. Source: RFC 7628
/// §3.2.2, and for XOAUTH2 the same form by custom.
const TOKEN_REFUSED: &[u8] = br#"{"status":"invalid_token","schemes":"bearer"}"#;

/// Why someone could not sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInRefusal {
    /// Wrong name, password, proof or token; which of them is not told.
    Wrong,
    /// Too many wrong attempts lately; a right password is refused too.
    TooMany,
    /// Right, but the account is disabled or not one that is signed in to.
    Disabled,
    /// Right, but this user may not act as the other one that was asked for.
    NotAllowed,
    /// The client's message does not follow the mechanism.
    Malformed,
    /// The store failed or the server is too busy; try again later.
    Unavailable,
}

impl From<EngineError> for SignInRefusal {
    fn from(_: EngineError) -> Self {
        Self::Unavailable
    }
}

/// What a session does next.
#[derive(Debug)]
pub enum SignInStep {
    /// Send this challenge and give the client's answer to [`SignIn::take`].
    Challenge(Vec<u8>),
    /// Ask for [`crate::dialogue::Effort::Password`], then call [`SignIn::verify`] there;
    /// [`SignInRefusal::Unavailable`] if busy.
    Verify,
    /// Signed in.
    Done(User),
    /// Refused; the exchange is over.
    Refused(SignInRefusal),
}

/// The mechanisms to offer to this peer now, strongest first; none when passwords may not be sent.
pub fn mechanisms(engine: &Engine, peer: &Peer) -> Vec<Mechanism> {
    Mechanism::offered(offer(engine, peer)).collect()
}

/// True when a password may be sent over this connection: with TLS, or from this machine if the
/// settings say so.
pub fn allows_passwords(engine: &Engine, peer: &Peer) -> bool {
    let local = engine.settings().cleartext == Cleartext::Loopback;
    peer.tls.is_some() || local && peer.remote.ip().to_canonical().is_loopback()
}

fn offer(engine: &Engine, peer: &Peer) -> Offer {
    Offer {
        passwords: allows_passwords(engine, peer),
        binding: peer
            .tls
            .as_ref()
            .is_some_and(crate::dialogue::Tls::has_binding),
        certificate: peer.tls.as_ref().is_some_and(|tls| tls.client.is_some()),
        tokens: engine.tokens().is_some(),
    }
}

/// One attempt to sign in.
#[derive(Debug)]
pub struct SignIn {
    peer: Peer,
    exchange: Option<Exchange>,
    /// The name given in an exchange that proves a password without telling it.
    name: Option<String>,
    waiting: Waiting,
}

/// What the next call is about.
#[derive(Debug)]
enum Waiting {
    /// The client's next message, or nothing.
    Message,
    /// A slow check of a password.
    Password(Password),
    /// A slow check of a token.
    Token(Token),
    /// The client's empty answer to the server's own proof.
    Farewell(User),
    /// The client's answer to being told that its token is no good.
    Regret(SignInRefusal),
}

impl SignIn {
    /// A name and password given at once. Refuses when passwords may not be sent here.
    pub fn password(
        engine: &Engine,
        peer: &Peer,
        user: &str,
        password: &str,
    ) -> (Self, SignInStep) {
        let mut sign_in = Self::new(peer, None);
        let identity = Identity {
            user: user.to_owned(),
            authorize_as: String::new(),
        };
        let given = Password {
            identity,
            password: password.to_owned(),
        };
        let step = sign_in.check_quickly(engine, given);
        (sign_in, step)
    }

    /// A SASL exchange, with the client's first message if the command carried one.
    ///
    /// `None` when this mechanism is not offered here. Messages are without base64.
    pub fn start(
        engine: &Engine,
        peer: &Peer,
        mechanism: &str,
        initial: Option<&[u8]>,
    ) -> Option<(Self, SignInStep)> {
        let mechanism = Mechanism::named(mechanism, offer(engine, peer))?;
        let (exchange, step) = Exchange::start(mechanism, initial, peer.tls.as_ref());
        let mut sign_in = Self::new(peer, Some(exchange));
        let step = sign_in.go_on(engine, step);
        Some((sign_in, step))
    }

    /// Takes the client's answer to a challenge.
    pub fn take(&mut self, engine: &Engine, message: &[u8]) -> SignInStep {
        match std::mem::replace(&mut self.waiting, Waiting::Message) {
            Waiting::Farewell(user) if message.is_empty() => return SignInStep::Done(user),
            Waiting::Farewell(_) => return SignInStep::Refused(SignInRefusal::Malformed),
            // It should be one 0x01, but whatever it is leads nowhere (RFC 7628 §3.2.3).
            Waiting::Regret(refusal) => return SignInStep::Refused(refusal),
            Waiting::Message | Waiting::Password(_) | Waiting::Token(_) => {}
        }
        let Some(exchange) = &mut self.exchange else {
            return SignInStep::Refused(SignInRefusal::Malformed);
        };
        let step = exchange.take(message, self.peer.tls.as_ref());
        self.go_on(engine, step)
    }

    /// The slow part; only after [`SignInStep::Verify`]. Of a token that is no good the client is
    /// told by a challenge; its answer leads to the refusal.
    pub fn verify(&mut self, engine: &Engine) -> SignInStep {
        match std::mem::replace(&mut self.waiting, Waiting::Message) {
            Waiting::Password(given) => done(self.check_slowly(engine, &given)),
            Waiting::Token(token) => match self.check_token(engine, &token) {
                Ok(user) => SignInStep::Done(user),
                Err(refusal) => {
                    self.waiting = Waiting::Regret(refusal);
                    SignInStep::Challenge(TOKEN_REFUSED.to_vec())
                }
            },
            Waiting::Message | Waiting::Farewell(_) | Waiting::Regret(_) => {
                SignInStep::Refused(SignInRefusal::Malformed)
            }
        }
    }

    fn new(peer: &Peer, exchange: Option<Exchange>) -> Self {
        Self {
            peer: peer.clone(),
            exchange,
            name: None,
            waiting: Waiting::Message,
        }
    }

    fn go_on(&mut self, engine: &Engine, step: Step) -> SignInStep {
        match step {
            Step::Challenge(challenge) => SignInStep::Challenge(challenge),
            Step::Certificate(wanted) => done(self.check_certificate(engine, wanted)),
            Step::Password(given) => self.check_quickly(engine, given),
            Step::Token(token) => {
                self.waiting = Waiting::Token(token);
                SignInStep::Verify
            }
            Step::NeedsVerifier(user) => self.give_verifier(engine, &user),
            Step::Proved { identity, last } => match self.accept(engine, &identity) {
                Ok(user) => {
                    self.waiting = Waiting::Farewell(user);
                    SignInStep::Challenge(last)
                }
                Err(refusal) => SignInStep::Refused(refusal),
            },
            Step::Wrong => {
                self.count_failure(engine, self.name.as_deref());
                SignInStep::Refused(SignInRefusal::Wrong)
            }
            Step::Malformed => SignInStep::Refused(SignInRefusal::Malformed),
        }
    }

    fn give_verifier(&mut self, engine: &Engine, user: &str) -> SignInStep {
        let entry = match self.look_up(engine, user) {
            Ok(entry) => entry,
            Err(refusal) => return SignInStep::Refused(refusal),
        };
        self.name = Some(user.to_owned());
        let known = entry.and_then(|entry| entry.record.scram.clone());
        let verifier = match known {
            Some(verifier) => verifier,
            None => match false_verifier(engine, user) {
                Ok(verifier) => verifier,
                Err(refusal) => return SignInStep::Refused(refusal),
            },
        };
        let Some(exchange) = &mut self.exchange else {
            return SignInStep::Refused(SignInRefusal::Malformed);
        };
        let step = exchange.verifier(verifier, engine.random(), self.peer.tls.as_ref());
        self.go_on(engine, step)
    }

    /// What can be told at once: limits, app passwords, and passwords that were right a short while
    /// ago.
    fn check_quickly(&mut self, engine: &Engine, given: Password) -> SignInStep {
        let quick = if allows_passwords(engine, &self.peer) {
            self.known_password(engine, &given)
        } else {
            Err(SignInRefusal::NotAllowed)
        };
        match quick {
            Ok(Some(user)) => SignInStep::Done(user),
            Ok(None) => {
                self.waiting = Waiting::Password(given);
                SignInStep::Verify
            }
            Err(refusal) => SignInStep::Refused(refusal),
        }
    }

    fn known_password(
        &self,
        engine: &Engine,
        given: &Password,
    ) -> Result<Option<User>, SignInRefusal> {
        let Some(entry) = self.look_up(engine, &given.identity.user)? else {
            return Ok(None);
        };
        let known =
            engine
                .logins()
                .knows(entry.account, entry.changed, &given.password, engine.now());
        if known || is_app_password(engine, &entry, &given.password) {
            return self.accept(engine, &given.identity).map(Some);
        }
        Ok(None)
    }

    fn check_slowly(&self, engine: &Engine, given: &Password) -> Result<User, SignInRefusal> {
        let cost = engine.settings().password_cost;
        let entry = self.look_up(engine, &given.identity.user)?;
        let stored = entry
            .as_ref()
            .and_then(|entry| entry.record.password.as_deref());
        let verdict = match stored {
            Some(stored) => password::verify(&given.password, stored, cost),
            None => password::verify_nobody(&given.password, cost),
        };
        let Some(entry) = entry.filter(|_| verdict.is_right()) else {
            self.count_failure(engine, Some(&given.identity.user));
            return Err(SignInRefusal::Wrong);
        };
        engine
            .logins()
            .learn(entry.account, entry.changed, &given.password, engine.now());
        if verdict == Verdict::RightButOld || entry.record.scram.is_none() {
            // Nobody waits for it: if it is lost the next login makes it again.
            drop(engine.renew_password(entry.account, &given.password));
        }
        self.accept(engine, &given.identity)
    }

    /// The connection itself has proved that the client holds the key of its certificate.
    fn check_certificate(&self, engine: &Engine, wanted: String) -> Result<User, SignInRefusal> {
        let shown = self.peer.tls.as_ref().and_then(|tls| tls.client.as_deref());
        let shown = shown.ok_or(SignInRefusal::Wrong)?;
        let known = match engine.directory().certificate(&shown.fingerprint)? {
            Some(entry) => Some(entry),
            None => vouched_for(engine, &shown.addresses, &wanted)?,
        };
        let account = known.as_ref().map(|entry| entry.account);
        let attempts = engine.attempts();
        if !attempts.may_try(self.network(), account, engine.now()) {
            return Err(SignInRefusal::TooMany);
        }
        let Some(entry) = known else {
            attempts.failed(self.network(), None, engine.now());
            return Err(SignInRefusal::Wrong);
        };
        let identity = Identity {
            user: entry.record.address.clone(),
            authorize_as: wanted,
        };
        self.accept(engine, &identity)
    }

    fn check_token(&self, engine: &Engine, token: &Token) -> Result<User, SignInRefusal> {
        self.look_up(engine, &token.user)?;
        let user = engine
            .tokens()
            .and_then(|tokens| tokens.verify(&token.token));
        let Some(user) = user else {
            self.count_failure(engine, Some(&token.user));
            return Err(SignInRefusal::Wrong);
        };
        self.accept(
            engine,
            &Identity {
                user,
                authorize_as: token.user.clone(),
            },
        )
    }

    /// Finds the account, unless this peer must wait before it may try it.
    fn look_up(&self, engine: &Engine, user: &str) -> Result<Option<Arc<Entry>>, SignInRefusal> {
        let entry = engine.directory().sign_in_name(user)?;
        let account = entry.as_ref().map(|entry| entry.account);
        let may = engine
            .attempts()
            .may_try(self.network(), account, engine.now());
        if may {
            Ok(entry)
        } else {
            Err(SignInRefusal::TooMany)
        }
    }

    /// The secret was right: may this account be used, and as whom?
    fn accept(&self, engine: &Engine, identity: &Identity) -> Result<User, SignInRefusal> {
        let directory = engine.directory();
        let entry = directory
            .sign_in_name(&identity.user)?
            .ok_or(SignInRefusal::Wrong)?;
        engine
            .attempts()
            .succeeded(self.network(), entry.account, engine.now());
        if !entry.record.enabled || entry.record.kind != AccountKind::Person {
            return Err(SignInRefusal::Disabled);
        }
        let wanted = match identity.authorize_as.as_str() {
            "" => Arc::clone(&entry),
            name => directory
                .sign_in_name(name)?
                .ok_or(SignInRefusal::NotAllowed)?,
        };
        if wanted.account != entry.account && !entry.record.administrator {
            return Err(SignInRefusal::NotAllowed);
        }
        Ok(User {
            account: wanted.account,
            address: wanted.record.address.clone(),
            administrator: wanted.record.administrator,
        })
    }

    fn count_failure(&self, engine: &Engine, user: Option<&str>) {
        let account = user
            .and_then(|user| engine.directory().sign_in_name(user).ok().flatten())
            .map(|entry| entry.account);
        engine
            .attempts()
            .failed(self.network(), account, engine.now());
    }

    fn network(&self) -> Network {
        Network::of(self.peer.remote.ip())
    }
}

fn done(result: Result<User, SignInRefusal>) -> SignInStep {
    match result {
        Ok(user) => SignInStep::Done(user),
        Err(refusal) => SignInStep::Refused(refusal),
    }
}

/// What someone gets who does not exist: the same for every spelling of a name, as with those who do.
fn false_verifier(engine: &Engine, user: &str) -> Result<Verifier, SignInRefusal> {
    let address = engine
        .directory()
        .sign_in_address(user)
        .map_err(EngineError::from)?;
    let name = address.map_or_else(|| user.to_owned(), |address| address.to_string());
    Ok(Verifier::of_nobody(engine.secret(), &name))
}

/// Whose address an authority vouches for: the account that is asked for, if it is one of these,
/// else the first.
fn vouched_for(
    engine: &Engine,
    addresses: &[String],
    wanted: &str,
) -> Result<Option<Arc<Entry>>, SignInRefusal> {
    let asked = addresses
        .iter()
        .filter(|known| known.eq_ignore_ascii_case(wanted));
    for address in asked.chain(addresses) {
        if let Some(entry) = engine.directory().sign_in_name(address)? {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// App passwords are random and long, so a fast keyed hash is enough.
fn is_app_password(engine: &Engine, entry: &Entry, password: &str) -> bool {
    let hash = engine.app_password_hash(entry.account, password);
    let equal = entry
        .record
        .app_passwords
        .iter()
        .map(|known| known.hash.ct_eq(&hash));
    equal
        .fold(0.into(), |any: subtle::Choice, one| any | one)
        .into()
}
