//! The driver with a small dialogue of its own, over loopback, in the clear and with TLS.

use super::*;
use crate::driver::tls::ClientCertificates;
use crate::world::SystemClock;
use bytes::Bytes;
use engine::dialogue::Tls;
use miniz_oxide::deflate::core::CompressorOxide;
use miniz_oxide::deflate::stream::deflate;
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush, MZStatus};
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::path::PathBuf;
use store::backend::Settlement;
use store::id::{AccountId, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Repeats each line; some lines are orders.
struct Echo {
    tls: Option<Tls>,
    asked: &'static str,
    many: usize,
    /// Steps of long work to come.
    steps: usize,
    /// Told when the peer has closed.
    closed: Arc<Notify>,
}

impl Dialogue for Echo {
    fn advance(&mut self, input: Input<'_>, now: Timestamp, out: &mut Vec<Output>) -> usize {
        match input {
            Input::Opened(peer) => {
                self.tls = peer.tls;
                say(out, "hello");
            }
            Input::Bytes(bytes) => return self.lines(bytes, now, out),
            Input::Answer(Answer::Work) if self.steps > 0 => {
                self.steps -= 1;
                if self.asked == "search for ever" && self.steps.is_multiple_of(10) {
                    say(out, "still searching");
                }
                out.push(Output::Ask(Question::Work(Effort::Long(AccountId(1)))));
            }
            Input::Answer(Answer::Work) => {
                let thread = std::thread::current();
                say(
                    out,
                    &format!("{} on {}", self.asked, thread.name().unwrap_or("?")),
                );
            }
            Input::Answer(answer) => say(out, &format!("{answer:?}")),
            Input::Sent if self.many > 0 => {
                self.many -= 1;
                out.push(Output::Send(Bytes::from(vec![b'x'; 100_000])));
            }
            Input::Timeout => say(out, "late"),
            Input::Closed(Closed::ByServer) => say(out, "stopping"),
            Input::Closed(Closed::ByPeer) => self.closed.notify_one(),
            Input::Woken | Input::Sent => {}
        }
        0
    }
}

impl Echo {
    fn new(closed: &Arc<Notify>) -> Self {
        Self {
            tls: None,
            asked: "",
            many: 0,
            steps: 0,
            closed: Arc::clone(closed),
        }
    }

    fn lines(&mut self, bytes: &[u8], now: Timestamp, out: &mut Vec<Output>) -> usize {
        let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
            return 0;
        };
        let line = std::str::from_utf8(&bytes[..end]).unwrap();
        match line {
            "disk" | "password" => {
                self.asked = if line == "disk" { "disk" } else { "password" };
                let disk = Effort::Disk(AccountId(1));
                let effort = if line == "disk" {
                    disk
                } else {
                    Effort::Password
                };
                out.push(Output::Ask(Question::Work(effort)));
            }
            "search" | "search for ever" => {
                (self.asked, self.steps) = match line {
                    "search" => ("search", 20),
                    _ => ("search for ever", usize::MAX),
                };
                out.push(Output::Ask(Question::Work(Effort::Long(AccountId(1)))));
            }
            "where" => say(out, std::thread::current().name().unwrap_or("?")),
            "settle" => out.push(Output::Ask(Question::Settled(Settlement::done()))),
            "starttls" => {
                say(out, "go");
                out.push(Output::StartTls);
            }
            "compress" => {
                say(out, "packed");
                out.push(Output::Compress);
            }
            "plain" => {
                say(out, "as it is");
                out.push(Output::EndCompression);
            }
            "wait" => out.push(Output::WaitUntil(Timestamp(
                now.0 + Timestamp::PER_SECOND / 20,
            ))),
            "many" => {
                self.many = 50;
                out.push(Output::Send(Bytes::from_static(b"y")));
            }
            "tls" => say(
                out,
                &format!("{:?}", self.tls.as_ref().map(|tls| tls.version)),
            ),
            "quit" => {
                say(out, "bye");
                out.push(Output::Close);
            }
            other => say(out, other),
        }
        end + 1
    }
}

