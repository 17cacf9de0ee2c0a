//! Oracle: authentication tokens and the accounts file are read and written back.

use std::fmt::Debug;

use identity::accounts::{AccountFile, Accounts as _};
use identity::ntlm::{Authenticate, AvPairs, Challenge, ClientChallenge, Negotiate};
use identity::spnego::{NegTokenInit, NegTokenResp};
use wire::{Decode, Encode};

use crate::input::Input;

/// Authentication tokens and accounts files.
///
/// The first byte selects what the rest is: 0 to 2 the three NTLM messages, 3 a list of `AV_PAIR`s, 4 a client
/// challenge, 5 and 6 the first and the later tokens of SPNEGO, 7 an accounts file. Decoded tokens are encoded to
/// the same bytes, and no accessor panics. An accounts file that is read can be written, is read as the same
/// accounts, and each of them is found.
///
/// # Panics
/// If one of these properties is violated.
pub fn tokens(data: &[u8]) {
    let mut input = Input::new(data);
    let choice = input.byte() % 8;
    let bytes = input.rest();
    match choice {
        0 => drop(same_bytes::<Negotiate>(bytes)),
        1 => {
            if let Some(message) = same_bytes::<Challenge>(bytes) {
                let _ = message.target_name();
                let _ = message.target_info().map(pairs);
            }
        }
        2 => {
            if let Some(message) = same_bytes::<Authenticate>(bytes) {
                authenticate(&message);
            }
        }
        3 => pairs(bytes),
        4 => drop(same_bytes::<ClientChallenge>(bytes)),
        5 => {
            let token = same_bytes::<NegTokenInit>(bytes);
            token.into_iter().flat_map(|token| token.mech_types).for_each(|oid| drop(oid.to_string()));
        }
        6 => drop(same_bytes::<NegTokenResp>(bytes)),
        _ => accounts(bytes),
    }
}

fn same_bytes<'a, T: Decode<'a> + Encode + Debug>(bytes: &'a [u8]) -> Option<T> {
    let value = T::from_bytes(bytes).ok()?;
    assert_eq!(value.to_bytes().as_deref(), Ok(bytes), "written as it was read: {value:?}");
    Some(value)
}

fn pairs(bytes: &[u8]) {
    let Some(mut pairs) = same_bytes::<AvPairs>(bytes) else { return };
    let _ = (pairs.flags(), pairs.timestamp());
    for pair in pairs.pairs.clone() {
        let first = pairs.get(pair.id).map(<[u8]>::to_vec).expect("a pair with this id");
        let before = pairs.clone();
        pairs.set(pair.id, first);
        assert_eq!(pairs, before);
    }
}

fn authenticate(message: &Authenticate) {
    let _ = (message.domain(), message.user(), message.workstation());
    let parts = [message.lm_response(), message.nt_response(), message.session_key()];
    let fields = [message.lm_response, message.nt_response, message.session_key];
    for (part, field) in parts.into_iter().zip(fields) {
        assert!(part.is_err() || part.is_ok_and(|part| part.len() == usize::from(field.length)));
    }
}

fn accounts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(mut file) = AccountFile::parse(text) else { return };
    let written = file.to_toml().expect("what was read can be written");
    let again = AccountFile::parse(&written).expect("what was written can be read");
    assert_eq!(again.to_toml().as_ref(), Ok(&written), "the same accounts");
    for account in again.iter() {
        // An empty domain means any, and may be ambiguous.
        if !account.domain.is_empty() {
            let found = again.find(&account.domain, &account.user).expect("it is found by its name");
            assert_eq!((&found.user, &found.domain), (&account.user, &account.domain));
        }
        let removed = file.remove(&account.domain, &account.user).expect("it is there");
        assert_eq!(removed.nt_hash.expose(), account.nt_hash.expose());
        assert!(file.remove(&account.domain, &account.user).is_none(), "only once");
    }
    assert_eq!(file.iter().count(), 0);
}
