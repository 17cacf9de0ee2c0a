//! The memory of the state of sessions in the limits of their users.

use std::sync::{Arc, Mutex};

use engine::{
    CookieTable, Engine, FaultStatus, Interface, MemoryLimit, Module, ModuleState, Operation, Refusal,
    Session, Stack,
};
use mapi::emsmdb::NO_OBJECT;
use mapi::mapihttp::{Endpoint, RequestType, ResponseCode};
use mapi::property::PropTag;
use mapi::rop::folder::{FolderTableRequest, FolderTableResponse, TableFlags};
use mapi::rop::table::{AsynchronousFlags, RopSetColumnsRequest, TableStatus, TableStatusResponse};
use mapi::rop::{Empty, List16, OutputHandleIndex, RequestBody, ResponseBody};
use testkit::{Budget, Mailbox, MapiHttpClient, RpcClient, Step, batch, caller, incoming, replies};

/// The limit of each user, in bytes.
const LIMIT: usize = 1 << 20;

/// The columns of each table; a column takes four bytes.
const COLUMNS: u32 = 7000;

/// The tracked objects of a session, the untracked ones, and the bytes of content.
type Seen = Arc<Mutex<(usize, u64, usize)>>;

/// Reports what is held for a session.
#[derive(Default)]
struct Gauge(Seen);

impl Module for Gauge {
    fn name(&self) -> &'static str {
        "gauge"
    }

    fn description(&self) -> &'static str {
        "measures what is held"
    }

    fn response(&self, _operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        let objects = session.objects();
        *self.0.lock().unwrap() = (objects.len(), objects.overflow, objects.content_bytes());
        Ok(())
    }
}

/// Opens tables with these handles, each with as many columns. Returns the limits that the operations report.
fn open_tables(mailbox: &mut Mailbox<'_>, handles: std::ops::Range<u32>, columns: u32) -> Vec<MemoryLimit> {
    let mut reached = Vec::new();
    for handle in handles {
        let open = RequestBody::RopGetHierarchyTable(FolderTableRequest {
            output_handle_index: OutputHandleIndex(1),
            table_flags: TableFlags::NONE,
        });
        let set = RequestBody::RopSetColumns(RopSetColumnsRequest {
            set_columns_flags: AsynchronousFlags::NONE,
            property_tags: List16((0..columns).map(PropTag).collect()),
        });
        let (mut flight, _) = mailbox.relayed(&batch(vec![(0, 0, open), (0, 1, set)], &[1, NO_OBJECT]));
        let opened = ResponseBody::RopGetHierarchyTable(FolderTableResponse { row_count: 0 });
        let set =
            ResponseBody::RopSetColumns(TableStatusResponse { table_status: TableStatus::TBLSTAT_COMPLETE });
        mailbox.delivered(&mut flight, &[replies(vec![(1, opened), (1, set)], &[1, handle])]);
        reached.extend(flight.reached());
    }
    reached
}

fn engine() -> (Engine, Arc<Budget>, Seen) {
    let (budget, gauge) = (Arc::new(Budget::new(LIMIT)), Gauge::default());
    let seen = Arc::clone(&gauge.0);
    let engine = Engine::new(Stack::new(vec![Box::new(gauge)]));
    (engine.with_user_memory(Arc::clone(&budget) as _), budget, seen)
}

#[test]
fn the_content_of_all_sessions_of_a_user_has_one_limit() {
    let (engine, budget, seen) = engine();
    let mut sessions: Vec<_> = (0..3).map(|_| Mailbox::open(&engine, "a")).collect();
    let (mut content, mut reached) = (0, Vec::new());
    for session in &mut sessions {
        // Less than half of the limit.
        reached.extend(open_tables(session, 100..115, COLUMNS));
        content += seen.lock().unwrap().2;
    }
    // Each session reports the limit once.
    assert_eq!(reached, [MemoryLimit::User]);
    // All tables are tracked; some columns are not kept.
    let (tracked, untracked, _) = *seen.lock().unwrap();
    assert_eq!((tracked, untracked), (15, 0));
    let columns = usize::try_from(COLUMNS).unwrap() * 4;
    assert!(content > LIMIT - 2 * columns && content < LIMIT, "{content}");
    // Another user has a limit of its own.
    let mut other = Mailbox::open(&engine, "b");
    assert_eq!(open_tables(&mut other, 100..115, COLUMNS), []);
    assert_eq!(seen.lock().unwrap().2, 15 * columns);
    let counted = budget.counted();
    assert!(counted[0] < LIMIT / 2 && counted[1] > LIMIT - 2 * columns && counted[1] <= LIMIT, "{counted:?}");
    // Objects that are released return their memory.
    for handle in 100..115 {
        let release = batch(vec![(0, 0, RequestBody::RopRelease(Empty))], &[handle]);
        let (mut flight, _) = other.relayed(&release);
        other.delivered(&mut flight, &[replies(Vec::new(), &[NO_OBJECT])]);
    }
    assert!(budget.counted()[0] <= 3 * 4096, "{:?}", budget.counted());
}

