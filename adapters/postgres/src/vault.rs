//! Personal data: a key per person, wrapped by `DATA_KEY`, and keyed hashes to look values up.
//!
//! AES-256-GCM-SIV with a nonce derived from the field's name: equal values of one person and
//! field seal alike, which tells nothing to anybody without the key, and lets the domain see that
//! nothing changed. Destroying the key erases the person in events, snapshots and exports at once.

mod rewrap;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use application::ports::{Entropy, Vault, VaultError};
use async_trait::async_trait;
use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey},
    digest::{SHA256, digest},
    hmac,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use deadpool_postgres::{Pool, Transaction};
use domain::{BlindIndex, Sealed};
use quick_cache::{UnitWeighter, sync::Cache};
use tokio::sync::OnceCell;
use uuid::Uuid;

pub use self::rewrap::Rewrapped;

/// Keys kept in memory.
const CACHED_KEYS_MAX: u64 = 10_000;
/// Room made for them at the start.
const CACHED_KEYS_FIRST: usize = 256;
/// The subject under which the deployment's own key is kept: for look-ups and cursors.
const DEPLOYMENT: Uuid = Uuid::nil();
/// How long a key is kept in memory: so long a process may still open data of somebody erased.
const KEY_REMEMBERED: Duration = Duration::from_secs(10);
const PLAIN: u8 = 0;
const WRAPPED: u8 = 1;
const GONE: u8 = 2;
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;

/// What is stored for a subject.
enum Found {
    Key(Arc<[u8; KEY_BYTES]>),
    /// It was erased.
    Gone,
    Nothing,
}

/// The vault in Postgres.
pub struct PgVault {
    pool: Pool,
    entropy: Arc<dyn Entropy>,
    wrapping: Option<LessSafeKey>,
    /// What keys may be wrapped with as well, until they are wrapped anew.
    previous: Vec<LessSafeKey>,
    cache: Cache<Uuid, (Arc<[u8; KEY_BYTES]>, Instant)>,
    deployment: OnceCell<[u8; KEY_BYTES]>,
}

impl PgVault {
    /// A vault whose keys are wrapped by `data_key`, or stored plain without one.
    pub fn new(pool: Pool, entropy: Arc<dyn Entropy>, data_key: Option<[u8; KEY_BYTES]>) -> Arc<Self> {
        Self::with_previous(pool, entropy, data_key, &[])
    }

    /// The same, and keys that are wrapped with one of `previous` open as well.
    pub fn with_previous(
        pool: Pool,
        entropy: Arc<dyn Entropy>,
        data_key: Option<[u8; KEY_BYTES]>,
        previous: &[[u8; KEY_BYTES]],
    ) -> Arc<Self> {
        let wrapping = data_key.map(|key| sealing_key(&key));
        Arc::new(Self {
            pool,
            entropy,
            wrapping,
            previous: previous.iter().map(sealing_key).collect(),
            cache: Cache::with_weighter(CACHED_KEYS_FIRST, CACHED_KEYS_MAX, UnitWeighter),
            deployment: OnceCell::new(),
        })
    }

