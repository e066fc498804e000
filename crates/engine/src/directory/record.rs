//! What the objects of the directory say, and their bytes in the store.

use crate::authentication::scram::Verifier;
use crate::record::{Reader, Writer, corrupt};
use crate::signature::key::DomainKey;
use bytes::Bytes;
use store::StoreError;
use store::id::Timestamp;

/// What an account stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccountKind {
    /// Someone who signs in.
    #[default]
    Person,
    /// A mailbox that several people use; nobody signs in to it.
    Shared,
    /// A room or piece of equipment.
    Resource,
}

/// What becomes of letters that were fetched by a client that takes mail away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FetchPolicy {
    /// The client may delete them.
    #[default]
    ClientDecides,
    /// They stay whatever the client asks.
    Keep,
    /// They go this many days after they were received, and stay until then.
    KeepDays(u16),
}

/// A password made for one program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppPassword {
    /// What the owner calls it.
    pub name: String,
    /// Its keyed hash: random passwords need no slow one.
    pub hash: [u8; 32],
    /// When it was made.
    pub created: Timestamp,
}

/// A certificate that a program shows instead of a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// What the owner calls it.
    pub name: String,
    /// SHA-256 of its bytes (DER).
    pub fingerprint: [u8; 32],
}

/// An account as the directory knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRecord {
    /// What it stands for.
    pub kind: AccountKind,
    /// Its first address, in canonical form.
    pub address: String,
    /// Further addresses of its own: earlier names, for the most part.
    pub other_addresses: Vec<String>,
    /// The name people read.
    pub display_name: String,
    /// A disabled account receives mail but nobody signs in to it.
    pub enabled: bool,
    /// May use the administration.
    pub administrator: bool,
    /// What the password is compared with.
    pub password: Option<String>,
    /// The same password's SCRAM verifier.
    pub scram: Option<Verifier>,
    /// Passwords for single programs.
    pub app_passwords: Vec<AppPassword>,
    /// What becomes of fetched letters.
    pub fetch_policy: FetchPolicy,
    /// Certificates that sign in to it.
    pub certificates: Vec<ClientCertificate>,
}

impl AccountRecord {
    /// An account that nobody can sign in to yet.
    pub fn new(kind: AccountKind, address: String) -> Self {
        Self {
            kind,
            address,
            other_addresses: Vec::new(),
            display_name: String::new(),
            enabled: true,
            administrator: false,
            password: None,
            scram: None,
            app_passwords: Vec::new(),
            fetch_policy: FetchPolicy::default(),
            certificates: Vec::new(),
        }
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut out = Writer::new();
        out.number(match self.kind {
            AccountKind::Person => 0,
            AccountKind::Shared => 1,
            AccountKind::Resource => 2,
        });
        out.text(&self.address);
        out.list(&self.other_addresses, |out, address| {
            out.text(address);
        });
        out.text(&self.display_name);
        out.flag(self.enabled).flag(self.administrator);
        out.optional_text(self.password.as_deref());
        out.list(self.scram.as_slice(), |out, scram| {
            out.bytes(&scram.salt).number(u64::from(scram.rounds));
            out.bytes(&scram.stored_key).bytes(&scram.server_key);
        });
        out.list(&self.app_passwords, |out, password| {
            out.text(&password.name)
                .bytes(&password.hash)
                .signed(password.created.0);
        });
        out.number(match self.fetch_policy {
            FetchPolicy::ClientDecides => 0,
            FetchPolicy::Keep => 1,
            FetchPolicy::KeepDays(days) => u64::from(days) + 2,
        });
        if !self.certificates.is_empty() {
            out.list(&self.certificates, |out, known| {
                out.text(&known.name).bytes(&known.fingerprint);
            });
        }
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut input = Reader::new(bytes)?;
        Ok(Self {
            kind: match input.number()? {
                0 => AccountKind::Person,
                1 => AccountKind::Shared,
                2 => AccountKind::Resource,
                _ => return Err(corrupt()),
            },
            address: input.text()?,
            other_addresses: input.list(Reader::text)?,
            display_name: input.text()?,
            enabled: input.flag()?,
            administrator: input.flag()?,
            password: input.optional_text()?,
            scram: input.list(read_scram)?.pop(),
            app_passwords: input.list(read_app_password)?,
            fetch_policy: match input.number()? {
                0 => FetchPolicy::ClientDecides,
                1 => FetchPolicy::Keep,
                days => FetchPolicy::KeepDays(u16::try_from(days - 2).map_err(|_| corrupt())?),
            },
            // Accounts were made before there were any.
            certificates: if input.is_at_end() {
                Vec::new()
            } else {
                input.list(read_certificate)?
            },
        })
    }
}

fn read_scram(input: &mut Reader<'_>) -> Result<Verifier, StoreError> {
    Ok(Verifier {
        salt: input.array()?,
        rounds: input.number32()?,
        stored_key: input.array()?,
        server_key: input.array()?,
    })
}

