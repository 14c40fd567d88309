//! All kinds of jobs. This list *is* what a worker can do.

use std::sync::Arc;

use application::jobs::{
    ForgetDeadJobs, ForgetReceipts, ForgetSentMails, ForgetTokens, Jobs, SCHEDULES, SendEmailVerification,
    SendNotification, SendPasswordReset,
};
use deadpool_postgres::Pool;

use super::{Bell, JobPace, JobRunner};

/// A runner of all our jobs. Where mail is off, mails are left to other workers.
pub fn our_kinds(jobs: Jobs, pool: Pool, bell: Arc<Bell>, pace: JobPace) -> JobRunner<Jobs> {
    let mails = jobs.mailer.is_some();
    let runner = JobRunner::new(jobs, pool, bell, pace)
        .kind::<ForgetReceipts>()
        .kind::<ForgetSentMails>()
        .kind::<ForgetDeadJobs>()
        .kind::<ForgetTokens>()
        .schedules(SCHEDULES);
    if !mails {
        return runner;
    }
    runner.kind::<SendEmailVerification>().kind::<SendPasswordReset>().kind::<SendNotification>()
}
