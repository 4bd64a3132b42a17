//! What a single TOML value can be taken for, and what is said if it cannot.
//!
//! The messages are parts of a sentence that starts with the key: "`priority` must be …".

use toml::de::DeValue;

/// Says what a value should have been.
pub(super) fn must_be(wanted: &str, value: &DeValue<'_>) -> String {
    format!("must be {wanted}, not a value of type {}", value.type_str())
}

/// Takes the word for one of a few values.
pub(super) fn one_of<T: Copy>(value: &DeValue<'_>, words: &[(&str, T)]) -> Result<T, String> {
    let known = || {
        words
            .iter()
            .map(|(word, _)| *word)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let Some(text) = value.as_str() else {
        return Err(must_be(&format!("one of {}", known()), value));
    };
    let found = words
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, meaning)| *meaning);
    found.ok_or_else(|| format!("knows no `{text}`; it can be {}", known()))
}

/// Takes a whole number that fits `T`.
pub(super) fn whole_number<T: TryFrom<u64>>(value: &DeValue<'_>) -> Result<T, String> {
    let integer = value
        .as_integer()
        .ok_or_else(|| must_be("a whole number", value))?;
    if integer.as_str().starts_with('-') {
        return Err(format!("must not be negative, as {integer} is"));
    }
    let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
    number
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("cannot be as large as {integer}"))
}
