//! The management interface that every server has (C706 appendix Q).

use wire::{Decode, Encode, Endian, Error, ErrorKind, Guid, Reader, Result, Writer};

use crate::epm::read_if_id;
use crate::pdu::{FaultStatus, SyntaxId};

/// The management interface, `mgmt` version 1.0.
pub const INTERFACE: SyntaxId = SyntaxId::new(
    Guid::new(0xafa8_bd80, 0x7d8a, 0x11c9, [0xbe, 0xf4, 0x08, 0x00, 0x2b, 0x10, 0x29, 0x89]),
    1,
    0,
);

/// The opnum of `rpc__mgmt_inq_if_ids`.
pub const OPNUM_INQ_IF_IDS: u16 = 0;
/// The opnum of `rpc__mgmt_inq_stats`.
pub const OPNUM_INQ_STATS: u16 = 1;
/// The opnum of `rpc__mgmt_is_server_listening`.
pub const OPNUM_IS_SERVER_LISTENING: u16 = 2;
/// The opnum of `rpc__mgmt_stop_server_listening`.
pub const OPNUM_STOP_SERVER_LISTENING: u16 = 3;
/// The opnum of `rpc__mgmt_inq_princ_name`.
pub const OPNUM_INQ_PRINC_NAME: u16 = 4;

/// The status of a call that is denied (`ERROR_ACCESS_DENIED`, [MS-ERREF] 2.2).
pub const ERROR_ACCESS_DENIED: u32 = 5;
/// The status of a call whose buffer is too small (`ERROR_INSUFFICIENT_BUFFER`, [MS-ERREF] 2.2).
pub const ERROR_INSUFFICIENT_BUFFER: u32 = 0x7a;
/// The status of a query for an unknown security package (`RPC_S_UNKNOWN_AUTHN_SERVICE`).
pub const RPC_S_UNKNOWN_AUTHN_SERVICE: u32 = 0x6d3;

/// The most interfaces or numbers that are read.
const MAX_ITEMS: u32 = 4096;

/// The data that a server returns by the management interface.
#[derive(Debug, Clone, Default)]
pub struct Management {
    /// The interfaces that are served.
    pub interfaces: Vec<SyntaxId>,
    /// The server's principal name by security package, as `AuthType` numbers them.
    pub principal_names: Vec<(u32, String)>,
    /// Calls received, calls made, packets received, packets sent.
    pub statistics: [u32; 4],
}

impl Management {
    /// Executes the call of `opnum` with the request `stub`. Returns the stub of the response. Stopping the
    /// server is denied by the status in the response.
    ///
    /// # Errors
    /// The status of the fault to respond with.
    pub fn call(&self, opnum: u16, stub: &[u8], endian: Endian) -> Result<Vec<u8>, FaultStatus> {
        let mut r = Reader::with_endian(stub, endian);
        let bad = |_| FaultStatus::NCA_S_FAULT_NDR;
        let response = match opnum {
            OPNUM_INQ_IF_IDS => {
                InqIfIdsResponse { interfaces: Some(self.interfaces.clone()), status: 0 }.to_bytes()
            }
            OPNUM_INQ_STATS => {
                let wanted = usize::try_from(r.u32("count").map_err(bad)?).unwrap_or(usize::MAX);
                let statistics = self.statistics.iter().copied().take(wanted).collect();
                InqStatsResponse { statistics, status: 0 }.to_bytes()
            }
            OPNUM_IS_SERVER_LISTENING => IsServerListeningResponse { status: 0, listening: 1 }.to_bytes(),
            OPNUM_STOP_SERVER_LISTENING => Ok(ERROR_ACCESS_DENIED.to_le_bytes().to_vec()),
            OPNUM_INQ_PRINC_NAME => {
                self.principal_name(InqPrincNameRequest::decode(&mut r).map_err(bad)?).to_bytes()
            }
            _ => return Err(FaultStatus::NCA_S_OP_RNG_ERROR),
        };
        response.map_err(|_| FaultStatus::NCA_S_FAULT_UNSPEC)
    }

