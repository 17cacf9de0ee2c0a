//! The endpoint mapper's stubs (C706 appendix O, [MS-RPCE] 2.2.1.2).

use wire::{Decode, Encode, Guid, Reader, Result, Writer};

use super::tower::Tower;
use crate::pdu::SyntaxId;

/// The most towers or entries that are read from one response.
const MAX_ENTRIES: u32 = 4096;

/// The most bytes of a tower that are read.
const MAX_TOWER: u32 = 8192;

/// The handle of a lookup of several calls (`ept_lookup_handle_t`). All zero in the first request and in the
/// last response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LookupHandle {
    /// Attributes; zero.
    pub attributes: u32,
    /// The UUID of the handle.
    pub uuid: Guid,
}

impl LookupHandle {
    /// Whether the handle is nil.
    pub fn is_nil(&self) -> bool {
        self.uuid.is_nil()
    }
}

impl Encode for LookupHandle {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.align(4).u32(self.attributes);
        self.uuid.encode(w)
    }
}

impl<'a> Decode<'a> for LookupHandle {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        r.align(4, "entry_handle")?;
        Ok(Self { attributes: r.u32("context_handle_attributes")?, uuid: Guid::decode(r)? })
    }
}

/// Numbers pointers: each non-null pointer has its own referent id.
fn pointer(w: &mut Writer, number: u32, present: bool) {
    w.align(4).u32(if present { number } else { 0 });
}

fn read_pointer(r: &mut Reader<'_>, field: &'static str) -> Result<bool> {
    r.align(4, field)?;
    Ok(r.u32(field)? != 0)
}

/// A `twr_t`: its length as a conformance, its length again, and its octets.
fn write_tower(w: &mut Writer, tower: &Tower) -> Result<()> {
    let octets = tower.to_bytes()?;
    w.align(4).len32(octets.len(), "tower_length")?.len32(octets.len(), "tower_length")?.bytes(&octets);
    Ok(())
}

fn read_tower(r: &mut Reader<'_>) -> Result<Tower> {
    r.align(4, "twr_t")?;
    let max_count = r.u32("max_count")?;
    let length = r.u32("tower_length")?;
    if length != max_count {
        return Err(r.invalid("tower_length", u64::from(length), "the array's size"));
    }
    let length = r.count(length, 1, MAX_TOWER, "tower_length")?;
    Tower::decode(&mut r.sub(length, "tower_octet_string")?)
}

/// The counts of a varying array, whose offset must be zero. Returns the number of elements.
fn read_counts(r: &mut Reader<'_>, expected: u32, item_size: usize) -> Result<usize> {
    let max_count = r.u32("max_count")?;
    let offset = r.u32("offset")?;
    let actual = r.u32("actual_count")?;
    if offset != 0 {
        return Err(r.invalid("offset", u64::from(offset), "zero"));
    }
    if actual != expected || actual > max_count {
        return Err(r.invalid("actual_count", u64::from(actual), "the number of elements"));
    }
    r.count(actual, item_size, MAX_ENTRIES, "actual_count")
}

/// The request of `ept_map`, opnum 3: queries the endpoints of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EptMapRequest {
    /// The object to call.
    pub object: Option<Guid>,
    /// The interface and the protocols, with any address.
    pub map_tower: Option<Tower>,
    /// The handle of the lookup.
    pub entry_handle: LookupHandle,
    /// The most towers that the client accepts.
    pub max_towers: u32,
}

impl Encode for EptMapRequest {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        pointer(w, 1, self.object.is_some());
        if let Some(object) = &self.object {
            object.encode(w)?;
        }
        pointer(w, 2, self.map_tower.is_some());
        if let Some(tower) = &self.map_tower {
            write_tower(w, tower)?;
        }
        self.entry_handle.encode(w)?;
        w.u32(self.max_towers);
        Ok(())
    }
}

impl<'a> Decode<'a> for EptMapRequest {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let object = read_pointer(r, "object")?.then(|| Guid::decode(r)).transpose()?;
        let map_tower = read_pointer(r, "map_tower")?.then(|| read_tower(r)).transpose()?;
        let entry_handle = LookupHandle::decode(r)?;
        Ok(Self { object, map_tower, entry_handle, max_towers: r.u32("max_towers")? })
    }
}

