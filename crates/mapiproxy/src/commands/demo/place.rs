//! The files, addresses and accounts of the demo.

use std::error::Error;
use std::fs::DirBuilder;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use identity::accounts::AccountFile;
use identity::{Account, NtHash, Password};
use lab::{HttpServer, LabServer, Listening, ServerCertificate};

use crate::files;

/// The loopback addresses of the demo's proxy and test server.
pub(super) const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 23);
const LAB: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 24);

/// The users of the demo. Only the proxy has their accounts.
const PEOPLE: [&str; 2] = ["alice", "bob"];

/// The only account of the test server.
pub(super) const SERVICE: &str = "svcproxy";

/// A directory that other users cannot read, removed when this is dropped, and what the demo needs of its files.
#[derive(Debug)]
pub(super) struct Place {
    folder: PathBuf,
    pub(super) service: Password,
    pub(super) alice: Password,
    pub(super) bob: Password,
}

impl Place {
    /// Creates the directory with the certificate and the files of passwords.
    pub(super) fn new() -> Result<Self, Box<dyn Error>> {
        let (service, alice, bob) = (random_text()?, random_text()?, random_text()?);
        let folder = std::env::temp_dir().join(format!("mapiproxy-demo-{}", std::process::id()));
        let created = DirBuilder::new().mode(0o700).create(&folder);
        created.map_err(|error| format!("cannot create the directory {}: {error}", folder.display()))?;
        let place = Self { folder, service, alice, bob };
        place.fill()?;
        Ok(place)
    }

    fn fill(&self) -> Result<(), Box<dyn Error>> {
        let made = rcgen::generate_simple_self_signed([PROXY.to_string(), LAB.to_string()])?;
        files::replace(&self.certificate(), made.cert.pem().as_bytes())?;
        files::replace(&self.key(), made.signing_key.serialize_pem().as_bytes())?;
        let mut accounts = AccountFile::default();
        for (user, password) in PEOPLE.iter().zip([&self.alice, &self.bob]) {
            accounts.set(account(user, password))?;
        }
        files::write_accounts(&self.folder.join("accounts.toml"), &accounts)?;
        for (user, password) in [(SERVICE, &self.service), ("alice", &self.alice), ("bob", &self.bob)] {
            files::replace(&self.password_file(user), password.expose().as_bytes())?;
        }
        Ok(())
    }

    /// The certificate of the proxy and of the test server, which is its own authority.
    pub(super) fn certificate(&self) -> PathBuf {
        self.folder.join("demo.crt")
    }

    fn key(&self) -> PathBuf {
        self.folder.join("demo.key")
    }

    /// The file with the password of a user.
    pub(super) fn password_file(&self, user: &str) -> PathBuf {
        self.folder.join(format!("{user}.password"))
    }

    /// The test server, on ports that the system chooses.
    pub(super) fn lab(&self) -> Result<LabServer, Box<dyn Error>> {
        let mut accounts = AccountFile::default();
        accounts.set(account(SERVICE, &self.service))?;
        let any = SocketAddr::from((LAB, 0));
        let certificate = ServerCertificate::load(&self.certificate(), &self.key())?;
        let http = HttpServer { address: any, certificate: Some(certificate), ..HttpServer::local() };
        Ok(LabServer {
            endpoint_mapper: Some(any),
            rpc: any,
            http: Some(http),
            ..LabServer::local(Arc::new(accounts))
        })
    }

    /// Writes the configuration of a proxy before the test server. Returns its file.
    pub(super) fn configuration(&self, lab: &Listening) -> Result<PathBuf, Box<dyn Error>> {
        let mapper = lab.endpoint_mapper().ok_or("the test server has no endpoint mapper")?;
        let http = lab.http().ok_or("the test server has no address for HTTP")?;
        let [own_mapper, rpc, https] = free_ports(PROXY)?;
        let text = format!(
            "name = \"proxy.lab.test\"\npublic_url = \"https://{PROXY}:{https}\"\n\
             [listen]\nendpoint_mapper = \"{PROXY}:{own_mapper}\"\nrpc = \"{PROXY}:{rpc}\"\n\
             https = \"{PROXY}:{https}\"\ncertificate = \"demo.crt\"\nkey = \"demo.key\"\n\
             [clients]\naccounts = \"accounts.toml\"\n\
             [upstream]\nrpc = \"{mapper}\"\nhttp = \"https://{http}\"\nca_file = \"demo.crt\"\n\
             [upstream.credentials]\nmode = \"specified\"\nuser = \"{SERVICE}\"\ndomain = \"LAB\"\n\
             password_file = \"{SERVICE}.password\"\n\
             [modules.names]\nserver = \"EXCH1\"\n"
        );
        let path = self.folder.join("proxy.toml");
        files::replace(&path, text.as_bytes())?;
        Ok(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A path as an argument in a shell.
pub(super) fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |each: char| each.is_ascii_alphanumeric() || "/._-+".contains(each);
    if path.chars().all(is_plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

fn account(user: &str, password: &Password) -> Account {
    Account::new(user, "LAB", NtHash::from_password(password.expose()))
}

/// Ports of `host` that are free now.
fn free_ports(host: Ipv4Addr) -> Result<[u16; 3], Box<dyn Error>> {
    let bind = || {
        let bound = TcpListener::bind((host, 0));
        bound.map_err(|error| format!("cannot listen on the loopback address {host}: {error}"))
    };
    let [first, second, third] = [bind()?, bind()?, bind()?];
    Ok([first.local_addr()?.port(), second.local_addr()?.port(), third.local_addr()?.port()])
}

fn random_text() -> Result<Password, identity::RandomError> {
    let mut bytes = [0; 16];
    identity::Random::fill(&mut identity::OsRandom, &mut bytes)?;
    Ok(Password::new(bytes.map(|byte| format!("{byte:02x}")).concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_for_a_shell_only_if_they_have_to_be() {
        assert_eq!(quoted(Path::new("/tmp/a-b.c")), "/tmp/a-b.c");
        assert_eq!(quoted(Path::new("/tmp/it's a")), r"'/tmp/it'\''s a'");
    }
}
