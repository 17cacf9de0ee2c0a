//! Recordings that are a file for each direction: of an exchange (`NNNN-label.req.http`, `.resp.http`), or of
//! a connection (`name.c2s.http`, `.s2c.http`).

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr};

use crate::conversation::CallReader;
use crate::stream::{Connection, Event, EventKind, Side};
use crate::time::Timestamp;

/// How much of a file is read at once, in bytes.
const STEP: usize = 64 * 1024;

/// The connection or exchange that a file belongs to, and whose bytes it has; none for a file of another
/// kind.
pub fn of_name(name: &str) -> Option<(&str, Side)> {
    let ends = [
        (".req.http", Side::Client),
        (".resp.http", Side::Server),
        (".c2s.http", Side::Client),
        (".s2c.http", Side::Server),
    ];
    ends.into_iter().find_map(|(end, side)| Some((name.strip_suffix(end)?, side)))
}

/// Which files belong together: in the order of their names, the client's and the server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawPairs<T> {
    by_name: BTreeMap<String, [Option<T>; 2]>,
}

impl<T> Default for RawPairs<T> {
    fn default() -> Self {
        Self { by_name: BTreeMap::new() }
    }
}

impl<T> RawPairs<T> {
    /// Takes `file`, whose name is `name`; gives it back where it is of another kind.
    pub fn add(&mut self, name: &str, file: T) -> Option<T> {
        let Some((stem, side)) = of_name(name) else { return Some(file) };
        let [client, server] = self.by_name.entry(stem.to_owned()).or_insert([None, None]);
        *(if side == Side::Client { client } else { server }) = Some(file);
        None
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The pairs, in the order of their names.
    pub fn into_vec(self) -> Vec<(String, [Option<T>; 2])> {
        self.by_name.into_iter().collect()
    }
}

/// Lets `reader` see the connection `number`, whose bytes are in `client` and `server`.
///
/// # Errors
/// When a file cannot be read.
pub fn watch<'a>(
    reader: &mut CallReader,
    number: u64,
    (client, server): (Option<&'a mut dyn Read>, Option<&'a mut dyn Read>),
) -> io::Result<()> {
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let connection = Connection { number, client: nowhere, server: nowhere, interface: None };
    let time = Timestamp::default();
    for (side, file) in [(Side::Client, client), (Side::Server, server)] {
        let Some(file) = file else { continue };
        feed(reader, &connection, side, time, file)?;
    }
    for kind in [EventKind::Ended(Side::Client), EventKind::Ended(Side::Server), EventKind::Closed] {
        reader.event(&Event { connection: &connection, time, kind });
    }
    Ok(())
}

/// Lets `reader` see what one side of `connection` sent: all that is in `file`.
pub(crate) fn feed(
    reader: &mut CallReader,
    connection: &Connection,
    side: Side,
    time: Timestamp,
    file: &mut dyn Read,
) -> io::Result<()> {
    let mut buffer = vec![0; STEP];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                reader.data(connection, side, time, buffer.get(..count).unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
