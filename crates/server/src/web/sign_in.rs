//! Who sends a request: HTTP authentication.
//!
//! Every request is checked by itself. Passwords that were right a short while ago cost next to
//! nothing, and wrong ones count against the same limits as in every other protocol
//! ([`engine::SignIn`]). Nothing is taken without TLS, because nothing is served without it.
//!
//! Start at [`Door::user`]. Another way to sign in (NTLM, Negotiate) is another [`Scheme`] in
//! [`Door::new`]; none is offered that would not work, because Outlook takes the strongest it knows.
//!
//! Standards: RFC 9110 §11 (authentication), RFC 7617 (Basic), RFC 6750 §2.1, §3 (Bearer).

use super::exchange::{Request, Response, plain};
use crate::driver::Surroundings;
use crate::driver::pool::Lost;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::dialogue::Peer;
use engine::{Engine, SignIn, SignInRefusal, SignInStep, User, mechanisms};
use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Bytes of the credentials: a token may be long, and one's name and password are not.
const CREDENTIALS_BYTES_MAX: usize = 16 * 1024;
/// Seconds after which a client may ask again that was refused for now.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("30");

/// The outcome of a check to come.
pub type Checking<'a> = Pin<Box<dyn Future<Output = Result<User, SignInRefusal>> + Send + 'a>>;

/// A way to sign in over HTTP.
pub trait Scheme: Send + Sync {
    /// Its name, written in letters of either case.
    fn name(&self) -> &'static str;

    /// What a client is told that has not signed in, or was just refused by this scheme; none where
    /// it is not offered.
    fn challenge(&self, peer: &Peer, is_refused: bool) -> Option<HeaderValue>;

    /// Checks what stands behind the name. [`Peer::connection`] tells apart connections, for
    /// schemes that take several requests of one.
    fn check<'a>(&'a self, credentials: &'a str, peer: &'a Peer) -> Checking<'a>;
}

/// Lets in who has signed in.
pub struct Door {
    engine: Engine,
    schemes: Vec<Box<dyn Scheme>>,
}

impl Door {
    /// With all schemes of this server, the strongest first.
    pub fn new(engine: &Engine, surroundings: &Arc<Surroundings>) -> Self {
        let checker = || Checker {
            engine: engine.clone(),
            surroundings: Arc::clone(surroundings),
        };
        Self {
            engine: engine.clone(),
            schemes: vec![Box::new(Bearer(checker())), Box::new(Basic(checker()))],
        }
    }

    /// Who sends this request, or what they are told instead.
    pub async fn user(&self, request: &mut Request) -> Result<User, Response> {
        let let_in = self.let_in(request).await;
        if let_in.is_err() {
            // Who stops in the midst of a body is told all the same.
            let _ = request.body.discard().await;
        }
        let_in
    }

    async fn let_in(&self, request: &Request) -> Result<User, Response> {
        let (peer, engine) = (&request.peer, &self.engine);
        let address = peer.remote.ip();
        if engine.traffic().banned(address, engine.now()).is_some() {
            return Err(plain(StatusCode::FORBIDDEN, "not from here\n"));
        }
        let Some(given) = request.header(&AUTHORIZATION) else {
            return Err(self.challenges(peer, None));
        };
        let refusal = match self.check(given, peer).await {
            Ok(user) => return Ok(user),
            Err(refusal) => refusal,
        };
        tracing::info!(service = "https", peer = %address, why = ?refusal, "sign-in refused");
        Err(self.refused(&refusal, peer, self.scheme(given)))
    }

    /// The scheme of these credentials.
    fn scheme(&self, given: &str) -> Option<&dyn Scheme> {
        let name = given.trim().split(' ').next().unwrap_or_default();
        let mut schemes = self.schemes.iter().map(AsRef::as_ref);
        schemes.find(|known| known.name().eq_ignore_ascii_case(name))
    }

    async fn check(&self, given: &str, peer: &Peer) -> Result<User, SignInRefusal> {
        let (_, credentials) = given.trim().split_once(' ').unwrap_or_default();
        match self.scheme(given) {
            Some(scheme) if given.len() <= CREDENTIALS_BYTES_MAX => {
                scheme.check(credentials.trim(), peer).await
            }
            _ => Err(SignInRefusal::Malformed),
        }
    }

    /// Which of the refusals only another password can help is not told.
    fn refused(
        &self,
        refusal: &SignInRefusal,
        peer: &Peer,
        scheme: Option<&dyn Scheme>,
    ) -> Response {
        let (status, line) = match refusal {
            SignInRefusal::Wrong | SignInRefusal::Malformed | SignInRefusal::NotAllowed => {
                return self.challenges(peer, scheme);
            }
            SignInRefusal::Disabled => {
                return plain(StatusCode::FORBIDDEN, "not for this account\n");
            }
            SignInRefusal::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too many attempts\n"),
            SignInRefusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "try again later\n"),
        };
        let mut response = plain(status, line);
        response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
        response
    }

    /// Source: RFC 9110 §15.5.2.
    fn challenges(&self, peer: &Peer, refused: Option<&dyn Scheme>) -> Response {
        let mut response = plain(StatusCode::UNAUTHORIZED, "sign in\n");
        for scheme in &self.schemes {
            let is_refused = refused.is_some_and(|refused| refused.name() == scheme.name());
            if let Some(challenge) = scheme.challenge(peer, is_refused) {
                response.headers_mut().append(WWW_AUTHENTICATE, challenge);
            }
        }
        response
    }
}

/// Runs a sign-in to its end; what hashes a password goes where that may take long.
struct Checker {
    engine: Engine,
    surroundings: Arc<Surroundings>,
}

