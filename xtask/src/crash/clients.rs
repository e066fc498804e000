//! The writers: small clients that trust nothing but a positive answer.

use super::Random;
use super::ledger::{Ledger, Shown, checksum};
use super::process::{PASSWORD, Ports};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Nothing on loopback takes longer, unless it hangs.
const ANSWER_SECONDS_MAX: u64 = 20;
/// Bodies are of 1 to this many lines of 64 bytes.
const LINES_MAX: u64 = 300;

/// Sends letters by SMTP, many on one connection, until told to stop or cut off.
pub fn deliver(
    ports: &Ports,
    account: usize,
    ledger: &Ledger,
    mut random: Random,
    stop: &AtomicBool,
) -> io::Result<()> {
    let mut smtp = Connection::open(ports.smtp)?;
    smtp.expect("", "220")?;
    smtp.expect("EHLO crash.example", "250 ")?;
    while !stop.load(Ordering::Relaxed) {
        let body = body(&mut random);
        smtp.expect("MAIL FROM:<>", "250")?;
        smtp.expect(&format!("RCPT TO:<a{account}@example.test>"), "250")?;
        smtp.expect("DATA", "354")?;
        let number = ledger.intend(account, &body);
        // The letter ends with its own CRLF: the dot follows at once.
        smtp.expect(&format!("{}.", letter(number, &body)), "250")?;
        ledger.stored(number);
    }
    Ok(())
}

/// Appends letters by IMAP.
pub fn append(
    ports: &Ports,
    account: usize,
    ledger: &Ledger,
    mut random: Random,
    stop: &AtomicBool,
) -> io::Result<()> {
    let mut imap = Imap::sign_in(ports, account)?;
    while !stop.load(Ordering::Relaxed) {
        let body = body(&mut random);
        let number = ledger.intend(account, &body);
        let letter = letter(number, &body);
        imap.command(&format!("APPEND INBOX {{{}+}}\r\n{letter}", letter.len()))?;
        ledger.stored(number);
    }
    Ok(())
}

/// Removes some of the letters that are there.
pub fn remove(
    ports: &Ports,
    account: usize,
    ledger: &Ledger,
    mut random: Random,
    stop: &AtomicBool,
) -> io::Result<()> {
    let mut imap = Imap::sign_in(ports, account)?;
    while !stop.load(Ordering::Relaxed) {
        let letters = imap.numbers()?;
        for (uid, number) in letters.into_iter().filter(|_| random.below(8) == 0) {
            if stop.load(Ordering::Relaxed) || !ledger.leave(number) {
                continue;
            }
            imap.command(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"))?;
            imap.command(&format!("UID EXPUNGE {uid}"))?;
            ledger.removed(number);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// A signed-in IMAP connection with INBOX selected.
pub struct Imap {
    connection: Connection,
}

impl Imap {
    /// Connects, signs in and selects INBOX.
    pub fn sign_in(ports: &Ports, account: usize) -> io::Result<Self> {
        let mut imap = Self {
            connection: Connection::open(ports.imap)?,
        };
        imap.connection.expect("", "* OK")?;
        imap.command(&format!("LOGIN a{account}@example.test {PASSWORD}"))?;
        imap.command("SELECT INBOX")?;
        Ok(imap)
    }

    /// Every letter in INBOX with the checksum of its body.
    pub fn all_letters(&mut self) -> io::Result<Vec<Shown>> {
        let answer = self.command("UID FETCH 1:* (BODY.PEEK[])")?;
        Ok(answer.iter().filter_map(|part| shown(part)).collect())
    }

    /// UID and ledger number of each letter.
    fn numbers(&mut self) -> io::Result<Vec<(u32, u64)>> {
        self.command("NOOP")?;
        let answer = self.command("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (X-Ledger)])")?;
        Ok(answer
            .iter()
            .filter_map(|part| Some((uid(part)?, number(part)?)))
            .collect())
    }

    /// One command; the untagged answers, each with its literals, once it is answered OK.
    fn command(&mut self, line: &str) -> io::Result<Vec<Vec<u8>>> {
        self.connection.send(&format!("t {line}"))?;
        let mut parts = Vec::new();
        loop {
            let part = self.connection.response()?;
            if part.starts_with(b"t OK") {
                return Ok(parts);
            }
            if part.starts_with(b"t ") || part.is_empty() {
                return Err(io::Error::other(
                    String::from_utf8_lossy(&part).into_owned(),
                ));
            }
            parts.push(part);
        }
    }
}

/// Lines and literals over TCP.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(address: std::net::SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))?;
        Ok(Self(BufReader::with_capacity(1 << 18, stream)))
    }

    fn send(&mut self, line: &str) -> io::Result<()> {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes())
    }

    /// Sends a line (unless empty) and reads until a line begins with `wanted`.
    fn expect(&mut self, line: &str, wanted: &str) -> io::Result<()> {
        if !line.is_empty() {
            self.send(line)?;
        }
        loop {
            let answer = self.line()?;
            if answer.starts_with(wanted.as_bytes()) {
                return Ok(());
            }
            if !answer.starts_with(b"250-") {
                return Err(io::Error::other(
                    String::from_utf8_lossy(&answer).into_owned(),
                ));
            }
        }
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        match self.0.read_until(b'\n', &mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line),
        }
    }

    /// One response of IMAP: a line, and what follows each literal in it.
    fn response(&mut self) -> io::Result<Vec<u8>> {
        let mut whole = self.line()?;
        while let Some(length) = literal_length(&whole) {
            let start = whole.len();
            whole.resize(start + length, 0);
            self.0
                .read_exact(whole.get_mut(start..).unwrap_or_default())?;
            whole.extend(self.line()?);
        }
        Ok(whole)
    }
}

fn literal_length(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"}\r\n")?;
    let open = line.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(line.get(open + 1..)?)
        .ok()?
        .parse()
        .ok()
}

fn letter(number: u64, body: &str) -> String {
    format!(
        "From: <crash@example.com>\r\nSubject: letter {number}\r\nX-Ledger: {number}\r\n\r\n{body}"
    )
}

fn body(random: &mut Random) -> String {
    let mut body = String::new();
    for _ in 0..=random.below(LINES_MAX) {
        let line: [u64; 4] = std::array::from_fn(|_| random.next());
        body.extend(line.map(|word| format!("{word:016x}")));
        body.push_str("\r\n");
    }
    body
}

fn shown(part: &[u8]) -> Option<Shown> {
    let number = number(part)?;
    let start = find(part, b"\r\n\r\n")? + 4;
    let body = part.get(start..)?.strip_suffix(b")\r\n")?;
    // What follows the literal is `)` or ` UID 7)`: the body itself ends with its last line.
    let end = body.iter().rposition(|byte| *byte == b'\n')? + 1;
    Some(Shown {
        number,
        check: checksum(body.get(..end)?),
    })
}

fn number(part: &[u8]) -> Option<u64> {
    digits_after(part, b"X-Ledger: ")
}

fn uid(part: &[u8]) -> Option<u32> {
    digits_after(part, b"UID ").and_then(|uid| u32::try_from(uid).ok())
}

fn digits_after(part: &[u8], label: &[u8]) -> Option<u64> {
    let rest = part.get(find(part, label)? + label.len()..)?;
    let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
