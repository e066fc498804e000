//! SMTP with the server of this machine, over its local socket.
//!
//! One command after the other: both ends are on one machine, and a refusal must be known before the
//! letter is sent.
//!
//! Sources: RFC 5321 §3.3, §4.5.2 (dots); RFC 3461 §4 (notifications).

use smtp::client::Reply;
use smtp::client::reply::Reader;
use smtp::codec::xtext;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// How often a server is looked for: it may just be restarting.
const ATTEMPTS: u32 = 50;
/// Wait between two of these, together ten seconds.
const PAUSE: Duration = Duration::from_millis(200);
/// How long the server may take for an answer: as for the end of a letter (RFC 5321 §4.5.3.2.6).
const PATIENCE: Duration = Duration::from_mins(10);
/// Bytes read at a time.
const READ_BYTES: usize = 4 * 1024;

/// Why a letter was not taken.
#[derive(Debug)]
pub enum Failed {
    /// No server listens.
    Unreachable(io::Error),
    /// The connection broke.
    Broken(io::Error),
    /// The server does not speak as it must.
    Protocol,
    /// The server said no, to this.
    Refused(String, Reply),
}

/// What is said of a letter outside of it.
pub struct Envelope<'a> {
    /// Who is told of failures; empty for nobody.
    pub sender: &'a str,
    /// Who gets it.
    pub recipients: &'a [String],
    /// `RET`.
    pub returning: Option<&'a str>,
    /// `ENVID`, not yet encoded.
    pub id: Option<&'a str>,
    /// `NOTIFY`.
    pub notify: Option<&'a str>,
}

/// A connection that letters can be given to.
pub struct Conversation {
    stream: UnixStream,
    replies: Reader,
    received: Vec<u8>,
    user: String,
}

impl Conversation {
    /// Connects to the first socket that answers.
    pub fn open(sockets: &[PathBuf]) -> Result<Self, Failed> {
        let stream = connect(sockets)?;
        stream
            .set_read_timeout(Some(PATIENCE))
            .map_err(Failed::Broken)?;
        stream
            .set_write_timeout(Some(PATIENCE))
            .map_err(Failed::Broken)?;
        let mut this = Self {
            stream,
            replies: Reader::default(),
            received: Vec::new(),
            user: String::new(),
        };
        let greeting = this.reply()?;
        success("the server", greeting)?;
        let offered = this.command("EHLO localhost", "EHLO")?;
        let own = offered
            .lines
            .iter()
            .find_map(|line| line.strip_prefix("XLOCAL "));
        own.ok_or(Failed::Protocol)?.clone_into(&mut this.user);
        Ok(this)
    }

    /// The address of the user who runs this program, as the server knows it.
    pub fn own_address(&self) -> &str {
        &self.user
    }

    /// Names sender and recipients: all are taken, or the letter is nobody's.
    pub fn address(&mut self, envelope: &Envelope<'_>) -> Result<(), Failed> {
        let mut mail = mail(envelope.sender, envelope.recipients);
        if let Some(returning) = envelope.returning {
            mail.extend([" RET=", returning]);
        }
        if let Some(id) = envelope.id {
            mail.extend([" ENVID=", &xtext::encode(id)]);
        }
        self.command(&mail, envelope.sender)?;
        for recipient in envelope.recipients {
            let notify = envelope.notify.map(|what| format!(" NOTIFY={what}"));
            let line = format!("RCPT TO:<{recipient}>{}", notify.unwrap_or_default());
            self.command(&line, recipient)?;
        }
        Ok(())
    }

    /// Asks about one recipient, and leaves no letter open.
    pub fn verify(&mut self, sender: &str, recipient: &str) -> Result<(), Failed> {
        self.command(&mail(sender, &[recipient.to_owned()]), sender)?;
        let outcome = self.command(&format!("RCPT TO:<{recipient}>"), recipient);
        self.command("RSET", "RSET")?;
        outcome.map(drop)
    }

