//! `ExportTraceServiceRequest` of OTLP 1.x; the numbers are those of `opentelemetry/proto/trace/v1`.

use std::time::{SystemTime, UNIX_EPOCH};

use application::trace::{Attribute, Finished};

use crate::protobuf::{Message, Value, field};

/// Who made the spans.
const SCOPE: &str = "enterprise-todo";
/// `STATUS_CODE_ERROR`.
const ERROR: u64 = 2;
/// `error.type` of the semantic conventions.
const ERROR_TYPE: &str = "error.type";

/// The request that brings these spans.
pub(crate) fn request(resource: &[(String, String)], spans: &[Finished]) -> Vec<u8> {
    let mut request = Message::default();
    request.message(1, |of_resource| {
        of_resource.message(1, |message| {
            for (name, value) in resource {
                text(message, 1, name, value);
            }
        });
        of_resource.message(2, |of_scope| {
            of_scope.message(1, |scope| {
                scope.bytes(1, SCOPE.as_bytes());
                scope.bytes(2, env!("CARGO_PKG_VERSION").as_bytes());
            });
            for one in spans {
                of_scope.message(2, |message| span(message, one));
            }
        });
    });
    request.into_bytes()
}

fn span(message: &mut Message, span: &Finished) {
    message.bytes(1, &span.place.trace.bytes());
    message.bytes(2, &span.place.span.bytes());
    if let Some(parent) = span.parent {
        message.bytes(4, &parent.bytes());
    }
    message.bytes(5, span.name.as_bytes());
    message.varint(6, span.kind as u64);
    message.fixed64(7, nanoseconds(span.begun));
    message.fixed64(8, nanoseconds(span.ended));
    for (name, value) in &span.attributes {
        match value {
            Attribute::Text(value) => text(message, 9, name, value),
            Attribute::Whole(value) => {
                key_value(message, 9, name, |any| any.varint(3, value.cast_unsigned()));
            }
        }
    }
    if let Some(error) = &span.error {
        text(message, 9, ERROR_TYPE, error);
        message.message(15, |status| status.varint(3, ERROR));
    }
}

fn text(message: &mut Message, number: u64, name: &str, value: &str) {
    key_value(message, number, name, |any| any.bytes(1, value.as_bytes()));
}

fn key_value(message: &mut Message, number: u64, name: &str, value: impl FnOnce(&mut Message)) {
    message.message(number, |pair| {
        pair.bytes(1, name.as_bytes());
        pair.message(2, value);
    });
}

fn nanoseconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// How many spans a collector says that it took none of, in `ExportTraceServiceResponse`.
pub(crate) fn rejected(response: &[u8]) -> u64 {
    let Some(Value::Bytes(partial)) = field(response, 1) else { return 0 };
    match field(partial, 1) {
        // A negative number is none.
        Some(Value::Number(rejected)) if i64::try_from(rejected).is_ok() => rejected,
        Some(_) | None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_collector_rejects_is_read() {
        let mut response = Message::default();
        response.message(1, |partial| {
            partial.varint(1, 3);
            partial.bytes(2, b"too old");
        });
        let response = response.into_bytes();
        assert_eq!(rejected(&response), 3);
        assert_eq!((rejected(b""), rejected(b"not protobuf"), rejected(&response[..2])), (0, 0, 0));
    }
}
