//! The fields that ROPs are made of: each knows how it lies in a buffer, how it is shown, and whether it points
//! into the server object handle table.

use wire::{Bytes, Error, ErrorKind, FileTime, Guid, Reader, Result, Utf16, Writer};

use super::context::RequestContext;
use crate::ErrorCode;
use crate::inspect::{Inspect, Node, string8};
use crate::property::{PropTag, PropType};

/// What a handle index of a ROP stands for ([MS-OXCROPS] 2.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandleRole {
    /// An object that the ROP acts on, or takes from.
    Input,
    /// A second object that the ROP acts on: where it puts things.
    Destination,
    /// Where the object goes that the ROP opens or creates.
    Output,
    /// What the answer names in place of the object that the ROP acts on.
    Response,
}

/// A part of a ROP.
pub trait Field: Sized + Inspect {
    /// The fewest bytes that it takes; at least one, so that a count can be held against what is left.
    const MIN_SIZE: usize = 1;

    /// Reads it from where `r` stands. `field` names it in errors.
    ///
    /// # Errors
    /// When the bytes are no such field.
    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self>;

    /// Appends it to `w`.
    ///
    /// # Errors
    /// When a length does not fit.
    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()>;

    /// Reads it where it is all that a request has of its own. As a rule that needs nothing but its bytes.
    ///
    /// # Errors
    /// As [`Field::read`], and when `context` lacks what the shape depends on.
    fn read_request(r: &mut Reader<'_>, field: &'static str, context: RequestContext) -> Result<Self> {
        let _ = context;
        Self::read(r, field)
    }

    /// Calls `visit` with the handle index that this field is, if it is one.
    fn handle_index(&mut self, visit: &mut dyn FnMut(HandleRole, &mut u8)) {
        let _ = visit;
    }

    /// The first handle index with the role `role` that this is or has.
    fn own_index(&self, role: HandleRole) -> Option<u8> {
        let _ = role;
        None
    }
}

/// A part of a ROP whose shape depends on a part before it, `by`.
pub trait FieldBy<C>: Sized + Inspect {
    /// Reads it from where `r` stands. `field` names it in errors.
    ///
    /// # Errors
    /// When the bytes are no such field.
    fn read_by(r: &mut Reader<'_>, field: &'static str, by: &C) -> Result<Self>;

    /// Appends it to `w`.
    ///
    /// # Errors
    /// When a length does not fit, or its shape is not the one that `by` says.
    fn write_by(&self, w: &mut Writer, field: &'static str, by: &C) -> Result<()>;
}

/// What is there only where a Boolean before it is true.
impl<T: Field> FieldBy<Bool> for Option<T> {
    fn read_by(r: &mut Reader<'_>, field: &'static str, by: &Bool) -> Result<Self> {
        by.is_true().then(|| T::read(r, field)).transpose()
    }

    fn write_by(&self, w: &mut Writer, field: &'static str, by: &Bool) -> Result<()> {
        write_optional(self.as_ref(), w, field, by.is_true())
    }
}

/// Writes what is there only where something before it says so.
pub(crate) fn write_optional<T: Field>(
    value: Option<&T>,
    w: &mut Writer,
    field: &'static str,
    said: bool,
) -> Result<()> {
    if value.is_some() != said {
        return Err(w.invalid(field, u64::from(said), "a value exactly where a field before it says so"));
    }
    value.map_or(Ok(()), |value| value.write(w, field))
}

impl<T: Field> Field for Box<T> {
    const MIN_SIZE: usize = T::MIN_SIZE;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        T::read(r, field).map(Self::new)
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        T::write(self, w, field)
    }

    fn read_request(r: &mut Reader<'_>, field: &'static str, context: RequestContext) -> Result<Self> {
        T::read_request(r, field, context).map(Self::new)
    }

    fn handle_index(&mut self, visit: &mut dyn FnMut(HandleRole, &mut u8)) {
        T::handle_index(self, visit);
    }

    fn own_index(&self, role: HandleRole) -> Option<u8> {
        T::own_index(self, role)
    }
}

