//! Texts in the variable part of auxiliary blocks, and constructors of blocks with such texts.

use wire::{Guid, Utf16};

use super::blocks::{
    ClientConnectionInfo, PerfClientInfo, PerfProcessInfo, PerfServerInfo, ProtocolDeviceIdentification,
    ServerSessionInfo,
};
use super::fields::{Region, bytes_at, text_at};
use super::flags::{ClientMode, ServerType};
use super::header::HEADER_SIZE;

// The offset at which the variable part of each block begins, in bytes from the start of its header.
const CLIENT_INFO: usize = HEADER_SIZE + 28;
const SERVER_INFO: usize = HEADER_SIZE + 8;
const PROCESS_INFO: usize = HEADER_SIZE + 24;
const CONNECTION_INFO: usize = HEADER_SIZE + 28;
const SESSION_INFO: usize = HEADER_SIZE + 2;
const DEVICE: usize = HEADER_SIZE + 10;

macro_rules! texts {
    ($name:ident, $start:ident: $($(#[$doc:meta])* $accessor:ident at $offset:ident;)*) => {
        impl $name {
            $(
                $(#[$doc])*
                ///
                /// Returns `None` if the block has no such text, or if the offset is outside of the block.
                pub fn $accessor(&self) -> Option<Utf16> {
                    text_at(&self.region, $start, self.$offset)
                }
            )*
        }
    };
}

texts! { PerfClientInfo, CLIENT_INFO:
    /// Returns the name of the client's computer.
    machine_name at machine_name_offset;
    /// Returns the name of the client's user.
    user_name at user_name_offset;
    /// Returns the name of the client's network adapter.
    adapter_name at adapter_name_offset;
}

texts! { PerfServerInfo, SERVER_INFO:
    /// Returns the server's distinguished name.
    server_dn at server_dn_offset;
    /// Returns the server's name.
    server_name at server_name_offset;
}

texts! { PerfProcessInfo, PROCESS_INFO:
    /// Returns the name of the client's program.
    process_name at process_name_offset;
}

texts! { ClientConnectionInfo, CONNECTION_INFO:
    /// Returns the text that the client supplies for the server's log.
    context_info at offset_connection_context_info;
}

texts! { ServerSessionInfo, SESSION_INFO:
    /// Returns the text that the server supplies for the client's log.
    context_info at offset_server_session_context_info;
}

texts! { ProtocolDeviceIdentification, DEVICE:
    /// Returns the manufacturer of the device.
    manufacturer at device_manufacturer_offset;
    /// Returns the model of the device.
    model at device_model_offset;
    /// Returns the serial number of the device.
    serial_number at device_serial_number_offset;
    /// Returns the version of the device.
    version at device_version_offset;
    /// Returns the firmware version of the device.
    firmware_version at device_firmware_version_offset;
}

impl PerfClientInfo {
    /// Describes a client on the computer `machine_name` with the user `user_name`, without network information.
    pub fn new(client_id: u16, machine_name: Option<&str>, user_name: Option<&str>) -> Self {
        let mut region = Region::new(CLIENT_INFO);
        Self {
            adapter_speed: 0,
            client_id,
            machine_name_offset: region.text(machine_name),
            user_name_offset: region.text(user_name),
            client_ip_size: 0,
            client_ip_offset: 0,
            client_ip_mask_size: 0,
            client_ip_mask_offset: 0,
            adapter_name_offset: 0,
            mac_address_size: 0,
            mac_address_offset: 0,
            client_mode: ClientMode::CLIENTMODE_UNKNOWN,
            reserved: 0,
            region: region.into_rest(),
        }
    }

    /// Returns the client's IP address: 4 bytes for IPv4, 16 for IPv6.
    pub fn client_ip(&self) -> Option<&[u8]> {
        bytes_at(&self.region, CLIENT_INFO, self.client_ip_offset, self.client_ip_size)
    }

    /// Returns the client's subnet mask.
    pub fn client_ip_mask(&self) -> Option<&[u8]> {
        bytes_at(&self.region, CLIENT_INFO, self.client_ip_mask_offset, self.client_ip_mask_size)
    }

    /// Returns the hardware address of the client's network adapter.
    pub fn mac_address(&self) -> Option<&[u8]> {
        bytes_at(&self.region, CLIENT_INFO, self.mac_address_offset, self.mac_address_size)
    }
}

impl PerfServerInfo {
    /// Describes a server with these names.
    pub fn new(
        server_id: u16,
        server_type: ServerType,
        server_dn: Option<&str>,
        server_name: Option<&str>,
    ) -> Self {
        let mut region = Region::new(SERVER_INFO);
        Self {
            server_id,
            server_type,
            server_dn_offset: region.text(server_dn),
            server_name_offset: region.text(server_name),
            region: region.into_rest(),
        }
    }
}

impl PerfProcessInfo {
    /// Describes a process of the program `process_name`.
    pub fn new(process_id: u16, process_guid: Guid, process_name: Option<&str>) -> Self {
        let mut region = Region::new(PROCESS_INFO);
        Self {
            process_id,
            reserved_1: 0,
            process_guid,
            process_name_offset: region.text(process_name),
            reserved_2: 0,
            region: region.into_rest(),
        }
    }
}

impl ClientConnectionInfo {
    /// Describes a connection that succeeded after `connection_attempts` attempts.
    pub fn new(connection_guid: Guid, context_info: Option<&str>, connection_attempts: u32) -> Self {
        let mut region = Region::new(CONNECTION_INFO);
        Self {
            connection_guid,
            offset_connection_context_info: region.text(context_info),
            reserved: 0,
            connection_attempts,
            connection_flags: 0,
            region: region.into_rest(),
        }
    }
}

impl ServerSessionInfo {
    /// Creates a block with a text for the client's log.
    pub fn new(context_info: &str) -> Self {
        let mut region = Region::new(SESSION_INFO);
        Self {
            offset_server_session_context_info: region.text(Some(context_info)),
            region: region.into_rest(),
        }
    }
}

impl ProtocolDeviceIdentification {
    /// Describes a device between client and server, such as a proxy.
    pub fn new(manufacturer: &str, model: &str, version: &str) -> Self {
        let mut region = Region::new(DEVICE);
        Self {
            device_manufacturer_offset: region.text(Some(manufacturer)),
            device_model_offset: region.text(Some(model)),
            device_serial_number_offset: 0,
            device_version_offset: region.text(Some(version)),
            device_firmware_version_offset: 0,
            region: region.into_rest(),
        }
    }
}
