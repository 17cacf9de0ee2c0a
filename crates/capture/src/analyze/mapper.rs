//! The interfaces of every RPC server: the endpoint mapper (C706 appendix O), which returns the port of an
//! interface, and management (C706 appendix Q).

use std::borrow::Cow;

use mapi::inspect::{Inspect as _, Node};
use mapi::{ErrorCode, Interface};
use rpc::epm::{
    self, EptLookupRequest, EptLookupResponse, EptMapRequest, EptMapResponse, Floor, FloorProtocol,
};
use rpc::epm::{LookupHandle, Tower};
use rpc::mgmt;
use rpc::{SyntaxId, epm::EptEntry};
use wire::{Decode, Endian, Guid, Reader};

use super::operation::Operation;
use crate::call::{RpcCall, RpcOutcome, Stub};

const EPM: &[&str] = &[
    "epm.ept_insert",
    "epm.ept_delete",
    "epm.ept_lookup",
    "epm.ept_map",
    "epm.ept_lookup_handle_free",
    "epm.ept_inq_object",
    "epm.ept_mgmt_delete",
];
const MGMT: &[&str] = &[
    "mgmt.inq_if_ids",
    "mgmt.inq_stats",
    "mgmt.is_server_listening",
    "mgmt.stop_server_listening",
    "mgmt.inq_princ_name",
];

/// The names of the interface `uuid` and of its operation `opnum`; `None` for another interface.
pub(super) fn named(uuid: Guid, opnum: u16) -> Option<(&'static str, String)> {
    let (name, operations) = if uuid == epm::INTERFACE.uuid {
        ("epm", EPM)
    } else if uuid == mgmt::INTERFACE.uuid {
        ("mgmt", MGMT)
    } else {
        return None;
    };
    let operation = operations.get(usize::from(opnum));
    Some((name, operation.map_or_else(|| format!("{name}.{opnum}"), |operation| (*operation).to_owned())))
}

/// Decodes the stubs of a call of the endpoint mapper.
pub(super) fn mapped(operation: &mut Operation, call: &RpcCall) {
    let response = match &call.outcome {
        RpcOutcome::Response(stub) => Some(stub),
        RpcOutcome::Fault(_) | RpcOutcome::None => None,
    };
    let problems = &mut operation.problems;
    match call.opnum {
        epm::OPNUM_EPT_MAP => {
            operation.request = taken(Some(&call.request), "request", problems, map_request);
            operation.response = taken(response, "response", problems, |response: &EptMapResponse| {
                operation.return_value = Some(ErrorCode(response.status));
                let towers = response.towers.iter().map(|tower| tower.as_ref().map_or(Node::Nothing, shown));
                fields([
                    ("entry_handle", handle(&response.entry_handle)),
                    ("towers", Node::List(towers.collect())),
                    ("status", status(response.status)),
                ])
            });
        }
        epm::OPNUM_EPT_LOOKUP => {
            operation.request = taken(Some(&call.request), "request", problems, lookup_request);
            operation.response = taken(response, "response", problems, |response: &EptLookupResponse| {
                operation.return_value = Some(ErrorCode(response.status));
                fields([
                    ("entry_handle", handle(&response.entry_handle)),
                    ("entries", Node::List(response.entries.iter().map(entry).collect())),
                    ("status", status(response.status)),
                ])
            });
        }
        _ => {}
    }
}

/// Decodes a stub and converts it by `show`. Nothing if there is no stub, or it is encrypted or malformed.
fn taken<T: for<'a> Decode<'a>>(
    stub: Option<&Stub>,
    what: &str,
    problems: &mut Vec<String>,
    show: impl FnOnce(&T) -> Node,
) -> Node {
    let Some(Stub::Plain(bytes, endian)) = stub else { return Node::Nothing };
    match decoded(bytes, *endian) {
        Ok(body) => show(&body),
        Err(error) => {
            problems.push(format!("{what}: {error}"));
            Node::Nothing
        }
    }
}

fn decoded<T: for<'a> Decode<'a>>(bytes: &[u8], endian: Endian) -> wire::Result<T> {
    T::decode(&mut Reader::with_endian(bytes, endian))
}

