//! Connections against their limits.

use std::task::Waker;

use testkit::caller;

use super::*;

fn admission(connections: usize, connections_per_address: usize, percent: usize) -> Arc<Admission> {
    let limits = Limits {
        connections,
        connections_per_address,
        unauthenticated_percent: percent,
        ..Limits::default()
    };
    Admission::new(limits, vec!["127.0.0.9".parse().unwrap()])
}

fn address(last: u8) -> IpAddr {
    [127, 0, 0, last].into()
}

fn admit(admission: &Arc<Admission>, last: u8) -> Admitted {
    admission.admit(address(last)).unwrap_or_else(|error| panic!("{error}"))
}

/// A connection on which a user authenticated who has no other one.
fn authenticated(admission: &Arc<Admission>, last: u8) -> Admitted {
    let mut entered = admit(admission, last);
    let user = format!("user{}", entered.permit.id);
    set_user(&mut entered, &user).unwrap();
    entered
}

fn set_user(entered: &mut Admitted, user: &str) -> Result<(), ConnectionLimit> {
    entered.permit.set_authenticated(caller(user).identity().user(), Instant::now)
}

fn is_evicted(entered: &mut Admitted) -> bool {
    entered.evicted.0.try_recv().is_ok()
}

#[test]
fn dropped_permits_make_room_for_new_connections() {
    let admission = admission(3, 2, 100);
    let mut first = admit(&admission, 1);
    first.permit.set_reverse_proxy(Instant::now);
    let mut second = admit(&admission, 1);
    second.permit.set_reverse_proxy(Instant::now);
    assert_eq!(admission.admit(address(1)).err(), Some(ConnectionLimit::PerAddress));
    let mut third = admit(&admission, 2);
    third.permit.set_reverse_proxy(Instant::now);
    assert_eq!(admission.admit(address(2)).err(), Some(ConnectionLimit::All));
    drop(first);
    assert!(admission.admit(address(2)).is_ok());
    assert_eq!(admission.connections(), 2);
}

#[test]
fn a_flood_closes_its_own_connections_and_leaves_room_for_authenticated_clients() {
    let admission = admission(10, 100, 50);
    let mut users: Vec<_> = (0..3).map(|_| authenticated(&admission, 1)).collect();
    let mut begins = admit(&admission, 2);
    let mut flood: Vec<_> = (0..100).map(|_| admit(&admission, 3)).collect();
    assert!(flood.iter().all(|entered| !entered.permit.is_authenticated()));
    assert_eq!(flood.iter_mut().map(is_evicted).filter(|evicted| *evicted).count(), 96);
    assert!(flood[..96].iter().all(|entered| entered.evicted.0.is_terminated()));
    assert!(!is_evicted(&mut begins) && !users.iter_mut().any(is_evicted));
    set_user(&mut begins, "alice").unwrap();
    assert_eq!(admission.connections(), 3 + 1 + 4);
    // An evicted connection is not subtracted twice.
    drop(flood);
    assert_eq!(admission.connections(), 4);
    // All permits except those of the flood and the reserve are for users.
    let more: Vec<_> = (0..5).map(|_| authenticated(&admission, 4)).collect();
    assert_eq!((admission.connections(), admission.lock().authenticated.all()), (9, 9));
    drop((more, users, begins));
    assert_eq!(admission.connections(), 0);
    let counts = admission.lock();
    assert!(counts.by_address.is_empty() && counts.unauthenticated.is_unused());
    assert_eq!(counts.authenticated.all(), 0);
}

#[test]
fn a_user_has_at_most_as_many_connections_as_are_free() {
    let admission = admission(10, 100, 100);
    let of = |user: &str, most: usize| {
        let mut own: Vec<_> = (0..most).map(|_| admit(&admission, 1)).collect();
        let served = own.iter_mut().filter_map(|one| set_user(one, user).ok()).count();
        (own, served)
    };
    let (mut alices, served) = of("alice", 8);
    assert_eq!(served, 5, "with the fifth one, as many are free");
    assert_eq!(set_user(&mut alices[7], "alice"), Err(ConnectionLimit::PerUser));
    // The others remain unauthenticated, and are evicted to admit other clients.
    let (bobs, served) = of("bob", 3);
    assert_eq!(served, 2);
    assert_eq!(alices[5..].iter_mut().map(is_evicted).collect::<Vec<_>>(), [true, false, false]);
    // A connection on which another user authenticates counts for that user.
    assert_eq!(set_user(&mut alices[0], "bob"), Ok(()));
    assert_eq!(set_user(&mut alices[1], "bob"), Err(ConnectionLimit::PerUser));
    assert_eq!(set_user(&mut alices[1], "alice"), Ok(()), "it still is hers");
    assert_eq!(admission.lock().authenticated.all(), 7);
    drop((alices, bobs));
    assert_eq!((admission.connections(), admission.lock().authenticated.all()), (0, 0));
}

/// Whether each of these connections was displaced.
fn are_displaced(connections: &mut [Admitted]) -> Vec<bool> {
    let mut task = Context::from_waker(Waker::noop());
    connections.iter_mut().map(|one| one.permit.poll_displaced(&mut task).is_ready()).collect()
}

