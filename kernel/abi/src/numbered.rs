//! A macro for numbers that have names and that the peer may extend.
//!
//! Between kernel and actors they travel as numbers. In a format for people (a trace on the host)
//! they are written by name, and may be read as either.

use core::fmt;

use serde::de::{Error, Unexpected, Visitor};

/// Defines a newtype over an integer with named constants, `name()`, and `Display`.
macro_rules! numbered {
    (
        $(#[$meta:meta])*
        $vis:vis struct $type:ident($repr:ty) {
            $($(#[$doc:meta])* $constant:ident = $value:literal => $text:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis struct $type(pub $repr);

        impl $type {
            $($(#[$doc])* pub const $constant: Self = Self($value);)*

            /// Every constant this version knows, in the order of declaration.
            pub const KNOWN: &'static [Self] = &[$(Self::$constant),*];

            /// The name of the number, or `unknown` for one this version does not know.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self.0 {
                    $($value => $text,)*
                    _ => "unknown",
                }
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() && Self::KNOWN.contains(self) {
                    serializer.serialize_str(self.name())
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if !deserializer.is_human_readable() {
                    return <$repr>::deserialize(deserializer).map(Self);
                }
                let known = $crate::numbered::NameOrNumber(&[$(($text, $value)),*]);
                let number = deserializer.deserialize_any(known)?;
                let number = <$repr>::try_from(number).map_err(serde::de::Error::custom)?;
                Ok(Self(number))
            }
        }

        impl core::fmt::Display for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.name())
            }
        }

        impl core::fmt::Debug for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{}({})", self.name(), self.0)
            }
        }
    };
}

pub(crate) use numbered;

/// Reads a name of those given with their numbers, or a number.
pub(crate) struct NameOrNumber(pub(crate) &'static [(&'static str, u64)]);

impl Visitor<'_> for NameOrNumber {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or one of")?;
        let mut names = self.0.iter();
        names.try_for_each(|(name, _)| write!(f, " \"{name}\""))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        let known = self.0.iter().find(|(name, _)| *name == text);
        known
            .map(|(_, number)| *number)
            .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}
