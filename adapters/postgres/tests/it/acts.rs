//! What operators look at is written down before it is shown.

use application::{
    Answered, Caller, Failure, Window,
    audit::{AuditEvents, AuditFilter, CountAuditEvents},
    operator::PortalMe,
    tenant::GetTenant,
};
use domain::{OperatorId, SessionId, TenantId, operator::OperatorRole};
use testkit::{TestDatabase, given::moment};
use uuid::Uuid;

use crate::rig::Node;

const OPERATOR: OperatorId = OperatorId(Uuid::from_u128(6));
const TENANT: TenantId = TenantId(Uuid::from_u128(1));

fn operator() -> Caller {
    let until = moment(86_400);
    Caller::operator(OPERATOR, SessionId(Uuid::from_u128(5)), OperatorRole::Support, until).in_request("r-1")
}

fn everything() -> AuditEvents {
    AuditEvents { filter: AuditFilter::default(), window: Window::First(20, None) }
}

/// Name, what about, and who, of each act in the log.
async fn acts(node: &Node) -> Vec<[String; 5]> {
    let sql = "SELECT payload->>'name', coalesce(payload->>'about', ''), metadata->>'actor_kind', \
               metadata->>'actor_id', metadata->>'correlation_id' FROM events \
               WHERE aggregate_type = 'act' ORDER BY tx_id, position";
    let rows = node.client().await.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| [0, 1, 2, 3, 4].map(|n| row.get(n))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_asks_for_is_in_the_log_once_with_who_asked() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let app = node.app();
    app.ask(&operator(), everything(), None).await.unwrap();
    app.ask(&operator(), GetTenant { id: TENANT }, None).await.unwrap();
    let who = |name: &str, about: &str| {
        let id = OPERATOR.to_string();
        [name, about, "operator", id.as_str(), "r-1"].map(str::to_owned)
    };
    let expected = [who("audit.events", ""), who("tenant.get", &TENANT.to_string())];
    assert_eq!(acts(&node).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_account_counts_and_the_system_itself_leave_no_act() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let app = node.app();
    app.ask(&operator(), PortalMe, None).await.unwrap();
    app.ask(&operator(), CountAuditEvents { filter: AuditFilter::default() }, None).await.unwrap();
    let system = Caller::system(application::Platform::Portal, "cli");
    app.ask(&system, everything(), None).await.unwrap();
    assert!(acts(&node).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_down_is_not_shown() {
    let database = TestDatabase::new().await;
    let node = Node::on(&database);
    let refusing = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
        $$BEGIN RAISE EXCEPTION 'no acts'; END$$; \
        CREATE TRIGGER no_acts BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.aggregate_type = 'act') \
        EXECUTE FUNCTION refuse()";
    database.owner().await.batch_execute(refusing).await.unwrap();
    let app = node.app();
    let asked: Answered<AuditEvents> = app.ask(&operator(), everything(), None).await;
    assert!(matches!(asked, Err(Failure::Internal(_) | Failure::Unavailable(_))), "{asked:?}");
    let asked = app.ask(&operator(), GetTenant { id: TENANT }, None).await;
    assert!(matches!(asked, Err(Failure::Internal(_) | Failure::Unavailable(_))), "{asked:?}");
}
