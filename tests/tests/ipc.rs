//! Ports: what arrives, in which order, and what is refused.

use refrain_tests::Scenario;

fn holds(site: &str) {
    Scenario::new(site)
        .policy("always-hot")
        .run()
        .assert_passed();
}

#[test]
fn messages_arrive_whole_and_in_order() {
    holds("ipc-messages");
}

#[test]
fn each_call_is_answered_once_by_whom_it_was_made_to() {
    holds("ipc-replies");
}

#[test]
fn late_answer_is_not_taken_for_another() {
    holds("ipc-late-replies");
}

#[test]
fn whatever_waits_can_be_told_how_long() {
    holds("ipc-timeouts");
}

#[test]
fn names_belong_to_whom_they_were_given_first() {
    holds("ipc-names");
}

#[test]
fn tables_end_where_the_description_says() {
    holds("ipc-limits");
}
