//! Where traces go: the variables of OpenTelemetry, under its names and with its defaults.

use std::{path::PathBuf, str::FromStr, time::Duration};

use adapter_otlp::{Endpoint, OtlpSettings};
use application::trace::{Roots, Sampler};
use poem::http::{HeaderName, HeaderValue};

use super::{Environment, Process, reader::Reader};

/// Where a collector takes traces, below the endpoint of all signals.
const TRACES_PATH: &str = "/v1/traces";
/// The one protocol that is spoken.
const PROTOCOL: &str = "http/protobuf";
const TIMEOUT_MS: u64 = 10_000;
const EVERY_MS: u64 = 5_000;
const WAITING_SPANS: usize = 2_048;
const BATCH_SPANS: usize = 512;
/// The most spans that anybody may let wait: each takes about half a KiB.
const WAITING_SPANS_MAX: usize = 65_536;

/// Settings of traces.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// Where they go.
    pub otlp: OtlpSettings,
    /// Which of them are recorded.
    pub sampler: Sampler,
    /// Spans that may wait to be sent.
    pub waiting: usize,
}

impl Reader {
    /// `None`: no collector is named, or traces are turned off.
    pub(super) fn traces(
        &mut self,
        process: Process,
        environment: Option<Environment>,
    ) -> Option<TraceSettings> {
        let off = self.get("OTEL_SDK_DISABLED").is_some_and(|disabled| disabled.eq_ignore_ascii_case("true"));
        match self.get("OTEL_TRACES_EXPORTER").as_deref() {
            _ if off => return None,
            None | Some("otlp") => {}
            Some("none") => return None,
            Some(_) => self.problem("OTEL_TRACES_EXPORTER", "must be otlp or none"),
        }
        let endpoint = self.collector()?;
        for name in ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] {
            if self.get(name).is_some_and(|protocol| protocol != PROTOCOL) {
                self.problem(name, "must be http/protobuf: no other is spoken");
            }
        }
        let sampler = self.sampler();
        let waiting = self.above_zero("OTEL_BSP_MAX_QUEUE_SIZE", WAITING_SPANS);
        if waiting > WAITING_SPANS_MAX {
            self.problem("OTEL_BSP_MAX_QUEUE_SIZE", &format!("must be at most {WAITING_SPANS_MAX}"));
        }
        let batch = self.above_zero("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", BATCH_SPANS.min(waiting));
        if batch > waiting {
            self.problem("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "must be at most OTEL_BSP_MAX_QUEUE_SIZE");
        }
        let otlp = OtlpSettings {
            endpoint,
            headers: self.headers(),
            ca_file: self.get("OTEL_EXPORTER_OTLP_CERTIFICATE").map(PathBuf::from),
            timeout: Duration::from_millis(self.above_zero("OTEL_EXPORTER_OTLP_TIMEOUT", TIMEOUT_MS)),
            every: Duration::from_millis(self.above_zero("OTEL_BSP_SCHEDULE_DELAY", EVERY_MS)),
            batch,
            resource: self.resource(process, environment),
        };
        Some(TraceSettings { otlp, sampler, waiting })
    }

