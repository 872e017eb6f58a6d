//! The exchange over real sockets, met by a client of its own: every wait is bounded.

mod books;
mod client;
mod connections;
mod follower;
mod messages;
mod rest;
mod speed;
mod streams;
