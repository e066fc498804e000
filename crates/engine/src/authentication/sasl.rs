//! The SASL mechanisms, alike for every dialogue: messages in, challenges out.
//!
//! Pure: what needs the directory or a slow hash is asked of the caller by [`Step`]. Messages are without
//! base64; that is each protocol's own business.
//! Start at [`Exchange::start`].
//!
//! Standards: RFC 4422 (SASL; EXTERNAL in its appendix A), RFC 4616 (PLAIN), RFC 5802 and RFC 7677 (SCRAM), RFC 7628 (OAUTHBEARER).
//! LOGIN and XOAUTH2 have no RFC and are kept for old and large clients.

use super::scram::{Binding, ClientFirst, ServerFirst, Verifier};
use crate::dialogue::Tls;

/// Longest message of a client in bytes; tokens of OAUTHBEARER are the longest.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// A way of signing in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mechanism {
    /// EXTERNAL: by the certificate of the TLS connection.
    External,
    /// SCRAM-SHA-256-PLUS: bound to the TLS connection.
    ScramSha256Plus,
    /// SCRAM-SHA-256.
    ScramSha256,
    /// PLAIN.
    Plain,
    /// LOGIN.
    Login,
    /// OAUTHBEARER.
    OauthBearer,
    /// XOAUTH2.
    Xoauth2,
}

/// What a listener allows, by which mechanisms are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Each holds for itself.
pub struct Offer {
    /// Passwords may cross this connection: it is encrypted, or the setting allows it here.
    pub passwords: bool,
    /// The connection is encrypted and has a channel binding.
    pub binding: bool,
    /// The client has shown a certificate.
    pub certificate: bool,
    /// Someone can check bearer tokens.
    pub tokens: bool,
}

impl Mechanism {
    const ALL: [Self; 7] = [
        Self::External,
        Self::ScramSha256Plus,
        Self::ScramSha256,
        Self::Plain,
        Self::Login,
        Self::OauthBearer,
        Self::Xoauth2,
    ];

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::External => "EXTERNAL",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::OauthBearer => "OAUTHBEARER",
            Self::Xoauth2 => "XOAUTH2",
        }
    }

    /// The mechanisms to advertise, strongest first.
    pub fn offered(offer: Offer) -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(move |mechanism| mechanism.is_allowed(offer))
    }

    /// The mechanism of this name, if it is offered here; names ignore case.
    pub fn named(name: &str, offer: Offer) -> Option<Self> {
        Self::offered(offer).find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }

    fn is_allowed(self, offer: Offer) -> bool {
        match self {
            Self::External => offer.certificate,
            Self::ScramSha256Plus => offer.binding,
            // Without TLS it would be open to a downgrade of everything that follows it.
            Self::ScramSha256 | Self::Plain | Self::Login => offer.passwords,
            Self::OauthBearer | Self::Xoauth2 => offer.passwords && offer.tokens,
        }
    }
}

/// What comes next.
#[derive(Debug)]
pub enum Step {
    /// Send this and give the client's answer to [`Exchange::take`].
    Challenge(Vec<u8>),
    /// Look whose certificate it is; the exchange is over. The mailbox to act in is named, or empty
    /// for one's own.
    Certificate(String),
    /// Check this password; the exchange is over.
    Password(Password),
    /// Check this bearer token; the exchange is over.
    Token(Token),
    /// Look up the verifier of this user (a false one for nobody) and give it to [`Exchange::verifier`].
    NeedsVerifier(String),
    /// The client has proved who it is. `last` is to be sent with, or before, the success.
    Proved {
        /// Who signs in, and as whom.
        identity: Identity,
        /// The server's own proof.
        last: Vec<u8>,
    },
    /// Wrong proof: the same answer as for a wrong password.
    Wrong,
    /// The message does not follow the mechanism.
    Malformed,
}

/// Who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user whose secret was shown.
    pub user: String,
    /// The mailbox to act in; empty for one's own.
    pub authorize_as: String,
}

/// A name with a password to check.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    /// Who.
    pub identity: Identity,
    /// The password; never written to a log.
    pub password: String,
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Password {{ identity: {:?}, .. }}", self.identity)
    }
}

