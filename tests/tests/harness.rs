//! Can the net catch anything? Guests that fail in a known way must be reported as just that.
//!
//! First with boot sectors of a few bytes, so that the harness and QEMU are judged without the
//! kernel; then with sites, so that the kernel's own ways to end a run are judged too.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::path::PathBuf;
use std::time::Duration;
use std::{fs, thread};

use refrain_tests::outcome::{self, END_OF_TEST};
use refrain_tests::qemu::{Firmware, Machine};
use refrain_tests::{Live, Outcome, Report, Scenario, artifacts};

/// Long enough to boot on a loaded machine, short enough to wait for on purpose.
const HANG_TIMEOUT: Duration = Duration::from_secs(20);

/// How a boot sector ends, as machine code for real mode.
#[derive(Clone, Copy)]
enum Fate {
    /// Writes a code to isa-debug-exit.
    Exit(u8),
    /// Empties the interrupt table and raises an interrupt.
    TripleFault,
    /// Spins with interrupts off.
    Hang,
}

/// Assembles a boot sector that prints `message` on COM1 and meets its fate.
fn boot_sector(message: &str, fate: Fate) -> Vec<u8> {
    // The first 512 bytes are loaded at 0x7c00; the message lies at their offset 0x80.
    let mut sector = vec![
        0x31, 0xc0, // xor ax, ax
        0x8e, 0xd8, // mov ds, ax
        0xfc, // cld
        0xbe, 0x80, 0x7c, // mov si, message
        0xba, 0xf8, 0x03, // mov dx, 0x3f8
        0xac, // next: lodsb
        0x84, 0xc0, // test al, al
        0x74, 0x03, // jz done
        0xee, // out dx, al
        0xeb, 0xf8, // jmp next
    ];
    match fate {
        Fate::Exit(code) => sector.extend([
            0xb0, code, // mov al, code
            0xba, 0xf4, 0x00, // mov dx, 0xf4
            0xee, // out dx, al
        ]),
        Fate::TripleFault => sector.extend([
            0x0f, 0x01, 0x1e, 0xf0, 0x7d, // lidt [0x7df0], where zeros are
            0xcc, // int3
        ]),
        Fate::Hang => {}
    }
    sector.extend([0xfa, 0xeb, 0xfe]); // cli; jmp here
    sector.resize(0x80, 0);
    sector.extend(message.bytes());
    assert!(sector.len() < 0x1f0, "the message does not fit");
    sector.resize(510, 0);
    sector.extend([0x55, 0xaa]);
    sector
}

/// Puts a boot sector on a disk of its own and starts it.
fn start(name: &str, sector: Vec<u8>, timeout: Duration) -> Live {
    let image = image(name, sector);
    Live::start(
        &Machine::new(Firmware::Bios { image }),
        name.to_owned(),
        None,
        timeout,
    )
}

