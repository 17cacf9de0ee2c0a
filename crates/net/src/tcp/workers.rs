//! Worker threads; a connection stays on one of them.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::tcp::thread_time::{ConnectionTime, ThreadTime};

/// The threads that serve connections. A connection and its upstream connections stay on one thread. A thread serves
/// its connections in the order in which their sockets become ready, and its users in turns
/// (file `thread_time.rs`).
///
/// A thread has no identity: each operation carries the security context of its caller.
#[derive(Debug, Clone, Default)]
pub struct Workers {
    threads: Arc<[Worker]>,
    /// The time of the thread that accepts connections, if there are no others.
    accepting: ThreadTime,
}

#[derive(Debug)]
struct Worker {
    runtime: Handle,
    time: ThreadTime,
    /// Counts the connections of the thread: each has a clone.
    open: Arc<()>,
    /// The thread ends when this is dropped.
    _ends: oneshot::Sender<()>,
}

/// The most threads of a worker that look up host names, which blocks.
const LOOKUP_THREADS: usize = 32;

impl Workers {
    /// Starts `count` threads, which end when the last clone is dropped.
    ///
    /// # Errors
    /// When the operating system cannot start a thread.
    pub fn start(count: NonZeroUsize) -> io::Result<Self> {
        let threads = (0..count.get()).map(Worker::start).collect::<io::Result<_>>()?;
        Ok(Self { threads, accepting: ThreadTime::default() })
    }

    /// Workers without threads: connections are served on the thread that accepts them.
    pub fn here() -> Self {
        Self::default()
    }

    /// Runs `serve` for this connection from `address` on the thread with the fewest connections, as a task of
    /// `connections`. `serve` gets the connection's part of the time of the thread.
    pub(crate) fn serve<F>(
        &self,
        connections: &mut JoinSet<()>,
        (stream, address): (TcpStream, IpAddr),
        serve: impl FnOnce(TcpStream, ConnectionTime) -> F + Send + 'static,
    ) -> io::Result<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(worker) = self.threads.iter().min_by_key(|worker| Arc::strong_count(&worker.open)) else {
            let time = self.accepting.connection(address);
            connections.spawn(async move { share(time, |time| serve(stream, time)).await });
            return Ok(());
        };
        let time = worker.time.connection(address);
        let (stream, open) = (stream.into_std()?, Arc::clone(&worker.open));
        let served = async move {
            match TcpStream::from_std(stream) {
                Ok(stream) => share(time, |time| serve(stream, time)).await,
                Err(error) => {
                    tracing::error!(
                        client = %address,
                        "proxy: cannot serve a client connection, which is closed: {error}"
                    );
                }
            }
            drop(open);
        };
        connections.spawn_on(served, &worker.runtime);
        Ok(())
    }
}

/// Serves a connection by the future that `serve` returns, in its part of the time of the thread. The future is large:
/// it is pinned where it is created, so that the task contains it once.
async fn share<F: Future<Output = ()>>(time: ConnectionTime, serve: impl FnOnce(ConnectionTime) -> F) {
    let serving = pin!(serve(time.clone()));
    time.share(serving).await;
}

impl Worker {
    fn start(number: usize) -> io::Result<Self> {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_all().max_blocking_threads(LOOKUP_THREADS).build()?;
        let handle = runtime.handle().clone();
        let (ends, end) = oneshot::channel();
        let thread = std::thread::Builder::new().name(format!("connections-{number}"));
        thread.spawn(move || {
            // The sender is only dropped, never used.
            let _ = runtime.block_on(end);
        })?;
        let time = ThreadTime::default();
        Ok(Self { runtime: handle, time, open: Arc::default(), _ends: ends })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(20);

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    /// Sends the name of the thread that drops it.
    struct Served(Sender<String>);

    impl Drop for Served {
        fn drop(&mut self) {
            let _ = self.0.send(std::thread::current().name().unwrap_or_default().to_owned());
        }
    }

    async fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (client, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn a_connection_is_served_by_the_thread_with_the_fewest() {
        let workers = Workers::start(NonZeroUsize::new(2).unwrap()).unwrap();
        let (served_by, threads) = channel();
        let mut connections = JoinSet::new();
        let connect = async |connections: &mut JoinSet<()>| {
            let (client, stream) = connected().await;
            let served = Served(served_by.clone());
            let serve = async move |stream: TcpStream, _| {
                let _ = stream.readable().await;
                drop(served);
            };
            workers.serve(connections, (stream, ADDRESS), serve).unwrap();
            client
        };
        let [stays, goes] = [connect(&mut connections).await, connect(&mut connections).await];
        drop(goes);
        connections.join_next().await.unwrap().unwrap();
        let others = [connect(&mut connections).await, connect(&mut connections).await];
        drop((stays, others));
        while connections.join_next().await.is_some() {}
        let mut all: Vec<String> = threads.try_iter().collect();
        assert_eq!(all.remove(0), "connections-1");
        all.sort();
        assert_eq!(all, ["connections-0", "connections-0", "connections-1"]);
    }

    #[tokio::test]
    async fn a_connection_that_panics_ends_alone() {
        let workers = Workers::start(NonZeroUsize::new(2).unwrap()).unwrap();
        let (served_by, threads) = channel();
        let mut connections = JoinSet::new();
        let (_client, stream) = connected().await;
        workers
            .serve(&mut connections, (stream, ADDRESS), async move |_stream, _| {
                panic!("expected by the test")
            })
            .unwrap();
        assert!(connections.join_next().await.unwrap().unwrap_err().is_panic());
        // The connection does not count any more, and its thread serves others.
        let (_client, stream) = connected().await;
        let served = Served(served_by);
        workers.serve(&mut connections, (stream, ADDRESS), async move |_stream, _| drop(served)).unwrap();
        assert_eq!(threads.recv_timeout(TIMEOUT).unwrap(), "connections-0");
    }

    #[tokio::test]
    async fn the_threads_end_with_the_last_clone() {
        let workers = Workers::start(NonZeroUsize::MIN).unwrap();
        let (served_by, threads) = channel();
        let mut connections = JoinSet::new();
        let (_client, stream) = connected().await;
        let served = Served(served_by);
        workers
            .serve(&mut connections, (stream, ADDRESS), async move |_stream, _| {
                let _served = served;
                std::future::pending::<()>().await;
            })
            .unwrap();
        let clone = workers.clone();
        drop(workers);
        assert!(threads.recv_timeout(Duration::from_millis(50)).is_err());
        drop(clone);
        assert_eq!(threads.recv_timeout(TIMEOUT).unwrap(), "connections-0");
        assert!(connections.join_next().await.unwrap().unwrap_err().is_cancelled());
    }

    #[tokio::test]
    async fn without_worker_threads_connections_are_served_on_the_accepting_thread() {
        let (served_by, threads) = channel();
        let mut connections = JoinSet::new();
        let (_client, stream) = connected().await;
        let served = Served(served_by);
        Workers::here()
            .serve(&mut connections, (stream, ADDRESS), async move |_stream, _| drop(served))
            .unwrap();
        connections.join_next().await.unwrap().unwrap();
        assert_eq!(Some(&*threads.recv().unwrap()), std::thread::current().name());
    }
}
