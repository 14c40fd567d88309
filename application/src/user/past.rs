//! People of a tenant as they were at a place of the log, for operators.
//!
//! What is stored is sealed. So what is personal is compared here, after it was opened, and a filter
//! on it reads the list in stretches until the page is full.

use async_trait::async_trait;
use domain::{Sealed, TenantId, Timestamp, UserId, operator::OperatorRole};
use uuid::Uuid;

use super::{PersonField, PersonFilter, PersonRow, PersonStatus, TenantRow, sealed};
use crate::{
    Access, Answer, Answered, App, BoxError, Caller, Edge, Failure, Filter, Keyset, Page, Query, Window,
    filter::like,
    ports::{Cursor, ReadModel, VaultError},
};

/// How many people are opened at a time to compare their names.
const STRETCH: usize = 500;
/// What is shown of a person whose key is gone.
const ERASED: &str = "erased";

/// A person as lists showed one, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastPerson {
    /// Who.
    pub id: UserId,
    /// In which tenant.
    pub tenant: TenantId,
    /// Full name.
    pub fullname: Sealed,
    /// Username; none of somebody who had not followed the invitation.
    pub username: Option<Sealed>,
    /// E-mail address.
    pub email: Sealed,
    /// Whether the person might sign in.
    pub status: PersonStatus,
    /// The names of the person's roles.
    pub roles: Vec<String>,
    /// What the person gave to friends.
    pub referral_code: String,
    /// When the person registered.
    pub created_at: Timestamp,
    /// Whether the person was erased by then.
    pub erased: bool,
}

/// The read model of people as they were.
#[async_trait]
pub trait PeoplePast: Send + Sync + 'static {
    /// One more than a page of a tenant's list as it was at a place, newest first for
    /// [`Window::First`], oldest first for [`Window::Last`]. The filter tests nothing personal.
    async fn read(
        &self,
        tenant: TenantId,
        at: Cursor,
        filter: &PersonFilter,
        window: &Window<Keyset>,
    ) -> Result<Vec<PastPerson>, BoxError>;
    /// How many there were. The filter tests nothing personal.
    async fn count(&self, tenant: TenantId, at: Cursor, filter: &PersonFilter) -> Result<i64, BoxError>;
}

/// A page of a tenant's people as they were at a place, newest first. Of their tenant, nothing but
/// the id is told.
#[derive(Debug, Clone)]
pub struct PeopleAsOf {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Where in the log.
    pub at: Cursor,
    /// Which people.
    pub filter: PersonFilter,
    /// Which of them.
    pub window: Window<Keyset>,
}

/// How many there were.
#[derive(Debug, Clone)]
pub struct CountPeopleAsOf {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Where in the log.
    pub at: Cursor,
    /// Which people.
    pub filter: PersonFilter,
}

impl Query for PeopleAsOf {
    type Answer = Page<PersonRow>;
    const NAME: &'static str = "user.list_as_of";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[ReadModel::PeopleVersions];
    fn about(&self) -> Option<String> {
        Some(format!("{} at {}", self.tenant, self.at.position))
    }
}

impl Answer<PeopleAsOf> for App {
    async fn answer(&self, _: &Caller, query: PeopleAsOf) -> Answered<PeopleAsOf> {
        let PeopleAsOf { tenant, at, filter, window } = query;
        if !personal(&filter) {
            let found = self.people_past.read(tenant, at, &filter, &window).await;
            let rows = self.opened_people(found.map_err(Failure::Unavailable)?).await.map_err(sealed)?;
            return Ok(Page::from_read(rows.into_iter().map(edge).collect(), &window));
        }
        let mut passing = Vec::new();
        let mut stretches = Stretches { tenant, at, window: stretch(&window), done: false };
        while passing.len() <= window.size()
            && let Some(rows) = stretches.next(self).await?
        {
            passing.extend(rows.into_iter().filter(|row| matches(&filter, row)).map(edge));
        }
        passing.truncate(window.size() + 1);
        Ok(Page::from_read(passing, &window))
    }
}

impl Query for CountPeopleAsOf {
    type Answer = i64;
    const NAME: &'static str = "user.count_as_of";
    const ACCESS: Access = Access::Operator(OperatorRole::Support);
    const READS: &'static [ReadModel] = &[ReadModel::PeopleVersions];
    // The count of a connection: the page beside it is written down.
    const NOTED: bool = false;
}

