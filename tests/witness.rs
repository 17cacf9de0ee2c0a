//! tshark, an independent implementation, reads names and users on both sides, and what is not encrypted.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::harness::{ALICE, Client, Folder, Process, Proxy, SERVER, SERVICE, Setup, Upstream};

/// A recording of the packets of two addresses.
pub(crate) struct Recording {
    dumpcap: Process,
    folder: Folder,
}

impl Recording {
    pub(crate) fn of(addresses: [Ipv4Addr; 2]) -> Self {
        let folder = Folder::new();
        let filter = format!("host {} or host {}", addresses[0], addresses[1]);
        let mut command = Command::new("dumpcap");
        command.args(["-q", "-i", "lo", "-f", &filter, "-w"]).arg(folder.join("run.pcapng"));
        let dumpcap =
            Process::start("dumpcap (which must be allowed to record on lo: run as root)", &mut command);
        dumpcap.wait_err("that it records", |line| line.starts_with("File:"));
        Self { dumpcap, folder }
    }

    pub(crate) fn end(mut self) -> Recorded {
        // The last packets are still in the kernel's buffer.
        std::thread::sleep(Duration::from_millis(700));
        self.dumpcap.terminate();
        let ended = self.dumpcap.end();
        assert!(ended.status.success(), "{}", ended.err);
        Recorded { file: self.folder.join("run.pcapng"), _folder: self.folder }
    }
}

pub(crate) struct Recorded {
    pub(crate) file: PathBuf,
    _folder: Folder,
}

impl Recorded {
    /// The output of tshark for the packets that match `filter`, with `password`, in the format `form`.
    fn read(&self, filter: &str, password: &str, form: &[&str]) -> String {
        let mut command = Command::new("tshark");
        command.arg("-r").arg(&self.file).args(["-Y", filter]);
        command.args(["-d", "tcp.port==6001,dcerpc", "-d", "tcp.port==1135,dcerpc"]);
        command.args(["-o", &format!("ntlmssp.nt_password:{password}")]).args(form);
        let ended = Process::start("tshark", &mut command).end();
        assert!(ended.status.success(), "{}", ended.err);
        ended.out
    }

    /// The different values of a field at `address`.
    fn field(&self, address: Ipv4Addr, filter: &str, password: &str, field: &str) -> BTreeSet<String> {
        let filter = format!("ip.addr=={address} && dcerpc && {filter}");
        let said = self.read(&filter, password, &["-T", "fields", "-E", "aggregator=\u{1}", "-e", field]);
        let values = said.split(['\n', '\u{1}']).filter(|value| !value.is_empty());
        values.map(str::to_owned).collect()
    }

    /// All that tshark decodes of the calls at `address`.
    fn calls(&self, address: Ipv4Addr, password: &str) -> String {
        let filter = format!("ip.addr=={address} && (dcerpc.pkt_type==0 || dcerpc.pkt_type==2)");
        self.read(&filter, password, &["-V"])
    }
}

/// Conversations of impacket and scapy through a proxy, recorded on both sides.
fn recorded(level: &str) -> (Upstream, Proxy, Recorded) {
    let upstream = Upstream::start();
    let setup = Setup::before(&upstream.mapper().to_string()).stack(&["names"]).minimum_level(level);
    // The upstream is configured by its address, which differs from its name in distinguished names.
    let proxy = setup.options("names", "server = \"EXCH\"").start();
    let recording = Recording::of([proxy.address, upstream.address]);
    Client::impacket(proxy.mapper()).user(ALICE, level).run().expect_success();
    let scapy = Client::scapy(proxy.mapper()).user(ALICE, level).with("--dialect", "2000");
    scapy.run().expect_success();
    (upstream, proxy, recording.end())
}

const NAMES: &str = "nspi.SPropValue_CTR.lpszW";
const MAILBOX_SERVER: &str = "cn=Servers/cn=";

#[test]
fn with_the_passwords_each_side_has_its_own_names_and_users() {
    let (upstream, proxy, recorded) = recorded("privacy");
    let users = |address, password| {
        recorded.field(address, "ntlmssp.auth.username", password, "ntlmssp.auth.username")
    };
    assert_eq!(users(proxy.address, ALICE.1), BTreeSet::from(["alice".to_owned()]));
    assert_eq!(users(upstream.address, SERVICE.1), BTreeSet::from(["svcproxy".to_owned()]));

    let clients = recorded.field(proxy.address, "nspi", ALICE.1, NAMES);
    let servers = recorded.field(upstream.address, "nspi", SERVICE.1, NAMES);
    assert!(clients.contains("Ada Lovelace") && servers.contains("Ada Lovelace"), "{clients:?}\n{servers:?}");
    let homes = |names: &BTreeSet<String>| -> BTreeSet<String> {
        let rest = names.iter().filter_map(|name| name.split_once(MAILBOX_SERVER));
        rest.map(|(_, rest)| rest.split('/').next().unwrap().to_owned()).collect()
    };
    assert_eq!(homes(&clients), BTreeSet::from(["PROXY".to_owned()]));
    assert_eq!(homes(&servers), BTreeSet::from(["EXCH".to_owned()]));

    // No packet between client and proxy names the server.
    let said = recorded.read(&format!("ip.addr=={}", proxy.address), ALICE.1, &["-V"]).to_lowercase();
    assert!(said.contains("proxy.lab.test"));
    assert!(!said.contains(SERVER) && !said.contains("cn=exch"));
    // Both dialects' connects were read as well.
    assert!(recorded.calls(proxy.address, ALICE.1).contains("EcDoConnect"));
}

#[test]
fn without_the_passwords_no_call_can_be_read() {
    let (upstream, proxy, recorded) = recorded("privacy");
    for (address, other_password) in [(proxy.address, SERVICE.1), (upstream.address, ALICE.1)] {
        let levels =
            recorded.field(address, "dcerpc.pkt_type!=11 && tcp.port==6001", "", "dcerpc.auth_level");
        assert_eq!(levels, BTreeSet::from(["6".to_owned()]));
        // No call went without a verifier, so that the level above is that of every one.
        let calls = format!("ip.addr=={address} && tcp.port==6001 && dcerpc.pkt_type in {{0, 2}}");
        assert_eq!(recorded.read(&format!("{calls} && !dcerpc.auth_level"), "", &[]), "");
        assert!(recorded.read(&calls, "", &[]).lines().count() > 20);
        // The password of one side says nothing about the other.
        for password in ["", other_password] {
            let said = recorded.calls(address, password);
            for word in ["Lovelace", "cn=ada", "cn=PROXY", "cn=EXCH"] {
                assert!(!said.contains(word), "{word} can be read at {address}");
            }
        }
    }
    let bytes = std::fs::read(&recorded.file).unwrap();
    for word in ["Lovelace", "Recipients", "cn=ada"] {
        let wide: Vec<u8> = word.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let obfuscated: Vec<u8> = word.bytes().map(|byte| byte ^ 0xA5).collect();
        for form in [word.as_bytes(), &wide, &obfuscated] {
            assert!(!bytes.windows(form.len()).any(|window| window == form), "{word} is in the recording");
        }
    }
}

#[test]
fn the_server_side_is_sealed_though_clients_only_sign() {
    let (upstream, proxy, recorded) = recorded("integrity");
    // The same words are found where calls are not sealed.
    assert!(recorded.calls(proxy.address, "").contains("Lovelace"));
    assert!(!recorded.calls(upstream.address, "").contains("Lovelace"));
}
