//! Fuzz target: `testkit::oracles::mapi::mapi_http`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::mapi::mapi_http(data));