    /// A key for another purpose, the same on every node of the deployment.
    pub async fn derive(&self, purpose: &str) -> Result<[u8; KEY_BYTES], VaultError> {
        let root = self.deployment().await?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, root), purpose.as_bytes());
        let mut key = [0; KEY_BYTES];
        key.copy_from_slice(tag.as_ref());
        Ok(key)
    }

    async fn deployment(&self) -> Result<&[u8; KEY_BYTES], VaultError> {
        self.deployment.get_or_try_init(|| async { self.key_or_new(DEPLOYMENT).await.map(|key| *key) }).await
    }

    async fn find(&self, subject: Uuid) -> Result<Found, VaultError> {
        if let Some((key, read_at)) = self.cache.get(&subject)
            && read_at.elapsed() < KEY_REMEMBERED
        {
            return Ok(Found::Key(key));
        }
        let client = self.pool.get().await.map_err(away)?;
        let sql = "SELECT wrapped_key FROM subject_keys WHERE subject_id = $1";
        let statement = client.prepare_cached(sql).await.map_err(away)?;
        let row = client.query_opt(&statement, &[&subject]).await.map_err(away)?;
        let stored: Vec<u8> = match row {
            Some(row) => row.try_get(0).map_err(away)?,
            None => return Ok(Found::Nothing),
        };
        if stored == [GONE] {
            self.cache.remove(&subject);
            return Ok(Found::Gone);
        }
        let key = Arc::new(self.unwrap(subject, &stored)?);
        self.cache.insert(subject, (Arc::clone(&key), Instant::now()));
        Ok(Found::Key(key))
    }

    async fn key_or_new(&self, subject: Uuid) -> Result<Arc<[u8; KEY_BYTES]>, VaultError> {
        match self.find(subject).await? {
            Found::Key(key) => return Ok(key),
            Found::Gone => return Err(VaultError::Broken(format!("{subject} was erased"))),
            Found::Nothing => {}
        }
        let wrapped = self.wrap(subject, self.entropy.secret())?;
        let client = self.pool.get().await.map_err(away)?;
        let sql = "INSERT INTO subject_keys (subject_id, wrapped_key) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        client.execute(sql, &[&subject, &wrapped]).await.map_err(away)?;
        drop(client);
        // Whoever was first: all read the same key.
        match self.find(subject).await? {
            Found::Key(key) => Ok(key),
            Found::Gone | Found::Nothing => Err(VaultError::Broken("a key is gone again".to_owned())),
        }
    }

    /// Destroys the key of a person, together with what else the transaction does. What is sealed
    /// with it opens nowhere any more, once processes have forgotten it.
    pub(crate) async fn destroy(
        &self,
        tx: &Transaction<'_>,
        subject: Uuid,
    ) -> Result<(), tokio_postgres::Error> {
        let sql = "INSERT INTO subject_keys (subject_id, wrapped_key) VALUES ($1, $2) \
                   ON CONFLICT (subject_id) DO UPDATE SET wrapped_key = excluded.wrapped_key";
        tx.execute(sql, &[&subject, &[GONE].as_slice()]).await?;
        self.cache.remove(&subject);
        Ok(())
    }

    fn wrap(&self, subject: Uuid, key: [u8; KEY_BYTES]) -> Result<Vec<u8>, VaultError> {
        let Some(wrapping) = &self.wrapping else { return Ok([&[PLAIN], key.as_slice()].concat()) };
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&self.entropy.secret()[..NONCE_BYTES]);
        let mut sealed = key.to_vec();
        let aad = Aad::from(*subject.as_bytes());
        wrapping
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| VaultError::Broken("a key cannot be wrapped".to_owned()))?;
        Ok([&[WRAPPED], nonce.as_slice(), &sealed].concat())
    }

    /// Whether a stored key is wrapped with our own `DATA_KEY`.
    fn is_ours(&self, subject: Uuid, stored: &[u8]) -> bool {
        let own = self.wrapping.as_ref().filter(|_| stored.first() == Some(&WRAPPED));
        own.is_some_and(|own| open_key(own, subject, &stored[1..]).is_some())
    }

    fn unwrap(&self, subject: Uuid, stored: &[u8]) -> Result<[u8; KEY_BYTES], VaultError> {
        let broken = |why: &str| VaultError::Broken(why.to_owned());
        let clear = match stored.split_first() {
            Some((&PLAIN, key)) => key.to_vec(),
            Some((&WRAPPED, rest)) => {
                let mut keys = self.wrapping.iter().chain(&self.previous).peekable();
                if keys.peek().is_none() {
                    return Err(broken("keys are wrapped, and DATA_KEY is not set"));
                }
                let opened = keys.find_map(|key| open_key(key, subject, rest));
                opened.ok_or_else(|| broken("DATA_KEY is not the one the keys were wrapped with"))?
            }
            _ => return Err(broken("a stored key has an unknown form")),
        };
        clear.try_into().map_err(|_| broken("a stored key has another length"))
    }
}

