//! `token`: what it costs to learn who shows an access token.
//!
//! The floor is the bare check of one RSA signature of 4,096 bits. Time is that of this thread on a
//! processor, so that other work on the machine does not count.

use std::{fs, hint::black_box};

use adapter_jwt::{RsaTokens, Surface};
use anyhow::{Context, Result, ensure};
use application::{
    Platform,
    ports::{AccessTokens, Clock, Entropy, TokenSession, TokenSubject},
};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{SessionId, TenantId, UserId, role::SystemRole};
use runtime::{SystemClock, SystemEntropy};

use crate::{
    report::{Report, Target},
    rounds::{ROUNDS, Rounds, figure},
    servers::Servers,
};

/// Different tokens, each of which is seen for the first time once a round.
const TOKENS: usize = 200;
/// How often the same token is shown again.
const REPEATS: usize = 20_000;
const LIFETIME_MINUTES: i64 = 15;

pub(crate) fn run(servers: &Servers, report: &mut Report) -> Result<()> {
    let (private, public) = (servers.key("private")?, servers.key("public")?);
    let tokens = || {
        RsaTokens::new(Surface {
            platform: Platform::User,
            private_pem: &private,
            public_pem: &public,
            previous_pems: "",
        })
    };
    let now = SystemClock.now();
    let until = now + chrono::Duration::minutes(LIFETIME_MINUTES);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let issuer = tokens()?;
    let issued: Vec<String> = (0..TOKENS)
        .map(|_| {
            let id = || SystemEntropy.id();
            let subject = TokenSubject::User {
                user: UserId(id()),
                tenant: TenantId(id()),
                roles: vec![SystemRole::Owner.into()],
            };
            let session = TokenSession { id: SessionId(id()), confirmed_at: now };
            runtime.block_on(issuer.issue(&subject, session, id(), now, until))
        })
        .collect::<Result<_, _>>()?;
    let bare = Bare::new(&private)?;
    let (mut first, mut again) = (Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        let floor = each(TOKENS, |_| bare.check())?;
        // A verifier that has seen nothing yet.
        let verifier = tokens()?;
        let seen_first = each(TOKENS, |n| verifier.verify(&issued[n], now).is_ok())?;
        first.push(seen_first, floor);
        again.push(each(REPEATS, |n| verifier.verify(&issued[n % TOKENS], now).is_ok())?, floor);
    }
    report.rounds("token", "CPU-us", &first, Target::AtMost(60.0));
    report.rounds("token.again", "CPU-us", &again, Target::AtMost(5.0));
    Ok(())
}

/// Microseconds of processor time of one of `count` calls, all of which must be good.
fn each(count: usize, mut good: impl FnMut(usize) -> bool) -> Result<f64> {
    let started = on_processor()?;
    let all = (0..count).all(|n| black_box(good(n)));
    let spent = on_processor()? - started;
    ensure!(all, "a good token was refused");
    Ok(spent / figure(count))
}

/// Microseconds that this thread has spent on a processor.
fn on_processor() -> Result<f64> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").context("the kernel counts no time")?;
    let nanoseconds = stat.split_whitespace().next().and_then(|text| text.parse::<f64>().ok());
    Ok(nanoseconds.context("schedstat holds no number")? / 1e3)
}

/// A signature and the key that checks it, without a token around them.
struct Bare {
    key: UnparsedPublicKey<Vec<u8>>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Bare {
    fn new(private_pem: &str) -> Result<Self> {
        let body: String = private_pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(body)?).ok().context("the key is not PKCS#8")?;
        // About as long as a token's header and claims.
        let message = vec![b'm'; 500];
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut signature)
            .ok()
            .context("the key does not sign")?;
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref().to_vec());
        Ok(Self { key, message, signature })
    }

    fn check(&self) -> bool {
        self.key.verify(&self.message, &self.signature).is_ok()
    }
}
