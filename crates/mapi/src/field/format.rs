//! What a wire format decides about all of its fields.

use std::borrow::Cow;

use wire::{Reader, Result, Writer};

use crate::inspect::Node;

/// A wire format: ROPs, bodies of MAPI over HTTP, auxiliary blocks. The types that implement it have no values; they
/// only say which of several layouts a [`Field`] is read, written and inspected in.
pub trait Format {
    /// What has to be known to read some structures, beyond their bytes.
    type Context: Copy + Default;

    /// The fields of a structure as a node.
    fn fields(fields: Vec<(Cow<'static, str>, Node)>) -> Node {
        Node::Fields(fields)
    }
}

/// What can be inspected as a part of the format `F`, which decides what properties are called.
pub trait InspectAs<F> {
    /// The tree of its named values.
    fn node_as(&self) -> Node;
}

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

/// A part of a structure of the format `F`.
///
/// It is read and written without alignment, little-endian.
pub trait Field<F: Format>: Sized {
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

    /// Reads it with what its shape depends on. As a rule that is nothing but its bytes.
    ///
    /// # Errors
    /// As [`Field::read`], and when `context` lacks what the shape depends on.
    fn read_with(r: &mut Reader<'_>, field: &'static str, context: F::Context) -> Result<Self> {
        let _ = context;
        Self::read(r, field)
    }

    /// Calls `visit` with each handle index that this is or has. Only ROPs have some.
    fn handle_index(&mut self, visit: &mut dyn FnMut(HandleRole, &mut u8)) {
        let _ = visit;
    }

    /// The first handle index with the role `role` that this is or has.
    fn own_index(&self, role: HandleRole) -> Option<u8> {
        let _ = role;
        None
    }
}

/// A part of a structure of the format `F` whose shape depends on a part before it, `by`.
pub trait FieldBy<F: Format, C>: Sized {
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

/// Writes what is there only where something before it says so.
pub(crate) fn write_optional<F: Format, T: Field<F>>(
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
