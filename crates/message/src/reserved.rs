//! Header fields by which the servers of an Exchange organization trust each other.

/// Prefixes of their names: those that writers exclude ([MS-OXCMAIL] 2.1.3.2.4), and those that readers exclude
/// ([MS-OXCMAIL] 2.2.3.2.29).
const PREFIXES: [&str; 4] = [
    "x-microsoft-exchange-organization",
    "x-microsoft-exchange-forest",
    "x-ms-exchange-organization-",
    "x-ms-exchange-forest-",
];

/// Whether only a server of the organization may set the field `name`. It is not written, and becomes no named
/// property, because neither a message nor its properties prove who set it. This includes the four fields of
/// authentication (`AuthAs` and others) that [MS-OXCMAIL] 2.2.3.2.29 lets readers keep.
pub(crate) fn is_reserved(name: &str) -> bool {
    let has = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    PREFIXES.into_iter().any(has)
}
