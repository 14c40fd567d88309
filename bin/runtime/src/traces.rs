//! What a process does with traces: sends them to a collector, or records nothing.

use adapter_otlp::{Exporter, SettingsError};
use application::{ports::Entropy, trace};

use crate::{settings::Settings, world::SystemEntropy};

/// What sends the traces of a process, until it is closed.
#[derive(Default)]
pub(crate) struct Traces(Option<Exporter>);

/// Records from now on, when a collector is named; said once.
pub(crate) fn start(settings: &Settings) -> Result<Traces, SettingsError> {
    let Some(settings) = &settings.traces else {
        tracing::info!("nothing is traced: OTEL_EXPORTER_OTLP_ENDPOINT is not set");
        return Ok(Traces::default());
    };
    let mut otlp = settings.otlp.clone();
    otlp.resource.push(("service.instance.id".to_owned(), SystemEntropy.id().to_string()));
    let endpoint = otlp.endpoint.to_string();
    // A process starts once. Were it to start again, the first one records.
    let Some(spans) = trace::record(settings.sampler, settings.waiting) else { return Ok(Traces::default()) };
    let exporter = Exporter::start(otlp, spans)?;
    tracing::info!("traces are sent to {endpoint}");
    Ok(Traces(Some(exporter)))
}

impl Traces {
    /// Sends what there is.
    pub(crate) async fn close(self) {
        if let Some(exporter) = self.0 {
            exporter.close().await;
        }
    }
}
