//! The key to a file that opens without a password, and what it unlocks.
//!
//! Many files are encrypted only so that programs refuse to print or change them: the password of
//! those who read them is empty. No other is ever tried.
//!
//! Start at [`Key::of`]. Source: ISO 32000-1 §7.6 (RC4, AES with 128 bits), ISO 32000-2 §7.6.4
//! (AES with 256 bits).

use super::lexer::{Dictionary, Value};
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes256};
use md5::Md5;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// Stands for a password of less than 32 bytes, from its end on; the empty one is all of it.
const PADDING: [u8; 32] = [
    0x28, 0xbf, 0x4e, 0x5e, 0x4e, 0x75, 0x8a, 0x41, 0x64, 0x00, 0x4e, 0x56, 0xff, 0xfa, 0x01, 0x08,
    0x2e, 0x2e, 0x00, 0xb6, 0xd0, 0x68, 0x3e, 0x80, 0x2f, 0x0c, 0xa9, 0xfe, 0x64, 0x53, 0x69, 0x7a,
];
/// Bytes of a block of AES.
const BLOCK: usize = 16;
/// Rounds of the hash of revision 6: from here on the last byte of a round may end it, and does so
/// before 256 more.
const ROUNDS_MIN: u32 = 64;

/// How strings or streams are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Plain,
    Rc4,
    /// AES, with a key of its own for each object (`AESV2`).
    AesOfObject,
    /// AES, with the file's key (`AESV3`).
    AesOfFile,
}

/// Opens the strings and streams of a file.
#[derive(Debug)]
pub(super) struct Key {
    bytes: Vec<u8>,
    strings: Method,
    streams: Method,
}

impl Key {
    /// The key that the empty password gives, if it does, to a file that says this of its
    /// encryption and has this identifier.
    pub(super) fn of(encryption: &Dictionary, identifier: &[u8]) -> Option<Self> {
        if !encryption.is("Filter", "Standard") {
            return None;
        }
        let (strings, streams) = match encryption.value("V").count()? {
            1 | 2 => (Method::Rc4, Method::Rc4),
            4 | 5 => (method(encryption, "StrF")?, method(encryption, "StmF")?),
            _ => return None,
        };
        let revision = encryption.value("R").count()?;
        let bytes = match revision {
            2..=4 => of_md5(encryption, revision, identifier),
            5 | 6 => of_sha2(encryption, revision),
            _ => None,
        }?;
        Some(Self {
            bytes,
            strings,
            streams,
        })
    }

    /// A string of the object with this number and generation.
    pub(super) fn string(&self, object: (u32, u16), bytes: &[u8]) -> Vec<u8> {
        self.open(self.strings, object, bytes)
    }

    /// The bytes of a stream, still packed.
    pub(super) fn stream(&self, object: (u32, u16), bytes: &[u8]) -> Vec<u8> {
        self.open(self.streams, object, bytes)
    }

    fn open(&self, method: Method, object: (u32, u16), bytes: &[u8]) -> Vec<u8> {
        match method {
            Method::Plain => Some(bytes.to_vec()),
            Method::Rc4 => Some(rc4(&self.of_object(object, b""), bytes)),
            Method::AesOfObject => aes_with_vector(&self.of_object(object, b"sAlT"), bytes),
            Method::AesOfFile => aes_with_vector(&self.bytes, bytes),
        }
        .unwrap_or_default()
    }

    /// Source: ISO 32000-1 §7.6.2, algorithm 1.
    fn of_object(&self, (number, generation): (u32, u16), salt: &[u8]) -> Vec<u8> {
        let [a, b, c, _] = number.to_le_bytes();
        let mut hash = Md5::new_with_prefix(&self.bytes);
        hash.update([a, b, c]);
        hash.update(generation.to_le_bytes());
        hash.update(salt);
        let mut key = hash.finalize().to_vec();
        key.truncate(self.bytes.len() + 5);
        key
    }
}