    fn principal_name(&self, request: InqPrincNameRequest) -> InqPrincNameResponse {
        let size = request.princ_name_size;
        let known = self.principal_names.iter().find(|(package, _)| *package == request.authn_proto);
        let room = usize::try_from(size).unwrap_or(usize::MAX);
        let (princ_name, status) = match known {
            None => (Vec::new(), RPC_S_UNKNOWN_AUTHN_SERVICE),
            Some((_, name)) if name.len() >= room => (Vec::new(), ERROR_INSUFFICIENT_BUFFER),
            Some((_, name)) => (name.clone().into_bytes(), 0),
        };
        InqPrincNameResponse { princ_name_size: size, princ_name, status }
    }
}

/// The response of `inq_if_ids`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InqIfIdsResponse {
    /// The interfaces; `None` for a null pointer.
    pub interfaces: Option<Vec<SyntaxId>>,
    /// Zero, or an error.
    pub status: u32,
}

impl Encode for InqIfIdsResponse {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(u32::from(self.interfaces.is_some()));
        if let Some(interfaces) = &self.interfaces {
            w.len32(interfaces.len(), "count")?.len32(interfaces.len(), "count")?;
            for (referent, _) in (2..).zip(interfaces) {
                w.u32(referent);
            }
            interfaces.iter().try_for_each(|interface| interface.encode(w))?;
        }
        w.u32(self.status);
        Ok(())
    }
}

impl<'a> Decode<'a> for InqIfIdsResponse {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let interfaces = if r.u32("if_id_vector")? == 0 { None } else { Some(read_vector(r)?) };
        Ok(Self { interfaces, status: r.u32("status")? })
    }
}

fn read_vector(r: &mut Reader<'_>) -> Result<Vec<SyntaxId>> {
    let max_count = r.u32("max_count")?;
    let count = r.u32("count")?;
    if count != max_count {
        return Err(r.invalid("count", u64::from(count), "the array's size"));
    }
    let count = r.count(count, 4, MAX_ITEMS, "count")?;
    let mut present = 0_usize;
    for _ in 0..count {
        present = present.saturating_add(usize::from(r.u32("if_id")? != 0));
    }
    (0..present).map(|_| read_if_id(r)).collect()
}

/// The response of `inq_stats`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InqStatsResponse {
    /// The numbers.
    pub statistics: Vec<u32>,
    /// Zero, or an error.
    pub status: u32,
}

impl Encode for InqStatsResponse {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.len32(self.statistics.len(), "count")?.len32(self.statistics.len(), "max_count")?;
        for number in &self.statistics {
            w.u32(*number);
        }
        w.u32(self.status);
        Ok(())
    }
}

impl<'a> Decode<'a> for InqStatsResponse {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        r.u32("count")?;
        let count = r.u32("max_count")?;
        let count = r.count(count, 4, MAX_ITEMS, "max_count")?;
        let statistics = (0..count).map(|_| r.u32("statistics")).collect::<Result<_>>()?;
        Ok(Self { statistics, status: r.u32("status")? })
    }
}

/// The response of `is_server_listening`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IsServerListeningResponse {
    /// Zero, or an error.
    pub status: u32,
    /// Not zero if the server listens.
    pub listening: u32,
}

impl Encode for IsServerListeningResponse {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.status).u32(self.listening);
        Ok(())
    }
}

impl<'a> Decode<'a> for IsServerListeningResponse {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Self { status: r.u32("status")?, listening: r.u32("listening")? })
    }
}

/// The request of `inq_princ_name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InqPrincNameRequest {
    /// The security package.
    pub authn_proto: u32,
    /// The most bytes of the name, including the terminating zero byte.
    pub princ_name_size: u32,
}

impl Encode for InqPrincNameRequest {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.authn_proto).u32(self.princ_name_size);
        Ok(())
    }
}

