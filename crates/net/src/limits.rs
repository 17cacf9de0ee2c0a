use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How much clients may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections of one address.
    pub connections_per_address: usize,
    /// For signing in, for the rest of a fragment that has begun, and for taking what we send.
    pub handshake: Duration,
    /// Without a call.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_per_address: 256,
            handshake: Duration::from_secs(30),
            idle: Duration::from_hours(2),
        }
    }
}

/// Counts connections against their limits.
#[derive(Debug)]
pub struct Admission {
    limits: Limits,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection's place, given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    admission: Arc<Admission>,
    address: IpAddr,
}

impl Admission {
    /// Counts against `limits`.
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, counts: Mutex::default() })
    }

    /// A place for a connection from `address`.
    ///
    /// # Errors
    /// Says which limit is reached.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Place, &'static str> {
        let mut counts = self.lock();
        if counts.all >= self.limits.connections {
            return Err("clients.connections is reached");
        }
        let own = counts.by_address.entry(address).or_default();
        if *own >= self.limits.connections_per_address {
            return Err("clients.connections_per_address is reached");
        }
        *own += 1;
        counts.all += 1;
        Ok(Place { admission: Arc::clone(self), address })
    }

    /// Connections that have a place now.
    pub fn connections(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.admission.lock();
        counts.all -= 1;
        if let Some(own) = counts.by_address.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_and_given_back() {
        let admission =
            Admission::new(Limits { connections: 3, connections_per_address: 2, ..Limits::default() });
        let [a, b] = [[127, 0, 0, 1], [127, 0, 0, 2]].map(IpAddr::from);
        let first = admission.enter(a).unwrap();
        let _second = admission.enter(a).unwrap();
        assert_eq!(admission.enter(a).unwrap_err(), "clients.connections_per_address is reached");
        let _third = admission.enter(b).unwrap();
        assert_eq!(admission.enter(b).unwrap_err(), "clients.connections is reached");
        drop(first);
        assert!(admission.enter(b).is_ok());
        assert_eq!(admission.connections(), 2);
    }
}