fn say(out: &mut Vec<Output>, line: &str) {
    out.push(Output::Send(Bytes::from(format!("{line}\n"))));
}

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("facteur-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Stage {
    address: SocketAddr,
    surroundings: Arc<Surroundings>,
    stop: watch::Sender<bool>,
    closed: Arc<Notify>,
    folder: Folder,
}

async fn stage(name: &str, starts_with_tls: bool) -> Stage {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = Folder::new(name);
    let (stop, stopping) = watch::channel(false);
    let surroundings = Arc::new(Surroundings {
        clock: Arc::new(SystemClock),
        disk: Arc::new(Pool::start("disk", 2, 64).unwrap()),
        passwords: Pool::start("password", 1, 64).unwrap(),
        examiners: Examiners::default(),
        certificates: Certificates::load(
            None,
            Vec::new(),
            &folder.0,
            "localhost",
            ClientCertificates::Unasked,
        )
        .unwrap(),
        handshake: Duration::from_secs(5),
        metrics: Arc::default(),
        trace: Arc::new(Trace::new(&std::env::temp_dir().join("facteur-driver"))),
        stopping,
    });
    #[allow(clippy::disallowed_methods, reason = "a test of the network itself")]
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shared = Arc::clone(&surroundings);
    let closed = Arc::new(Notify::new());
    let told = Arc::clone(&closed);
    tokio::spawn(async move {
        while let Ok((stream, remote)) = listener.accept().await {
            let peer = Peer {
                remote,
                local: address,
                tls: None,
                connection: 1,
                local_user: None,
            };
            let arrival = Arrival {
                service: "echo",
                counters: shared.metrics.service("echo"),
                alpn: Alpn::Only("imap"),
                starts_with_tls,
                peer,
            };
            let echo = Box::new(Echo::new(&told));
            let shared = Arc::clone(&shared);
            tokio::spawn(converse(echo, Transport::Tcp(stream), arrival, shared));
        }
    });
    Stage {
        address,
        surroundings,
        stop,
        closed,
        folder,
    }
}

#[allow(clippy::disallowed_methods, reason = "a test of the network itself")]
async fn connect(stage: &Stage) -> TcpStream {
    TcpStream::connect(stage.address).await.unwrap()
}

async fn encrypt(
    stage: &Stage,
    stream: TcpStream,
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    encrypt_as(stage, stream, &[]).await
}

async fn encrypt_as(
    stage: &Stage,
    stream: TcpStream,
    alpn: &[&str],
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let file = stage.folder.0.join("tls/certificate.pem");
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(file).unwrap())
        .unwrap();
    let mut config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