impl Answer<CountPeopleAsOf> for App {
    async fn answer(&self, _: &Caller, query: CountPeopleAsOf) -> Answered<CountPeopleAsOf> {
        let CountPeopleAsOf { tenant, at, filter } = query;
        if !personal(&filter) {
            return self.people_past.count(tenant, at, &filter).await.map_err(Failure::Unavailable);
        }
        let mut passing = 0;
        let mut stretches = Stretches { tenant, at, window: Window::First(STRETCH, None), done: false };
        while let Some(rows) = stretches.next(self).await? {
            passing += rows.iter().filter(|row| matches(&filter, row)).count();
        }
        i64::try_from(passing).map_err(|error| Failure::Internal(error.into()))
    }
}

/// The list, a stretch at a time.
struct Stretches {
    tenant: TenantId,
    at: Cursor,
    window: Window<Keyset>,
    done: bool,
}

impl Stretches {
    async fn next(&mut self, app: &App) -> Result<Option<Vec<PersonRow>>, Failure> {
        if self.done {
            return Ok(None);
        }
        let found = app.people_past.read(self.tenant, self.at, &Filter::default(), &self.window).await;
        let mut found = found.map_err(Failure::Unavailable)?;
        self.done = found.len() <= STRETCH;
        found.truncate(STRETCH);
        let rows = app.opened_people(found).await.map_err(sealed)?;
        let last = rows.last().map(place);
        self.window = match self.window {
            Window::First(..) => Window::First(STRETCH, last),
            Window::Last(..) => Window::Last(STRETCH, last),
        };
        Ok(Some(rows))
    }
}

impl App {
    /// People of the past with what of their personal data can still be read.
    async fn opened_people(&self, people: Vec<PastPerson>) -> Result<Vec<PersonRow>, VaultError> {
        let subjects: Vec<Uuid> = people.iter().map(|person| person.id.0).collect();
        self.vault.prefetch(&subjects).await?;
        let mut rows = Vec::with_capacity(people.len());
        for person in people {
            let open = async |field: &'static str, value: &Sealed| {
                if person.erased {
                    return Ok(ERASED.to_owned());
                }
                let clear = self.vault.open(person.id.0, field, value).await?;
                Ok::<_, VaultError>(clear.unwrap_or_else(|| ERASED.to_owned()))
            };
            rows.push(PersonRow {
                id: person.id,
                tenant: TenantRow {
                    id: person.tenant,
                    name: String::new(),
                    slug: String::new(),
                    active: true,
                },
                fullname: open("fullname", &person.fullname).await?,
                username: match &person.username {
                    Some(username) => open("username", username).await?,
                    None if person.erased => ERASED.to_owned(),
                    None => String::new(),
                },
                email: open("email", &person.email).await?,
                status: person.status,
                roles: person.roles,
                referral_code: person.referral_code,
                created_at: person.created_at,
            });
        }
        Ok(rows)
    }
}

/// Whether a filter tests what is sealed.
fn personal(filter: &PersonFilter) -> bool {
    match filter {
        Filter::All(parts) | Filter::Any(parts) => parts.iter().any(personal),
        Filter::Field(PersonField::Fullname(_) | PersonField::Username(_) | PersonField::Email(_)) => true,
        Filter::Field(PersonField::Id(_) | PersonField::Status(_) | PersonField::CreatedAt(_)) => false,
    }
}

/// Whether a row passes a filter, as SQL would judge it.
fn matches(filter: &PersonFilter, row: &PersonRow) -> bool {
    fn no<T>(_: &str, _: &T) -> bool {
        false
    }
    let text = |pattern: &str, text: &String| like(pattern, text);
    filter.matches(&|field| match field {
        PersonField::Id(test) => test.passes(Some(&row.id), no),
        PersonField::Fullname(test) => test.passes(Some(&row.fullname), text),
        PersonField::Username(test) => test.passes(Some(&row.username), text),
        PersonField::Email(test) => test.passes(Some(&row.email), text),
        PersonField::Status(test) => test.passes(Some(&row.status), no),
        PersonField::CreatedAt(test) => test.passes(Some(&row.created_at), no),
    })
}

fn place(row: &PersonRow) -> Keyset {
    Keyset { value: Some(row.created_at.to_rfc3339()), id: row.id.0 }
}

fn edge(row: PersonRow) -> Edge<PersonRow> {
    Edge { key: place(&row), node: row }
}

/// The same window with a stretch of rows.
fn stretch(window: &Window<Keyset>) -> Window<Keyset> {
    match window {
        Window::First(_, after) => Window::First(STRETCH, after.clone()),
        Window::Last(_, before) => Window::Last(STRETCH, before.clone()),
    }
}
