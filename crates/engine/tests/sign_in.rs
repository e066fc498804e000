//! Who gets in, by which way, and who does not.

// The lints know tests by their attribute; what helps them stands outside of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::dialogue::ShownCertificate;
use engine::directory::administration::{AccountChange, NewPassword};
use engine::directory::{AccountKind, AccountRecord};
use engine::rehearsal::Rehearsal;
use engine::{
    Cleartext, Settings, SignIn, SignInRefusal, SignInStep, TokenVerifier, User, mechanisms,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::sync::Arc;

fn house() -> Rehearsal {
    Rehearsal::new(Settings::default()).unwrap()
}

/// Signs in with a name and password over TLS.
fn sign_in(house: &Rehearsal, user: &str, password: &str) -> Result<User, SignInRefusal> {
    let (mut sign_in, step) = SignIn::password(&house.engine, &house.peer(true), user, password);
    match step {
        SignInStep::Verify => outcome(sign_in.verify(&house.engine)),
        other => outcome(other),
    }
}

fn outcome(step: SignInStep) -> Result<User, SignInRefusal> {
    match step {
        SignInStep::Done(user) => Ok(user),
        SignInStep::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

fn record(house: &Rehearsal, user: &User) -> AccountRecord {
    house
        .engine
        .directory()
        .account(user.account)
        .unwrap()
        .unwrap()
        .record
        .clone()
}

#[test]
fn only_the_right_password_gets_in() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    assert_eq!(
        sign_in(&house, "Alice@example.test", "alice"),
        Ok(alice.clone())
    );
    assert_eq!(
        sign_in(&house, "alice", "alice"),
        Ok(alice),
        "the only domain may be left out"
    );
    assert_eq!(
        sign_in(&house, "alice@example.test", "Alice"),
        Err(SignInRefusal::Wrong)
    );
    assert_eq!(
        sign_in(&house, "bob@example.test", "alice"),
        Err(SignInRefusal::Wrong)
    );
    assert_eq!(sign_in(&house, "", ""), Err(SignInRefusal::Wrong));
}

#[test]
fn the_second_time_needs_no_slow_check_until_the_password_changes() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    sign_in(&house, "alice", "alice").unwrap();
    let quick =
        |password: &str| SignIn::password(&house.engine, &house.peer(true), "alice", password).1;
    assert!(matches!(quick("alice"), SignInStep::Done(_)));
    assert!(matches!(quick("wrong"), SignInStep::Verify));
    house
        .engine
        .set_password(alice.account, NewPassword::Plain("new"))
        .unwrap()
        .wait()
        .unwrap();
    assert!(matches!(quick("alice"), SignInStep::Verify));
    assert_eq!(sign_in(&house, "alice", "alice"), Err(SignInRefusal::Wrong));
    assert_eq!(sign_in(&house, "alice", "new"), Ok(alice));
}

#[test]
fn passwords_cross_no_clear_connection_unless_the_settings_say_so() {
    let strict = house();
    strict.person("alice@example.test").unwrap();
    assert!(mechanisms(&strict.engine, &strict.peer(false)).is_empty());
    let step = SignIn::password(&strict.engine, &strict.peer(false), "alice", "alice").1;
    assert_eq!(outcome(step), Err(SignInRefusal::NotAllowed));
    let settings = Settings {
        cleartext: Cleartext::Loopback,
        ..Settings::default()
    };
    let lenient = Rehearsal::new(settings).unwrap();
    let names: Vec<_> = mechanisms(&lenient.engine, &lenient.peer(false))
        .iter()
        .map(|m| m.name())
        .collect();
    assert_eq!(names, ["SCRAM-SHA-256", "PLAIN", "LOGIN"]);
}

#[test]
fn plain_takes_an_authorization_identity_only_if_it_is_oneself() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    house.person("bob@example.test").unwrap();
    let plain = |message: &[u8]| {
        let start = SignIn::start(&house.engine, &house.peer(true), "PLAIN", Some(message));
        let (mut sign_in, step) = start.unwrap();
        match step {
            SignInStep::Verify => outcome(sign_in.verify(&house.engine)),
            other => outcome(other),
        }
    };
    assert_eq!(plain(b"\0alice\0alice"), Ok(alice.clone()));
    assert_eq!(plain(b"alice@example.test\0alice\0alice"), Ok(alice));
    assert_eq!(plain(b"bob\0alice\0alice"), Err(SignInRefusal::NotAllowed));
    assert_eq!(plain(b"alice"), Err(SignInRefusal::Malformed));
}

