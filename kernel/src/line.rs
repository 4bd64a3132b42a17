//! What a line of the log is made of, put together without `core::fmt`: lines are made with
//! interrupts off, and formatting takes thousands of instructions.

use abi::Instant;
use log::Level;

/// Room for any time and any level.
pub const HEAD_BYTES: usize = 32;

/// Writes the time in seconds and microseconds, and the level, to the end of `space`.
#[must_use]
pub fn head(space: &mut [u8; HEAD_BYTES], time: Instant, level: Level) -> &[u8] {
    const MICROS: usize = 6;
    let level = match level {
        Level::Error => b"s] ERROR ",
        Level::Warn => b"s] WARN  ",
        Level::Info => b"s] INFO  ",
        Level::Debug => b"s] DEBUG ",
        Level::Trace => b"s] TRACE ",
    };
    let mut start = HEAD_BYTES - level.len();
    space[start..].copy_from_slice(level);
    let mut rest = time.0 / 1_000;
    for digit in 0.. {
        if digit == MICROS {
            start -= 1;
            space[start] = b'.';
        }
        if digit > MICROS && rest == 0 {
            break;
        }
        start -= 1;
        space[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    start -= 1;
    space[start] = b'[';
    &space[start..]
}

/// Text of an actor's, with nothing in it that could be taken for the start of another line:
/// spaces stand for control characters. Bytes that are not UTF-8 end it.
#[must_use]
pub fn one_line(bytes: &mut [u8]) -> &str {
    let mut rest = bytes.iter_mut();
    while let Some(byte) = rest.next() {
        if byte.is_ascii_control() {
            *byte = b' ';
        } else if *byte == 0xc2
            && let Some(second) = rest.next()
            && *second < 0xa0
        {
            // U+0080 to U+009F.
            (*byte, *second) = (b' ', b' ');
        }
    }
    match core::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_begin_with_the_time_and_the_level() {
        let table = [
            (0, Level::Info, "[0.000000s] INFO  "),
            (1_999, Level::Warn, "[0.000001s] WARN  "),
            (3_042_000_000, Level::Error, "[3.042000s] ERROR "),
            (u64::MAX, Level::Debug, "[18446744073.709551s] DEBUG "),
        ];
        for (time, level, expected) in table {
            let mut space = [0; HEAD_BYTES];
            let head = head(&mut space, Instant(time), level);
            assert_eq!(core::str::from_utf8(head), Ok(expected));
        }
    }

    proptest! {
        #[test]
        fn control_characters_become_spaces(text in "(.|[\u{0}-\u{9f}]){0,60}") {
            let mut plain = String::new();
            for character in text.chars() {
                match character.is_control() {
                    true => (0..character.len_utf8()).for_each(|_| plain.push(' ')),
                    false => plain.push(character),
                }
            }
            let mut bytes = text.into_bytes();
            prop_assert_eq!(one_line(&mut bytes), plain);
        }

        #[test]
        fn what_is_not_text_ends_the_line(mut bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(!one_line(&mut bytes).contains(char::is_control));
        }
    }
}
