//! The time of a worker thread, shared among users, however many connections each of them has.
//!
//! The runtime of a thread polls connections in the order in which they become ready, so that a user with many busy
//! connections would get most of the time. Here a user has turns of [`TURN`]: once the user's connections have used
//! this time, one of them yields until the runtime has polled all other connections that are ready, and has looked for
//! further ones. The other connections of the user wait in a queue meanwhile, and are polled one after the other in the
//! next turn. All connections on which no client has authenticated have the turns of one user: a client can have many
//! addresses, of IPv6 above all. In their queue, each address has one connection in a round.
//!
//! A poll is not interrupted: a turn takes as much longer as one poll of a connection takes. Users whose connections do
//! not use the thread for so long never wait. A user who has all connections of the thread has no turns, since no
//! other user waits.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use identity::UserKey;

use crate::tcp::thread_queue::{Queue, QueuePlace};

/// How long the connections of a user may use the thread in one turn.
const TURN: Duration = Duration::from_millis(1);

/// Whose time a connection takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Owner {
    /// The clients that have not authenticated.
    Unauthenticated,
    User(UserKey),
}

/// The users of one worker thread. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct ThreadTime(Arc<Mutex<HashMap<Owner, Weak<OwnerTime>>>>);

/// The time of one user on one thread.
#[derive(Debug)]
struct OwnerTime {
    owner: Owner,
    thread: ThreadTime,
    turn: Mutex<Turn>,
}

#[derive(Debug, Default)]
struct Turn {
    /// How much of the turn was used.
    used: Duration,
    /// Whether a connection yields: the next turn begins after it.
    is_yielding: bool,
    waiting: Queue,
}

/// A connection's part of the time of its user. Clones belong to the same connection.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionTime(Arc<Mutex<Member>>);

/// Whose time a connection takes.
#[derive(Debug)]
struct Member {
    owner: Arc<OwnerTime>,
    /// The address in whose turn the connection is polled. The connections of a user have one, whatever the client's.
    address: IpAddr,
}

/// The address of the connections of a user.
const OF_USER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

/// What a connection does until its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing: it may be polled.
    Ready,
    /// It yields, and begins the next turn.
    Yields,
    /// It has this place in the queue.
    Waits(QueuePlace),
}

impl ThreadTime {
    /// The part of a new connection from `address`.
    pub(crate) fn connection(&self, address: IpAddr) -> ConnectionTime {
        ConnectionTime(Arc::new(Mutex::new(Member { owner: self.of(Owner::Unauthenticated), address })))
    }

    fn of(&self, owner: Owner) -> Arc<OwnerTime> {
        let mut owners = lock(&self.0);
        if let Some(known) = owners.get(&owner).and_then(Weak::upgrade) {
            return known;
        }
        let time = Arc::new(OwnerTime { owner, thread: self.clone(), turn: Mutex::default() });
        owners.insert(time.owner.clone(), Arc::downgrade(&time));
        time
    }
}

impl OwnerTime {
    /// Whether all connections of the thread are of this owner.
    fn is_alone(&self) -> bool {
        lock(&self.thread.0).len() == 1
    }
}

impl Drop for OwnerTime {
    fn drop(&mut self) {
        let mut owners = lock(&self.thread.0);
        // Another one may have taken the place of this one meanwhile.
        if owners.get(&self.owner).is_some_and(|time| time.strong_count() == 0) {
            owners.remove(&self.owner);
        }
    }
}

impl ConnectionTime {
    /// Counts the connection for the client's address from now on, which a load balancer named.
    pub(crate) fn set_address(&self, address: IpAddr) {
        let mut member = lock(&self.0);
        if member.owner.owner == Owner::Unauthenticated {
            member.address = address;
        }
    }

    /// Counts the connection for the user who authenticated on it from now on.
    pub(crate) fn set_user(&self, user: &UserKey) {
        let mut member = lock(&self.0);
        if matches!(&member.owner.owner, Owner::User(known) if known == user) {
            return;
        }
        // The end of this connection's poll wakes no connection of the earlier owner.
        lock(&member.owner.turn).wake_next();
        let owner = member.owner.thread.of(Owner::User(user.clone()));
        *member = Member { owner, address: OF_USER };
    }

    /// Polls `serving`, which serves this connection, when it is the user's turn.
    pub(crate) async fn share<F: Future>(self, mut serving: Pin<&mut F>) -> F::Output {
        let mut place = Place { time: self, state: State::Ready };
        poll_fn(move |task| {
            if !place.may_run(task) {
                return Poll::Pending;
            }
            let begun = Instant::now();
            let polled = serving.as_mut().poll(task);
            let used = begun.elapsed();
            place.time.turn(|turn, _| turn.end(used));
            polled
        })
        .await
    }

    fn turn<R>(&self, change: impl FnOnce(&mut Turn, &Member) -> R) -> R {
        let member = lock(&self.0);
        change(&mut lock(&member.owner.turn), &member)
    }
}

