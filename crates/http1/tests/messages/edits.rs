//! Editing heads.

use http1::{FieldAction, Fields, ReadyField, RequestHead, ResponseHead};

use super::{CONNECT, head, written};

#[test]
fn an_edit_changes_no_other_field() {
    let text = CONNECT.strip_suffix("hello").unwrap();
    let mut edited = head(text);
    assert_eq!((edited.method(), edited.path(), edited.fields.len()), ("POST", "/mapi/emsmdb/", 5));
    assert_eq!(edited.fields.get("HOST"), Some(&b"a.b"[..]));
    assert_eq!(edited.fields.get("empty"), Some(&b""[..]));
    assert!(edited.fields.set("Host", "exch.lab.test"));
    assert_eq!(written(&edited), text.replace("host:  a.b ", "host: exch.lab.test"));
    assert!(edited.fields.remove("content-length") && !edited.fields.remove("content-length"));
    assert!(edited.fields.push("Authorization", "Basic x"));
    assert_eq!(
        written(&edited),
        text.replace("host:  a.b ", "host: exch.lab.test")
            .replace("Content-Length: 5\r\n", "")
            .replace("Empty:\r\n", "Empty:\r\nAuthorization: Basic x\r\n")
    );
    assert!(edited.set_target("/other") && edited.target() == "/other");
    assert!(written(&edited).starts_with("POST /other HTTP/1.1\r\nhost: exch"));
}

#[test]
fn no_edit_can_inject_a_line() {
    let mut edited = head("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    for value in ["a\r\nb: c", "a\nb", "a\0", " a", "a\r"] {
        assert!(!edited.fields.push("X", value) && !edited.fields.set("Host", value), "{value:?}");
    }
    for name in ["", "a b", "a:", "a\r\n"] {
        assert!(!edited.fields.push(name, "x"), "{name:?}");
    }
    for target in ["", "/ HTTP/1.1", "/\r\n", "/\u{e9}"] {
        assert!(!edited.set_target(target), "{target:?}");
    }
    assert_eq!(written(&edited), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(RequestHead::new("GET", "/ x").is_none() && RequestHead::new("G T", "/").is_none());
    assert!(ResponseHead::new(99, "OK").is_none() && ResponseHead::new(200, "O\nK").is_none());
}

#[test]
fn set_removes_further_fields_of_the_name() {
    let mut edited = head("GET / HTTP/1.1\r\nHost: a\r\nCookie: b\r\nx: y\r\ncookie: c\r\n\r\n");
    assert!(edited.fields.set("cookie", "d"));
    assert_eq!(written(&edited), "GET / HTTP/1.1\r\nHost: a\r\nCookie: d\r\nx: y\r\n\r\n");
    assert!(edited.fields.set("Via", "1.1 p"));
    assert_eq!(edited.fields.get("via"), Some(&b"1.1 p"[..]));
    assert!(edited.fields.remove("HOST") && edited.fields.remove("cookie") && !edited.fields.remove("host"));
    assert_eq!(written(&edited), "GET / HTTP/1.1\r\nx: y\r\nVia: 1.1 p\r\n\r\n");
}

#[test]
fn a_rewrite_applies_an_action_to_each_field() {
    let received = "GET / HTTP/1.1\r\nhOST:  a\r\nA: 1\r\nB:2\r\nC: 3\r\n\r\n";
    let rewritten = |actions: [FieldAction; 4]| {
        let (mut head, mut actions) = (head(received), actions.into_iter());
        head.fields.rewrite(|_, _| actions.next().unwrap());
        (head.fields.len(), written(&head))
    };
    let replace = |value: &'static str| FieldAction::Replace(value.into());
    assert_eq!(
        rewritten([replace("a"), FieldAction::Keep, FieldAction::Keep, replace("3")]),
        (4, received.to_owned())
    );
    let other = "GET / HTTP/1.1\r\nhOST: b\r\nA: 1\r\nC: 4\r\n\r\n";
    assert_eq!(
        rewritten([replace("b"), FieldAction::Keep, FieldAction::Remove, replace("4")]),
        (3, other.to_owned())
    );
    assert_eq!(
        rewritten([FieldAction::Keep, FieldAction::Remove, replace("x\r\ny"), FieldAction::Remove]).0,
        1
    );
}

#[test]
fn setting_a_number_that_is_set_already_changes_nothing() {
    let lengths = |lines: &str, number| {
        let mut edited = head(&format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}x: y\r\n\r\n"));
        edited.fields.set_number("Content-Length", number);
        let text = written(&edited);
        text.strip_prefix("GET / HTTP/1.1\r\nHost: a\r\n").unwrap().to_owned()
    };
    assert_eq!(lengths("content-length:  5\r\n", 5), "content-length:  5\r\nx: y\r\n\r\n");
    assert_eq!(lengths("content-length:  5\r\n", 7), "content-length: 7\r\nx: y\r\n\r\n");
    assert_eq!(lengths("content-length: 05\r\n", 5), "content-length: 5\r\nx: y\r\n\r\n");
    assert_eq!(lengths("content-length: +5\r\n", 5), "content-length: 5\r\nx: y\r\n\r\n");
    let two = "Content-Length: 5\r\nContent-Length: 5\r\n";
    assert_eq!(lengths(two, 5), "Content-Length: 5\r\nx: y\r\n\r\n");
    assert_eq!(lengths("", 5), "x: y\r\nContent-Length: 5\r\n\r\n");
}

#[test]
fn a_field_is_found_by_its_name_whether_it_was_received_or_added_or_changed() {
    let long = "N".repeat(2 + 64);
    let mut head = head(&format!("POST / HTTP/1.1\r\nHost: a\r\nTe: b\r\n{long}: c\r\n\r\n"));
    let mut check = |edit: &dyn Fn(&mut Fields), present: &[&str]| {
        edit(&mut head.fields);
        for fields in [&head.fields, &head.fields.clone()] {
            for name in ["host", "te", &long.to_lowercase(), "accept", "x-new"] {
                let is_present = present.iter().any(|one| one.eq_ignore_ascii_case(name));
                assert_eq!(
                    (fields.has(name), fields.all(name).count()),
                    (is_present, is_present.into()),
                    "{name}"
                );
            }
        }
    };
    check(&|_| (), &["host", "te", &long]);
    check(&|fields| assert!(fields.set("TE", "d")), &["host", "te", &long]);
    check(&|fields| assert!(fields.remove("te")), &["host", &long]);
    check(&|fields| assert!(!fields.remove("accept")), &["host", &long]);
    check(&|fields| assert!(fields.push("Accept", "e")), &["host", &long, "accept"]);
    check(&|fields| fields.add(&ReadyField::new("X-New", "f").unwrap()), &["host", &long, "accept", "x-new"]);
}
