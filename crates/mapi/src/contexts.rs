//! Session contexts: which session a request belongs to, over however many connections it comes.
//!
//! Pure: time and randomness are arguments. What a context holds is lent to one request at a time;
//! beside it only those run that wait for something or say nothing.
//!
//! Start at [`Contexts::begin`] and [`Contexts::claim`].
//!
//! Source: [MS-OXCMAPIHTTP] 3.1.1, 3.2.1, 3.2.5.1 to 3.2.5.3.

use crate::codec::transport::header::{Endpoint, ResponseCode};
use engine::{AccountId, Timestamp};
use std::collections::HashMap;
use std::fmt::Write;

/// Contexts of one person: Outlook opens about six for each mailbox it shows, and seldom ends one.
pub const CONTEXTS_OF_ONE_MAX: usize = 100;
/// How long a client may be silent beyond what it was told: a request on its way must not come too
/// late.
const GRACE_SECONDS: i64 = 60;
/// Names the context.
pub const CONTEXT_COOKIE: &str = "MapiContext";
/// Counts its requests.
pub const SEQUENCE_COOKIE: &str = "MapiSequence";

/// Which context; drawn at random, so that nobody guesses another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContextId([u8; 16]);

impl ContextId {
    fn to_hex(self) -> String {
        let mut text = String::new();
        for byte in self.0 {
            // Writing to a string never fails.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    fn from_hex(text: &str) -> Option<Self> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 16 || !rest.is_empty() {
            return None;
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let is_hex = pair.iter().all(u8::is_ascii_hexdigit);
            let pair = str::from_utf8(pair).ok().filter(|_| is_hex)?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// What a client sends back of what it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookies {
    /// Which context.
    pub context: ContextId,
    /// The latest request that it heard the answer of.
    pub sequence: u64,
}

impl Cookies {
    /// Those of the `Cookie` fields of a request; others among them are passed over.
    ///
    /// Errors: [`ResponseCode::MissingCookie`], [`ResponseCode::InvalidContextCookie`].
    pub fn read<'a>(fields: impl IntoIterator<Item = &'a str>) -> Result<Self, ResponseCode> {
        let (mut context, mut sequence) = (None, None);
        let pairs = fields.into_iter().flat_map(|field| field.split(';'));
        for (name, value) in pairs.filter_map(|pair| pair.trim().split_once('=')) {
            match name {
                CONTEXT_COOKIE => context = Some(value),
                SEQUENCE_COOKIE => sequence = Some(value),
                _ => {}
            }
        }
        let (Some(context), Some(sequence)) = (context, sequence) else {
            return Err(ResponseCode::MissingCookie);
        };
        let read = || {
            let context = ContextId::from_hex(context)?;
            let sequence = sequence.parse().ok()?;
            Some(Self { context, sequence })
        };
        read().ok_or(ResponseCode::InvalidContextCookie)
    }

    /// The values of the `Set-Cookie` fields of a response.
    ///
    /// They are for one endpoint only: a client may keep those of its mailbox and of its address
    /// book, which have the same names, in one jar.
    pub fn fields(&self, endpoint: Endpoint) -> [String; 2] {
        let attributes = format!("path={}; secure; HttpOnly", endpoint.path());
        [
            format!("{CONTEXT_COOKIE}={}; {attributes}", self.context.to_hex()),
            format!("{SEQUENCE_COOKIE}={}; {attributes}", self.sequence),
        ]
    }
}

/// A context.
#[derive(Debug)]
struct Context<T> {
    owner: AccountId,
    sequence: u64,
    used: Timestamp,
    held: T,
    /// A request uses what it holds.
    is_claimed: bool,
    /// Requests beside, which keep it alive.
    waiting: u32,
}

impl<T> Context<T> {
    fn is_idle(&self) -> bool {
        !self.is_claimed && self.waiting == 0
    }

