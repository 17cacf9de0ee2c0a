//! Protected resources: probes that the server has rejected without credentials.

use std::sync::Arc;

use http1::RequestHead;
use identity::Mechanism;
use identity::pass_through::RejectedProbe;
use wire::Now;

use crate::http::pass_through::challenges::Challenges;
use crate::http::pass_through::probe::Probe;

/// The most directories for which a resource is remembered.
const MAX_RESOURCES: usize = 8;

/// A probe that the server rejected without credentials.
#[derive(Debug)]
pub(crate) struct ProtectedResource {
    /// The directory of the requests that it was found for.
    pub(crate) directory: String,
    /// The proof of the rejection, and its time.
    pub(crate) rejection: RejectedProbe,
    pub(crate) probe: Probe,
    /// How many candidates were tried up to this one.
    pub(crate) tried: usize,
    /// The schemes that the server offered.
    pub(crate) challenges: Challenges,
}

impl ProtectedResource {
    /// Whether an attempt by `mechanism` may begin with it at `now`.
    pub(crate) fn offers(&self, mechanism: Mechanism, now: Now) -> bool {
        self.rejection.is_valid(now) && self.rejection.offers(mechanism)
    }
}

/// The directory of a request's target: the first label of its path.
pub(crate) fn directory(head: &RequestHead) -> String {
    head.target().split(['/', '?']).nth(1).unwrap_or_default().to_ascii_lowercase()
}

/// The protected resource found last for each directory.
#[derive(Debug, Default)]
pub(crate) struct ProtectedResources(Vec<Arc<ProtectedResource>>);

impl ProtectedResources {
    /// The resource for the directory of the request `head`, if it was found recently.
    pub(crate) fn find(&self, head: &RequestHead, now: Now) -> Option<Arc<ProtectedResource>> {
        let directory = directory(head);
        let is_for = |resource: &&Arc<ProtectedResource>| {
            resource.directory == directory && resource.rejection.is_valid(now)
        };
        self.0.iter().find(is_for).cloned()
    }

    /// Forgets all resources, since the server no longer responds as it did.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Remembers `resource`, in place of the one for its directory or of the oldest.
    pub(crate) fn insert(&mut self, resource: Arc<ProtectedResource>) {
        self.0.retain(|known| known.directory != resource.directory);
        if self.0.len() >= MAX_RESOURCES {
            self.0.remove(0);
        }
        self.0.push(resource);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use identity::pass_through::Response;
    use wire::FileTime;

    use super::*;
    use crate::http::pass_through::probe::candidates;

    fn request(target: &str) -> RequestHead {
        RequestHead::new("GET", target).unwrap()
    }

    const NOW: Now = Now::at(FileTime(134_100_000_000_000_000));

    fn resource(target: &str, tried: usize) -> Arc<ProtectedResource> {
        let head = request(target);
        let answer = Response { status: 401, ..Response::default() };
        let probe = candidates(&head, false).next().unwrap();
        let rejection = RejectedProbe::from_response(probe.kind(), &answer, NOW).unwrap();
        let (directory, challenges) = (directory(&head), Challenges::default());
        Arc::new(ProtectedResource { directory, rejection, probe, tried, challenges })
    }

    #[test]
    fn a_bounded_number_of_directories_is_remembered_each_with_its_last_resource() {
        let mut resources = ProtectedResources::default();
        resources.insert(resource("/EWS/x", 1));
        resources.insert(resource("/ews?x", 2));
        assert_eq!(resources.find(&request("/eWs"), NOW).unwrap().tried, 2);
        for number in 0..MAX_RESOURCES {
            assert_eq!(resources.find(&request("/ews"), NOW).is_some(), number < MAX_RESOURCES);
            resources.insert(resource(&format!("/{number}"), 1));
        }
        assert!(resources.find(&request("/ews"), NOW).is_none());
        let is_remembered = |number| resources.find(&request(&format!("/{number}/x")), NOW).is_some();
        assert!((0..MAX_RESOURCES).all(is_remembered));
    }

    #[test]
    fn a_resource_is_remembered_for_a_minute() {
        let mut resources = ProtectedResources::default();
        resources.insert(resource("/ews/x", 1));
        let after = |seconds| Now { monotonic: NOW.monotonic + Duration::from_secs(seconds), ..NOW };
        assert!(resources.find(&request("/ews"), after(59)).is_some());
        assert!(resources.find(&request("/ews"), after(60)).is_none());
        // The wall clock was set back.
        assert!(resources.find(&request("/ews"), Now { wall: FileTime(0), ..NOW }).is_some());
    }
}
