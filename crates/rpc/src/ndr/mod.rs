//! The transfer syntax NDR 2.0 with 32-bit pointers (\[C706\] chapter 14, [MS-RPCE] 2.2.4).
//!
//! A stub is a sequence of parameters. Each parameter is encoded completely before the next one:
//!
//! 1. its *conformance*: the element count of a conformant array, also of one that ends a structure;
//! 2. its *scalars*: the values themselves, in which a pointer is only a number (its referent id);
//! 3. the targets of its pointers, in the order of the pointers, each again complete.
//!
//! [`Ndr`] has one method for each step and direction. [`ndr_struct!`](crate::ndr_struct) writes it for a
//! structure, [`ndr_union!`](crate::ndr_union) for a union and [`ndr_params!`](crate::ndr_params) for the
//! parameters of an operation, so that an interface reads like its IDL.
//!
//! Both byte orders are decoded; little-endian is encoded. Referent ids, spare capacity of arrays and unusual
//! terminations of strings are preserved, so that decoding and encoding reproduces the same bytes, except for
//! padding, which is encoded as zeros.

mod array;
mod codec;
mod counted;
mod limits;
mod macros;
mod pointer;
mod reader;
mod scalar;
mod string;
mod writer;

#[cfg(test)]
mod tests;

pub use self::array::{Conformant, ConformantVarying, Varying};
pub use self::codec::{Ndr, Params, larger, smaller};
pub use self::counted::{Counted, SizedArray, SizedPtr};
pub use self::limits::{MAX_COUNT, MAX_DEPTH};
pub use self::pointer::{FullPtr, Ptr, RefPtr};
pub use self::reader::NdrReader;
pub use self::scalar::ContextHandle;
pub use self::string::{CharString, WcharString};
pub use self::writer::NdrWriter;
