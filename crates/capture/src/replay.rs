//! Recorded calls made once more, and what is different about the answers.
//!
//! What a server makes up anew each time is mapped: context handles, server object handles, ids. Of such things, and
//! of times, it is not compared what they are.

use std::collections::HashMap;

use bytes::Bytes;
use engine::{Body as _, HandleUse, handle_use};
use mapi::Interface;
use mapi::compress::{self, ExtendedBuffer};
use mapi::emsmdb::{NO_OBJECT, Request, RopBuffer};
use mapi::show::Shown;
use wire::{Decode as _, Encode as _, Endian, Guid};

use crate::call::{Call, CallBody, RpcAnswer, RpcCall, Stub};
use crate::understand::{Operation, Rop, Understanding};

/// How many ids are mapped at most.
const MAX_IDS: usize = 65_536;

/// A call to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The interface.
    pub interface: Interface,
    /// The call's number there.
    pub opnum: u16,
    /// Its request, little-endian, with what belongs to the server that is asked now.
    pub stub: Vec<u8>,
}

/// Something that an answer has otherwise than the one that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where in the answer.
    pub place: String,
    /// What was recorded.
    pub recorded: String,
    /// What came now.
    pub came: String,
}

/// Makes recorded calls ready to be made once more, and compares the answers.
#[derive(Debug, Default)]
pub struct Replay {
    recorded: Understanding,
    came: Understanding,
    handles: HashMap<Guid, Guid>,
    /// Server object handles, with the session that they are of.
    objects: HashMap<(Guid, u32), u32>,
    /// Ids as they lie in a buffer.
    ids: HashMap<[u8; 8], [u8; 8]>,
}