impl Checker {
    async fn finish(&self, sign_in: SignIn, step: SignInStep) -> Result<User, SignInRefusal> {
        let step = match step {
            SignInStep::Verify => {
                let pool = &self.surroundings.passwords;
                if pool.is_full() {
                    return Err(SignInRefusal::Unavailable);
                }
                let engine = self.engine.clone();
                let verified = pool.run(None, move || verdict(sign_in, &engine)).await;
                verified.map_err(|Lost| SignInRefusal::Unavailable)?
            }
            step => step,
        };
        match step {
            SignInStep::Done(user) => Ok(user),
            SignInStep::Refused(refusal) => Err(refusal),
            SignInStep::Challenge(_) | SignInStep::Verify => Err(SignInRefusal::Malformed),
        }
    }
}

/// The slow check to its end: here nobody is told why a token was refused, so nobody answers.
fn verdict(mut sign_in: SignIn, engine: &Engine) -> SignInStep {
    match sign_in.verify(engine) {
        SignInStep::Challenge(_) => sign_in.take(engine, b"\x01"),
        step => step,
    }
}

/// Name and password with each request.
struct Basic(Checker);

impl Scheme for Basic {
    fn name(&self) -> &'static str {
        "Basic"
    }

    fn challenge(&self, _: &Peer, _: bool) -> Option<HeaderValue> {
        let text = "Basic realm=\"facteur\", charset=\"UTF-8\"";
        Some(HeaderValue::from_static(text))
    }

    fn check<'a>(&'a self, credentials: &'a str, peer: &'a Peer) -> Checking<'a> {
        Box::pin(async move {
            let given = STANDARD.decode(credentials);
            let text = given.map_err(|_| SignInRefusal::Malformed)?;
            let text = decoded(text);
            let (name, password) = text.split_once(':').ok_or(SignInRefusal::Malformed)?;
            let engine = &self.0.engine;
            let name = meant(engine, name);
            let (sign_in, step) = SignIn::password(engine, peer, &name, password);
            self.0.finish(sign_in, step).await
        })
    }
}

/// Clients that do not know of UTF-8 take the code page of western Windows for it, most of which is
/// Latin-1. Source: RFC 7617 §2.1, §3.
fn decoded(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|wrong| {
        let bytes = wrong.as_bytes().iter();
        bytes.map(|&byte| char::from(byte)).collect()
    })
}

/// The name without what Windows puts before it: `DOMAIN\user` is `user@domain`, where the domain is
/// one of this server or the beginning of one, and else `user`.
fn meant(engine: &Engine, name: &str) -> String {
    let Some((domain, user)) = name.split_once('\\') else {
        return name.to_owned();
    };
    let domains = engine.domains().unwrap_or_default();
    let is_meant = |known: &str| {
        let label = known.split('.').next().unwrap_or(known);
        known.eq_ignore_ascii_case(domain) || label.eq_ignore_ascii_case(domain)
    };
    let mut known = domains.iter().filter(|known| is_meant(&known.name));
    match (known.next(), known.next()) {
        (Some(only), None) if !user.contains('@') => format!("{user}@{}", only.name),
        _ => user.to_owned(),
    }
}

/// A token that someone else gave out; offered only where there is someone to check it.
struct Bearer(Checker);

/// Who signs in is told by the token alone. Source: RFC 7628 §3.1.
const BEARER_MECHANISM: &str = "OAUTHBEARER";

impl Scheme for Bearer {
    fn name(&self) -> &'static str {
        "Bearer"
    }

    /// Source: RFC 6750 §3.1: who gave no token is told of no error.
    fn challenge(&self, peer: &Peer, is_refused: bool) -> Option<HeaderValue> {
        let offered = mechanisms(&self.0.engine, peer);
        let is_offered = offered.iter().any(|one| one.name() == BEARER_MECHANISM);
        let text = if is_refused {
            "Bearer realm=\"facteur\", error=\"invalid_token\""
        } else {
            "Bearer realm=\"facteur\""
        };
        is_offered.then(|| HeaderValue::from_static(text))
    }

    fn check<'a>(&'a self, credentials: &'a str, peer: &'a Peer) -> Checking<'a> {
        Box::pin(async move {
            let message = format!("n,,\u{1}auth=Bearer {credentials}\u{1}\u{1}");
            let engine = &self.0.engine;
            let started = SignIn::start(engine, peer, BEARER_MECHANISM, Some(message.as_bytes()));
            let (sign_in, step) = started.ok_or(SignInRefusal::Malformed)?;
            self.0.finish(sign_in, step).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Settings;
    use engine::rehearsal::Rehearsal;

    #[test]
    fn a_password_is_read_as_utf_8_or_else_as_latin_1() {
        assert_eq!(decoded("zoë:pässword".into()), "zoë:pässword");
        assert_eq!(decoded(b"zo\xeb:p\xe4ssword".to_vec()), "zoë:pässword");
    }

    #[test]
    fn a_name_may_stand_behind_its_domain() {
        let house = Rehearsal::new(Settings::default()).unwrap();
        let known = house.engine.domains().unwrap();
        let domain = known[0].name.clone();
        let label = domain.split('.').next().unwrap();
        for (given, expected) in [
            (format!("ida@{domain}"), format!("ida@{domain}")),
            ("ida".to_owned(), "ida".to_owned()),
            (format!("{domain}\\ida"), format!("ida@{domain}")),
            (
                format!("{}\\ida", label.to_uppercase()),
                format!("ida@{domain}"),
            ),
            (format!("WORKGROUP\\ida@{domain}"), format!("ida@{domain}")),
            ("WORKGROUP\\ida".to_owned(), "ida".to_owned()),
        ] {
            assert_eq!(meant(&house.engine, &given), expected, "{given}");
        }
    }
}
