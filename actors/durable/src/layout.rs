//! What a type looks like, as a number.
//!
//! A value must not be read as one of another type, nor as one of an earlier version of its type
//! whose bytes happen to fit. Nobody should have to remember to count versions, and the name of a
//! type says nothing of its fields. So the type's own way of being read is asked: it is read from
//! a source that has every value, and takes down what it was asked for (names of structs, fields
//! and variants, and what kinds of numbers and texts), in order.
//!
//! Of an enum one variant is read at a time, so the type is read as often as its largest enum has
//! variants. A type that reads what the source says and refuses it (a number that must not be
//! zero) is known as far as that.

use core::fmt;

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};

/// Nested structs and enums of a type that are looked at: more are those of a type that contains
/// itself.
const DEPTH_MAX: usize = 16;
/// Variants of an enum that are looked at, beyond their names.
const VARIANTS_MAX: usize = 64;

/// A number for what a type looks like: the same whenever it is asked, and another one for a type
/// that has other fields or variants, or the same under other names or in another order.
#[must_use]
pub fn of<T: DeserializeOwned>() -> u64 {
    let mut notes = Notes {
        hash: 0xcbf2_9ce4_8422_2325,
        variant: 0,
        variants: 1,
    };
    while notes.variant < notes.variants.min(VARIANTS_MAX) {
        // A type that refuses what it is given is known as far as that.
        let _ = T::deserialize(Source {
            notes: &mut notes,
            depth: 0,
        });
        notes.variant += 1;
    }
    notes.hash
}

/// What was asked for so far.
struct Notes {
    /// By the method of Fowler, Noll and Vo (FNV-1a).
    hash: u64,
    /// Which variant an enum is said to be, if it has so many, else its last.
    variant: usize,
    /// Variants of the largest enum.
    variants: usize,
}

impl Notes {
    fn take(&mut self, text: &str) {
        for byte in text.bytes().chain([0]) {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn take_all(&mut self, kind: &str, name: &str, parts: &[&str]) {
        self.take(kind);
        self.take(name);
        for part in parts {
            self.take(part);
        }
    }
}

/// Has every value that it is asked for.
struct Source<'n> {
    notes: &'n mut Notes,
    depth: usize,
}

impl Source<'_> {
    fn deeper(&mut self) -> Result<Source<'_>, Refused> {
        if self.depth == DEPTH_MAX {
            return Err(Refused);
        }
        Ok(Source {
            notes: self.notes,
            depth: self.depth + 1,
        })
    }
}

/// It cannot be read any further.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl core::error::Error for Refused {}

impl de::Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// What is as simple as a number: one line each.
macro_rules! simple {
    ($($ask:ident => $visit:ident($($value:expr)?);)*) => {
        $(
            fn $ask<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
                self.notes.take(stringify!($ask));
                visitor.$visit($($value)?)
            }
        )*
    };
}

impl<'de> Deserializer<'de> for Source<'_> {
    type Error = Refused;

    simple! {
        deserialize_bool => visit_bool(false);
        deserialize_i8 => visit_i8(0);
        deserialize_i16 => visit_i16(0);
        deserialize_i32 => visit_i32(0);
        deserialize_i64 => visit_i64(0);
        deserialize_i128 => visit_i128(0);
        deserialize_u8 => visit_u8(0);
        deserialize_u16 => visit_u16(0);
        deserialize_u32 => visit_u32(0);
        deserialize_u64 => visit_u64(0);
        deserialize_u128 => visit_u128(0);
        deserialize_f32 => visit_f32(0.0);
        deserialize_f64 => visit_f64(0.0);
        deserialize_char => visit_char('0');
        deserialize_str => visit_str("");
        deserialize_string => visit_str("");
        deserialize_bytes => visit_bytes(&[]);
        deserialize_byte_buf => visit_bytes(&[]);
        deserialize_unit => visit_unit();
    }

    fn is_human_readable(&self) -> bool {
        // As postcard.
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        // As postcard, which does not say what comes next.
        Err(Refused)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        Err(Refused)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        Err(Refused)
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.notes.take("option");
        visitor.visit_some(self.deeper()?)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.notes.take_all("unit struct", name, &[]);
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.notes.take_all("newtype", name, &[]);
        visitor.visit_newtype_struct(self.deeper()?)
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.notes.take("sequence");
        visitor.visit_seq(Parts::of(self.deeper()?, 1))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        mut self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.notes.take("tuple");
        visitor.visit_seq(Parts::of(self.deeper()?, length))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.notes.take_all("tuple struct", name, &[]);
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.notes.take("map");
        visitor.visit_map(Parts::of(self.deeper()?, 1))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.notes.take_all("struct", name, fields);
        visitor.visit_seq(Parts::of(self.deeper()?, fields.len()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.notes.take_all("enum", name, variants);
        self.notes.variants = self.notes.variants.max(variants.len());
        let last = variants.len().checked_sub(1).ok_or(Refused)?;
        let variant = self.notes.variant.min(last);
        visitor.visit_enum(Chosen {
            source: self.deeper()?,
            variant: variant as u32,
        })
    }
}

/// So many parts of a struct, a tuple or a list.
struct Parts<'n> {
    source: Source<'n>,
    left: usize,
}