#[test]
fn objects_without_content_count_and_further_ones_are_not_tracked() {
    let (engine, budget, seen) = engine();
    let mut mailbox = Mailbox::open(&engine, "a");
    assert_eq!(open_tables(&mut mailbox, 0..6000, 0), [MemoryLimit::User]);
    let (tracked, untracked, _) = *seen.lock().unwrap();
    assert_eq!(u64::try_from(tracked).unwrap() + untracked, 6000);
    assert!(tracked > 3000 && untracked > 1000, "{tracked} {untracked}");
    assert_eq!(budget.counted(), [LIMIT]);
}

/// Keeps the bytes of all requests of a session.
struct Keeps;

#[derive(Default)]
struct Kept(Vec<u8>);

impl ModuleState for Kept {
    fn owned_bytes(&self) -> usize {
        self.0.capacity()
    }
}

impl Module for Keeps {
    fn name(&self) -> &'static str {
        "keeps"
    }

    fn description(&self) -> &'static str {
        "keeps all requests"
    }

    fn request(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        session.module_state::<Kept>().0.extend(operation.request.original());
        Ok(())
    }
}

fn keeping() -> (Engine, Arc<Budget>) {
    let budget = Arc::new(Budget::new(LIMIT));
    let engine = Engine::new(Stack::new(vec![Box::new(Keeps)]));
    (engine.with_user_memory(Arc::clone(&budget) as _), budget)
}

#[test]
fn a_session_of_which_modules_keep_more_than_the_limit_ends_over_rpc() {
    let (engine, budget) = keeping();
    let group = Arc::default();
    let mut talk = RpcClient::new(&engine, &group);
    let alice = caller("a");
    let [first, second] = [1, 2].map(|upstream| talk.bind(&alice, upstream));
    let small = budget.counted();
    let mut send = |handle: &[u8; 20]| {
        let call = incoming(&alice, (Interface::Nspi, 3), [&handle[..], &vec![0; 99_980]].concat());
        match talk.send(call) {
            Ok((mut flight, Step::Relay { .. })) => talk.respond(&mut flight, vec![0; 44]),
            Ok((_, refused)) => refused,
            Err(refusal) => panic!("{refusal:?}"),
        }
    };
    let forwarded = (0..20).take_while(|_| matches!(send(&first), Step::Reply { .. })).count();
    assert!((4..=10).contains(&forwarded), "{forwarded}");
    // The call that exceeded the limit ended its session, whose memory is free again.
    assert_eq!((group.len(), budget.counted()), (1, vec![small[0] / 2]));
    assert!(matches!(send(&second), Step::Reply { .. }));
    assert!(budget.counted()[0] > 99_980);
    let Step::Fault { status, why, .. } = (0..20).map(|_| send(&second)).find(is_fault).unwrap() else {
        unreachable!("is_fault")
    };
    let expected = "clients.request_megabytes_per_user is reached: modules keep too much state of the session, which was ended";
    assert_eq!((status, &*why), (FaultStatus::RPC_S_SERVER_TOO_BUSY, expected));
    assert!(group.is_empty() && budget.counted() == [0]);
}

const fn is_fault(step: &Step) -> bool {
    matches!(step, Step::Fault { .. })
}

#[test]
fn a_session_of_which_modules_keep_more_than_the_limit_ends_over_http() {
    let ((engine, budget), table) = (keeping(), CookieTable::default());
    let [alice, bob] = ["a", "b"].map(|who| MapiHttpClient::new(&engine, &table, Endpoint::Nspi, who));
    for client in [&alice, &bob] {
        let (mut flight, _) = client.relayed(RequestType::Bind, vec![0; 45]);
        client.delivered(&mut flight, vec![0; 28]);
    }
    let send = |client: &MapiHttpClient<'_>| match client.send(RequestType::QueryColumns, vec![0; 100_000]) {
        Ok((mut flight, Step::Relay { .. })) => client.respond(&mut flight, vec![0; 16]),
        Ok((_, refused)) => refused,
        Err(refusal) => panic!("{refusal:?}"),
    };
    let Step::Fault { code, .. } = (0..20).map(|_| send(&alice)).find(is_fault).unwrap() else {
        unreachable!("is_fault")
    };
    assert_eq!(code, ResponseCode::UnknownFailure);
    assert_eq!((table.len(), budget.counted()[0]), (1, 0));
    // The session of another user continues.
    assert!(matches!(send(&bob), Step::Reply { .. }));
}

#[test]
fn a_session_reports_its_own_limits() {
    let engine = Engine::new(Stack::default());
    let mut mailbox = Mailbox::open(&engine, "a");
    assert_eq!(open_tables(&mut mailbox, 0..16_390, 0), [MemoryLimit::Objects]);
    let mut mailbox = Mailbox::open(&engine, "a");
    assert_eq!(open_tables(&mut mailbox, 0..1300, COLUMNS), [MemoryLimit::Content]);
}
