//! Where the collector is, and how it is spoken to.

use std::{fmt, path::PathBuf, time::Duration};

use adapter_https::{Trust, TrustError};
use http::{HeaderName, HeaderValue, Uri};
use thiserror::Error;

/// The ports of the schemes, for an address that names none. It is a URL like any other.
const PORT_HTTP: u16 = 80;
const PORT_HTTPS: u16 = 443;

/// The address of a collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether it is `https`.
    pub tls: bool,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Where it takes traces.
    pub path: String,
}

impl Endpoint {
    /// Reads `http://host:4318`. `path` is put behind what stands there, as OpenTelemetry has it for
    /// the endpoint of all signals.
    pub fn read(text: &str, path: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let tls = match scheme {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let (authority, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '?' | '#');
        if rest.contains(odd) {
            return None;
        }
        let (host, port) = match authority.rsplit_once(':') {
            // The last colon of an IPv6 address is not before a port.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok().filter(|port| *port > 0)?),
            Some(_) | None => (authority, if tls { PORT_HTTPS } else { PORT_HTTP }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let path = format!("{}{path}", base.trim_end_matches('/'));
        let sound = path.starts_with('/') && path.parse::<Uri>().is_ok();
        (!host.is_empty() && sound).then_some(Self { tls, host, port, path })
    }

    /// Host and port as a header says them.
    pub(crate) fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// What an exporter is told.
#[derive(Clone)]
pub struct OtlpSettings {
    /// Where the collector is.
    pub endpoint: Endpoint,
    /// What it wants to see with each request; often a key.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// PEM file of a private authority; without one the system's are asked.
    pub ca_file: Option<PathBuf>,
    /// The longest one request takes.
    pub timeout: Duration,
    /// How long spans are gathered.
    pub every: Duration,
    /// Spans in one request, at most.
    pub batch: usize,
    /// Who sends: `service.name` and whatever else is true of all spans.
    pub resource: Vec<(String, String)>,
}

impl fmt::Debug for OtlpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers hold keys.
        f.debug_struct("OtlpSettings").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Why these settings cannot be used. That the collector is away is none of these.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// No certificate of the collector could be verified.
    #[error("\"OTEL_EXPORTER_OTLP_CERTIFICATE\": {0}")]
    Trust(#[from] TrustError),
}

impl OtlpSettings {
    /// `None`: the collector is spoken to in the clear. Reads files.
    pub(crate) fn trust(&self) -> Result<Option<Trust>, SettingsError> {
        if !self.endpoint.tls {
            return Ok(None);
        }
        Ok(Some(Trust::of(self.ca_file.as_deref())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_of_a_collector_is_refused() {
        for text in [
            "",
            "collector:4318",
            "grpc://collector:4317",
            "http://",
            "http://:4318",
            "http://collector:0",
            "http://collector:port",
            "http://user:key@collector:4318",
            "http://collector:4318/?key=1",
            "http://collector :4318",
        ] {
            assert_eq!(Endpoint::read(text, "/v1/traces"), None, "{text}");
        }
    }

    #[test]
    fn an_address_is_read_with_its_port_and_what_stands_before_the_path() {
        for (text, whole) in [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
            ("https://collector.example", "https://collector.example:443/v1/traces"),
            ("https://collector.example:443/otlp", "https://collector.example:443/otlp/v1/traces"),
            ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
            ("http://[::1]", "http://[::1]:80/v1/traces"),
        ] {
            let read = Endpoint::read(text, "/v1/traces").map(|endpoint| endpoint.to_string());
            assert_eq!(read.as_deref(), Some(whole));
        }
        let own = Endpoint::read("http://collector:4318/own/path", "").map(|endpoint| endpoint.path);
        assert_eq!(own.as_deref(), Some("/own/path"), "the endpoint of traces alone is taken as it is");
    }
}
