//! Inputs on which fuzzing failed.

use testkit::oracles::{mapi, recording};

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

#[test]
fn nan_values_are_not_equal_to_themselves() {
    mapi::rop_requests(&bytes("29733a0101000700000000000000ffffffff000000022e8ba2e8ba0081"));
    let answers = [
        "24245b722d29602d01000000140305000d001500005cffffffffffffffffffffffffffffffffffff",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ffffffffffffffffffffff535356082b",
    ];
    mapi::rop_responses(&bytes(&answers.concat()));
}

#[test]
fn reading_a_truncated_har_ends() {
    recording::recordings(&[1, b'{']);
}
