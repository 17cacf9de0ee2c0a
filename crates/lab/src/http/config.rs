//! Configuration of the HTTP side of a lab.

use std::net::SocketAddr;
use std::time::Duration;

use crate::config::SESSIONS_PER_USER;
use crate::emsmdb::WAIT_MAX;
use crate::http::tls::ServerCertificate;

/// The HTTP side of a lab.
#[derive(Debug, Clone)]
pub struct HttpServer {
    /// The address. With port 0 the system chooses a port.
    pub address: SocketAddr,
    /// The certificate; without one, connections are not within TLS.
    pub certificate: Option<ServerCertificate>,
    /// The scheme and authority of the URLs in responses, such as `https://exch.lab.test`. `None` for the address.
    pub origin: Option<String>,
    /// Whether clients may authenticate by Basic on connections without TLS.
    pub basic_without_tls: bool,
    /// The limits on clients.
    pub limits: HttpLimits,
}

impl HttpServer {
    /// A server without TLS on a port of this machine that the system chooses. It accepts Basic.
    pub fn local() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            certificate: None,
            origin: None,
            basic_without_tls: true,
            limits: HttpLimits::default(),
        }
    }
}

/// The limits on HTTP clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// The number of connections. Further ones wait to be accepted.
    pub connections: usize,
    /// The time until a client must have authenticated, from the beginning of its connection.
    pub sign_in: Duration,
    /// The time until the head of the next request must have arrived.
    pub head: Duration,
    /// The size of the head of a request, in bytes. A larger one has the status 431.
    pub head_size: usize,
    /// The time until the body of a request must have arrived.
    pub body: Duration,
    /// The size of the body of a request, in bytes. A larger one is refused with `X-ResponseCode` 9 or the status 413.
    pub body_size: usize,
    /// The time that a client may take to read data that was sent.
    pub write: Duration,
    /// The number of Session Contexts of one user, for an administrator as each person. A further one ends the one that
    /// was idle longest. Administrators may have more with the address book, since these do not name the person.
    pub sessions_per_user: usize,
    /// The time after which an idle Session Context ends: `X-ExpirationInfo`.
    pub session_idle: Duration,
    /// The interval of keep-alive responses: `X-PendingPeriod`.
    pub pending_period: Duration,
    /// The time after which a wait for notifications ends ([MS-OXCMAPIHTTP] 3.2.2).
    pub notification_wait: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections: 1000,
            sign_in: Duration::from_secs(30),
            head: Duration::from_mins(2),
            head_size: 0x8000,
            body: Duration::from_mins(1),
            body_size: 0x10_0000,
            write: Duration::from_mins(1),
            sessions_per_user: SESSIONS_PER_USER,
            session_idle: Duration::from_mins(15),
            pending_period: Duration::from_secs(30),
            notification_wait: WAIT_MAX,
        }
    }
}
