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
        let login = Login { identifier, password: "Canarypassw0rd".to_owned() };
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