#[test]
fn a_client_can_connect_and_authenticate_however_many_connections_users_have() {
    let admission = admission(64, 100, 100);
    // One account with many names, each of which takes its share.
    let mut greedy = Vec::new();
    for name in 0..6 {
        let name = format!("D{name}\\alice");
        loop {
            let mut one = admit(&admission, 1);
            if set_user(&mut one, &name).is_err() {
                break;
            }
            greedy.push(one);
        }
    }
    assert_eq!((greedy.len(), admission.lock().authenticated.all()), (60, 60));
    let held: Vec<_> = (0..4).map(|_| admit(&admission, 2)).collect();
    let mut users = Vec::new();
    for count in 0..10 {
        let mut user = admit(&admission, 10 + count);
        set_user(&mut user, &format!("user{count}")).unwrap();
        assert!(user.permit.is_authenticated());
        users.push(user);
        let displaced = are_displaced(&mut greedy);
        assert_eq!(displaced.iter().filter(|displaced| **displaced).count(), 1);
        // It counts as a connection until its task has closed it.
        assert_eq!((admission.connections(), admission.lock().authenticated.all()), (64, 60));
        let mut displaced = displaced.into_iter();
        greedy.retain(|_| displaced.next() == Some(false));
        assert_eq!((admission.connections(), admission.lock().authenticated.all()), (63, 60));
    }
    assert!(!are_displaced(&mut users).contains(&true));
    drop((greedy, held, users));
    assert_eq!((admission.connections(), admission.lock().authenticated.all()), (0, 0));
}

#[test]
fn a_displaced_connection_is_not_counted_for_another_user_who_authenticates_on_it() {
    let admission = admission(4, 100, 100);
    let mut alices: Vec<_> = (0..2).map(|_| admit(&admission, 1)).collect();
    for one in &mut alices {
        set_user(one, "alice").unwrap();
    }
    let users: Vec<_> = (2..4).map(|last| authenticated(&admission, last)).collect();
    assert_eq!(are_displaced(&mut alices), [false, true]);
    set_user(&mut alices[1], "bob").unwrap();
    assert_eq!(admission.lock().authenticated.all(), 3);
    drop((alices, users));
    assert_eq!((admission.connections(), admission.lock().authenticated.all()), (0, 0));
}

#[test]
fn the_connections_of_reverse_proxies_count_for_no_user() {
    let admission = admission(3, 100, 100);
    let mut connections: Vec<_> = (0..3).map(|_| admit(&admission, 9)).collect();
    for connection in &mut connections {
        connection.permit.set_reverse_proxy(Instant::now);
        set_user(connection, "alice").unwrap();
    }
    assert_eq!(admission.admit(address(2)).err(), Some(ConnectionLimit::All));
    drop(connections);
    assert_eq!((admission.connections(), admission.lock().authenticated.all()), (0, 0));
}

#[test]
fn a_new_client_is_not_evicted_by_a_flood_from_many_addresses() {
    let admission = admission(100, 100, 50);
    let flood = |begin: u8| -> Vec<_> {
        (begin..begin + 49).map(|at| admission.admit([10, 0, at, 1].into()).unwrap()).collect()
    };
    let _before = flood(0);
    let mut client = admit(&admission, 1);
    let mut after = flood(100);
    assert!(!is_evicted(&mut client) && !after.iter_mut().any(is_evicted));
}

#[test]
fn unauthenticated_connections_are_evicted_if_all_permits_are_taken() {
    let admission = admission(4, 100, 100);
    let mut proxies: Vec<_> = (0..3).map(|_| admit(&admission, 9)).collect();
    for proxy in &mut proxies {
        proxy.permit.set_reverse_proxy(Instant::now);
    }
    let mut waits = admit(&admission, 2);
    let mut user = admit(&admission, 3);
    user.permit.set_reverse_proxy(Instant::now);
    assert!(
        is_evicted(&mut waits)
            && user.eviction == Some(Eviction { address: address(2), limit: ConnectionLimit::All })
    );
    // It is too late for it to authenticate.
    set_user(&mut waits, "alice").unwrap();
    assert!(!waits.permit.is_authenticated());
    assert_eq!(admission.connections(), 4);
    assert_eq!(admission.admit(address(4)).err(), Some(ConnectionLimit::All));
    drop(waits);
    assert_eq!(admission.connections(), 4);
}

#[test]
fn clients_of_a_load_balancer_are_counted_by_their_own_addresses() {
    let admission = admission(100, 2, 100);
    let mut clients: Vec<_> = (0..10).map(|_| admit(&admission, 9)).collect();
    let (of_one, others) = clients.split_at_mut(2);
    for client in of_one {
        client.permit.count_for(address(1)).unwrap();
    }
    assert_eq!(others[0].permit.count_for(address(1)), Err(ConnectionLimit::PerAddress));
    others[0].permit.count_for(address(2)).unwrap();
    assert_eq!(admission.admit(address(1)).err(), Some(ConnectionLimit::PerAddress));
    drop(clients);
    assert!(admission.admit(address(1)).is_ok());
    assert_eq!((admission.connections(), admission.lock().by_address.len()), (0, 0));
}
