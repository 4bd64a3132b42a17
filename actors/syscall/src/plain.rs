//! Plain data: what may be kept in memory that outlives the program that wrote it.

/// A type whose every bit pattern is a value, and that has no padding and no pointers' meaning.
///
/// A persistent region starts as zeroes, and may later hold what an earlier version of the program
/// wrote; whatever is there must be a value of the type.
///
/// # Safety
/// Every sequence of `size_of::<Self>()` bytes is a valid value, and every byte of a value is
/// initialised (there is no padding).
pub unsafe trait Plain: Copy + Send + 'static {}

macro_rules! plain_integers {
    ($($integer:ty)*) => {
        $(
            // SAFETY: an integer is all its bytes, and any bytes are an integer.
            unsafe impl Plain for $integer {}
        )*
    };
}

plain_integers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

// SAFETY: an array has no padding between or after its elements.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// Defines a struct of plain fields that is itself [`Plain`]. Padding is a compile-time error.
///
/// ```ignore
/// syscall::plain_struct! {
///     /// What survives.
///     struct Account { balance: u64, last_request: u64 }
/// }
/// ```
#[macro_export]
macro_rules! plain_struct {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(C)]
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $type),*
        }

        const _: () = {
            const fn is_plain<T: $crate::plain::Plain>() -> usize {
                ::core::mem::size_of::<T>()
            }
            assert!(
                ::core::mem::size_of::<$name>() == 0 $(+ is_plain::<$type>())*,
                "the struct has padding"
            );
        };

        // SAFETY: every field is plain, and there is nothing between or after the fields.
        unsafe impl $crate::plain::Plain for $name {}
    };
}
