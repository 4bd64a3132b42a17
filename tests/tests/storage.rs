//! What is read from the disk, and when.

mod disk;

use refrain_tests::Scenario;

/// The version in the victim's image as it was built, and the one we put in its place.
const VERSIONS: [&[u8; 16]; 2] = [b"VICTIM VERSION 1", b"VICTIM VERSION 2"];

#[test]
fn reload_resets_like_a_hot_restart_and_reads_the_disk() {
    Scenario::new("storage-reload")
        .policy("escalating")
        .run()
        .assert_passed();
}

#[test]
fn reload_brings_the_version_that_is_on_the_disk() {
    let mut live = Scenario::new("storage-new-version")
        .policy("escalating")
        .start();
    live.wait_for("host: put version 2 on the disk");
    live.rewrite_disk(|disk| {
        let image = disk::image(disk, "victim");
        let places: Vec<_> = (0..image.len())
            .filter(|place| image[*place..].starts_with(VERSIONS[0]))
            .collect();
        assert_eq!(places.len(), 1, "the victim's version is in its image once");
        image[places[0]..places[0] + 16].copy_from_slice(VERSIONS[1]);
    });
    live.write("done\n");
    live.wait_for("host: damage the disk");
    live.rewrite_disk(|disk| disk::image(disk, "victim")[..4].fill(0));
    live.write("done\n");
    live.finish().assert_passed();
}

#[test]
fn hot_restart_works_without_a_disk_and_a_reload_fails_cleanly() {
    let mut live = Scenario::new("storage-detached")
        .policy("escalating")
        .start();
    live.wait_for("host: take the disk away");
    assert_eq!(live.monitor("drive_del disk0"), "");
    live.write("done\n");
    live.finish().assert_passed();
}