#[test]
fn login_asks_twice() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let (mut sign_in, step) =
        SignIn::start(&house.engine, &house.peer(true), "login", None).unwrap();
    assert!(matches!(step, SignInStep::Challenge(_)));
    assert!(matches!(
        sign_in.take(&house.engine, b"alice"),
        SignInStep::Challenge(_)
    ));
    assert!(matches!(
        sign_in.take(&house.engine, b"alice"),
        SignInStep::Verify
    ));
    assert_eq!(outcome(sign_in.verify(&house.engine)), Ok(alice));
}

#[test]
fn an_unknown_mechanism_is_not_started() {
    let house = house();
    for name in ["CRAM-MD5", "OAUTHBEARER", ""] {
        assert!(
            SignIn::start(&house.engine, &house.peer(true), name, None).is_none(),
            "{name}"
        );
    }
}

/// Takes an address for a token of whoever has it.
struct Trusting;

impl TokenVerifier for Trusting {
    fn verify(&self, token: &str) -> Option<String> {
        token.contains('@').then(|| token.to_owned())
    }
}

/// Shows a token, in the name of someone or of nobody in particular.
fn by_token(house: &Rehearsal, named: &str, token: &str) -> Result<User, SignInRefusal> {
    let header = if named.is_empty() {
        "n,,".to_owned()
    } else {
        format!("n,a={named},")
    };
    let message = format!("{header}\u{1}auth=Bearer {token}\u{1}\u{1}");
    let peer = house.peer(true);
    let start = SignIn::start(
        &house.engine,
        &peer,
        "OAUTHBEARER",
        Some(message.as_bytes()),
    );
    let (mut sign_in, step) = start.unwrap();
    assert!(matches!(step, SignInStep::Verify), "{step:?}");
    match sign_in.verify(&house.engine) {
        SignInStep::Challenge(told) => {
            assert!(String::from_utf8(told).unwrap().contains("invalid_token"));
            outcome(sign_in.take(&house.engine, b"\x01"))
        }
        other => outcome(other),
    }
}

#[test]
fn a_token_signs_in_as_its_user_only() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    house.person("bob@example.test").unwrap();
    house.engine.use_tokens(Arc::new(Trusting));
    let names = mechanisms(&house.engine, &house.peer(true));
    let names: Vec<_> = names.iter().map(|m| m.name()).collect();
    assert!(names.ends_with(&["OAUTHBEARER", "XOAUTH2"]), "{names:?}");
    for named in ["", "alice", "Alice@example.test"] {
        let told = by_token(&house, named, "alice@example.test");
        assert_eq!(told, Ok(alice.clone()), "{named}");
    }
    for (named, token, why) in [
        (
            "bob@example.test",
            "alice@example.test",
            SignInRefusal::NotAllowed,
        ),
        (
            "nobody@example.test",
            "alice@example.test",
            SignInRefusal::NotAllowed,
        ),
        ("alice@example.test", "wrong", SignInRefusal::Wrong),
        ("", "nobody@example.test", SignInRefusal::Wrong),
    ] {
        assert_eq!(by_token(&house, named, token), Err(why), "{named} {token}");
    }
}

