//! What Samba's client and Samba's server sealed with Kerberos, decrypted with the keytab of the server.

use capture::call::{CallBody, RpcOutcome, SealedReason, Stub};
use capture::decrypt::Keys;
use capture::decrypt::kerberos::{Context, Keytab, Part};
use capture::source::Packets;
use capture::stream::Side;
use capture::{Call, CallReader, RecordedItem};
use testkit::captures::{KERBEROS, KEYTAB};

/// What is found in `recording` with `keytab`: calls and problems.
fn found(recording: &[u8], keytab: &[u8]) -> (Vec<Call>, Vec<String>) {
    let mut keys = Keys::default();
    if !keytab.is_empty() {
        keys.kerberos.add(keytab).unwrap();
    }
    let mut reader = CallReader::new(keys);
    let mut packets = Packets::new(recording).unwrap();
    while let Some(item) = packets.next_item().unwrap() {
        reader.item(item);
    }
    reader.finish();
    let (mut calls, mut problems) = (Vec::new(), Vec::new());
    for found in reader.take() {
        match found {
            RecordedItem::Call(call) => calls.push(*call),
            RecordedItem::Problem(problem) => problems.push(problem.what),
        }
    }
    (calls, problems)
}

/// The stubs of a call's request and of its response.
fn stubs(call: &Call) -> [&Stub; 2] {
    let CallBody::Rpc(rpc) = &call.body else { panic!("{call:?}") };
    let RpcOutcome::Response(response) = &rpc.outcome else { panic!("{call:?}") };
    [&rpc.request, response]
}

fn is_sealed(call: &Call) -> bool {
    stubs(call).iter().all(|stub| matches!(stub, Stub::Sealed(..)))
}

/// Three connections each with session keys of AES-256, RC4 and AES-128: signed, sealed, and sealed within
/// SPNEGO.
#[test]
fn sealed_calls_are_decrypted_and_have_their_user() {
    let (calls, problems) = found(KERBEROS, KEYTAB);
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(calls.len(), 18);
    for call in &calls {
        assert_eq!(call.user.as_deref(), Some("alice@LAB.TEST"));
        let CallBody::Rpc(rpc) = &call.body else { panic!("{call:?}") };
        let [Stub::Plain(..), Stub::Plain(response, _)] = stubs(call) else { panic!("{call:?}") };
        // SamrConnect2 and SamrEnumerateDomainsInSamServer ([MS-SAMR] 3.1.4), of which the second names the
        // domain.
        let names = response.windows(6).any(|part| part == b"L\0A\0B\0");
        assert_eq!(names, rpc.opnum == 6, "{response:?}");
    }
}

#[test]
fn without_a_keytab_signed_calls_are_decoded_and_sealed_ones_are_reported_once() {
    let (calls, problems) = found(KERBEROS, &[]);
    assert_eq!(calls.len(), 18);
    assert_eq!(calls.iter().filter(|call| is_sealed(call)).count(), 12);
    assert!(calls.iter().all(|call| call.user.is_none()));
    assert_eq!(problems, ["messages are encrypted by Kerberos, and no keytab is given"; 6]);
}

#[test]
fn a_keytab_without_the_key_is_reported_with_the_missing_key() {
    // The key of AES-256 is another one.
    let mut file = KEYTAB.to_vec();
    let size = |at: usize| usize::try_from(u32::from_be_bytes(file[at..at + 4].try_into().unwrap())).unwrap();
    let end = 2 + 4 + size(2);
    file[end - 20] ^= 1;
    let (calls, problems) = found(KERBEROS, &file);
    assert_eq!(calls.iter().filter(|call| is_sealed(call)).count(), 12);
    let expected = "keytab has no key of host/dc1.lab.test@LAB.TEST (aes256-cts-hmac-sha1-96, kvno 1)";
    assert_eq!(problems, [expected; 6]);
}

#[test]
fn a_changed_message_is_detected() {
    let sealed: Vec<usize> = {
        let (calls, _) = found(KERBEROS, &[]);
        (0..calls.len()).filter(|number| is_sealed(&calls[*number])).collect()
    };
    assert_eq!(sealed.len(), 12);
    // The sealed stub of the last request of the recording.
    let request = KERBEROS.windows(8).rposition(|bytes| bytes == [5, 0, 0, 3, 0x10, 0, 0, 0]).unwrap();
    let mut changed = KERBEROS.to_vec();
    changed[request + 24 + 2] ^= 1;
    let (calls, problems) = found(&changed, KEYTAB);
    assert_eq!(problems, ["wrong signature of a message for the Kerberos keys"]);
    let [Stub::Sealed(_, why), Stub::Plain(..)] = stubs(&calls[17]) else { panic!("{:?}", calls[17]) };
    assert_eq!(*why, SealedReason::Signature);
}

/// Tokens of MIT Kerberos 1.20 in DCE style, with its `gss_wrap_iov` at both ends and headers signed: a
/// security context for each encryption type of AES, which its ticket and its subkeys have. Each is a length
/// of four bytes; then a byte that says which side sent what, and a token of the handshake, or the sealed
/// body and the token of a message, with lengths of two bytes. Bodies count from zero.
const MIT_TOKENS: &[u8] = include_bytes!("data/mit_tokens.bin");
const MIT_KEYTAB: &[u8] = include_bytes!("data/mit.keytab");

/// Cuts a block off `bytes` whose length stands before it, in `size` bytes.
fn block<'a>(bytes: &mut &'a [u8], size: usize) -> &'a [u8] {
    let (length, rest) = bytes.split_at(size);
    let length = length.iter().rev().fold(0, |length, byte| length << 8 | usize::from(*byte));
    let (block, rest) = rest.split_at(length);
    *bytes = rest;
    block
}

#[test]
fn messages_of_mit_kerberos_are_decrypted_with_each_aes_encryption_type() {
    let mut keytab = Keytab::default();
    keytab.add(MIT_KEYTAB).unwrap();
    let (mut tokens, mut contexts) = (MIT_TOKENS, 0);
    while !tokens.is_empty() {
        let (mut sent, mut context, mut messages) = (block(&mut tokens, 4), Context::default(), 0);
        while let Some((what, rest)) = sent.split_first() {
            sent = rest;
            let side = if what & 1 == 0 { Side::Client } else { Side::Server };
            let first = block(&mut sent, 2);
            if what & 2 == 0 {
                context.token(side, first);
                continue;
            }
            let (mut body, token) = (first.to_vec(), block(&mut sent, 2));
            for signed in [&[3; 24], &[1; 24]] {
                let mut part = Part { before: signed, body: &mut body, after: &[2; 8], token };
                let checked = context.check(&mut part, true, &keytab);
                assert_eq!(checked.is_ok(), signed == &[1; 24], "context {contexts}, {checked:?}");
            }
            let plain: Vec<u8> = (0..u8::try_from(body.len()).unwrap()).collect();
            assert_eq!(body, plain, "context {contexts}");
            messages += 1;
        }
        assert_eq!(context.user(&keytab).as_deref(), Some("alice@MIT.TEST"));
        assert_eq!(messages, 8);
        contexts += 1;
    }
    assert_eq!(contexts, 4);
}