/// A connection's place among those of its user, which it leaves when it is dropped.
struct Place {
    time: ConnectionTime,
    state: State,
}

impl Place {
    /// Whether the connection may be polled now. If not, `task` is woken when it may.
    fn may_run(&mut self, task: &Context<'_>) -> bool {
        let state = self.time.turn(|turn, member| {
            if turn.is_over() && member.owner.is_alone() {
                turn.renew();
            }
            turn.begin(self.state, member.address, task.waker())
        });
        if state == State::Yields && self.state != State::Yields {
            defer(task.waker());
        }
        self.state = state;
        state == State::Ready
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.time.turn(|turn, _| turn.leave(self.state));
    }
}

impl Turn {
    fn is_over(&self) -> bool {
        self.used >= TURN && !self.is_yielding
    }

    fn renew(&mut self) {
        (self.used, self.is_yielding) = (Duration::ZERO, false);
    }

    /// Begins a poll of a connection from `address` in this `state`. Returns its new state.
    fn begin(&mut self, state: State, address: IpAddr, waker: &Waker) -> State {
        let is_first = match state {
            State::Yields => {
                self.renew();
                return State::Ready;
            }
            // Something else woke it.
            State::Waits(place) if self.waiting.update(place, waker) => return state,
            // It left the queue.
            State::Waits(_) => true,
            State::Ready => self.waiting.is_empty(),
        };
        if is_first && self.used < TURN {
            return State::Ready;
        }
        if is_first && !self.is_yielding {
            self.is_yielding = true;
            return State::Yields;
        }
        State::Waits(self.waiting.push(address, waker))
    }

    /// Ends a poll that took `time`.
    fn end(&mut self, time: Duration) {
        self.used = self.used.saturating_add(time);
        self.wake_next();
    }

    /// Removes a connection that is closed in this `state`.
    fn leave(&mut self, state: State) {
        match state {
            State::Ready => {}
            State::Yields => {
                self.is_yielding = false;
                self.wake_next();
            }
            State::Waits(place) => {
                // One that is not in the queue was to be the next.
                if self.waiting.remove(place).is_none() {
                    self.wake_next();
                }
            }
        }
    }

    /// Wakes the connection that is polled next, or that yields if the turn is over.
    fn wake_next(&mut self) {
        if !self.is_yielding
            && let Some(next) = self.waiting.pop()
        {
            next.wake();
        }
    }
}

