//! Streams of folders and messages, and the state of synchronizations ([MS-OXCFXICS]).
//!
//! A download is a list of steps. A step is bytes of the stream, or names something in the store that is read and
//! replaced by further steps when the bytes before it are sent. So a download of a folder holds the ids of its
//! messages and the content of one message; large values are read from the store in parts.

pub(crate) mod collector;
pub(crate) mod content;
pub(crate) mod contents;
pub(crate) mod copied;
pub(crate) mod download;
pub(crate) mod element;
pub(crate) mod hierarchy;
pub(crate) mod incoming;
pub(crate) mod received;
pub(crate) mod state;
pub(crate) mod step;
