//! The deploy role may do exactly what the scripts do: one more is a risk, one less a failed night.

use std::collections::BTreeSet;

use crate::tools::text;

const SCRIPTS: [&str; 7] = ["lib", "render", "build", "migrate", "watch", "deploy", "rollback"];

/// What `docker push` and the builder do on their own.
const PUSH: [&str; 6] = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:CompleteLayerUpload",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
];

/// `aws ecs run-task` → `ecs:RunTask`; `ask` is the scripts' own word for `aws`.
fn called(script: &str) -> BTreeSet<String> {
    let services = ["ecs", "ecr", "logs", "secretsmanager", "iam", "sts", "s3"];
    let mut called = BTreeSet::new();
    for line in script.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let words: Vec<&str> = line.split(|it: char| it.is_whitespace() || "(`".contains(it)).collect();
        for three in words.windows(3) {
            let [program, service, operation] = three else { continue };
            if !["aws", "ask"].contains(program) || !services.contains(service) {
                continue;
            }
            let words =
                operation.split('-').map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..]));
            called.insert(format!("{service}:{}", words.collect::<String>()));
        }
    }
    called
}

/// The actions in the policy, which stand there in quotes.
fn allowed() -> BTreeSet<String> {
    let policy = text("ops/terraform/modules/delivery/policy.tf");
    let quoted = policy.split('"').skip(1).step_by(2);
    let is_action = |it: &&str| {
        it.split_once(':').is_some_and(|(service, action)| {
            let is_condition = action == "PassedToService";
            ["ecr", "ecs", "logs", "iam"].contains(&service)
                && action.starts_with(char::is_uppercase)
                && !is_condition
        })
    };
    quoted.filter(is_action).map(str::to_owned).collect()
}

#[test]
fn the_deploy_role_may_do_what_the_scripts_do_and_nothing_else() {
    let mut needed: BTreeSet<String> =
        SCRIPTS.iter().flat_map(|name| called(&text(&format!("ops/scripts/{name}.sh")))).collect();
    // The command line's `get-login-password` asks for a token.
    assert!(needed.remove("ecr:GetLoginPassword"), "{needed:?}");
    needed.insert("ecr:GetAuthorizationToken".to_owned());
    needed.extend(PUSH.map(str::to_owned));
    // Registering and running a task passes it its two roles.
    needed.insert("iam:PassRole".to_owned());
    assert_eq!(allowed(), needed);
}
