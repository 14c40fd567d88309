//! The second wall between tenants: what a query shows whose condition was forgotten.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use adapter_postgres::{
    ApiKeyListProjection, PeopleProjection, PeopleVersionsProjection, PgApiKeyList, PgPeople, PgPeoplePast,
    PgReferrals, PgRoleList, PgTagList, PgTodoList, PgTodoPast, READER_ROLE, ReferralsProjection,
    RoleListProjection, TagListProjection, TenantReaders, TodoChangesProjection, TodoListProjection,
    TodoVersionsProjection,
};
use application::{
    Direction, Filter, Member, PageRequest, Terms, Window,
    api_key::ApiKeyList,
    audit::END,
    ports::Entropy,
    role::RoleList,
    tag::{TagList, TagSort},
    todo::{TodoFilter, TodoList, TodoPast, TodoScope, TodoSort},
    user::{People, PeoplePast, Person, PersonSort, ReferralSort, Referrals, Register},
};
use domain::{
    RoleId, StreamId, TagId, TodoId,
    api_key::ApiKey,
    role::{Role, SystemRole},
    tag::Tag,
    todo::Todo,
};
use testkit::{
    TestDatabase,
    given::{api_key_created, append, nobody, role_defined, tag_created, todo_created, todo_stream},
};
use tokio_postgres::{Client, error::SqlState};

use crate::rig::Node;

/// A person with one todo and one tag, in a tenant of their own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Citizen {
    pub(crate) member: Member,
    pub(crate) todo: TodoId,
    pub(crate) tag: TagId,
    role: RoleId,
    /// How many people came through the person.
    brought: i64,
}

/// Two tenants, as all read models show them. A third person came through the second of them.
pub(crate) async fn two_tenants(node: &Node) -> [Citizen; 2] {
    let _running = (
        node.run(PeopleProjection::new(Arc::clone(&node.vault) as _)),
        node.run(TagListProjection::default()),
        node.run(TodoListProjection::default()),
        node.run(TodoChangesProjection::default()),
        node.run(ReferralsProjection::default()),
        node.run(RoleListProjection::default()),
        node.run(ApiKeyListProjection::default()),
        node.run(TodoVersionsProjection::default()),
        node.run(PeopleVersionsProjection::default()),
    );
    let app = node.app();
    let (mut citizens, mut referral_code) = (Vec::new(), None);
    for name in ["alice", "carol", "dave"] {
        let person = Person {
            fullname: format!("The {name}").try_into().unwrap(),
            username: name.to_owned().try_into().unwrap(),
            email: format!("{name}@example.org").try_into().unwrap(),
            password: "Correct7Horse".to_owned().try_into().unwrap(),
        };
        let code = if name == "dave" { referral_code.take() } else { None };
        let register = Register { person, tenant_name: None, referral_code: code };
        let person = app.send(&nobody(), register, Terms::default()).await.unwrap().person;
        referral_code = Some(person.referral_code);
        if name == "dave" {
            continue;
        }
        let member = Member { tenant: person.tenant.id, user: person.id };
        let (stream, todo) = todo_stream(member, &node.entropy);
        node.append([append::<Todo>(&stream, &[], &[todo_created(member, "milk")])]).await;
        let tag = node.entropy.id();
        let stream = StreamId::within(member.tenant, tag);
        node.append([append::<Tag>(&stream, &[], &[tag_created(member.tenant, "home")])]).await;
        let role = node.entropy.id();
        let stream = StreamId::within(member.tenant, role);
        node.append([append::<Role>(&stream, &[], &[role_defined(member.tenant, "Planner")])]).await;
        let stream = StreamId::within(member.tenant, node.entropy.id());
        node.append([append::<ApiKey>(&stream, &[], &[api_key_created(member, name)])]).await;
        let (tag, role) = (TagId(tag), RoleId(role));
        citizens.push(Citizen { member, todo, tag, role, brought: i64::from(name == "carol") });
    }
    for (model, types) in [
        ("people.v1", &["user", "tenant"][..]),
        ("tag_list.v1", &["tag"]),
        ("todo_changes.v1", &["todo"]),
        ("referrals.v1", &["user"]),
        ("role_list.v1", &["role"]),
        ("api_key_list.v1", &["api_key"]),
        ("todo_versions.v1", &["todo"]),
        ("people_versions.v1", &["user"]),
    ] {
        node.caught_up(model, types).await;
    }
    // As if all had verified their addresses.
    node.client().await.batch_execute("UPDATE people SET status = 'ACTIVE'").await.unwrap();
    citizens.try_into().unwrap()
}

