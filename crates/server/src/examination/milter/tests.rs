//! Milters played by the test.

use super::following::Following;
use super::packet::packet;
use super::*;
use crate::configuration::Endpoint;
use crate::driver::pool::Pool;
use crate::examination::Examiners;
use crate::examination::attendance::Follower;
use crate::examination::settings::Failure;
use engine::User;
use engine::examination::stage::{Caller, Greeting, Sender, Stage};
use engine::rehearsal::Rehearsal;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const LETTER: &str = "From: a@b.test\r\nSubject: old\r\n\r\nbody\r\n";

/// The packets with which a step is answered.
type Answers = fn(u8) -> Vec<Vec<u8>>;

/// A milter that answers each step as the test wants; hands back the steps.
async fn milter(
    left_out: u32,
    answer: Answers,
) -> (Endpoint, tokio::task::JoinHandle<Vec<(u8, Vec<u8>)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = Endpoint::Tcp(listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut steps = Vec::new();
        while let Ok(length) = stream.read_u32().await {
            let mut data = vec![0; length as usize];
            stream.read_exact(&mut data).await.unwrap();
            let kind = data.remove(0);
            let numbers = [6, 0x33, left_out].map(u32::to_be_bytes);
            let answers = match kind {
                b'O' => vec![packet(b'O', numbers.as_flattened())],
                b'Q' => break,
                b'D' | b'A' => Vec::new(),
                _ => answer(kind),
            };
            steps.push((kind, data));
            for answer in answers {
                stream.write_all(&answer).await.unwrap();
            }
        }
        steps
    });
    (place, task)
}

/// What it was told, without the facts that belong to the steps.
fn kinds(steps: &[(u8, Vec<u8>)]) -> String {
    let kinds = steps.iter().map(|step| char::from(step.0));
    kinds.filter(|kind| *kind != 'D').collect()
}

/// The facts that belong to a step, the first time that it was taken.
fn facts(steps: &[(u8, Vec<u8>)], of: u8) -> String {
    let found = steps
        .iter()
        .find(|(kind, data)| *kind == b'D' && data[0] == of);
    found.map_or(String::new(), |(_, data)| {
        String::from_utf8_lossy(&data[1..]).replace('\0', " ")
    })
}

async fn examine(house: &Rehearsal, address: Endpoint, failure: Failure) -> Examined {
    let all = Examiners::new(vec![Arc::new(Milter::new(
        settings(address, failure),
        reader(house),
    ))]);
    all.examine(&letter(house)).await
}

fn settings(address: Endpoint, failure: Failure) -> MilterSettings {
    MilterSettings {
        address,
        seconds: 5,
        failure,
        submissions: false,
    }
}

fn reader(house: &Rehearsal) -> Reader {
    Reader::new(
        house.engine.clone(),
        Arc::new(Pool::start("disk", 1, 10).unwrap()),
    )
}

fn letter(house: &Rehearsal) -> Examination {
    let mut upload = house.engine.upload().unwrap();
    upload.write(LETTER.as_bytes()).unwrap();
    let header = LETTER.find("\r\n\r\n").unwrap() + 4;
    Examination {
        peer: Some("192.0.2.25".parse().unwrap()),
        greeting: "out.test".to_owned(),
        sender: "a@b.test".to_owned(),
        recipients: vec!["bob@example.test".to_owned()],
        submitter: None,
        is_encrypted: true,
        header: Bytes::copy_from_slice(&LETTER.as_bytes()[..header]),
        letter: upload.finish().unwrap(),
    }
}

fn house() -> Rehearsal {
    Rehearsal::new(engine::Settings::default()).unwrap()
}

fn go_on(_: u8) -> Vec<Vec<u8>> {
    vec![packet(b'c', b"")]
}