/// The response of `ept_map`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EptMapResponse {
    /// The handle of the lookup; nil at its end.
    pub entry_handle: LookupHandle,
    /// The most towers: the request's `max_towers`.
    pub max_towers: u32,
    /// The towers; `None` for a null pointer.
    pub towers: Vec<Option<Tower>>,
    /// Zero, or an error.
    pub status: u32,
}

impl Encode for EptMapResponse {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.entry_handle.encode(w)?;
        w.len32(self.towers.len(), "num_towers")?;
        w.u32(self.max_towers).u32(0).len32(self.towers.len(), "actual_count")?;
        for (number, tower) in (3..).zip(&self.towers) {
            pointer(w, number, tower.is_some());
        }
        self.towers.iter().flatten().try_for_each(|tower| write_tower(w, tower))?;
        w.align(4).u32(self.status);
        Ok(())
    }
}

impl<'a> Decode<'a> for EptMapResponse {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let entry_handle = LookupHandle::decode(r)?;
        let num_towers = r.u32("num_towers")?;
        let max_towers = Reader::clone(r).u32("max_count")?;
        let count = read_counts(r, num_towers, 4)?;
        let present = (0..count).map(|_| read_pointer(r, "tower")).collect::<Result<Vec<_>>>()?;
        let towers = present.into_iter().map(|there| there.then(|| read_tower(r)).transpose());
        let towers = towers.collect::<Result<_>>()?;
        r.align(4, "status")?;
        Ok(Self { entry_handle, max_towers, towers, status: r.u32("status")? })
    }
}

wire::wire_enum! {
    /// The kind of a lookup (C706 appendix O `rpc_c_ep_*`).
    pub struct InquiryType(u32) {
        /// Everything.
        ALL_ELTS = 0,
        /// An interface.
        MATCH_BY_IF = 1,
        /// An object.
        MATCH_BY_OBJ = 2,
        /// Both.
        MATCH_BY_BOTH = 3,
    }
}

wire::wire_enum! {
    /// Which versions of an interface match (C706 appendix O `rpc_c_vers_*`).
    pub struct VersionOption(u32) {
        /// Any.
        ALL = 1,
        /// The same major version, and the same or a newer minor version.
        COMPATIBLE = 2,
        /// The same.
        EXACT = 3,
        /// The same major version.
        MAJOR_ONLY = 4,
        /// The same or an older version.
        UPTO = 5,
    }
}

/// The request of `ept_lookup`, opnum 2: lists endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EptLookupRequest {
    /// The kind of the lookup.
    pub inquiry_type: InquiryType,
    /// The object.
    pub object: Option<Guid>,
    /// The interface.
    pub interface: Option<SyntaxId>,
    /// Which versions of the interface match.
    pub vers_option: VersionOption,
    /// The handle of the lookup.
    pub entry_handle: LookupHandle,
    /// The most entries that the client accepts.
    pub max_ents: u32,
}

impl Encode for EptLookupRequest {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.inquiry_type.0);
        pointer(w, 1, self.object.is_some());
        if let Some(object) = &self.object {
            object.encode(w)?;
        }
        pointer(w, 2, self.interface.is_some());
        if let Some(interface) = &self.interface {
            interface.encode(w)?;
        }
        w.u32(self.vers_option.0);
        self.entry_handle.encode(w)?;
        w.u32(self.max_ents);
        Ok(())
    }
}

/// An `rpc_if_id_t`: unlike a `p_syntax_id_t`, its version is two numbers in any byte order.
pub(crate) fn read_if_id(r: &mut Reader<'_>) -> Result<SyntaxId> {
    let uuid = Guid::decode(r)?;
    Ok(SyntaxId::new(uuid, r.u16("vers_major")?, r.u16("vers_minor")?))
}

