//! The traits of wire formats and their fields.

use std::borrow::Cow;

use wire::{Reader, Result, Writer};

use crate::inspect::Node;

/// A wire format: ROPs, bodies of MAPI over HTTP, or auxiliary blocks.
///
/// The types that implement it have no values: they select the layout in which a [`Field`] is decoded, encoded and
/// inspected.
pub trait Format {
    /// What is needed to decode some structures, in addition to their bytes.
    type Context: Copy + Default;

    /// Returns the fields of a structure as a node.
    fn fields(fields: Vec<(Cow<'static, str>, Node)>) -> Node {
        Node::Fields(fields)
    }
}

/// A value that can be inspected as a part of the format `F`, which determines the names of properties.
pub trait InspectAs<F> {
    /// Returns the tree of the value's named fields.
    fn node_as(&self) -> Node;
}

/// The role of a handle index in a ROP ([MS-OXCROPS] 2.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandleRole {
    /// The object on which the ROP acts, or the source.
    Input,
    /// The second object on which the ROP acts: the destination.
    Destination,
    /// The object that the ROP opens or creates.
    Output,
    /// The object in the response, in place of the one on which the ROP acts.
    Response,
}

/// A part of a structure of the format `F`.
///
/// Fields are little-endian and not aligned.
pub trait Field<F: Format>: Sized {
    /// The minimum encoded size, in bytes, by which counts of fields are bounded before memory is allocated.
    const MIN_SIZE: usize = 1;

    /// Reads the field; errors contain the name `field`.
    ///
    /// # Errors
    /// Fails if the bytes are not a valid field.
    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self>;

    /// Appends the encoded field to `w`.
    ///
    /// # Errors
    /// Fails if a length does not fit its field.
    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()>;

    /// Reads a field whose structure depends on `context`. The default implementation ignores the context.
    ///
    /// # Errors
    /// Fails if the bytes are not a valid field, or `context` lacks the necessary information.
    fn read_with(r: &mut Reader<'_>, field: &'static str, context: F::Context) -> Result<Self> {
        let _ = context;
        Self::read(r, field)
    }

    /// Calls `visit` with each handle index in the field. Only ROPs have handle indexes.
    fn handle_index(&mut self, visit: &mut dyn FnMut(HandleRole, &mut u8)) {
        let _ = visit;
    }

    /// Returns the first handle index in the field that has this role.
    fn index_with_role(&self, role: HandleRole) -> Option<u8> {
        let _ = role;
        None
    }
}

/// A part of a structure of the format `F` whose structure depends on an earlier field, `by`.
pub trait FieldBy<F: Format, C>: Sized {
    /// Reads the field; errors contain the name `field`.
    ///
    /// # Errors
    /// Fails if the bytes are not a valid field.
    fn read_by(r: &mut Reader<'_>, field: &'static str, by: &C) -> Result<Self>;

    /// Appends the encoded field to `w`.
    ///
    /// # Errors
    /// Fails if a length does not fit its field, or the value does not match `by`.
    fn write_by(&self, w: &mut Writer, field: &'static str, by: &C) -> Result<()>;
}

/// Writes a value that is present exactly if `is_expected`, which an earlier field determines.
pub(crate) fn write_optional<F: Format, T: Field<F>>(
    value: Option<&T>,
    w: &mut Writer,
    field: &'static str,
    is_expected: bool,
) -> Result<()> {
    if value.is_some() != is_expected {
        return Err(w.invalid(
            field,
            u64::from(is_expected),
            "a value exactly if an earlier field requires it",
        ));
    }
    value.map_or(Ok(()), |value| value.write(w, field))
}
