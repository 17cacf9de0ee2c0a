//! The endpoint map, and the responses to lookups.

use std::collections::VecDeque;
use std::sync::Arc;

use wire::{Decode, Encode, Endian, Guid, Reader};

use super::interface::{
    EPT_S_INVALID_CONTEXT, EPT_S_NOT_REGISTERED, OPNUM_EPT_LOOKUP, OPNUM_EPT_LOOKUP_HANDLE_FREE,
    OPNUM_EPT_MAP,
};
use super::stubs::{
    EptEntry, EptLookupHandleFreeResponse, EptLookupRequest, EptLookupResponse, EptMapRequest,
    EptMapResponse, InquiryType, LookupHandle, VersionOption,
};
use super::tower::Tower;
use crate::pdu::{FaultStatus, SyntaxId};

/// The most incomplete lookups of one client. The oldest is dropped for another.
const MAX_LOOKUPS: usize = 16;

/// The most towers or entries in one response.
const MAX_RESULTS: usize = 256;

/// The registered endpoints.
#[derive(Debug, Clone, Default)]
pub struct EndpointMap {
    entries: Vec<EptEntry>,
}

impl EndpointMap {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers the endpoint `tower` of an interface. `annotation` is a text for people, cut off after 63
    /// bytes.
    pub fn register(&mut self, tower: Tower, annotation: &str) {
        let annotation = annotation.bytes().take(63).collect();
        self.entries.push(EptEntry { object: Guid::NIL, tower: Some(tower), annotation });
    }

    /// The registered endpoints.
    pub fn entries(&self) -> &[EptEntry] {
        &self.entries
    }

    /// The registered towers that match the requested one.
    pub fn towers<'a>(&'a self, asked: &'a Tower) -> impl Iterator<Item = &'a Tower> {
        self.entries.iter().filter_map(|entry| entry.tower.as_ref()).filter(move |tower| tower.serves(asked))
    }

    fn find(&self, request: &EptLookupRequest) -> Vec<EptEntry> {
        self.entries.iter().filter(|entry| matches(entry, request)).cloned().collect()
    }
}

fn matches(entry: &EptEntry, request: &EptLookupRequest) -> bool {
    let interface = entry.tower.as_ref().and_then(Tower::interface);
    let by_interface = || {
        let asked = interface.zip(request.interface);
        asked.is_some_and(|(registered, asked)| version_matches(&registered, &asked, request.vers_option))
    };
    let by_object = || entry.object == request.object.unwrap_or(Guid::NIL);
    match request.inquiry_type {
        InquiryType::ALL_ELTS => true,
        InquiryType::MATCH_BY_IF => by_interface(),
        InquiryType::MATCH_BY_OBJ => by_object(),
        InquiryType::MATCH_BY_BOTH => by_interface() && by_object(),
        _ => false,
    }
}

fn version_matches(registered: &SyntaxId, asked: &SyntaxId, option: VersionOption) -> bool {
    let version = match option {
        VersionOption::ALL => true,
        VersionOption::EXACT => (registered.major, registered.minor) == (asked.major, asked.minor),
        VersionOption::MAJOR_ONLY => registered.major == asked.major,
        VersionOption::UPTO => (registered.major, registered.minor) <= (asked.major, asked.minor),
        _ => registered.major == asked.major && registered.minor >= asked.minor,
    };
    registered.uuid == asked.uuid && version
}

/// The endpoint mapper for one client: the map, and the incomplete lookups of the client.
#[derive(Debug, Clone)]
pub struct EndpointMapper {
    map: Arc<EndpointMap>,
    lookups: VecDeque<(LookupHandle, Rest)>,
    last_handle: u64,
}

/// The results that a lookup has not returned yet.
#[derive(Debug, Clone)]
enum Rest {
    Towers(VecDeque<Tower>),
    Entries(VecDeque<EptEntry>),
}

impl EndpointMapper {
    /// An endpoint mapper over `map`, without lookups.
    pub fn new(map: Arc<EndpointMap>) -> Self {
        Self { map, lookups: VecDeque::new(), last_handle: 0 }
    }

