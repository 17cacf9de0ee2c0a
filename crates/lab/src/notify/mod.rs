//! Notifications of changes to the sessions that subscribed to them ([MS-OXCNOTIF] 3.1).
//!
//! A change of the store is matched with the subscriptions within its transaction ([`hub`]), and put into the queues
//! of the sessions once it is on disk ([`subscriber`]), before any other change begins. The session's next request
//! takes what is in its queue.
//!
//! Architectural invariant: a session is notified of an object only if its user may see the object, both when the
//! change is made and when the notification is sent ([`visible`]).

pub(crate) mod hub;
pub(crate) mod subscriber;
pub(crate) mod subscription;
pub(crate) mod visible;
