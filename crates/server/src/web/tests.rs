use super::exchange::Response;
use super::exchange::{Broken, plain, stream};
use super::mta_sts::{self, Mode};
use super::site::{Answering, Page};
use super::{Request, Site};
use bytes::Bytes;
use engine::dialogue::Peer;
use hyper::StatusCode;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

fn request(line: &str, body: &'static str) -> Request {
    let (method, uri) = line.split_once(' ').unwrap();
    let request = hyper::Request::builder().method(method).uri(uri);
    let request = request.body(Bytes::from_static(body.as_bytes())).unwrap();
    let here: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let peer = Peer {
        remote: here,
        local: here,
        tls: None,
        connection: 1,
        local_user: None,
    };
    Request::whole(request, peer)
}

/// Says its name.
struct Named(&'static str);

impl Page for Named {
    fn answer(&self, _: Request) -> Answering<'_> {
        Box::pin(async { plain(StatusCode::OK, self.0) })
    }
}

/// Never answers.
struct Silent;

impl Page for Silent {
    fn answer(&self, _: Request) -> Answering<'_> {
        Box::pin(std::future::pending())
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(1)
    }
}

async fn text(mut response: Response) -> String {
    let mut all = String::new();
    let body = response.body_mut();
    while let Some(frame) = std::future::poll_fn(|context| {
        hyper::body::Body::poll_frame(std::pin::Pin::new(&mut *body), context)
    })
    .await
    {
        let data = frame.unwrap().into_data().unwrap();
        all.push_str(std::str::from_utf8(&data).unwrap());
    }
    all
}

#[tokio::test]
async fn the_longest_path_that_fits_answers() {
    let site = Site::default()
        .with("/", Arc::new(Named("root")))
        .with("/mail/", Arc::new(Named("mail")))
        .with("/mail/one", Arc::new(Named("one")));
    for (path, expected) in [
        ("/x", "root"),
        ("/mail", "root"),
        ("/mail/", "mail"),
        ("/Mail/", "mail"),
        ("/mai", "root"),
        ("/mail/one", "one"),
        ("/mail/one/two", "mail"),
    ] {
        let answer = site.answer(request(&format!("GET {path}"), "")).await;
        assert_eq!(text(answer).await, expected, "{path}");
    }
}

#[tokio::test]
async fn what_nobody_answers_is_not_found_and_what_takes_too_long_is_broken_off() {
    let site = Site::default().with("/slow", Arc::new(Silent));
    let answer = site.answer(request("GET /other", "")).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let answer = site.answer(request("GET /slow", "")).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_body_is_read_up_to_its_bound_and_no_further() {
    let whole = request("POST /x", "12345").body.whole(5).await;
    assert_eq!(whole, Ok(Bytes::from_static(b"12345")));
    let whole = request("POST /x", "123456").body.whole(5).await;
    assert_eq!(whole, Err(Broken::TooLarge));
}

#[tokio::test]
async fn an_answer_may_come_in_pieces() {
    let (give, take) = tokio::sync::mpsc::channel(1);
    let answer = stream(StatusCode::OK, "text/plain", take);
    let read = tokio::spawn(text(answer));
    for piece in ["a", "b", "c"] {
        give.send(Bytes::from_static(piece.as_bytes()))
            .await
            .unwrap();
    }
    drop(give);
    assert_eq!(read.await.unwrap(), "abc");
}

#[test]
fn a_host_is_known_without_port_and_in_lower_case() {
    let found = request("GET https://MX.Example.Test:8443/x?y=z", "");
    assert_eq!(found.host(), "mx.example.test");
    assert_eq!((found.path(), found.query()), ("/x", Some("y=z")));
    assert_eq!(request("GET /x", "").host(), "");
}

#[test]
fn a_policy_gets_a_new_name_with_every_change() {
    let host = "mx.example.test";
    let testing = mta_sts::text(Mode::Testing, host).unwrap();
    let enforced = mta_sts::text(Mode::Enforce, host).unwrap();
    assert!(enforced.starts_with("version: STSv1\r\nmode: enforce\r\nmx: mx.example.test\r\n"));
    assert_ne!(mta_sts::record(&testing), mta_sts::record(&enforced));
    assert!(mta_sts::record(&testing).len() <= "v=STSv1; id=".len() + 32);
    assert_eq!(mta_sts::text(Mode::Off, host), None);
}
