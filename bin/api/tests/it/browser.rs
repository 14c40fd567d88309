//! A real browser without a window: Chromium, led through its own driver.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use fantoccini::{Client, ClientBuilder, Locator, wd::WebDriverCompatibleCommand};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};

use crate::{environment::told, process::Process, reaper, service::free_port, wait::until};

/// A browser with a profile of its own, and the driver that leads it.
pub(crate) struct Browser {
    pub(crate) client: Client,
    _driver: Process,
}

/// A command of Chromium's own developer tools.
#[derive(Debug)]
struct Tool {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Tool {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

impl Browser {
    /// Starts one.
    pub(crate) async fn start() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let port = free_port();
        let mut command = Command::new(told("TEST_CHROMEDRIVER"));
        command.arg(format!("--port={port}")).stdin(Stdio::null());
        let driver = Process::start(command);
        driver.says("was started successfully").await;
        let profile = reaper::folder().join(format!("profile-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let arguments = [
            "--headless=new",
            // Containers seldom allow its sandbox; the pages are our own.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--lang=en",
        ];
        let mut arguments: Vec<String> = arguments.map(str::to_owned).into();
        arguments.push(format!("--user-data-dir={}", profile.display()));
        let mut wanted = Map::new();
        wanted.insert(
            "goog:chromeOptions".to_owned(),
            json!({ "binary": told("TEST_CHROMIUM"), "args": arguments }),
        );
        wanted.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("a browser");
        let browser = Self { client, _driver: driver };
        browser.look(1440, 900, "light").await;
        browser
    }

    /// Looks through a window of this size, in this colour scheme.
    pub(crate) async fn look(&self, width: u32, height: u32, scheme: &str) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.tell("Emulation.setDeviceMetricsOverride", size).await;
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.tell("Emulation.setEmulatedMedia", media).await;
    }

    async fn tell(&self, command: &str, parameters: Value) {
        let body = json!({ "cmd": command, "params": parameters });
        self.client.issue_cmd(Tool { path: "goog/cdp/execute", body }).await.expect(command);
    }

    /// What the pages complained about since the last time: blocked scripts, errors.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.client.issue_cmd(Tool { path: "se/log", body: json!({"type": "browser"}) }).await;
        let log = log.expect("the log");
        let entries = log.as_array().cloned().unwrap_or_default();
        let grave = entries.into_iter().filter(|entry| entry["level"] == "SEVERE");
        grave.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Waits for an element.
    pub(crate) async fn find(&self, css: &str) -> fantoccini::elements::Element {
        let found = self.client.wait().for_element(Locator::Css(css)).await;
        found.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    /// Fills in a field.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.expect("a field");
        field.send_keys(text).await.expect("a field");
    }

    /// Clicks.
    pub(crate) async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Waits until an element shows a text.
    pub(crate) async fn shows(&self, css: &str, text: &str) {
        until(&format!("{css} shows {text:?}"), async || {
            let Ok(element) = self.client.find(Locator::Css(css)).await else { return false };
            element.text().await.is_ok_and(|seen| seen.contains(text))
        })
        .await;
    }

    /// What a script says.
    pub(crate) async fn script(&self, text: &str) -> Value {
        self.client.execute(text, Vec::new()).await.unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// Keeps a picture of the page where the documents are, when they are to be drawn anew.
    pub(crate) async fn picture(&self, name: &str) {
        let picture = self.client.screenshot().await.expect("a picture");
        assert!(picture.starts_with(b"\x89PNG"), "a picture");
        #[expect(clippy::disallowed_methods, reason = "set by whoever draws the documents' pictures anew")]
        if let Ok(folder) = std::env::var("CONSOLE_PICTURES") {
            let path = PathBuf::from(folder).join(format!("{name}.png"));
            std::fs::write(&path, picture).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}
