//! Macros for open enumerations and flags, which preserve unknown values.

/// Declares an enumeration of a protocol as a newtype with constants, which preserves unknown values.
///
/// ```
/// wire::wire_enum! {
///     /// A fruit.
///     pub struct Fruit(u8) {
///         /// Red or green.
///         APPLE = 1,
///     }
/// }
/// assert_eq!(Fruit(1).name(), Some("APPLE"));
/// assert_eq!(format!("{:?} {:?}", Fruit::APPLE, Fruit(9)), "APPLE Fruit(0x9)");
/// ```
#[macro_export]
macro_rules! wire_enum {
    ($(#[$outer:meta])* $vis:vis struct $name:ident($repr:ty) {
        $($(#[$inner:meta])* $variant:ident = $value:expr),* $(,)?
    }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        $vis struct $name(pub $repr);

        #[allow(non_upper_case_globals)]
        impl $name {
            $($(#[$inner])* pub const $variant: Self = Self($value);)*

            /// The name of the value in its specification; `None` for an unknown value.
            pub const fn name(self) -> Option<&'static str> {
                $(if self.0 == $value { return Some(stringify!($variant)); })*
                None
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => ::core::write!(f, "{}({:#x})", stringify!($name), self.0),
                }
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => ::core::write!(f, "{:#x}", self.0),
                }
            }
        }
    };
}

/// Declares a bit field of a protocol as a newtype with constants, which preserves unknown bits.
///
/// ```
/// wire::wire_flags! {
///     /// The taste of a fruit.
///     pub struct Taste(u8) {
///         /// Sweet.
///         SWEET = 0x01,
///         /// Sour.
///         SOUR = 0x02,
///     }
/// }
/// let taste = Taste::SWEET | Taste::SOUR | Taste(0x80);
/// assert!(taste.contains(Taste::SOUR));
/// assert_eq!(format!("{taste:?}"), "Taste(SWEET | SOUR | 0x80)");
/// assert_eq!(taste.without(Taste::SWEET).0, 0x82);
/// ```
#[macro_export]
macro_rules! wire_flags {
    ($(#[$outer:meta])* $vis:vis struct $name:ident($repr:ty) {
        $($(#[$inner:meta])* $flag:ident = $value:expr),* $(,)?
    }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        $vis struct $name(pub $repr);

        impl $name {
            $($(#[$inner])* pub const $flag: Self = Self($value);)*

            /// No bit set.
            pub const NONE: Self = Self(0);

            /// Whether all bits of `other` are set.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether any bit of `other` is set.
            pub const fn intersects(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// Returns these bits and those of `other`.
            #[must_use]
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// Returns these bits without those of `other`.
            #[must_use]
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }
        }

        impl ::core::ops::BitOr for $name {
            type Output = Self;
            fn bitor(self, other: Self) -> Self {
                self.with(other)
            }
        }

        impl ::core::ops::BitAnd for $name {
            type Output = Self;
            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(concat!(stringify!($name), "("))?;
                let mut rest = self.0;
                let mut first = true;
                $(if $value != 0 && rest & $value == $value {
                    rest &= !$value;
                    if !::core::mem::take(&mut first) {
                        f.write_str(" | ")?;
                    }
                    f.write_str(stringify!($flag))?;
                })*
                if rest != 0 || first {
                    if !first {
                        f.write_str(" | ")?;
                    }
                    ::core::write!(f, "{rest:#x}")?;
                }
                f.write_str(")")
            }
        }
    };
}