/// Wakes `waker` after the runtime has polled all tasks that are ready, and has looked for further ones.
fn defer(waker: &Waker) {
    let mut yields = std::pin::pin!(tokio::task::yield_now());
    // The first poll only registers the waker.
    let _ = yields.as_mut().poll(&mut Context::from_waker(waker));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use testkit::http_auth::contexts_at_both_levels;
    use tokio::task::JoinSet;

    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn user(name: &str) -> UserKey {
        contexts_at_both_levels(name)[0].identity().user().clone()
    }

    /// The polls of each of two users, and of both together.
    type Polls = Arc<[AtomicUsize; 3]>;

    /// A connection that always has work, of which each poll takes a whole turn. It ends after a hundred polls of all
    /// connections.
    async fn busy(time: ConnectionTime, user: usize, polls: Polls) {
        let work = poll_fn(|task| {
            if polls[2].fetch_add(1, Ordering::Relaxed) >= 100 {
                return Poll::Ready(());
            }
            let begun = Instant::now();
            while begun.elapsed() < TURN {}
            polls[user].fetch_add(1, Ordering::Relaxed);
            task.waker().wake_by_ref();
            Poll::Pending
        });
        time.share(pin!(work)).await;
    }

    #[tokio::test]
    async fn connections_of_an_address_are_polled_although_the_one_before_them_authenticates() {
        let thread = ThreadTime::default();
        let [busy, authenticates, waits] = std::array::from_fn(|_| thread.connection(ADDRESS));
        let uses_the_turn = poll_fn(|_| {
            let begun = Instant::now();
            while begun.elapsed() < TURN {}
            Poll::Ready(())
        });
        let permit = authenticates.clone();
        let authenticating = pin!(poll_fn(move |_| {
            permit.set_user(&user("alice"));
            Poll::<()>::Pending
        }));
        let authenticates = authenticates.share(authenticating);
        let polled = async {
            let (waiting, uses_the_turn) = (pin!(std::future::ready(())), pin!(uses_the_turn));
            let waits = waits.share(waiting);
            tokio::join!(busy.share(uses_the_turn), async {
                tokio::select! { biased; () = authenticates => (), () = waits => () }
            })
        };
        tokio::time::timeout(Duration::from_secs(10), polled).await.expect("the last connection is polled");
    }

    #[tokio::test]
    async fn a_user_with_many_connections_has_no_more_time_than_one_with_a_single_connection() {
        let (thread, polls) = (ThreadTime::default(), Polls::default());
        let users = [user("alice"), user("bob")];
        let mut connections = JoinSet::new();
        for number in 0..51 {
            let (time, of) = (thread.connection(ADDRESS), usize::from(number == 50));
            time.set_user(&users[of]);
            connections.spawn(busy(time, of, Arc::clone(&polls)));
        }
        while connections.join_next().await.is_some() {}
        let [of_many, of_one] = [0, 1].map(|user| polls[user].load(Ordering::Relaxed));
        assert!(of_many >= 40 && of_one >= 40, "{of_many} {of_one}");
        assert!(lock(&thread.0).is_empty());
    }

    #[tokio::test]
    async fn unauthenticated_clients_have_no_more_time_than_a_user_however_many_addresses_they_have() {
        let (thread, polls) = (ThreadTime::default(), Polls::default());
        let mut connections = JoinSet::new();
        for number in 0..50 {
            connections.spawn(busy(thread.connection([192, 0, 2, number].into()), 0, Arc::clone(&polls)));
        }
        let time = thread.connection(ADDRESS);
        time.set_user(&user("alice"));
        connections.spawn(busy(time, 1, Arc::clone(&polls)));
        while connections.join_next().await.is_some() {}
        let [unauthenticated, of_user] = [0, 1].map(|owner| polls[owner].load(Ordering::Relaxed));
        assert!(unauthenticated >= 40 && of_user >= 40, "{unauthenticated} {of_user}");
    }

    #[test]
    fn a_user_who_has_all_connections_of_the_thread_never_yields() {
        let (thread, alice) = (ThreadTime::default(), user("alice"));
        let [first, second] = [(); 2].map(|()| {
            let time = thread.connection(ADDRESS);
            time.set_user(&alice);
            Place { time, state: State::Ready }
        });
        let may_run = |mut place: Place| place.may_run(&Context::from_waker(Waker::noop()));
        first.time.turn(|turn, _| turn.end(TURN));
        assert!(may_run(second));
        let _other = thread.connection(ADDRESS);
        first.time.turn(|turn, _| turn.end(TURN));
        assert!(!may_run(first));
    }

    fn begin(turn: &mut Turn, state: State) -> State {
        turn.begin(state, ADDRESS, Waker::noop())
    }

    #[test]
    fn connections_wait_in_order_and_closed_ones_delay_no_other() {
        let mut turn = Turn::default();
        assert_eq!(begin(&mut turn, State::Ready), State::Ready);
        turn.end(TURN);
        let yields = begin(&mut turn, State::Ready);
        let [first, second, third] = [(); 3].map(|()| begin(&mut turn, State::Ready));
        assert_eq!(
            [yields, first, second, third],
            [State::Yields, State::Waits((1, 1)), State::Waits((2, 2)), State::Waits((3, 3))]
        );
        // One that something else wakes keeps its place, and one that is closed is passed over.
        assert_eq!(begin(&mut turn, second), second);
        turn.leave(first);
        // The next turn begins.
        assert_eq!(begin(&mut turn, yields), State::Ready);
        turn.end(TURN / 2);
        assert_eq!((begin(&mut turn, third), begin(&mut turn, second)), (third, State::Ready));
        turn.end(TURN);
        // The turn is over, so the next one yields; if it is closed, the one after it does.
        assert_eq!(begin(&mut turn, third), State::Yields);
        let fourth = begin(&mut turn, State::Ready);
        turn.leave(State::Yields);
        assert_eq!(begin(&mut turn, fourth), State::Yields);
        let [fifth, sixth] = [(); 2].map(|()| begin(&mut turn, State::Ready));
        assert_eq!(begin(&mut turn, State::Yields), State::Ready);
        turn.end(Duration::ZERO);
        // One that was to be the next is closed.
        turn.leave(fifth);
        assert_eq!((turn.waiting.is_empty(), begin(&mut turn, sixth)), (true, State::Ready));
    }

    #[test]
    fn connections_count_as_unauthenticated_until_a_user_has_authenticated() {
        let thread = ThreadTime::default();
        let alice = contexts_at_both_levels("alice").map(|context| context.identity().user().clone());
        let [first, second] = [(); 2].map(|()| thread.connection(ADDRESS));
        let same = |a: &ConnectionTime, b: &ConnectionTime| Arc::ptr_eq(&lock(&a.0).owner, &lock(&b.0).owner);
        assert!(same(&first, &second));
        first.set_user(&alice[0]);
        assert!(!same(&first, &second));
        second.set_address([192, 0, 2, 1].into());
        assert_eq!(lock(&second.0).address, IpAddr::from([192, 0, 2, 1]));
        second.set_user(&alice[1]);
        assert!(same(&first, &second));
        assert_eq!(lock(&thread.0).len(), 1);
        drop((first, second));
        assert!(lock(&thread.0).is_empty());
    }
}
