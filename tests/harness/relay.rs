//! Somebody on the wire between two programs, who reads DCE/RPC units and changes some.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::place::{address, thread};

/// A request's type.
pub(crate) const REQUEST: u8 = 0;
/// A response's type.
pub(crate) const RESPONSE: u8 = 2;
/// A fault's type.
pub(crate) const FAULT: u8 = 3;

/// A unit on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passing {
    /// The connection, by when it was made, from zero.
    pub(crate) connection: usize,
    /// The unit's type.
    pub(crate) kind: u8,
    /// How many units of its type went before it the same way on its connection.
    pub(crate) number: usize,
}

/// What became of the client's end of a connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// The units that the server sent, without the handshake's.
    pub(crate) units: Vec<Vec<u8>>,
    /// Whether the server ended it.
    pub(crate) ended: bool,
}

type Meddle = dyn Fn(Passing, Vec<u8>) -> Vec<Vec<u8>> + Send + Sync;

/// Stands before a server. What it is given to do with each unit says which bytes go on in its place.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<BTreeMap<usize, Seen>>>,
}

impl Relay {
    /// Before `server`, with a hand on requests and responses alike.
    pub(crate) fn before(
        server: SocketAddr,
        meddle: impl Fn(Passing, Vec<u8>) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let address = SocketAddr::from((address(), 6001));
        let listener = TcpListener::bind(address).unwrap();
        let seen = Arc::<Mutex<BTreeMap<usize, Seen>>>::default();
        let (own, meddle): (_, Arc<Meddle>) = (Arc::clone(&seen), Arc::new(meddle));
        thread(move || {
            for (connection, client) in listener.incoming().map_while(Result::ok).enumerate() {
                let server = TcpStream::connect(server).unwrap();
                own.lock().unwrap().insert(connection, Seen::default());
                let [from_client, to_client] = [client.try_clone().unwrap(), client];
                let [from_server, to_server] = [server.try_clone().unwrap(), server];
                let requests = Arc::clone(&meddle);
                thread(move || pass(connection, from_client, to_server, requests.as_ref(), |_| {}));
                let (responses, seen) = (Arc::clone(&meddle), Arc::clone(&own));
                thread(move || {
                    pass(connection, from_server, to_client, responses.as_ref(), |unit| {
                        if [REQUEST, RESPONSE, FAULT].contains(&unit[2]) {
                            seen.lock().unwrap().get_mut(&connection).unwrap().units.push(unit.to_vec());
                        }
                    });
                    seen.lock().unwrap().get_mut(&connection).unwrap().ended = true;
                });
            }
        });
        Self { address, seen }
    }

    /// As the configuration names it.
    pub(crate) fn binding(&self) -> String {
        format!("ncacn_ip_tcp:{}[{}]", self.address.ip(), self.address.port())
    }

    /// What became of each connection so far.
    pub(crate) fn seen(&self) -> BTreeMap<usize, Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// Brings units from one end to the other until one of them is gone.
fn pass(
    connection: usize,
    mut from: TcpStream,
    mut to: TcpStream,
    meddle: &Meddle,
    mut note: impl FnMut(&[u8]),
) {
    let mut counts = BTreeMap::<u8, usize>::new();
    while let Ok(unit) = read(&mut from) {
        let kind = unit[2];
        let count = counts.entry(kind).or_default();
        let passing = Passing { connection, kind, number: *count };
        *count += 1;
        note(&unit);
        let units = meddle(passing, unit);
        if units.iter().any(|unit| to.write_all(unit).is_err()) {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

fn read(from: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut unit = vec![0; 16];
    from.read_exact(&mut unit)?;
    let length = usize::from(u16::from_le_bytes([unit[8], unit[9]]));
    unit.resize(length, 0);
    from.read_exact(&mut unit[16..])?;
    Ok(unit)
}
