//! A short run of the fuzz targets on mutated examples, the same in each run.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // A test fails by panicking.

#[path = "../fuzz/entry.rs"]
mod entry;

/// Mutations of each example.
const ROUNDS: u64 = 8000;

const EXAMPLES: &[&[u8]] = &[
    b"EHLO client.example\r\nMAIL FROM:<a@elsewhere.test> SIZE=100 RET=HDRS ENVID=QQ+2B1\r\n\
      RCPT TO:<alice@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@c.example\r\n\
      DATA\r\nSubject: x\r\n\r\n..a\r\n.\r\nQUIT\r\n",
    b"LHLO client.example\r\nMAIL FROM:<> BODY=BINARYMIME SMTPUTF8\r\n\
      RCPT TO:<\"alice\"@example.test>\r\nBDAT 5\r\nA: b\r\nBDAT 0 LAST\r\nRSET\r\nSTARTTLS\r\n",
    b"HELO [IPv6:2001:db8::1]\r\nAUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABhbGljZQ==\r\n\
      AUTH LOGIN\r\nYWxpY2U=\r\n*\r\nMAIL FROM:<@r.test:a@b.test>\r\nRCPT TO:<postmaster>\r\n",
    b"a\r\n..b\r\n...\r\n.\r\nMAIL FROM:<a@b.test>\r\n",
];

/// Numbers that look random (xorshift), so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(below.max(1)).unwrap()).unwrap()
    }
}

/// Changes, drops, doubles or moves some bytes.
fn mutated(example: &[u8], dice: &mut Dice) -> Vec<u8> {
    const LOVED: &[u8] = b"\r\n\0. <>@\"\\\xff0";
    let mut bytes = example.to_vec();
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(bytes.len());
        match dice.roll(4) {
            0 if !bytes.is_empty() => bytes[at] = LOVED[dice.roll(LOVED.len())],
            1 => bytes.insert(at, LOVED[dice.roll(LOVED.len())]),
            2 if !bytes.is_empty() => drop(bytes.remove(at)),
            _ => {
                let piece = bytes[at..]
                    .iter()
                    .take(dice.roll(20))
                    .copied()
                    .collect::<Vec<_>>();
                let to = dice.roll(bytes.len());
                bytes.splice(to..to, piece);
            }
        }
    }
    bytes
}

fn run(rounds: u64, target: fn(&[u8])) {
    for (number, example) in EXAMPLES.iter().enumerate() {
        target(example);
        for round in 1..=rounds {
            let seed = round * 0x9e37_79b9 + u64::try_from(number).unwrap();
            target(&mutated(example, &mut Dice(seed)));
        }
    }
}

#[test]
fn commands() {
    run(ROUNDS, entry::commands);
}

#[test]
fn letters() {
    run(ROUNDS, entry::letter);
}

#[test]
fn sessions() {
    run(ROUNDS / 400, entry::session);
}
