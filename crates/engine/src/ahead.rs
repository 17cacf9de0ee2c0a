//! Requests that modules send ahead of a client's own, without an envelope.

use mapi::compress::{ExtendedBuffer, encode_chain};
use mapi::emsmdb::{
    self, EcDoRpcExt2Request, EcDoRpcExtRequest, EcDoRpcRequest, InBytes, MAX_RGB_AUX, OutBytes, RpcFlags,
};
use mapi::mapihttp::{self as http, AuxiliaryBuffer, Maybe, SizedBytes, String8, nspi as book};
use mapi::ndr::{CharString, ContextHandle, Counted, Ptr, SizedPtr, WcharString};
use mapi::nspi::{self, MId, PropertyTagArray, Stat};
use mapi::property::PropTag;
use wire::{Error, Result, Utf16};

use crate::body::{OperationKey, Request, Response};
use crate::kind::OperationKind;
use crate::message::Message;
use crate::refusal::UpstreamRefusal;

/// A request that a module sends ahead of the client's own, on the client's session.
///
/// It does not depend on the envelope: the engine encodes it for the envelope of the client's request. None of these
/// requests begins or ends a session.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum AheadRequest {
    /// Lists the properties that the address book supports ([MS-OXNSPI] 3.1.4.1.5).
    QueryColumns {
        /// `dwFlags`: 0, or `NspiUnicodeProptypes`.
        flags: u32,
    },
    /// Reads rows of an address book table ([MS-OXNSPI] 3.1.4.1.8).
    QueryRows {
        /// `dwFlags`: 0, or `fSkipObjects` and `fEphID`.
        flags: u32,
        /// The table, and the position in it.
        stat: Stat,
        /// The objects to read in place of the table's, if it is not empty.
        table: Vec<MId>,
        /// The number of rows, at least 1.
        count: u32,
        /// The columns; the server's default ones if absent.
        columns: Option<Vec<PropTag>>,
    },
    /// Reads properties of the current row ([MS-OXNSPI] 3.1.4.1.7).
    GetProps {
        /// `dwFlags`: 0, or `fSkipObjects` and `fEphID`.
        flags: u32,
        /// The table, and the position in it.
        stat: Stat,
        /// The properties to read; all properties of the object if absent.
        columns: Option<Vec<PropTag>>,
    },
    /// Maps distinguished names to objects ([MS-OXNSPI] 3.1.4.1.13).
    DNToMId {
        /// The distinguished names, in 8-bit characters.
        names: Vec<Vec<u8>>,
    },
    /// Resolves names ([MS-OXNSPI] 3.1.4.1.17).
    ResolveNames {
        /// The container in which the names are looked up.
        stat: Stat,
        /// The columns of the rows that are returned; the server's default ones if absent.
        columns: Option<Vec<PropTag>>,
        /// The names to resolve.
        names: Vec<Utf16>,
    },
    /// Carries ROPs ([MS-OXCRPC] 3.1.4.2, [MS-OXCMAPIHTTP] 2.2.4.2). It can only be sent ahead of a client's request
    /// that carries ROPs, since that determines which call carries them. The engine does not track the objects that
    /// these ROPs open, so the module has to release them.
    Execute {
        /// `pulFlags`: whether the response may be compressed, obfuscated and chained.
        flags: RpcFlags,
        /// The extended buffers with the ROPs.
        buffers: Vec<ExtendedBuffer>,
        /// The maximum size of the responses to the ROPs, in bytes.
        room: u32,
    },
}

/// The upstream's response to a request that a module sent ahead of the client's.
#[derive(Debug)]
pub enum AheadResponse {
    /// The upstream executed the request.
    Response(Box<Message<Response>>),
    /// The upstream refused the request.
    Refused(UpstreamRefusal),
}

impl AheadResponse {
    /// An upper bound on the memory of what was decoded, in bytes.
    pub(crate) fn decoded_bytes(&self) -> usize {
        match self {
            Self::Response(response) => response.decoded_bytes(),
            Self::Refused(_) => 0,
        }
    }
}

/// A placeholder that the session binding replaces with the session's context handle.
const HANDLE: ContextHandle = ContextHandle { attributes: 0, uuid: wire::Guid::NIL };

impl AheadRequest {
    /// The kind of operation, without its parameters.
    pub const fn kind(&self) -> OperationKind {
        match self {
            Self::QueryColumns { .. } => OperationKind::QueryColumns,
            Self::QueryRows { .. } => OperationKind::QueryRows,
            Self::GetProps { .. } => OperationKind::GetProps,
            Self::DNToMId { .. } => OperationKind::DNToMId,
            Self::ResolveNames { .. } => OperationKind::ResolveNames,
            Self::Execute { .. } => OperationKind::Execute,
        }
    }

