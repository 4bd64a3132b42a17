//! Bounded strings that live in registers' and tables' memory, not on a heap.

use core::cmp::Ordering;
use core::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// UTF-8 text of at most `N` bytes.
#[derive(Clone, Copy, Eq)]
#[repr(C)]
pub struct Text<const N: usize> {
    // Invariant: `bytes[..length]` is valid UTF-8 and the rest is zero.
    length: u8,
    bytes: [u8; N],
}

/// The name of an actor, a port, a group or a persistent region: 1 to 31 bytes of UTF-8.
pub type Name = Text<31>;

// Most texts differ in their lengths or first bytes, and names are compared all the time: so the rest,
// which is zero, is not looked at, and what is looked at is eight bytes at once.
impl<const N: usize> PartialEq for Text<N> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

/// The shorter one comes first.
impl<const N: usize> Ord for Text<N> {
    fn cmp(&self, other: &Self) -> Ordering {
        let lengths = self.length.cmp(&other.length);
        if lengths.is_ne() {
            return lengths;
        }
        let used = usize::from(self.length);
        let (words, rest) = self.bytes.as_chunks();
        let (other_words, other_rest) = other.bytes.as_chunks();
        let pairs = words.iter().zip(other_words).take(used.div_ceil(8));
        for (word, other) in pairs {
            let (word, other) = (u64::from_be_bytes(*word), u64::from_be_bytes(*other));
            if word != other {
                return word.cmp(&other);
            }
        }
        if used > N / 8 * 8 {
            rest.cmp(other_rest)
        } else {
            Ordering::Equal
        }
    }
}

impl<const N: usize> PartialOrd for Text<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const N: usize> core::hash::Hash for Text<N> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl<const N: usize> Text<N> {
    const FITS: () = assert!(N <= 255, "the length is kept in one byte");

    /// No text.
    pub const EMPTY: Self = Self {
        length: 0,
        bytes: [0; N],
    };

    /// Takes `text` whole, or `None` when it is longer than `N` bytes.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (text.len() <= N).then(|| Self::truncated(text))
    }

    /// Takes as many whole characters of `text` as fit.
    #[must_use]
    pub fn truncated(text: &str) -> Self {
        let () = Self::FITS;
        let mut end = text.len().min(N);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut bytes = [0; N];
        bytes[..end].copy_from_slice(&text.as_bytes()[..end]);
        Self {
            length: end as u8,
            bytes,
        }
    }

    /// Takes bytes that may not be UTF-8: the longest valid prefix that fits.
    #[must_use]
    pub fn from_utf8_prefix(bytes: &[u8]) -> Self {
        match core::str::from_utf8(bytes) {
            Ok(text) => Self::truncated(text),
            Err(error) => Self::truncated(
                core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
            ),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The text's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// Whether this can be the name of an actor, a group or an image: letters (a to z, A to Z),
    /// digits, `-` and `_`, and a letter or digit first. Names become parts of paths in the archive
    /// and words in the console, so nothing with a meaning in either is let in.
    #[must_use]
    pub fn is_identifier(&self) -> bool {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let first = self.as_bytes().first();
        first.is_some_and(u8::is_ascii_alphanumeric) && self.as_bytes().iter().all(is_word)
    }

    /// The text, of bytes that may be anything: `None` if they are no text that can be printed.
    #[must_use]
    pub fn legible(&self) -> Option<&str> {
        let bytes = self.bytes.get(..usize::from(self.length))?;
        let text = core::str::from_utf8(bytes).ok()?;
        (!text.chars().any(char::is_control)).then_some(text)
    }

    /// Whether there is no text.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// Text is written by appending; what does not fit is cut at a character boundary.
impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let used = usize::from(self.length);
        let mut end = text.len().min(N - used);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.bytes[used..used + end].copy_from_slice(&text.as_bytes()[..end]);
        self.length += end as u8;
        Ok(())
    }
}

impl<const N: usize> Serialize for Text<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, const N: usize> Deserialize<'de> for Text<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<const N: usize>;
        impl<const N: usize> serde::de::Visitor<'_> for Visitor<N> {
            type Value = Text<N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "text of at most {N} bytes")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Text<N>, E> {
                Text::new(text).ok_or_else(|| E::custom("text too long"))
            }
        }
        deserializer
            .deserialize_str(Visitor::<N>)
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use core::fmt::Write as _;

    use super::*;

    #[test]
    fn too_long_is_refused_or_cut_at_a_character() {
        assert!(Text::<4>::new("12345").is_none());
        assert_eq!(Text::<4>::truncated("12345").as_str(), "1234");
        assert_eq!(Text::<4>::truncated("123é").as_str(), "123");
    }

    #[test]
    fn appending_stops_at_the_end() {
        let mut text = Text::<5>::EMPTY;
        text.write_str("abc").unwrap();
        text.write_str("défg").unwrap();
        assert_eq!(text.as_str(), "abcd");
    }

    #[test]
    fn texts_are_ordered_by_length_and_then_by_their_bytes() {
        let sorted = [
            "",
            "b",
            "aa",
            "member-10",
            "member-11",
            "member-20",
            "nember-00",
        ];
        let long = [
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaab",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaba",
        ];
        let texts: [Name; 9] = core::array::from_fn(|index| {
            let text = sorted.get(index).or_else(|| long.get(index - sorted.len()));
            Name::new(text.unwrap()).unwrap()
        });
        for (index, text) in texts.iter().enumerate() {
            for (other_index, other) in texts.iter().enumerate() {
                assert_eq!(text.cmp(other), index.cmp(&other_index), "{text} {other}");
                assert_eq!(text == other, index == other_index);
            }
        }
    }

    #[test]
    fn invalid_bytes_keep_their_valid_prefix() {
        assert_eq!(Text::<8>::from_utf8_prefix(b"ab\xffcd").as_str(), "ab");
    }
}
