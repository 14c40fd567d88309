//! What can be asked about operators, and the read model that answers.

use async_trait::async_trait;
use domain::{
    OperatorId, Sealed, StreamId, Timestamp,
    operator::{Badge, OperatorRole},
};

use crate::{
    Access, Answer, Answered, App, BoxError, Caller, Direction, Failure, Filter, Page, PageRequest, Query,
    Test,
    ports::{ReadModel, VaultError},
    user::sealed,
};

/// What is shown of personal data whose key is gone.
const ERASED: &str = "erased";

/// An operator as the portal shows one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorRow {
    /// Which.
    pub id: OperatorId,
    /// Full name.
    pub fullname: String,
    /// E-mail address.
    pub email: String,
    /// What the operator may do.
    pub role: OperatorRole,
    /// Whether the operator may work.
    pub active: bool,
    /// Whether a second factor is asked for.
    pub two_factor: bool,
    /// Since when.
    pub created_at: Timestamp,
    /// One up per event that is shown.
    pub version: i64,
}

/// A test of one field of an operator.
#[derive(Debug, Clone, PartialEq)]
pub enum OperatorField {
    /// `role`
    Role(Test<OperatorRole>),
    /// `active`
    Active(Test<bool>),
}

/// Which operators.
pub type OperatorFilter = Filter<OperatorField>;

/// The read model of operators.
#[async_trait]
pub trait OperatorList: Send + Sync + 'static {
    /// A page of them, by when they were made.
    async fn page(
        &self,
        request: &PageRequest<OperatorFilter, Direction>,
    ) -> Result<Page<OperatorRow>, BoxError>;
    /// How many there are.
    async fn count(&self, filter: &OperatorFilter) -> Result<i64, BoxError>;
}

/// The operator who asks.
#[derive(Debug, Clone)]
pub struct PortalMe;

impl Query for PortalMe {
    type Answer = Option<OperatorRow>;
    const NAME: &'static str = "operator.me";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[];
    // One's own account.
    const NOTED: bool = false;
}

impl Answer<PortalMe> for App {
    async fn answer(&self, caller: &Caller, PortalMe: PortalMe) -> Answered<PortalMe> {
        let id = caller.operator_id()?;
        let loaded = self.operators.load(&StreamId::global(id.0)).await;
        let (version, state) = loaded.map_err(|failure| match failure {
            Failure::Unavailable(cause) => Failure::Unavailable(cause),
            other => Failure::Internal(other.to_string().into()),
        })?;
        match state.badge() {
            Some(badge) => Ok(Some(self.operator_row(id, badge, version).await.map_err(sealed)?)),
            None => Ok(None),
        }
    }
}

/// A page of operators.
#[derive(Debug, Clone)]
pub struct Operators {
    /// Which, and which of them.
    pub request: PageRequest<OperatorFilter, Direction>,
}

/// How many operators pass.
#[derive(Debug, Clone)]
pub struct CountOperators {
    /// Which operators.
    pub filter: OperatorFilter,
}

impl Query for Operators {
    type Answer = Page<OperatorRow>;
    const NAME: &'static str = "operator.list";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[ReadModel::OperatorList];
}

impl Answer<Operators> for App {
    async fn answer(&self, _: &Caller, query: Operators) -> Answered<Operators> {
        self.operator_list.page(&query.request).await.map_err(Failure::Unavailable)
    }
}

impl Query for CountOperators {
    type Answer = i64;
    const NAME: &'static str = "operator.count";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[ReadModel::OperatorList];
    // The count of a connection: the page beside it is written down.
    const NOTED: bool = false;
}

impl Answer<CountOperators> for App {
    async fn answer(&self, _: &Caller, query: CountOperators) -> Answered<CountOperators> {
        self.operator_list.count(&query.filter).await.map_err(Failure::Unavailable)
    }
}

impl App {
    /// An operator as answers show one.
    pub(super) async fn operator_row(
        &self,
        id: OperatorId,
        badge: &Badge,
        version: i64,
    ) -> Result<OperatorRow, VaultError> {
        let open = async |field: &'static str, value: &Sealed| {
            let clear = self.vault.open(id.0, field, value).await?;
            Ok::<_, VaultError>(clear.unwrap_or_else(|| ERASED.to_owned()))
        };
        Ok(OperatorRow {
            id,
            fullname: open("fullname", &badge.fullname).await?,
            email: open("email", &badge.email).await?,
            role: badge.role,
            active: badge.is_active(),
            two_factor: badge.two_factor.is_bound(),
            created_at: badge.created_at,
            version,
        })
    }
}
