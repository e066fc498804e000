//! Session contexts: which session a request belongs to, over however many connections it comes.
//!
//! Pure: time and randomness are arguments. What a context holds is taken out while a request uses
//! it, so no two requests ever use it at once.
//!
//! Start at [`Contexts::begin`] and [`Contexts::claim`].
//!
//! Source: [MS-OXCMAPIHTTP] 3.1.1, 3.2.1, 3.2.5.1 to 3.2.5.3.

use crate::codec::transport::header::ResponseCode;
use engine::{AccountId, Timestamp};
use std::collections::HashMap;
use std::fmt::Write;

/// Contexts of one person: Outlook opens about six for each mailbox it shows, and seldom ends one.
pub const CONTEXTS_OF_ONE_MAX: usize = 100;
/// How long a client is told that it may be silent.
pub const IDLE_MILLISECONDS_TOLD: u64 = 900_000;
/// How long it really may be, in seconds: a request on its way must not come too late.
const IDLE_SECONDS_MAX: i64 = 960;
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
    pub fn fields(&self) -> [String; 2] {
        let attributes = "path=/mapi/; secure; HttpOnly";
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
    /// Taken out while a request uses it.
    held: Option<T>,
    /// Requests beside, which keep it alive.
    waiting: u32,
}

impl<T> Context<T> {
    fn is_idle(&self) -> bool {
        self.held.is_some() && self.waiting == 0
    }
}

/// All contexts of an endpoint.
#[derive(Debug)]
pub struct Contexts<T> {
    open: HashMap<ContextId, Context<T>>,
}

impl<T> Default for Contexts<T> {
    fn default() -> Self {
        Self {
            open: HashMap::new(),
        }
    }
}

impl<T> Contexts<T> {
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
            held: Some(held),
            waiting: 0,
        };
        self.open.insert(cookies.context, context);
        Ok(cookies)
    }

    /// Finds the context of a request and takes out what it holds, to be given back with
    /// [`Contexts::give_back`].
    ///
    /// Errors: [`ResponseCode::ContextNotFound`], also for another's; [`ResponseCode::InvalidSequence`]
    /// while another request uses it, or for one that is out of order.
    pub fn claim(
        &mut self,
        cookies: Cookies,
        owner: AccountId,
        now: Timestamp,
    ) -> Result<T, ResponseCode> {
        let context = self.find(cookies, owner, now)?;
        if context.sequence != cookies.sequence {
            return Err(ResponseCode::InvalidSequence);
        }
        context.held.take().ok_or(ResponseCode::InvalidSequence)
    }

    /// Gives back what was taken out: the client gets new cookies. What was ended meanwhile is
    /// dropped.
    pub fn give_back(&mut self, cookies: Cookies, held: T, now: Timestamp) -> Option<Cookies> {
        let context = self.open.get_mut(&cookies.context)?;
        context.sequence = context.sequence.wrapping_add(1);
        context.used = now;
        context.held = Some(held);
        Some(Cookies {
            sequence: context.sequence,
            ..cookies
        })
    }

    /// A request begins beside others: it keeps the context alive until
    /// [`Contexts::end_beside`], and gets the cookies that are good now.
    pub fn begin_beside(
        &mut self,
        cookies: Cookies,
        owner: AccountId,
        now: Timestamp,
    ) -> Result<Cookies, ResponseCode> {
        let context = self.find(cookies, owner, now)?;
        context.used = now;
        context.waiting = context.waiting.saturating_add(1);
        Ok(Cookies {
            sequence: context.sequence,
            ..cookies
        })
    }

    /// A request beside others has ended.
    pub fn end_beside(&mut self, cookies: Cookies, now: Timestamp) {
        if let Some(context) = self.open.get_mut(&cookies.context) {
            context.used = now;
            context.waiting = context.waiting.saturating_sub(1);
        }
    }

    /// Ends a context, unless it is another's or unknown.
    pub fn end(&mut self, cookies: Cookies, owner: AccountId) -> bool {
        let is_own = |context: &Context<T>| context.owner == owner;
        let known = self.open.get(&cookies.context).is_some_and(is_own);
        known && self.open.remove(&cookies.context).is_some()
    }

    /// Drops what has been idle for too long.
    pub fn forget_idle(&mut self, now: Timestamp) {
        let is_late = |context: &Context<T>| context.used.plus_seconds(IDLE_SECONDS_MAX) < now;
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

    fn begun() -> (Contexts<&'static str>, Cookies) {
        let mut contexts = Contexts::default();
        let cookies = contexts.begin(IDA, None, "held", [7; 16], NOON).unwrap();
        (contexts, cookies)
    }

    #[test]
    fn cookies_come_back_as_they_were_given() {
        let (_, cookies) = begun();
        let fields = cookies.fields();
        assert!(fields[0].starts_with("MapiContext=07070707070707070707070707070707; path=/mapi/"));
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
        assert_eq!(contexts.claim(cookies, IDA, NOON), Ok("held"));
        assert_eq!(
            contexts.claim(cookies, IDA, NOON),
            Err(ResponseCode::InvalidSequence)
        );
        let next = contexts.give_back(cookies, "held", NOON).unwrap();
        assert_ne!(next, cookies);
        assert_eq!(
            contexts.claim(cookies, IDA, NOON),
            Err(ResponseCode::InvalidSequence)
        );
        assert_eq!(contexts.claim(next, IDA, NOON), Ok("held"));
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
        assert_eq!(contexts.claim(next, IDA, NOON), Ok("new"));
    }

    #[test]
    fn an_idle_context_ends_and_a_waiting_one_does_not() {
        let (mut contexts, cookies) = begun();
        let told = i64::try_from(IDLE_MILLISECONDS_TOLD / 1000).unwrap();
        contexts.forget_idle(NOON.plus_seconds(told));
        assert!(contexts.begin_beside(cookies, IDA, NOON).is_ok());
        let late = NOON.plus_seconds(10 * IDLE_SECONDS_MAX);
        contexts.forget_idle(late);
        contexts.end_beside(cookies, late);
        assert_eq!(contexts.claim(cookies, IDA, late), Ok("held"));
        contexts.give_back(cookies, "held", late);
        let much_later = late.plus_seconds(IDLE_SECONDS_MAX + 1);
        assert_eq!(
            contexts.begin_beside(cookies, IDA, much_later),
            Err(ResponseCode::ContextNotFound)
        );
    }

    #[test]
    fn of_too_many_the_one_that_is_idle_longest_goes() {
        let mut contexts = Contexts::default();
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
        assert_eq!(contexts.claim(all[1], IDA, NOON), Ok(1));
        assert_eq!(contexts.claim(all[CONTEXTS_OF_ONE_MAX], IDA, NOON), Ok(100));
    }
}
