//! The fault and the `X-ResponseCode` of each kind of refusal, in the code and in the documentation, and the calls of
//! unknown operations.

use engine::{
    CALL_FAILED, Engine, FaultStatus, Interface, RefusalKind, Stack, TIMED_OUT, fault_status, response_code,
};
use mapi::mapihttp::ResponseCode;
use testkit::{RpcClient, caller, incoming};

#[test]
fn a_refusal_has_one_fault_and_one_response_code() {
    use RefusalKind as K;
    use ResponseCode as C;
    let page = include_str!("../../../docs/modules.md");
    for (kind, fault, code) in [
        (K::UnknownOperation, FaultStatus(0x1c01_0002), C::InvalidRequestType),
        (K::BadRequest, FaultStatus(0x0000_06f7), C::InvalidRequestBody),
        (K::NoSession, FaultStatus(0x1c00_001a), C::ContextNotFound),
        (K::BadCookies, FaultStatus(0x0000_0057), C::InvalidContextCookie),
        (K::SessionBroken, FaultStatus(0x1c00_001a), C::InvalidContextCookie),
        (K::OutOfSequence, FaultStatus(0x0000_06ff), C::InvalidSequence),
        (K::AccessDenied, FaultStatus(0x0000_0005), C::NoPrivilege),
        (K::TooBusy, FaultStatus(0x0000_06bb), C::UnknownFailure),
        (K::TimedOut, TIMED_OUT, C::UnknownFailure),
        (K::Unavailable, FaultStatus(0x0000_06ba), C::UnknownFailure),
        (K::NotExecuted, FaultStatus(0x0000_06bf), C::UnknownFailure),
        (K::Failed, CALL_FAILED, C::UnknownFailure),
    ] {
        assert_eq!((fault_status(kind), response_code(kind)), (fault, code), "{kind:?}");
        let row =
            page.lines().find(|line| line.contains(&format!("| `{kind:?}` |"))).expect("a documented kind");
        assert!(row.contains(&format!("| `{:#010x}`", fault.0)), "{row}");
        assert!(row.contains(&format!("| {} ", code.0)), "{row}");
    }
}

/// [MS-OXCRPC] 3.1.4: a client must not call them, and what a server does with them is undefined. Forwarded unchanged,
/// a stub could contain the upstream's context handle of another user.
#[test]
fn only_operations_whose_parameters_are_known_are_forwarded() {
    let engine = Engine::new(Stack::default());
    let mut talk = RpcClient::new(&engine, &std::sync::Arc::default());
    let alice = caller("a");
    let all =
        Interface::ALL.into_iter().flat_map(|interface| (0..=u16::MAX).map(move |opnum| (interface, opnum)));
    let is_unknown = |call: &(Interface, u16)| {
        let refused = talk.send(incoming(&alice, *call, vec![0; 64])).err();
        refused.is_some_and(|refusal| fault_status(refusal.kind) == FaultStatus::NCA_S_OP_RNG_ERROR)
    };
    let unknown = all.filter(is_unknown).filter(|(interface, opnum)| interface.operation(*opnum).is_some());
    let expected = [7, 8, 12, 13].map(|opnum| (Interface::Emsmdb, opnum));
    assert_eq!(unknown.collect::<Vec<_>>(), expected);
}
