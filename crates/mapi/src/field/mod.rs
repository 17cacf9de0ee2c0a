//! What structures are made of: fields that know how they are read, written and inspected in a wire format.
//!
//! ROPs, the bodies of MAPI over HTTP and auxiliary blocks are declared with the macro `structure!`, which makes a
//! [`Field`] of a table of fields. Where a format lays a type out in a way of its own, the type implements [`Field`]
//! for that [`Format`]; numbers and what is made of one are laid out alike in all. The parameters of RPC calls are
//! NDR ([`rpc::ndr`]) and not declared here.

pub(crate) mod format;
pub(crate) mod scalar;
pub(crate) mod structure;

pub(crate) use self::format::write_optional;
pub use self::format::{Field, FieldBy, Format, HandleRole, InspectAs};
pub(crate) use self::scalar::{enum_field, flags_field, newtype_field};
pub(crate) use self::structure::structure;
