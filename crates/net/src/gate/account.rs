use std::time::Duration;

use tokio::time::Instant;

use super::Road;
use crate::throttle::Throttle;
use crate::upstream_error::UpstreamError;

/// How long no sign-in is made after one that was refused; from then on twice as long each time.
const FIRST_DELAY: Duration = Duration::from_secs(30);

/// How long at most.
const LONGEST_DELAY: Duration = Duration::from_mins(15);

/// How long one sign-in of unknown outcome keeps others waiting.
const TURN: Duration = Duration::from_secs(5);

/// More services than an upstream has; those beyond share the last entry.
const MOST_SERVICES: usize = 32;

/// How many users' requests have to be refused, with none accepted in between, where the account had been accepted: the
/// server may refuse what one user asks for by the same answer as the account.
const DOUBTS: usize = 3;

/// A user for whom the service account signs in, told apart from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct User(pub(super) u64);

/// What is known of the service account.
#[derive(Debug, Default)]
pub(super) struct Account {
    services: Vec<Service>,
    /// How many passwords there were: what becomes of a sign-in says nothing of the next password.
    password: u64,
    /// The only sign-in under way while the account is unproven: its number, and when others need not wait for it
    /// any more.
    turn: Option<(u64, Instant)>,
    turns: u64,
    /// Since when the account is refused somewhere, and how many operations were refused because of it; kept when
    /// the password changes.
    outage: Option<(Instant, u64)>,
    suspended: Throttle,
}

/// Where the account is used: an interface, or a directory of HTTP. Servers configure authentication for each.
#[derive(Debug)]
struct Service {
    road: Road,
    name: Box<str>,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Unproven,
    Accepted,
    /// Refused after it had been accepted, to these users: the server may refuse their requests rather than the
    /// account.
    Doubtful(Vec<Doubt>),
    Refused {
        error: UpstreamError,
        next: Instant,
        delay: Duration,
        /// Taken over from another service, where the same password was refused.
        inherited: bool,
    },
}

/// A user whose requests were refused: after the first at once, then less and less often, others are made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Doubt {
    user: User,
    error: UpstreamError,
    next: Instant,
    delay: Duration,
}

/// A permitted sign-in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    service: usize,
    user: User,
    password: u64,
    turn: Option<u64>,
}

/// What a sign-in may do.
#[derive(Debug)]
pub(super) enum Admitted {
    Yes(Ticket),
    /// Another one is under way, which has until then.
    Wait(Instant),
}

/// What came of a sign-in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome<'a> {
    Accepted,
    Refused(&'a UpstreamError),
    Unknown,
}

impl Doubt {
    fn new(user: User, error: &UpstreamError, now: Instant) -> Self {
        Self { user, error: error.clone(), next: now, delay: Duration::ZERO }
    }

    fn again(&mut self, error: &UpstreamError, now: Instant) {
        self.error = error.clone();
        self.delay = (self.delay * 2).clamp(FIRST_DELAY, LONGEST_DELAY);
        self.next = now + self.delay;
    }
}

impl Account {
    /// Permits a sign-in at `now` for a request of `user`, or says why the account is refused.
    pub(super) fn admit(
        &mut self,
        road: Road,
        name: &str,
        user: User,
        now: Instant,
    ) -> Result<Admitted, UpstreamError> {
        let index = self.service(road, name);
        let turn = self.turn.filter(|(_, until)| now < *until);
        let Some(service) = self.services.get_mut(index) else {
            return Err(UpstreamError::Protocol("no such service".to_owned()));
        };
        match (&service.state, turn) {
            (State::Accepted, _) => {
                let ticket = Ticket { service: index, user, password: self.password, turn: None };
                return Ok(Admitted::Yes(ticket));
            }
            (State::Refused { error, next, .. }, turn) if now < *next || turn.is_some() => {
                let error = error.clone();
                self.outage.get_or_insert((now, 0)).1 += 1;
                return Err(error);
            }
            (State::Doubtful(doubts), _)
                if let Some(doubt) = doubts.iter().find(|doubt| doubt.user == user)
                    && now < doubt.next =>
            {
                return Err(doubt.error.clone());
            }
            (_, Some((_, until))) => return Ok(Admitted::Wait(until)),
            (_, None) => {}
        }
        self.turns += 1;
        self.turn = Some((self.turns, now + TURN));
        let turn = Some(self.turns);
        Ok(Admitted::Yes(Ticket { service: index, user, password: self.password, turn }))
    }

    fn service(&mut self, road: Road, name: &str) -> usize {
        let known = |service: &Service| service.road == road && service.name.eq_ignore_ascii_case(name);
        if let Some(index) = self.services.iter().position(known) {
            return index;
        }
        if self.services.len() >= MOST_SERVICES {
            return MOST_SERVICES - 1;
        }
        // The password that is refused elsewhere is not tried here before it is tried there again.
        let refused = self.services.iter().find_map(|service| match &service.state {
            State::Refused { error: error @ UpstreamError::CredentialsRefused(_), next, delay, .. } => {
                Some(State::Refused { error: error.clone(), next: *next, delay: *delay, inherited: true })
            }
            _ => None,
        });
        let state = refused.unwrap_or(State::Unproven);
        self.services.push(Service { road, name: name.into(), state });
        self.services.len() - 1
    }

