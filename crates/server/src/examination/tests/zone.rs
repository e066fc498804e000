//! A small name server for tests: it knows the records it was given and nothing else.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::UdpSocket;

/// Records of a test: name, type, value. The pieces of a text are parted by [`PIECE`]; the value of
/// an MX is `10 mail.example`.
pub type Zone = Vec<(String, u16, String)>;

pub const A: u16 = 1;
pub const CNAME: u16 = 5;
pub const PTR: u16 = 12;
pub const MX: u16 = 15;
pub const TXT: u16 = 16;
pub const AAAA: u16 = 28;
/// No type of the DNS: what else is asked of this name can't be answered now.
pub const FAILS: u16 = 0xff00;
/// No type either: the name exists.
pub const EXISTS: u16 = 0xff01;
/// Parts the pieces of a text.
pub const PIECE: char = '\u{fffe}';

/// How many aliases are followed.
const ALIASES_MAX: usize = 4;
const SERVER_FAILS: u8 = 2;
const NO_SUCH_NAME: u8 = 3;

pub fn text(name: &str, value: &str) -> (String, u16, String) {
    (name.to_owned(), TXT, value.to_owned())
}

/// A name server that knows these records and nothing else.
pub async fn names(zone: Zone) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut question = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut question).await {
            let answer = answer(&question[..length], &zone);
            _ = socket.send_to(&answer, from).await;
        }
    });
    address
}

fn answer(question: &[u8], zone: &Zone) -> Vec<u8> {
    let (mut labels, mut at) = (Vec::new(), 12);
    while question[at] > 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..end]).to_lowercase());
        at = end;
    }
    let end = at + 5;
    let kind = u16::from_be_bytes([question[at + 1], question[at + 2]]);
    let (code, found) = look_up(zone, &labels.join("."), kind);
    let mut out = question[..2].to_vec();
    out.extend([0x85, 0x80 | code, 0, 1]);
    out.extend([0, u8::try_from(found.len()).unwrap(), 0, 0, 0, 0]);
    out.extend(&question[12..end]);
    for (name, kind, value) in found {
        let data = data(*kind, value);
        out.extend(written(name));
        out.extend(kind.to_be_bytes());
        out.extend([0, 1, 0, 0, 0, 60]);
        out.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        out.extend(data);
    }
    out
}

/// The response code and the records.
fn look_up<'a>(zone: &'a Zone, name: &str, kind: u16) -> (u8, Vec<&'a (String, u16, String)>) {
    let (mut name, mut found) = (name.to_owned(), Vec::new());
    for _ in 0..ALIASES_MAX {
        let known = || zone.iter().filter(|(known, ..)| *known == name);
        let direct: Vec<_> = known().filter(|(_, of, _)| *of == kind).collect();
        let alias = known().find(|(_, of, _)| *of == CNAME);
        if let (true, Some(alias)) = (direct.is_empty(), alias) {
            found.push(alias);
            name = alias.2.to_lowercase();
            continue;
        }
        let code = if direct.is_empty() && known().any(|(_, of, _)| *of == FAILS) {
            SERVER_FAILS
        } else if known().next().is_none() {
            NO_SUCH_NAME
        } else {
            0
        };
        found.extend(direct);
        return (code, found);
    }
    (SERVER_FAILS, Vec::new())
}

fn written(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    labels
        .flat_map(|label| string(label.as_bytes()))
        .chain([0])
        .collect()
}

fn string(piece: &[u8]) -> Vec<u8> {
    [&[u8::try_from(piece.len()).unwrap()], piece].concat()
}

fn data(kind: u16, value: &str) -> Vec<u8> {
    match kind {
        A => value.parse::<Ipv4Addr>().unwrap().octets().to_vec(),
        AAAA => value.parse::<Ipv6Addr>().unwrap().octets().to_vec(),
        PTR | CNAME => written(value),
        MX => {
            let (preference, host) = value.split_once(' ').unwrap();
            let preference: u16 = preference.parse().unwrap();
            [&preference.to_be_bytes()[..], &written(host)].concat()
        }
        _ => value.split(PIECE).flat_map(pieces).collect(),
    }
}

/// A text in pieces of what a piece can hold; characters up to U+00FF stand for the bytes.
fn pieces(text: &str) -> Vec<u8> {
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(c).unwrap()).collect();
    if bytes.is_empty() {
        return vec![0];
    }
    bytes.chunks(255).flat_map(string).collect()
}
