//! The system that most tests share: two `api` processes and a portal over one database.

use tokio::sync::OnceCell;

use crate::{
    database::Database,
    process,
    service::{Service, Settings},
};

/// Two nodes of the user surface and a portal.
pub(crate) struct System {
    pub(crate) database: Database,
    pub(crate) a: Service,
    pub(crate) b: Service,
    pub(crate) portal: Service,
}

/// The shared system, as one test sees it: when the test fails, it shows the logs.
pub(crate) struct Shared(&'static System);

impl Shared {
    /// A system that several tests share.
    pub(crate) fn of(system: &'static System) -> Self {
        Self(system)
    }
}

impl std::ops::Deref for Shared {
    type Target = System;

    fn deref(&self) -> &System {
        self.0
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for service in [&self.a, &self.b, &self.portal] {
                service.process.show();
            }
        }
    }
}

/// The system that tests share; the first to come starts it.
pub(crate) async fn shared() -> Shared {
    static SYSTEM: OnceCell<System> = OnceCell::const_new();
    Shared(SYSTEM.get_or_init(System::start).await)
}

/// The shared system with the demo tenant in it: five people, six tags, 300 todos.
pub(crate) async fn demo() -> Shared {
    static SEEDED: OnceCell<()> = OnceCell::const_new();
    let system = shared().await;
    SEEDED
        .get_or_init(async || {
            let output = process::run(Settings::user(&system.database).command("api", &["seed-demo"])).await;
            assert!(output.status.success(), "{output:?}");
        })
        .await;
    system
}

impl System {
    /// A system of its own: for tests that would disturb others.
    pub(crate) async fn start() -> Self {
        let database = Database::migrated().await;
        let user = || Settings::user(&database);
        let (mut a, mut b) = (Service::start("api", &user()), Service::start("api", &user()));
        let mut portal = Service::start("portal-api", &Settings::portal(&database));
        a.is_ready().await;
        b.is_ready().await;
        portal.is_ready().await;
        Self { database, a, b, portal }
    }
}
