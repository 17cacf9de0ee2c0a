//! A lab on loopback, with the accounts of Alice and Bob, over RPC and over HTTP.
#![allow(dead_code, reason = "each test file uses a part")]

use std::net::SocketAddr;
use std::sync::Arc;

use client::{ClientConfig, HttpServer, account, http_account};
use identity::accounts::AccountFile;
use identity::{Account, Mechanism, NtHash, Password};
use lab::{Lab, LabConfig, LabServer, start};
use rpc::AuthLevel;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) struct Served {
    pub(crate) lab: Arc<Lab>,
    pub(crate) mapper: SocketAddr,
    pub(crate) http: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Served {
    pub(crate) async fn new(minimum_level: AuthLevel) -> Self {
        let lab = Arc::new(Lab::new(LabConfig::two_servers()).unwrap());
        let mut accounts = AccountFile::default();
        for user in ["alice", "bob"] {
            accounts.set(Account::new(user, "LAB", NtHash::from_password("Password"))).unwrap();
        }
        let http = Some(lab::HttpServer::local());
        let server = LabServer { minimum_level, http, ..LabServer::local(Arc::new(accounts)) };
        let listening = start(Arc::clone(&lab), server).await.unwrap();
        let (mapper, http) = (listening.endpoint_mapper().unwrap(), listening.http().unwrap());
        let (stop, stopped) = watch::channel(false);
        let task = net::spawn_system(listening.run(stopped));
        Self { lab, mapper, http, stop, task }
    }

    pub(crate) fn config(&self) -> ClientConfig {
        ClientConfig::mapper(&self.mapper.ip().to_string(), self.mapper.port())
    }

    pub(crate) fn signed_in(&self, mechanism: Mechanism, level: AuthLevel, password: &str) -> ClientConfig {
        self.config().with_account(account("alice", "LAB", &Password::new(password), mechanism, level))
    }

    /// A client of MAPI over HTTP. The lab of tests accepts Basic without TLS.
    pub(crate) fn over_http(&self, user: &str, mechanism: Mechanism, password: &str) -> ClientConfig {
        let server = HttpServer::without_tls(&self.http.ip().to_string(), self.http.port());
        let account = http_account(user, "LAB", &Password::new(password), mechanism).unwrap();
        ClientConfig::http(server).with_account(account)
    }

    /// Clients of `user` over RPC and over HTTP.
    pub(crate) fn both(&self, user: &str) -> [ClientConfig; 2] {
        let password = Password::new("Password");
        let account = account(user, "LAB", &password, Mechanism::NTLM, AuthLevel::PKT_PRIVACY);
        [self.config().with_account(account), self.over_http(user, Mechanism::NTLM, "Password")]
    }

    /// Ends the server, which must have forgotten all sessions once its clients are gone.
    pub(crate) async fn end(self) {
        self.stop.send(true).unwrap();
        self.task.await.unwrap();
        assert_eq!(self.lab.open_handles(), 0);
    }
}
