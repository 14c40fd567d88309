//! Proofs on the portal and on the command line, over a log that real processes write and seal.

mod exports;

use std::path::PathBuf;

use application::proofs::{Checkpoint, SealingKey, is_consistent, is_included};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{
    client::Client,
    database::Database,
    documents::{COMPLETE, create},
    operators::{chief, colleague},
    person::Person,
    process,
    service::{Service, Settings},
    system::System,
    wait::until,
};

const PROOF: &str = "query($position: String!) { auditProof(position: $position) { \
    position leafIndex treeSize leafHash rootHash hashes checkpoint bundle } }";
const CONSISTENCY: &str = "query($from: String!, $to: String!) { auditConsistency(fromSize: $from, toSize: $to) { \
    fromSize toSize fromRoot toRoot hashes fromCheckpoint toCheckpoint } }";
const CHECKPOINTS: &str = "query($first: Int, $after: Cursor) { auditCheckpoints(first: $first, after: $after) { \
    edges { cursor } nodes { treeSize rootHash madeAt previousSize checkpoint } \
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
const VERIFY: &str = "query($from: String!, $to: String!) { verifyAudit(from: $from, to: $to) { \
    intact events checkpoints signedUpTo signaturesChecked firstWrong { position leafIndex kind } } }";
const ERASE: &str = "mutation($tenant: ID!, $id: ID!) { eraseUser(tenantId: $tenant, id: $id) { version } }";

/// A system that seals, its public key, and where its settings are.
struct Sealed {
    system: System,
    key: String,
    settings: Settings,
}

/// One that tests share which change nothing behind its back.
async fn shared() -> &'static Sealed {
    static SEALED: OnceCell<Sealed> = OnceCell::const_new();
    SEALED.get_or_init(sealed).await
}

/// Somebody who may read, and nothing else.
async fn support(sealed: &Sealed) -> Client {
    colleague(&sealed.system, "SUPPORT").await.2
}

async fn sealed() -> Sealed {
    let database = Database::migrated().await;
    let key = SealingKey::generate().expect("a key");
    let settings = Settings::common(&database).with("AUDIT_SIGNING_KEY", key.replace('\n', "\\n"));
    let user = || Settings::user(&database).with("AUDIT_SIGNING_KEY", &*key);
    let system = System {
        a: Service::ready("api", &user()).await,
        b: Service::ready("api", &user()).await,
        portal: Service::ready("portal-api", &Settings::portal(&database).with("AUDIT_SIGNING_KEY", &*key))
            .await,
        database,
    };
    Sealed { system, key, settings }
}

impl Sealed {
    fn keys(&self) -> [application::proofs::VerifyingKey; 1] {
        [SealingKey::read(&self.key).expect("a key").public()]
    }

