//! With Redis there: order, bursts, merging, what is no message.

use std::time::Duration;

use application::ports::{Signal, Signals};
use fred::interfaces::PubsubInterface;
use tokio::time::timeout;

use crate::rig::{channel, count_until, next, numbered, plain, shared_url, signal, started};

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_hear_each_other_and_themselves_in_order() {
    // Together fewer than an inbox holds: on a starving machine all of them may wait there.
    const EACH: i64 = 200;
    let (url, channel) = (shared_url(), channel());
    let (a, b) = (started(&url, &channel).await, started(&url, &channel).await);
    let mut receivers = [a.subscribe(), b.subscribe()];
    for position in 0..EACH {
        a.publish(signal("a", position)).await;
        b.publish(signal("b", position)).await;
    }
    for receiver in &mut receivers {
        let (mut from_a, mut from_b) = (0, 0);
        while from_a < EACH || from_b < EACH {
            let received = next(receiver).await;
            if received == signal("a", from_a) {
                from_a += 1;
            } else {
                assert_eq!(received, signal("b", from_b));
                from_b += 1;
            }
        }
    }
    a.close().await;
    b.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_channel_is_another_deployment() {
    let url = shared_url();
    let (ours, theirs) = (started(&url, &channel()).await, started(&url, &channel()).await);
    let mut receiver = ours.subscribe();
    theirs.publish(numbered(1)).await;
    ours.publish(numbered(2)).await;
    assert_eq!(next(&mut receiver).await, numbered(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_loses_nothing_or_says_so() {
    const BURST: i64 = 10_000;
    let (url, channel) = (shared_url(), channel());
    let (a, b) = (started(&url, &channel).await, started(&url, &channel).await);
    let (mut receiver, mut gaps) = (b.subscribe(), b.gaps());
    gaps.mark_unchanged();
    for position in 0..BURST {
        a.publish(numbered(position)).await;
    }
    let last = signal("last", 0);
    a.publish(last.clone()).await;
    let (count, lagged) = count_until(&mut receiver, &last).await;
    // Word of a loss comes right behind the messages around it.
    let told = lagged || timeout(Duration::from_secs(2), gaps.changed()).await.is_ok();
    assert!(told || count == usize::try_from(BURST).unwrap(), "{count} of {BURST}, and no word");

    a.publish(signal("after", 0)).await;
    let (_, lagged) = count_until(&mut receiver, &signal("after", 0)).await;
    assert!(!lagged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_in_reasonable_portions_loses_nothing() {
    // Fewer than an inbox holds: on a starving machine all of them may wait there.
    const PORTION: i64 = 500;
    let (url, channel) = (shared_url(), channel());
    let (a, b) = (started(&url, &channel).await, started(&url, &channel).await);
    let mut receiver = b.subscribe();
    let before = *b.gaps().borrow();
    for position in 0..20 * PORTION {
        a.publish(numbered(position)).await;
        if position % PORTION == PORTION - 1 {
            for expected in position - PORTION + 1..=position {
                assert_eq!(next(&mut receiver).await, numbered(expected));
            }
        }
    }
    assert_eq!((*b.gaps().borrow(), a.dropped()), (before, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn wake_ups_are_merged_on_their_way() {
    const WAKE_UPS: usize = 20_000;
    let signals = started(&shared_url(), &channel()).await;
    let mut receiver = signals.subscribe();
    for _ in 0..WAKE_UPS {
        signals.publish(Signal::Appended { types: vec!["todo".to_owned()], tx: 1 }).await;
    }
    signals.publish(numbered(1)).await;
    let (count, lagged) = count_until(&mut receiver, &numbered(1)).await;
    assert!((1..WAKE_UPS / 10).contains(&count) && !lagged, "{count} messages");
    assert_eq!(signals.dropped(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_is_skipped() {
    let (url, channel) = (shared_url(), channel());
    let signals = started(&url, &channel).await;
    let mut receiver = signals.subscribe();
    let somebody = plain(&url).await;
    for odd in ["", "hello", "{}", "[1,2]", r#"{"t":"projected"}"#, r#"{"t":"unheard_of","x":1}"#] {
        let _: i64 = somebody.publish(channel.as_str(), odd).await.unwrap();
    }
    let _: i64 = somebody.publish(channel.as_str(), &b"\xff\xfe\x00"[..]).await.unwrap();
    signals.publish(numbered(1)).await;
    assert_eq!(next(&mut receiver).await, numbered(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn word_of_a_loss_is_a_gap_for_all() {
    let (url, channel) = (shared_url(), channel());
    let signals = started(&url, &channel).await;
    let mut gaps = signals.gaps();
    gaps.mark_unchanged();
    let _: i64 = plain(&url).await.publish(channel.as_str(), r#"{"t":"lost"}"#).await.unwrap();
    assert!(timeout(Duration::from_secs(5), gaps.changed()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_sends_what_waits_and_ends() {
    let (url, channel) = (shared_url(), channel());
    let (a, b) = (started(&url, &channel).await, started(&url, &channel).await);
    let mut receiver = b.subscribe();
    a.publish(numbered(1)).await;
    a.close().await;
    assert_eq!(next(&mut receiver).await, numbered(1));
    assert!(!a.connected() && !a.ping().await);
    a.publish(numbered(2)).await;
    a.close().await;
}
