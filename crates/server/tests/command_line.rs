//! The built binary as scripts use it: on a stopped store and on a running server.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test of the binary from outside: files, ports and processes are its subject"
)]

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// Longest time that anything here may take; other tests may load the machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A data folder of the test's own, gone with it.
struct Place {
    folder: PathBuf,
}

impl Place {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("facteur-cli-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self { folder }
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Runs a command with this on its standard input.
    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = facteur()
            .arg("--data")
            .arg(self.data())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads nothing may have ended already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Runs a command that must succeed, and gives what it says as JSON.
    fn told(&self, arguments: &[&str], input: &str) -> Value {
        let done = self.run(&[arguments, &["--json"]].concat(), input);
        assert!(
            done.status.success(),
            "{arguments:?}: {}",
            text(&done.stderr)
        );
        serde_json::from_slice(&done.stdout).unwrap()
    }

    /// Runs a command that must fail, and gives its one line.
    fn refused(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments, "password\n");
        assert!(!done.status.success(), "{arguments:?} was not refused");
        let line = text(&done.stderr);
        assert_eq!(line.trim().lines().count(), 1, "{arguments:?}: {line}");
        line
    }

    fn with_alice(self) -> Self {
        self.told(&["domain", "add", "example.test"], "");
        self.told(
            &["account", "add", "alice@example.test", "--password-stdin"],
            "secret-1\n",
        );
        self
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn facteur() -> Command {
    Command::new(env!("CARGO_BIN_EXE_facteur"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A server on a test's data; killed if the test ends without stopping it.
struct Server {
    child: Child,
    base: u16,
}

impl Server {
    fn start(place: &Place) -> Self {
        let base = free_base();
        let child = facteur()
            .arg("serve")
            .arg("--data")
            .arg(place.data())
            .args(["--listen", "127.0.0.1", "--port-base", &base.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self { child, base };
        server.wait_until_it_listens();
        server
    }

    fn wait_until_it_listens(&mut self) {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.base + 9090)).is_err() {
            assert!(
                self.child.try_wait().unwrap().is_none(),
                "the server ended at once"
            );
            assert!(started.elapsed() < PATIENCE, "the server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn connect(&self, port: u16) -> BufReader<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.base + port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        BufReader::new(stream)
    }

    /// Asks the server to end; its exit code.
    fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(&pid).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port base whose ports are free. All lie below those that the kernel gives to clients: a
/// connection to such a port where nobody listens can meet itself.
fn free_base() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let spread = u16::try_from(std::process::id() % 110).unwrap() * 100;
    loop {
        let base = 11_000 + spread + NEXT.fetch_add(10, Ordering::SeqCst);
        let free = |port: u16| TcpListener::bind(("127.0.0.1", base + port)).is_ok();
        if [25, 110, 143, 465, 587, 993, 995, 9090]
            .into_iter()
            .all(free)
        {
            return base;
        }
    }
}

fn line(reader: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line
}

/// Sends a line and gives the last line of the answer: the first without a hyphen behind the code.
fn smtp(reader: &mut BufReader<TcpStream>, command: &str) -> String {
    reader
        .get_mut()
        .write_all(format!("{command}\r\n").as_bytes())
        .unwrap();
    loop {
        let answer = line(reader);
        if answer.as_bytes().get(3) != Some(&b'-') {
            return answer;
        }
    }
}

fn deliver(server: &Server, subject: &str) {
    let mut peer = server.connect(25);
    assert!(line(&mut peer).starts_with("220 "));
    assert!(smtp(&mut peer, "EHLO client.example").starts_with("250 "));
    assert!(smtp(&mut peer, "MAIL FROM:<bob@elsewhere.test>").starts_with("250 "));
    assert!(smtp(&mut peer, "RCPT TO:<alice@example.test>").starts_with("250 "));
    assert!(smtp(&mut peer, "DATA").starts_with("354 "));
    let letter = format!("From: bob@elsewhere.test\r\nSubject: {subject}\r\n\r\nHello.\r\n.");
    assert!(smtp(&mut peer, &letter).starts_with("250 "));
}

fn letters_in_inbox(place: &Place) -> u64 {
    let folders = place.told(&["folder", "list", "alice@example.test"], "");
    let inbox = folders
        .as_array()
        .unwrap()
        .iter()
        .find(|folder| folder["path"] == "Inbox");
    inbox.unwrap()["letters"].as_u64().unwrap()
}

#[test]
fn every_command_works_on_a_stopped_and_on_a_running_server() {
    let place = Place::new("both").with_alice();
    let server = Server::start(&place);
    place.told(
        &["account", "add", "bob@example.test", "--password-stdin"],
        "secret-2\n",
    );
    place.told(
        &["alias", "add", "team@example.test", "alice@example.test"],
        "",
    );
    let running = place.told(&["account", "list"], "");
    assert_eq!(server.stop(), Some(0));
    assert_eq!(place.told(&["account", "list"], ""), running);
    assert_eq!(running.as_array().unwrap().len(), 2);
    assert_eq!(place.told(&["status"], "")["accounts"], 2);
    place.told(&["alias", "remove", "team@example.test"], "");
    place.told(&["account", "remove", "bob@example.test"], "");
    place.told(&["check"], "");
}

#[test]
fn a_refusal_is_one_line_and_a_code() {
    let place = Place::new("refusals").with_alice();
    for arguments in [
        &["account", "add", "not-an-address", "--password-stdin"][..],
        &["account", "add", "carol@unknown.test", "--password-stdin"],
        &["account", "add", "alice@example.test", "--password-stdin"],
        &["domain", "add", "not a domain"],
        &["domain", "add", "example.test"],
        &["domain", "remove", "example.test"],
        &["queue", "show", "nonsense"],
        &["undelete", "alice@example.test", "--since", "yesterday"],
        &[
            "export",
            "--account",
            "nobody@example.test",
            "--format",
            "mbox",
            "/nonexistent/x",
        ],
        &["account", "fly"],
        &["restore", "/nonexistent/backup"],
    ] {
        place.refused(arguments);
    }
}

#[test]
fn mail_survives_a_kill_and_a_backup_gives_it_back() {
    let place = Place::new("backup").with_alice();
    let mut server = Server::start(&place);
    deliver(&server, "one");
    let backup = place.folder.join("backup");
    place.told(&["backup", backup.to_str().unwrap()], "");
    deliver(&server, "two");
    server.child.kill().unwrap();
    drop(server);
    assert_eq!(letters_in_inbox(&place), 2);
    place.told(&["check"], "");
    place.told(&["rebuild"], "");
    assert_eq!(letters_in_inbox(&place), 2);

    let other = Place::new("restored");
    other.told(&["restore", backup.to_str().unwrap()], "");
    assert_eq!(letters_in_inbox(&other), 1);
    let validity = |place: &Place| {
        place.told(&["folder", "list", "alice@example.test"], "")[0]["uid_validity"].clone()
    };
    assert_ne!(
        validity(&other),
        validity(&place),
        "clients must start again"
    );
    other.told(&["check"], "");
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let place = Place::new("second").with_alice();
    let server = Server::start(&place);
    let base = free_base().to_string();
    let line = place.refused(&["serve", "--port-base", &base]);
    assert!(line.contains("in use"), "{line}");
    assert!(place.refused(&["rebuild"]).contains("a server runs"));
    deliver(&server, "one");
    let told = place.told(&["rebuild", "search"], "");
    assert_eq!(
        (&told["letters"], &told["accounts"]),
        (&1.into(), &1.into())
    );
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn an_unknown_key_in_the_configuration_stops_the_start_with_its_line() {
    let place = Place::new("configuration");
    let file = place.folder.join("facteur.toml");
    std::fs::write(&file, "[auth]\nclear = \"never\"\n").unwrap();
    let line = place.refused(&["serve", "--config", file.to_str().unwrap()]);
    assert!(
        line.contains("facteur.toml:2: unknown field \"clear\""),
        "{line}"
    );
}

#[test]
fn a_command_on_a_stopped_store_has_the_configuration_of_the_server() {
    let place = Place::new("settings").with_alice();
    let (usual, other) = (
        place.data().join("facteur.toml"),
        place.folder.join("other.toml"),
    );
    std::fs::write(&usual, "[limits]\nletter_bytes = 1000\n").unwrap();
    std::fs::write(&other, "[limits]\nletter_bytes = 9000\n").unwrap();
    let mbox = place.folder.join("letters");
    let line = "From bob@elsewhere.test Thu Aug 22 12:36:23 2002\nSubject: long\n\n";
    std::fs::write(&mbox, format!("{line}{}", "a line\n".repeat(300))).unwrap();
    let mbox = mbox.to_str().unwrap();
    let import = [
        "import",
        "--account",
        "alice@example.test",
        "--format",
        "mbox",
        mbox,
    ];
    assert_eq!(
        place.told(&import, "")["letters"],
        0,
        "longer than this server takes"
    );
    let named = [&import[..], &["--config", other.to_str().unwrap()]].concat();
    assert_eq!(place.told(&named, "")["letters"], 1);
}

#[test]
fn a_mistyped_folder_does_not_become_a_store() {
    let place = Place::new("mistyped");
    for command in [
        &["check"][..],
        &["status"],
        &["account", "list"],
        &["rebuild"],
    ] {
        let line = place.refused(command);
        assert!(line.contains("there is no data"), "{command:?}: {line}");
    }
    assert!(!place.data().exists());
}

#[test]
fn a_fault_in_the_configuration_is_told_and_keeps_nobody_from_a_running_server() {
    let place = Place::new("fault").with_alice();
    let server = Server::start(&place);
    std::fs::write(place.data().join("facteur.toml"), "listen = 3\n").unwrap();
    assert_eq!(place.told(&["status"], "")["accounts"], 1);
    assert_eq!(server.stop(), Some(0));
    for command in ["status", "serve", "rebuild"] {
        let line = place.refused(&[command]);
        assert!(line.contains("facteur.toml:1: "), "{command}: {line}");
    }
}

#[test]
fn the_metrics_count_what_happens() {
    let place = Place::new("metrics").with_alice();
    let server = Server::start(&place);
    deliver(&server, "counted");
    let mut page = server.connect(9090);
    page.get_mut()
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut told = String::new();
    page.read_to_string(&mut told).unwrap();
    assert!(told.starts_with("HTTP/1.1 200 "), "{told}");
    assert!(
        told.contains("facteur_connections_total{service=\"smtp\"} 1\n"),
        "{told}"
    );
    assert!(told.contains("facteur_settled_seconds_count 1\n"), "{told}");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn the_control_socket_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new("socket").with_alice();
    let server = Server::start(&place);
    let socket = std::fs::metadata(place.data().join("control.sock")).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    assert_eq!(server.stop(), Some(0));
    assert!(!place.data().join("control.sock").exists());
}

#[test]
fn a_sample_server_tells_how_to_use_it() {
    let place = Place::new("try");
    let base = free_base();
    let mut child = facteur()
        .arg("try")
        .arg("--data")
        .arg(place.data())
        .args(["--json", "--port-base", &base.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stream =
        serde_json::Deserializer::from_reader(child.stdout.take().unwrap()).into_iter::<Value>();
    let told = stream.next().unwrap().unwrap();
    let server = Server { child, base };
    assert_eq!(
        told["services"]["imap"],
        format!("127.0.0.1:{}", base + 143)
    );
    assert_eq!(told["accounts"].as_array().unwrap().len(), 3);
    assert!(letters_in_inbox(&place) > 3);
    assert_eq!(server.stop(), Some(0));
}