#[tokio::test]
async fn a_milter_sees_all_stages_of_a_letter_in_their_order() {
    let (place, task) = milter(0, go_on).await;
    let found = examine(&house(), place, Failure::Accept).await;
    assert_eq!(found.decision, Decision::Accept);
    let steps = task.await.unwrap();
    assert_eq!(kinds(&steps), "OCHMRTLLNBE");
    let told = |kind| &steps.iter().rfind(|step| step.0 == kind).unwrap().1;
    assert_eq!(told(b'C'), b"[192.0.2.25]\x004\0\x00192.0.2.25\0");
    assert_eq!(told(b'M'), b"<a@b.test>\0");
    assert_eq!(told(b'L'), b"Subject\0old\0");
    assert_eq!(told(b'B'), b"body\r\n");
}

#[tokio::test]
async fn a_milter_may_leave_steps_out() {
    let (place, task) = milter(0x01 | 0x02 | 0x20 | 0x4_0000, |kind| match kind {
        b'N' => Vec::new(),
        other => go_on(other),
    })
    .await;
    examine(&house(), place, Failure::Accept).await;
    assert_eq!(kinds(&task.await.unwrap()), "OMRTNBE");
}

#[tokio::test]
async fn a_milters_word_at_any_stage_holds_for_the_letter() {
    let (place, _) = milter(0, |kind| match kind {
        b'R' => vec![packet(b'y', b"550 5.7.9 not for Bob\0")],
        other => go_on(other),
    })
    .await;
    let found = examine(&house(), place, Failure::Accept).await;
    let wanted = Decision::Refuse(Refusal::new("7.9", "not for Bob"));
    assert_eq!(found.decision, wanted);
    let (place, _) = milter(0, |_| vec![packet(b't', b"")]).await;
    let found = examine(&house(), place, Failure::Accept).await;
    assert!(matches!(found.decision, Decision::Defer(_)));
}

#[tokio::test]
async fn what_a_milter_adds_stands_before_the_letter_and_what_it_changes_makes_a_new_one() {
    let house = house();
    let (place, _) = milter(0, |kind| match kind {
        b'E' => vec![
            packet(b'p', b""),
            packet(b'h', b"X-Scan\0clean\0"),
            packet(b'm', b"\0\0\0\x01Subject\0new\0"),
            packet(b'b', b"other "),
            packet(b'b', b"body\r\n"),
            packet(b'a', b""),
        ],
        other => go_on(other),
    })
    .await;
    let found = examine(&house, place, Failure::Accept).await;
    assert_eq!(found.lines, "X-Scan: clean\r\n");
    let new = found.rewritten.unwrap().letter;
    let new = house.engine.read_staged(&new, 0..1_000).unwrap();
    assert_eq!(new, "From: a@b.test\r\nSubject: new\r\n\r\nother body\r\n");
}

#[tokio::test]
async fn a_milter_that_fails_is_left_out_or_waited_for_as_the_administrator_wants() {
    let nowhere = || Endpoint::Unix("/nonexistent/milter.sock".into());
    let found = examine(&house(), nowhere(), Failure::Accept).await;
    assert_eq!(found.decision, Decision::Accept);
    let found = examine(&house(), nowhere(), Failure::Defer).await;
    assert!(matches!(found.decision, Decision::Defer(_)));
    let (place, _) = milter(0, |_| vec![b"\xff\xff\xff\xffx".to_vec()]).await;
    let found = examine(&house(), place, Failure::Defer).await;
    assert!(matches!(found.decision, Decision::Defer(_)));
}

/// A follower of a connection that has begun.
fn following(house: &Rehearsal, address: Endpoint, failure: Failure) -> Following {
    Following::new(settings(address, failure), reader(house))
}

fn connected() -> Stage {
    Stage::Connected(Caller {
        address: Some("192.0.2.25".parse().unwrap()),
        port: 4_711,
        called: Some("192.0.2.1".parse().unwrap()),
        submits: false,
    })
}

fn greeted() -> Stage {
    Stage::Greeted(Greeting {
        name: "out.test".to_owned(),
        tls: Some(("TLSv1.3", "TLS_AES_128_GCM_SHA256")),
    })
}

