//! Fuzz target: `testkit::oracles::decrypt::kerberos_tokens`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::decrypt::kerberos_tokens(data));