/// What the filter of this name does. Source: ISO 32000-1 §7.6.5.
fn method(encryption: &Dictionary, name: &str) -> Option<Method> {
    let Some(filter) = encryption.value(name).name() else {
        return Some(Method::Plain);
    };
    if filter == b"Identity" {
        return Some(Method::Plain);
    }
    let filters = encryption.value("CF").dictionary()?;
    let filter = filters.find(filter)?.dictionary()?;
    match filter.value("CFM").name()? {
        b"None" => Some(Method::Plain),
        b"V2" => Some(Method::Rc4),
        b"AESV2" => Some(Method::AesOfObject),
        b"AESV3" => Some(Method::AesOfFile),
        _ => None,
    }
}

fn text<'a>(encryption: &'a Dictionary, name: &str) -> Option<&'a [u8]> {
    match encryption.value(name) {
        Value::Text(bytes) => Some(bytes),
        _ => None,
    }
}

/// Source: ISO 32000-1 §7.6.3.3, algorithm 2; §7.6.3.4, algorithm 6.
fn of_md5(encryption: &Dictionary, revision: usize, identifier: &[u8]) -> Option<Vec<u8>> {
    let told = encryption.value("Length").count().unwrap_or(0) / 8;
    let len = match revision {
        2 => 5,
        4 => 16,
        _ => told.clamp(5, 16),
    };
    let user = text(encryption, "U")?;
    // Whether metadata is encrypted as well goes into the key; truth values are not read here.
    let endings: [&[u8]; 2] = [b"", b"\xff\xff\xff\xff"];
    let mut keys = endings.iter().filter_map(|ending| {
        let mut hash = Md5::new_with_prefix(PADDING);
        hash.update(text(encryption, "O")?.get(..32)?);
        hash.update(permissions(encryption)?);
        hash.update(identifier);
        hash.update(ending);
        let mut key = hash.finalize().to_vec();
        key.truncate(len);
        if revision >= 3 {
            for _ in 0..50 {
                key = Md5::digest(&key).to_vec();
                key.truncate(len);
            }
        }
        Some(key)
    });
    keys.find(|key| is_key(key, revision, identifier, user))
}

/// The bits of what may be done, as they go into the key: the number is signed, 32 bits.
fn permissions(encryption: &Dictionary) -> Option<[u8; 4]> {
    let number = encryption.value("P").number()?;
    let is_in_range = (-2_147_483_648.0..4_294_967_296.0).contains(&number);
    #[allow(clippy::cast_possible_truncation, reason = "in range")]
    let number = is_in_range.then_some(number as i64)?;
    let [a, b, c, d, ..] = number.to_le_bytes();
    Some([a, b, c, d])
}

/// Source: ISO 32000-1 §7.6.3.4, algorithms 4 and 5.
fn is_key(key: &[u8], revision: usize, identifier: &[u8], user: &[u8]) -> bool {
    if revision == 2 {
        return rc4(key, &PADDING) == user;
    }
    let mut hash = Md5::new_with_prefix(PADDING);
    hash.update(identifier);
    let mut made = hash.finalize().to_vec();
    for round in 0..20 {
        let key: Vec<u8> = key.iter().map(|byte| byte ^ round).collect();
        made = rc4(&key, &made);
    }
    user.get(..16) == Some(made.as_slice())
}

/// Source: ISO 32000-2 §7.6.4.3.3, algorithm 2.A.
fn of_sha2(encryption: &Dictionary, revision: usize) -> Option<Vec<u8>> {
    let (expected, salts) = text(encryption, "U")?.split_at_checked(32)?;
    let (of_check, rest) = salts.split_at_checked(8)?;
    let of_key = rest.get(..8)?;
    let hash = |salt: &[u8]| match revision {
        5 => Some(Sha256::digest(salt).to_vec()),
        _ => hash_of_revision_6(salt),
    };
    if hash(of_check)? != expected {
        return None;
    }
    let locked = text(encryption, "UE")?.get(..32)?;
    aes_decrypt(&hash(of_key)?, &[0; BLOCK], locked)
}