fn sender(submitter: Option<User>) -> Stage {
    Stage::Sender(Sender {
        letter: "abc123".to_owned(),
        address: "a@b.test".to_owned(),
        submitter,
    })
}

fn recipient(address: &str) -> Stage {
    Stage::Recipient(address.to_owned())
}

async fn tell(follower: &mut Following, stages: &[Stage]) -> Vec<Decision> {
    let mut said = Vec::new();
    for stage in stages {
        said.push(follower.hear(stage).await);
    }
    said
}

#[tokio::test]
async fn one_connection_hears_all_letters_of_a_peer_and_of_those_that_come_to_nothing() {
    let house = house();
    let (place, task) = milter(0, go_on).await;
    let mut follower = following(&house, place, Failure::Accept);
    let begin = [sender(None), recipient("bob@example.test")];
    let hello = [connected(), greeted()];
    for stages in [&hello[..], &begin, &begin] {
        let said = tell(&mut follower, stages).await;
        assert!(said.iter().all(|one| *one == Decision::Accept), "{said:?}");
    }
    let whole = letter(&house);
    for _ in 0..2 {
        let found = follower.examine(&whole, &Examined::default()).await;
        assert_eq!(found.unwrap().decision, Decision::Accept);
        tell(&mut follower, &begin).await;
    }
    follower.part().await;
    let steps = task.await.unwrap();
    assert_eq!(kinds(&steps), "OCHMRAMRTLLNBEMRTLLNBEMRA");
}

#[tokio::test]
async fn a_milter_is_told_the_facts_that_belong_to_each_step() {
    let house = house();
    let (place, task) = milter(0, go_on).await;
    let mut follower = following(&house, place, Failure::Accept);
    let user = User {
        account: store::id::AccountId(1),
        address: "a@b.test".to_owned(),
        administrator: false,
    };
    let stages = [
        connected(),
        greeted(),
        sender(Some(user)),
        recipient("bob@example.test"),
    ];
    tell(&mut follower, &stages).await;
    follower
        .examine(&letter(&house), &Examined::default())
        .await
        .unwrap();
    follower.part().await;
    let steps = task.await.unwrap();
    let hostname = &house.engine.settings().hostname;
    let connection = format!(
        "j {hostname} {{daemon_name}} facteur {{client_name}} [192.0.2.25] \
         {{client_addr}} 192.0.2.25 {{client_port}} 4711 {{if_addr}} 192.0.2.1 "
    );
    assert_eq!(facts(&steps, b'C'), connection);
    let tls = "{tls_version} TLSv1.3 {cipher} TLS_AES_128_GCM_SHA256 ";
    assert_eq!(facts(&steps, b'H'), tls);
    let sender = "i abc123 {mail_addr} a@b.test {auth_type} SASL {auth_authen} a@b.test ";
    assert_eq!(facts(&steps, b'M'), sender);
    assert_eq!(
        facts(&steps, b'R'),
        "i abc123 {rcpt_addr} bob@example.test "
    );
    assert_eq!(facts(&steps, b'E'), "i abc123 ");
}

#[tokio::test]
async fn a_milter_may_refuse_at_each_stage() {
    fn refusing(wanted: u8, kind: u8) -> Vec<Vec<u8>> {
        match kind {
            kind if kind == wanted => vec![packet(b'y', b"550 5.7.9 no\0")],
            _ => go_on(kind),
        }
    }
    let no = || Decision::Refuse(Refusal::new("7.9", "no"));
    let answers: [Answers; 4] = [
        |kind| refusing(b'C', kind),
        |kind| refusing(b'H', kind),
        |kind| refusing(b'M', kind),
        |kind| refusing(b'R', kind),
    ];
    let house = house();
    for (at, answer) in answers.into_iter().enumerate() {
        let (place, _) = milter(0, answer).await;
        let mut follower = following(&house, place, Failure::Accept);
        let stages = [
            connected(),
            greeted(),
            sender(None),
            recipient("bob@example.test"),
        ];
        let said = tell(&mut follower, &stages[..=at]).await;
        assert_eq!(said.last(), Some(&no()), "stage {at}");
        assert!(said[..at].iter().all(|one| *one == Decision::Accept));
    }
}