/// A bearer token to check.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The user that the client names; empty when only the token tells.
    pub user: String,
    /// The token; never written to a log.
    pub token: String,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token {{ user: {:?}, .. }}", self.user)
    }
}

/// One run of a mechanism.
#[derive(Debug)]
pub struct Exchange {
    mechanism: Mechanism,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The client's first message is to come.
    First,
    /// LOGIN: the user name is known.
    LoginUser(String),
    /// SCRAM: the caller looks up the verifier.
    Looking(ClientFirst),
    /// SCRAM: the proof is to come.
    Proving(Box<ServerFirst>, Identity, Vec<u8>),
    /// Nothing more is expected.
    Over,
}

impl Exchange {
    /// Begins, with the client's initial response if the protocol carried one.
    pub fn start(mechanism: Mechanism, initial: Option<&[u8]>, tls: Option<&Tls>) -> (Self, Step) {
        let mut exchange = Self {
            mechanism,
            state: State::First,
        };
        let step = match (mechanism, initial) {
            (_, Some(message)) => exchange.take(message, tls),
            (Mechanism::Login, None) => Step::Challenge(b"Username:".to_vec()),
            (_, None) => Step::Challenge(Vec::new()),
        };
        (exchange, step)
    }

    /// Takes the client's next message.
    pub fn take(&mut self, message: &[u8], tls: Option<&Tls>) -> Step {
        if message.len() > MESSAGE_BYTES_MAX {
            return Step::Malformed;
        }
        match (
            self.mechanism,
            std::mem::replace(&mut self.state, State::Over),
        ) {
            (Mechanism::External, State::First) => {
                text_or_empty(message).map_or(Step::Malformed, Step::Certificate)
            }
            (Mechanism::Plain, State::First) => plain(message),
            (Mechanism::Login, State::First) => self.login_user(message),
            (Mechanism::Login, State::LoginUser(user)) => login_password(user, message),
            (Mechanism::OauthBearer, State::First) => oauth_bearer(message),
            (Mechanism::Xoauth2, State::First) => xoauth2(message),
            (_, State::First) => self.scram_first(message),
            (_, State::Proving(first, identity, channel)) => {
                scram_final(&first, identity, message, &channel, tls)
            }
            _ => Step::Malformed,
        }
    }

    /// Goes on with SCRAM once the verifier is known. `random` is fresh.
    pub fn verifier(&mut self, verifier: Verifier, random: [u8; 18], tls: Option<&Tls>) -> Step {
        let State::Looking(client) = std::mem::replace(&mut self.state, State::Over) else {
            return Step::Malformed;
        };
        let Some(channel) = channel_data(&client.binding, tls) else {
            return Step::Malformed;
        };
        let identity = Identity {
            user: client.user.clone(),
            authorize_as: client.authorize_as.clone(),
        };
        let first = ServerFirst::new(client, verifier, random);
        let message = first.message().as_bytes().to_vec();
        self.state = State::Proving(Box::new(first), identity, channel);
        Step::Challenge(message)
    }

    fn login_user(&mut self, message: &[u8]) -> Step {
        match text(message) {
            Some(user) => {
                self.state = State::LoginUser(user);
                Step::Challenge(b"Password:".to_vec())
            }
            None => Step::Malformed,
        }
    }

    fn scram_first(&mut self, message: &[u8]) -> Step {
        let Some(client) = ClientFirst::parse(message) else {
            return Step::Malformed;
        };
        let bound = matches!(client.binding, Binding::Named(_));
        if bound != (self.mechanism == Mechanism::ScramSha256Plus) {
            return Step::Malformed;
        }
        let user = client.user.clone();
        self.state = State::Looking(client);
        Step::NeedsVerifier(user)
    }
}

fn scram_final(
    first: &ServerFirst,
    identity: Identity,
    message: &[u8],
    channel: &[u8],
    tls: Option<&Tls>,
) -> Step {
    // Between the two messages the connection can't have changed; a driver that mixed them up is refused.
    if !channel.is_empty() && tls.is_none() {
        return Step::Malformed;
    }
    match first.check(message, channel) {
        Some(last) => Step::Proved {
            identity,
            last: last.into_bytes(),
        },
        None => Step::Wrong,
    }
}