/// Takes every condition on tenant and owner out of a statement; its parameters stay.
fn without_conditions(sql: &str) -> String {
    let mut sql = sql.to_owned();
    for column in ["p.tenant_id", "c.tenant_id", "w.tenant_id", "tenant_id", "owner_id", "ancestor_id"] {
        while let Some(from) = sql.find(&format!("{column} = $")) {
            let place = from + column.len() + 3;
            let digits = sql[place + 1..].bytes().take_while(u8::is_ascii_digit).count();
            let end = place + 1 + digits;
            let parameter = sql[place..end].to_owned();
            sql.replace_range(from..end, &format!("{parameter}::uuid IS NOT NULL"));
        }
    }
    sql
}

/// Asks every query of every read model as `me`, by the ids of both, and names those that showed
/// something of `other`. A count shows it by being too high.
async fn that_show_the_other(
    node: &Node,
    readers: &TenantReaders,
    me: Citizen,
    other: Citizen,
) -> Vec<&'static str> {
    let todos = PgTodoList::new(readers.clone(), node.across());
    let tags = PgTagList::new(readers.clone());
    let people = PgPeople::new(readers.clone());
    let (own, tenant) = (TodoScope::Own(me.member), TodoScope::Tenant(me.member.tenant));
    let page = PageRequest {
        filter: Filter::default(),
        sort: TodoSort::CreatedAt(Direction::Asc),
        window: Window::First(100, None),
    };
    let tag_page = PageRequest {
        filter: Filter::default(),
        sort: TagSort::CreatedAt(Direction::Asc),
        window: Window::First(100, None),
    };
    let mut found = Vec::new();
    let mut note = |name, foreign: bool| found.extend(foreign.then_some(name));
    for (scope, names) in [
        (own, ["get own", "page own", "count own", "walk over own"]),
        (tenant, ["get of tenant", "page of tenant", "count of tenant", "walk over tenant"]),
    ] {
        assert!(todos.get(scope, me.todo).await.unwrap().is_some(), "one's own is shown");
        note(names[0], todos.get(scope, other.todo).await.unwrap().is_some());
        let edges = todos.page(scope, &page).await.unwrap().edges;
        note(names[1], edges.iter().any(|edge| edge.node.tenant != me.member.tenant));
        note(names[2], todos.count(scope, &Filter::default()).await.unwrap() > 1);
        let walked = todos.scan(scope, Filter::default(), None).await.unwrap().next().await.unwrap();
        assert!(walked.iter().any(|edge| edge.node.id == me.todo), "one's own is walked over");
        note(names[3], walked.iter().any(|edge| edge.node.tenant != me.member.tenant));
        // A history is one stream of the log, which is named with its tenant.
        assert_eq!(todos.history(scope, other.todo, None, 10).await.unwrap(), []);
    }
    let tenant = me.member.tenant;
    note("tag", tags.get(tenant, other.tag).await.unwrap().is_some());
    note("tags by id", tags.by_ids(tenant, &[me.tag, other.tag]).await.unwrap().len() > 1);
    note("page of tags", tags.page(tenant, &tag_page).await.unwrap().edges.len() > 1);
    note("count of tags", tags.count(tenant, &Filter::default()).await.unwrap() > 1);
    let roles = PgRoleList::new(readers.clone());
    note("roles", roles.all(tenant).await.unwrap().len() > 1);
    let keys = PgApiKeyList::new(readers.clone());
    note("keys", keys.of(me.member).await.unwrap().len() > 1);
    note("places of keys", keys.places(me.member).await.unwrap().len() > 1);
    note("roles by id", roles.by_ids(tenant, &[me.role, other.role]).await.unwrap().len() > 1);
    let ids = [me.member.user, other.member.user];
    note("people by id", people.by_ids(tenant, &ids).await.unwrap().len() > 1);
    let person_page = PageRequest {
        filter: Filter::default(),
        sort: PersonSort::CreatedAt(Direction::Asc),
        window: Window::First(100, None),
    };
    note("page of people", people.page(tenant, &person_page).await.unwrap().edges.len() > 1);
    note("count of people", people.count(tenant, &Filter::default()).await.unwrap() > 1);
    note("owners", people.active_with_role(tenant, SystemRole::Owner).await.unwrap().len() > 1);
    let referrals = PgReferrals::new(readers.clone());
    let referral_page = PageRequest {
        filter: Filter::default(),
        sort: ReferralSort::JoinedAt(Direction::Asc),
        window: Window::First(100, None),
    };
    let below = referrals.page(me.member, &referral_page).await.unwrap().edges.len();
    note("page of referrals", i64::try_from(below).unwrap() > me.brought);
    note("count of referrals", referrals.count(me.member, &Filter::default()).await.unwrap() > me.brought);
    note("referral stats", referrals.stats(me.member).await.unwrap().direct > me.brought);
    found.extend(past_that_shows_the_other(node, readers, me, &page).await);
    found
}

