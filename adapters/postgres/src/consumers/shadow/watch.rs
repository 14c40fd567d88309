//! Looks for builds that were asked for, and builds them, in whichever process comes first.

use std::{collections::HashMap, sync::Arc, time::Duration};

use application::BoxError;
use deadpool_postgres::Pool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{BuildPace, build::Builder, store};
use crate::{
    BoxedError,
    consumers::{Effects, Leases, Projection},
    pool::Connector,
};

/// How often a process looks for builds.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Builds read models anew in this process, whenever it holds the lease of one that is asked for.
pub struct Builders {
    /// What may be built.
    pub projections: Vec<Arc<dyn Projection>>,
    /// For reading.
    pub pool: Pool,
    /// Opens the connections that write.
    pub connector: Connector,
    /// Who builds.
    pub leases: Arc<Leases>,
    /// How they go about it.
    pub pace: BuildPace,
}

impl Builders {
    /// Runs until `stop`. What it was at is gone on with by the next process, from where it stands.
    pub async fn run(self, stop: CancellationToken) {
        let mut running: HashMap<String, JoinHandle<()>> = HashMap::new();
        while !stop.is_cancelled() {
            if let Err(error) = self.look(&mut running, &stop).await {
                tracing::debug!(error = %BoxedError(error.as_ref()), "builds cannot be looked for now");
            }
            let _ = tokio::time::timeout(LOOK_EVERY, stop.cancelled()).await;
        }
        for (_, build) in running {
            let _ = build.await;
        }
    }

    async fn look(
        &self,
        running: &mut HashMap<String, JoinHandle<()>>,
        stop: &CancellationToken,
    ) -> Result<(), BoxError> {
        running.retain(|_, build| !build.is_finished());
        let builds = store::all(&*self.pool.get().await?, self.pace.kept.as_secs_f64()).await?;
        for build in builds {
            if running.contains_key(&build.name) {
                continue;
            }
            let ours = self.projections.iter().find(|projection| projection.name() == build.name);
            // What has effects outside is never written again, whoever asks.
            let Some(projection) = ours.filter(|it| it.effects() == Effects::Rows) else { continue };
            let Some(lease) = self.leases.acquire(format!("build {}", build.name)).await? else { continue };
            let builder = Builder {
                projection: Arc::clone(projection),
                lease,
                shadow: Builder::shadow(&self.connector, &build.name)?,
                plain: self.pool.clone(),
                pace: self.pace,
                stop: stop.clone(),
            };
            tracing::info!(consumer = build.name, phase = build.phase.name(), "build goes on here");
            running.insert(build.name, tokio::spawn(builder.run()));
        }
        Ok(())
    }
}
