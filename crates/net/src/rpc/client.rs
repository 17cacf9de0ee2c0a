//! A connection to an RPC server that makes one call at a time.

use std::future::poll_fn;
use std::net::SocketAddr;

use bytes::Bytes;
use rpc::pdu::FaultStatus;
use tokio::net::TcpStream;
use wire::Endian;

use crate::rpc::upstream_association::{AssociationConfig, UpstreamAssociation};
use crate::rpc::upstream_call::{Connected, UpstreamCall, UpstreamCallResult};
use crate::tcp::connect::connect_any;
use crate::upstream_error::UpstreamError;

/// A connection to a server that makes one call at a time.
#[derive(Debug)]
pub struct RpcClient {
    association: UpstreamAssociation,
    server: Vec<SocketAddr>,
    next: u64,
    /// The call that was not sent yet.
    waiting: Option<(u64, UpstreamCall)>,
    ends: Vec<UpstreamCallResult>,
}

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallFailure {
    /// The server responded with a fault.
    #[error("server responded with fault {0}")]
    Fault(FaultStatus),
    /// The connection could not be opened, or was lost.
    #[error("{}{why}", first(server))]
    Lost {
        /// The addresses of the server.
        server: Vec<SocketAddr>,
        /// Why.
        #[source]
        why: UpstreamError,
    },
}

/// The address by which messages name a server.
fn first(server: &[SocketAddr]) -> String {
    server.first().map(|address| format!("{address}: ")).unwrap_or_default()
}

impl RpcClient {
    /// A client of the server with the addresses `server`, which are tried in that order; it connects with the
    /// first call.
    pub fn new(server: Vec<SocketAddr>, config: AssociationConfig) -> Self {
        let (addresses, limit) = (server.clone(), config.timeout);
        let connect = async move {
            let connected = tokio::time::timeout(limit, connect_any(&addresses)).await;
            let late = |_| UpstreamError::connect(format!("no connection within {} s", limit.as_secs()));
            Ok(Connected::from(connected.map_err(late)??))
        };
        Self {
            association: UpstreamAssociation::new(config, connect),
            server,
            next: 0,
            waiting: None,
            ends: Vec::new(),
        }
    }

    /// A client over the connection `stream`.
    pub(crate) fn over(stream: TcpStream, config: AssociationConfig) -> Self {
        let server = stream.peer_addr().into_iter().collect();
        Self {
            association: UpstreamAssociation::new(config, async { Ok(Connected::from(stream)) }),
            server,
            next: 0,
            waiting: None,
            ends: Vec::new(),
        }
    }

    /// The server's association group; zero before the first call.
    pub fn group(&self) -> u32 {
        self.association.group()
    }

    /// Makes a call and waits for its response, which is returned with its byte order.
    ///
    /// # Errors
    /// When the server responds with a fault, cannot be reached, or closes the connection.
    pub async fn call(&mut self, opnum: u16, stub: impl Into<Bytes>) -> Result<(Bytes, Endian), CallFailure> {
        self.next += 1;
        let tag = self.next;
        self.waiting = Some((tag, UpstreamCall { opnum, object: None, stub: stub.into() }));
        self.association.call(tag, &mut self.waiting, &mut self.ends);
        loop {
            for end in self.ends.drain(..) {
                match end {
                    UpstreamCallResult::Response { tag: of, stub, endian, .. } if of == tag => {
                        return Ok((stub, endian));
                    }
                    UpstreamCallResult::Fault { tag: of, status, .. } if of == tag => {
                        return Err(CallFailure::Fault(status));
                    }
                    UpstreamCallResult::Failed { tag: of, error, .. } if of == tag => {
                        return Err(CallFailure::Lost { server: self.server.clone(), why: error });
                    }
                    // The results of earlier calls, which nothing waits for any more.
                    UpstreamCallResult::Response { .. }
                    | UpstreamCallResult::Fault { .. }
                    | UpstreamCallResult::Refused { .. }
                    | UpstreamCallResult::Failed { .. } => {}
                }
            }
            poll_fn(|task| self.association.poll(task, &mut self.waiting, &mut self.ends)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake};
    use std::time::Duration;

    use rpc::pdu::{Body, Pdu, PduType};
    use tokio::net::TcpListener;
    use wire::Encode as _;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn a_server_that_sends_continuously_does_not_delay_other_tasks() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut server = listener.accept().await.unwrap().0.into_std().unwrap();
        // PDUs that may arrive at any time, and a large one without its end: more than one poll reads.
        let shutdown = Pdu::new(0, Body::Shutdown).to_bytes().unwrap();
        let mut bytes = shutdown.repeat(200);
        let mut large = shutdown;
        large[2] = PduType::BIND_ACK.0;
        large[8..10].copy_from_slice(&u16::MAX.to_le_bytes());
        large.resize(usize::from(u16::MAX) - 1, 0);
        bytes.append(&mut large);
        server.write_all(&bytes).unwrap();
        client.readable().await.unwrap();

        let interface = rpc::epm::INTERFACE;
        let timeout = Duration::from_mins(1);
        let config = AssociationConfig { interface, account: None, group: 0, bind_id: None, timeout };
        let mut client = RpcClient::over(client, config);
        let mut call = pin!(client.call(0, Bytes::new()));
        let wakes = Arc::<Wakes>::default();
        let waker = Arc::clone(&wakes).into();
        assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1, "it continues after other tasks have run");
    }
}
