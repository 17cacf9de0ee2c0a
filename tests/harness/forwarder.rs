//! A TCP forwarder, such as a load balancer or a published port.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use super::place::thread;

/// Accepts connections at `at` and forwards each to `target`, to which `header` is sent first.
pub(crate) fn forward(at: SocketAddr, target: SocketAddr, header: &[u8]) {
    let listener = TcpListener::bind(at).unwrap();
    let header = header.to_vec();
    thread(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(mut server) = TcpStream::connect(target) else { continue };
            if server.write_all(&header).is_err() {
                continue;
            }
            for (mut from, mut to) in [
                (client.try_clone().unwrap(), server.try_clone().unwrap()),
                (server.try_clone().unwrap(), client.try_clone().unwrap()),
            ] {
                thread(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                    let _ = from.shutdown(Shutdown::Both);
                });
            }
        }
    });
}
