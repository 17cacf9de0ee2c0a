//! The bodies of requests and responses, with a variant for each ROP of the registry.
#![allow(clippy::wildcard_imports, reason = "the registry uses all types of these modules")]

use wire::{Error, Reader};

use super::attachment::*;
use super::context::{RequestContext, ResponseContext};
use super::empty::{Empty, NoReply};
use super::fast_transfer::*;
use super::folder::*;
use super::format::Rop;
use super::logon::*;
use super::logon_store::*;
use super::message::*;
use super::named_property::*;
use super::notification::*;
use super::permission::*;
use super::property::*;
use super::recipient::*;
use super::response_fields::{ResponseFields, has_fields, may_have};
use super::rop_id::RopId;
use super::rule::*;
use super::stream::*;
use super::sync::*;
use super::table::*;
use super::transport::*;
use crate::field::{Field, HandleRole};
use crate::inspect::{Inspect, Node};
use crate::{ErrorCode, each_rop};

macro_rules! bodies {
    ($($(#[$doc:meta])* $id:literal $name:ident: $request:ty => $response:ty $(, $asynchronous:ident)?;)*
     response_only { $($response_only:tt)* }) => {
        /// The fields of a request after its handle index.
        #[derive(Debug, Clone, PartialEq)]
        pub enum RequestBody {
            $($(#[$doc])* $name($request),)*
        }

        /// The fields of a response after its return value.
        #[derive(Debug, Clone, PartialEq)]
        pub enum ResponseBody {
            $($(#[$doc])* $name($response),)*
            /// No fields: the ROP failed.
            Failed(RopId),
        }

        impl RequestBody {
            /// The ROP of the request.
            pub const fn id(&self) -> RopId {
                match self {
                    $(Self::$name(_) => RopId::$name,)*
                }
            }

            pub(super) fn read(
                id: RopId,
                r: &mut ::wire::Reader<'_>,
                context: RequestContext,
            ) -> ::wire::Result<Self> {
                Ok(match id {
                    $(RopId::$name => {
                        Self::$name(<$request as Field<Rop>>::read_with(r, stringify!($name), context)
                            .map_err(|error| error.within(stringify!($name)))?)
                    })*
                    _ => return Err(unknown(id, r)),
                })
            }

            pub(super) fn write(&self, w: &mut ::wire::Writer) -> ::wire::Result<()> {
                match self {
                    $(Self::$name(body) => Field::<Rop>::write(body, w, stringify!($name)),)*
                }
            }

            pub(super) fn handle_index(&mut self, visit: &mut dyn FnMut(HandleRole, &mut u8)) {
                match self {
                    $(Self::$name(body) => Field::<Rop>::handle_index(body, visit),)*
                }
            }

            pub(super) fn index_with_role(&self, role: HandleRole) -> Option<u8> {
                match self {
                    $(Self::$name(body) => Field::<Rop>::index_with_role(body, role),)*
                }
            }
        }

        impl Inspect for RequestBody {
            fn to_node(&self) -> Node {
                match self {
                    $(Self::$name(body) => Inspect::to_node(body),)*
                }
            }
        }

        impl ResponseBody {
            /// The ROP of the response.
            pub const fn id(&self) -> RopId {
                match self {
                    $(Self::$name(_) => RopId::$name,)*
                    Self::Failed(id) => *id,
                }
            }

            pub(super) fn read(
                id: RopId,
                return_value: ErrorCode,
                r: &mut ::wire::Reader<'_>,
                context: ResponseContext<'_>,
            ) -> ::wire::Result<Self> {
                Ok(match id {
                    $(RopId::$name
                        if has_fields::<$response>(r, return_value, context) =>
                    {
                        Self::$name(<$response as ResponseFields>::read(r, return_value, context)
                            .map_err(|error| error.within(stringify!($name)))?)
                    })*
                    $(RopId::$name)|* => Self::Failed(id),
                    _ => return Err(unknown(id, r)),
                })
            }

            /// Whether a response with this return value may have this body.
            pub(super) fn fits(&self, return_value: ErrorCode) -> bool {
                match self {
                    $(Self::$name(body) => may_have(body, return_value),)*
                    $(Self::Failed(RopId::$name) => {
                        !<$response as ResponseFields>::present(return_value)
                            || (<$response as ResponseFields>::OMITTED_BELOW.is_some()
                                && return_value != ErrorCode::SUCCESS)
                    })*
                    Self::Failed(_) => false,
                }
            }

            pub(super) fn write(&self, w: &mut ::wire::Writer) -> ::wire::Result<()> {
                match self {
                    $(Self::$name(body) => {
                        ResponseFields::write(body, w).map_err(|error| error.within(stringify!($name)))
                    })*
                    Self::Failed(_) => Ok(()),
                }
            }
        }

        impl Inspect for ResponseBody {
            fn to_node(&self) -> Node {
                match self {
                    $(Self::$name(body) => Inspect::to_node(body),)*
                    Self::Failed(_) => Node::Fields(Vec::new()),
                }
            }
        }
    };
}

each_rop!(bodies);

#[cold]
fn unknown(id: RopId, r: &Reader<'_>) -> Error {
    r.invalid("RopId", u64::from(id.0), "a ROP of [MS-OXCROPS] 2.2.2")
}