    /// Sends the letter; the answer is what the server calls it.
    pub fn letter(&mut self, header: &[u8], body: &[u8]) -> Result<String, Failed> {
        self.say("DATA")?;
        let asked = self.reply()?;
        if asked.code != 354 {
            return Err(Failed::Refused("the letter".into(), asked));
        }
        let mut out = io::BufWriter::new(&self.stream);
        for line in [header, body]
            .iter()
            .flat_map(|part| part.split_inclusive(|&b| b == b'\n'))
        {
            if line.starts_with(b".") {
                out.write_all(b".").map_err(Failed::Broken)?;
            }
            out.write_all(line).map_err(Failed::Broken)?;
        }
        out.write_all(b".\r\n")
            .and_then(|()| out.flush())
            .map_err(Failed::Broken)?;
        drop(out);
        let reply = self.reply()?;
        success("the letter", reply).map(|reply| reply.text())
    }

    /// Ends in a friendly way.
    pub fn quit(mut self) {
        let _ = self.command("QUIT", "QUIT");
    }

    fn command(&mut self, line: &str, about: &str) -> Result<Reply, Failed> {
        self.say(line)?;
        let reply = self.reply()?;
        success(about, reply)
    }

    fn say(&mut self, line: &str) -> Result<(), Failed> {
        let line = format!("{line}\r\n");
        self.stream
            .write_all(line.as_bytes())
            .map_err(Failed::Broken)
    }

    fn reply(&mut self) -> Result<Reply, Failed> {
        let mut buffer = [0; READ_BYTES];
        loop {
            let taken = self
                .replies
                .take(&self.received)
                .map_err(|_| Failed::Protocol)?;
            self.received.drain(..taken.0);
            if let Some(reply) = taken.1 {
                return Ok(reply);
            }
            let read = self.stream.read(&mut buffer).map_err(Failed::Broken)?;
            if read == 0 {
                return Err(Failed::Broken(io::ErrorKind::UnexpectedEof.into()));
            }
            self.received
                .extend_from_slice(buffer.get(..read).unwrap_or_default());
        }
    }
}

fn mail(sender: &str, recipients: &[String]) -> String {
    let is_ascii = sender.is_ascii() && recipients.iter().all(|recipient| recipient.is_ascii());
    let international = if is_ascii { "" } else { " SMTPUTF8" };
    format!("MAIL FROM:<{sender}> BODY=8BITMIME{international}")
}

fn success(about: &str, reply: Reply) -> Result<Reply, Failed> {
    if reply.is_success() {
        Ok(reply)
    } else {
        Err(Failed::Refused(about.to_owned(), reply))
    }
}

fn connect(sockets: &[PathBuf]) -> Result<UnixStream, Failed> {
    let mut why = io::ErrorKind::NotFound.into();
    for _ in 0..ATTEMPTS {
        for socket in sockets {
            match UnixStream::connect(socket) {
                Ok(stream) => return Ok(stream),
                // Of several, one that is there tells more.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => why = error,
            }
        }
        #[allow(clippy::disallowed_methods, reason = "another process is waited for")]
        std::thread::sleep(PAUSE);
    }
    Err(Failed::Unreachable(why))
}

/// Passes bytes between standard input and output and the server until it closes.
pub fn relay(sockets: &[PathBuf]) -> Result<(), Failed> {
    let mut stream = connect(sockets)?;
    let mut server = stream.try_clone().map_err(Failed::Broken)?;
    // Ends with the program at the latest.
    std::thread::spawn(move || {
        let _ = copy(&mut io::stdin().lock(), &mut server);
        let _ = server.shutdown(Shutdown::Write);
    });
    copy(&mut stream, &mut io::stdout()).map_err(Failed::Broken)
}

/// Copies piece by piece, each passed on at once: the other end waits for it.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = [0; READ_BYTES];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(buffer.get(..read).unwrap_or_default())?;
        to.flush()?;
    }
}
