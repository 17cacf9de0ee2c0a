//! The HTTP authentication schemes that are recognized.

/// An HTTP authentication scheme that we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// A name and a password as they are (RFC 7617).
    Basic,
    /// A token of somebody whom the server trusts (RFC 6750).
    Bearer,
    /// NTLM on the connection ([MS-NTHT]).
    Ntlm,
    /// SPNEGO on the connection (RFC 4559).
    Negotiate,
}

impl Scheme {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Negotiate, Self::Ntlm, Self::Bearer, Self::Basic];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Basic => "Basic",
            Self::Bearer => "Bearer",
            Self::Ntlm => "NTLM",
            Self::Negotiate => "Negotiate",
        }
    }

    /// Whether it proves who is at a connection's other end, in several legs, and not who sends one request.
    pub const fn is_handshake(self) -> bool {
        matches!(self, Self::Ntlm | Self::Negotiate)
    }

    /// The scheme that a header's value names, whose case does not matter, and what stands behind it.
    pub fn split(value: &[u8]) -> Option<(Self, &[u8])> {
        let at = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
        let (name, rest) = value.split_at_checked(at)?;
        let scheme =
            Self::ALL.into_iter().find(|scheme| name.eq_ignore_ascii_case(scheme.name().as_bytes()))?;
        Some((scheme, rest.trim_ascii()))
    }
}