/// Source: ISO 32000-2 §7.6.4.3.4, algorithm 2.B, for the empty password.
fn hash_of_revision_6(salt: &[u8]) -> Option<Vec<u8>> {
    let mut key = Sha256::digest(salt).to_vec();
    for round in 0_u32.. {
        let made = aes_encrypt(&key, &key.repeat(64))?;
        // 256 is 1 modulo 3, so the first 16 bytes as a number leave what their sum leaves.
        let sum: u32 = made.iter().take(BLOCK).map(|byte| u32::from(*byte)).sum();
        key = match sum % 3 {
            0 => Sha256::digest(&made).to_vec(),
            1 => Sha384::digest(&made).to_vec(),
            _ => Sha512::digest(&made).to_vec(),
        };
        let last = u32::from(*made.last()?);
        if round + 1 >= ROUNDS_MIN && last + 32 <= round + 1 {
            break;
        }
    }
    key.truncate(32);
    Some(key)
}

/// Encryption and decryption are the same.
fn rc4(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut state: [u8; 256] = std::array::from_fn(|at| u8::try_from(at).unwrap_or(0));
    let at = |state: &[u8; 256], index: u8| state.get(usize::from(index)).copied().unwrap_or(0);
    let mut j = 0_u8;
    for (i, key) in (0..=255_u8).zip(key.iter().cycle()) {
        j = j.wrapping_add(at(&state, i)).wrapping_add(*key);
        state.swap(usize::from(i), usize::from(j));
    }
    let (mut i, mut j) = (0_u8, 0_u8);
    let stream = bytes.iter().map(|byte| {
        i = i.wrapping_add(1);
        j = j.wrapping_add(at(&state, i));
        state.swap(usize::from(i), usize::from(j));
        let sum = at(&state, i).wrapping_add(at(&state, j));
        byte ^ at(&state, sum)
    });
    stream.collect()
}

/// Blocks behind a vector of their own, the last filled up. What is damaged is left out.
fn aes_with_vector(key: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    let (vector, locked) = bytes.split_at_checked(BLOCK)?;
    let mut open = aes_decrypt(key, vector, locked)?;
    let filled = open.last().map_or(0, |last| usize::from(*last));
    if (1..=BLOCK).contains(&filled) {
        open.truncate(open.len().saturating_sub(filled));
    }
    Some(open)
}

/// Cipher block chaining, with a key of 128 or 256 bits.
fn aes_decrypt(key: &[u8], vector: &[u8], locked: &[u8]) -> Option<Vec<u8>> {
    let mut open = Vec::with_capacity(locked.len());
    let mut before = <[u8; BLOCK]>::try_from(vector).ok()?;
    let mut chain = |decrypt: &dyn Fn(&mut aes::Block)| {
        let (blocks, _) = locked.as_chunks::<BLOCK>();
        for locked in blocks {
            let mut block = aes::Block::from(*locked);
            decrypt(&mut block);
            open.extend(block.iter().zip(before).map(|(byte, before)| byte ^ before));
            before = *locked;
        }
    };
    if let Ok(cipher) = Aes128::new_from_slice(key) {
        chain(&|block| cipher.decrypt_block(block));
    } else {
        let cipher = Aes256::new_from_slice(key).ok()?;
        chain(&|block| cipher.decrypt_block(block));
    }
    Some(open)
}

/// The same the other way: the first 16 bytes are the key of 128 bits, the next the vector.
fn aes_encrypt(key: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    let (vector, _) = key.get(BLOCK..)?.split_first_chunk::<BLOCK>()?;
    let cipher = Aes128::new_from_slice(key.get(..BLOCK)?).ok()?;
    let (mut locked, mut before) = (Vec::with_capacity(bytes.len()), *vector);
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    for open in blocks {
        let mixed: [u8; BLOCK] = std::array::from_fn(|at| {
            let of = |block: &[u8; BLOCK]| block.get(at).copied().unwrap_or(0);
            of(open) ^ of(&before)
        });
        let mut block = aes::Block::from(mixed);
        cipher.encrypt_block(&mut block);
        before = block.into();
        locked.extend_from_slice(&before);
    }
    Some(locked)
}