/// The same of lists as they were.
async fn past_that_shows_the_other(
    node: &Node,
    readers: &TenantReaders,
    me: Citizen,
    page: &PageRequest<TodoFilter, TodoSort>,
) -> Vec<&'static str> {
    let (tenant, mut found) = (me.member.tenant, Vec::new());
    let mut note = |name, foreign: bool| found.extend(foreign.then_some(name));
    let past = PgTodoPast::new(readers.clone());
    let edges = past.page(tenant, END, page).await.unwrap().edges;
    note("page of past todos", edges.iter().any(|edge| edge.node.tenant != tenant));
    note("count of past todos", past.count(tenant, END, &Filter::default()).await.unwrap() > 1);
    let past = PgPeoplePast::new(readers.clone(), node.across());
    let everybody = past.read(tenant, END, &Filter::default(), &Window::First(100, None)).await;
    note("past people", everybody.unwrap().len() > 1);
    note("count of past people", past.count(tenant, END, &Filter::default()).await.unwrap() > 1);
    found
}

#[tokio::test]
async fn a_statement_without_its_condition_still_shows_one_tenant_only() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let [alice, carol] = two_tenants(&node).await;
    let ran = Arc::new(Mutex::new(BTreeSet::new()));
    let readers = node.pools.readers.clone().rewriting({
        let ran = Arc::clone(&ran);
        move |sql| {
            let rewritten = without_conditions(sql);
            assert_ne!(rewritten, sql, "a statement without any condition on the tenant");
            ran.lock().unwrap().insert(rewritten.clone());
            rewritten
        }
    });

    assert_eq!(that_show_the_other(&node, &readers, alice, carol).await, [""; 0]);
    assert_eq!(that_show_the_other(&node, &readers, carol, alice).await, [""; 0]);

    // Every table behind the wall was asked, but for the one that only live updates read.
    let owner = database.owner().await;
    let ran = ran.lock().unwrap().clone();
    for table in walled(&owner).await.into_iter().filter(|table| table != "todo_changes") {
        assert!(ran.iter().any(|sql| sql.contains(&table)), "no query of {table} is tried here");
    }

    // And it is the wall that did it: without it, the same statements show everything.
    for table in walled(&owner).await {
        owner.batch_execute(&format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")).await.unwrap();
    }
    assert_eq!(that_show_the_other(&node, &readers, alice, carol).await.len(), 27);
}