/// The data of the channel binding that the client named; `None` if we don't have that one, and when a client
/// says that we offered none although we did: someone in between took it away (RFC 5802 §6).
fn channel_data(binding: &Binding, tls: Option<&Tls>) -> Option<Vec<u8>> {
    match binding {
        Binding::Unsupported => Some(Vec::new()),
        Binding::ThoughtMissing => tls.is_none_or(|tls| !tls.has_binding()).then(Vec::new),
        Binding::Named(name) => match name.as_str() {
            "tls-exporter" => tls?.exporter.map(Vec::from),
            "tls-server-end-point" => tls?.server_end_point.clone(),
            _ => None,
        },
    }
}

impl Tls {
    /// True if the connection can be named in a channel binding.
    pub fn has_binding(&self) -> bool {
        self.exporter.is_some() || self.server_end_point.is_some()
    }
}

/// `authorize-as NUL user NUL password`. Source: RFC 4616 §2.
fn plain(message: &[u8]) -> Step {
    let fields: Option<Vec<String>> = message
        .split(|byte| *byte == 0)
        .map(text_or_empty)
        .collect();
    match fields.as_deref() {
        Some([authorize_as, user, password]) if !user.is_empty() && !password.is_empty() => {
            password_step(user.clone(), authorize_as.clone(), password.clone())
        }
        _ => Step::Malformed,
    }
}

fn login_password(user: String, message: &[u8]) -> Step {
    match text(message) {
        Some(password) => password_step(user, String::new(), password),
        None => Step::Malformed,
    }
}

fn password_step(user: String, authorize_as: String, password: String) -> Step {
    Step::Password(Password {
        identity: Identity { user, authorize_as },
        password,
    })
}

/// `n,a=user,^Ahost=…^Aauth=Bearer token^A^A`. Source: RFC 7628 §3.1.
fn oauth_bearer(message: &[u8]) -> Step {
    token_step(message, |header| {
        let user = header.strip_prefix("n,")?.strip_suffix(',')?;
        if user.is_empty() {
            Some("")
        } else {
            user.strip_prefix("a=")
        }
    })
}

/// `user=someone^Aauth=Bearer token^A^A`.
fn xoauth2(message: &[u8]) -> Step {
    token_step(message, |header| header.strip_prefix("user="))
}

fn token_step(message: &[u8], user_of: impl Fn(&str) -> Option<&str>) -> Step {
    let parsed = text(message).and_then(|message| {
        let mut fields = message.split('\u{1}');
        let user = user_of(fields.next()?)?.to_owned();
        let bearer = fields.find_map(|field| field.strip_prefix("auth="))?;
        let (kind, token) = bearer.split_once(' ')?;
        let is_bearer = kind.eq_ignore_ascii_case("bearer") && !token.is_empty();
        is_bearer.then(|| Token {
            user,
            token: token.to_owned(),
        })
    });
    parsed.map_or(Step::Malformed, Step::Token)
}

/// UTF-8 without NUL, not empty.
fn text(message: &[u8]) -> Option<String> {
    text_or_empty(message).filter(|text| !text.is_empty())
}