impl Replay {
    /// The call to be made in place of `call`.
    ///
    /// # Errors
    /// Why it can't be made.
    pub fn prepare(&self, call: &Call) -> Result<Step, &'static str> {
        let CallBody::Rpc(rpc) = &call.body else { return Err("it is not a remote procedure call") };
        let interface = rpc.interface.and_then(|syntax| Interface::by_uuid(syntax.uuid));
        let interface = interface.ok_or("its interface is not one of Exchange's")?;
        if interface == Interface::AsyncEmsmdb {
            return Err("it waits for notifications");
        }
        let Stub::Plain(stub, endian) = &rpc.request else { return Err("it is sealed") };
        let key = (interface, rpc.opnum);
        let request = engine::Request::decode(key.into(), stub, *endian);
        let (request, _) = request.map_err(|_| "it can't be read")?;
        let session = session(interface, rpc);
        let mut stub = match (request, session) {
            (engine::Request::Emsmdb(request), Some(session)) => self.mapped(request, session).encode(),
            (request, _) => request.encode(),
        }
        .map_err(|_| "it can't be written")?;
        self.replace_ids(&mut stub);
        if let Some(session) = session {
            let now = self.handles.get(&session).ok_or("its session was not begun")?;
            if let Some(place) = stub.get_mut(4..20) {
                place.copy_from_slice(&now.to_le());
            }
        }
        Ok(Step { interface, opnum: rpc.opnum, stub })
    }

    /// A request with the server object handles of now.
    fn mapped(&self, mut request: Request, session: Guid) -> Request {
        match &mut request {
            Request::EcDoRpc(call) => {
                if let Some(payload) = self.mapped_buffer(&call.payload(), session) {
                    // What is no longer than before fits.
                    let _ = call.set_payload(payload);
                }
            }
            Request::EcDoRpcExt(call) => self.mapped_chain(&mut call.rgb_in.0, session),
            Request::EcDoRpcExt2(call) => self.mapped_chain(&mut call.rgb_in.0, session),
            _ => {}
        }
        request
    }

    fn mapped_chain(&self, bytes: &mut Vec<u8>, session: Guid) {
        let Ok(mut chain) = compress::decode_chain(bytes, compress::Limits::default()) else { return };
        for ExtendedBuffer { payload, .. } in &mut chain {
            if let Some(mapped) = self.mapped_buffer(payload, session) {
                *payload = mapped;
            }
        }
        if let Ok(mapped) = compress::encode_chain(&chain) {
            *bytes = mapped;
        }
    }

    fn mapped_buffer(&self, payload: &[u8], session: Guid) -> Option<Vec<u8>> {
        let mut buffer = RopBuffer::from_bytes(payload).ok()?;
        for handle in &mut buffer.handles {
            *handle = self.objects.get(&(session, *handle)).copied().unwrap_or(*handle);
        }
        self.replace_ids(&mut buffer.rops);
        buffer.to_bytes().ok()
    }

    /// Puts the ids of now in the place of those that were recorded.
    fn replace_ids(&self, bytes: &mut [u8]) {
        let mut at = 0_usize;
        while let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<8>()) {
            let step = match self.ids.get(&*place) {
                Some(now) => {
                    *place = *now;
                    8
                }
                None => 1,
            };
            at = at.saturating_add(step);
        }
    }

    /// Compares `answer`, which came now to `step`, with what was recorded of `call`. Returns the recorded call as it
    /// was understood, and what is different.
    pub fn compare(&mut self, call: &Call, step: &Step, answer: RpcAnswer) -> (Operation, Vec<Difference>) {
        let CallBody::Rpc(rpc) = &call.body else { return (self.recorded.operation(call), Vec::new()) };
        let asked = Stub::Plain(Bytes::copy_from_slice(&step.stub), Endian::Little);
        let now = RpcCall { request: asked, answer, ..rpc.clone() };
        self.learn_handles(step.interface, rpc, &now);
        let now = Call { body: CallBody::Rpc(now), elapsed: None, ..call.clone() };
        let recorded = self.recorded.operation(call);
        let came = self.came.operation(&now);
        if let Some(session) = session(step.interface, rpc) {
            self.learn_objects(session, &recorded, &came);
        }
        let mut differences = Vec::new();
        self.compare_operations(&recorded, &came, &mut differences);
        (recorded, differences)
    }

    fn learn_handles(&mut self, interface: Interface, recorded: &RpcCall, now: &RpcCall) {
        let opened = |call: &RpcCall| match &call.answer {
            RpcAnswer::Response(stub) => {
                let skipped = match (interface, stub) {
                    (Interface::Nspi, Stub::Plain(bytes, _)) if bytes.first_chunk() == Some(&[0_u8; 4]) => 4,
                    (Interface::Nspi, _) => 20,
                    _ => 0,
                };
                uuid(stub, skipped)
            }
            _ => None,
        };
        if matches!(handle_use(interface, recorded.opnum), HandleUse::Opens | HandleUse::Derives)
            && let (Some(then), Some(now)) = (opened(recorded), opened(now))
        {
            self.handles.insert(then, now);
        }
    }

    fn learn_objects(&mut self, session: Guid, recorded: &Operation, came: &Operation) {
        for (then, now) in recorded.rops.iter().zip(&came.rops) {
            if let (Some(then), Some(now)) = (then.made, now.made)
                && then != NO_OBJECT
            {
                self.objects.insert((session, then), now);
            }
        }
    }

    fn compare_operations(&mut self, recorded: &Operation, came: &Operation, out: &mut Vec<Difference>) {
        let mut say = |place: &str, recorded: String, came: String| {
            if recorded != came {
                out.push(Difference { place: place.to_owned(), recorded, came });
            }
        };
        say("fault", format!("{:?}", recorded.fault), format!("{:?}", came.fault));
        let value = |operation: &Operation| {
            operation.return_value.map_or_else(|| "none".to_owned(), |value| value.to_string())
        };
        say("return value", value(recorded), value(came));
        let names = |operation: &Operation| {
            let answered = operation.rops.iter().filter(|rop| rop.request.is_some());
            answered.map(|rop| rop.name.clone()).collect::<Vec<_>>().join(", ")
        };
        say("ROPs", names(recorded), names(came));
        self.compare_values("response", &recorded.response, &came.response, out);
        for (then, now) in recorded.rops.iter().zip(&came.rops) {
            self.compare_rops(then, now, out);
        }
    }

    fn compare_rops(&mut self, recorded: &Rop, came: &Rop, out: &mut Vec<Difference>) {
        let value = |rop: &Rop| rop.return_value.map_or_else(|| "none".to_owned(), |value| value.to_string());
        if value(recorded) != value(came) {
            let place = format!("{}: return value", recorded.name);
            out.push(Difference { place, recorded: value(recorded), came: value(came) });
        }
        if let (Some(then), Some(now)) = (&recorded.response, &came.response) {
            self.compare_values(&recorded.name, then, now, out);
        }
    }

    /// Compares two values, and learns the ids in them.
    fn compare_values(&mut self, place: &str, recorded: &Shown, came: &Shown, out: &mut Vec<Difference>) {
        match (recorded, came) {
            (Shown::Fields(then), Shown::Fields(now)) if same_names(then, now) => {
                for ((name, then), (_, now)) in then.iter().zip(now) {
                    if is_made_up(name) {
                        self.learn_ids(then, now);
                    } else {
                        self.compare_values(&format!("{place}.{name}"), then, now, out);
                    }
                }
            }
            (Shown::List(then), Shown::List(now)) if then.len() == now.len() => {
                for (index, (then, now)) in then.iter().zip(now).enumerate() {
                    self.compare_values(&format!("{place}[{index}]"), then, now, out);
                }
            }
            (then, now) if then == now => {}
            (then, now) if id(then).is_some() && id(now).is_some() => self.learn_ids(then, now),
            (then, now) => out.push(Difference {
                place: place.to_owned(),
                recorded: crate::show::short(then),
                came: crate::show::short(now),
            }),
        }
    }

    fn learn_ids(&mut self, recorded: &Shown, came: &Shown) {
        match (recorded, came) {
            (Shown::List(then), Shown::List(now)) => {
                then.iter().zip(now).for_each(|(then, now)| self.learn_ids(then, now));
            }
            (Shown::Fields(then), Shown::Fields(now)) => {
                then.iter().zip(now).for_each(|((_, then), (_, now))| self.learn_ids(then, now));
            }
            (then, now) => {
                if let (Some(then), Some(now)) = (id(then), id(now))
                    && then != now
                    && self.ids.len() < MAX_IDS
                {
                    self.ids.insert(then, now);
                }
            }
        }
    }
}