    /// Takes note of what became of the sign-in `ticket`.
    pub(super) fn settle(&mut self, ticket: &Ticket, outcome: Outcome<'_>, now: Instant) {
        if self.turn.is_some_and(|(number, _)| Some(number) == ticket.turn) {
            self.turn = None;
        }
        if ticket.password != self.password {
            return;
        }
        match outcome {
            Outcome::Accepted => self.accepted(ticket.service, now),
            Outcome::Refused(error) => self.refused(ticket, error, now),
            Outcome::Unknown => {}
        }
    }

    fn accepted(&mut self, index: usize, now: Instant) {
        let Some(service) = self.services.get_mut(index) else { return };
        if service.state == State::Accepted {
            return;
        }
        service.state = State::Accepted;
        for service in &mut self.services {
            if let State::Refused { inherited: true, .. } = service.state {
                service.state = State::Unproven;
            }
        }
        let is_refused = |service: &Service| matches!(service.state, State::Refused { .. });
        if self.services.iter().any(is_refused) {
            return;
        }
        if let Some((since, refused)) = self.outage.take() {
            let seconds = now.duration_since(since).as_secs();
            tracing::info!(seconds, refused, "upstream accepts the service account again");
        }
    }

    /// Takes note of a refusal where the account is accepted otherwise, as far as is known; false where it is not.
    fn doubted(&mut self, ticket: &Ticket, error: &UpstreamError, now: Instant) -> bool {
        let Some(service) = self.services.get_mut(ticket.service) else { return true };
        let State::Doubtful(doubts) = &mut service.state else { return false };
        let Some(doubt) = doubts.iter_mut().find(|doubt| doubt.user == ticket.user) else {
            let stays = doubts.len() + 1 < DOUBTS;
            if stays {
                doubts.push(Doubt::new(ticket.user, error, now));
            }
            return stays;
        };
        doubt.again(error, now);
        if doubt.delay == FIRST_DELAY
            && let Some(left_out) = self.suspended.pass(now)
        {
            tracing::warn!(
                upstream = service.road.key(),
                service = %service.name,
                left_out,
                "upstream refuses the service account in one user's requests, after it had accepted it: {error}; that \
                 user's requests are refused until the next attempt in {} s, those of other users are not",
                FIRST_DELAY.as_secs()
            );
        }
        true
    }

    fn refused(&mut self, ticket: &Ticket, error: &UpstreamError, now: Instant) {
        if self.doubted(ticket, error, now) {
            return;
        }
        let Some(service) = self.services.get_mut(ticket.service) else { return };
        let delay = match &service.state {
            State::Accepted => {
                service.state = State::Doubtful(vec![Doubt::new(ticket.user, error, now)]);
                tracing::debug!(service = %service.name, "upstream refused a sign-in of the service account: {error}");
                return;
            }
            // It began before the account was refused.
            State::Refused { .. } if ticket.turn.is_none() => return,
            State::Refused { delay, inherited: false, .. } => {
                let delay = (*delay * 2).min(LONGEST_DELAY);
                tracing::debug!(service = %service.name, ?delay, "upstream still refuses the service account: {error}");
                delay
            }
            State::Refused { delay, .. } => {
                // It was logged where it was refused first.
                tracing::debug!(service = %service.name, "upstream refuses the service account here too: {error}");
                (*delay * 2).min(LONGEST_DELAY)
            }
            State::Unproven | State::Doubtful(_) => {
                let key = service.road.key();
                tracing::warn!(
                    upstream = key,
                    service = %service.name,
                    "upstream refuses the service account: {error}; correct the account or its password file, and send \
                     SIGHUP; the next sign-in is attempted in {} s, and operations until then are refused",
                    FIRST_DELAY.as_secs()
                );
                FIRST_DELAY
            }
        };
        self.outage.get_or_insert((now, 0)).1 += 1;
        let refused =
            |inherited| State::Refused { error: error.clone(), next: now + delay, delay, inherited };
        service.state = refused(false);
        if matches!(error, UpstreamError::CredentialsRefused(_)) {
            for service in &mut self.services {
                match service.state {
                    State::Unproven | State::Refused { inherited: true, .. } => service.state = refused(true),
                    State::Accepted => service.state = State::Doubtful(Vec::new()),
                    State::Doubtful(_) | State::Refused { .. } => {}
                }
            }
        }
    }

    /// The password is another one.
    pub(super) fn reset(&mut self) {
        self.password += 1;
        self.turn = None;
        for service in &mut self.services {
            service.state = State::Unproven;
        }
    }
}