    /// Executes the call of `opnum` with the request `stub`. Returns the stub of the response.
    ///
    /// # Errors
    /// The status of the fault to respond with: for an unknown operation, or a malformed stub.
    pub fn call(&mut self, opnum: u16, stub: &[u8], endian: Endian) -> Result<Vec<u8>, FaultStatus> {
        let mut r = Reader::with_endian(stub, endian);
        let bad = |_| FaultStatus::NCA_S_FAULT_NDR;
        let response = match opnum {
            OPNUM_EPT_LOOKUP => self.lookup(&EptLookupRequest::decode(&mut r).map_err(bad)?).to_bytes(),
            OPNUM_EPT_MAP => self.map(&EptMapRequest::decode(&mut r).map_err(bad)?).to_bytes(),
            OPNUM_EPT_LOOKUP_HANDLE_FREE => {
                let handle = LookupHandle::decode(&mut r).map_err(bad)?;
                self.take(&handle);
                EptLookupHandleFreeResponse::default().to_bytes()
            }
            _ => return Err(FaultStatus::NCA_S_OP_RNG_ERROR),
        };
        response.map_err(|_| FaultStatus::NCA_S_FAULT_UNSPEC)
    }

    /// Executes `ept_map`.
    pub fn map(&mut self, request: &EptMapRequest) -> EptMapResponse {
        let found = if request.entry_handle.is_nil() {
            let towers = request.map_tower.as_ref().map(|asked| self.map.towers(asked).cloned().collect());
            Ok(towers.unwrap_or_default())
        } else {
            match self.take(&request.entry_handle) {
                Some(Rest::Towers(rest)) => Ok(rest),
                _ => Err(EPT_S_INVALID_CONTEXT),
            }
        };
        let (towers, entry_handle, status) = self.page(found, request.max_towers, Rest::Towers);
        let towers = towers.into_iter().map(Some).collect();
        EptMapResponse { entry_handle, max_towers: request.max_towers, towers, status }
    }

    /// Executes `ept_lookup`.
    pub fn lookup(&mut self, request: &EptLookupRequest) -> EptLookupResponse {
        let found = if request.entry_handle.is_nil() {
            Ok(self.map.find(request).into())
        } else {
            match self.take(&request.entry_handle) {
                Some(Rest::Entries(rest)) => Ok(rest),
                _ => Err(EPT_S_INVALID_CONTEXT),
            }
        };
        let (entries, entry_handle, status) = self.page(found, request.max_ents, Rest::Entries);
        EptLookupResponse { entry_handle, max_ents: request.max_ents, entries, status }
    }

    /// The first `max` results. The others are kept under a handle.
    fn page<T>(
        &mut self,
        found: Result<VecDeque<T>, u32>,
        max: u32,
        keep: fn(VecDeque<T>) -> Rest,
    ) -> (Vec<T>, LookupHandle, u32) {
        let mut found = match found {
            Ok(found) if found.is_empty() => {
                return (Vec::new(), LookupHandle::default(), EPT_S_NOT_REGISTERED);
            }
            Ok(found) => found,
            Err(status) => return (Vec::new(), LookupHandle::default(), status),
        };
        let count = usize::try_from(max).unwrap_or(usize::MAX).min(MAX_RESULTS).min(found.len());
        let page = found.drain(..count).collect();
        let handle = if found.is_empty() { LookupHandle::default() } else { self.keep(keep(found)) };
        (page, handle, 0)
    }

    /// A new handle. Handles are valid on one association only, so that a counter is sufficient.
    fn keep(&mut self, rest: Rest) -> LookupHandle {
        if self.lookups.len() >= MAX_LOOKUPS {
            self.lookups.pop_front();
        }
        self.last_handle = self.last_handle.wrapping_add(1);
        let uuid = Guid::new(0x6d61_7065, 0x7072, 0x4001, self.last_handle.to_be_bytes());
        let handle = LookupHandle { attributes: 0, uuid };
        self.lookups.push_back((handle, rest));
        handle
    }

    fn take(&mut self, handle: &LookupHandle) -> Option<Rest> {
        let place = self.lookups.iter().position(|(known, _)| known.uuid == handle.uuid)?;
        self.lookups.remove(place).map(|(_, rest)| rest)
    }
}
