//! A macro for numbers that have names and that the peer may extend.

/// Defines a newtype over an integer with named constants, `name()`, and `Display`.
macro_rules! numbered {
    (
        $(#[$meta:meta])*
        $vis:vis struct $type:ident($repr:ty) {
            $($(#[$doc:meta])* $constant:ident = $value:literal => $text:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
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
