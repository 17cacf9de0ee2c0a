//! Tests of structures that the protocols share.

mod entry_id;
mod id;
mod recipient;
mod rule;
mod small;

use super::*;
use crate::property::tests::{arbitrary, hex, whole, written};
