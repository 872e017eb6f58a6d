//! The journal format: round trips, damage of every kind, failing disks, killed writers.

mod common;
mod cuts;
mod damage;
mod faults;
mod flips;
mod kill;
mod recovery;
mod round_trip;
mod seek;
