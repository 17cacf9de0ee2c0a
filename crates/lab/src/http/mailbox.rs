//! The mailbox store over HTTP ([MS-OXCMAPIHTTP] 2.2.4).

use std::sync::Arc;

use mapi::ErrorCode;
use mapi::emsmdb::RpcFlags;
use mapi::mapihttp::emsmdb::{
    ConnectRequest, ConnectResponse, DisconnectResponse, ExecuteRequest, ExecuteResponse,
    NotificationWaitResponse, Request, Response,
};
use mapi::mapihttp::{AuxiliaryBuffer, Endpoint, OperationResponse, ResponseCode, SizedBytes, String8};
use tokio::time::sleep;
use wire::Utf16;

use crate::emsmdb::POLLS;
use crate::http::operation::{Accepted, Outcome, Payload, Request as HttpRequest};
use crate::http::server::Server;
use crate::session::MailboxSession;

/// The most bytes of ROP responses in one response, whatever the client requests: as by RPC ([MS-OXCRPC] 3.1.4.2).
const MAX_ROP_OUT: u32 = mapi::emsmdb::MAX_RGB_OUT;

const NO_AUX: AuxiliaryBuffer = AuxiliaryBuffer::NONE;

fn encoded(response: &Response) -> Payload {
    response.encode().map_err(|_| ResponseCode::InvalidResponse)
}

/// Executes a request to the mailbox store.
pub(super) fn execute(server: &Arc<Server>, request: &HttpRequest<'_>) -> Result<Accepted, ResponseCode> {
    let Ok((body, [])) = Request::decode(request.kind, &request.body) else {
        return Err(ResponseCode::InvalidRequestBody);
    };
    match body {
        Request::Ping => Err(ResponseCode::InvalidRequestType),
        Request::Connect(body) => connect(server, request, &body),
        Request::Execute(body) => execute_rops(server, request, body),
        Request::Disconnect(_) => {
            let session = server.sessions.find(request.context, Endpoint::Emsmdb, &request.cookies)?;
            let _turn = session.take_turn(&request.cookies)?;
            server.sessions.end(&session);
            let response = DisconnectResponse { error_code: ErrorCode::SUCCESS, aux: NO_AUX };
            let payload = encoded(&Response::Disconnect(OperationResponse::Complete(response)));
            Ok(Accepted { cookies: session.set_cookies(), outcome: Outcome::Complete(payload) })
        }
        Request::NotificationWait(_) => notification_wait(server, request),
    }
}

/// Opens a Session Context ([MS-OXCMAPIHTTP] 3.2.5.1). If the user may not connect, the response has the error and no
/// cookies.
fn connect(
    server: &Server,
    request: &HttpRequest<'_>,
    body: &ConnectRequest,
) -> Result<Accepted, ResponseCode> {
    let user_dn = String::from_utf8_lossy(&body.user_dn.0);
    let connected =
        MailboxSession::connect(&server.lab.backend, request.context, &user_dn, body.default_code_page);
    let (polls_max, retry_count, retry_delay) = POLLS;
    let response = |error_code, dn_prefix: &str, display_name: &str| {
        let response = ConnectResponse {
            error_code,
            polls_max,
            retry_count,
            retry_delay,
            dn_prefix: String8::from(dn_prefix),
            display_name: Utf16::from(display_name),
            aux: NO_AUX,
        };
        Outcome::Complete(encoded(&Response::Connect(OperationResponse::Complete(response))))
    };
    match connected {
        Ok(connected) => {
            let outcome = response(ErrorCode::SUCCESS, &connected.dn_prefix, &connected.display_name);
            let mailbox = Some(connected.session);
            let session = server.sessions.open(
                request.context,
                Endpoint::Emsmdb,
                &request.cookies,
                mailbox,
                server.limits.sessions_per_user,
            )?;
            Ok(Accepted { cookies: session.set_cookies(), outcome })
        }
        Err(error_code) => Ok(Accepted { cookies: Vec::new(), outcome: response(error_code, "", "") }),
    }
}

/// Executes ROPs in the pool. The turn of the request ends with them, even if the client closes its connection before.
fn execute_rops(
    server: &Server,
    request: &HttpRequest<'_>,
    body: ExecuteRequest,
) -> Result<Accepted, ResponseCode> {
    let session = server.sessions.find(request.context, Endpoint::Emsmdb, &request.cookies)?;
    let mailbox = Arc::clone(session.mailbox().ok_or(ResponseCode::InvalidContextCookie)?);
    let turn = session.take_turn(&request.cookies)?;
    let cookies = session.set_cookies();
    let out_max = usize::try_from(body.max_rop_out.min(MAX_ROP_OUT)).unwrap_or_default();
    let outcome = Outcome::of_job(server, request.context, move || {
        let result = mailbox.lock().execute_chain(&body.rop_buffer.0, body.flags, out_max);
        drop(turn);
        let (rop_buffer, error_code) = match result {
            Ok(rop_buffer) => (SizedBytes(rop_buffer.into()), ErrorCode::SUCCESS),
            Err(error_code) => (SizedBytes::default(), error_code),
        };
        let response = ExecuteResponse { error_code, flags: RpcFlags::NONE, rop_buffer, aux: NO_AUX };
        encoded(&Response::Execute(OperationResponse::Complete(response)))
    })?;
    Ok(Accepted { cookies, outcome })
}

/// Waits until there are notifications, the time is over, the Session Context ends or the server stops
/// ([MS-OXCMAPIHTTP] 3.2.5.5).
fn notification_wait(server: &Server, request: &HttpRequest<'_>) -> Result<Accepted, ResponseCode> {
    let session = server.sessions.find(request.context, Endpoint::Emsmdb, &request.cookies)?;
    let mailbox = session.mailbox().ok_or(ResponseCode::InvalidContextCookie)?;
    let (subscriber, wait) = (Arc::clone(&mailbox.subscriber), session.wait());
    let limit = server.limits.notification_wait;
    let mut stop = server.stop.clone();
    let work = async move {
        let event_pending = tokio::select! {
            biased;
            () = wait.session().ended() => return Err(ResponseCode::ContextNotFound),
            _ = subscriber.ready() => NotificationWaitResponse::PENDING,
            _ = stop.wait_for(|stop| *stop) => 0,
            () = sleep(limit) => 0,
        };
        let response =
            NotificationWaitResponse { error_code: ErrorCode::SUCCESS, event_pending, aux: NO_AUX };
        encoded(&Response::NotificationWait(OperationResponse::Complete(response)))
    };
    // The sequence cookie is left out: the response to a request that is in progress may have a newer one.
    let cookies = session.set_cookies().into_iter().take(1).collect();
    Ok(Accepted { cookies, outcome: Outcome::InProgress(Box::pin(work)) })
}
