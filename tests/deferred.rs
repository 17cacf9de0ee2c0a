//! Requests that modules defer or query ahead of, with third-party clients: responses are the same as without the
//! module, and a client of HTTP receives PENDING meanwhile.

use serde_json::Value;

use crate::harness::{
    ALICE, Certificates, Client, Credentials, HttpClient, HttpUpstream, Lab, SERVICE, Setup, header,
};

/// The recorded Execute with a `RopLogon`, and one with a `RopOpenFolder`.
const LOGON: &str = "execute 65";
const OPEN: &str = "execute 66";

/// The distinguished name of the lab's first server.
const LAB_SERVER: &str = "/o=Lab Organisation/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)\
     /cn=Configuration/cn=Servers/cn=EXCH1";

#[test]
fn deferred_http_requests_have_the_responses_of_a_direct_session() {
    let certificates = Certificates::new();
    let upstream = HttpUpstream::within_tls("ntlm", &certificates);
    let mut direct = HttpClient::direct(&upstream, &certificates);
    let commands = ["connect", LOGON, OPEN, LOGON, OPEN, "disconnect"];
    let recorded: Vec<Value> = commands.map(|command| direct.succeed(command)).to_vec();
    let setup = Setup::before_http(&upstream, &certificates).stack(&["dummy"]);
    let mut proxy = setup.options("dummy", "defer_ms = 1300").log("warn,dummy=info").start();
    let mut client = HttpClient::new(&proxy, &certificates, Credentials("ntlm", ALICE));
    for (command, recorded) in commands.into_iter().zip(&recorded) {
        let response = client.succeed(command);
        assert_eq!(response["content"], recorded["content"], "{command}");
        // The head of the response to a Connect has the cookies, so it is not sent before the server's.
        let pending = header(&response, "X-PendingPeriod").is_some_and(|period| period == "15000");
        let cookies = response["headers"].to_string().contains("Set-Cookie");
        assert_eq!((pending, cookies), (command != "connect", command == "connect"), "{command}: {response}");
    }
    // The server checked the sequence of the requests.
    assert!(upstream.refusals().is_empty(), "{:?}", upstream.refusals());
    let ended = proxy.stop();
    assert!(ended.status.success(), "{}", ended.err);
    let deferred =
        ended.err.lines().filter(|line| line.contains("deferred") && line.contains("user=LAB\\alice"));
    assert_eq!(deferred.count(), commands.len(), "{}", ended.err);
    assert!(ended.out.contains("0 open security contexts"), "{}", ended.out);
}

#[test]
fn rpc_calls_are_deferred_after_a_query_by_the_module() {
    let lab = Lab::start(false);
    let walk = |client: Client, server: &str| {
        let client = client.with("--server-dn", server).with("--prefix", "A").with("--resolve", "al");
        client.run().expect_success()
    };
    let direct = walk(Client::impacket(lab.mapper()).user(SERVICE, "privacy"), LAB_SERVER);
    let setup = Setup::before(&lab.mapper().to_string()).stack(&["dummy"]).log("warn,dummy=info");
    let mut proxy = setup.options("dummy", "defer_ms = 20\nahead = true").start();
    let through = walk(Client::impacket(proxy.mapper()).user(ALICE, "privacy"), LAB_SERVER);
    for step in ["NspiQueryRows", "NspiResolveNames"] {
        assert_eq!(through.result(step), direct.result(step), "{step}");
    }
    let ended = proxy.stop();
    assert!(ended.status.success(), "{}", ended.err);
    let lines = |hook: &str| {
        let hook = format!("dummy: {hook} ");
        ended.err.lines().filter(|line| line.contains(&hook)).map(str::to_owned).collect::<Vec<_>>()
    };
    let (deferred, ahead) = (lines("deferred"), lines("ahead"));
    assert_eq!(deferred.len(), lines("request").len(), "{}", ended.err);
    assert!(deferred.iter().all(|line| line.contains("user=LAB\\alice")), "{}", ended.err);
    assert!(!ahead.is_empty() && ahead.iter().all(|line| line.contains("columns=")), "{}", ended.err);
    assert!(ended.out.contains("0 open security contexts"), "{}", ended.out);
}
