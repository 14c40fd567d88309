//! Whether Redis is there, asked once: before going live, by whoever will need it.

use std::time::Duration;

use application::BoxedError;
use fred::{clients::Client, interfaces::ClientLike};
use tokio::{task, time::timeout};

use crate::settings::{self, RedisSettings};

/// The longest it may take to connect and to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// Connects, asks, and leaves again; the text says why not.
pub async fn answers(settings: RedisSettings) -> Result<(), String> {
    let config = task::spawn_blocking(move || settings::config(&settings)).await;
    let config = config.map_err(|error| error.to_string())?;
    let mut config = config.map_err(|error| BoxedError(&error).to_string())?;
    config.fail_fast = true;
    let client = Client::new(config, Some(settings::performance()), Some(settings::connection()), None);
    let asked = async {
        client.init().await?;
        client.ping::<String>(None).await
    };
    let answered = timeout(ANSWER_WAIT, asked).await;
    drop(timeout(ANSWER_WAIT, client.quit()).await);
    match answered {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.details().to_owned()),
        Err(_) => Err("it did not answer in time".to_owned()),
    }
}
