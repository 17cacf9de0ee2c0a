//! Tests of the structures that many protocols share.

mod entry_id;
mod id;
mod recipient;
mod rule;
mod small;

use super::*;
use crate::property::tests::{arbitrary, hex, whole, written};
