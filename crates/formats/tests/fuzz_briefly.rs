//! The fuzz targets on mutated examples, so that every run of the tests has a little of what
//! fuzzing gives.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

#[path = "../fuzz/entry.rs"]
mod entry;

/// Inputs for each target; some 2 seconds in a debug build.
const ROUNDS: usize = 1500;

const EXAMPLES: [&[u8]; 6] = [
    b"Date: Fri, 21 Nov 1997 09:55:06 -0600\r\nFrom: \"J, D\" <j@a.test>, G: a@b, (c) d@e;\r\n\
    Subject: =?utf-8?Q?gr=C3=BCn?= =?iso-8859-1?B?/A==?=\r\n\
References: <a@b> <c@d>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b\r\n\
Content-Type: text/html; charset=utf-7\r\n\
Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>x=3D</p>=\r\n\r\n--b--\r\n",
    b"Content-Type: multipart/digest; boundary=\"a b\"\n\n--a b\n\nSubject: 1\n\nx\n--a b\n\
    Content-Type: message/rfc822\n\n\
Content-Type: multipart/mixed; boundary=c\n\n--c\n--c--\n--a b--",
    b"Content-Type: text/plain; name*0*=utf-8''%C3%BC; name*1=\"x\"; charset=(c)us-ascii\r\n\
    Content-Disposition: attachment; filename=\"a\\\"b\"\r\n\r\n",
    b"From a@b.test Thu Aug 22 12:36:23 2002\nContent-Length: 7\n\nFrom x\n\n\n\
    From c@d Thu Aug 22 12:36:23 2002\nSubject: y\n\n>From z\n",
    b"3 V1275660208 N25022 G3085f01b7f\n25006 Pabc :1276528487.host,W=10:2,FSa\n",
    b"<@a.example,@b.example:\"q \\\" x\"@[IPv6:2001:db8::1]>",
];

/// A small generator of its own, so that a failure comes again: xorshift (G. Marsaglia, 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    /// An example with some bytes changed, cut, doubled or taken from another.
    fn mutated(&mut self) -> Vec<u8> {
        let mut bytes = EXAMPLES[self.below(EXAMPLES.len())].to_vec();
        for _ in 0..self.below(8) {
            let at = self.below(bytes.len());
            let until = (at + self.below(40)).min(bytes.len());
            match self.below(5) {
                0 if at < bytes.len() => bytes[at] = b"\r\n-:;\"<>()=?&\0\xff "[self.below(16)],
                1 => drop(bytes.drain(at..until)),
                2 => {
                    let copy = bytes[at..until].to_vec();
                    bytes.splice(at..at, copy);
                }
                3 => {
                    let other = EXAMPLES[self.below(EXAMPLES.len())];
                    let start = self.below(other.len());
                    bytes.splice(at..until, other[start..].iter().copied());
                }
                _ => bytes.truncate(until.max(10)),
            }
            bytes.truncate(4000);
        }
        bytes
    }
}

fn run(target: fn(&[u8])) {
    for example in EXAMPLES {
        target(example);
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    (0..ROUNDS).for_each(|_| target(&random.mutated()));
}

#[test]
fn letters_are_scanned() {
    run(entry::letter);
}

#[test]
fn damaged_summaries_are_read() {
    let mut random = Random(1);
    let original = formats::message::Summary::of(EXAMPLES[0]).encode();
    for _ in 0..ROUNDS {
        let mut bytes = original.clone();
        for _ in 0..3 {
            let at = random.below(bytes.len());
            bytes[at] = u8::try_from(random.below(256)).unwrap();
        }
        entry::stored_summary(&bytes);
    }
}

#[test]
fn fields_are_read() {
    run(entry::fields);
}

#[test]
fn addresses_are_read() {
    run(entry::addresses);
    let mut random = Random(2);
    for _ in 0..ROUNDS {
        let letters = b"aZ9.@\"\\[]<>:, \x80\xc3\xbc-_6IPv";
        let length = random.below(24);
        let bytes: Vec<u8> = (0..length)
            .map(|_| letters[random.below(letters.len())])
            .collect();
        entry::addresses(&bytes);
    }
}

#[test]
fn bodies_are_decoded() {
    run(entry::bodies);
}

#[test]
fn mailbox_files_are_read() {
    run(entry::mailbox_files);
}