    /// Whether `traceparent` comes from a proxy of ours, which whoever stands in front of it cannot do.
    pub(super) fn trusted_traceparent(&mut self, trusted_proxies: usize) -> bool {
        let name = "TRUSTED_TRACEPARENT";
        let trusted = match self.get(name).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                self.problem(name, "must be true or false");
                false
            }
        };
        if trusted && trusted_proxies == 0 {
            self.problem(name, "needs a proxy of ours in front: set TRUSTED_PROXIES as well");
        }
        trusted
    }

    fn collector(&mut self) -> Option<Endpoint> {
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "");
        let of_all = ("OTEL_EXPORTER_OTLP_ENDPOINT", TRACES_PATH);
        let (name, path, text) =
            [own, of_all].into_iter().find_map(|(name, path)| Some((name, path, self.get(name)?)))?;
        let endpoint = Endpoint::read(&text, path);
        if endpoint.is_none() {
            self.problem(name, "must look like http://collector:4318 or https://collector:4318");
        }
        endpoint
    }

    fn sampler(&mut self) -> Sampler {
        let (name, argument) = ("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG");
        let Some(text) = self.get(name) else { return Sampler::default() };
        let (roots, asks_parent) = match text.strip_prefix("parentbased_") {
            Some(roots) => (roots, true),
            None => (text.as_str(), false),
        };
        let roots = match roots {
            "always_on" => Roots::Always,
            "always_off" => Roots::Never,
            "traceidratio" => {
                let ratio = self.number(argument, 1.0);
                if !(0.0..=1.0).contains(&ratio) {
                    self.problem(argument, "must be between 0 and 1");
                }
                Roots::Ratio(ratio)
            }
            _ => {
                self.problem(
                    name,
                    "must be always_on, always_off, traceidratio, or one of them after parentbased_",
                );
                Roots::Never
            }
        };
        Sampler { roots, asks_parent }
    }

    fn above_zero<T: FromStr + Default + PartialEq>(&mut self, name: &str, default: T) -> T {
        let number = self.number(name, default);
        if number == T::default() {
            self.problem(name, "must be at least 1");
        }
        number
    }

    fn headers(&mut self) -> Vec<(HeaderName, HeaderValue)> {
        let name = "OTEL_EXPORTER_OTLP_HEADERS";
        let pairs = self.pairs(name);
        let header = |(name, value): &(String, String)| {
            let mut value = HeaderValue::try_from(value).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::try_from(name).ok()?, value))
        };
        pairs.iter().map(header).collect::<Option<_>>().unwrap_or_else(|| {
            self.problem(name, "must be names and values of headers, as name=value,name=value");
            Vec::new()
        })
    }

    /// What is true of all spans of a process. What was said goes before what we know ourselves.
    fn resource(&mut self, process: Process, environment: Option<Environment>) -> Vec<(String, String)> {
        let mut resource = self.pairs("OTEL_RESOURCE_ATTRIBUTES");
        if let Some(service) = self.get("OTEL_SERVICE_NAME") {
            resource.retain(|(name, _)| name != "service.name");
            resource.push(("service.name".to_owned(), service));
        }
        let own = [
            ("service.name", process.name()),
            ("service.namespace", "enterprise-todo"),
            ("service.version", env!("CARGO_PKG_VERSION")),
            ("deployment.environment.name", environment.map_or("unknown", Environment::name)),
            ("telemetry.sdk.name", "enterprise-todo"),
            ("telemetry.sdk.language", "rust"),
            ("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
        ];
        for (name, value) in own {
            if resource.iter().all(|(said, _)| said != name) {
                resource.push((name.to_owned(), value.to_owned()));
            }
        }
        resource
    }

    /// `name=value,name=value`, with percent signs before what would be taken apart.
    fn pairs(&mut self, name: &str) -> Vec<(String, String)> {
        let pair = |part: &String| {
            let (name, value) = part.split_once('=')?;
            let (name, value) = (decoded(name.trim())?, decoded(value.trim())?);
            (!name.is_empty()).then_some((name, value))
        };
        self.list(name).iter().map(pair).collect::<Option<_>>().unwrap_or_else(|| {
            self.problem(name, "must look like name=value,name=value");
            Vec::new()
        })
    }
}

