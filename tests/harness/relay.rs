//! A man-in-the-middle relay of DCE/RPC over TCP: it reads each PDU, and forwards what the test makes of it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::place::{address, thread};

/// The type of a request PDU.
pub(crate) const REQUEST: u8 = 0;
/// The type of a response PDU.
pub(crate) const RESPONSE: u8 = 2;
/// The type of a fault PDU.
pub(crate) const FAULT: u8 = 3;

/// Identifies a PDU that the relay has received.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PduInfo {
    /// The number of the connection, in the order of their establishment, from zero.
    pub(crate) connection: usize,
    /// The type of the PDU.
    pub(crate) kind: u8,
    /// The number of PDUs of its type before it in its direction of the connection.
    pub(crate) number: usize,
}

/// What the server sent on a connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct FromServer {
    /// The requests, responses and faults among its PDUs, before modification.
    pub(crate) pdus: Vec<Vec<u8>>,
    /// Whether the server closed the connection.
    pub(crate) ended: bool,
}

type Modify = dyn Fn(PduInfo, Vec<u8>) -> Vec<Vec<u8>> + Send + Sync;

/// A relay in front of a server. Its `modify` returns the bytes that are forwarded in place of a PDU.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    from_server: Arc<Mutex<BTreeMap<usize, FromServer>>>,
}

impl Relay {
    /// Starts a relay before `server`, which calls `modify` for the PDUs of both directions.
    pub(crate) fn before(
        server: SocketAddr,
        modify: impl Fn(PduInfo, Vec<u8>) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let address = SocketAddr::from((address(), 6001));
        let listener = TcpListener::bind(address).unwrap();
        let from_server = Arc::<Mutex<BTreeMap<usize, FromServer>>>::default();
        let (own, modify): (_, Arc<Modify>) = (Arc::clone(&from_server), Arc::new(modify));
        thread(move || {
            for (connection, client) in listener.incoming().map_while(Result::ok).enumerate() {
                let server = TcpStream::connect(server).unwrap();
                relay(connection, client, server, &modify, &own);
            }
        });
        Self { address, from_server }
    }

    /// The string binding for the configuration.
    pub(crate) fn binding(&self) -> String {
        format!("ncacn_ip_tcp:{}[{}]", self.address.ip(), self.address.port())
    }

    /// What the server sent on each connection so far.
    pub(crate) fn sent_by_server(&self) -> BTreeMap<usize, FromServer> {
        self.from_server.lock().unwrap().clone()
    }
}

/// Starts to relay a connection in both directions.
fn relay(
    connection: usize,
    client: TcpStream,
    server: TcpStream,
    modify: &Arc<Modify>,
    from_server: &Arc<Mutex<BTreeMap<usize, FromServer>>>,
) {
    from_server.lock().unwrap().insert(connection, FromServer::default());
    let [client_read, client_write] = [client.try_clone().unwrap(), client];
    let [server_read, server_write] = [server.try_clone().unwrap(), server];
    let requests = Arc::clone(modify);
    thread(move || forward(connection, client_read, server_write, requests.as_ref(), |_| {}));
    let (responses, from_server) = (Arc::clone(modify), Arc::clone(from_server));
    thread(move || {
        forward(connection, server_read, client_write, responses.as_ref(), |pdu| {
            if [REQUEST, RESPONSE, FAULT].contains(&pdu[2]) {
                from_server.lock().unwrap().get_mut(&connection).unwrap().pdus.push(pdu.to_vec());
            }
        });
        from_server.lock().unwrap().get_mut(&connection).unwrap().ended = true;
    });
}

/// Forwards PDUs from one end to the other until one of them is closed.
fn forward(
    connection: usize,
    mut from: TcpStream,
    mut to: TcpStream,
    modify: &Modify,
    mut record: impl FnMut(&[u8]),
) {
    let mut counts = BTreeMap::<u8, usize>::new();
    while let Ok(pdu) = read(&mut from) {
        let kind = pdu[2];
        let count = counts.entry(kind).or_default();
        let info = PduInfo { connection, kind, number: *count };
        *count += 1;
        record(&pdu);
        let pdus = modify(info, pdu);
        if pdus.iter().any(|pdu| to.write_all(pdu).is_err()) {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

fn read(from: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut pdu = vec![0; 16];
    from.read_exact(&mut pdu)?;
    let length = usize::from(u16::from_le_bytes([pdu[8], pdu[9]]));
    pdu.resize(length, 0);
    from.read_exact(&mut pdu[16..])?;
    Ok(pdu)
}
