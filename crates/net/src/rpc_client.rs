use std::future::poll_fn;
use std::net::SocketAddr;

use bytes::Bytes;
use engine::Outcome;
use rpc::pdu::FaultStatus;
use tokio::net::TcpStream;
use wire::Endian;

use crate::link::{Link, LinkConfig};

/// A connection to a server for who makes one call after the other.
#[derive(Debug)]
pub struct RpcClient {
    link: Link,
    server: SocketAddr,
    next: u64,
    done: Vec<(u64, Outcome)>,
}

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// The server answered with a fault.
    #[error("server: fault {0}")]
    Fault(FaultStatus),
    /// The connection could not be made, or broke.
    #[error("{server}: {why}")]
    Lost {
        /// The server.
        server: SocketAddr,
        /// Why.
        why: String,
    },
}

impl RpcClient {
    /// A client of the server at `server`; it connects with the first call.
    pub fn new(server: SocketAddr, config: LinkConfig) -> Self {
        let connect = async move {
            TcpStream::connect(server).await.map_err(|error| format!("can't connect: {error}"))
        };
        Self { link: Link::new(config, connect), server, next: 0, done: Vec::new() }
    }

    /// The server's association group; zero before the first call.
    pub fn group(&self) -> u32 {
        self.link.group()
    }

    /// Makes a call and waits for what comes of it: the response and its byte order.
    ///
    /// # Errors
    /// When the server answers with a fault, can't be reached, or breaks off.
    pub async fn call(&mut self, opnum: u16, stub: impl Into<Bytes>) -> Result<(Bytes, Endian), CallFailure> {
        self.next += 1;
        let token = self.next;
        self.link.call(token, opnum, None, stub.into());
        loop {
            poll_fn(|task| self.link.poll(task, &mut self.done)).await;
            let outcome = self.done.drain(..).find(|(of, _)| *of == token).map(|(_, outcome)| outcome);
            match outcome {
                Some(Outcome::Response { stub, endian }) => return Ok((stub, endian)),
                Some(Outcome::Fault(status)) => return Err(CallFailure::Fault(status)),
                Some(Outcome::Lost(why)) => return Err(CallFailure::Lost { server: self.server, why }),
                None => {}
            }
        }
    }
}