/// The client's side of SCRAM-SHA-256 (RFC 5802 §3).
///
/// `header` is the gs2 header, `channel` its binding's data.
fn scram(
    house: &Rehearsal,
    mechanism: &str,
    header: &str,
    channel: &[u8],
    password: &str,
) -> Result<User, SignInRefusal> {
    let bare = "n=alice@example.test,r=client";
    let first = format!("{header}{bare}");
    let peer = house.peer(true);
    let start = SignIn::start(&house.engine, &peer, mechanism, Some(first.as_bytes()));
    let (mut sign_in, step) = start.unwrap();
    let challenge = match step {
        SignInStep::Challenge(challenge) => String::from_utf8(challenge).unwrap(),
        other => return outcome(other),
    };
    let field = |name: &str| {
        challenge
            .split(',')
            .find_map(|field| field.strip_prefix(name))
            .unwrap()
            .to_owned()
    };
    let salt = STANDARD.decode(field("s=")).unwrap();
    let mut salted = [0; 32];
    let rounds = field("i=").parse().unwrap();
    pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), &salt, rounds, &mut salted);
    let bound = STANDARD.encode([header.as_bytes(), channel].concat());
    let without_proof = format!("c={bound},r={}", field("r="));
    let signed = format!("{bare},{challenge},{without_proof}");
    let client_key = mac(&salted, b"Client Key");
    let signature = mac(&Sha256::digest(client_key), signed.as_bytes());
    let proof: Vec<u8> = client_key
        .iter()
        .zip(signature)
        .map(|(key, sign)| key ^ sign)
        .collect();
    let last = format!("{without_proof},p={}", STANDARD.encode(proof));
    let server_proof = match sign_in.take(&house.engine, last.as_bytes()) {
        SignInStep::Challenge(proof) => proof,
        other => return outcome(other),
    };
    let expected = mac(&mac(&salted, b"Server Key"), signed.as_bytes());
    assert_eq!(
        server_proof,
        format!("v={}", STANDARD.encode(expected)).into_bytes()
    );
    outcome(sign_in.take(&house.engine, b""))
}

fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[test]
fn scram_proves_the_password_to_both_sides() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let plain = |password| scram(&house, "SCRAM-SHA-256", "n,,", b"", password);
    assert_eq!(plain("alice"), Ok(alice.clone()));
    assert_eq!(plain("wrong"), Err(SignInRefusal::Wrong));
    let plus = |channel: &[u8]| {
        scram(
            &house,
            "SCRAM-SHA-256-PLUS",
            "p=tls-exporter,,",
            channel,
            "alice",
        )
    };
    assert_eq!(plus(&[7; 32]), Ok(alice));
    assert_eq!(
        plus(&[8; 32]),
        Err(SignInRefusal::Wrong),
        "another connection"
    );
    let downgraded = scram(&house, "SCRAM-SHA-256", "y,,", b"", "alice");
    assert_eq!(downgraded, Err(SignInRefusal::Malformed));
}

#[test]
fn guessing_by_scram_is_counted_too() {
    let house = house();
    house.person("alice@example.test").unwrap();
    for _ in 0..10 {
        let guess = scram(&house, "SCRAM-SHA-256", "n,,", b"", "guess");
        assert_eq!(guess, Err(SignInRefusal::Wrong));
    }
    assert_eq!(
        sign_in(&house, "alice", "alice"),
        Err(SignInRefusal::TooMany)
    );
}

#[test]
fn a_scram_exchange_with_a_nonexistent_user_looks_like_any_other() {
    let house = house();
    house.person("alice@example.test").unwrap();
    for user in ["alice", "nobody"] {
        let first = format!("n,,n={user},r=abcdef");
        let (mut sign_in, step) = SignIn::start(
            &house.engine,
            &house.peer(true),
            "SCRAM-SHA-256",
            Some(first.as_bytes()),
        )
        .unwrap();
        let SignInStep::Challenge(challenge) = step else {
            panic!("{step:?}")
        };
        let challenge = String::from_utf8(challenge).unwrap();
        let nonce = challenge
            .split(',')
            .next()
            .unwrap()
            .strip_prefix("r=")
            .unwrap();
        let proof = "p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let last = format!("c=biws,r={nonce},{proof}");
        let step = sign_in.take(&house.engine, last.as_bytes());
        assert_eq!(outcome(step), Err(SignInRefusal::Wrong), "{user}");
    }
}

#[test]
fn the_false_salt_is_the_same_for_each_spelling_of_a_name() {
    let house = house();
    let salt = |user: &str| {
        let first = format!("n,,n={user},r=abcdef");
        let first = Some(first.as_bytes());
        let (_, step) =
            SignIn::start(&house.engine, &house.peer(true), "SCRAM-SHA-256", first).unwrap();
        let SignInStep::Challenge(challenge) = step else {
            panic!("{step:?}")
        };
        let challenge = String::from_utf8(challenge).unwrap();
        challenge
            .split(',')
            .find_map(|field| field.strip_prefix("s="))
            .unwrap()
            .to_owned()
    };
    let ghost = salt("ghost@example.test");
    assert_eq!(ghost, salt("Ghost@EXAMPLE.test"));
    assert_eq!(ghost, salt("ghost"));
    assert_ne!(ghost, salt("other"));
}

