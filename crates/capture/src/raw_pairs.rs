//! Reads recordings with one file for each direction of an exchange (`NNNN-label.req.http`, `.resp.http`) or of a
//! connection (`name.c2s.http`, `.s2c.http`).

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr};

use crate::conversation::CallReader;
use crate::stream::{Connection, Event, EventKind, Side};
use crate::time::Timestamp;

/// The number of bytes that are read at once.
const STEP: usize = 64 * 1024;

/// The connection or exchange of a file, and the side that sent its bytes; `None` for a file of another kind.
pub fn of_name(name: &str) -> Option<(&str, Side)> {
    let ends = [
        (".req.http", Side::Client),
        (".resp.http", Side::Server),
        (".c2s.http", Side::Client),
        (".s2c.http", Side::Server),
    ];
    ends.into_iter().find_map(|(end, side)| Some((name.strip_suffix(end)?, side)))
}

/// Collects the files of both sides, in pairs.
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
    /// Adds the file with this name. Returns it if it is of another kind.
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

/// Passes the connection `number` to `reader`. The bytes that its sides sent are in `client` and `server`.
///
/// # Errors
/// If a file cannot be read.
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

/// Passes the bytes of one side of `connection`, which are in `file`, to `reader`.
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