#[tokio::test]
async fn a_refused_recipient_leaves_the_letter_to_the_others() {
    let house = house();
    let (place, task) = milter(0, |kind| match kind {
        b'R' => vec![packet(b't', b"")],
        other => go_on(other),
    })
    .await;
    let mut follower = following(&house, place, Failure::Accept);
    let stages = [
        connected(),
        greeted(),
        sender(None),
        recipient("a@x.test"),
        recipient("b@x.test"),
    ];
    let said = tell(&mut follower, &stages).await;
    assert!(
        said[3..]
            .iter()
            .all(|one| matches!(one, Decision::Defer(_)))
    );
    follower
        .examine(&letter(&house), &Examined::default())
        .await
        .unwrap();
    follower.part().await;
    assert_eq!(kinds(&task.await.unwrap()), "OCHMRRTLLNBE");
}

#[tokio::test]
async fn what_a_milter_accepts_or_discards_it_hears_no_more_of() {
    let house = house();
    for (word, decision) in [(b'a', Decision::Accept), (b'd', Decision::Quarantine)] {
        let answer: Answers = match word {
            b'a' => |kind| match kind {
                b'M' => vec![packet(b'a', b"")],
                other => go_on(other),
            },
            _ => |kind| match kind {
                b'M' => vec![packet(b'd', b"")],
                other => go_on(other),
            },
        };
        let (place, task) = milter(0, answer).await;
        let mut follower = following(&house, place, Failure::Accept);
        let stages = [
            connected(),
            greeted(),
            sender(None),
            recipient("bob@example.test"),
        ];
        tell(&mut follower, &stages).await;
        let found = follower
            .examine(&letter(&house), &Examined::default())
            .await;
        assert_eq!(found.unwrap().decision, decision);
        follower.part().await;
        assert_eq!(kinds(&task.await.unwrap()), "OCHM");
    }
    let (place, task) = milter(0, |_| vec![packet(b'a', b"")]).await;
    let mut follower = following(&house, place, Failure::Defer);
    let said = tell(&mut follower, &[connected(), greeted(), sender(None)]).await;
    assert!(said.iter().all(|one| *one == Decision::Accept));
    assert_eq!(kinds(&task.await.unwrap()), "OC");
}

#[tokio::test]
async fn a_milter_that_breaks_off_is_called_again_for_the_next_letter() {
    let house = house();
    let begin = [sender(None), recipient("bob@example.test")];
    for (failure, is_deferred) in [(Failure::Accept, false), (Failure::Defer, true)] {
        let (place, _) = milter(0, |kind| match kind {
            b'R' => vec![b"\xff\xff\xff\xffx".to_vec()],
            other => go_on(other),
        })
        .await;
        let mut follower = following(&house, place, failure);
        tell(&mut follower, &[connected(), greeted()]).await;
        let said = tell(&mut follower, &begin).await;
        assert_eq!(said[0], Decision::Accept);
        assert_eq!(matches!(said[1], Decision::Defer(_)), is_deferred);
        let found = follower
            .examine(&letter(&house), &Examined::default())
            .await;
        let is_waiting = found.is_ok_and(|found| matches!(found.decision, Decision::Defer(_)));
        assert_eq!(is_waiting, is_deferred);
        let (place, task) = milter(0, go_on).await;
        follower.settings.address = place;
        let said = tell(&mut follower, &begin).await;
        assert!(said.iter().all(|one| *one == Decision::Accept));
        follower.part().await;
        assert_eq!(kinds(&task.await.unwrap()), "OCHMRA");
    }
}
