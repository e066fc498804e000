//! Milters played by the test.

use super::*;
use crate::configuration::Endpoint;
use crate::driver::pool::Pool;
use crate::examination::Examiners;
use engine::rehearsal::Rehearsal;
use tokio::net::TcpListener;

const LETTER: &str = "From: a@b.test\r\nSubject: old\r\n\r\nbody\r\n";

/// A milter that answers each step as the test wants; hands back the steps.
async fn milter(
    left_out: u32,
    answer: fn(u8) -> Vec<Vec<u8>>,
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

async fn examine(house: &Rehearsal, address: Endpoint, failure: Failure) -> Examined {
    let mut upload = house.engine.upload().unwrap();
    upload.write(LETTER.as_bytes()).unwrap();
    let header = LETTER.find("\r\n\r\n").unwrap() + 4;
    let examination = Examination {
        peer: Some("192.0.2.25".parse().unwrap()),
        greeting: "out.test".to_owned(),
        sender: "a@b.test".to_owned(),
        recipients: vec!["bob@example.test".to_owned()],
        submitter: None,
        is_encrypted: true,
        header: Bytes::copy_from_slice(&LETTER.as_bytes()[..header]),
        letter: upload.finish().unwrap(),
    };
    let pool = Arc::new(Pool::start("disk", 1, 10).unwrap());
    let settings = MilterSettings {
        address,
        seconds: 5,
        failure,
    };
    let reader = Reader::new(house.engine.clone(), pool);
    let all = Examiners::new(vec![Arc::new(Milter::new(settings, reader))]);
    all.examine(&examination).await
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
    let kinds: Vec<u8> = steps.iter().map(|step| step.0).collect();
    assert_eq!(kinds, b"OCHMRTLLNBE");
    assert_eq!(steps[1].1, b"[192.0.2.25]\x004\0\x00192.0.2.25\0");
    assert_eq!(steps[3].1, b"<a@b.test>\0");
    assert_eq!(steps[7].1, b"Subject\0old\0");
    assert_eq!(steps[9].1, b"body\r\n");
}

#[tokio::test]
async fn a_milter_may_leave_steps_out() {
    let (place, task) = milter(0x01 | 0x02 | 0x20 | 0x4_0000, |kind| match kind {
        b'N' => Vec::new(),
        other => go_on(other),
    })
    .await;
    examine(&house(), place, Failure::Accept).await;
    let kinds: Vec<u8> = task.await.unwrap().iter().map(|step| step.0).collect();
    assert_eq!(kinds, b"OMRTNBE");
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