impl<'a> Decode<'a> for EptLookupRequest {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let inquiry_type = InquiryType(r.u32("inquiry_type")?);
        let object = read_pointer(r, "object")?.then(|| Guid::decode(r)).transpose()?;
        let interface = read_pointer(r, "interface_id")?.then(|| read_if_id(r)).transpose()?;
        let vers_option = VersionOption(r.u32("vers_option")?);
        let entry_handle = LookupHandle::decode(r)?;
        let max_ents = r.u32("max_ents")?;
        Ok(Self { inquiry_type, object, interface, vers_option, entry_handle, max_ents })
    }
}

/// One registered endpoint (`ept_entry_t`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EptEntry {
    /// The object; nil for any.
    pub object: Guid,
    /// The endpoint.
    pub tower: Option<Tower>,
    /// A text for people, at most 63 bytes, without the terminating zero byte.
    pub annotation: Vec<u8>,
}

/// The response of `ept_lookup`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EptLookupResponse {
    /// The handle of the lookup; nil at its end.
    pub entry_handle: LookupHandle,
    /// The most entries: the request's `max_ents`.
    pub max_ents: u32,
    /// The entries.
    pub entries: Vec<EptEntry>,
    /// Zero, or an error.
    pub status: u32,
}

/// The length of an annotation with the terminating zero byte.
const ANNOTATION_SIZE: u32 = 64;

impl Encode for EptLookupResponse {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.entry_handle.encode(w)?;
        w.len32(self.entries.len(), "num_ents")?;
        w.u32(self.max_ents).u32(0).len32(self.entries.len(), "actual_count")?;
        for (number, entry) in (3..).zip(&self.entries) {
            w.align(4);
            entry.object.encode(w)?;
            pointer(w, number, entry.tower.is_some());
            let length = entry.annotation.len().saturating_add(1);
            if length > 64 {
                let found = u64::try_from(length).unwrap_or(u64::MAX);
                return Err(w.invalid("annotation", found, "at most 64 bytes with its end"));
            }
            w.u32(0).len32(length, "annotation")?.bytes(&entry.annotation).u8(0);
        }
        let mut towers = self.entries.iter().filter_map(|entry| entry.tower.as_ref());
        towers.try_for_each(|tower| write_tower(w, tower))?;
        w.align(4).u32(self.status);
        Ok(())
    }
}

impl<'a> Decode<'a> for EptLookupResponse {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let entry_handle = LookupHandle::decode(r)?;
        let num_ents = r.u32("num_ents")?;
        let max_ents = Reader::clone(r).u32("max_count")?;
        let count = read_counts(r, num_ents, 28)?;
        let mut entries = Vec::with_capacity(count);
        let mut present = Vec::with_capacity(count);
        for _ in 0..count {
            r.align(4, "ept_entry_t")?;
            let object = Guid::decode(r)?;
            present.push(read_pointer(r, "tower")?);
            let offset = r.u32("annotation.offset")?;
            if offset != 0 {
                return Err(r.invalid("annotation.offset", u64::from(offset), "zero"));
            }
            let length = r.u32("annotation.actual_count")?;
            let length = r.count(length, 1, ANNOTATION_SIZE, "annotation")?;
            let text = r.bytes(length, "annotation")?;
            let annotation = text.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
            entries.push(EptEntry { object, tower: None, annotation });
        }
        for (entry, there) in entries.iter_mut().zip(present) {
            if there {
                entry.tower = Some(read_tower(r)?);
            }
        }
        r.align(4, "status")?;
        Ok(Self { entry_handle, max_ents, entries, status: r.u32("status")? })
    }
}

/// The response of `ept_lookup_handle_free`, opnum 4. The request is a [`LookupHandle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EptLookupHandleFreeResponse {
    /// Nil.
    pub entry_handle: LookupHandle,
    /// Zero, or an error.
    pub status: u32,
}

impl Encode for EptLookupHandleFreeResponse {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.entry_handle.encode(w)?;
        w.u32(self.status);
        Ok(())
    }
}

impl<'a> Decode<'a> for EptLookupHandleFreeResponse {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Self { entry_handle: LookupHandle::decode(r)?, status: r.u32("status")? })
    }
}
