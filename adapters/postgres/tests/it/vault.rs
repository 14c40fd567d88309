//! Keys of people in Postgres: wrapped, one each, and gone for good. And what is nowhere in clear.

use std::sync::Arc;

use adapter_postgres::{PeopleProjection, PgVault};
use application::{
    Caller, Platform, Terms,
    ports::{Entropy, Vault, VaultError},
    user::{AddPerson, Login, Person, Register},
};
use cqrs_es::Aggregate;
use domain::{StreamId, TenantId, role::SystemRole, user::User};
use testkit::{TestDatabase, TestEntropy, given::nobody, race};

use crate::rig::Node;

const DATA_KEY: [u8; 32] = [7; 32];

fn vault(node: &Node, seed: u64, data_key: Option<[u8; 32]>) -> Arc<PgVault> {
    PgVault::new(node.pools.pool.clone(), Arc::new(TestEntropy::seeded(seed)), data_key)
}

#[tokio::test]
async fn another_data_key_or_none_opens_nothing() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let alice = node.entropy.id();
    let sealed = vault(&node, 2, Some(DATA_KEY)).seal(alice, "fullname", "Alice").await.unwrap();

    for wrong in [Some([8; 32]), None] {
        let vault = vault(&node, 3, wrong);
        let opened = vault.open(alice, "fullname", &sealed).await;
        assert!(matches!(opened, Err(VaultError::Broken(_))), "{opened:?}");
        let again = vault.seal(alice, "fullname", "Alice").await;
        assert!(matches!(again, Err(VaultError::Broken(_))), "{again:?}");
    }
}

#[tokio::test]
async fn a_key_that_was_moved_to_another_person_opens_nothing() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let (alice, bob) = (node.entropy.id(), node.entropy.id());
    let sealed = node.vault.seal(alice, "fullname", "Alice").await.unwrap();
    let sql = "INSERT INTO subject_keys (subject_id, wrapped_key) SELECT $2, wrapped_key FROM subject_keys \
               WHERE subject_id = $1";
    assert_eq!(node.client().await.execute(sql, &[&alice, &bob]).await.unwrap(), 1);

    let opened = vault(&node, 2, Some(DATA_KEY)).open(bob, "fullname", &sealed).await;

    assert!(matches!(opened, Err(VaultError::Broken(_))), "{opened:?}");
}

#[tokio::test]
async fn keys_are_stored_wrapped_when_there_is_a_data_key() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let (wrapped, plain) = (node.entropy.id(), node.entropy.id());
    vault(&node, 2, Some(DATA_KEY)).seal(wrapped, "fullname", "Alice").await.unwrap();
    let sealed = vault(&node, 3, None).seal(plain, "fullname", "Bob").await.unwrap();

    let sql = "SELECT wrapped_key FROM subject_keys WHERE subject_id = $1";
    let client = node.client().await;
    let stored = async |subject| client.query_one(sql, &[&subject]).await.unwrap().get::<_, Vec<u8>>(0);
    let (one, other) = (stored(wrapped).await, stored(plain).await);
    assert_eq!((one[0], other[0]), (1, 0));
    let clear = TestEntropy::seeded(2).secret();
    assert!(one.windows(32).all(|window| window != clear), "the key itself is in the table");
    // A deployment that gets its DATA_KEY later still opens what it had.
    let opened = vault(&node, 4, Some(DATA_KEY)).open(plain, "fullname", &sealed).await.unwrap();
    assert_eq!(opened.as_deref(), Some("Bob"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_race_make_one_key() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let alice = node.entropy.id();

    let seals = race(12, |n| {
        let vault = vault(&node, 100 + n as u64, Some(DATA_KEY));
        async move {
            let index = vault.index("user.email", "alice@example.org").await.unwrap();
            let cursors = vault.derive("cursors").await.unwrap();
            assert_ne!(cursors, vault.derive("other").await.unwrap());
            (vault.seal(alice, "fullname", "Alice").await.unwrap(), index, cursors)
        }
    })
    .await;

    assert!(seals.windows(2).all(|pair| pair[0] == pair[1]), "two nodes have two keys");
    let count = node.client().await.query_one("SELECT count(*) FROM subject_keys", &[]).await.unwrap();
    assert_eq!(count.get::<_, i64>(0), 2, "the person's and the deployment's");
}

#[tokio::test]
async fn without_its_key_a_person_is_erased() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let (alice, bob) = (node.entropy.id(), node.entropy.id());
    let of_alice = node.vault.seal(alice, "fullname", "Alice").await.unwrap();
    let of_bob = node.vault.seal(bob, "fullname", "Bob").await.unwrap();

    node.client().await.execute("DELETE FROM subject_keys WHERE subject_id = $1", &[&alice]).await.unwrap();

    let vault = vault(&node, 2, Some(DATA_KEY));
    assert_eq!(vault.open(alice, "fullname", &of_alice).await.unwrap(), None);
    assert_eq!(vault.open(bob, "fullname", &of_bob).await.unwrap().as_deref(), Some("Bob"));
    // Under a new key the old values stay closed.
    let again = vault.seal(alice, "fullname", "Alice").await.unwrap();
    assert_ne!(again, of_alice);
    assert!(vault.open(alice, "fullname", &of_alice).await.is_err());
}

