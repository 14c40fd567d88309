//! What every implementation of a port must do, whatever it is built on.
//!
//! A rule is a function that panics when it does not hold. [`event_log_contract!`](crate::event_log_contract),
//! [`vault_contract!`](crate::vault_contract) and [`limits_contract!`](crate::limits_contract) make a test of each.

pub mod claims;
pub mod keys;
pub mod limits;
pub mod numbers;
pub mod snapshots;
pub mod streams;
pub mod vault;

/// Tests of all rules of the event log. The expression is a future that makes a fresh log: a pair
/// of the log (`Arc<dyn EventLog>`) and whatever must live as long as the test. With `@streams`
/// before it: the rules of single streams only.
#[macro_export]
macro_rules! event_log_contract {
    ($make:expr) => {
        $crate::event_log_contract!(@streams $make);
        $crate::event_log_contract!(@rules $make;
            streams::streams_of_a_unit_fall_together,
            streams::streams_of_a_unit_stand_together,
            keys::an_unused_key_has_no_receipt,
            keys::another_request_under_the_same_key_is_refused,
            keys::the_same_request_again_is_a_duplicate,
            keys::concurrent_duplicates_are_carried_out_once,
            keys::a_refused_append_leaves_its_key_unused,
            keys::a_unit_without_events_and_key_is_refused,
            keys::a_key_without_events_is_remembered,
            claims::a_value_of_another_stream_is_taken,
            claims::a_value_is_released_only_by_its_holder,
            claims::a_released_value_is_free_again,
            claims::a_value_is_passed_on_in_one_unit,
            claims::one_of_many_takes_a_value,
            claims::a_duplicate_takes_and_releases_nothing,
            numbers::each_series_counts_from_one,
            numbers::an_append_that_is_refused_uses_no_number,
            numbers::many_creators_leave_no_gap,
            snapshots::a_stream_without_snapshot_has_none,
            snapshots::a_snapshot_is_read_back_until_the_next,
            snapshots::a_refused_append_leaves_the_snapshot,
            snapshots::a_payload_over_the_limit_is_refused_before_anything,
            snapshots::a_payload_at_the_limit_is_stored,
        );
    };
    (@streams $make:expr) => {
        $crate::event_log_contract!(@rules $make;
            streams::a_second_beginning_is_a_conflict,
            streams::a_stale_append_is_a_conflict_and_changes_nothing,
            streams::one_of_many_writes_the_next_version,
            streams::what_was_appended_is_read_back_in_order,
            streams::an_unknown_stream_is_empty,
            streams::the_same_id_of_another_type_is_another_stream,
        );
    };
    (@rules $make:expr; $($area:ident::$rule:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $rule() {
                let (log, _keep) = $make.await;
                $crate::contract::$area::$rule(log).await;
            }
        )*
    };
}

/// Tests of all rules of the vault. The expression is a future that makes a fresh vault: a pair
/// of the vault (`Arc<dyn Vault>`) and whatever must live as long as the test.
#[macro_export]
macro_rules! vault_contract {
    ($make:expr) => {
        $crate::vault_contract!(@rules $make;
            what_was_sealed_opens_again,
            equal_values_of_one_person_and_field_seal_alike,
            another_person_or_field_seals_otherwise,
            a_seal_of_another_person_or_field_does_not_open,
            nothing_opens_of_a_person_without_a_key,
            a_value_is_found_by_its_index_in_its_scope_only,
        );
    };
    (@rules $make:expr; $($rule:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $rule() {
                let (vault, _keep) = $make.await;
                $crate::contract::vault::$rule(vault).await;
            }
        )*
    };
}

/// Tests of all rules of limits and lockouts. The expression is a future that makes a fresh store:
/// a pair of the store (`Arc<T>` with both ports) and whatever must live as long as the test.
#[macro_export]
macro_rules! limits_contract {
    ($make:expr) => {
        $crate::limits_contract!(@rules $make;
            the_limit_passes_and_the_next_one_waits,
            a_client_does_not_pay_for_another,
            the_window_slides,
            several_at_once_pass_together_or_not_at_all,
            more_than_the_limit_never_passes,
            of_many_at_the_same_time_the_limit_passes,
            a_refused_request_is_not_counted,
            wrong_guesses_before_the_limit_cost_nothing,
            each_wrong_guess_doubles_the_wait,
            while_one_waits_no_outcome_is_told,
            a_right_guess_forgives_all,
            wrong_guesses_are_forgotten,
            of_many_guesses_at_the_same_time_few_are_judged,
        );
    };
    (@rules $make:expr; $($rule:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $rule() {
                let (store, _keep) = $make.await;
                $crate::contract::limits::$rule(store).await;
            }
        )*
    };
}

#[cfg(test)]
mod twins {
    use std::sync::Arc;

    use application::ports::{EventLog, Vault};

    use crate::{MemoryEventLog, MemoryVault};

    mod event_log {
        use super::*;

        #[expect(clippy::unused_async, reason = "the contract awaits every maker")]
        async fn memory() -> (Arc<dyn EventLog>, ()) {
            (Arc::new(MemoryEventLog::default()), ())
        }
        crate::event_log_contract!(memory());
    }

    mod limits {
        use super::*;

        #[expect(clippy::unused_async, reason = "the contract awaits every maker")]
        async fn memory() -> (Arc<application::LocalLimits>, ()) {
            (Arc::default(), ())
        }
        crate::limits_contract!(memory());
    }

    mod vault {
        use super::*;

        #[expect(clippy::unused_async, reason = "the contract awaits every maker")]
        async fn memory() -> (Arc<dyn Vault>, ()) {
            (Arc::new(MemoryVault::default()), ())
        }
        crate::vault_contract!(memory());
    }
}
