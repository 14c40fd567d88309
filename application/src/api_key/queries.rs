//! What can be asked about keys, and the read model that answers.

use async_trait::async_trait;
use domain::{ApiKeyId, Timestamp, role::Permission};

use crate::{Access, Answer, Answered, App, BoxError, Caller, Failure, Member, Query, ports::ReadModel};

/// The most keys that are listed: those that are not revoked, then the last that were.
pub const LISTED_MAX: usize = 100;

/// A key as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// Which.
    pub id: ApiKeyId,
    /// What its owner calls it.
    pub name: String,
    /// How it begins.
    pub prefix: String,
    /// The most it allows.
    pub permissions: Vec<Permission>,
    /// Until when it opens; for ever without.
    pub expires_at: Option<Timestamp>,
    /// When it was used last, to the hour.
    pub last_used_at: Option<Timestamp>,
    /// Since when it is revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The read model of keys. Nothing in it is asked without an owner.
#[async_trait]
pub trait ApiKeyList: Send + Sync + 'static {
    /// A person's keys, at most [`LISTED_MAX`]: those that are not revoked first, then the newest.
    async fn of(&self, owner: Member) -> Result<Vec<ApiKeyRow>, BoxError>;
    /// The numbers of the places that a person's keys take.
    async fn places(&self, owner: Member) -> Result<Vec<u8>, BoxError>;
}

/// The caller's own keys.
#[derive(Debug, Clone)]
pub struct ListApiKeys;

impl Query for ListApiKeys {
    type Answer = Vec<ApiKeyRow>;
    const NAME: &'static str = "api_key.list";
    const ACCESS: Access = Access::InPerson(&[]);
    const READS: &'static [ReadModel] = &[ReadModel::ApiKeyList];
}

impl Answer<ListApiKeys> for App {
    async fn answer(&self, caller: &Caller, ListApiKeys: ListApiKeys) -> Answered<ListApiKeys> {
        self.api_key_list.of(caller.signed_in()?).await.map_err(Failure::Unavailable)
    }
}