    fn cookies(&self, sent: Cookies) -> Cookies {
        Cookies {
            sequence: self.sequence,
            ..sent
        }
    }
}

/// All contexts of an endpoint.
#[derive(Debug)]
pub struct Contexts<T> {
    open: HashMap<ContextId, Context<T>>,
    idle_seconds_max: i64,
}

impl<T: Clone> Contexts<T> {
    /// None yet. `idle_seconds` is how long clients are told that they may be silent.
    pub fn new(idle_seconds: u32) -> Self {
        Self {
            open: HashMap::new(),
            idle_seconds_max: i64::from(idle_seconds) + GRACE_SECONDS,
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.open.len()
    }

    /// Begins a context in place of the one that the client had, if it had one. Of too many, the
    /// one that was idle longest goes; if none is idle, [`ResponseCode::UnknownFailure`].
    pub fn begin(
        &mut self,
        owner: AccountId,
        before: Option<Cookies>,
        held: T,
        random: [u8; 16],
        now: Timestamp,
    ) -> Result<Cookies, ResponseCode> {
        self.forget_idle(now);
        if let Some(before) = before {
            self.end(before, owner);
        }
        let of_owner = self.open.values().filter(|context| context.owner == owner);
        if of_owner.count() >= CONTEXTS_OF_ONE_MAX {
            let idle = self
                .open
                .iter()
                .filter(|(_, one)| one.owner == owner && one.is_idle());
            let oldest = idle
                .min_by_key(|(_, context)| context.used)
                .map(|(id, _)| *id);
            self.open
                .remove(&oldest.ok_or(ResponseCode::UnknownFailure)?);
        }
        let cookies = Cookies {
            context: ContextId(random),
            sequence: 1,
        };
        let context = Context {
            owner,
            sequence: cookies.sequence,
            used: now,
            held,
            is_claimed: false,
            waiting: 0,
        };
        self.open.insert(cookies.context, context);
        Ok(cookies)
    }

    /// Finds the context of a request and lends it what it holds, until [`Contexts::release`]. The
    /// client gets the new cookies, whatever comes of its request.
    ///
    /// Errors: [`ResponseCode::ContextNotFound`], also for another's; [`ResponseCode::InvalidSequence`]
    /// while another request uses it, or for one that is out of order.
    pub fn claim(
        &mut self,
        cookies: Cookies,
        owner: AccountId,
        now: Timestamp,
    ) -> Result<(T, Cookies), ResponseCode> {
        let context = self.find(cookies, owner, now)?;
        if context.sequence != cookies.sequence || context.is_claimed {
            return Err(ResponseCode::InvalidSequence);
        }
        context.is_claimed = true;
        context.sequence = context.sequence.wrapping_add(1);
        Ok((context.held.clone(), context.cookies(cookies)))
    }

    /// The request is done with it.
    pub fn release(&mut self, cookies: Cookies, now: Timestamp) {
        if let Some(context) = self.open.get_mut(&cookies.context) {
            context.used = now;
            context.is_claimed = false;
        }
    }

    /// A request begins beside others: it keeps the context alive until
    /// [`Contexts::end_beside`], and gets the cookies that are good now.
    pub fn begin_beside(
        &mut self,
        cookies: Cookies,
        owner: AccountId,
        now: Timestamp,
    ) -> Result<(T, Cookies), ResponseCode> {
        let context = self.find(cookies, owner, now)?;
        context.used = now;
        context.waiting = context.waiting.saturating_add(1);
        Ok((context.held.clone(), context.cookies(cookies)))
    }

    /// A request beside others has ended.
    pub fn end_beside(&mut self, cookies: Cookies, now: Timestamp) {
        if let Some(context) = self.open.get_mut(&cookies.context) {
            context.used = now;
            context.waiting = context.waiting.saturating_sub(1);
        }
    }

    /// True until the context has ended.
    pub fn is_open(&self, cookies: Cookies) -> bool {
        self.open.contains_key(&cookies.context)
    }

    /// Ends a context whose request went wrong within this server.
    pub fn abandon(&mut self, cookies: Cookies) {
        self.open.remove(&cookies.context);
    }

    /// Ends a context, unless it is another's or unknown.
    pub fn end(&mut self, cookies: Cookies, owner: AccountId) -> bool {
        let is_own = |context: &Context<T>| context.owner == owner;
        let known = self.open.get(&cookies.context).is_some_and(is_own);
        known && self.open.remove(&cookies.context).is_some()
    }

    /// Drops what has been idle for too long.
    pub fn forget_idle(&mut self, now: Timestamp) {
        let idle = self.idle_seconds_max;
        let is_late = |context: &Context<T>| context.used.plus_seconds(idle) < now;
        self.open
            .retain(|_, context| !(context.is_idle() && is_late(context)));
    }

    fn find(
        &mut self,
        cookies: Cookies,
        owner: AccountId,
        now: Timestamp,
    ) -> Result<&mut Context<T>, ResponseCode> {
        self.forget_idle(now);
        let found = self.open.get_mut(&cookies.context);
        let own = found.filter(|context| context.owner == owner);
        own.ok_or(ResponseCode::ContextNotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDA: AccountId = AccountId(1);
    const OTTO: AccountId = AccountId(2);
    const NOON: Timestamp = Timestamp(0);

    const IDLE_SECONDS: u32 = 900;

    fn begun() -> (Contexts<&'static str>, Cookies) {
        let mut contexts = Contexts::new(IDLE_SECONDS);
        let cookies = contexts.begin(IDA, None, "held", [7; 16], NOON).unwrap();
        (contexts, cookies)
    }

    #[test]
    fn cookies_come_back_as_they_were_given() {
        let (_, cookies) = begun();
        let fields = cookies.fields(Endpoint::Mailbox);
        let path = "MapiContext=07070707070707070707070707070707; path=/mapi/emsmdb;";
        assert!(fields[0].starts_with(path));
        let sent: Vec<_> = fields
            .iter()
            .map(|field| field.split(';').next().unwrap())
            .collect();
        let together = format!("other=1; {}", sent.join("; "));
        assert_eq!(Cookies::read([together.as_str()]), Ok(cookies));
        assert_eq!(Cookies::read(sent.iter().copied()), Ok(cookies));
        assert_eq!(Cookies::read([]), Err(ResponseCode::MissingCookie));
        for wrong in [
            "MapiContext=xy; MapiSequence=1",
            "MapiContext=é; MapiSequence=1",
        ] {
            assert_eq!(
                Cookies::read([wrong]),
                Err(ResponseCode::InvalidContextCookie)
            );
        }
    }

    #[test]
    fn requests_come_one_after_the_other() {
        let (mut contexts, cookies) = begun();
        let (held, next) = contexts.claim(cookies, IDA, NOON).unwrap();
        assert_eq!(held, "held");
        assert_ne!(next, cookies);
        for early in [cookies, next] {
            let refused = contexts.claim(early, IDA, NOON);
            assert_eq!(refused, Err(ResponseCode::InvalidSequence));
        }
        contexts.release(cookies, NOON);
        let again = contexts.claim(cookies, IDA, NOON);
        assert_eq!(again, Err(ResponseCode::InvalidSequence));
        assert!(contexts.claim(next, IDA, NOON).is_ok());
    }

    #[test]
    fn a_context_is_its_owners_alone() {
        let (mut contexts, cookies) = begun();
        assert_eq!(
            contexts.claim(cookies, OTTO, NOON),
            Err(ResponseCode::ContextNotFound)
        );
        assert!(!contexts.end(cookies, OTTO));
        assert!(contexts.end(cookies, IDA));
        assert_eq!(
            contexts.claim(cookies, IDA, NOON),
            Err(ResponseCode::ContextNotFound)
        );
    }

    #[test]
    fn connecting_again_replaces_the_context() {
        let (mut contexts, cookies) = begun();
        let next = contexts
            .begin(IDA, Some(cookies), "new", [8; 16], NOON)
            .unwrap();
        assert_eq!(
            contexts.claim(cookies, IDA, NOON),
            Err(ResponseCode::ContextNotFound)
        );
        assert_eq!(contexts.claim(next, IDA, NOON).unwrap().0, "new");
    }

    #[test]
    fn an_idle_context_ends_and_one_in_use_does_not() {
        let (mut contexts, cookies) = begun();
        contexts.forget_idle(NOON.plus_seconds(IDLE_SECONDS.into()));
        assert!(contexts.begin_beside(cookies, IDA, NOON).is_ok());
        let late = NOON.plus_seconds(10 * i64::from(IDLE_SECONDS));
        contexts.forget_idle(late);
        let (_, next) = contexts.claim(cookies, IDA, late).unwrap();
        contexts.end_beside(cookies, late);
        let later = late.plus_seconds(10 * i64::from(IDLE_SECONDS));
        contexts.forget_idle(later);
        assert!(contexts.is_open(next));
        contexts.release(next, later);
        let too_late = later.plus_seconds(i64::from(IDLE_SECONDS) + GRACE_SECONDS + 1);
        assert_eq!(
            contexts.begin_beside(next, IDA, too_late),
            Err(ResponseCode::ContextNotFound)
        );
    }

    #[test]
    fn of_too_many_the_one_that_is_idle_longest_goes() {
        let mut contexts = Contexts::new(IDLE_SECONDS);
        let mut all = Vec::new();
        for number in 0..=u8::try_from(CONTEXTS_OF_ONE_MAX).unwrap() {
            let now = NOON.plus_seconds(number.into());
            all.push(
                contexts
                    .begin(IDA, None, number, [number; 16], now)
                    .unwrap(),
            );
        }
        assert_eq!(
            contexts.claim(all[0], IDA, NOON),
            Err(ResponseCode::ContextNotFound)
        );
        let mut claim = |index: usize| contexts.claim(all[index], IDA, NOON).unwrap().0;
        assert_eq!((claim(1), claim(CONTEXTS_OF_ONE_MAX)), (1, 100));
    }
}
