//! The notary of a process, and the directory in which it publishes.

use std::{io, path::PathBuf, sync::Arc};

use adapter_postgres::PgSeals;
use application::{
    BoxError,
    proofs::{CheckpointStore, Notary, Record, Rhythm},
};
use async_trait::async_trait;
use tokio::{fs, io::AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use crate::{compose::Node, settings::SealSettings, world::SystemClock};

/// What the files of published checkpoints end with.
const ENDING: &str = ".seal";

/// The notary of a process that has a key.
pub(crate) fn notary(node: &Node, settings: &SealSettings) -> Option<Notary> {
    let store =
        settings.directory.clone().map(|folder| Arc::new(Directory { folder }) as Arc<dyn CheckpointStore>);
    Some(Notary {
        seals: Arc::new(PgSeals::new(node.pools.pool.clone())),
        store,
        key: settings.key.clone()?,
        clock: Arc::new(SystemClock),
        rhythm: Rhythm::default(),
    })
}

/// Lets it look again and again.
pub(crate) async fn attend(notary: Notary, stop: CancellationToken) {
    let mut well = true;
    while !stop.is_cancelled() {
        match notary.attend().await {
            Ok(()) => well = true,
            Err(error) if well => {
                tracing::error!(%error, "a checkpoint of the audit trail was not made or not published; will try again");
                well = false;
            }
            Err(_) => {}
        }
        let _ = tokio::time::timeout(notary.rhythm.look, stop.cancelled()).await;
    }
}

/// A directory in which every file is written once: a file a checkpoint, named after its size, so
/// that names sort as sizes do.
pub(crate) struct Directory {
    folder: PathBuf,
}

impl Directory {
    fn path(&self, size: u64) -> PathBuf {
        self.folder.join(format!("{size:020}{ENDING}"))
    }
}

#[async_trait]
impl CheckpointStore for Directory {
    async fn newest(&self) -> Result<u64, BoxError> {
        fs::create_dir_all(&self.folder).await?;
        let mut entries = fs::read_dir(&self.folder).await?;
        let mut newest = 0;
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name();
            let size =
                name.to_str().and_then(|name| name.strip_suffix(ENDING)).and_then(|size| size.parse().ok());
            newest = newest.max(size.unwrap_or(0));
        }
        Ok(newest)
    }

    async fn publish(&self, record: &Record) -> Result<(), BoxError> {
        let (path, mut line) = (self.path(record.size), serde_json::to_vec(record)?);
        line.push(b'\n');
        // Written whole under another name first: a file with the right name is never half a file.
        let draft = path.with_extension(format!("draft-{}", std::process::id()));
        let mut file = fs::File::create(&draft).await?;
        file.write_all(&line).await?;
        file.sync_all().await?;
        let mut permissions = file.metadata().await?.permissions();
        permissions.set_readonly(true);
        file.set_permissions(permissions).await?;
        // A link, unlike a rename, never replaces what is there.
        let linked = fs::hard_link(&draft, &path).await;
        fs::remove_file(&draft).await?;
        match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let same = fs::read(&path).await? == line;
                let other = || format!("{} holds another checkpoint", path.display()).into();
                if same { Ok(()) } else { Err(other()) }
            }
            done => Ok(done?),
        }
    }
}
