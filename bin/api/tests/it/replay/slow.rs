//! A client that does not read: it costs little memory, then its place, and nobody else anything.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Play, Writer, system};
use crate::{
    operators::colleague,
    service::{Service, Settings},
};

/// Far more than the buffers of a connection hold.
const EVENTS: i32 = 60_000;
/// What a replay may hold, with what the allocator keeps, in KiB.
const GROWTH_MAX_KIB: i64 = 40 * 1_024;
/// How long nothing is read: until the buffers of the connection are full on a busy machine, and then
/// longer than an outgoing message may wait.
const DEAF_FOR: Duration = Duration::from_secs(35);
/// The longest it takes to read what the buffers hold.
const CLOSED_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_client_that_does_not_read_is_held_back_then_closed_and_memory_stays_bounded() {
    let system = system().await;
    let writer = Writer::alone(&system).await;
    writer.create_many(EVENTS).await;
    let (_, _, operator) = colleague(&system, "SUPPORT").await;
    let settings = Settings::portal(&system.database).with("WORKERS", "external");
    let portal = Service::ready("portal-api", &settings).await;
    let wanted = || json!({"filter": writer.filter()});
    // One that reads, so that what every process needs once is there.
    Play::begin(&portal, &operator.token(), wanted()).await.events(2_000).await;

    let idle = portal.process.resident_kib();
    let mut deaf = Play::begin(&portal, &operator.token(), wanted()).await;
    let begun = Instant::now();
    let mut most = idle;
    while begun.elapsed() < DEAF_FOR {
        most = most.max(portal.process.resident_kib());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(most - idle < GROWTH_MAX_KIB, "{idle} KiB grew to {most} KiB");
    let closed = tokio::time::timeout(CLOSED_WITHIN, async {
        let mut read = 0;
        loop {
            match deaf.socket.next().await {
                Ok(_) => read += 1,
                Err((code, _)) => return (code, read),
            }
        }
    });
    let (code, read) = closed.await.expect("closed in time");
    assert!([1013, 1006].contains(&code), "{code}");
    assert!(read < EVENTS, "it was closed before all of it was sent: {read}");
}