#[test]
fn app_passwords_get_in_and_can_be_taken_back() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let engine = &house.engine;
    let password = engine
        .add_app_password(alice.account, "phone")
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!(sign_in(&house, "alice", &password), Ok(alice.clone()));
    assert_eq!(
        sign_in(&house, "alice", &password.replace('-', "")),
        Ok(alice.clone())
    );
    assert_eq!(sign_in(&house, "alice", "alice"), Ok(alice.clone()));
    assert!(
        engine.add_app_password(alice.account, "phone").is_err(),
        "the name is taken"
    );
    engine
        .remove_app_password(alice.account, "phone")
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!(
        sign_in(&house, "alice", &password),
        Err(SignInRefusal::Wrong)
    );
}

#[test]
fn an_imported_hash_is_replaced_at_the_first_login() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let old = "{SSHA}1G904nLkTkGWjKNnQuB/hpWXC/hzYWx0c2FsdA=="; // of "secret"
    house
        .engine
        .set_password(alice.account, NewPassword::Imported(old))
        .unwrap()
        .wait()
        .unwrap();
    assert!(record(&house, &alice).scram.is_none());
    assert_eq!(sign_in(&house, "alice", "secret"), Ok(alice.clone()));
    let renewed = record(&house, &alice);
    assert!(renewed.password.unwrap().starts_with("$argon2id$"));
    assert!(renewed.scram.is_some());
    assert_eq!(sign_in(&house, "alice", "secret"), Ok(alice));
}

#[test]
fn a_hash_that_could_never_be_checked_is_refused() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let set = |text| {
        house
            .engine
            .set_password(alice.account, NewPassword::Imported(text))
    };
    assert!(set("{DES}abc").is_err());
    assert!(set("{PLAIN}").is_err());
    set("{PLAIN}plain").unwrap().wait().unwrap();
    assert!(
        record(&house, &alice)
            .password
            .unwrap()
            .starts_with("$argon2id$")
    );
    assert_eq!(sign_in(&house, "alice", "plain"), Ok(alice));
}

#[test]
fn disabled_and_shared_accounts_are_not_signed_in_to() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let change = AccountChange {
        enabled: Some(false),
        ..AccountChange::default()
    };
    house
        .engine
        .change_account(alice.account, &change)
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!(
        sign_in(&house, "alice", "alice"),
        Err(SignInRefusal::Disabled)
    );
    assert_eq!(sign_in(&house, "alice", "wrong"), Err(SignInRefusal::Wrong));
    let password = Some(NewPassword::Plain("room"));
    house
        .engine
        .add_account("room@example.test", AccountKind::Resource, password)
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!(
        sign_in(&house, "room", "room"),
        Err(SignInRefusal::Disabled)
    );
}

#[test]
fn guessing_is_stopped_for_a_while() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    for _ in 0..10 {
        assert_eq!(sign_in(&house, "alice", "guess"), Err(SignInRefusal::Wrong));
    }
    assert_eq!(
        sign_in(&house, "alice", "alice"),
        Err(SignInRefusal::TooMany)
    );
    house.pass(16 * 60);
    assert_eq!(sign_in(&house, "alice", "alice"), Ok(alice));
}

/// What comes of EXTERNAL over a connection whose client has shown this certificate.
fn by_certificate(house: &Rehearsal, shown: [u8; 32], wanted: &str) -> Result<User, SignInRefusal> {
    by_voucher(house, shown, &[], wanted)
}

/// The same where an authority says that these addresses are its owner's.
fn by_voucher(
    house: &Rehearsal,
    shown: [u8; 32],
    addresses: &[&str],
    wanted: &str,
) -> Result<User, SignInRefusal> {
    let mut peer = house.peer(true);
    peer.tls.as_mut().unwrap().client = Some(Box::new(ShownCertificate {
        fingerprint: shown,
        addresses: addresses
            .iter()
            .map(|&address| address.to_owned())
            .collect(),
    }));
    let started = SignIn::start(&house.engine, &peer, "EXTERNAL", Some(wanted.as_bytes()));
    outcome(started.unwrap().1)
}

