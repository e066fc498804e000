//! The engine itself: what all sessions of a server share.

use crate::account::Account;
use crate::account::event::Events;
use crate::account::scripts::ScriptCache;
use crate::authentication::attempts::Attempts;
use crate::authentication::cache::Cache;
use crate::directory::Directory;
use crate::error::EngineError;
use crate::greylist::Greylist;
use crate::remembered::Written;
use crate::search::{EntryTexts, FlagCache, Index, Keep, Relations, SortedList};
use crate::settings::Settings;
use crate::sharing::Sharing;
use crate::sign_in::{TokenVerifier, User};
use crate::spam::{Lessons, Meetings};
use crate::traffic::Traffic;
use crate::upload::Upload;
use bytes::Bytes;
use std::sync::{Arc, OnceLock};
use store::StoreError;
use store::id::{AccountId, Guid, Timestamp};
use store::model::{DirectoryKind, Origin, Reads, Store, Watch};
use store::sketch::Known;
use store::world::{Clock, Rng};

/// Bytes of the secret that names, salts and app passwords are hashed with.
const SECRET_BYTES: usize = 32;

/// The rules over one store. A clone is the same engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<Store>,
    settings: Settings,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    secret: [u8; SECRET_BYTES],
    directory: Directory,
    attempts: Attempts,
    logins: Cache,
    sharing: Sharing,
    tokens: OnceLock<Arc<dyn TokenVerifier>>,
    scripts: ScriptCache,
    events: Events,
    lessons: Lessons,
    meetings: Meetings,
    traffic: Traffic,
    greylist: Greylist,
    written: Written,
    search_index: OnceLock<Arc<dyn Index>>,
    entry_texts: OnceLock<Arc<dyn EntryTexts>>,
    flags: FlagCache,
    sorted_lists: Keep<SortedList>,
    relations: Keep<Relations>,
}

impl Engine {
    /// Takes a store into use, and with it what an earlier process remembered. The first time, the
    /// engine's own secret is made and kept in the directory.
    pub fn open(
        store: Arc<Store>,
        settings: Settings,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, EngineError> {
        let mut login_key = [0; SECRET_BYTES];
        rng.fill(&mut login_key);
        let secret = secret(&store, &*rng)?;
        let shared = Shared {
            greylist: Greylist::new(secret),
            written: Written::default(),
            secret,
            directory: Directory::new(Arc::clone(&store), settings.tag_separator),
            attempts: Attempts::default(),
            logins: Cache::new(login_key),
            sharing: Sharing::default(),
            store,
            settings,
            clock,
            rng,
            tokens: OnceLock::new(),
            scripts: ScriptCache::default(),
            events: Events::default(),
            lessons: Lessons::default(),
            meetings: Meetings::default(),
            traffic: Traffic::default(),
            search_index: OnceLock::new(),
            entry_texts: OnceLock::new(),
            flags: FlagCache::default(),
            sorted_lists: Keep::default(),
            relations: Keep::default(),
        };
        let engine = Self {
            shared: Arc::new(shared),
        };
        engine.recall()?;
        Ok(engine)
    }

    /// What the administrator decided.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Fresh random bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.shared.rng.fill(&mut bytes);
        bytes
    }

    /// Tells this server's data from all others: the same for ever, and in every copy of it.
    pub fn installation(&self) -> Guid {
        let hash = blake3::keyed_hash(self.secret(), b"installation");
        let (first, _) = hash.as_bytes().split_at(16);
        Guid(first.try_into().unwrap_or_default())
    }

    /// Who has an address here.
    pub fn directory(&self) -> &Directory {
        &self.shared.directory
    }

    /// The mailbox of someone who signed in. `session` is the connection's number, by which a
    /// session knows its own changes.
    pub fn account(&self, user: &User, session: u64) -> Account {
        let origin = Origin {
            session,
            actor: user.account,
        };
        Account::of_owner(self.clone(), user.account, origin).with_administrator(user.administrator)
    }

    /// The mailbox of another, as far as its folders' rights let this user.
    ///
    /// Errors: [`EngineError::NoSuchAccount`].
    pub fn account_of(
        &self,
        user: &User,
        owner: AccountId,
        session: u64,
    ) -> Result<Account, EngineError> {
        self.account(user, session).another(owner)
    }

    pub(crate) fn account_of_actor(
        &self,
        origin: Origin,
        owner: AccountId,
    ) -> Result<Account, EngineError> {
        if owner == origin.actor {
            return Ok(Account::of_owner(self.clone(), owner, origin));
        }
        self.directory()
            .account(owner)?
            .ok_or(EngineError::NoSuchAccount)?;
        let groups = self.directory().groups_of(origin.actor)?;
        Ok(Account::of_guest(self.clone(), owner, origin, groups))
    }

    /// A mailbox with all rights, for the administration's commands and for the server's own work.
    pub fn account_as_server(&self, owner: AccountId) -> Account {
        Account::of_owner(self.clone(), owner, Origin::default())
    }

