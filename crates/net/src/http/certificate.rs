//! Checks the proxy's certificate for faults for which clients reject it.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rustls::pki_types::{CertificateDer, ServerName};
use webpki::EndEntityCert;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::http::pem::Role;
use crate::http::tls::{self, TlsError};

/// Why clients do not accept a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// It is no longer valid.
    #[error("certificate expired {} ago: renew it", days(*.0))]
    Expired(Duration),
    /// It is not valid yet.
    #[error("certificate is not valid for another {}: check the clock of this machine, or use another certificate", days(*.0))]
    NotYet(Duration),
    /// It is for other names.
    #[error(
        "certificate is not for {name}, the name by which clients reach the proxy, but for {}: have one issued for \
         that name, or correct `name`", list(.has)
    )]
    Name {
        /// The name that it should have.
        name: String,
        /// The names that it has.
        has: Vec<String>,
    },
    /// It is the certificate of an authority (`CA:TRUE`).
    #[error(
        "certificate is that of a certificate authority (basicConstraints has CA:TRUE), which some clients refuse from \
         a server: have one issued for the server"
    )]
    Authority,
    /// It is for another purpose.
    #[error("certificate is not for TLS servers (extendedKeyUsage has no serverAuth): have another issued")]
    Purpose,
    /// The certificates in its file are not in order (RFC 8446 4.4.2). Contains the number of the first one, from one,
    /// that is not followed by its issuer's.
    #[error(
        "certificate {} in the file is not that of the issuer of certificate {_0}: order the file from the server's \
         certificate to the root; some clients refuse another order", _0.saturating_add(1)
    )]
    Order(usize),
    /// It is not a certificate that can be read.
    #[error("certificate cannot be read: it is damaged, or not an X.509 certificate of version 3")]
    Unreadable,
}

fn days(time: Duration) -> String {
    match time.as_secs() / 86_400 {
        0 => format!("{} minutes", time.as_secs() / 60),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "no name that clients check".to_owned() } else { names.join(", ") }
}

/// Returns the faults for which clients that connect to `name` reject the first certificate of the file `path` at the
/// time `now`. Whether they trust its authority is not checked.
///
/// # Errors
/// If the file cannot be read.
pub fn certificate_faults(
    path: &Path,
    name: &str,
    now: SystemTime,
) -> Result<Vec<CertificateFault>, TlsError> {
    let chain = tls::certificates(path, Role::Certificate)?;
    let Some(first) = chain.first() else { return Ok(Vec::new()) };
    let (Ok(certificate), Ok((_, parsed))) =
        (EndEntityCert::try_from(first), X509Certificate::from_der(first))
    else {
        return Ok(vec![CertificateFault::Unreadable]);
    };
    let mut faults: Vec<CertificateFault> = validity_fault(&parsed, now).into_iter().collect();
    if parsed.is_ca() {
        faults.push(CertificateFault::Authority);
    }
    if !is_for_servers(&parsed) {
        faults.push(CertificateFault::Purpose);
    }
    let named = ServerName::try_from(name)
        .is_ok_and(|name| certificate.verify_is_valid_for_subject_name(&name).is_ok());
    if !named {
        let has = certificate.valid_dns_names().map(str::to_owned).collect();
        faults.push(CertificateFault::Name { name: name.to_owned(), has });
    }
    faults.extend(out_of_order(&chain).map(CertificateFault::Order));
    Ok(faults)
}

fn validity_fault(certificate: &X509Certificate<'_>, now: SystemTime) -> Option<CertificateFault> {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let at = |time: i64| u64::try_from(time).unwrap_or_default();
    let validity = certificate.validity();
    let (from, to) = (at(validity.not_before.timestamp()), at(validity.not_after.timestamp()));
    let seconds = |from: u64, to: u64| Duration::from_secs(to.saturating_sub(from));
    if now > to {
        Some(CertificateFault::Expired(seconds(to, now)))
    } else if now < from {
        Some(CertificateFault::NotYet(seconds(now, from)))
    } else {
        None
    }
}

/// Whether `extendedKeyUsage`, if there is one, has `serverAuth` or any purpose (RFC 5280 4.2.1.12).
fn is_for_servers(certificate: &X509Certificate<'_>) -> bool {
    match certificate.extended_key_usage() {
        Ok(Some(usage)) => usage.value.server_auth || usage.value.any,
        Ok(None) => true,
        Err(_) => false,
    }
}

/// The number of the first certificate of `chain`, from one, that is not followed by its issuer's.
fn out_of_order(chain: &[CertificateDer<'_>]) -> Option<usize> {
    let follows = |pair: &[CertificateDer<'_>]| {
        let [certificate, next] = pair else { return true };
        let (certificate, next) = (EndEntityCert::try_from(certificate), EndEntityCert::try_from(next));
        // Certificates that cannot be read are not compared.
        certificate
            .ok()
            .zip(next.ok())
            .is_none_or(|(certificate, next)| certificate.issuer() == next.subject())
    };
    let at = chain.windows(2).position(|pair| !follows(pair))?;
    Some(at.saturating_add(1))
}