/// The tables that stand behind the wall.
async fn walled(owner: &Client) -> Vec<String> {
    let sql = "SELECT polrelid::regclass::text FROM pg_policy WHERE polname = 'one_tenant' ORDER BY 1";
    owner.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn every_table_with_a_tenant_stands_behind_the_wall() {
    let database = TestDatabase::new().await;
    let owner = database.owner().await;
    let sql = "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace \
        AND c.relkind IN ('r', 'p', 'm') AND (c.relname = 'tenants' OR has_table_privilege($1, c.oid, 'SELECT') \
          OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id')) \
        AND NOT (c.relrowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid \
          AND p.polname = 'one_tenant'))";
    let open = owner.query(sql, &[&READER_ROLE]).await.unwrap();
    let open: Vec<String> = open.iter().map(|row| row.get(0)).collect();
    assert_eq!(open, [""; 0], "add CALL tenant_wall(…) to their migration");
    assert!(walled(&owner).await.len() >= 5);
}

#[tokio::test]
async fn a_reader_without_a_tenant_sees_nothing_and_changes_nothing() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let [alice, _] = two_tenants(&node).await;
    let reader = node.pools.connector.connect().await.unwrap();
    reader.batch_execute(&format!("SET ROLE {READER_ROLE}")).await.unwrap();
    let count = async |table: &str| -> i64 {
        reader.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0)
    };

    let tables = walled(&database.owner().await).await;
    for setting in ["", "SET app.tenant = ''"] {
        reader.batch_execute(setting).await.unwrap();
        for table in &tables {
            assert_eq!(count(table).await, 0, "{table} after {setting:?}");
        }
    }
    reader.batch_execute(&format!("SET app.tenant = '{}'", alice.member.tenant)).await.unwrap();
    for table in &tables {
        assert_eq!(count(table).await, 1, "{table}: one's own");
        for change in [
            format!("DELETE FROM {table}"),
            format!("UPDATE {table} SET {} = NULL", if table == "tenants" { "id" } else { "tenant_id" }),
            format!("INSERT INTO {table} DEFAULT VALUES"),
            format!("TRUNCATE {table}"),
        ] {
            let refused = reader.batch_execute(&change).await.unwrap_err();
            assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{change}");
        }
    }
    for secret in ["events", "snapshots", "unique_claims", "command_log", "subject_keys", "dev_outbox"] {
        let refused = reader.batch_execute(&format!("SELECT FROM {secret}")).await.unwrap_err();
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_connection_forgets_the_tenant_before() {
    let database = TestDatabase::new().await;
    let node = Arc::new(Node::on(&database));
    let citizens = two_tenants(&node).await;
    let readers = node.pools.readers.clone().rewriting(without_conditions);
    let mut asking = tokio::task::JoinSet::new();
    for n in 0..400 {
        let (me, tags) = (citizens[n % 2], PgTagList::new(readers.clone()));
        asking.spawn(async move {
            let both = citizens.map(|citizen| citizen.tag);
            let asked = tags.by_ids(me.member.tenant, &both);
            // Every third one goes away in the middle of it.
            let limit = if n % 3 == 0 { Duration::from_micros(300) } else { Duration::from_secs(30) };
            if let Ok(rows) = tokio::time::timeout(limit, asked).await {
                let ids: Vec<TagId> = rows.unwrap().into_iter().map(|row| row.id).collect();
                assert_eq!(ids, [me.tag]);
            }
        });
    }
    while let Some(asked) = asking.join_next().await {
        asked.unwrap();
    }
}

#[test]
fn conditions_are_taken_out_wherever_they_stand() {
    assert_eq!(
        without_conditions("SELECT a FROM t WHERE tenant_id = $1 AND owner_id = $12 AND id = $3"),
        "SELECT a FROM t WHERE $1::uuid IS NOT NULL AND $12::uuid IS NOT NULL AND id = $3"
    );
    assert_eq!(without_conditions("WHERE p.tenant_id = $2)"), "WHERE $2::uuid IS NOT NULL)");
}