/// Fields that are one scalar, or a newtype of one.
macro_rules! scalar_field {
    ($($name:ty as $read:ident $size:literal),* $(,)?) => {
        $(impl $crate::rop::field::Field for $name {
            const MIN_SIZE: usize = $size;
            #[inline]
            fn read(r: &mut ::wire::Reader<'_>, field: &'static str) -> ::wire::Result<Self> {
                r.$read(field)
            }
            #[inline]
            fn write(&self, w: &mut ::wire::Writer, _field: &'static str) -> ::wire::Result<()> {
                w.$read(*self);
                Ok(())
            }
        })*
    };
    ($($name:ident($inner:ident) $size:literal),* $(,)?) => {
        $(impl $crate::rop::field::Field for $name {
            const MIN_SIZE: usize = $size;
            #[inline]
            fn read(r: &mut ::wire::Reader<'_>, field: &'static str) -> ::wire::Result<Self> {
                Ok(Self(r.$inner(field)?))
            }
            #[inline]
            fn write(&self, w: &mut ::wire::Writer, _field: &'static str) -> ::wire::Result<()> {
                w.$inner(self.0);
                Ok(())
            }
        })*
    };
}

/// A ROP's own enumeration: `wire_enum!`, and a field.
#[allow(unused_macros)]
macro_rules! rop_enum {
    ($(#[$outer:meta])* $vis:vis struct $name:ident($repr:ident) { $($body:tt)* }) => {
        ::wire::wire_enum! { $(#[$outer])* $vis struct $name($repr) { $($body)* } }
        $crate::inspect::inspect_named!($name);
        $crate::rop::field::newtype_field!($name($repr));
    };
}

/// A ROP's own flags: `wire_flags!`, and a field.
macro_rules! rop_flags {
    ($(#[$outer:meta])* $vis:vis struct $name:ident($repr:ident) { $($body:tt)* }) => {
        ::wire::wire_flags! { $(#[$outer])* $vis struct $name($repr) { $($body)* } }
        $crate::inspect::inspect_named!($name);
        $crate::rop::field::newtype_field!($name($repr));
    };
}

/// Makes a newtype of `u8`, `u16`, `u32` or `u64` a field.
macro_rules! newtype_field {
    ($name:ident(u8)) => { $crate::rop::field::scalar_field!($name(u8) 1); };
    ($name:ident(u16)) => { $crate::rop::field::scalar_field!($name(u16) 2); };
    ($name:ident(u32)) => { $crate::rop::field::scalar_field!($name(u32) 4); };
    ($name:ident(u64)) => { $crate::rop::field::scalar_field!($name(u64) 8); };
}

#[allow(unused_imports)]
pub(crate) use {newtype_field, rop_enum, rop_flags, scalar_field};

scalar_field!(u8 as u8 1, u16 as u16 2, u32 as u32 4, u64 as u64 8, i32 as i32 4, i64 as i64 8);

scalar_field!(ErrorCode(u32) 4, PropTag(u32) 4, PropType(u16) 2, FileTime(u64) 8);

impl Field for Guid {
    const MIN_SIZE: usize = 16;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        Ok(Self::from_le(r.array(field)?))
    }

    fn write(&self, w: &mut Writer, _field: &'static str) -> Result<()> {
        w.bytes(&self.to_le());
        Ok(())
    }
}

/// Several fields of a number that is always the same. Bytes are shown as such.
impl<T: Field + Copy + Default + 'static, const N: usize> Field for [T; N] {
    #[allow(clippy::arithmetic_side_effects, reason = "of constants")]
    const MIN_SIZE: usize = N * T::MIN_SIZE;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        let mut items = [T::default(); N];
        for item in &mut items {
            *item = T::read(r, field)?;
        }
        Ok(items)
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        self.iter().try_for_each(|item| item.write(w, field))
    }
}

/// A Boolean of one byte. Senders differ in what they take for true, so the byte is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Bool(pub u8);

impl Bool {
    /// False, as everybody writes it.
    pub const FALSE: Self = Self(0);
    /// True, as the specifications write it.
    pub const TRUE: Self = Self(1);

    /// Whether it is true.
    pub const fn is_true(self) -> bool {
        self.0 != 0
    }
}

impl Inspect for Bool {
    fn to_node(&self) -> Node {
        Node::Boolean(self.is_true())
    }
}

newtype_field!(Bool(u8));

macro_rules! handle_index {
    ($(#[$doc:meta])* $name:ident, $role:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name(pub u8);

        impl Inspect for $name {
            fn to_node(&self) -> Node {
                Node::Number(u64::from(self.0))
            }
        }

        impl Field for $name {
            fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
                Ok(Self(r.u8(field)?))
            }

            fn write(&self, w: &mut Writer, _field: &'static str) -> Result<()> {
                w.u8(self.0);
                Ok(())
            }

            fn handle_index(&mut self, visit: &mut dyn FnMut(HandleRole, &mut u8)) {
                visit(HandleRole::$role, &mut self.0);
            }

            fn own_index(&self, role: HandleRole) -> Option<u8> {
                (HandleRole::$role == role).then_some(self.0)
            }
        }
    };
}

handle_index!(
    /// Where in the server object handle table the handle of the object is that the ROP acts on, where the
    /// index that all ROPs have is something else.
    InputHandleIndex,
    Input
);
handle_index!(
    /// Where in the server object handle table the handle of a new object goes.
    OutputHandleIndex,
    Output
);
handle_index!(
    /// Where in the server object handle table the handle of the second object is.
    DestHandleIndex,
    Destination
);

macro_rules! sized_bytes {
    ($(#[$doc:meta])* $name:ident, $read:ident, $type:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
        pub struct $name(pub Bytes);

        impl Inspect for $name {
            fn to_node(&self) -> Node {
                Node::Bytes(self.0.to_vec())
            }
        }

        impl Field for $name {
            const MIN_SIZE: usize = size_of::<$type>();

            fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
                let size = r.$read(field)?;
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                r.shared(size, field).map(Self)
            }

            fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
                w.$read(<$type>::try_from(self.0.len()).map_err(|_| too_long(self.0.len(), w, field))?);
                w.bytes(&self.0);
                Ok(())
            }
        }
    };
}

sized_bytes!(
    /// Bytes behind their number, which takes one byte.
    Bytes8, u8, u8);
sized_bytes!(
    /// Bytes behind their number, which takes two bytes.
    Bytes16, u16, u16);
sized_bytes!(
    /// Bytes behind their number, which takes four bytes.
    Bytes32, u32, u32);

macro_rules! list {
    ($(#[$doc:meta])* $name:ident, $read:ident, $type:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name<T>(pub Vec<T>);

        impl<T> Default for $name<T> {
            fn default() -> Self {
                Self(Vec::new())
            }
        }

        impl<T: Inspect> Inspect for $name<T> {
            fn to_node(&self) -> Node {
                self.0.to_node()
            }
        }

        impl<T: Field> Field for $name<T> {
            const MIN_SIZE: usize = size_of::<$type>();

            fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
                #[allow(clippy::useless_conversion, reason = "one of three is a u32 already")]
                let count = u32::from(r.$read(field)?);
                let count = r.count(count, T::MIN_SIZE, u32::MAX, field)?;
                let mut items = Vec::with_capacity(count.min(PREALLOCATED));
                for _ in 0..count {
                    items.push(T::read(r, field)?);
                }
                Ok(Self(items))
            }

            fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
                w.$read(<$type>::try_from(self.0.len()).map_err(|_| too_long(self.0.len(), w, field))?);
                self.0.iter().try_for_each(|item| item.write(w, field))
            }
        }
    };
}

/// For how many items of a list there is room at once; more are made room for as they come.
const PREALLOCATED: usize = 256;

list!(
    /// Items behind their number, which takes one byte.
    List8, u8, u8);
list!(
    /// Items behind their number, which takes two bytes.
    List16, u16, u16);
list!(
    /// Items behind their number, which takes four bytes.
    List32, u32, u32);

/// A text of bytes that ends with a zero byte, in the code page of the session.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct AsciiZ(pub Vec<u8>);

impl std::fmt::Debug for AsciiZ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

impl Inspect for AsciiZ {
    fn to_node(&self) -> Node {
        string8(&self.0)
    }
}

impl Field for AsciiZ {
    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        let Some(length) = r.peek().iter().position(|byte| *byte == 0) else {
            return Err(r.error(ErrorKind::Text { expected: "a zero byte at the end" }, field));
        };
        let text = r.bytes(length, field)?.to_vec();
        r.u8(field)?;
        Ok(Self(text))
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        if self.0.contains(&0) {
            return Err(Error::new(ErrorKind::Text { expected: "no zero byte within" }, field, w.len()));
        }
        w.bytes(&self.0).u8(0);
        Ok(())
    }
}

/// A UTF-16 text that ends with a zero code unit.
impl Field for Utf16 {
    const MIN_SIZE: usize = 2;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        let none = r.error(ErrorKind::Text { expected: "a zero code unit at the end" }, field);
        Self::read_terminated(r, field).map_err(|_| none)
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        if self.zero().is_some() {
            return Err(Error::new(ErrorKind::Text { expected: "no zero code unit within" }, field, w.len()));
        }
        w.bytes(self.as_le_bytes()).u16(0);
        Ok(())
    }
}

#[cold]
pub(crate) fn too_long(length: usize, w: &Writer, field: &'static str) -> Error {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    Error::new(ErrorKind::TooLong { length, limit: u64::from(u16::MAX) }, field, w.len())
}