fn image(name: &str, mut sector: Vec<u8>) -> PathBuf {
    let path = artifacts::scratch(&format!("{name}.sector.img"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    sector.resize(1 << 20, 0);
    fs::write(&path, sector).unwrap();
    path
}

fn run(name: &str, message: &str, fate: Fate) -> Report {
    start(name, boot_sector(message, fate), Duration::from_secs(120)).finish()
}

fn sentinel() -> String {
    format!("{END_OF_TEST}\r\n")
}

#[test]
fn sector_that_passes_is_passed() {
    let report = run(
        "sector-passes",
        &sentinel(),
        Fate::Exit(outcome::guest::PASSED),
    );
    report.assert_passed();
}

#[test]
fn sector_without_end_of_test_line_is_not_passed() {
    let report = run(
        "sector-no-line",
        "hello\r\n",
        Fate::Exit(outcome::guest::PASSED),
    );
    report
        .assert_outcome(Outcome::NoSentinel)
        .assert_printed("hello");
}

#[test]
fn sector_with_failed_assertion_is_reported_as_that() {
    let report = run(
        "sector-assert",
        &sentinel(),
        Fate::Exit(outcome::guest::ASSERT_FAILED),
    );
    report.assert_outcome(Outcome::AssertFailed);
}

#[test]
fn sector_with_kernel_panic_is_reported_as_that() {
    let report = run(
        "sector-panic",
        &sentinel(),
        Fate::Exit(outcome::guest::KERNEL_PANIC),
    );
    report.assert_outcome(Outcome::KernelPanic);
}

#[test]
fn sector_with_loader_error_is_reported_as_that() {
    let report = run(
        "sector-loader",
        "",
        Fate::Exit(outcome::guest::LOADER_ERROR),
    );
    report.assert_outcome(Outcome::LoaderError);
}

#[test]
fn sector_that_triple_faults_is_reported_as_that() {
    let report = run("sector-triple-fault", &sentinel(), Fate::TripleFault);
    report.assert_outcome(Outcome::ResetOrTripleFault);
}

#[test]
fn sector_that_hangs_is_timed_out_with_its_output_kept() {
    let mut live = start(
        "sector-hang",
        boot_sector("in a loop\r\n", Fate::Hang),
        HANG_TIMEOUT,
    );
    live.wait_for("in a loop");
    let report = live.finish();
    report
        .assert_outcome(Outcome::Timeout)
        .assert_printed("in a loop");
    let saved = fs::read_to_string(artifacts::transcript("sector-hang")).unwrap();
    assert!(
        saved.starts_with("$ qemu-system-x86_64 ") && saved.contains("in a loop"),
        "{saved}"
    );
}

#[test]
fn unknown_exit_code_is_not_taken_for_another() {
    let report = run("sector-unknown", &sentinel(), Fate::Exit(0x20));
    report.assert_outcome(Outcome::Unknown(0x41));
}

#[test]
fn qemu_that_refuses_its_arguments_is_reported_as_that() {
    let machine = Machine::new(Firmware::Bios {
        image: "/nonexistent.img".into(),
    });
    let live = Live::start(
        &machine,
        "no-image".to_owned(),
        None,
        Duration::from_secs(60),
    );
    live.finish().assert_outcome(Outcome::QemuError);
}

#[test]
fn monitor_answers_while_the_guest_runs() {
    let sector = image("monitor", boot_sector("up\r\n", Fate::Hang));
    let disk = image("monitor-disk", Vec::new());
    let socket = std::env::temp_dir().join(format!("refrain-monitor-{}", std::process::id()));
    let machine = Machine::new(Firmware::Bios { image: sector })
        .disk(disk)
        .monitor(socket);
    let mut live = Live::start(
        &machine,
        "monitor".to_owned(),
        None,
        Duration::from_secs(120),
    );
    live.wait_for("up");
    assert!(live.monitor("info block").contains("disk0"));
    assert_eq!(live.monitor("drive_del disk0"), "");
    assert!(!live.monitor("info block").contains("disk0"));
}

#[test]
fn line_that_never_comes_fails_the_test_when_the_run_ends() {
    let waiting = thread::spawn(|| {
        let sector = boot_sector("one line\r\n", Fate::Exit(outcome::guest::PASSED));
        start("never-comes", sector, Duration::from_secs(120)).wait_for("another line");
    });
    let panic = waiting.join().unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(
        message.contains("another line") && message.contains("| one line"),
        "{message}"
    );
}

#[test]
fn site_with_failed_assertion_is_reported_as_that() {
    Scenario::new("harness-assert")
        .run()
        .assert_outcome(Outcome::AssertFailed);
}

#[test]
fn site_with_kernel_panic_is_reported_as_that() {
    Scenario::new("harness-panic")
        .run()
        .assert_outcome(Outcome::KernelPanic);
}

#[test]
fn site_that_triple_faults_is_reported_as_that() {
    Scenario::new("harness-triple-fault")
        .run()
        .assert_outcome(Outcome::ResetOrTripleFault);
}

#[test]
fn site_that_hangs_is_reported_as_that() {
    let report = Scenario::new("harness-hang")
        .without_watchdog()
        .timeout(HANG_TIMEOUT)
        .run();
    report.assert_outcome(Outcome::Timeout);
}

#[test]
fn site_that_exits_early_is_not_passed() {
    Scenario::new("harness-early-exit")
        .run()
        .assert_outcome(Outcome::NoSentinel);
}