    /// Whether this request may be sent ahead of the client's request `own`: both are to the same service, and `own`
    /// is part of the request sequence of a session.
    pub(crate) fn may_precede(&self, own: OperationKey) -> bool {
        let kind = OperationKind::of(own);
        let same_service = match self {
            Self::Execute { .. } => kind == OperationKind::Execute,
            _ => own.interface() == mapi::Interface::Nspi,
        };
        same_service && kind.is_in_sequence()
    }

    /// The request as an RPC call, with a null context handle. ROPs are carried by the same call as the client's,
    /// which is `opnum`.
    pub(crate) fn to_call(&self, opnum: u16) -> Result<Request> {
        use nspi::Request as R;
        Ok(Request::Nspi(match self.clone() {
            Self::QueryColumns { flags } => {
                R::QueryColumns(nspi::QueryColumnsRequest { handle: HANDLE, reserved: 0, flags })
            }
            Self::QueryRows { flags, stat, table, count, columns } => {
                let table = if table.is_empty() { SizedPtr::NULL } else { SizedPtr::new(table) };
                let prop_tags = tags(columns);
                R::QueryRows(nspi::QueryRowsRequest { handle: HANDLE, flags, stat, table, count, prop_tags })
            }
            Self::GetProps { flags, stat, columns } => {
                R::GetProps(nspi::GetPropsRequest { handle: HANDLE, flags, stat, prop_tags: tags(columns) })
            }
            Self::DNToMId { names } => {
                let names = Counted(names.into_iter().map(|name| Ptr::new(CharString::new(name))).collect());
                R::DNToMId(nspi::DNToMIdRequest { handle: HANDLE, reserved: 0, names })
            }
            Self::ResolveNames { stat, columns, names } => {
                let string = |text| Ptr::new(WcharString { text, ..WcharString::default() });
                let names = Counted(names.into_iter().map(string).collect());
                let prop_tags = tags(columns);
                R::ResolveNamesW(nspi::ResolveNamesWRequest {
                    handle: HANDLE,
                    reserved: 0,
                    stat,
                    prop_tags,
                    names,
                })
            }
            Self::Execute { flags, buffers, room } => {
                return execute_call(opnum, flags, &buffers, room).map(Request::Emsmdb);
            }
        }))
    }

    /// The request as a request of MAPI over HTTP.
    pub(crate) fn to_http(&self) -> Result<Request> {
        use book::Request as R;
        let aux = AuxiliaryBuffer::NONE;
        Ok(Request::NspiHttp(match self.clone() {
            Self::QueryColumns { flags } => {
                R::QueryColumns(book::QueryColumnsRequest { reserved: 0, map_flags: flags, aux })
            }
            Self::QueryRows { flags, stat, table, count, columns } => R::QueryRows(book::QueryRowsRequest {
                flags,
                stat: Maybe::new(stat),
                explicit_table: table,
                row_count: count,
                columns: maybe(columns),
                aux,
            }),
            Self::GetProps { flags, stat, columns } => {
                let (stat, prop_tags) = (Maybe::new(stat), maybe(columns));
                R::GetProps(book::GetPropsRequest { flags, stat, prop_tags, aux })
            }
            Self::DNToMId { names } => {
                let names = Maybe::new(book::Names::new(names.into_iter().map(String8).collect()));
                R::DNToMId(book::DNToMIdRequest { reserved: 0, names, aux })
            }
            Self::ResolveNames { stat, columns, names } => R::ResolveNames(book::ResolveNamesRequest {
                reserved: 0,
                stat: Maybe::new(stat),
                prop_tags: maybe(columns),
                names: Maybe::new(book::Names::new(names)),
                aux,
            }),
            Self::Execute { flags, buffers, room } => {
                let rop_buffer = SizedBytes(chain(&buffers)?.into());
                let execute = http::emsmdb::ExecuteRequest { flags, rop_buffer, max_rop_out: room, aux };
                return Ok(Request::EmsmdbHttp(http::emsmdb::Request::Execute(execute)));
            }
        }))
    }
}

fn execute_call(
    opnum: u16,
    flags: RpcFlags,
    buffers: &[ExtendedBuffer],
    room: u32,
) -> Result<emsmdb::Request> {
    use emsmdb::Request as R;
    Ok(match opnum {
        2 => {
            let [buffer] = buffers else {
                return Err(Error::invalid(
                    "rgb",
                    0,
                    u64::try_from(buffers.len()).unwrap_or(0),
                    "one ROP buffer",
                ));
            };
            let room = u16::try_from(room).unwrap_or(u16::MAX);
            R::EcDoRpc(EcDoRpcRequest::new(HANDLE, buffer.payload.to_vec(), room)?)
        }
        9 => {
            let (rgb_in, reserved) = (InBytes(chain(buffers)?), OutBytes::default());
            R::EcDoRpcExt(EcDoRpcExtRequest { handle: HANDLE, flags, rgb_in, out_max: room, reserved })
        }
        _ => R::EcDoRpcExt2(EcDoRpcExt2Request {
            handle: HANDLE,
            flags,
            rgb_in: InBytes(chain(buffers)?),
            out_max: room,
            aux_in: InBytes(Vec::new()),
            aux_out_max: MAX_RGB_AUX,
        }),
    })
}