/// The text behind percent signs.
fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(part.get(2..)?.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const COLLECTOR: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

    fn read(variables: &[(&str, &str)]) -> (Option<TraceSettings>, Vec<String>) {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: HashMap<String, String> = variables.iter().map(own).collect();
        let mut reader = Reader { variables, problems: Vec::new() };
        (reader.traces(Process::Api, Some(Environment::Test)), reader.problems)
    }

    #[test]
    fn without_a_collector_nothing_is_recorded_and_it_can_be_turned_off() {
        assert!(read(&[]).0.is_none());
        assert!(read(&[COLLECTOR, ("OTEL_SDK_DISABLED", "true")]).0.is_none());
        assert!(read(&[COLLECTOR, ("OTEL_TRACES_EXPORTER", "none")]).0.is_none());
        let (settings, problems) = read(&[COLLECTOR]);
        assert_eq!(problems, [""; 0]);
        let settings = settings.unwrap();
        assert_eq!(settings.otlp.endpoint.to_string(), "http://collector:4318/v1/traces");
        assert_eq!(
            (settings.sampler, settings.waiting, settings.otlp.batch),
            (Sampler::default(), 2_048, 512)
        );
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://traces:443/own");
        assert_eq!(read(&[COLLECTOR, own]).0.unwrap().otlp.endpoint.to_string(), "https://traces:443/own");
    }

    #[test]
    fn what_is_wrong_is_named_and_keys_are_not_shown() {
        for (name, wrong) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "grpc://collector:4317"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "very-secret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api key=very-secret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=very%0asecret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=very-secret%f"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
            ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "65537"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2049"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name"),
        ] {
            let mut variables = vec![COLLECTOR];
            variables.retain(|(other, _)| *other != name);
            variables.push((name, wrong));
            let problems = read(&variables).1;
            assert!(
                problems[0].starts_with(&format!("Config validation error: \"{name}\" must")),
                "{problems:?}"
            );
            assert!(!problems.concat().contains("secret"), "{problems:?}");
        }
        let key = ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=very-secret");
        assert!(!format!("{:?}", read(&[COLLECTOR, key]).0).contains("secret"));
    }

    #[test]
    fn samplers_have_the_names_that_opentelemetry_gives_them() {
        let ratio = ("OTEL_TRACES_SAMPLER_ARG", "0.25");
        for (name, roots, asks_parent) in [
            ("always_on", Roots::Always, false),
            ("always_off", Roots::Never, false),
            ("traceidratio", Roots::Ratio(0.25), false),
            ("parentbased_always_on", Roots::Always, true),
            ("parentbased_always_off", Roots::Never, true),
            ("parentbased_traceidratio", Roots::Ratio(0.25), true),
        ] {
            let settings = read(&[COLLECTOR, ("OTEL_TRACES_SAMPLER", name), ratio]).0.unwrap();
            assert_eq!(settings.sampler, Sampler { roots, asks_parent }, "{name}");
        }
        let wrong = [COLLECTOR, ("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "1.5")];
        assert!(read(&wrong).1[0].contains("\"OTEL_TRACES_SAMPLER_ARG\" must be between 0 and 1"));
    }

    #[test]
    fn what_is_said_of_a_process_goes_before_what_it_knows() {
        let said = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,team=a%2Cb,service.version=7");
        let resource = |variables: &[(&str, &str)], name: &str| {
            let resource = read(variables).0.unwrap().otlp.resource;
            let values: Vec<String> =
                resource.into_iter().filter(|(own, _)| own == name).map(|(_, value)| value).collect();
            values.join("|")
        };
        assert_eq!(resource(&[COLLECTOR], "service.name"), "api");
        assert_eq!(resource(&[COLLECTOR, said], "service.name"), "other");
        assert_eq!(resource(&[COLLECTOR, said], "team"), "a,b");
        assert_eq!(resource(&[COLLECTOR, said], "service.version"), "7");
        let named = [COLLECTOR, said, ("OTEL_SERVICE_NAME", "todo")];
        assert_eq!(resource(&named, "service.name"), "todo");
        assert_eq!(resource(&[COLLECTOR], "deployment.environment.name"), "test");
    }

    #[test]
    fn a_traceparent_is_believed_only_behind_a_proxy_of_ours() {
        let trusts = |value: &str, proxies| {
            let variables = [("TRUSTED_TRACEPARENT".to_owned(), value.to_owned())].into();
            let mut reader = Reader { variables, problems: Vec::new() };
            (reader.trusted_traceparent(proxies), reader.problems.len())
        };
        assert_eq!((trusts("true", 1), trusts("false", 0)), ((true, 0), (false, 0)));
        assert_eq!((trusts("true", 0).1, trusts("yes", 1).1), (1, 1));
    }
}
