//! Types of fields that only ROPs have: Booleans, handle indexes, sized bytes and lists, and zero-terminated texts.

use wire::{Bytes, Error, ErrorKind, Reader, Result, Utf16, Writer};

use super::format::Rop;
use crate::field::{Field, FieldBy, HandleRole, newtype_field, write_optional};
use crate::inspect::{Inspect, Node, string8};

/// A Boolean of one byte. Senders use different values for true, so that the byte is preserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Bool(pub u8);

impl Bool {
    /// False: 0.
    pub const FALSE: Self = Self(0);
    /// True: 1, the value of the specifications.
    pub const TRUE: Self = Self(1);

    /// Whether the value is true: not zero.
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

/// A field that is present exactly if an earlier Boolean is true.
impl<T: Field<Rop>> FieldBy<Rop, Bool> for Option<T> {
    fn read_by(r: &mut Reader<'_>, field: &'static str, by: &Bool) -> Result<Self> {
        by.is_true().then(|| T::read(r, field)).transpose()
    }

    fn write_by(&self, w: &mut Writer, field: &'static str, by: &Bool) -> Result<()> {
        write_optional(self.as_ref(), w, field, by.is_true())
    }
}

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

        impl Field<Rop> for $name {
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

            fn index_with_role(&self, role: HandleRole) -> Option<u8> {
                (HandleRole::$role == role).then_some(self.0)
            }
        }
    };
}

handle_index!(
    /// The index in the server object handle table of the object on which the ROP acts, in ROPs whose first handle
    /// index refers to another object.
    InputHandleIndex,
    Input
);
handle_index!(
    /// The index in the server object handle table at which the handle of a new object is stored.
    OutputHandleIndex,
    Output
);
handle_index!(
    /// The index in the server object handle table of the destination object.
    DestHandleIndex,
    Destination
);

macro_rules! sized_bytes {
    ($(#[$doc:meta])* $name:ident, $scalar:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
        pub struct $name(pub Bytes);

        impl Inspect for $name {
            fn to_node(&self) -> Node {
                Node::Bytes(self.0.to_vec())
            }
        }

        impl Field<Rop> for $name {
            const MIN_SIZE: usize = size_of::<$scalar>();

            fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
                let size = r.$scalar(field)?;
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                r.shared(size, field).map(Self)
            }

            fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
                let length = $scalar::try_from(self.0.len());
                w.$scalar(length.map_err(|_| too_long(self.0.len(), $scalar::MAX, w, field))?);
                w.bytes(&self.0);
                Ok(())
            }
        }
    };
}

sized_bytes!(
    /// Bytes that are encoded with their 8-bit size.
    Bytes8, u8);
sized_bytes!(
    /// Bytes that are encoded with their 16-bit size.
    Bytes16, u16);
sized_bytes!(
    /// Bytes that are encoded with their 32-bit size.
    Bytes32, u32);

macro_rules! list {
    ($(#[$doc:meta])* $name:ident, $scalar:ident) => {
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

        impl<T: Field<Rop>> Field<Rop> for $name<T> {
            const MIN_SIZE: usize = size_of::<$scalar>();

            fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
                #[allow(clippy::useless_conversion, reason = "one of three is a u32 already")]
                let count = u32::from(r.$scalar(field)?);
                let count = r.elements(count, T::MIN_SIZE, u32::MAX, field)?;
                let mut items = Vec::with_capacity(count.min(PREALLOCATED));
                for _ in 0..count {
                    items.push(T::read(r, field)?);
                }
                Ok(Self(items))
            }

            fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
                let length = $scalar::try_from(self.0.len());
                w.$scalar(length.map_err(|_| too_long(self.0.len(), $scalar::MAX, w, field))?);
                self.0.iter().try_for_each(|item| item.write(w, field))
            }
        }
    };
}

/// The maximum number of items for which memory is allocated before they are read.
const PREALLOCATED: usize = 256;

list!(
    /// A list that is encoded with its 8-bit count.
    List8, u8);
list!(
    /// A list that is encoded with its 16-bit count.
    List16, u16);
list!(
    /// A list that is encoded with its 32-bit count.
    List32, u32);

/// A zero-terminated string of bytes in the code page of the session.
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

impl Field<Rop> for AsciiZ {
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
            return Err(Error::new(ErrorKind::Text { expected: "no zero byte" }, field, w.len()));
        }
        w.bytes(&self.0).u8(0);
        Ok(())
    }
}

/// A zero-terminated UTF-16 text.
impl Field<Rop> for Utf16 {
    const MIN_SIZE: usize = 2;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        let none = r.error(ErrorKind::Text { expected: "a zero code unit at the end" }, field);
        Self::read_terminated(r, field).map_err(|_| none)
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        if self.zero().is_some() {
            return Err(Error::new(ErrorKind::Text { expected: "no zero code unit" }, field, w.len()));
        }
        w.bytes(self.as_le_bytes()).u16(0);
        Ok(())
    }
}

/// The error of a `field` whose size or count, `length`, exceeds `limit`.
#[cold]
pub(crate) fn too_long(length: usize, limit: impl Into<u64>, w: &Writer, field: &'static str) -> Error {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    Error::new(ErrorKind::TooLong { length, limit: limit.into() }, field, w.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_field_that_is_too_long_has_the_limit_of_its_width() {
        let error = |field: &dyn Fn(&mut Writer) -> Result<()>| field(&mut Writer::new()).unwrap_err().kind;
        let bytes = |length| Bytes::from(vec![0; length]);
        assert_eq!(
            error(&|w| Bytes8(bytes(300)).write(w, "Data")),
            ErrorKind::TooLong { length: 300, limit: 255 }
        );
        assert_eq!(
            error(&|w| List8(vec![Bool(0); 256]).write(w, "Items")),
            ErrorKind::TooLong { length: 256, limit: 255 }
        );
        assert_eq!(
            error(&|w| Bytes16(bytes(0x1_0000)).write(w, "Data")),
            ErrorKind::TooLong { length: 0x1_0000, limit: 0xffff }
        );
    }
}
