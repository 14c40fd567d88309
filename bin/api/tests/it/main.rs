//! The whole system from outside: real processes, a real database, a real Redis.
//!
//! # How to add a test
//!
//! Take the [`system::shared`] system and a new [`person::Person`] in it, who has a tenant alone.
//! Start processes of your own only to kill them or to give them other settings.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod browser;
mod client;
mod cluster;
mod console;
mod database;
mod device;
mod documents;
mod environment;
mod filter_pattern;
mod pages;
mod person;
mod process;
mod proxy;
mod reaper;
mod redis;
mod secure;
mod service;
mod socket;
mod stream;
mod system;
mod tokens;
mod wait;

mod accounts;
mod api_keys;
mod audit;
mod confirmation;
mod coverage;
mod data_key;
mod definitions;
mod edge;
mod encryption;
mod erasure;
mod filters;
mod hostile;
mod jobs;
mod limits;
mod lists;
mod live;
mod logs;
mod lost_factors;
mod metrics;
mod migrator;
mod numbers;
mod operator_password;
mod operators;
mod outages;
mod people;
mod portal;
mod portal_jobs;
mod portal_people;
mod preflight;
mod profile;
mod projections;
mod proofs;
mod recovery;
mod referrals;
mod replay;
mod rest;
mod rest_bulk;
mod rest_keys;
mod restore;
mod restored;
mod rights;
mod roles;
mod runbooks;
mod sessions;
mod sockets;
mod standing;
mod start;
mod statements;
mod stop;
mod strange_places;
mod tags;
mod terms;
mod time_travel;
mod todos;
mod traces;
mod two_factor;
mod upgrade;
mod visibility;
mod workers;
