//! The server under test: its folder, its ports, its life.

use crate::Failure;
use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Mailboxes `a0` … that the letters go to.
pub const ACCOUNTS: usize = 3;
/// The password of each; nobody but the test can reach the loopback ports.
pub const PASSWORD: &str = "crash-test";
/// All ports are a base plus their number; these bases are tried. The highest port, 9090's stand-in,
/// stays below 32768, where the kernel takes the local ports of outgoing connections from.
const PORT_BASES: std::ops::Range<u16> = 12_000..23_000;
/// Between one base and the next, so that a few tries find other ports altogether.
const PORT_BASE_STEP: usize = 1_013;
/// What the server listens on.
const PORTS: [u16; 8] = [25, 110, 143, 465, 587, 993, 995, 9090];
/// How long the server may take to open its ports.
const OPEN_SECONDS_MAX: u64 = 60;

/// Where the clients connect.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// Port 25's stand-in.
    pub smtp: SocketAddr,
    /// Port 143's stand-in.
    pub imap: SocketAddr,
}

/// A data folder with accounts, outside of which the ledger lives.
pub struct Site {
    binary: PathBuf,
    folder: PathBuf,
    port_base: u16,
}

/// A running server.
pub struct Server {
    child: Child,
    /// From the start of the process until its ports answered.
    pub opened_in: Duration,
}

impl Site {
    /// Makes an empty store with the accounts. Needs the release binary.
    pub fn prepare(root: &Path) -> Result<Self, Failure> {
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let binary = target.join("release/facteur");
        if !binary.exists() {
            return Err("crash: build the server first: cargo build --release".to_owned());
        }
        let folder = target.join(format!("crash-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        let port_base = free_port_base()?;
        let site = Self {
            binary,
            folder,
            port_base,
        };
        std::fs::write(site.config_path(), "[auth]\ncleartext = \"loopback\"\n")
            .map_err(|e| e.to_string())?;
        site.command(&["domain", "add", "example.test"], "")?;
        for account in 0..ACCOUNTS {
            let address = format!("a{account}@example.test");
            site.command(&["account", "add", &address, "--password-stdin"], PASSWORD)?;
        }
        Ok(site)
    }

    /// Where the ledger is kept.
    pub fn ledger_path(&self) -> PathBuf {
        self.folder.join("ledger.tsv")
    }

    /// Where the clients connect.
    pub fn ports(&self) -> Ports {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, self.port_base + port));
        Ports {
            smtp: at(25),
            imap: at(143),
        }
    }

    /// Starts the server and waits for its ports.
    pub fn start(&self) -> Result<Server, Failure> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("server.log"));
        let log = log.map_err(|e| e.to_string())?;
        let begun = Instant::now();
        let child = Command::new(&self.binary)
            .args([
                "serve",
                "--listen",
                "127.0.0.1",
                "--port-base",
                &self.port_base.to_string(),
            ])
            .arg("--data")
            .arg(self.data())
            .arg("--config")
            .arg(self.config_path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(|e| e.to_string())?)
            .stderr(log)
            .spawn()
            .map_err(|e| format!("crash: the server does not start: {e}"))?;
        let mut server = Server {
            child,
            opened_in: Duration::ZERO,
        };
        while TcpStream::connect(self.ports().imap).is_err() {
            if let Some(status) = server.child.try_wait().map_err(|e| e.to_string())? {
                return Err(format!("crash: the server ended at its start: {status}"));
            }
            if begun.elapsed().as_secs() >= OPEN_SECONDS_MAX {
                server.kill()?;
                return Err("crash: the server did not open its ports in time".to_owned());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        server.opened_in = begun.elapsed();
        Ok(server)
    }

    /// `facteur check` on the stopped store: every body, index, counter and reference.
    pub fn check(&self) -> Result<(), Failure> {
        self.command(&["check"], "")
    }

    /// Takes the folder away after a run without failure; a failed one keeps it for the reader.
    pub fn remove(&self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn config_path(&self) -> PathBuf {
        self.folder.join("facteur.toml")
    }

    fn command(&self, arguments: &[&str], input: &str) -> Result<(), Failure> {
        let mut child = Command::new(&self.binary)
            .arg("--data")
            .arg(self.data())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| e.to_string())?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that reads nothing may have closed it already.
            let _ = writeln!(stdin, "{input}");
        }
        let output = child.wait_with_output().map_err(|e| e.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(format!(
            "facteur {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&said)
        ))
    }
}

/// A base on whose ports nobody listens now.
fn free_port_base() -> Result<u16, Failure> {
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    PORT_BASES
        .step_by(PORT_BASE_STEP)
        .find(|base| PORTS.iter().all(|port| is_free(base + port)))
        .ok_or_else(|| "crash: other servers have taken every range of ports".to_owned())
}

impl Server {
    /// SIGKILL, and the end of the process awaited.
    pub fn kill(&mut self) -> Result<(), Failure> {
        self.child
            .kill()
            .and_then(|()| self.child.wait())
            .map_err(|e| e.to_string())?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
