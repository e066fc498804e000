//! Programs outside of the server, played by the test.

use super::blocklists::Blocklists;
use super::clamav::ClamAvExaminer;
use super::outside::Reader;
use super::rspamd::RspamdExaminer;
use super::settings::{Blocklist, ClamAv, Infected, Listed, Rspamd};
use super::tests::zone::names;
use super::*;
use crate::configuration::Endpoint;
use crate::driver::pool::Pool;
use crate::outbound::names::Resolver;
use crate::outbound::settings::{Dns, Dnssec};
use bytes::Bytes;
use engine::User;
use engine::examination::{Decision, Refusal, Virus};
use engine::rehearsal::Rehearsal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};

const LETTER: &str = "From: a@author.test\r\nSubject: x\r\n\r\nSee http://www.evil.test/x\r\n";

fn house() -> Rehearsal {
    Rehearsal::new(engine::Settings::default()).unwrap()
}

fn pool() -> Arc<Pool> {
    Arc::new(Pool::start("disk", 1, 10).unwrap())
}

fn reader(house: &Rehearsal) -> Reader {
    Reader::new(house.engine.clone(), pool())
}

async fn examine(house: &Rehearsal, examiner: impl Examiner + 'static, letter: &str) -> Examined {
    examine_of(house, None, examiner, letter).await
}

async fn examine_of(
    house: &Rehearsal,
    submitter: Option<User>,
    examiner: impl Examiner + 'static,
    letter: &str,
) -> Examined {
    let mut upload = house.engine.upload().unwrap();
    upload.write(letter.as_bytes()).unwrap();
    let header = letter.find("\r\n\r\n").unwrap() + 4;
    let examination = Examination {
        peer: Some("192.0.2.25".parse().unwrap()),
        greeting: "out.test".to_owned(),
        sender: "a@sender.test".to_owned(),
        recipients: vec!["bob@example.test".to_owned()],
        submitter,
        is_encrypted: true,
        header: Bytes::copy_from_slice(&letter.as_bytes()[..header]),
        letter: upload.finish().unwrap(),
    };
    let all = Examiners::new(vec![Arc::new(examiner)]);
    all.examine(&examination).await
}

/// A daemon that takes one letter in pieces, hands it back, and answers what the test wants.
async fn clamd(answer: &'static str) -> (Endpoint, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = Endpoint::Tcp(listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut command = [0; 10];
        stream.read_exact(&mut command).await.unwrap();
        assert_eq!(&command, b"zINSTREAM\0");
        let mut letter = Vec::new();
        loop {
            let length = stream.read_u32().await.unwrap();
            if length == 0 {
                break;
            }
            let mut piece = vec![0; length as usize];
            stream.read_exact(&mut piece).await.unwrap();
            letter.extend(piece);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        letter
    });
    (place, task)
}

fn clamav(house: &Rehearsal, address: Endpoint, infected: Infected) -> ClamAvExaminer {
    let settings = ClamAv {
        address,
        seconds: 5,
        infected,
    };
    ClamAvExaminer::new(settings, reader(house))
}

#[tokio::test]
async fn clamav_gets_the_whole_letter_and_its_word_counts() {
    let house = house();
    let long = [LETTER, &"A line of text.\r\n".repeat(20_000)].concat();
    let (place, daemon) = clamd("stream: OK\0").await;
    let found = examine(&house, clamav(&house, place, Infected::Refuse), &long).await;
    assert_eq!(
        (&found.decision, found.virus),
        (&Decision::Accept, Some(Virus::Clean))
    );
    assert_eq!(daemon.await.unwrap(), long.as_bytes());
    for (infected, refused) in [(Infected::Refuse, true), (Infected::Junk, false)] {
        let (place, _daemon) = clamd("stream: Eicar-Test FOUND\0").await;
        let found = examine(&house, clamav(&house, place, infected), LETTER).await;
        assert_eq!(matches!(found.decision, Decision::Refuse(_)), refused);
        assert_eq!(found.virus, Some(Virus::Found));
        assert!(found.facts.contains(&("virus", "Eicar-Test".to_owned())));
    }
}

/// An examiner that wants nothing of what comes from elsewhere.
struct Refusing;

impl Examiner for Refusing {
    fn name(&self) -> &'static str {
        "refusing"
    }

    fn budget(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn examine<'a>(&'a self, _: &'a Examination, _: &'a Examined) -> Looking<'a> {
        let decision = Decision::Refuse(Refusal::new("7.1", "no"));
        Box::pin(async move {
            Ok(Finding {
                decision,
                ..Finding::default()
            })
        })
    }
}

