//! Who brought whom. The tree spans tenants; what one sees of people of other tenants is the code
//! they give to friends, since when they are here, and how far below one they stand.

use async_trait::async_trait;
use domain::{TenantId, Timestamp, UserId, role::Permission};

use crate::{
    Access, Answer, Answered, App, BoxError, Caller, Direction, Failure, Filter, Member, Page, PageRequest,
    Query, Test, ports::ReadModel,
};

/// Somebody below one in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferralRow {
    /// Who.
    pub user: UserId,
    /// Of which tenant.
    pub tenant: TenantId,
    /// What the person gives to friends.
    pub referral_code: String,
    /// Since when the person is here.
    pub joined_at: Timestamp,
    /// How far below: 1 for those one brought oneself.
    pub level: i32,
}

/// A person's place in the tree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReferralStats {
    /// Those the person brought.
    pub direct: i64,
    /// Those, and all whom they brought; without the person.
    pub descendants: i64,
    /// How far below a root; 0 for a root.
    pub depth: i64,
}

/// A test of one field of a referral.
#[derive(Debug, Clone, PartialEq)]
pub enum ReferralField {
    /// `direct`
    Direct(Test<bool>),
    /// `joinedAt`
    JoinedAt(Test<Timestamp>),
}

/// Which referrals.
pub type ReferralFilter = Filter<ReferralField>;

/// In which order; the id decides between equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferralSort {
    /// By when they came.
    JoinedAt(Direction),
    /// By how far below they stand.
    Level(Direction),
}

/// The read model of who brought whom: always asked by somebody, about those below.
#[async_trait]
pub trait Referrals: Send + Sync + 'static {
    /// The person's place in the tree.
    async fn stats(&self, of: Member) -> Result<ReferralStats, BoxError>;
    /// A page of those below.
    async fn page(
        &self,
        of: Member,
        request: &PageRequest<ReferralFilter, ReferralSort>,
    ) -> Result<Page<ReferralRow>, BoxError>;
    /// How many of those below pass.
    async fn count(&self, of: Member, filter: &ReferralFilter) -> Result<i64, BoxError>;
}

macro_rules! referral_query {
    ($(#[$doc:meta])* $query:ident { $($field:ident: $kind:ty),* } -> $answer:ty, $name:literal,
     |$app:ident, $of:ident, $asked:ident| $body:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $query { $(#[doc = stringify!($field)] pub $field: $kind,)* }

        impl Query for $query {
            type Answer = $answer;
            const NAME: &'static str = $name;
            const ACCESS: Access = Access::Needs(&[Permission::ViewReferrals]);
            const READS: &'static [ReadModel] = &[ReadModel::Referrals];
        }

        impl Answer<$query> for App {
            async fn answer(&self, caller: &Caller, $asked: $query) -> Answered<$query> {
                let ($app, $of) = (self, caller.signed_in()?);
                $body.await.map_err(Failure::Unavailable)
            }
        }
    };
}

referral_query!(/** One's own place in the tree. */ MyReferralStats {} -> ReferralStats, "user.referral_stats",
    |app, of, _query| app.referrals.stats(of));
referral_query!(/** Those below one. */ MyDownline { request: PageRequest<ReferralFilter, ReferralSort> } -> Page<ReferralRow>,
    "user.downline", |app, of, query| app.referrals.page(of, &query.request));
referral_query!(/** How many of those below one pass a filter. */ CountDownline { filter: ReferralFilter } -> i64,
    "user.count_downline", |app, of, query| app.referrals.count(of, &query.filter));
