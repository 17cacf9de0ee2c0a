//! Fields of structures: how they are decoded, encoded and inspected in a wire format.
//!
//! ROPs, the bodies of MAPI over HTTP and auxiliary blocks are declared with the macro `structure!`, which implements
//! [`Field`] from a table of fields. Numbers and their newtypes have the same layout in all formats. A type whose
//! layout depends on the format implements [`Field`] for each [`Format`]. The parameters of RPC calls are NDR
//! ([`rpc::ndr`]) and not declared here.

pub(crate) mod format;
pub(crate) mod scalar;
pub(crate) mod structure;

pub(crate) use self::format::write_optional;
pub use self::format::{Field, FieldBy, Format, HandleRole, InspectAs};
pub(crate) use self::scalar::{enum_field, flags_field, newtype_field};
pub(crate) use self::structure::structure;
