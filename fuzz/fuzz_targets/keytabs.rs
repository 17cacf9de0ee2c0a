//! Fuzz target: `testkit::oracles::decrypt::keytabs`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::decrypt::keytabs(data));
