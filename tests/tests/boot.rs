//! A site comes up: everything that is described runs, and what cannot run is told.

mod disk;

use std::fs;
use std::time::Duration;

use refrain_tests::qemu::{Firmware, Machine};
use refrain_tests::{Live, Scenario, artifacts};

/// Offsets in an ELF file and in its program headers (System V ABI).
mod elf {
    pub(super) const ENTRY: usize = 24;
    pub(super) const PROGRAM_HEADERS: usize = 64;
    pub(super) const PROGRAM_HEADER_BYTES: usize = 56;
    pub(super) const TYPE: usize = 0;
    pub(super) const FLAGS: usize = 4;
    pub(super) const ADDRESS: usize = 16;
    pub(super) const LOADED: u8 = 1;
    pub(super) const READ_WRITE_EXECUTE: u8 = 7;
}

#[test]
fn everything_that_is_described_runs() {
    Scenario::new("boot")
        .policy("always-hot")
        .run()
        .assert_passed();
}

#[test]
fn everything_runs_when_instructions_are_counted() {
    Scenario::new("boot")
        .policy("always-hot")
        .instruction_clock()
        .run()
        .assert_passed();
}

#[test]
fn images_that_cannot_run_are_entered_in_the_ledger() {
    let mut disk = fs::read(artifacts::disk("boot-bad-images")).unwrap();
    disk::image(&mut disk, "counter")[0] = b'X';
    // The first segment that is loaded would lie in the kernel's half of the address space.
    let client = disk::image(&mut disk, "client");
    let header = first_loaded(client);
    client[header + elf::ADDRESS + 6..header + elf::ADDRESS + 8].fill(0xff);
    // It would be writable text.
    let looper = disk::image(&mut disk, "looper");
    let header = first_loaded(looper);
    looper[header + elf::FLAGS] = elf::READ_WRITE_EXECUTE;
    // Its entry is none of it.
    disk::image(&mut disk, "conductor")[elf::ENTRY + 3] = 0x7f;
    // It is there under another name.
    let disk::Member { header, .. } = disk::find(&disk, "actors/console.elf");
    change_path(&mut disk[header], b"actors/konsole.elf");
    // It is the last member, and the archive ends in the middle of it.
    let disk::Member { header, content } = disk::find(&disk, "actors/template.elf");
    let whole = disk[header.start..content.end].to_vec();
    change_path(&mut disk[header], b"actors/tampered.elf");
    disk.truncate(disk::end(&disk));
    disk.extend_from_slice(&whole[..(whole.len() / 2).next_multiple_of(512)]);

    let path = artifacts::scratch("boot-bad-images-damaged.img");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, disk).unwrap();
    let firmware = Firmware::Direct {
        loader: artifacts::loader(),
        kernel: artifacts::kernel("always-hot"),
    };
    let machine = Machine::new(firmware).disk(&path);
    let name = "images_that_cannot_run".to_owned();
    let live = Live::start(&machine, name, Some(path), Duration::from_secs(120));
    live.finish().assert_passed();
}

/// Where the first program header is whose segment is loaded.
fn first_loaded(elf: &[u8]) -> usize {
    (elf::PROGRAM_HEADERS..)
        .step_by(elf::PROGRAM_HEADER_BYTES)
        .find(|header| elf[header + elf::TYPE] == elf::LOADED)
        .expect("an image has a segment that is loaded")
}

/// Gives a member another path, and its header the checksum that goes with it.
fn change_path(header: &mut [u8], path: &[u8]) {
    header[..path.len()].copy_from_slice(path);
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}
