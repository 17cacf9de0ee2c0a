//! The transfer syntax NDR 2.0 with 32-bit pointers (\[C706\] chapter 14, [MS-RPCE] 2.2.4).
//!
//! A stub is a row of parameters. Each parameter is written completely before the next one begins:
//!
//! 1. its *conformance*: the element count of a conformant array, also of one that ends a structure;
//! 2. its *scalars*: all that lies in place, where a pointer is only a number (its referent id);
//! 3. what its pointers point to, in the order of the pointers, each again complete.
//!
//! [`Ndr`] has one method for each step and direction. [`ndr_struct!`](crate::ndr_struct) writes it for a
//! structure, [`ndr_union!`](crate::ndr_union) for a union and [`ndr_params!`](crate::ndr_params) for the
//! parameters of an operation, so that an interface reads like its IDL.
//!
//! Both byte orders are read, little-endian is written. Referent ids, spare room in arrays and odd string
//! endings are kept, so that decoding and encoding give the same bytes but for the padding, which is written
//! as zeros.

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