/// What is behind the first byte of a stored key, opened; `None` where `key` does not fit.
fn open_key(key: &LessSafeKey, subject: Uuid, rest: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = rest.split_at_checked(NONCE_BYTES)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut sealed = sealed.to_vec();
    let clear = key.open_in_place(nonce, Aad::from(*subject.as_bytes()), &mut sealed).ok()?;
    Some(clear.to_vec())
}

#[async_trait]
impl Vault for PgVault {
    async fn seal(&self, subject: Uuid, field: &'static str, clear: &str) -> Result<Sealed, VaultError> {
        let key = self.key_or_new(subject).await?;
        let mut bytes = clear.as_bytes().to_vec();
        sealing_key(&key)
            .seal_in_place_append_tag(nonce_of(field), Aad::from(*subject.as_bytes()), &mut bytes)
            .map_err(|_| VaultError::Broken("a value cannot be sealed".to_owned()))?;
        Ok(Sealed::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    async fn open(
        &self,
        subject: Uuid,
        field: &'static str,
        sealed: &Sealed,
    ) -> Result<Option<String>, VaultError> {
        let Found::Key(key) = self.find(subject).await? else { return Ok(None) };
        let broken = || VaultError::Broken(format!("{field} of {subject} does not open"));
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed.as_str()).map_err(|_| broken())?;
        let clear =
            sealing_key(&key).open_in_place(nonce_of(field), Aad::from(*subject.as_bytes()), &mut bytes);
        String::from_utf8(clear.map_err(|_| broken())?.to_vec()).map(Some).map_err(|_| broken())
    }

    async fn prefetch(&self, subjects: &[Uuid]) -> Result<(), VaultError> {
        let remembered = |subject: &Uuid| {
            self.cache.get(subject).is_some_and(|(_, read_at)| read_at.elapsed() < KEY_REMEMBERED / 2)
        };
        let mut wanted: Vec<Uuid> = subjects.iter().filter(|subject| !remembered(subject)).copied().collect();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.len() < 2 {
            return Ok(());
        }
        let client = self.pool.get().await.map_err(away)?;
        let sql = "SELECT subject_id, wrapped_key FROM subject_keys WHERE subject_id = ANY($1)";
        let statement = client.prepare_cached(sql).await.map_err(away)?;
        for row in client.query(&statement, &[&wanted]).await.map_err(away)? {
            let (subject, stored): (Uuid, Vec<u8>) =
                (row.try_get(0).map_err(away)?, row.try_get(1).map_err(away)?);
            // What does not unwrap says so where it is opened.
            if stored != [GONE]
                && let Ok(key) = self.unwrap(subject, &stored)
            {
                self.cache.insert(subject, (Arc::new(key), Instant::now()));
            }
        }
        Ok(())
    }

    async fn index(&self, scope: &'static str, clear: &str) -> Result<BlindIndex, VaultError> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.deployment().await?);
        let mut context = hmac::Context::with_key(&key);
        context.update(scope.as_bytes());
        context.update(&[0]);
        context.update(clear.as_bytes());
        Ok(BlindIndex::new(URL_SAFE_NO_PAD.encode(context.sign())))
    }
}

fn sealing_key(key: &[u8; KEY_BYTES]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, key).expect("the key has the cipher's length"))
}

fn nonce_of(field: &str) -> Nonce {
    let hash = digest(&SHA256, field.as_bytes());
    let mut nonce = [0; NONCE_BYTES];
    nonce.copy_from_slice(&hash.as_ref()[..NONCE_BYTES]);
    Nonce::assume_unique_for_key(nonce)
}

fn away(error: impl Into<application::BoxError>) -> VaultError {
    VaultError::Unavailable(error.into())
}