    /// The position of the newest event there is now.
    async fn newest(&self) -> i64 {
        let sql = "SELECT max(position) FROM events";
        self.system.database.open().await.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// Waits until an event is sealed and signed.
    async fn signed(&self, client: &Client, position: i64) -> Value {
        let sql = "SELECT EXISTS (SELECT FROM audit_leaves l JOIN audit_checkpoints c ON c.tree_size > l.leaf_index \
            WHERE l.position = $1)";
        let database = self.system.database.open().await;
        until("a signed root", async || database.query_one(sql, &[&position]).await.unwrap().get(0)).await;
        client.ask(PROOF, json!({"position": position.to_string()})).await
    }

    /// Somebody who may do everything changes the log.
    async fn tamper(&self, sql: &str) {
        let client = self.system.database.open().await;
        client.batch_execute(&format!("SET session_replication_role = replica; {sql}")).await.unwrap();
    }

    /// What a command of `worker` says, and its exit code.
    async fn worker(&self, settings: &Settings, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = process::run(settings.command("worker", arguments)).await;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    }
}

fn number(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

fn hash(value: &Value) -> [u8; 32] {
    STANDARD.decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
}

fn hashes(value: &Value) -> Vec<[u8; 32]> {
    value.as_array().unwrap().iter().map(hash).collect()
}

/// Checks an inclusion proof as an outsider does: with the public key and nothing else.
fn check(sealed: &Sealed, proof: &Value) -> Checkpoint {
    let checkpoint = Checkpoint::open(proof["checkpoint"].as_str().unwrap(), &sealed.keys()).unwrap();
    assert_eq!(checkpoint.size, number(&proof["treeSize"]));
    assert_eq!(checkpoint.root, hash(&proof["rootHash"]));
    let (leaf, path) = (hash(&proof["leafHash"]), hashes(&proof["hashes"]));
    assert!(
        is_included(&leaf, number(&proof["leafIndex"]), checkpoint.size, &path, &checkpoint.root),
        "{proof}"
    );
    let bundle = proof["bundle"].as_str().unwrap();
    assert!(
        bundle.starts_with("c2sp.org/tlog-proof@v1\nindex ")
            && bundle.ends_with(proof["checkpoint"].as_str().unwrap())
    );
    assert!(bundle.len() <= 1536);
    checkpoint
}

#[tokio::test]
async fn every_event_is_proved_to_be_in_a_log_that_only_grows() {
    let sealed = shared().await;
    let support = support(sealed).await;
    let person = Person::new(&sealed.system.a).await;
    let made = create(&person.at(&sealed.system.b), "sealed").await;
    let position = sealed.newest().await;
    let proof = sealed.signed(&support, position).await;
    let before = check(sealed, &proof);
    assert_eq!(proof["position"], position.to_string());

    person.at(&sealed.system.a).ask(COMPLETE, json!({"id": made["todo"]["id"]})).await;
    let later = sealed.signed(&support, sealed.newest().await).await;
    let after = check(sealed, &later);
    let sizes = json!({"from": before.size.to_string(), "to": after.size.to_string()});
    let consistency = support.ask(CONSISTENCY, sizes).await;
    assert_eq!((hash(&consistency["fromRoot"]), hash(&consistency["toRoot"])), (before.root, after.root));
    let path = hashes(&consistency["hashes"]);
    assert!(is_consistent((before.size, &before.root), (after.size, &after.root), &path), "{consistency}");
    assert_eq!(consistency["fromCheckpoint"], proof["checkpoint"]);

    let row = seal(&support).await;
    assert_eq!((&row["state"], &row["offBecause"]), (&json!("RUNNING"), &Value::Null));
    let page = support.ask(CHECKPOINTS, json!({"first": 1})).await;
    assert!(number(&page["nodes"][0]["treeSize"]) >= after.size);
    assert_eq!(
        (&page["pageInfo"]["hasNextPage"], &page["pageInfo"]["hasPreviousPage"]),
        (&json!(true), &json!(false))
    );
    let next = support.ask(CHECKPOINTS, json!({"first": 1, "after": page["pageInfo"]["endCursor"]})).await;
    assert_eq!(next["nodes"][0]["treeSize"], page["nodes"][0]["previousSize"]);
    assert_eq!(next["pageInfo"]["hasPreviousPage"], true);
}

#[tokio::test]
async fn what_cannot_be_proved_is_refused_with_its_reason() {
    let sealed = shared().await;
    let support = support(sealed).await;
    sealed.signed(&support, sealed.newest().await).await;
    for (document, variables, code, field) in [
        (PROOF, json!({"position": "0"}), "VALIDATION_FAILED", "position"),
        (PROOF, json!({"position": "-9223372036854775808"}), "VALIDATION_FAILED", "position"),
        (PROOF, json!({"position": "first"}), "VALIDATION_FAILED", "position"),
        (PROOF, json!({"position": "9223372036854775807"}), "VALIDATION_FAILED", "position"),
        (VERIFY, json!({"from": "2", "to": "1"}), "VALIDATION_FAILED", "from"),
        (VERIFY, json!({"from": "0", "to": "1"}), "VALIDATION_FAILED", "from"),
        (VERIFY, json!({"from": "1", "to": "100000"}), "VALIDATION_FAILED", "to"),
        (VERIFY, json!({"from": "1", "to": "9223372036854775807"}), "VALIDATION_FAILED", "to"),
        (VERIFY, json!({"from": "one", "to": "1"}), "VALIDATION_FAILED", "from"),
        (CONSISTENCY, json!({"from": "2", "to": "1"}), "VALIDATION_FAILED", "from"),
        (CONSISTENCY, json!({"from": "0", "to": "1"}), "NOT_FOUND", "fromSize"),
        (
            CONSISTENCY,
            json!({"from": "18446744073709551614", "to": "18446744073709551615"}),
            "NOT_FOUND",
            "fromSize",
        ),
        (CONSISTENCY, json!({"from": "-1", "to": "1"}), "VALIDATION_FAILED", "fromSize"),
        (CHECKPOINTS, json!({"first": 0}), "VALIDATION_FAILED", "first"),
        (CHECKPOINTS, json!({"after": "garbage"}), "VALIDATION_FAILED", "after"),
    ] {
        let refused = support.refused(document, variables.clone()).await;
        assert_eq!(refused.what(), (code, field), "{document} {variables}");
    }
    // Far enough behind the end that no other test writes as much meanwhile.
    let beyond = sealed.newest().await + 50_000;
    for (from, to, field) in [(beyond, beyond + 1, "from"), (beyond - 150_000, beyond, "to")] {
        let range = json!({"from": from.max(1).to_string(), "to": to.to_string()});
        let refused = support.refused(VERIFY, range.clone()).await;
        assert_eq!(refused.what(), ("VALIDATION_FAILED", field), "{range}");
    }
    let nobody = sealed.system.portal.client();
    for document in [PROOF, VERIFY, CONSISTENCY, CHECKPOINTS] {
        let variables = json!({"position": "1", "from": "1", "to": "1"});
        assert_eq!(nobody.refused(document, variables).await.code, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn a_system_without_a_key_seals_nothing_and_says_so() {
    let database = Database::migrated().await;
    let portal = Service::ready("portal-api", &Settings::portal(&database)).await;
    portal.process.says("events are not sealed here: AUDIT_SIGNING_KEY is not set").await;
    let api = Service::ready("api", &Settings::user(&database)).await;
    let system =
        System { a: Service::ready("api", &Settings::user(&database)).await, b: api, portal, database };
    let support = chief(&system).await;
    let refused = support.refused(PROOF, json!({"position": "1"})).await;
    assert_eq!(refused.code, "UNAVAILABLE");
    let page = support.ask(CHECKPOINTS, json!({})).await;
    assert_eq!(page["nodes"], json!([]));
    let row = seal(&support).await;
    assert_eq!(
        (&row["state"], &row["lagEvents"], &row["lagSeconds"]),
        (&json!("OFF"), &json!(0), &json!(0.0))
    );
    assert!(row["offBecause"].as_str().unwrap().contains("set AUDIT_SIGNING_KEY"), "{row}");
    let (code, said, _) = Sealed { settings: Settings::common(&system.database), key: String::new(), system }
        .verify_without_key()
        .await;
    assert_eq!((code, said.as_str()), (Some(2), ""), "what cannot be checked is not called intact");
}

/// What the portal says of the consumer that seals.
async fn seal(operator: &Client) -> Value {
    let all = operator.ask("{ projections { name state offBecause lagEvents lagSeconds } }", json!({})).await;
    all.as_array().unwrap().iter().find(|row| row["name"] == "audit_seal.v1").unwrap().clone()
}

impl Sealed {
    async fn verify_without_key(&self) -> (Option<i32>, String, String) {
        self.worker(&self.settings, &["audit-verify"]).await
    }
}

#[tokio::test]
async fn erasing_a_person_changes_no_proof() {
    let sealed = shared().await;
    let chief = chief(&sealed.system).await;
    let person = Person::new(&sealed.system.a).await;
    let newest = sealed.newest().await;
    let before = sealed.signed(&chief, newest).await;
    chief.ask(ERASE, json!({"tenant": person.tenant, "id": person.id})).await;
    let erased = "SELECT NOT EXISTS (SELECT FROM projection_checkpoints c JOIN events e \
        ON (e.tx_id, e.position) > (c.tx_id, c.position) AND e.event_type = 'user.erased' WHERE c.name = 'erasure.v1')";
    let database = sealed.system.database.open().await;
    until("the end of the key", async || database.query_one(erased, &[]).await.unwrap().get(0)).await;

    let last = sealed.newest().await;
    sealed.signed(&chief, last).await;
    let after = sealed.signed(&chief, newest).await;
    assert_eq!(after["leafHash"], before["leafHash"]);
    check(sealed, &after);
    let first = "SELECT min(position) FROM events";
    let first: i64 = database.query_one(first, &[]).await.unwrap().get(0);
    let verdict = chief.ask(VERIFY, json!({"from": first.to_string(), "to": last.to_string()})).await;
    assert_eq!(
        (&verdict["intact"], &verdict["signaturesChecked"]),
        (&json!(true), &json!(true)),
        "{verdict}"
    );
    assert!(number(&verdict["signedUpTo"]) >= verdict["events"].as_u64().unwrap());
}

#[tokio::test]
async fn the_portal_names_the_position_that_was_changed() {
    let sealed = sealed().await;
    let support = support(&sealed).await;
    let person = Person::new(&sealed.system.a).await;
    for n in 0..5 {
        create(&person.at(&sealed.system.a), &format!("work {n}")).await;
    }
    let last = sealed.newest().await;
    sealed.signed(&support, last).await;
    let wrong = last - 2;
    sealed
        .tamper(&format!(
            "UPDATE events SET payload = jsonb_set(payload, '{{text}}', '\"play\"') WHERE position = {wrong}"
        ))
        .await;
    let verdict = support.ask(VERIFY, json!({"from": (last - 4).to_string(), "to": last.to_string()})).await;
    assert_eq!((&verdict["intact"], &verdict["events"]), (&json!(false), &json!(2)), "{verdict}");
    let first = &verdict["firstWrong"];
    assert_eq!((&first["position"], &first["kind"]), (&json!(wrong.to_string()), &json!("EDITED")));
    sealed.tamper(&format!("DELETE FROM events WHERE position = {}", last - 3)).await;
    let verdict = support.ask(VERIFY, json!({"from": (last - 4).to_string(), "to": last.to_string()})).await;
    assert_eq!(verdict["firstWrong"]["kind"], "DELETED");
    assert_eq!(verdict["firstWrong"]["position"], (last - 3).to_string());
}

#[tokio::test]
async fn sealing_goes_on_when_the_process_that_seals_is_killed() {
    let mut sealed = sealed().await;
    let chief = chief(&sealed.system).await;
    let person = Person::new(&sealed.system.a).await;
    for round in 0..3 {
        create(&person.at(&sealed.system.a), &format!("work {round}")).await;
        // Whoever of them leads: of three processes one is left, and then there are two again.
        sealed.system.b.process.kill();
        let user = Settings::user(&sealed.system.database).with("AUDIT_SIGNING_KEY", &*sealed.key);
        let next = Service::ready("api", &user).await;
        sealed.system.b = std::mem::replace(&mut sealed.system.a, next);
    }
    let last = sealed.newest().await;
    sealed.signed(&chief, last).await;
    let whole = "SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY tx_id, position) - 1 AS n, position FROM events \
        WHERE position <= $1) AS e FULL JOIN (SELECT * FROM audit_leaves WHERE position <= $1) AS l ON l.leaf_index = e.n \
        WHERE l.position IS DISTINCT FROM e.position";
    let database = sealed.system.database.open().await;
    let wrong: i64 = database.query_one(whole, &[&last]).await.unwrap().get(0);
    assert_eq!(wrong, 0, "each event once, in the order of the log");
    let (code, said, why) = sealed.worker(&sealed.settings, &["audit-verify"]).await;
    assert_eq!(code, Some(0), "{said}{why}");
}

/// A folder of a test's own.
fn folder(of: &Sealed) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("proofs-{}", of.system.database.name));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[tokio::test]
async fn an_export_is_verified_without_the_database() {
    let sealed = sealed().await;
    let support = support(&sealed).await;
    let person = Person::new(&sealed.system.a).await;
    for n in 0..5 {
        create(&person.at(&sealed.system.a), &format!("Milch für Zoë \"{n}\" \\ €")).await;
    }
    sealed.signed(&support, sealed.newest().await).await;
    let folder = folder(&sealed);
    let path = |name: &str| folder.join(name).display().to_string();
    let (events, seals, key) = (path("events.ndjson"), path("checkpoints.ndjson"), path("key.pem"));
    let (code, pem, _) = sealed.worker(&sealed.settings, &["audit-key"]).await;
    assert_eq!((code, pem), (Some(0), sealed.keys()[0].pem()));
    std::fs::write(&key, sealed.keys()[0].pem()).unwrap();
    let arguments = ["audit-export", "--events", &events, "--checkpoints", &seals];
    let (code, said, _) = sealed.worker(&sealed.settings, &arguments).await;
    assert_eq!(code, Some(0), "{said}");
    let again = sealed.worker(&sealed.settings, &arguments).await;
    assert_eq!(again.0, Some(2), "nothing is overwritten: {again:?}");

    // No settings, no database: three files.
    let offline = async |events: &str| {
        let arguments = ["audit-verify", "--export", events, "--checkpoints", &seals, "--key", &key];
        sealed.worker(&Settings::none(), &arguments).await
    };
    let intact = offline(&events).await;
    assert_eq!(intact.0, Some(0), "{intact:?}");
    assert!(intact.1.starts_with("intact: "), "{intact:?}");

    let text = std::fs::read_to_string(&events).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let position =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["position"].as_str().unwrap().to_owned();
    let at = lines.iter().position(|line| line.contains("Zoë")).unwrap();
    let here = position(lines[at]);
    let mut changed = [lines.clone(), lines.clone(), lines.clone(), lines.clone()];
    let edited = lines[at].replace("Zoë", "Zoe");
    changed[0][at] = &edited;
    changed[1].remove(at);
    let other = lines[at].replace(&format!("\"{here}\""), "\"99999999\"");
    changed[2].insert(at, &other);
    changed[3].swap(at, at + 1);
    let expected = [(&*here, "edited"), (&*here, "deleted"), ("99999999", "inserted"), (&*here, "swapped")];
    for (lines, (position, wrong)) in changed.iter().zip(expected) {
        let changed = path(&format!("{wrong}.ndjson"));
        std::fs::write(&changed, lines.join("\n") + "\n").unwrap();
        let (code, said, _) = offline(&changed).await;
        assert_eq!(code, Some(1), "{wrong}: {said}");
        assert!(said.starts_with(&format!("position {position}: {wrong} (leaf {at};")), "{wrong}: {said}");
    }
    let cut = path("cut.ndjson");
    std::fs::write(&cut, &text[..text.len() - 9]).unwrap();
    let (code, said, why) = offline(&cut).await;
    assert!(code != Some(0) && said.find("intact").is_none(), "{code:?} {said} {why}");
    let (code, _, why) = offline(&path("nothing.ndjson")).await;
    assert_eq!(code, Some(2), "{why}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn published_checkpoints_tell_when_the_end_was_cut_off_with_its_seals() {
    let sealed = sealed().await;
    let support = support(&sealed).await;
    let folder = folder(&sealed);
    let directory = folder.join("seals").display().to_string();
    let settings = sealed.settings.clone().with("AUDIT_CHECKPOINT_DIR", &*directory);
    let worker = Service::start("worker", &settings);
    let person = Person::new(&sealed.system.a).await;
    create(&person.at(&sealed.system.a), "kept").await;
    create(&person.at(&sealed.system.a), "cut off").await;
    let last = sealed.newest().await;
    let signed = number(&sealed.signed(&support, last).await["treeSize"]);
    let published = folder.join("seals").join(format!("{signed:020}.seal"));
    until("the published checkpoint", async || published.exists()).await;
    assert!(std::fs::metadata(&published).unwrap().permissions().readonly());
    drop(worker);
    let online = async |arguments: &[&str]| {
        sealed.worker(&settings, &[&["audit-verify"][..], arguments].concat()).await
    };
    let intact = online(&["--checkpoints", &directory]).await;
    assert_eq!(intact.0, Some(0), "{intact:?}");

    // The last event, its leaf, and every checkpoint that knows of it.
    let kept = "SELECT max(tree_size) FROM audit_checkpoints WHERE tree_size <= (SELECT leaf_index FROM audit_leaves WHERE position = $1)";
    let kept: Option<i64> =
        sealed.system.database.open().await.query_one(kept, &[&last]).await.unwrap().get(0);
    let kept = kept.unwrap_or(0);
    sealed
        .tamper(&format!(
            "DELETE FROM events WHERE position IN (SELECT position FROM audit_leaves WHERE leaf_index >= {kept}); \
             DELETE FROM events WHERE position > {last}; DELETE FROM audit_leaves WHERE leaf_index >= {kept}; \
             DELETE FROM audit_checkpoints WHERE tree_size > {kept}"
        ))
        .await;
    if kept > 0 {
        let alone = online(&[]).await;
        assert_eq!(alone.0, Some(0), "the database alone does not know: {alone:?}");
    }
    let (code, said, _) = online(&["--checkpoints", &directory]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!(": deleted (leaf {kept};")), "{said}");
    std::fs::remove_dir_all(folder).unwrap();
}
