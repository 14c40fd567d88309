//! Who asks, as an operation gets to know it; for the document, the two ways of showing it.

use std::{net::IpAddr, sync::Arc};

use adapter_web::{Edge, Reading, RequestId, caller_of};
use application::{
    Answer, Answered, App, Caller, Command, Committed, Failure, Handle, Member, Never, Outcome, Query, Terms,
    ports::{Cursor, Visibility},
};
use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};

use crate::Problem;

/// Who asks, in what request, and everything that may be asked.
#[derive(Clone)]
pub(crate) struct Asker {
    pub(crate) app: App,
    pub(crate) edge: Arc<Edge>,
    pub(crate) caller: Caller,
    /// The position that answers must be at least as new as.
    pub(crate) after: Option<Cursor>,
    pub(crate) id: RequestId,
    /// The value of the header `Authorization`.
    pub(crate) shown: Arc<str>,
    pub(crate) client: Option<IpAddr>,
    /// To be held while the body is read.
    pub(crate) reading: Option<Reading>,
}

impl Asker {
    /// Whose work it is.
    pub(crate) fn member(&self) -> Result<Member, Problem> {
        self.caller.signed_in::<Never>().map_err(refused)
    }

    /// Asks a query.
    pub(crate) async fn ask<Q: Query>(&self, query: Q) -> Result<Q::Answer, Problem>
    where
        App: Answer<Q>,
    {
        let answered: Answered<Q> = self.app.ask(&self.caller, query, self.after).await;
        answered.map_err(|failure| application::Problem::from(failure).into())
    }

    /// Sends a command.
    pub(crate) async fn send<C: Command>(&self, command: C, terms: Terms) -> Outcome<C>
    where
        App: Handle<C>,
    {
        self.app.send(&self.caller, command, terms).await
    }

    /// The same with the rights of this moment, for answers that take long.
    pub(crate) async fn again(&self) -> Result<Self, Problem> {
        let shown = Some(&*self.shown);
        let caller = caller_of(&self.edge, shown, self.client, self.id.as_str())
            .await
            .map_err(|refused| Problem::from(application::Problem::from(refused)).in_request(&self.id))?;
        Ok(Self { caller, ..self.clone() })
    }

    /// A position as clients see it.
    pub(crate) fn position(&self, cursor: Cursor) -> String {
        self.edge.codec.position(&cursor)
    }
}

/// What the header `X-Consistency` says of a change that lists do not show yet.
pub(crate) fn consistency<A>(done: &Committed<A>) -> Option<String> {
    match done.visibility {
        Visibility::Shown => None,
        Visibility::Late => Some("LATE".to_owned()),
        Visibility::Held => Some("HELD".to_owned()),
    }
}

/// The problem of a command that was refused or failed.
pub(crate) fn refused<R: application::Refusal>(failure: Failure<R>) -> Problem {
    application::Problem::from(failure).into()
}

impl<'a> ApiExtractor<'a> for Asker {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        let scheme = |ty, description| MetaSecurityScheme {
            ty,
            description: Some(description),
            name: None,
            key_in: None,
            scheme: None,
            bearer_format: None,
            flows: None,
            openid_connect_url: None,
        };
        registry.create_security_scheme(
            KEY,
            MetaSecurityScheme {
                name: Some("Authorization"),
                key_in: Some("header"),
                ..scheme("apiKey", "`ApiKey etk_…`: a key that a person made with `createApiKey`.")
            },
        );
        registry.create_security_scheme(
            TOKEN,
            MetaSecurityScheme {
                scheme: Some("bearer"),
                bearer_format: Some("JWT"),
                ..scheme("http", "The access token of a session.")
            },
        );
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![KEY, TOKEN]
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let asker = request.extensions().get::<Self>().cloned();
        // Only the gate makes one: an operation in front of it has no business here.
        asker.ok_or_else(|| refused(Failure::<Never>::Unauthenticated).into())
    }
}

const KEY: &str = "apiKey";
const TOKEN: &str = "bearer";
