//! What deploys: terraform, task definitions, scripts, workflows. Nothing here needs an AWS account;
//! where AWS is asked, a stand-in on `PATH` answers and writes down what it was asked.
//!
//! # How to add a test
//!
//! A rule about infrastructure is an assertion in `ops/terraform/tests`. A new path through a script
//! is a [`stub::Stub`] that answers as AWS would. Programs that may be missing are found with
//! [`tools::found`], which says so when a test is skipped.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod deploy;
mod images;
mod keys;
mod migrate;
mod moto;
#[path = "../../../api/tests/it/pages.rs"]
mod pages;
mod permissions;
mod render;
mod rollback;
mod stub;
mod terraform;
mod tools;
mod typed;
mod watching;
mod workflows;