async fn expect(stream: &mut (impl AsyncReadExt + Unpin), wanted: &str) {
    let mut found = vec![0; wanted.len()];
    let read = timeout(Duration::from_secs(10), stream.read_exact(&mut found)).await;
    read.expect("in time").unwrap();
    assert_eq!(String::from_utf8_lossy(&found), wanted);
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_order_and_the_end_follows() {
    let stage = stage("order", false).await;
    let mut stream = connect(&stage).await;
    stream
        .write_all(b"a\ndisk\nsettle\npassword\nb\nquit\nignored\n")
        .await
        .unwrap();
    let said = "hello\na\ndisk on disk\nSettled(Ok(()))\npassword on password\nb\nbye\n";
    expect(&mut stream, said).await;
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
}

#[tokio::test]
async fn commands_that_are_here_already_are_taken_on_one_way_to_the_disk() {
    let stage = stage("together", false).await;
    let mut stream = connect(&stage).await;
    stream
        .write_all(b"disk\nwhere\ndisk\nwhere\n")
        .await
        .unwrap();
    let said = "hello\ndisk on disk\ndisk\ndisk on disk\ndisk\n";
    expect(&mut stream, said).await;
    let many = "disk\n".repeat(3 * COMMANDS_PER_STEP) + "quit\n";
    stream.write_all(many.as_bytes()).await.unwrap();
    let said = "disk on disk\n".repeat(3 * COMMANDS_PER_STEP) + "bye\n";
    expect(&mut stream, &said).await;
}

#[tokio::test]
async fn long_work_ends_when_its_asker_is_gone() {
    let stage = stage("gone", false).await;
    let mut stream = connect(&stage).await;
    stream.write_all(b"search for ever\n").await.unwrap();
    expect(&mut stream, "hello\n").await;
    drop(stream);
    let told = timeout(Duration::from_secs(10), stage.closed.notified()).await;
    assert!(told.is_ok(), "the work goes on for nobody");
}

/// As scripts do that write all their commands and then wait for the answers.
#[tokio::test]
async fn who_says_no_more_than_what_was_said_still_gets_all_answers() {
    let stage = stage("half", false).await;
    for (said, answered) in [
        ("search\nb\nquit\n", "hello\nsearch on disk\nb\nbye\n"),
        ("b\nsearch\n", "hello\nb\nsearch on disk\n"),
    ] {
        let mut stream = connect(&stage).await;
        stream.write_all(said.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        expect(&mut stream, answered).await;
    }
}

#[tokio::test]
async fn a_session_that_wants_its_turn_later_is_called_at_that_time() {
    let stage = stage("timer", false).await;
    let mut stream = connect(&stage).await;
    stream.write_all(b"wait\n").await.unwrap();
    expect(&mut stream, "hello\nlate\n").await;
}

#[tokio::test]
async fn a_long_answer_is_produced_as_the_peer_reads_it() {
    let stage = stage("long", false).await;
    let mut stream = connect(&stage).await;
    stream.write_all(b"many\nafter\n").await.unwrap();
    expect(&mut stream, "hello\n").await;
    let mut all = vec![0; 1 + 50 * 100_000 + 6];
    stream.read_exact(&mut all).await.unwrap();
    // The line behind was taken while the answer went out; nothing is lost and nothing is torn.
    let count = |wanted: u8| all.split(|byte| *byte == wanted).count() - 1;
    assert_eq!((count(b'x'), count(b'y')), (50 * 100_000, 1));
}

#[tokio::test]
async fn tls_from_the_start_tells_the_session_its_facts() {
    let stage = stage("tls", true).await;
    let mut stream = encrypt(&stage, connect(&stage).await).await.unwrap();
    stream.write_all(b"tls\nquit\n").await.unwrap();
    expect(&mut stream, "hello\nSome(\"TLSv1.3\")\nbye\n").await;
    assert_eq!(
        stream.read(&mut [0; 1]).await.unwrap(),
        0,
        "the end is announced"
    );
}

#[tokio::test]
async fn what_was_sent_before_the_handshake_is_thrown_away() {
    let stage = stage("starttls", false).await;
    let mut stream = connect(&stage).await;
    stream
        .write_all(b"tls\nstarttls\ninjected\n")
        .await
        .unwrap();
    expect(&mut stream, "hello\nNone\ngo\n").await;
    let mut stream = encrypt(&stage, stream).await.unwrap();
    stream.write_all(b"tls\n").await.unwrap();
    expect(&mut stream, "hello\nSome(\"TLSv1.3\")\n").await;
}

/// Compresses as clients do: one stream for all that is said.
fn packed(compressor: &mut CompressorOxide, text: &[u8]) -> Vec<u8> {
    let mut room = vec![0; 1000];
    let step = deflate(compressor, text, &mut room, MZFlush::Sync);
    room.truncate(step.bytes_written);
    room
}

#[tokio::test]
async fn behind_the_answer_both_directions_are_compressed_also_over_tls() {
    let stage = stage("compress", true).await;
    let mut stream = encrypt(&stage, connect(&stage).await).await.unwrap();
    stream.write_all(b"compress\n").await.unwrap();
    expect(&mut stream, "hello\npacked\n").await;
    let mut compressor = CompressorOxide::default();
    compressor.set_format_and_level(DataFormat::Raw, 6);
    let mut state = InflateState::new(DataFormat::Raw);
    for (said, length) in [
        ("one\n", 4),
        ("disk\none\n", 17),
        ("many\n", 5_000_001),
        ("quit\n", 4),
    ] {
        let packed = packed(&mut compressor, said.as_bytes());
        stream.write_all(&packed).await.unwrap();
        let mut heard = Vec::new();
        while heard.len() < length {
            let mut read = vec![0; 4096];
            let count = timeout(Duration::from_secs(10), stream.read(&mut read)).await;
            let count = count.expect("in time").unwrap();
            assert!(count > 0, "{} of {length}", heard.len());
            inflate_all(&mut state, &read[..count], &mut heard);
        }
        assert_eq!(heard.len(), length);
        let wanted = said.replace("disk", "disk on disk").replace("quit", "bye");
        assert!(length > 100 || heard == wanted.as_bytes(), "{said}");
    }
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
}

/// As `UNAUTHENTICATE` ends it (RFC 8437 §4.1); what follows may be compressed again.
#[tokio::test]
async fn compression_ends_in_both_directions_and_can_begin_again() {
    let stage = stage("uncompress", true).await;
    let mut stream = encrypt(&stage, connect(&stage).await).await.unwrap();
    expect(&mut stream, "hello\n").await;
    // At once, with what is not compressed right behind; by an end of the client's stream; later.
    for (flush, follows) in [
        (MZFlush::Sync, &b"one\n"[..]),
        (MZFlush::Finish, b"one\n"),
        (MZFlush::Sync, b""),
    ] {
        stream.write_all(b"compress\n").await.unwrap();
        expect(&mut stream, "packed\n").await;
        let mut compressor = CompressorOxide::default();
        compressor.set_format_and_level(DataFormat::Raw, 6);
        let mut room = vec![0; 1000];
        let step = deflate(&mut compressor, b"plain\n", &mut room, flush);
        room.truncate(step.bytes_written);
        room.extend_from_slice(follows);
        stream.write_all(&room).await.unwrap();
        let (mut heard, mut state) = (Vec::new(), InflateState::new(DataFormat::Raw));
        loop {
            let (mut one, mut made) = ([0; 1], [0; 100]);
            timeout(Duration::from_secs(10), stream.read_exact(&mut one))
                .await
                .expect("in time")
                .unwrap();
            let step = inflate(&mut state, &one, &mut made, MZFlush::None);
            heard.extend_from_slice(&made[..step.bytes_written]);
            if step.status == Ok(MZStatus::StreamEnd) {
                break;
            }
        }
        assert_eq!(heard, b"as it is\n");
        if follows.is_empty() {
            stream.write_all(b"one\n").await.unwrap();
        }
        expect(&mut stream, "one\n").await;
    }
}

fn inflate_all(state: &mut InflateState, mut packed: &[u8], heard: &mut Vec<u8>) {
    let mut room = vec![0; 100_000];
    loop {
        let step = inflate(state, packed, &mut room, MZFlush::None);
        heard.extend_from_slice(&room[..step.bytes_written]);
        packed = &packed[step.bytes_consumed..];
        if packed.is_empty() && step.bytes_written < room.len() {
            return;
        }
    }
}

#[tokio::test]
async fn a_client_that_speaks_another_protocol_by_alpn_is_refused() {
    let stage = stage("alpn", true).await;
    assert!(
        encrypt_as(&stage, connect(&stage).await, &["h2"])
            .await
            .is_err()
    );
    assert!(
        encrypt_as(&stage, connect(&stage).await, &["imap"])
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_stopping_server_says_so() {
    let stage = stage("stop", false).await;
    let mut stream = connect(&stage).await;
    expect(&mut stream, "hello\n").await;
    stage.stop.send(true).unwrap();
    expect(&mut stream, "stopping\n").await;
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_line_longer_than_the_buffer_ends_the_connection() {
    let stage = stage("flood", false).await;
    let mut stream = connect(&stage).await;
    expect(&mut stream, "hello\n").await;
    let flood = vec![b'x'; 4 * RECEIVE_BYTES_MAX];
    let _ = stream.write_all(&flood).await;
    let mut rest = Vec::new();
    let end = timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
    assert!(end.is_ok() && rest.is_empty());
}

#[tokio::test]
async fn a_changed_certificate_is_taken_for_the_next_connection() {
    let stage = stage("reload", true).await;
    let folder = stage.folder.0.join("tls");
    assert!(!stage.surroundings.certificates.reload_if_changed().unwrap());
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    #[allow(clippy::disallowed_methods, reason = "a test of files that change")]
    {
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        std::fs::write(folder.join("certificate.pem"), made.cert.pem()).unwrap();
    }
    assert!(stage.surroundings.certificates.reload_if_changed().unwrap());
    assert!(
        encrypt(&stage, connect(&stage).await).await.is_ok(),
        "trusts the new one only"
    );
}