impl<'n> Parts<'n> {
    fn of(source: Source<'n>, left: usize) -> Self {
        source.notes.take("of");
        Self { source, left }
    }

    fn next(&mut self) -> Option<Result<Source<'_>, Refused>> {
        let Some(left) = self.left.checked_sub(1) else {
            self.source.notes.take("end");
            return None;
        };
        self.left = left;
        Some(self.source.deeper())
    }
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Refused;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Refused> {
        let Some(source) = self.next() else {
            return Ok(None);
        };
        seed.deserialize(source?).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Parts<'_> {
    type Error = Refused;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Refused> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        seed.deserialize(self.source.deeper()?)
    }
}

/// An enum that is said to be a certain variant.
struct Chosen<'n> {
    source: Source<'n>,
    variant: u32,
}

impl<'de> EnumAccess<'de> for Chosen<'_> {
    type Error = Refused;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Refused> {
        let variant = seed.deserialize(self.variant.into_deserializer())?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Chosen<'_> {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        self.source.notes.take("unit");
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Refused> {
        self.source.notes.take("newtype variant");
        seed.deserialize(self.source)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_seq(Parts::of(self.source, length))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.source.notes.take_all("fields", "", fields);
        visitor.visit_seq(Parts::of(self.source, fields.len()))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::of;

    /// A type in a scope of its own, so that several have one name.
    macro_rules! layout {
        ($($body:tt)*) => {{
            #[derive(Deserialize)]
            #[allow(dead_code, reason = "nobody reads them, if there are fields at all")]
            $($body)*
            of::<Subject>()
        }};
    }

    #[test]
    fn types_that_differ_have_other_numbers() {
        let all = [
            layout!(
                struct Subject {
                    a: u32,
                    b: u64,
                }
            ),
            layout!(
                struct Subject {
                    b: u64,
                    a: u32,
                }
            ),
            layout!(
                struct Subject {
                    a: u32,
                    c: u64,
                }
            ),
            layout!(
                struct Subject {
                    a: u32,
                    b: i64,
                }
            ),
            layout!(
                struct Subject {
                    a: u32,
                    b: Option<u64>,
                }
            ),
            layout!(
                struct Subject {
                    a: u32,
                    b: Vec<u64>,
                }
            ),
            layout!(
                struct Subject {
                    a: u32,
                    b: String,
                }
            ),
            layout!(
                struct Subject {
                    a: u32,
                    b: (u64,),
                }
            ),
            layout!(
                struct Subject {
                    a: [u32; 3],
                    b: u64,
                }
            ),
            layout!(
                struct Subject {
                    a: [u32; 4],
                    b: u64,
                }
            ),
            layout!(
                struct Subject {
                    a: u32,
                    b: u64,
                    c: (),
                }
            ),
            layout!(
                struct Subject(u32, u64);
            ),
            layout!(
                enum Subject {
                    A,
                    B,
                }
            ),
            layout!(
                enum Subject {
                    B,
                    A,
                }
            ),
            layout!(
                enum Subject {
                    A,
                    B(u8),
                }
            ),
            layout!(
                enum Subject {
                    A,
                    B(u16),
                }
            ),
            layout!(
                enum Subject {
                    A,
                    B { number: u16 },
                }
            ),
            layout!(
                enum Subject {
                    A,
                    B { other: u16 },
                }
            ),
            layout!(
                enum Subject {
                    A,
                    B(u16, u16),
                    C,
                }
            ),
            layout!(
                enum Subject {
                    A,
                    B(u16, u32),
                    C,
                }
            ),
            of::<u64>(),
            of::<u32>(),
            of::<std::collections::BTreeMap<u8, u16>>(),
            of::<std::collections::BTreeMap<u8, u32>>(),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{index}");
        }
    }

    #[test]
    fn a_type_has_one_number_even_if_it_contains_itself_or_refuses() {
        #[derive(Deserialize)]
        #[expect(dead_code, reason = "nobody reads them")]
        struct Tree {
            left: Option<Box<Tree>>,
            right: Option<Box<Tree>>,
            size: u64,
        }
        assert_eq!(of::<Tree>(), of::<Tree>());
        type Odd = (u8, core::num::NonZeroU8, u8);
        assert_eq!(of::<Odd>(), of::<Odd>());
        assert_ne!(of::<Odd>(), of::<(u16, core::num::NonZeroU8, u8)>());
    }
}