#[tokio::test]
async fn what_users_submit_is_searched_too_and_never_passed_on_with_something_harmful_in_it() {
    let house = house();
    let user = Some(house.person("alice@example.test").unwrap());
    let (place, daemon) = clamd("stream: Eicar-Test FOUND\0").await;
    let clamav = clamav(&house, place, Infected::Junk);
    let found = examine_of(&house, user.clone(), clamav, LETTER).await;
    assert!(matches!(found.decision, Decision::Refuse(_)));
    assert_eq!(daemon.await.unwrap(), LETTER.as_bytes());
    let found = examine_of(&house, user, Refusing, LETTER).await;
    assert_eq!(found.decision, Decision::Accept, "nobody else is asked");
    let found = examine(&house, Refusing, LETTER).await;
    assert!(found.is_final());
}

#[tokio::test]
async fn a_daemon_that_fails_or_is_not_there_says_nothing() {
    let house = house();
    let (place, _daemon) = clamd("INSTREAM size limit exceeded. ERROR\0").await;
    let found = examine(&house, clamav(&house, place, Infected::Refuse), LETTER).await;
    assert_eq!((found.decision, found.virus), (Decision::Accept, None));
    let nowhere = Endpoint::Unix("/nonexistent/clamd.sock".into());
    let found = examine(&house, clamav(&house, nowhere, Infected::Refuse), LETTER).await;
    assert_eq!((found.decision, found.virus), (Decision::Accept, None));
}

/// Rspamd behind a unix socket, which hands back what it was asked.
fn rspamd(answer: String) -> (Endpoint, tokio::task::JoinHandle<String>) {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("facteur-rspamd-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let listener = UnixListener::bind(&path).unwrap();
    let place = Endpoint::Unix(path.clone());
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        crate::listeners::remove_socket(&path);
        let mut asked = Vec::new();
        while !asked.ends_with(b"evil.test/x\r\n") {
            stream.read_buf(&mut asked).await.unwrap();
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(asked).unwrap()
    });
    (place, task)
}

async fn judged(body: &str) -> (Examined, String) {
    let house = house();
    let (address, task) = rspamd(format!("HTTP/1.0 200 OK\r\nX: y\r\n\r\n{body}"));
    let settings = Rspamd {
        address,
        seconds: 5,
        password: None,
    };
    let found = examine(
        &house,
        RspamdExaminer::new(settings, reader(&house)),
        LETTER,
    )
    .await;
    (found, task.await.unwrap())
}

#[tokio::test]
async fn rspamd_is_told_all_that_is_known_and_what_it_would_do_is_done() {
    for (action, wanted) in [
        ("no action", "Accept"),
        ("add header", "Quarantine"),
        ("soft reject", "Defer"),
        ("reject", "Refuse"),
    ] {
        let body = format!(
            r#"{{"action":"{action}","score":7.25,"required_score":15,
            "symbols":{{"BAD_WORDS":{{"name":"BAD_WORDS","score":6.0}}}}}}"#
        );
        let (found, asked) = judged(&body).await;
        assert!(
            format!("{:?}", found.decision).starts_with(wanted),
            "{found:?}"
        );
        assert_eq!(found.reasons[0].points.to_string(), "7.3");
        assert_eq!(found.reasons[0].text, "Rspamd: BAD_WORDS");
        for line in [
            "POST /checkv2 ",
            "From: a@sender.test\r\n",
            "IP: 192.0.2.25\r\n",
        ] {
            assert!(asked.contains(line), "{asked}");
        }
        assert!(asked.ends_with(LETTER), "{asked}");
    }
}

#[tokio::test]
async fn an_answer_that_is_none_says_nothing() {
    let (found, _) = judged("not json").await;
    assert_eq!(found.decision, Decision::Accept);
    assert!(found.reasons.is_empty());
}

#[tokio::test]
async fn lists_are_asked_for_address_domains_and_links_and_count_once_each() {
    let listed = |name: &str| (name.to_owned(), 1, "127.0.0.2".to_owned());
    let server = names(vec![
        listed("25.2.0.192.bl.test"),
        listed("evil.test.uri.test"),
        listed("www.evil.test.uri.test"),
        listed("author.test.rhs.test"),
        ("25.2.0.192.closed.test".into(), 1, "127.255.255.254".into()),
    ])
    .await;
    let dns = Dns {
        servers: vec![server],
        dnssec: Dnssec::Off,
        trust_anchor: None,
    };
    let list = |zone: &str, of, score| Blocklist {
        zone: zone.to_owned(),
        of,
        score,
    };
    let lists = vec![
        list("bl.test", Listed::Address, 4.0),
        list("uri.test", Listed::Link, 3.0),
        list("rhs.test", Listed::Sender, 2.0),
        list("closed.test", Listed::Address, 9.0),
    ];
    let house = house();
    let resolver = Arc::new(Resolver::new(&dns).unwrap());
    let examiner = Blocklists::new(lists, resolver, house.engine.clone(), pool());
    let found = examine(&house, examiner, LETTER).await;
    let mut points: Vec<i32> = found.reasons.iter().map(|one| one.points.0).collect();
    points.sort_unstable();
    assert_eq!(points, [20, 30, 40], "{:?}", found.reasons);
}
