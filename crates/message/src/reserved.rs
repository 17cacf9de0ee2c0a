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
    let name = name.to_ascii_lowercase();
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}