    /// Is told of every settled commit that changed the queue of any account.
    pub fn watch_queue(&self) -> Watch {
        self.store().watch_queue()
    }

    /// Searches ask this index from now on where to look; the first one that is given stays.
    ///
    /// It must be fed by a [`Feeder`](crate::search::Feeder).
    pub fn use_search_index(&self, index: Arc<dyn Index>) {
        // A second one would be fed by nobody.
        let _ = self.shared.search_index.set(index);
    }

    /// Searches and the index learn from this what items say that are no letters; the first one
    /// that is given stays. Without any, such items have no text.
    pub fn use_entry_texts(&self, texts: Arc<dyn EntryTexts>) {
        // A second one would not know what the first has told the index.
        let _ = self.shared.entry_texts.set(texts);
    }

    /// From now on bearer tokens are taken that this one finds good; the first one that is given
    /// stays.
    pub fn use_tokens(&self, tokens: Arc<dyn TokenVerifier>) {
        let _ = self.shared.tokens.set(tokens);
    }

    /// Has the index of letters forget an account, which it then learns from the beginning; searches
    /// look at all letters that it has not learned yet. False if there is no index.
    pub fn relearn_for_search(&self, account: AccountId) -> bool {
        let Some(index) = self.search_index() else {
            return false;
        };
        index.forget(account);
        self.store().note_changed(account);
        true
    }

    /// What the index of letters knows of an account; nothing if there is no index.
    pub fn known_for_search(&self, account: AccountId) -> Option<Known> {
        self.search_index().map(|index| index.known(account))
    }

    pub(crate) fn entry_texts(&self) -> Option<&Arc<dyn EntryTexts>> {
        self.shared.entry_texts.get()
    }

    pub(crate) fn search_index(&self) -> Option<&Arc<dyn Index>> {
        self.shared.search_index.get()
    }

    pub(crate) fn flag_cache(&self) -> &FlagCache {
        &self.shared.flags
    }

    pub(crate) fn sorted_lists(&self) -> &Keep<SortedList> {
        &self.shared.sorted_lists
    }

    pub(crate) fn relations(&self) -> &Keep<Relations> {
        &self.shared.relations
    }

    /// The accounts that settled commits have changed since this was last asked. Asking once makes
    /// the engine take notes.
    pub fn changed_accounts(&self) -> Vec<AccountId> {
        self.store().changed_accounts()
    }

    /// How often a letter or another item was given a new text since the server started.
    pub fn texts_written(&self) -> u64 {
        self.store().texts_written()
    }

    /// Starts a letter that comes in pieces.
    pub fn upload(&self) -> Result<Upload, EngineError> {
        let spool = self.store().spool()?;
        Ok(Upload::new(spool, self.settings().limits.message_bytes_max))
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.shared.store
    }

    pub(crate) fn scripts(&self) -> &ScriptCache {
        &self.shared.scripts
    }

    /// How much came and went lately, and who is banned.
    pub fn traffic(&self) -> &Traffic {
        &self.shared.traffic
    }

    /// Who was asked to come again, and who did.
    pub fn greylist(&self) -> &Greylist {
        &self.shared.greylist
    }

    pub(crate) fn written(&self) -> &Written {
        &self.shared.written
    }

    pub(crate) fn meetings(&self) -> &Meetings {
        &self.shared.meetings
    }

    pub(crate) fn events(&self) -> &Events {
        &self.shared.events
    }

    pub(crate) fn lessons(&self) -> &Lessons {
        &self.shared.lessons
    }

    pub(crate) fn secret(&self) -> &[u8; SECRET_BYTES] {
        &self.shared.secret
    }

    pub(crate) fn attempts(&self) -> &Attempts {
        &self.shared.attempts
    }

    pub(crate) fn sharing(&self) -> &Sharing {
        &self.shared.sharing
    }

    pub(crate) fn logins(&self) -> &Cache {
        &self.shared.logins
    }

    pub(crate) fn tokens(&self) -> Option<&dyn TokenVerifier> {
        self.shared.tokens.get().map(Arc::as_ref)
    }
}

/// The engine's secret: the payload of the first settings object.
fn secret(store: &Store, rng: &dyn Rng) -> Result<[u8; SECRET_BYTES], EngineError> {
    let damaged = || StoreError::Corrupt("the engine's secret has a wrong length".to_owned());
    let view = store.view(AccountId::DIRECTORY)?;
    let known = view.directory_records(DirectoryKind::Settings)?;
    drop(view);
    if let Some((_, record)) = known.first() {
        return Ok(record.payload.as_ref().try_into().map_err(|_| damaged())?);
    }
    let mut secret = [0; SECRET_BYTES];
    rng.fill(&mut secret);
    let pending = store.write(&[AccountId::DIRECTORY], Origin::default(), |txn| {
        txn.add_directory(DirectoryKind::Settings, Bytes::copy_from_slice(&secret))
            .map_err(EngineError::from)
    })?;
    pending.wait()?;
    Ok(secret)
}
