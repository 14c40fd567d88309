//! Operators on the command line: the first one is made there, and whoever forgot the password gets
//! another one. Who may start the portal's process may do both.

use std::{io::Read, process::ExitCode};

use application::{
    App, Caller, Code, Platform, Problem, Terms,
    operator::{CreateOperator, OperatorChanged, ResetPortalPassword},
};
use domain::{operator::OperatorRole, user::Password};

use crate::{
    cli,
    serve::{Surface, with_app},
    settings::Settings,
};

/// The most that is read of a password, in bytes.
const PASSWORD_BYTES_READ: u64 = 1024;
/// The exit code when the operator exists already.
const EXISTS: u8 = 3;

/// What is wanted of an operator. Passwords come from standard input.
pub(crate) enum Wish {
    /// `create --email E --fullname N --role R`
    Create { email: String, fullname: String, role: OperatorRole },
    /// `password --email E`
    Password { email: String },
}

impl Wish {
    /// From the words after `operator`; none where they are not of this.
    pub(crate) fn parse(words: &[&str]) -> Option<Result<Self, String>> {
        let (what, words) = words.split_first()?;
        let value = |name: &str| {
            let at = words.iter().position(|word| *word == name);
            let value = at.and_then(|at| words.get(at + 1)).map(|value| (*value).to_owned());
            value.ok_or_else(|| format!("{name} is missing"))
        };
        let create = || {
            let role = OperatorRole::named(&value("--role")?);
            let role = role.ok_or("--role must be SUPPORT, OPERATIONS or SUPER_ADMIN")?;
            Ok(Self::Create { email: value("--email")?, fullname: value("--fullname")?, role })
        };
        match *what {
            "create" => Some(create()),
            "password" => Some(value("--email").map(|email| Self::Password { email })),
            _ => None,
        }
    }
}

/// Does it.
pub(crate) fn operator(surface: &Surface, settings: Settings, wish: Wish) -> ExitCode {
    let mut exists = false;
    let code = cli::run(async {
        let done = with_app(surface, settings, async |app, _| carry_out(app, wish).await).await;
        match done.map_err(|error| error.to_string())? {
            Ok(()) => Ok(()),
            Err(problem) => {
                exists = problem.code == Code::AlreadyExists;
                if let Some(cause) = &problem.cause {
                    tracing::error!(%cause, "it cannot be done");
                }
                Err(problem.message)
            }
        }
    });
    if exists { ExitCode::from(EXISTS) } else { code }
}

async fn carry_out(app: &App, wish: Wish) -> Result<(), Problem> {
    let password = password()?;
    match wish {
        Wish::Create { email, fullname, role } => {
            let (fullname, email) = (fullname.try_into()?, email.try_into()?);
            let create = CreateOperator { fullname, email, password, role };
            let caller = Caller::system(Platform::Portal, "operator-create");
            let OperatorChanged { operator, .. } = app.send(&caller, create, Terms::default()).await?;
            tracing::info!(operator.id = %operator.id, "operator created");
        }
        Wish::Password { email } => {
            let reset = ResetPortalPassword { email: email.try_into()?, password };
            let caller = Caller::system(Platform::Portal, "operator-password");
            let OperatorChanged { operator, .. } = app.send(&caller, reset, Terms::default()).await?;
            tracing::info!(operator.id = %operator.id, "password set; all sessions of the operator end");
        }
    }
    Ok(())
}

/// The password on standard input, up to its line break.
fn password() -> Result<Password, Problem> {
    let mut password = String::new();
    std::io::stdin().take(PASSWORD_BYTES_READ).read_to_string(&mut password).map_err(|error| {
        let message = format!("the password cannot be read from standard input: {error}");
        Problem::new(Code::ValidationFailed, message)
    })?;
    Ok(password.trim_end_matches(['\r', '\n']).to_owned().try_into()?)
}
