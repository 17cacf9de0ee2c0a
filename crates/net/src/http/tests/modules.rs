//! Modules that change or refuse responses.

use engine::{Module, Operation, Refusal, Session};

use crate::http::tests::playbook::State::{KeptAlive, WaitsForServer};
use crate::http::tests::playbook::{Client, request, response};
use crate::http::tests::setup::Setup;
use crate::http::tests::streaming::HEAD;
use crate::http::tests::upstream::Upstream;

/// Refuses each response, or changes it.
struct ResponseEditor(bool);

impl Module for ResponseEditor {
    fn name(&self) -> &'static str {
        "meddler"
    }

    fn description(&self) -> &'static str {
        "meddles"
    }

    fn response(&self, operation: &mut Operation, _session: &mut Session) -> Result<(), Refusal> {
        if self.0 {
            return Err(Refusal::new(engine::RefusalKind::AccessDenied, "not this"));
        }
        operation.response.as_mut().unwrap().replace_bytes(vec![1, 2, 3].into());
        Ok(())
    }
}

fn edited(refuses: bool, pause: bool) -> (Vec<u8>, Option<String>) {
    let upstream = Upstream::silent();
    let modules: Vec<Box<dyn Module>> = vec![Box::new(ResponseEditor(refuses))];
    let proxy = Setup { modules, ..Setup::default() }.before(&upstream);
    let (begin, end) = (
        format!(
            "{}\r\nX-Of-Server: a\r\nSet-Cookie: sid=1\r\n\r\nc\r\nPROCESSING\r\n\r\n",
            HEAD.trim_ascii_end()
        ),
        format!("c\r\nDONE\r\nX: y\r\n\r\n2\r\n\r\n\r\n28\r\n{}\r\n0\r\n\r\n", "\0".repeat(40)),
    );
    let mut client = Client::new(&proxy) >> request("alice", "Connect", "", &[0; 20]) << WaitsForServer;
    client = if pause {
        client >> response(begin) << WaitsForServer >> response(end)
    } else {
        client >> response(begin + &end)
    };
    // The connection can be used again.
    client = client << KeptAlive;
    let answer = client.response();
    let code = answer.code();
    let is_refused = refuses && !pause;
    assert_eq!(
        (answer.header("x-of-server").is_some(), answer.header("set-cookie")),
        (!is_refused, Some("sid=1")),
        "a refusal has only the cookies of the server's head"
    );
    (answer.body, code)
}

#[test]
fn modules_change_and_refuse_responses_before_and_after_their_head_was_sent() {
    let changed = (b"PROCESSING\r\nDONE\r\nX: y\r\n\r\n\x01\x02\x03".to_vec(), Some("0".to_owned()));
    assert_eq!(edited(false, false), changed);
    assert_eq!(edited(false, true), changed);
    let (body, code) = edited(true, true);
    let late = "PROCESSING\r\nDONE\r\nX-ResponseCode: 11\r\nContent-Type: text/html\r\n\r\n";
    assert_eq!((String::from_utf8(body).unwrap().as_str(), code.as_deref()), (late, Some("0")));
    let (body, code) = edited(true, false);
    assert!(!body.starts_with(b"PROCESSING") && code.as_deref() == Some("11"), "{body:?}");
}
