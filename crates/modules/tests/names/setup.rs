//! Shared by the tests of names: engines with the module, names of servers, and a search for them.

use std::collections::BTreeMap;

use engine::options::{OptionValue, Options};
use engine::{Engine, Module as _, ProxyInfo, Stack};
use modules::Names;

/// The origin of the proxy's URLs.
const ORIGIN: &str = "https://proxy.lab.test:8443";

/// A database on the upstream server.
pub(crate) const DATABASE: &str = "/o=O/ou=G/cn=Configuration/cn=Servers/cn=EXCH1/cn=Microsoft Private MDB";
/// A database on another server.
pub(crate) const OTHER: &str = "/o=O/ou=G/cn=Configuration/cn=Servers/cn=EXCH2/cn=Microsoft Private MDB";

/// An engine in front of the server `upstream`, whose name in distinguished names is `server`, if that is configured.
pub(crate) fn engine(upstream: &str, server: Option<&str>) -> Engine {
    let mut names = Names::default();
    let given = server.map(|name| ("server".to_owned(), OptionValue::Text(name.to_owned())));
    let given = given.into_iter().collect::<BTreeMap<_, _>>();
    let (options, errors) = Options::checked("names", names.options(), given);
    assert_eq!(errors, []);
    let facts = ProxyInfo {
        name: "proxy.lab.test".to_owned(),
        upstream: upstream.to_owned(),
        origin: ORIGIN.to_owned(),
        auth_schemes: Vec::new(),
    };
    names.init(&options, &facts).unwrap();
    Engine::new(Stack::new(vec![Box::new(names)]))
}

/// Whether `bytes` contain `name`, as 8-bit text or UTF-16, in any case.
pub(crate) fn holds(bytes: &[u8], name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let wide: Vec<u8> = name.bytes().flat_map(|byte| [byte, 0]).collect();
    let bytes = bytes.to_ascii_lowercase();
    let find = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    find(name.as_bytes()) || find(&wide)
}
