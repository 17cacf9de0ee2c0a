//! The protocols between MAPI clients and Exchange servers: lossless decoding and encoding of their structures.
//!
//! The crate contains structures and functions on bytes only. A structure that was decoded and not changed is encoded
//! as the same bytes, including reserved fields, unknown values and trailing data. Bytes that cannot be decoded cause
//! an error with the field, its offset and the expected value ([`wire::Error`]), or are kept as bytes if the protocol
//! allows a reader to continue.
//!
//! # Modules
//!
//! From an operation down to the values in it:
//!
//! | module | content | specification |
//! |---|---|---|
//! | [`rfr`] | the referral interface: which address book server to use | \[MS-OXABREF\] |
//! | [`nspi`] | the address book over RPC | \[MS-OXNSPI\], \[MS-NSPI\] |
//! | [`emsmdb`] | the mailbox store over RPC: connect, execute, notify | \[MS-OXCRPC\] |
//! | [`mapihttp`] | both over HTTP: headers, cookies, request and response bodies | \[MS-OXCMAPIHTTP\] |
//! | [`autodiscover`] | discovery of servers by clients: requests and responses | \[MS-OXDSCLI\], \[MS-OXWSADISC\] |
//! | [`compress`] | obfuscated and compressed buffers, such as `rgbIn` and `rgbAuxIn` | \[MS-OXCRPC\], \[MS-XCA\] |
//! | [`aux_block`] | auxiliary buffers: versions, performance counters | \[MS-OXCRPC\] 2.2.2.2 |
//! | [`rop`] | remote operations (ROPs): requests, responses, handle tables | \[MS-OXCROPS\] |
//! | [`notification`] | notifications of folders, messages and tables | \[MS-OXCNOTIF\] |
//! | [`fast_transfer`] | streams that copy and synchronize mailboxes | \[MS-OXCFXICS\] |
//! | [`idset`] | sets of ids and change numbers | \[MS-OXCFXICS\] 2.2.2.4 |
//! | [`property`] | property tags, values, rows and restrictions; [`property::names`] | \[MS-OXCDATA\], \[MS-OXPROPS\] |
//! | [`data`] | types that protocols share: ids, entry ids, recipients, sort orders, rule actions | \[MS-OXCDATA\], \[MS-OXORULE\] |
//! | [`blob`] | the structures of binary property values | \[MS-OXOCAL\], \[MS-OXOSRCH\] and others |
//! | [`rtf`] | compressed RTF | \[MS-OXRTFCP\] |
//! | [`field`] | the traits of fields of wire formats | |
//! | [`inspect`] | any structure as a tree of named values, for text and JSON output | |
//!
//! [`Interface`] lists the RPC interfaces with their UUIDs and opnums, [`ErrorCode`] the results of operations.
//!
//! # Decoding and encoding
//!
//! Most structures implement [`wire::Decode`] and [`wire::Encode`]. A structure whose layout depends on the protocol
//! takes a [`property::Layout`]; a ROP response takes a [`rop::ResponseContext`], which results from its request.
//!
//! ```
//! use mapi::data::{EntryId, FolderId};
//! use mapi::property::{Layout, PropTag, TaggedValue};
//! use wire::{Decode, Encode, Reader, Writer};
//!
//! // A structure with the same layout in all protocols.
//! let id = FolderId::from_bytes(&[0x01, 0x00, 0, 0, 0, 0, 0, 0x0d])?;
//! assert_eq!((id.repl_id(), id.global_counter().value()), (1, 13));
//! assert_eq!(id.to_bytes()?, [0x01, 0x00, 0, 0, 0, 0, 0, 0x0d]);
//!
//! // A property with its value in the layout of ROPs.
//! let subject = TaggedValue::new(PropTag::PidTagSubject, "Hi".into());
//! let mut w = Writer::new();
//! subject.write(&mut w, Layout::Rop)?;
//! let bytes = w.into_vec();
//! assert_eq!(bytes, [0x1f, 0x00, 0x37, 0x00, b'H', 0, b'i', 0, 0, 0]);
//! assert_eq!(TaggedValue::read(&mut Reader::new(&bytes), Layout::Rop)?, subject);
//!
//! // Entry ids of unknown kinds are kept as bytes.
//! assert!(matches!(EntryId::parse(b"unknown"), EntryId::Unknown(_)));
//!
//! // An error names the field and its offset.
//! let error = FolderId::from_bytes(&bytes[..5]).unwrap_err();
//! assert_eq!(error.to_string(), "FolderId at offset 0: needs 8 bytes, 5 left");
//! # Ok::<(), wire::Error>(())
//! ```
//!
//! # Architectural invariants
//!
//! - No I/O, no clock, and no state that outlives a call.
//! - Of `rpc` only [`ndr`] is used: no PDUs, no associations.
//! - [`data`] and [`property`] import no protocol; the protocols import them.
//! - No allocation is sized by a declared length or count before that many bytes have been received. Nesting has a
//!   limit.
//! - No enumeration is closed: values and flags without a name are kept.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

pub mod autodiscover;
pub mod aux_block;
pub mod blob;
pub mod compress;
pub mod data;
pub mod emsmdb;
mod error_code;
pub mod fast_transfer;
pub mod field;
pub mod idset;
pub mod inspect;
mod interface;
pub mod mapihttp;
pub mod notification;
pub mod nspi;
mod operations;
pub mod property;
pub mod rfr;
pub mod rop;
pub mod rtf;
mod zero_terminated;

pub use crate::error_code::ErrorCode;
pub use crate::interface::Interface;

/// The encoding of RPC calls (C706 chapter 14): pointers, strings and arrays, for code that builds the parameters
/// of a call.
pub use rpc::ndr;
