//! What every store promises, one function per promise, and the same for any implementation.
//!
//! A store's test file names how to open it, and [`store_conformance!`](crate::store_conformance!)
//! makes a test of each promise:
//!
//! ```ignore
//! async fn open(setup: Setup) -> Opened {
//!     Opened::new(MemoryStore::new(setup.clock).mailbox_limit(setup.mailbox_limit), ())
//! }
//! causerie_testkit::store_conformance!(open);
//! ```

pub mod archive;
pub mod changes;
pub mod claims;
pub mod erase;
pub mod ledger;
pub mod mail;
pub mod random;
pub mod sample;
pub mod transfer;
pub mod turns;
pub mod world;

pub use world::{Opened, Setup, World};

/// Makes a `#[tokio::test]` of each promise. `$open` is an `async fn(Setup) -> Opened`.
#[macro_export]
macro_rules! store_conformance {
    ($open:path) => {
        $crate::store_conformance! { $open =>
            mail::an_event_is_taken_once
            mail::an_event_of_another_conversation_is_another_event
            mail::an_event_is_remembered_for_a_day_after_its_commit
            mail::mail_keeps_its_order
            mail::a_full_mailbox_stores_nothing
            mail::pending_shows_mail_until_it_is_consumed
            mail::answers_hold_many_at_once
            claims::an_offer_grants_a_free_conversation
            claims::an_offer_does_not_grant_a_held_conversation
            claims::one_of_many_claimants_wins
            claims::the_longest_waiting_conversation_comes_first
            claims::a_busy_conversation_does_not_starve_others
            claims::fences_only_grow
            claims::an_expired_claim_is_taken_over_with_its_journal
            claims::an_offer_takes_over_an_expired_claim
            claims::a_handed_over_turn_goes_on_and_does_not_count
            claims::a_retry_waits_for_its_time
            claims::a_postponed_turn_waits_and_does_not_count
            claims::next_due_tells_when_a_claim_expires
            claims::a_renewed_claim_holds_longer
            claims::a_renewal_tells_of_a_stop
            claims::a_lost_claim_is_refused_everything
            claims::a_released_claim_is_refused_everything
            turns::a_commit_does_everything_at_once
            turns::a_commit_ends_the_claim
            turns::a_repeated_commit_is_stale
            turns::mail_that_came_later_waits_on
            turns::mail_that_came_later_may_be_consumed
            turns::messages_are_numbered_on
            turns::truncation_erases_and_numbers_from_there
            turns::an_erasing_commit_keeps_what_waits
            turns::a_commit_brings_no_erased_summary_back
            turns::the_newest_turns_are_kept
            turns::a_stale_commit_writes_nothing
            turns::turns_are_found_by_conversation_event_and_message
            changes::an_edit_changes_waiting_mail
            changes::a_deletion_removes_waiting_mail
            changes::a_change_by_somebody_else_is_mail
            changes::a_change_of_mail_in_hand_is_mail
            changes::a_change_of_what_is_unknown_is_mail
            changes::a_change_is_taken_once
            changes::mail_of_a_turn_begun_is_not_changed
            changes::a_title_follows_what_it_was_taken_from
            archive::history_gives_the_range_that_was_asked_for
            archive::an_unknown_conversation_is_empty
            archive::every_field_comes_back
            archive::conversations_are_listed_the_latest_first
            archive::titles_are_the_first_line
            archive::a_summary_is_put_in_place_once
            archive::a_summary_reaches_to_the_window_and_no_further
            archive::a_summary_of_what_was_before_a_fresh_beginning_is_refused
            archive::a_summary_of_what_was_read_before_an_erasure_is_refused
            archive::the_census_counts
            erase::a_message_is_erased
            erase::a_message_that_waits_is_erased
            erase::a_deletion_outlives_what_it_deletes
            erase::what_quotes_it_is_erased_too
            erase::a_conversation_is_erased
            erase::a_claim_on_an_erased_conversation_is_lost
            erase::a_late_redelivery_brings_nothing_back
            erase::an_erased_conversation_can_be_used_again
            erase::a_participant_is_erased_everywhere
            erase::a_claim_on_mail_of_an_erased_participant_is_lost
            erase::a_participant_is_erased_though_they_were_erased_before
            erase::a_summary_goes_with_what_it_may_hold
            erase::turn_records_stay
            ledger::charges_are_taken_all_or_none
            ledger::charges_of_one_key_count_together
            ledger::a_repeated_reservation_takes_nothing
            ledger::parts_of_a_turn_are_reservations_of_their_own
            ledger::a_thousand_at_once_take_no_more_than_there_is
            ledger::a_window_ends
            ledger::a_month_ends_when_the_calendar_says
            ledger::a_settlement_counts_once
            ledger::a_commit_settles
            ledger::a_stale_commit_settles_nothing
            ledger::a_role_is_held_by_one
            transfer::every_conversation_is_listed_once
            transfer::a_copy_is_the_same_from_any_store
            transfer::a_copy_goes_there_and_back
            transfer::an_import_twice_changes_nothing
            transfer::an_import_replaces_what_was_there
            transfer::an_import_is_whole_or_nothing
            transfer::a_conversation_goes_on_where_it_was
            transfer::an_erased_conversation_stays_erased
            transfer::who_was_carried_can_be_erased
            transfer::the_ledger_counts_on
            transfer::what_is_past_stays_behind
            transfer::a_store_in_use_says_so
            transfer::a_migration_is_marked
        }

        #[test]
        fn random_operations_are_answered_as_in_memory() {
            $crate::store_conformance::random::compare($open);
        }

        #[test]
        fn random_worlds_are_carried_there_and_back() {
            $crate::store_conformance::random::carried_there_and_back($open);
        }
    };
    ($open:path => $($module:ident :: $promise:ident)*) => {
        $(
            #[tokio::test]
            async fn $promise() {
                let world = $crate::store_conformance::World::new($open).await;
                $crate::store_conformance::$module::$promise(world).await;
            }
        )*
    };
}