fn text_or_empty(message: &[u8]) -> Option<String> {
    std::str::from_utf8(message)
        .ok()
        .filter(|text| !text.contains('\0'))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Offer = Offer {
        passwords: true,
        binding: true,
        certificate: false,
        tokens: false,
    };

    fn names(offer: Offer) -> Vec<&'static str> {
        Mechanism::offered(offer).map(Mechanism::name).collect()
    }

    #[test]
    fn only_what_works_here_is_offered() {
        assert_eq!(
            names(OPEN),
            ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"]
        );
        let clear = Offer {
            passwords: false,
            binding: false,
            certificate: false,
            tokens: true,
        };
        assert_eq!(names(clear), Vec::<&str>::new());
        assert_eq!(Mechanism::named("plain", OPEN), Some(Mechanism::Plain));
        assert_eq!(Mechanism::named("PLAIN", clear), None);
    }

    #[test]
    fn external_needs_a_certificate_and_names_a_mailbox_or_none() {
        assert_eq!(Mechanism::named("EXTERNAL", OPEN), None);
        let shown = Offer {
            certificate: true,
            ..OPEN
        };
        assert_eq!(names(shown).first(), Some(&"EXTERNAL"));
        let start = |message| Exchange::start(Mechanism::External, message, None).1;
        assert!(matches!(start(None), Step::Challenge(text) if text.is_empty()));
        assert!(matches!(start(Some(b"")), Step::Certificate(name) if name.is_empty()));
        assert!(matches!(start(Some(b"fred@x")), Step::Certificate(name) if name == "fred@x"));
        assert!(matches!(start(Some(b"a\0b")), Step::Malformed));
    }

    #[test]
    fn plain_gives_name_and_password() {
        let (_, step) = Exchange::start(Mechanism::Plain, Some(b"\0tim\0tanstaaftanstaaf"), None);
        let Step::Password(given) = step else {
            panic!("{step:?}")
        };
        assert_eq!(given.identity.user, "tim");
        assert_eq!(given.password, "tanstaaftanstaaf");
    }

    #[test]
    fn plain_with_missing_or_extra_fields_is_malformed() {
        for bad in [
            &b""[..],
            b"tim",
            b"\0tim",
            b"\0tim\0",
            b"\0\0x",
            b"\0a\0b\0c",
            b"\0\xff\0b",
        ] {
            let (_, step) = Exchange::start(Mechanism::Plain, Some(bad), None);
            assert!(matches!(step, Step::Malformed), "{bad:?} gave {step:?}");
        }
    }

    #[test]
    fn login_asks_for_name_then_password() {
        let (mut exchange, step) = Exchange::start(Mechanism::Login, None, None);
        assert!(matches!(step, Step::Challenge(text) if text == b"Username:"));
        let step = exchange.take(b"tim", None);
        assert!(matches!(step, Step::Challenge(text) if text == b"Password:"));
        assert!(matches!(exchange.take(b"secret", None), Step::Password(_)));
        assert!(
            matches!(exchange.take(b"secret", None), Step::Malformed),
            "it is over"
        );
    }

    #[test]
    fn scram_plus_must_be_bound_and_plain_scram_must_not() {
        let bound = Some(&b"p=tls-exporter,,n=u,r=q"[..]);
        let unbound = Some(&b"n,,n=u,r=q"[..]);
        let start = |mechanism, message| Exchange::start(mechanism, message, None).1;
        assert!(matches!(
            start(Mechanism::ScramSha256, bound),
            Step::Malformed
        ));
        assert!(matches!(
            start(Mechanism::ScramSha256Plus, unbound),
            Step::Malformed
        ));
        assert!(matches!(
            start(Mechanism::ScramSha256, unbound),
            Step::NeedsVerifier(_)
        ));
    }

    #[test]
    fn a_client_that_was_told_of_no_binding_is_warned_by_failure() {
        let tls = Tls {
            version: "TLSv1.3",
            cipher: "TLS_AES_128_GCM_SHA256",
            exporter: Some([1; 32]),
            server_end_point: None,
            client: None,
        };
        let first = Some(&b"y,,n=u,r=q"[..]);
        let (mut exchange, _) = Exchange::start(Mechanism::ScramSha256, first, Some(&tls));
        let verifier = Verifier::new("x", [0; 16], 4096);
        assert!(matches!(
            exchange.verifier(verifier, [0; 18], Some(&tls)),
            Step::Malformed
        ));
    }

    #[test]
    fn bearer_tokens_are_found_in_both_forms() {
        let oauth = b"n,a=user@example.com,\x01host=x\x01auth=Bearer vF9dft4qmT\x01\x01";
        let google = b"user=user@example.com\x01auth=Bearer vF9dft4qmT\x01\x01";
        for (mechanism, message) in [
            (Mechanism::OauthBearer, &oauth[..]),
            (Mechanism::Xoauth2, &google[..]),
        ] {
            let (_, step) = Exchange::start(mechanism, Some(message), None);
            let Step::Token(token) = step else {
                panic!("{step:?}")
            };
            assert_eq!(
                (token.user.as_str(), token.token.as_str()),
                ("user@example.com", "vF9dft4qmT")
            );
        }
    }
}