fn read_app_password(input: &mut Reader<'_>) -> Result<AppPassword, StoreError> {
    Ok(AppPassword {
        name: input.text()?,
        hash: input.array()?,
        created: Timestamp(input.signed()?),
    })
}

fn read_certificate(input: &mut Reader<'_>) -> Result<ClientCertificate, StoreError> {
    Ok(ClientCertificate {
        name: input.text()?,
        fingerprint: input.array()?,
    })
}

/// A domain whose mail is received here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainRecord {
    /// Its name, in canonical form.
    pub name: String,
    /// Who receives what is addressed to nobody: an address.
    pub catch_all: Option<String>,
    /// What its letters are signed with.
    pub keys: Vec<DomainKey>,
}

impl DomainRecord {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = Writer::new();
        out.text(&self.name)
            .optional_text(self.catch_all.as_deref());
        out.list(&self.keys, |out, key| key.write(out));
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut input = Reader::new(bytes)?;
        Ok(Self {
            name: input.text()?,
            catch_all: input.optional_text()?,
            // Domains were made before they had keys.
            keys: if input.is_at_end() {
                Vec::new()
            } else {
                input.list(DomainKey::read)?
            },
        })
    }
}

/// Who may write to an alias or group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Posting {
    /// Everyone.
    #[default]
    Anyone,
    /// Those whom it leads to; others are refused.
    Members,
    /// These addresses; what others write goes to them instead, and they send it on if they like.
    Moderators(Vec<String>),
}

/// An address that leads to others: an alias, or a group with a name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListRecord {
    /// Its address, in canonical form.
    pub address: String,
    /// The name people read; empty for aliases.
    pub display_name: String,
    /// Where it leads: addresses in canonical form, here or elsewhere.
    pub targets: Vec<String>,
    /// Who may write to it.
    pub posting: Posting,
}

impl ListRecord {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = Writer::new();
        out.text(&self.address).text(&self.display_name);
        out.list(&self.targets, |out, target| {
            out.text(target);
        });
        self.posting.write(&mut out);
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut input = Reader::new(bytes)?;
        Ok(Self {
            address: input.text()?,
            display_name: input.text()?,
            targets: input.list(Reader::text)?,
            posting: Posting::read(&mut input)?,
        })
    }
}

impl Posting {
    fn write(&self, out: &mut Writer) {
        match self {
            Self::Anyone => {} // As it was written before there was a choice.
            Self::Members => _ = out.number(1),
            Self::Moderators(moderators) => {
                out.number(2).list(moderators, |out, address| {
                    out.text(address);
                });
            }
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, StoreError> {
        if input.is_at_end() {
            return Ok(Self::Anyone);
        }
        match input.number()? {
            1 => Ok(Self::Members),
            2 => Ok(Self::Moderators(input.list(Reader::text)?)),
            _ => Err(corrupt()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn records_come_back_as_they_were() {
        let account = AccountRecord {
            display_name: "Alice".to_owned(),
            other_addresses: vec!["al@example.test".to_owned()],
            administrator: true,
            password: Some("$argon2id$x".to_owned()),
            scram: Some(Verifier {
                salt: [1; 16],
                rounds: 4096,
                stored_key: [3; 32],
                server_key: [4; 32],
            }),
            app_passwords: vec![AppPassword {
                name: "phone".to_owned(),
                hash: [5; 32],
                created: Timestamp(-7),
            }],
            fetch_policy: FetchPolicy::KeepDays(0),
            ..AccountRecord::new(AccountKind::Resource, "a@example.test".to_owned())
        };
        assert_eq!(AccountRecord::decode(&account.encode()).unwrap(), account);
        let account = AccountRecord {
            certificates: vec![ClientCertificate {
                name: "laptop".to_owned(),
                fingerprint: [6; 32],
            }],
            ..account
        };
        assert_eq!(AccountRecord::decode(&account.encode()).unwrap(), account);
        let list = ListRecord {
            address: "team@example.test".to_owned(),
            display_name: "Team".to_owned(),
            targets: vec!["a@example.test".to_owned(), "b@elsewhere.test".to_owned()],
            posting: Posting::Anyone,
        };
        let moderators = Posting::Moderators(vec!["a@example.test".to_owned()]);
        for posting in [Posting::Anyone, Posting::Members, moderators] {
            let list = ListRecord {
                posting,
                ..list.clone()
            };
            assert_eq!(ListRecord::decode(&list.encode()).unwrap(), list);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let bytes: Vec<u8> = std::iter::once(1).chain(bytes).collect();
            _ = AccountRecord::decode(&bytes);
            _ = ListRecord::decode(&bytes);
            _ = DomainRecord::decode(&bytes);
        }
    }
}
