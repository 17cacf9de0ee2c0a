//! Protocol towers (C706 appendix L, [MS-RPCE] 2.2.1.2.4 and 2.1.1).

use std::net::Ipv4Addr;

use wire::{Decode, Encode, Guid, Reader, Result, Writer};

use crate::pdu::SyntaxId;

wire::wire_enum! {
    /// The protocol of a floor (C706 appendix I).
    pub struct FloorProtocol(u8) {
        /// TCP; the right-hand side is a port, most significant byte first.
        TCP = 0x07,
        /// UDP; the right-hand side is a port.
        UDP = 0x08,
        /// IP; the right-hand side is an address.
        IP = 0x09,
        /// Connectionless RPC.
        NCADG = 0x0a,
        /// Connection-oriented RPC; the right-hand side is a minor version.
        NCACN = 0x0b,
        /// Local RPC.
        NCALRPC = 0x0c,
        /// A UUID with its version.
        UUID = 0x0d,
        /// A named pipe.
        NAMED_PIPE = 0x0f,
        /// SMB.
        SMB = 0x10,
        /// NetBIOS.
        NETBIOS = 0x11,
        /// HTTP; the right-hand side is a port, most significant byte first.
        HTTP = 0x1f,
    }
}

/// One floor of a tower. Its bytes are kept unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Floor {
    /// The left-hand side: the protocol identifier and its data.
    pub lhs: Vec<u8>,
    /// The right-hand side: data of the protocol, for example an address or a version.
    pub rhs: Vec<u8>,
}

impl Floor {
    /// The floor for the interface or transfer syntax `syntax`.
    pub fn uuid(syntax: &SyntaxId) -> Self {
        let mut lhs = vec![FloorProtocol::UUID.0];
        lhs.extend_from_slice(&syntax.uuid.to_le());
        lhs.extend_from_slice(&syntax.major.to_le_bytes());
        Self { lhs, rhs: syntax.minor.to_le_bytes().to_vec() }
    }

    /// The floor for `protocol` with the right-hand side `rhs`.
    pub fn of(protocol: FloorProtocol, rhs: &[u8]) -> Self {
        Self { lhs: vec![protocol.0], rhs: rhs.to_vec() }
    }

    /// The protocol of the floor.
    pub fn protocol(&self) -> Option<FloorProtocol> {
        self.lhs.first().copied().map(FloorProtocol)
    }

    /// The interface or transfer syntax, if the floor names one.
    pub fn syntax(&self) -> Option<SyntaxId> {
        let mut r = Reader::new(self.lhs.strip_prefix(&[FloorProtocol::UUID.0])?);
        let uuid = Guid::from_le(r.array("uuid").ok()?);
        let major = r.u16("version").ok()?;
        let minor = Reader::new(&self.rhs).u16("minor version").unwrap_or(0);
        Some(SyntaxId::new(uuid, major, minor))
    }

    /// The port, if the floor is TCP or HTTP.
    pub fn port(&self) -> Option<u16> {
        match self.protocol()? {
            FloorProtocol::TCP | FloorProtocol::HTTP => {
                self.rhs.as_slice().try_into().ok().map(u16::from_be_bytes)
            }
            _ => None,
        }
    }

    /// The address, if the floor is IP.
    pub fn address(&self) -> Option<Ipv4Addr> {
        let octets: [u8; 4] = self.rhs.as_slice().try_into().ok()?;
        (self.protocol()? == FloorProtocol::IP).then(|| Ipv4Addr::from(octets))
    }
}

/// The endpoint of an interface, as floors from the interface down to the address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Tower {
    /// The floors.
    pub floors: Vec<Floor>,
}

/// The most floors that are read.
const MAX_FLOORS: u32 = 16;

impl Tower {
    /// `interface` in NDR over TCP at `address` and `port`.
    pub fn ncacn_ip_tcp(interface: &SyntaxId, address: Ipv4Addr, port: u16) -> Self {
        Self::over(interface, FloorProtocol::TCP, address, port)
    }

    /// `interface` in NDR over HTTP at `address` and `port`.
    pub fn ncacn_http(interface: &SyntaxId, address: Ipv4Addr, port: u16) -> Self {
        Self::over(interface, FloorProtocol::HTTP, address, port)
    }

    fn over(interface: &SyntaxId, transport: FloorProtocol, address: Ipv4Addr, port: u16) -> Self {
        let floors = vec![
            Floor::uuid(interface),
            Floor::uuid(&SyntaxId::NDR),
            Floor::of(FloorProtocol::NCACN, &[0, 0]),
            Floor::of(transport, &port.to_be_bytes()),
            Floor::of(FloorProtocol::IP, &address.octets()),
        ];
        Self { floors }
    }

    /// The interface.
    pub fn interface(&self) -> Option<SyntaxId> {
        self.floors.first()?.syntax()
    }

    /// The transfer syntax.
    pub fn transfer_syntax(&self) -> Option<SyntaxId> {
        self.floors.get(1)?.syntax()
    }

    /// The transport's protocol: for `ncacn_ip_tcp` that is TCP, for `ncacn_http` HTTP.
    pub fn transport(&self) -> Option<FloorProtocol> {
        self.floors.get(3)?.protocol()
    }

    /// The port, over TCP or HTTP.
    pub fn port(&self) -> Option<u16> {
        self.floors.get(3)?.port()
    }

    /// The address, over IP.
    pub fn address(&self) -> Option<Ipv4Addr> {
        self.floors.get(4)?.address()
    }

    /// Whether this tower of a served endpoint matches `asked`: a compatible interface, the same transfer
    /// syntax, and the same protocols. Addresses are ignored.
    pub fn serves(&self, asked: &Self) -> bool {
        let interface = self.interface().zip(asked.interface());
        let rest = |tower: &Self| -> Vec<Option<FloorProtocol>> {
            tower.floors.iter().skip(2).map(Floor::protocol).collect()
        };
        interface.is_some_and(|(own, asked)| own.serves(&asked))
            && self.transfer_syntax() == asked.transfer_syntax()
            && rest(self) == rest(asked)
    }
}

impl Encode for Tower {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.len16(self.floors.len(), "floor_count")?;
        for floor in &self.floors {
            w.len16(floor.lhs.len(), "lhs_length")?.bytes(&floor.lhs);
            w.len16(floor.rhs.len(), "rhs_length")?.bytes(&floor.rhs);
        }
        Ok(())
    }
}

impl<'a> Decode<'a> for Tower {
    /// Reads a tower. Towers are little-endian, also in big-endian stubs (C706 appendix L).
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let mut r_le = Reader::new(r.peek()).at_offset(r.offset());
        let count = r_le.u16("floor_count")?;
        let count = r_le.count(u32::from(count), 4, MAX_FLOORS, "floor_count")?;
        let mut floors = Vec::with_capacity(count);
        for _ in 0..count {
            let length = r_le.u16("lhs_length")?;
            let lhs = r_le.bytes(usize::from(length), "lhs")?.to_vec();
            let length = r_le.u16("rhs_length")?;
            let rhs = r_le.bytes(usize::from(length), "rhs")?.to_vec();
            floors.push(Floor { lhs, rhs });
        }
        r.bytes(r.remaining().saturating_sub(r_le.remaining()), "tower")?;
        Ok(Self { floors })
    }
}
