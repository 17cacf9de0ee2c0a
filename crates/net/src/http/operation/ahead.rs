//! Asks the server what a module has to know before the client's own request goes on.

use bytes::Bytes;
use engine::{Next, OperationKey};
use identity::{OsRandom, Random as _};
use mapi::mapihttp::headers::{Counted, X_REQUEST_ID, X_REQUEST_TYPE};
use tokio::time::Instant;
use wire::Guid;

use crate::http::downstream::connection::Client;
use crate::http::downstream::context::{ConnectionError, RequestContext};
use crate::http::operation::in_flight::InFlight;
use crate::http::operation::pending::PendingKeepAlive;
use crate::http::operation::response::UpstreamResponse;
use crate::upstream_error::UpstreamError;

impl Client {
    /// Asks the server what a module wants to know ahead of the client's own request; says how that goes on.
    pub(crate) async fn ask_ahead(
        &mut self,
        request: &RequestContext,
        airborne: &mut InFlight,
        told: &mut PendingKeepAlive,
        stub: Bytes,
    ) -> Result<Result<Next, UpstreamError>, ConnectionError> {
        let Some(OperationKey::Http(_, request_type)) = airborne.flight.asks_ahead() else {
            let why = "a remote call is asked ahead by HTTP";
            return Ok(Err(UpstreamError::Protocol(why.to_owned())));
        };
        let mut guid = [0; 16];
        if let Err(error) = OsRandom.fill(&mut guid) {
            return Ok(Err(UpstreamError::Protocol(error.to_string())));
        }
        let mut head = airborne.original.clone();
        head.fields.set(X_REQUEST_TYPE, request_type.name());
        head.fields.set(X_REQUEST_ID, Counted { guid: Guid::from_le(guid), counter: 1 }.to_string());
        let mut link = match self.send_operation(request, airborne, &mut head, stub).await {
            Ok(link) => link,
            Err(why) => return Ok(Err(why)),
        };
        let until = Instant::now() + self.config.upstream.call_limit;
        let telling = (request, &*airborne, &mut *told);
        let (mut head, framing) = match self.head_telling(&mut link, until, true, telling).await? {
            Ok(answer) => answer,
            Err(why) => return Ok(Err(why)),
        };
        if let Err(refusal) = airborne.learn_cookies(&mut head, false) {
            return Ok(Err(UpstreamError::Protocol(refusal.why.into_owned())));
        }
        let mut coming = UpstreamResponse::new(head, framing, request);
        loop {
            let at = told.due(until);
            let event = match self.answered(&mut link, at).await? {
                Err(UpstreamError::Late) if at < until => {
                    self.tell(request, airborne, told);
                    continue;
                }
                event => event,
            };
            let taken = |event| coming.take(event, self.config.sizes.answer).map_err(UpstreamError::from);
            match event.and_then(taken) {
                Ok(true) => break,
                Ok(false) => {}
                Err(why) => return Ok(Err(why)),
            }
        }
        if link.done(&coming.came, framing) {
            self.link = Some(link);
        }
        Ok(Ok(airborne.through_engine(&mut coming)))
    }
}