impl<'a> Decode<'a> for InqPrincNameRequest {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Self { authn_proto: r.u32("authn_proto")?, princ_name_size: r.u32("princ_name_size")? })
    }
}

/// The response of `inq_princ_name`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InqPrincNameResponse {
    /// The most bytes of the name: the request's `princ_name_size`.
    pub princ_name_size: u32,
    /// The name, without the terminating zero byte.
    pub princ_name: Vec<u8>,
    /// Zero, or an error.
    pub status: u32,
}

impl Encode for InqPrincNameResponse {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        let length = self.princ_name.len().saturating_add(1);
        w.u32(self.princ_name_size).u32(0).len32(length, "princ_name")?;
        w.bytes(&self.princ_name).u8(0).align(4).u32(self.status);
        Ok(())
    }
}

impl<'a> Decode<'a> for InqPrincNameResponse {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let princ_name_size = r.u32("max_count")?;
        let offset = r.u32("offset")?;
        let length = r.u32("actual_count")?;
        let length = r.count(length, 1, MAX_ITEMS, "actual_count")?;
        let text = r.bytes(length, "princ_name")?;
        let terminated = text.strip_suffix(&[0]).filter(|_| offset == 0);
        let kind = ErrorKind::Text { expected: "a string that ends with a zero byte" };
        let princ_name = terminated.ok_or_else(|| Error::new(kind, "princ_name", r.offset()))?.to_vec();
        r.align(4, "status")?;
        Ok(Self { princ_name_size, princ_name, status: r.u32("status")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn management() -> Management {
        Management {
            interfaces: vec![crate::epm::INTERFACE, INTERFACE],
            principal_names: vec![(10, "LAB\\proxy$".into())],
            statistics: [1, 2, 3, 4],
        }
    }

    #[test]
    fn names_its_interfaces() {
        let stub = management().call(OPNUM_INQ_IF_IDS, &[], Endian::Little).unwrap();
        assert_eq!(stub[..20], [1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
        let response = InqIfIdsResponse::from_bytes(&stub).unwrap();
        assert_eq!(response.interfaces, Some(management().interfaces));
    }

    #[test]
    fn listens_counts_and_does_not_stop() {
        let management = management();
        let stub = management.call(OPNUM_IS_SERVER_LISTENING, &[], Endian::Little).unwrap();
        assert_eq!(stub, [0, 0, 0, 0, 1, 0, 0, 0]);
        let stub = management.call(OPNUM_INQ_STATS, &[0, 0, 0, 2], Endian::Big).unwrap();
        assert_eq!(InqStatsResponse::from_bytes(&stub).unwrap().statistics, [1, 2]);
        // A response, as the operation has a status of its own.
        let denied = management.call(OPNUM_STOP_SERVER_LISTENING, &[], Endian::Little);
        assert_eq!(denied, Ok(vec![5, 0, 0, 0]));
        assert_eq!(management.call(5, &[], Endian::Little), Err(FaultStatus::NCA_S_OP_RNG_ERROR));
        assert_eq!(management.call(4, &[1], Endian::Little), Err(FaultStatus::NCA_S_FAULT_NDR));
    }

    #[test]
    fn the_principal_name_is_returned_if_it_fits() {
        let ask = |authn_proto, princ_name_size| {
            let request = InqPrincNameRequest { authn_proto, princ_name_size }.to_bytes().unwrap();
            let stub = management().call(OPNUM_INQ_PRINC_NAME, &request, Endian::Little).unwrap();
            let answer = InqPrincNameResponse::from_bytes(&stub).unwrap();
            assert_eq!(answer.to_bytes().unwrap(), stub);
            (answer.princ_name, answer.status)
        };
        assert_eq!(ask(10, 11), (b"LAB\\proxy$".to_vec(), 0));
        assert_eq!(ask(10, 10), (vec![], ERROR_INSUFFICIENT_BUFFER));
        assert_eq!(ask(16, 64), (vec![], RPC_S_UNKNOWN_AUTHN_SERVICE));
    }
}