#[test]
fn an_authority_vouches_for_addresses_of_accounts() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let bob = house.person("bob@example.test").unwrap();
    let both = [
        "nobody@example.test",
        "Alice@Example.Test",
        "bob@example.test",
    ];
    let shown = [1; 32];
    assert_eq!(by_voucher(&house, shown, &both, ""), Ok(alice.clone()));
    assert_eq!(
        by_voucher(&house, shown, &both, "bob@example.test"),
        Ok(bob.clone())
    );
    for (addresses, wanted, refusal) in [
        (&both[..1], "", SignInRefusal::Wrong),
        (&both[1..2], "bob@example.test", SignInRefusal::NotAllowed),
        (&[][..], "alice@example.test", SignInRefusal::Wrong),
    ] {
        let refused = by_voucher(&house, shown, addresses, wanted);
        assert_eq!(refused, Err(refusal), "{addresses:?} {wanted}");
    }
    // A certificate that was given to an account is that account's, whatever it says.
    let added = house.engine.add_certificate(bob.account, "laptop", shown);
    added.unwrap().wait().unwrap();
    assert_eq!(by_voucher(&house, shown, &both[1..2], ""), Ok(bob));
}

#[test]
fn a_certificate_gets_its_owner_in_until_it_is_taken_back() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let bob = house.person("bob@example.test").unwrap();
    let (hers, foreign) = ([1; 32], [2; 32]);
    let added = house.engine.add_certificate(alice.account, "laptop", hers);
    added.unwrap().wait().unwrap();
    assert_eq!(by_certificate(&house, hers, ""), Ok(alice.clone()));
    assert_eq!(
        by_certificate(&house, hers, "alice@example.test"),
        Ok(alice.clone())
    );
    let as_bob = by_certificate(&house, hers, "bob@example.test");
    assert_eq!(as_bob, Err(SignInRefusal::NotAllowed));
    assert_eq!(
        by_certificate(&house, foreign, "alice@example.test"),
        Err(SignInRefusal::Wrong)
    );
    for (account, name, certificate) in [
        (bob.account, "laptop", hers),      // It is Alice's.
        (alice.account, "laptop", foreign), // The name is taken.
    ] {
        let again = house.engine.add_certificate(account, name, certificate);
        assert_eq!(again.err(), Some(engine::EngineError::NameTaken));
    }
    let removed = house.engine.remove_certificate(alice.account, "laptop");
    removed.unwrap().wait().unwrap();
    assert_eq!(by_certificate(&house, hers, ""), Err(SignInRefusal::Wrong));
}

#[test]
fn a_certificate_goes_with_its_account_and_sleeps_with_a_disabled_one() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let bob = house.person("bob@example.test").unwrap();
    let engine = &house.engine;
    let added = engine.add_certificate(alice.account, "laptop", [1; 32]);
    added.unwrap().wait().unwrap();
    let disabled = AccountChange {
        enabled: Some(false),
        ..AccountChange::default()
    };
    let changed = engine.change_account(alice.account, &disabled);
    changed.unwrap().wait().unwrap();
    assert_eq!(
        by_certificate(&house, [1; 32], ""),
        Err(SignInRefusal::Disabled)
    );
    let removed = engine.remove_account(alice.account);
    removed.unwrap().wait().unwrap();
    assert_eq!(
        by_certificate(&house, [1; 32], ""),
        Err(SignInRefusal::Wrong)
    );
    let added = engine.add_certificate(bob.account, "laptop", [1; 32]);
    added.unwrap().wait().unwrap();
    assert_eq!(by_certificate(&house, [1; 32], ""), Ok(bob));
}

#[test]
fn guessing_by_certificate_is_stopped_for_a_while() {
    let house = house();
    house.person("alice@example.test").unwrap();
    let tries = (0..100).map(|_| by_certificate(&house, [9; 32], ""));
    assert!(
        tries
            .into_iter()
            .any(|result| result == Err(SignInRefusal::TooMany))
    );
}

#[test]
fn external_is_offered_to_those_who_have_shown_a_certificate() {
    let house = house();
    let names = |peer: &engine::dialogue::Peer| {
        let offered = mechanisms(&house.engine, peer);
        offered
            .iter()
            .any(|mechanism| mechanism.name() == "EXTERNAL")
    };
    let mut peer = house.peer(true);
    assert!(!names(&peer));
    peer.tls.as_mut().unwrap().client = Some(Box::new(ShownCertificate {
        fingerprint: [1; 32],
        addresses: Vec::new(),
    }));
    assert!(names(&peer));
}
