//! Oracle: auxiliary buffers.

use mapi::aux_block::{AuxBody, AuxBuffer};
use mapi::compress::{ExtendedBuffer, ExtendedFlags, encode_chain};

use super::stubs::same_bytes;
use crate::input::Input;

/// Auxiliary buffers.
///
/// The first byte selects what the rest is: 0 blocks, 1 blocks with their extended header, 2 types, versions and
/// bodies, from which blocks with valid sizes are made. Decoded blocks are encoded to the same bytes, compressed
/// or not, and each text can be read.
///
/// # Panics
/// If one of these properties is violated.
pub fn aux_blocks(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 3 {
        0 => blocks(input.rest()),
        1 => packed(input.rest()),
        _ => blocks(&records(&mut input)),
    }
}

/// Makes blocks from records of type, version, length and body.
fn records(input: &mut Input<'_>) -> Vec<u8> {
    let mut blocks = Vec::new();
    while !input.is_empty() {
        let (aux_type, version, length) = (input.byte(), input.byte(), input.byte());
        let body = input.take(usize::from(length));
        let size = u16::try_from(body.len() + 4).unwrap_or(u16::MAX);
        blocks.extend(size.to_le_bytes());
        blocks.extend([version, aux_type]);
        blocks.extend(body);
    }
    blocks
}

fn blocks(bytes: &[u8]) {
    let Some(buffer) = same_bytes::<AuxBuffer>(bytes) else { return };
    assert!(buffer.trailing.len() < 4);
    for block in &buffer.blocks {
        assert!(buffer.find(block.aux_type).is_some());
        texts(&block.body);
    }
    if bytes.is_empty() || bytes.len() > usize::from(u16::MAX) {
        return;
    }
    for flags in [ExtendedFlags::NONE, ExtendedFlags::COMPRESSED, ExtendedFlags::XOR_MAGIC] {
        let packed = encode_chain(&[ExtendedBuffer::with_flags(flags, bytes.to_vec())]).expect("it fits");
        assert_eq!(AuxBuffer::unpack(&packed), Ok(Some(buffer.clone())));
    }
}

fn packed(bytes: &[u8]) {
    let Ok(Some(buffer)) = AuxBuffer::unpack(bytes) else { return };
    buffer.blocks.iter().for_each(|block| texts(&block.body));
}

/// Reads everything to which an offset points.
fn texts(body: &AuxBody) {
    match body {
        AuxBody::PerfClientInfo(info) => {
            let _ = (info.machine_name(), info.user_name(), info.adapter_name());
            for (bytes, size) in [
                (info.client_ip(), info.client_ip_size),
                (info.client_ip_mask(), info.client_ip_mask_size),
                (info.mac_address(), info.mac_address_size),
            ] {
                assert!(bytes.is_none_or(|bytes| bytes.len() == usize::from(size)));
            }
        }
        AuxBody::PerfServerInfo(info) => drop((info.server_dn(), info.server_name())),
        AuxBody::PerfProcessInfo(info) => drop(info.process_name()),
        AuxBody::ClientConnectionInfo(info) => drop(info.context_info()),
        AuxBody::ServerSessionInfo(info) => drop(info.context_info()),
        AuxBody::ProtocolDeviceIdentification(device) => {
            drop((device.manufacturer(), device.model(), device.serial_number()));
            drop((device.version(), device.firmware_version()));
        }
        _ => {}
    }
}
