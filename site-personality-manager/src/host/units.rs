//! Lengths of time and sizes as a person writes them: `"20ms"`, `"64KiB"`.

use abi::Span;

/// Reads a whole number with a unit: `"20ms"`, `"3s"`.
pub(super) fn span(text: &str) -> Result<Span, String> {
    let units = [
        ("ns", 1),
        ("us", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("min", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    scaled(text, &units).map(Span)
}

/// Reads a size in bytes: `"64KiB"`, `"4096B"`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    scaled(
        text,
        &[
            ("B", 1),
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
        ],
    )
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let factor = units
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor);
    match (number.parse::<u64>(), factor) {
        _ if number.is_empty() || factor.is_none() => {
            let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
            Err(format!(
                "must be a whole number with a unit ({}), not `{text}`",
                names.join(", ")
            ))
        }
        (Ok(number), Some(factor)) => number
            .checked_mul(factor)
            .ok_or_else(|| format!("`{text}` is too large")),
        _ => Err(format!("`{text}` is too large")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_scale() {
        assert_eq!(span("20ms"), Ok(Span::from_millis(20)));
        assert_eq!(span("3s"), Ok(Span::from_secs(3)));
        assert_eq!(span("0 ns"), Ok(Span::ZERO));
        assert_eq!(span("2min"), Ok(Span::from_secs(120)));
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("5B"), Ok(5));
    }

    #[test]
    fn nonsense_and_overflow_are_refused() {
        for text in [
            "",
            "ms",
            "20",
            "-1s",
            "1.5s",
            "2 fortnights",
            "0x10ms",
            "20msx",
        ] {
            assert!(
                span(text).is_err_and(|message| message.contains("with a unit")),
                "{text}"
            );
        }
        assert_eq!(
            span("99999999999h"),
            Err("`99999999999h` is too large".into())
        );
        assert_eq!(
            size("99999999999999999999B"),
            Err("`99999999999999999999B` is too large".into())
        );
    }
}
