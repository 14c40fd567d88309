//! Migrates the schema, then exits: a task before each deploy.

fn main() -> std::process::ExitCode {
    runtime::migrator()
}