fn same_names<T>(
    then: &[(std::borrow::Cow<'static, str>, T)],
    now: &[(std::borrow::Cow<'static, str>, T)],
) -> bool {
    then.len() == now.len() && then.iter().zip(now).all(|((then, _), (now, _))| then == now)
}

/// The context handle that a recorded request names.
fn session(interface: Interface, rpc: &RpcCall) -> Option<Guid> {
    match handle_use(interface, rpc.opnum) {
        HandleUse::None | HandleUse::Opens => None,
        _ => uuid(&rpc.request, 0),
    }
}

/// Whether a field is one that a server makes up anew each time, or a time.
fn is_made_up(name: &str) -> bool {
    let name = name.split(' ').next().unwrap_or(name);
    let name = name.strip_suffix("_W").or_else(|| name.strip_suffix("_A")).unwrap_or(name);
    let ends = ["Id", "Ids", "ID", "_id", "Mid", "Key", "ChangeList", "ChangeNumber", "_rec", "_version"];
    let parts = [
        "Guid", "GUID", "guid", "uuid", "Time", "time", "Cookie", "Handle", "handle", "icxr", "aux",
        "Instance", "Search",
    ];
    ends.iter().any(|end| name.ends_with(end)) || parts.iter().any(|part| name.contains(part))
}

/// An id of eight bytes, as it lies in a buffer: a number of a replica, and a counter.
fn id(shown: &Shown) -> Option<[u8; 8]> {
    match shown {
        Shown::Text(text) => {
            let (replica, counter) = text.split_once('-')?;
            if replica.len() != 4 || counter.len() != 12 {
                return None;
            }
            let [low, high] = u16::from_str_radix(replica, 16).ok()?.to_le_bytes();
            let [_, _, counter @ ..] = u64::from_str_radix(counter, 16).ok()?.to_be_bytes();
            let [a, b, c, d, e, f] = counter;
            Some([low, high, a, b, c, d, e, f])
        }
        // What is small is a count.
        Shown::Number(number) if *number > 0xffff_ffff => Some(number.to_le_bytes()),
        Shown::Signed(number) if number.unsigned_abs() > 0xffff_ffff => Some(number.to_le_bytes()),
        _ => None,
    }
}

/// The UUID of the context handle that lies at `at`; none where it is no handle or a null one.
fn uuid(stub: &Stub, at: usize) -> Option<Guid> {
    let Stub::Plain(bytes, endian) = stub else { return None };
    let mut r = wire::Reader::with_endian(bytes.get(at..)?, *endian);
    r.u32("attributes").ok()?;
    Some(Guid::from_le(r.array("uuid").ok()?)).filter(|uuid| !uuid.is_nil())
}
