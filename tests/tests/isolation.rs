//! Whatever an actor does, it does it to itself.

use refrain_tests::Scenario;

fn holds(site: &str) {
    Scenario::new(site)
        .policy("always-hot")
        .run()
        .assert_passed();
}

#[test]
fn kernel_memory_is_out_of_reach() {
    holds("isolation-kernel");
}

#[test]
fn other_actors_memory_is_out_of_reach() {
    holds("isolation-actors");
}

#[test]
fn every_hostile_syscall_ends_in_a_status_or_a_fault_record() {
    holds("isolation-syscalls");
}

#[test]
fn memory_freed_under_a_syscall_is_not_written_to() {
    holds("isolation-freed");
}

#[test]
fn rights_that_are_not_granted_are_refused() {
    holds("isolation-rights");
}

#[test]
fn no_actor_gets_more_memory_than_its_budget() {
    holds("memory-limits");
}

#[test]
fn site_goes_on_when_memory_is_exhausted() {
    holds("memory-exhausted");
}
