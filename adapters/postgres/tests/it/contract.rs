//! What the twins in memory do, Postgres does alike: the same rules by name.

mod event_log {
    use std::sync::Arc;

    use application::ports::EventLog;
    use testkit::TestDatabase;

    use crate::rig::Node;

    async fn postgres() -> (Arc<dyn EventLog>, TestDatabase) {
        let database = TestDatabase::new().await;
        (Node::on(&database).log, database)
    }
    testkit::event_log_contract!(postgres());
}

mod vault {
    use std::sync::Arc;

    use application::ports::Vault;
    use testkit::TestDatabase;

    use crate::rig::Node;

    async fn postgres() -> (Arc<dyn Vault>, TestDatabase) {
        let database = TestDatabase::new().await;
        (Node::on(&database).vault, database)
    }
    testkit::vault_contract!(postgres());
}
