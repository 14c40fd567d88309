//! Lists of people as they were, at every place of a random log, against a clean rebuild up to there.

use std::collections::HashMap;

use adapter_postgres::{PeopleProjection, PeopleVersionsProjection, PgPeople, RoleListProjection};
use application::{
    Caller, Direction, Filter, Page, PageRequest, Platform, Test, Window,
    ports::{Entropy, Vault},
    user::{
        CountPeopleAsOf, People, PeopleAsOf, PersonField, PersonFilter, PersonRow, PersonSort, PersonStatus,
        TenantRow,
    },
};
use domain::{
    BlindIndex, RoleId, Sealed, StreamId, TenantId, TokenHash, UserId,
    role::{Role, RoleEvent, RoleRef, SystemRole},
    tenant::{Naming, Tenant, TenantEvent},
    user::{User, UserEvent},
};
use fastrand::Rng;
use testkit::{
    TestDatabase,
    given::{bare, moment, role_defined},
};
use uuid::Uuid;

use crate::{
    rig::Node,
    versions::{PLACES_MIN, TENANTS, WORDS, log_of, one, step, window},
};

/// Somebody whose life goes on.
struct Life {
    tenant: TenantId,
    id: Uuid,
    sequence: i64,
    joined: bool,
    roles: Vec<RoleRef>,
    gone: bool,
}

async fn sealed(node: &Node, of: Uuid, field: &'static str, clear: &str) -> Sealed {
    node.vault.seal(of, field, clear).await.unwrap()
}

async fn user_event(node: &Node, rng: &mut Rng, life: &mut Life, own: &[RoleId], at: i64) -> UserEvent {
    let (id, at) = (life.id, moment(at));
    let name = format!("{} {}", one(rng, &WORDS), rng.u8(..50));
    let fullname = sealed(node, id, "fullname", &name).await;
    let username = sealed(node, id, "username", &format!("user_{}", rng.u16(..))).await;
    let email = sealed(node, id, "email", &format!("{}@people.test", rng.u16(..))).await;
    let index = || BlindIndex::new("index");
    let role = if rng.bool() { RoleRef::Custom(one(rng, own)) } else { SystemRole::Member.into() };
    match (life.sequence, life.joined, rng.u8(..12)) {
        (0, _, 0..6) => {
            life.joined = true;
            life.roles = vec![SystemRole::Owner.into()];
            UserEvent::Registered {
                tenant: life.tenant,
                fullname,
                username,
                username_index: index(),
                email,
                email_index: index(),
                password: Sealed::new("password"),
                roles: life.roles.clone(),
                referral_code: "REF-0A1B2C".to_owned(),
                verification_hash: TokenHash::new("hash"),
                verification_token: Sealed::new("token"),
                verification_expires_at: at,
                at,
            }
        }
        (0, ..) | (_, false, 0..4) => UserEvent::Invited {
            tenant: life.tenant,
            by: Some(UserId(id)),
            fullname,
            email,
            email_index: index(),
            roles: vec![role],
            invitation_hash: TokenHash::new("hash"),
            invitation_token: Sealed::new("token"),
            invitation_expires_at: at,
            at,
        },
        (_, false, 4..10) => {
            life.joined = true;
            UserEvent::InvitationAccepted {
                fullname,
                username,
                username_index: index(),
                password: Sealed::new("password"),
                referral_code: "REF-0A1B2D".to_owned(),
                at,
            }
        }
        (_, true, 0..2) => UserEvent::EmailVerified { at },
        (_, true, 2..4) => UserEvent::Renamed { fullname, at },
        (_, true, 4) => UserEvent::UsernameChanged { username, username_index: index(), at },
        (_, true, 5) => UserEvent::Suspended { at },
        (_, true, 6) => UserEvent::Reinstated { at },
        (_, true, 7..9) => UserEvent::RoleAssigned { role, at },
        (_, true, 9) => UserEvent::RoleRevoked { role, at },
        // Nothing that a list shows.
        (_, true, 10) => UserEvent::PasswordChanged {
            password: Sealed::new("password"),
            reason: domain::user::PasswordChange::Change,
            at,
        },
        _ => {
            life.gone = true;
            UserEvent::Erased { at }
        }
    }
}