const OTHER_KEY: [u8; 32] = [8; 32];

#[tokio::test]
async fn keys_move_under_another_data_key_and_the_old_one_opens_nothing_any_more() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let people: Vec<_> = (0..1_203).map(|_| node.entropy.id()).collect();
    let old = vault(&node, 2, Some(DATA_KEY));
    let plain = vault(&node, 3, None);
    let mut sealed = Vec::new();
    for (n, person) in people.iter().enumerate() {
        // A few are from the time before there was a DATA_KEY at all.
        let of = if n % 100 == 0 { &plain } else { &old };
        sealed.push(of.seal(*person, "fullname", "Alice").await.unwrap());
    }
    let index = old.index("user.email", "alice@example.org").await.unwrap();
    let erased = people[7];
    let client = node.client().await;
    let sql = "UPDATE subject_keys SET wrapped_key = '\\x02' WHERE subject_id = $1";
    assert_eq!(client.execute(sql, &[&erased]).await.unwrap(), 1);
    let moving = |seed| {
        let entropy = Arc::new(TestEntropy::seeded(seed));
        PgVault::with_previous(node.pools.pool.clone(), entropy, Some(OTHER_KEY), &[[9; 32], DATA_KEY])
    };
    let both = moving(4);
    assert_eq!(both.open(people[1], "fullname", &sealed[1]).await.unwrap().as_deref(), Some("Alice"));

    let mut batches = 0;
    let done = both.rewrap(|_| batches += 1).await.unwrap();

    // The deployment's own key is one of them.
    assert_eq!((done.seen, done.moved, done.closed, batches), (1_204, 1_203, 0, 3));
    let again = moving(5).rewrap(|_| {}).await.unwrap();
    assert_eq!((again.seen, again.moved, again.closed), (1_204, 0, 0), "twice is once");
    let new = vault(&node, 6, Some(OTHER_KEY));
    for (person, sealed) in people.iter().zip(&sealed).filter(|(person, _)| **person != erased) {
        assert_eq!(new.open(*person, "fullname", sealed).await.unwrap().as_deref(), Some("Alice"));
    }
    assert_eq!(new.open(erased, "fullname", &sealed[7]).await.unwrap(), None, "who is erased stays so");
    assert_eq!(new.index("user.email", "alice@example.org").await.unwrap(), index, "look-ups go on");
    let late = vault(&node, 7, Some(DATA_KEY)).open(people[1], "fullname", &sealed[1]).await;
    assert!(matches!(late, Err(VaultError::Broken(_))), "{late:?}");

    let lost = vault(&node, 8, Some([10; 32])).rewrap(|_| {}).await.unwrap();
    assert_eq!((lost.moved, lost.closed), (0, 1_203), "what cannot be opened is left as it is");
    assert!(vault(&node, 9, None).rewrap(|_| {}).await.is_err(), "there is nothing to wrap with");
    assert_eq!(new.open(people[2], "fullname", &sealed[2]).await.unwrap().as_deref(), Some("Alice"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_destroyed_while_keys_move_stays_destroyed() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let alice = node.entropy.id();
    let sealed = vault(&node, 2, Some(DATA_KEY)).seal(alice, "fullname", "Alice").await.unwrap();
    let mut eraser = node.client().await;
    let tx = eraser.transaction().await.unwrap();
    let sql = "UPDATE subject_keys SET wrapped_key = '\\x02' WHERE subject_id = $1";
    assert_eq!(tx.execute(sql, &[&alice]).await.unwrap(), 1);
    let entropy = Arc::new(TestEntropy::seeded(3));
    let pool = node.pools.pool.clone();
    let both = PgVault::with_previous(pool, entropy, Some(OTHER_KEY), &[DATA_KEY]);
    let moving = tokio::spawn(async move { both.rewrap(|_| {}).await });
    // It has read the key as it was, and waits for the row.
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let watcher = node.client().await;
    // The role of the services does not see what others wait for.
    watcher.batch_execute("RESET ROLE").await.unwrap();
    testkit::eventually("it waits", async || {
        watcher.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 1
    })
    .await;
    tx.commit().await.unwrap();

    assert_eq!(moving.await.unwrap().unwrap().moved, 0);
    let new = vault(&node, 4, Some(OTHER_KEY));
    assert_eq!(new.open(alice, "fullname", &sealed).await.unwrap(), None);
}

const CANARIES: [&str; 5] = ["canaryfirst", "canarylast", "canary_nest", "canary.mail", "canarypassw0rd"];

fn canary(n: usize) -> Person {
    Person {
        fullname: format!("Canaryfirst{n} Canarylast{n}").try_into().unwrap(),
        username: format!("canary_nest{n}").try_into().unwrap(),
        email: format!("canary.mail{n}@example.org").try_into().unwrap(),
        password: "Canarypassw0rd".to_owned().try_into().unwrap(),
    }
}

async fn tables_with_canaries(node: &Node) -> Vec<String> {
    let client = node.client().await;
    let sql = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace \
               AND relname <> '_sqlx_migrations' ORDER BY relname";
    let mut found = Vec::new();
    for table in client.query(sql, &[]).await.unwrap().iter().map(|row| row.get::<_, String>(0)) {
        let rows = client.query(&format!("SELECT lower(t::text) FROM {table} t"), &[]).await.unwrap();
        let clear = |row: &tokio_postgres::Row| {
            CANARIES.iter().any(|canary| row.get::<_, String>(0).contains(canary))
        };
        if rows.iter().any(clear) {
            found.push(table);
        }
    }
    found
}

#[tokio::test]
async fn personal_data_is_in_clear_in_the_read_model_of_people_only() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let _people = node.run(PeopleProjection::new(Arc::clone(&node.vault) as _));
    let app = node.app();
    let terms = || Terms { idempotency_key: Some("k".to_owned()), expected_version: None };

    let register = Register { person: canary(1), tenant_name: None, referral_code: None };
    let registered = app.send(&nobody(), register, terms()).await.unwrap();
    let tenant: TenantId = registered.person.tenant.id;
    let add = AddPerson { person: canary(2), tenant, role: SystemRole::Member };
    let added = app.send(&Caller::system(Platform::User, "test"), add, Terms::default()).await.unwrap();
    // Enough sessions for a snapshot of the person.
    for n in 0..60 {
        let identifier = if n % 2 == 0 { "canary_nest2" } else { "canary.mail2@example.org" }.to_owned();
        let login = Login { identifier, password: "Canarypassw0rd".to_owned(), network: None };
        app.send(&nobody(), login, Terms::default()).await.unwrap();
    }
    node.caught_up("people.v1", &["user", "tenant"]).await;

    let stream = StreamId::within(tenant, added.person.id.0);
    let snapshot = application::ports::EventLog::snapshot(&*node.log, User::TYPE, &stream).await.unwrap();
    assert!(snapshot.is_some_and(|snapshot| snapshot.sequence >= 50));
    assert_eq!(tables_with_canaries(&node).await, ["people", "tenants"]);
    let client = node.client().await;
    for table in ["events", "unique_claims", "subject_keys"] {
        let rows: i64 = client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0);
        assert!(rows >= 3, "{table} was searched, and has {rows} rows");
    }
}
