//! The local socket by which commands reach a running server: `DATA/control.sock`, for its owner
//! only.
//!
//! One request for each connection: a line of JSON in, then lines of progress and one last line
//! with the reply or the failure. Never reachable over the network; who may open the socket may
//! read the data anyway.
//!
//! Start at [`ask`] for the command's side, at [`serve`] for the server's.

use super::{Failure, Progress, Reply, Request, Watcher, execute};
use crate::house::House;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::sync::Semaphore;

/// Longest line in bytes, in either direction: a list of all accounts of a large server.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Commands at the same time.
const COMMANDS_MAX: usize = 16;

/// How long the sender of a request may take for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// A line from the server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Progress(Progress),
    Reply(Reply),
    Failure(Failure),
}

/// Where a server on this data listens for commands.
pub fn place(data: &Path) -> PathBuf {
    data.join("control.sock")
}

/// True when a server runs on this data.
pub fn is_served(data: &Path) -> bool {
    UnixStream::connect(place(data)).is_ok()
}

/// Has a running server do it; `None` when no server runs on this data.
pub fn ask(data: &Path, request: &Request, watcher: Watcher<'_>) -> Option<Result<Reply, Failure>> {
    let stream = UnixStream::connect(place(data)).ok()?;
    Some(converse(stream, request, watcher))
}

fn converse(
    mut stream: UnixStream,
    request: &Request,
    watcher: Watcher<'_>,
) -> Result<Reply, Failure> {
    let lost = |why: &dyn std::fmt::Display| Failure::of("the server broke off", why);
    let mut line = serde_json::to_string(request).map_err(|error| lost(&error))?;
    line.push('\n');
    stream
        .write_all(line.as_bytes())
        .map_err(|error| lost(&error))?;
    let mut lines = BufReader::new(stream);
    loop {
        match read_line(&mut lines).map_err(|error| lost(&error))? {
            Line::Progress(progress) => _ = watcher(&progress),
            Line::Reply(reply) => return Ok(reply),
            Line::Failure(failure) => return Err(failure),
        }
    }
}

fn read_line<T: for<'de> Deserialize<'de>>(lines: &mut impl BufRead) -> std::io::Result<T> {
    let mut line = String::new();
    lines.take(LINE_BYTES_MAX).read_line(&mut line)?;
    if line.is_empty() {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_str(&line)?)
}

/// Opens the socket, in place of what a killed server left.
pub fn open(data: &Path) -> std::io::Result<UnixListener> {
    let place = place(data);
    crate::listeners::remove_socket(&place);
    let listener = UnixListener::bind(&place)?;
    std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers requests until the task is dropped.
pub async fn serve(listener: UnixListener, house: Arc<House>) {
    let places = Arc::new(Semaphore::new(COMMANDS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let house = Arc::clone(&house);
        // A command waits for the disk, so it has a thread of its own.
        tokio::task::spawn_blocking(move || {
            let outcome = stream.into_std().and_then(|stream| answer(stream, &house));
            if let Err(error) = outcome {
                tracing::debug!(%error, "a command broke off");
            }
            drop(place);
        });
    }
}

fn answer(stream: UnixStream, house: &House) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut writer = stream.try_clone()?;
    let request: Request = match read_line(&mut BufReader::new(stream)) {
        Ok(request) => request,
        Err(error) => {
            let failure = Failure::of("the server did not understand the command", error);
            return write_line(&mut writer, &Line::Failure(failure));
        }
    };
    let mut watcher =
        |progress: &Progress| write_line(&mut writer, &Line::Progress(progress.clone())).is_ok();
    let line = match execute(house, request, &mut watcher) {
        Ok(reply) => Line::Reply(reply),
        Err(failure) => Line::Failure(failure),
    };
    write_line(&mut writer, &line)
}

fn write_line(writer: &mut impl Write, line: &Line) -> std::io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    writer.write_all(text.as_bytes())
}