/// People of two tenants and their tenants' own roles. The ids of those who are forgotten.
async fn people(node: &Node, rng: &mut Rng) -> Vec<Uuid> {
    let mut roles: HashMap<TenantId, Vec<RoleId>> = HashMap::new();
    let mut versions: HashMap<RoleId, i64> = HashMap::new();
    for (n, tenant) in TENANTS.into_iter().enumerate() {
        let slug = format!("tenant-{n}").try_into().unwrap();
        let naming = Naming::Given(format!("Tenant {n}").try_into().unwrap());
        let made = TenantEvent::Created { naming, slug, at: moment(0) };
        node.append([bare::<Tenant>(&StreamId::global(tenant.0), 0, &[made])]).await;
        for n in 0..3 {
            let id = RoleId(node.entropy.id());
            let made = role_defined(tenant, &format!("Role {n}"));
            node.append([bare::<Role>(&StreamId::within(tenant, id.0), 0, &[made])]).await;
            roles.entry(tenant).or_default().push(id);
            versions.insert(id, 1);
        }
    }
    let mut lives: Vec<Life> = Vec::new();
    let mut n = 0;
    while n < i64::try_from(PLACES_MIN + 100).unwrap() {
        if rng.u8(..15) == 0 {
            let tenant = one(rng, &TENANTS);
            let id = one(rng, &roles[&tenant]);
            let version = versions.get_mut(&id).unwrap();
            let name = format!("Role of {n}").try_into().unwrap();
            let event = if rng.u8(..8) == 0 && *version < 1_000 {
                *version += 1_000;
                RoleEvent::Deleted { at: moment(n) }
            } else if *version < 1_000 {
                *version += 1;
                RoleEvent::Renamed { name, at: moment(n) }
            } else {
                continue;
            };
            let seen = *version % 1_000 - i64::from(*version < 1_000);
            node.append([bare::<Role>(&StreamId::within(tenant, id.0), seen, &[event])]).await;
            n += 1;
            continue;
        }
        if lives.is_empty() || rng.u8(..10) == 0 {
            let (tenant, id) = (one(rng, &TENANTS), node.entropy.id());
            lives.push(Life { tenant, id, sequence: 0, joined: false, roles: Vec::new(), gone: false });
        }
        let at = rng.usize(..lives.len());
        let life = &mut lives[at];
        if life.gone {
            continue;
        }
        let event = user_event(node, rng, life, &roles[&life.tenant], n).await;
        node.append([bare::<User>(&StreamId::within(life.tenant, life.id), life.sequence, &[event])]).await;
        life.sequence += 1;
        n += 1;
    }
    lives.iter().filter(|life| life.gone).map(|life| life.id).collect()
}

fn person_filter(rng: &mut Rng) -> PersonFilter {
    let mut all = Vec::new();
    if rng.bool() {
        let pattern = one(rng, &["%milk%", "user_1%", "%@people.test", "erased", "%7%"]);
        let like = || Test::Like(pattern.to_owned());
        let tests =
            [PersonField::Fullname(like()), PersonField::Username(like()), PersonField::Email(like())];
        all.push(Filter::Any(tests.map(Filter::Field).into()));
    }
    if rng.bool() {
        let status = one(rng, &[PersonStatus::Active, PersonStatus::Inactive, PersonStatus::Suspended]);
        all.push(Filter::Field(PersonField::Status(Test::Eq(status))));
    }
    Filter::All(all)
}

/// A page without what is not told of the past: the name of the tenant.
fn without_tenants(mut page: Page<PersonRow>) -> Page<PersonRow> {
    for edge in &mut page.edges {
        let id = edge.node.tenant.id;
        edge.node.tenant = TenantRow { id, name: String::new(), slug: String::new(), active: true };
    }
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn people_as_of_any_place_are_those_of_a_clean_rebuild_up_to_there() {
    let mut rng = Rng::with_seed(0x9e09);
    let database = TestDatabase::new().await;
    let before = Node::on(&database);
    let erased = people(&before, &mut rng).await;
    assert!(!erased.is_empty());
    let sql = "UPDATE subject_keys SET wrapped_key = '\\x02' WHERE subject_id = ANY($1)";
    before.client().await.execute(sql, &[&erased]).await.unwrap();
    // A process that remembers no keys.
    let node = Node::on(&database);
    let versions = node.run(PeopleVersionsProjection::default());
    node.caught_up("people_versions.v1", &["user"]).await;
    versions.stop().await;
    let events = log_of(&node, &["user", "tenant", "role"]).await;

    let (app, list) = (node.app(), PgPeople::new(node.pools.readers.clone()));
    let vault = std::sync::Arc::clone(&node.vault) as std::sync::Arc<dyn Vault>;
    let (rebuilt, roles) = (PeopleProjection::new(vault), RoleListProjection::default());
    let system = Caller::system(Platform::Portal, "test");
    let (mut compared, mut shown) = (0, 0);
    for event in &events {
        step(&node, &[&rebuilt, &roles], event).await;
        let (tenant, at) = (one(&mut rng, &TENANTS), event.cursor);
        let sort = PersonSort::CreatedAt(Direction::Desc);
        let whole = PageRequest { filter: Filter::default(), sort, window: Window::First(100, None) };
        let whole = list.page(tenant, &whole).await.unwrap();
        let (filter, window) = (person_filter(&mut rng), window(&mut rng, &whole));
        let request = PageRequest { filter: filter.clone(), sort, window: window.clone() };
        let expected = without_tenants(list.page(tenant, &request).await.unwrap());
        let asked = PeopleAsOf { tenant, at, filter: filter.clone(), window };
        let found = app.ask(&system, asked, None).await.unwrap();
        assert_eq!(found, expected, "{request:?} at {at:?}");
        let expected = list.count(tenant, &filter).await.unwrap();
        let counted = app.ask(&system, CountPeopleAsOf { tenant, at, filter }, None).await.unwrap();
        assert_eq!(counted, expected, "{request:?} at {at:?}");
        compared += 1;
        shown += usize::from(expected > 0);
    }
    assert!(compared >= PLACES_MIN && shown > compared / 3, "{compared} {shown}");
}