fn chain(buffers: &[ExtendedBuffer]) -> Result<Vec<u8>> {
    if buffers.is_empty() { Ok(Vec::new()) } else { encode_chain(buffers) }
}

fn tags(columns: Option<Vec<PropTag>>) -> Ptr<PropertyTagArray> {
    columns.map_or(Ptr::NULL, |columns| Ptr::new(PropertyTagArray::new(columns)))
}

fn maybe(columns: Option<Vec<PropTag>>) -> Maybe<Vec<PropTag>> {
    columns.map_or(Maybe::Absent, Maybe::new)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use mapi::inspect::Inspect as _;
    use mapi::mapihttp::Endpoint;
    use wire::Endian;

    use super::*;
    use crate::message::Body as _;

    fn every_request() -> [AheadRequest; 6] {
        let columns = Some(vec![PropTag::PidTagDisplayName]);
        let stat = Stat { code_page: 1200, ..Stat::default() };
        let buffers = vec![ExtendedBuffer::plain(vec![2, 0])];
        [
            AheadRequest::QueryColumns { flags: 1 },
            AheadRequest::QueryRows {
                flags: 0,
                stat,
                table: vec![MId(16)],
                count: 7,
                columns: columns.clone(),
            },
            AheadRequest::GetProps { flags: 1, stat, columns: None },
            AheadRequest::DNToMId { names: vec![b"/o=O".to_vec()] },
            AheadRequest::ResolveNames { stat, columns, names: vec![Utf16::from("ann")] },
            AheadRequest::Execute { flags: RpcFlags::CHAIN, buffers, room: 4096 },
        ]
    }

    /// The encoded request decodes to the same request and operation kind, in each envelope.
    #[test]
    fn each_request_is_encoded_for_both_envelopes() {
        for request in every_request() {
            for opnum in [2, 9, 11] {
                let (call, http) = (request.to_call(opnum).unwrap(), request.to_http().unwrap());
                for body in [call, http] {
                    assert_eq!(OperationKind::of(body.key()), request.kind());
                    let bytes = body.encode().unwrap();
                    let (read, rest) = Request::decode(body.key(), &bytes, Endian::Little).unwrap();
                    assert_eq!((read.to_node(), rest), (body.to_node(), &[][..]), "{request:?}");
                }
            }
        }
    }

    #[test]
    fn an_execute_ahead_uses_the_same_call_as_the_clients_request() {
        let [.., execute] = every_request();
        for opnum in [2, 9, 11] {
            assert_eq!(execute.to_call(opnum).unwrap().key(), (mapi::Interface::Emsmdb, opnum).into());
        }
    }

    #[test]
    fn a_request_precedes_only_one_of_the_same_service_within_a_session() {
        use mapi::Interface::{AsyncEmsmdb, Emsmdb, Nspi, Rfr};
        use mapi::mapihttp::RequestType as T;
        let [columns, .., execute] = every_request();
        let http = |endpoint, kind| OperationKey::Http(endpoint, kind);
        for (key, before_columns, before_execute) in [
            ((Nspi, 3).into(), true, false),
            ((Nspi, 1).into(), true, false),
            ((Nspi, 0).into(), false, false),
            ((Rfr, 0).into(), false, false),
            ((Emsmdb, 11).into(), false, true),
            ((Emsmdb, 2).into(), false, true),
            ((Emsmdb, 1).into(), false, false),
            ((Emsmdb, 10).into(), false, false),
            ((AsyncEmsmdb, 0).into(), false, false),
            (http(Endpoint::Nspi, T::Unbind), true, false),
            (http(Endpoint::Nspi, T::GetMailboxUrl), true, false),
            (http(Endpoint::Nspi, T::Bind), false, false),
            (http(Endpoint::Nspi, T::PING), false, false),
            (http(Endpoint::Emsmdb, T::Execute), false, true),
            (http(Endpoint::Emsmdb, T::Connect), false, false),
            (http(Endpoint::Emsmdb, T::NotificationWait), false, false),
        ] {
            let found = (columns.may_precede(key), execute.may_precede(key));
            assert_eq!(found, (before_columns, before_execute), "{}", OperationKey::name(key));
        }
    }
}
