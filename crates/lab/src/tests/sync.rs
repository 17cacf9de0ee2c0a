//! Tests of synchronization and of streams of objects ([MS-OXCFXICS]).

mod buffers;
mod client;
mod contents;
mod hierarchy;
mod rights;
mod state;
mod upload;
mod uploader;
