//! What each reaction of an edge means, in both directions.

use alloc::vec::Vec;

use syscall::abi::Delivery;
use syscall::prelude::*;

use crate::inbox::{Inbox, Item};
use crate::peers::{await_all, incarnations, kill};

/// One actor in a group of its own name, each; all but `disk` depend on that.
const ALL: [&str; 6] = ["disk", "files", "journal", "loose", "driver", "probe"];

/// Who is restarted, and who is told, when one of them fails.
pub(crate) fn each_edge_says_what_happens(_: &Start) {
    await_all(&ALL);
    let inbox = Inbox::of(&ALL);
    let mut counts = [1; 6];
    let mut fails = |name, restarted: [u32; 6], told: &[(&str, &str)]| {
        kill(name);
        let items = inbox.take_all();
        for (count, more) in counts.iter_mut().zip(restarted) {
            *count += more;
        }
        check_eq!(incarnations(ALL), counts, "after {name} failed");
        check_eq!(told_of_others(&items), told, "after {name} failed");
    };
    // `files`: reaction restart. `journal`: notify. The others: none.
    fails(
        "disk",
        [1, 1, 0, 0, 0, 0],
        &[("files", "disk"), ("journal", "disk")],
    );
    fails("files", [0, 1, 0, 0, 0, 0], &[]);
    fails("journal", [0, 0, 1, 0, 0, 0], &[]);
    fails("loose", [0, 0, 0, 1, 0, 0], &[]);
    // Reverse restart: the base goes with it, and what is restarted with the base.
    fails(
        "driver",
        [1, 1, 0, 0, 1, 0],
        &[("disk", "driver"), ("files", "disk"), ("journal", "disk")],
    );
    // Reverse notify.
    fails("probe", [0, 0, 0, 0, 0, 1], &[("disk", "probe")]);
}

/// Which subscription was told of which other group.
fn told_of_others(items: &[Item]) -> Vec<(&str, &str)> {
    let mut pairs: Vec<_> = items
        .iter()
        .filter_map(|item| match item {
            Item::Told(Delivery {
                subscription,
                notice,
                ..
            }) if *subscription != notice.group => {
                Some((subscription.as_str(), notice.group.as_str()))
            }
            _ => None,
        })
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}
