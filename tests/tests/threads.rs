//! Threads: who runs, for how long, and how they end.

use refrain_tests::Scenario;

fn holds(site: &str) {
    Scenario::new(site)
        .policy("always-hot")
        .run()
        .assert_passed();
}

#[test]
fn higher_threads_preempt_lower_ones() {
    holds("threads-priorities");
}

#[test]
fn threads_of_equal_priority_share_the_processor() {
    holds("threads-sharing");
}

#[test]
fn threads_leave_nothing_behind() {
    holds("threads-ends");
}

#[test]
fn vector_registers_belong_to_their_thread() {
    holds("threads-vectors");
}
