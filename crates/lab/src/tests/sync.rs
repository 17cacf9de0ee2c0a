//! Tests of synchronization and of streams of objects ([MS-OXCFXICS]).

mod buffers;
mod client;
mod contents;
mod copies;
mod hierarchy;
mod model;
mod rights;
mod state;
mod upload;
mod uploader;