fn fields<const N: usize>(fields: [(&'static str, Node); N]) -> Node {
    let there = fields.into_iter().filter(|(_, shown)| *shown != Node::Nothing);
    Node::Fields(there.map(|(name, shown)| (Cow::Borrowed(name), shown)).collect())
}

fn map_request(request: &EptMapRequest) -> Node {
    fields([
        ("object", object(request.object)),
        ("map_tower", request.map_tower.as_ref().map_or(Node::Nothing, shown)),
        ("entry_handle", handle(&request.entry_handle)),
        ("max_towers", request.max_towers.to_node()),
    ])
}

fn lookup_request(request: &EptLookupRequest) -> Node {
    let by_name = |number: u32, name: String| Node::Named(u64::from(number), name.into());
    fields([
        ("inquiry_type", by_name(request.inquiry_type.0, format!("{:?}", request.inquiry_type))),
        ("object", object(request.object)),
        ("interface_id", request.interface.map_or(Node::Nothing, |syntax| Node::Text(interface(&syntax)))),
        ("vers_option", by_name(request.vers_option.0, format!("{:?}", request.vers_option))),
        ("entry_handle", handle(&request.entry_handle)),
        ("max_ents", request.max_ents.to_node()),
    ])
}

fn entry(entry: &EptEntry) -> Node {
    fields([
        ("object", object(Some(entry.object))),
        ("tower", entry.tower.as_ref().map_or(Node::Nothing, shown)),
        ("annotation", text(&entry.annotation)),
    ])
}

/// The UUID of an object, unless it is null.
fn object(object: Option<Guid>) -> Node {
    object.filter(|object| !object.is_nil()).map_or(Node::Nothing, |object| object.to_node())
}

fn handle(handle: &LookupHandle) -> Node {
    if handle.is_nil() { Node::Nothing } else { handle.uuid.to_node() }
}

fn status(status: u32) -> Node {
    let name = match status {
        0 => "SUCCESS".to_owned(),
        epm::EPT_S_NOT_REGISTERED => "ept_s_not_registered".to_owned(),
        epm::EPT_S_INVALID_CONTEXT => "ept_s_invalid_context".to_owned(),
        other => format!("{other:#x}"),
    };
    Node::Named(u64::from(status), name.into())
}

fn text(bytes: &[u8]) -> Node {
    if bytes.is_empty() { Node::Nothing } else { Node::Text(String::from_utf8_lossy(bytes).into_owned()) }
}

/// The name of an interface, or its UUID if the name is not known, with its version.
fn interface(syntax: &SyntaxId) -> String {
    let SyntaxId { uuid, major, minor, .. } = syntax;
    let known = Interface::by_uuid(*uuid).map(Interface::name).or_else(|| Some(named(*uuid, 0)?.0));
    known.map_or_else(|| format!("{uuid} {major}.{minor}"), |name| format!("{name} {major}.{minor}"))
}

/// The contents of a tower, by its floors (C706 appendix I, L).
fn shown(tower: &Tower) -> Node {
    let syntax = |syntax: Option<SyntaxId>| {
        syntax.map_or(Node::Nothing, |syntax| {
            let name = if syntax == SyntaxId::NDR { "NDR 2.0".to_owned() } else { interface(&syntax) };
            Node::Text(name)
        })
    };
    let mut all = vec![
        ("interface", syntax(tower.interface())),
        ("transfer_syntax", syntax(tower.transfer_syntax())),
        ("protocol", Node::Text(protocol_sequence(tower))),
    ];
    // The first two floors are interface and syntax, the third is the protocol of RPC.
    all.extend(tower.floors.iter().skip(3).filter_map(floor));
    let there = all.into_iter().filter(|(_, shown)| *shown != Node::Nothing);
    Node::Fields(there.map(|(name, shown)| (Cow::Borrowed(name), shown)).collect())
}

/// The name of the protocol sequence ([MS-RPCE] 2.1), if the tower has a usual one.
fn protocol_sequence(tower: &Tower) -> String {
    let protocol = |place: usize| tower.floors.get(place).and_then(Floor::protocol);
    match (protocol(2), protocol(3)) {
        (Some(FloorProtocol::NCACN), Some(FloorProtocol::TCP)) => "ncacn_ip_tcp".to_owned(),
        (Some(FloorProtocol::NCACN), Some(FloorProtocol::HTTP)) => "ncacn_http".to_owned(),
        (Some(FloorProtocol::NCACN), Some(FloorProtocol::NAMED_PIPE | FloorProtocol::SMB)) => {
            "ncacn_np".to_owned()
        }
        (Some(FloorProtocol::NCADG), Some(FloorProtocol::UDP)) => "ncadg_ip_udp".to_owned(),
        (Some(FloorProtocol::NCALRPC), _) => "ncalrpc".to_owned(),
        (rpc, transport) => format!("{rpc:?}, {transport:?}"),
    }
}

fn floor(floor: &Floor) -> Option<(&'static str, Node)> {
    if let Some(port) = floor.port() {
        return Some(("port", port.to_node()));
    }
    if let Some(address) = floor.address() {
        return Some(("address", Node::Text(address.to_string())));
    }
    let zero = floor.rhs.iter().position(|byte| *byte == 0).unwrap_or(floor.rhs.len());
    let name = floor.rhs.get(..zero).unwrap_or_default();
    match floor.protocol()? {
        FloorProtocol::UDP => {
            let port = floor.rhs.as_slice().try_into().ok().map(u16::from_be_bytes)?;
            Some(("port", port.to_node()))
        }
        FloorProtocol::NAMED_PIPE | FloorProtocol::SMB => Some(("endpoint", text(name))),
        FloorProtocol::NETBIOS => Some(("host", text(name))),
        _ => None,
    }
}
