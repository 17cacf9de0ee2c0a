//! An Execute through the engine, without a network: what decoding, following objects and crossing modules
//! cost.

use std::error::Error;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use bytes::Bytes;
use engine::{
    CookieTable, Deferral, Engine, Envelope, Incoming, Next, OperationKey, Outcome, ProxyInfo, Reply,
    SecurityContext, Stack,
};
use identity::{Authority, ContextCounters, OsRandom, Pool};
use mapi::mapihttp::{Endpoint, RequestType};
use wire::{Endian, FileTime, Now};

use crate::http::bodies::{Kind, SESSION};

/// How long each is measured.
const LONG: Duration = Duration::from_secs(1);

/// Measures an Execute of each kind.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    println!("An Execute through the engine, with the modules names and downgrade, on one core");
    let session = EngineSession::new()?;
    for kind in Kind::EXECUTES {
        let pair = Pair::new(kind)?;
        let mut best = f64::INFINITY;
        let begun = Instant::now();
        while begun.elapsed() < LONG {
            let since = Instant::now();
            for _ in 0..ROUND {
                session.pass(&pair)?;
            }
            best = best.min(since.elapsed().as_secs_f64() / f64::from(ROUND));
        }
        let rate = pair.len() as f64 / best / 1e6;
        println!("  {:<28} {:>9.1} µs {rate:>9.0} MB/s", kind.name(), best * 1e6);
    }
    Ok(())
}

/// An engine with the modules, and with a pool as the program has one. Nothing that is measured is long enough to be
/// given to the pool, which has no threads.
pub(crate) fn engine() -> Result<Engine, Box<dyn Error>> {
    let pool = Pool::new(NonZeroUsize::MIN);
    let deferral = Deferral { decodings: pool.clone(), pool, time_limit: LONG };
    Ok(Engine::new(Stack::new(modules()?)).with_deferral(deferral))
}

/// The number of requests that are measured together.
const ROUND: u32 = 10;

/// One client's session with the mailbox store, through the modules `names` and `downgrade`.
pub(crate) struct EngineSession {
    engine: Engine,
    table: CookieTable,
    caller: SecurityContext,
    cookies: String,
}

impl EngineSession {
    /// Opens the session.
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let caller = SecurityContext::anonymous(&ContextCounters::new(), &Authority::new("bench"));
        let cookies = format!("MapiContext={SESSION}; MapiSequence=s-{SESSION}");
        let session = Self { engine: engine()?, table: CookieTable::default(), caller, cookies };
        session.pass(&Pair::new(Kind::Connect)?)?;
        Ok(session)
    }

    /// Passes a request and its response through the engine.
    ///
    /// # Errors
    /// If the engine returns no response.
    pub(crate) fn pass(&self, pair: &Pair) -> Result<(), Box<dyn Error>> {
        let incoming = Incoming {
            envelope: Envelope::MAPI_HTTP,
            key: OperationKey::Http(Endpoint::Emsmdb, pair.request_type),
            stub: pair.request.clone(),
            endian: Endian::Little,
            context: self.caller.clone(),
            peer: ([127, 0, 0, 1], 1).into(),
            at: Now::at(FileTime(0)),
        };
        let begun = self.engine.begin_by_cookie(&self.table, incoming, &[self.cookies.as_bytes()]);
        let Next::Forward(mut call) = begun.map_err(|refusal| refusal.why)? else {
            return Err("not relayed".into());
        };
        if pair.request_type == RequestType::Connect {
            let set = self.cookies.split("; ");
            call.bind_cookies(set).map_err(|refusal| refusal.why)?;
        }
        let outcome = Outcome::Response { stub: pair.answer.clone(), endian: Endian::Little };
        let finished = match call.resume(outcome, &mut OsRandom) {
            Next::Done(finished) if matches!(finished.reply(), Reply::Response(_)) => finished,
            next => return Err(format!("no response: {next:?}").into()),
        };
        if pair.request_type == RequestType::Execute {
            let answers = finished.flight().operation.rops().and_then(|rops| rops.responses());
            let answers = answers.ok_or("the ROPs were not decoded")?;
            if let Some(error) = answers.error() {
                return Err(error.to_string().into());
            }
        }
        Ok(())
    }
}

/// The modules that operations pass: `names` and `downgrade`.
fn modules() -> Result<Vec<Box<dyn engine::Module>>, Box<dyn Error>> {
    let facts = ProxyInfo {
        name: "proxy.lab.test".to_owned(),
        upstream: "exch.lab.test".to_owned(),
        origin: "https://proxy.lab.test".to_owned(),
        auth_schemes: Vec::new(),
    };
    let mut modules = Vec::new();
    for name in ["names", "downgrade"] {
        let mut module = ::modules::by_name(name).ok_or("there is no such module")?;
        module.init(&engine::options::Options::default(), &facts)?;
        modules.push(module);
    }
    Ok(modules)
}

/// The bodies of a request and of its response.
pub(crate) struct Pair {
    request_type: RequestType,
    request: Bytes,
    answer: Bytes,
}

impl Pair {
    /// Those of `kind`.
    pub(crate) fn new(kind: Kind) -> wire::Result<Self> {
        let request_type = match kind {
            Kind::Connect => RequestType::Connect,
            Kind::Disconnect => RequestType::Disconnect,
            _ => RequestType::Execute,
        };
        Ok(Self { request_type, request: kind.request()?.into(), answer: kind.answer()?.into() })
    }

    /// How many bytes both have.
    pub(crate) fn len(&self) -> usize {
        self.request.len() + self.answer.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The maximum that an Execute may allocate between its request's body and its response's.
    #[test]
    fn an_execute_allocates_little() {
        let session = EngineSession::new().unwrap();
        for (kind, most, bytes) in
            [(Kind::Small, 20, 6000), (Kind::Table, 40, 15_000), (Kind::Upload, 30, 6000)]
        {
            let pair = Pair::new(kind).unwrap();
            session.pass(&pair).unwrap();
            let taken = allocation_counter::measure(|| session.pass(&pair).unwrap());
            assert!(taken.count_total <= most, "{kind:?}: {taken:?}");
            assert!(taken.bytes_total <= bytes, "{kind:?}: {taken:?}");
        }
    }
}
